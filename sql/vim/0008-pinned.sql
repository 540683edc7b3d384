-- What a server was asked for beside memory and CPUs, and what of its host it has for itself (huge pages, threads, functions of cards).
alter table servers add column extended_json text;
alter table servers add column pinned_json text;
alter table leftovers add column pinned_json text;
