-- How the agents inside the members' guests are asked: the protection's heartbeat policy; null: they are not.
alter table protections add column guest_heartbeat_json text;
-- Protections of before this asked for no TCP connections.
update protections set probe_json = json_set(probe_json, '$.tcpPort', null) where probe_json is not null;
