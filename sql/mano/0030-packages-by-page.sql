-- Lists are read a page at a time, and by what a client that knows a descriptor asks for.
drop index package_by_kind;
create index package_by_kind on package (kind, created_at, id);
create index package_by_descriptor on package (json_extract(body, '$.content.descriptorId'));
