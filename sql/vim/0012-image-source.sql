-- Of which server's disk an image is a copy.
alter table images add column source_json text;
