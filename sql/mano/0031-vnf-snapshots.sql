-- Snapshots of VNFs, and the resources that they are put into (SOL003 5.4.23): as JSON. One that is going is shown to nobody; its images are still to be deleted.
create table vnf_snapshot (
  id text primary key,
  created_at text not null,
  is_going integer not null default 0,
  body text not null
) strict;

-- The snapshot that a VNFC was reverted to, and its image, as JSON. Null: it is made from its VNFD's image.
alter table vnfc add column made_from text;
