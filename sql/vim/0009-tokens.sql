-- Bearer tokens, by the SHA-256 of their secret part. `tenant_id` null: of an administrator.
create table tokens (
  id text primary key,
  name text not null,
  role text not null check (role in ('viewer', 'operator', 'admin')),
  tenant_id text references tenants (id) on delete cascade,
  hash text not null,
  created_at text not null,
  expires_at text,
  revoked_at text,
  check (role = 'admin' or tenant_id is not null)
) strict;
