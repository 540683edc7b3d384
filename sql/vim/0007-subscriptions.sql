-- Who is told of events by a request to its callback, and how far it has come. `sealed`: what it takes to convince it that it is us.
create table subscriptions (
  id text primary key,
  tenant_id text references tenants (id) on delete cascade,
  callback text not null,
  filter_json text not null,
  sealed text,
  cursor integer not null,
  created_at text not null
) strict;
