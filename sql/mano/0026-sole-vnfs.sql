-- A VNF without a network service that anybody knows: its life cycle is that of an NS of its own, which SOL005 does not show.
alter table ns add column sole_vnf text;
alter table occurrence add column is_of_sole_vnf integer not null default 0;

-- NSD and VNFD of one NS alone, as JSON, in place of those of the catalogue.
create table own_descriptors (
  ns_id text primary key references ns (id) on delete cascade,
  nsd text not null,
  vnfd text not null
) strict;
