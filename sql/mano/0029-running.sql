-- Days that this MANO has run, counted by no wall clock, and what that showed meanwhile (decision 0081). Milliseconds.
create table running (
  day integer primary key,
  -- How long it had run when this was written, all its runs together.
  lived_ms integer not null,
  -- The least that its wall clock, since 1970, was ahead of how long it had run.
  ahead_ms integer not null
) strict;
