-- What several members failed of together; the body names the members and their failover records.
create table incident (
  id text primary key,
  state text not null,
  opened_at text not null,
  body text not null
) strict;
create index incident_by_time on incident (opened_at);
