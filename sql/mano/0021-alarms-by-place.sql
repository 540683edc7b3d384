-- The list of alarms is read a page at a time, each from where the one before ended.
create index alarm_by_place on alarm (raised_at, id);
