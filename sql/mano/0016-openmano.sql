-- What OpenMANO's clients speak of. Bodies are JSON of the nouns in src/model/openmano.ts.
create table openmano_tenant (
  uuid text primary key,
  name text not null unique,
  body text not null
) strict;

create table openmano_datacenter (
  uuid text primary key,
  name text not null,
  body text not null
) strict;

-- Its uuid is that of a vim_account.
create table openmano_attachment (
  uuid text primary key,
  tenant_id text not null references openmano_tenant (uuid),
  datacenter_id text not null references openmano_datacenter (uuid),
  body text not null,
  unique (tenant_id, datacenter_id)
) strict;

create table openmano_netmap (
  uuid text primary key,
  datacenter_id text not null references openmano_datacenter (uuid) on delete cascade,
  name text not null,
  body text not null,
  unique (datacenter_id, name)
) strict;

create table openmano_vnf (
  uuid text primary key,
  tenant_id text not null references openmano_tenant (uuid),
  name text not null,
  body text not null
) strict;

create table openmano_scenario (
  uuid text primary key,
  tenant_id text not null references openmano_tenant (uuid),
  name text not null,
  body text not null
) strict;

-- No reference to its scenario: that may go before it.
create table openmano_instance (
  uuid text primary key,
  tenant_id text not null references openmano_tenant (uuid),
  attachment_id text not null references openmano_attachment (uuid),
  name text not null,
  body text not null
) strict;

-- Which VNFs are used by what: they stay as long as that does.
create table openmano_vnf_use (
  vnf_id text not null references openmano_vnf (uuid),
  scenario_id text references openmano_scenario (uuid) on delete cascade,
  instance_id text references openmano_instance (uuid) on delete cascade
) strict;
create index openmano_vnf_use_by_vnf on openmano_vnf_use (vnf_id);

-- Kept when their instance is gone: records of what happened.
create table openmano_action (
  uuid text primary key,
  tenant_id text not null,
  instance_id text not null,
  body text not null
) strict;
create index openmano_action_by_instance on openmano_action (instance_id);

create table openmano_sdn_controller (
  uuid text primary key,
  tenant_id text not null references openmano_tenant (uuid) on delete cascade,
  name text not null,
  body text not null
) strict;
