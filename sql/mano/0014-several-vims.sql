-- VNFCs of one NS in several VIMs. JSON: VNFC name → VIM account, of those that are not in the NS's own.
alter table ns add column vim_accounts text not null default '{}';
-- Null: that of its NS.
alter table vnfc add column vim_account_id text references vim_account (id);

-- VLANs of links between VIMs that are in use, with what is made for them at both ends. `link`: its two ends, as one text.
create table stitch (
  id text primary key,
  ns_id text not null references ns (id) on delete cascade,
  link text not null,
  vlan integer not null,
  body text not null,
  unique (link, vlan)
) strict;
