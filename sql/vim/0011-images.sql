-- Where the content of an image is, what it is, and why it is not there; the disks of a server, and what its cloud-init is told.
alter table images add column file text;
alter table images add column format text check (format in ('raw', 'qcow2'));
alter table images add column virtual_bytes integer;
alter table images add column last_error text;
alter table servers add column disk_gib integer;
alter table servers add column cloud_config_json text;
alter table servers add column has_disks integer not null default 0;
