-- The switch of its own that a host has which was opened at run time: its database, its bridge, and where tunnels to it end.
alter table hosts add column switch_json text;
