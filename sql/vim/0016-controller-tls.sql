-- How a controller is reached by TLS: the certificates as JSON, null where it is plain HTTP; the key of ours, and a bearer token, sealed.
alter table ofcs add column tls_json text;
alter table ofcs add column key_sealed text;
alter table ofcs add column token_sealed text;
