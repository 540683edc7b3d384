-- The VIM's rows. Times are ISO 8601 in UTC; booleans are 0 and 1; columns named *_json hold JSON.
create table meta (key text primary key, value integer not null) strict;

create table tenants (
  id text primary key,
  name text not null unique,
  description text,
  enabled integer not null
) strict;

create table hosts (
  id text primary key,
  name text not null unique,
  ip_name text not null unique,
  description text,
  user text not null,
  ranking integer,
  features text,
  hypervisors text not null,
  admin_up integer not null,
  status text not null check (status in ('ok', 'error', 'notused')),
  is_local integer not null,
  memory_mib integer not null,
  cpus integer not null,
  numas_json text not null,
  created_at text not null
) strict;

create table images (
  id text primary key,
  name text not null,
  path text not null unique,
  description text,
  checksum text,
  is_public integer not null,
  status text not null check (status in ('ACTIVE', 'DOWN', 'BUILD', 'ERROR')),
  progress integer not null,
  metadata_json text,
  tenants_json text not null,
  created_at text not null,
  updated_at text
) strict;

create table flavors (
  id text primary key,
  name text not null,
  description text,
  memory_mib integer not null,
  vcpus integer not null,
  disk_gib integer,
  extended_json text,
  is_public integer not null,
  tenants_json text not null
) strict;

create table nets (
  id text primary key,
  name text not null,
  kind text not null check (kind in ('ptp', 'data', 'bridge_data', 'bridge_man')),
  tenant_id text references tenants (id),
  shared integer not null,
  admin_up integer not null,
  status text not null check (status in ('ACTIVE', 'DOWN', 'BUILD', 'ERROR')),
  last_error text,
  vlan integer,
  provider text unique,
  -- Not a foreign key: the bind is on the wire before it is here, and a net that is bound to cannot be deleted anyway.
  bind_net text,
  bind_vlan integer,
  region text,
  cidr text,
  enable_dhcp integer not null,
  dhcp_first_ip text,
  dhcp_last_ip text,
  gateway_ip text,
  dns_json text,
  links_json text,
  routes_json text,
  created_at text not null,
  unique (region, vlan)
) strict;

create table servers (
  id text primary key,
  name text not null,
  description text,
  tenant_id text not null references tenants (id),
  flavor_id text not null references flavors (id),
  image_id text not null references images (id),
  host_id text not null references hosts (id),
  status text not null check (status in ('CREATING', 'ACTIVE', 'PAUSED', 'INACTIVE', 'ERROR', 'DELETING')),
  last_error text,
  progress integer not null,
  memory_mib integer not null,
  vcpus integer not null,
  kernel_cmdline text,
  task text,
  task_no integer not null,
  created_at text not null
) strict;

create table ports (
  id text primary key,
  name text not null,
  kind text not null check (kind in ('external', 'instance:data', 'instance:bridge')),
  tenant_id text references tenants (id),
  net_id text references nets (id),
  server_id text references servers (id) on delete cascade,
  mac text unique,
  ip text,
  switch_port text,
  vlan integer,
  bandwidth_mbps integer,
  admin_up integer not null,
  status text not null check (status in ('ACTIVE', 'DOWN', 'BUILD', 'ERROR')),
  vpci text,
  model text
) strict;
create index ports_of_net on ports (net_id);
create index ports_of_server on ports (server_id);

-- A server that was deleted for its owner and is not yet gone from its host.
create table leftovers (
  server_id text primary key,
  host_id text not null,
  taps_json text not null
) strict;

create table events (
  seq integer primary key,
  body_json text not null
) strict;
