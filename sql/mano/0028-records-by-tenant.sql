-- Whose records are: who has the network service has them. Null: nobody in particular. A tenant's lists are read by these, past no row of another's.
alter table occurrence add column tenant_id text;
update occurrence set tenant_id = (select o.tenant_id from owner o where o.id = ns_id);
create index occurrence_by_tenant on occurrence (tenant_id, started_at, id) where tenant_id is not null;

alter table alarm add column tenant_id text;
update alarm set tenant_id = (select o.tenant_id from owner o where o.id = json_extract(body, '$.place.nsId'));
create index alarm_by_tenant on alarm (tenant_id, raised_at, id) where tenant_id is not null;

alter table failover add column tenant_id text;
update failover set tenant_id = (select o.tenant_id from owner o where o.id = json_extract(body, '$.nsId'));
create index failover_by_tenant on failover (tenant_id, opened_at) where tenant_id is not null;
