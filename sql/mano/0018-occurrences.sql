-- What somebody wrote of an NS when it was created.
alter table ns add column description text not null default '';

-- VNFs of network services as things of their own (SOL003 VnfInstance): which VNFCs are of it stands in the body.
create table vnf_instance (
  id text primary key,
  ns_id text not null references ns (id) on delete cascade,
  -- Its place among those of its NS.
  seq integer not null,
  body text not null
) strict;
create index vnf_instance_by_ns on vnf_instance (ns_id);

-- Life cycle operations of an NS and of its VNFs, one row for both. Kept when their NS is gone: records of what happened.
create table occurrence (
  id text primary key,
  ns_id text not null,
  state text not null,
  started_at text not null,
  body text not null
) strict;
create index occurrence_by_ns on occurrence (ns_id, started_at);
create index occurrence_by_time on occurrence (started_at);
-- One at a time on an NS. What the MANO does by itself stands in nobody's way.
create unique index occurrence_running on occurrence (ns_id)
  where state in ('STARTING', 'PROCESSING', 'ROLLING_BACK', 'FAILED_TEMP') and json_extract(body, '$.isAutomatic') = 0;

-- An operation as its VNFs see it, under the ids that it has there.
create table vnf_occurrence (
  id text primary key,
  vnf_id text not null,
  occurrence_id text not null references occurrence (id) on delete cascade
) strict;
create index vnf_occurrence_by_vnf on vnf_occurrence (vnf_id);
create index vnf_occurrence_by_occurrence on vnf_occurrence (occurrence_id);
