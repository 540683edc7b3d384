-- How a host is reached that was opened at run time, whether libvirt is asked what it has, and which of its threads are for guests alone.
alter table hosts add column libvirt_uri text;
alter table hosts add column discovers integer not null default 0 check (discovers in (0, 1));
alter table hosts add column guest_threads text;
