-- Whether the guest of a server that was deleted is to have the time to end itself. One that is left from before is switched off, as it was to be.
alter table leftovers add column asks_guest integer not null default 0;
