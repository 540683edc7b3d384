-- Bearer tokens, by the SHA-256 of their secret part. The MANO has no tenants yet: `tenant_id` is null.
create table tokens (
  id text primary key,
  name text not null,
  role text not null check (role in ('viewer', 'operator', 'admin')),
  tenant_id text,
  hash text not null,
  created_at text not null,
  expires_at text,
  revoked_at text
) strict;

-- Where the files are that a VIM lets the MANO in by (token, certificates), as JSON; null: it asks for nothing.
alter table vim_account add column access_json text;
