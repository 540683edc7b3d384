-- Which tenant made what: network services, packages and descriptors. What is not here is nobody's in particular: who is of no tenant made it, or it is older
-- than this table. Rows stay when what they are about is gone, since records of it stay too.
create table owner (
  id text primary key,
  tenant_id text not null
) strict;
