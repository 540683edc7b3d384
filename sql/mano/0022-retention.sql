-- What is kept for a while is found by its age.
create index alarm_by_end on alarm (cleared_at) where cleared_at is not null;
create index failover_by_time on failover (opened_at);
create index protection_command_by_end on protection_command (ended_at) where ended_at is not null;
