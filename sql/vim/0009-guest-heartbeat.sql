-- How the agents inside the members' guests are asked: the protection's heartbeat policy; null: they are not.
alter table protections add column guest_heartbeat_json text;
