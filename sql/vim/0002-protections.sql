-- What the MANO has armed here, and ports that are closed in the switch because their member failed.
alter table ports add column fenced integer not null default 0;

-- No foreign keys: a server or net that a protection names may go, and its plan then says that it cannot fire.
create table protections (
  id text primary key,
  name text not null,
  revision integer not null,
  hold_off_ms integer not null,
  members_json text not null,
  plans_json text not null,
  probe_json text,
  fired_json text not null
) strict;
