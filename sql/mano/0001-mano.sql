-- The MANO's store. Times are ISO 8601 of the wall clock, for people. Bodies are JSON of the nouns in src/model.
create table vim_account (
  id text primary key,
  name text not null unique,
  url text not null,
  admin_url text not null,
  tenant text not null,
  -- The last event of this VIM that was taken in; null: none yet.
  cursor integer,
  created_at text not null
) strict;

-- Immutable: a changed descriptor is a new version.
create table descriptor (
  id text primary key,
  kind text not null check (kind in ('vnfd', 'nsd')),
  -- Its id in the file.
  ref text not null,
  version text not null,
  name text not null,
  -- Of an NSD: the VNFD it is made of.
  vnfd_id text references descriptor (id),
  body text not null,
  created_at text not null,
  unique (kind, ref, version)
) strict;

create table ns (
  id text primary key,
  name text not null unique,
  nsd_id text not null references descriptor (id),
  vim_account_id text not null references vim_account (id),
  state text not null check (state in ('NOT_INSTANTIATED', 'INSTANTIATING', 'INSTANTIATED', 'TERMINATING', 'FAILED')),
  detail text,
  created_at text not null,
  modified_at text not null
) strict;

-- The dissertation's instance_vms (Tabela 3): high_availability, replicated and service_interface are its additions.
create table vnfc (
  id text primary key,
  ns_id text not null references ns (id) on delete cascade,
  name text not null,
  vdu text not null,
  server_name text not null,
  vim_server_id text not null unique,
  high_availability text check (high_availability in ('ACTIVE_ACTIVE', 'ACTIVE_PASSIVE')),
  replicated text,
  service_interface text,
  status text not null,
  previous_status text,
  error_msg text,
  created_at text not null,
  modified_at text not null,
  unique (ns_id, name)
) strict;

create table protection_group (
  id text primary key,
  ns_id text not null references ns (id) on delete cascade,
  body text not null
) strict;

-- Kept when their NS is gone: records of what happened.
create table failover (
  id text primary key,
  group_id text not null,
  state text not null check (state in ('open', 'closed', 'stuck')),
  opened_at text not null,
  body text not null
) strict;
create index failover_by_group on failover (group_id, opened_at);

create table alarm (
  id text primary key,
  managed_object_id text not null,
  probable_cause text not null,
  raised_at text not null,
  cleared_at text,
  body text not null
) strict;
-- One alarm per cause.
create unique index alarm_active on alarm (managed_object_id, probable_cause) where cleared_at is null;

create table journal (
  seq integer primary key,
  body text not null
) strict;
