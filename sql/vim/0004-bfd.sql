-- What BFD on this port of the switch is asked for; null: none.
alter table ports add column bfd_json text;
