-- Who is told of what happens by requests to a callback, and how far it has come. `filter_json`: of which interface, with which filter. `sealed`: what
-- convinces the subscriber that it is us, unreadable without the key beside the store.
create table subscriptions (
  id text primary key,
  tenant_id text,
  callback text not null,
  filter_json text not null,
  sealed text,
  cursor integer not null,
  created_at text not null
) strict;
