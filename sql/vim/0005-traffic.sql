-- Whether port counters speak against a member: the protection's traffic policy; null: they do not.
alter table protections add column traffic_json text;
