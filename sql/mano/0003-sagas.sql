-- What the MANO was in the middle of, for each VNFC at most one thing: what it is, and how far it is. Gone when it is done.
create table saga (
  vnfc_id text primary key,
  kind text not null,
  body text not null
) strict;

-- What was tried to heal a VNFC since it was last up for a while, so that a restart does not begin to count anew.
create table heal_course (
  vnfc_id text primary key,
  body text not null
) strict;

-- A warm spare that we paused ourselves: since when. Null: it is not meant to rest.
alter table vnfc add column rests_since text;
