-- Controllers of others, and the one switch that is led through each. `sealed`: the password.
create table ofcs (
  id text primary key,
  name text not null,
  dpid text not null,
  ip text not null,
  port integer not null,
  type text not null,
  version text,
  user text,
  sealed text,
  created_at text not null
) strict;
-- Which switch port a card of a compute node is cabled to. What is cabled stays so when a controller goes.
create table of_port_mappings (
  id text primary key,
  ofc_id text references ofcs (id) on delete set null,
  region text not null,
  compute_node text not null,
  pci text not null,
  switch_dpid text not null,
  switch_port text,
  switch_mac text
) strict;
create unique index of_port_mappings_node on of_port_mappings (region, compute_node, pci);
