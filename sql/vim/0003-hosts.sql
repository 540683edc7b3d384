-- Several compute hosts: where they stand, who keeps away from whom, and what a server leaves behind on each host it was on.
alter table hosts add column availability_zone text;
alter table servers add column availability_zone text;
alter table servers add column anti_affinity_json text;

create table leftovers_by_host (
  server_id text not null,
  host_id text not null,
  taps_json text not null,
  primary key (server_id, host_id)
) strict;
insert into leftovers_by_host select server_id, host_id, taps_json from leftovers;
drop table leftovers;
alter table leftovers_by_host rename to leftovers;
