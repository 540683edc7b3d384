-- What a client said of a host and of a server, and reads again: the key file of a host's ssh (not used here), and what a server was asked to run on.
alter table hosts add column keyfile text;
alter table servers add column hypervisor text not null default 'kvm';
alter table servers add column os_image_type text not null default 'other';
