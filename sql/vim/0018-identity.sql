-- What this VIM calls itself, for whoever has several ways to it (decision 0080). It stays as long as this store.
create table identity (id text primary key) strict;
insert into identity (id) values (lower(hex(randomblob(16))));
