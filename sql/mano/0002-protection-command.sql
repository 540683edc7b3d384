-- What operators asked of protection groups: at most one command in place for each group, and all that were, with why they ended.
-- Kept when their group is gone: records of what happened.
create table protection_command (
  id text primary key,
  group_id text not null,
  kind text not null check (kind in ('lockout', 'force', 'manual', 'exercise', 'clear')),
  -- The member traffic is led to (force, manual).
  target text,
  -- JSON list of net ids; null: all of the group.
  traffic_nets text,
  given_at text not null,
  given_by text not null,
  -- Null while it is in place.
  ended_at text,
  ended_because text
) strict;
create unique index protection_command_in_place on protection_command (group_id) where ended_at is null;
create index protection_command_by_group on protection_command (group_id, given_at);
