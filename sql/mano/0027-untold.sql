-- Events of a change, written in its transaction; taken away in the one that writes them to the journal.
create table untold (
  id text primary key,
  body text not null
) strict;
