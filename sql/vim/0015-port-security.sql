-- What comes in by a port is led on only where the port may have sent it. Of a port null: as its net says. Pairs: [{"mac": null, "ip": "10.0.0.7"}].
alter table nets add column port_security integer not null default 0;
alter table ports add column port_security_json text;
alter table ports add column allowed_pairs_json text not null default '[]';
