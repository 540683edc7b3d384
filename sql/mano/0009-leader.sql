-- `epoch`: of the last daemon that took the lead over this store (src/store/lead.ts).
create table meta (key text primary key, value integer not null) strict;
