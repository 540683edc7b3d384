-- Whether the taps of a server on bridges of its host have names that are known here. Those of servers that run have libvirt's until their next start.
alter table servers add column names_taps integer not null default 0;
-- Those that a server left and that are to send nothing any more.
alter table leftovers add column bridge_taps_json text not null default '[]';
