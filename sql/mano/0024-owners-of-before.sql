-- VIM accounts that a tenant was attached by, and what its instances had made, before there were owners.
insert or ignore into owner (id, tenant_id) select uuid, tenant_id from openmano_attachment;

insert or ignore into owner (id, tenant_id)
select d.id, i.tenant_id
from openmano_instance i join descriptor d on d.ref in (json_extract(i.body, '$.nsd.id'), json_extract(i.body, '$.vnfd.id'));

insert or ignore into owner (id, tenant_id)
select n.id, i.tenant_id
from openmano_instance i
join ns n on n.name = json_extract(i.body, '$.nsName')
join descriptor d on d.id = n.nsd_id and d.ref = json_extract(i.body, '$.nsd.id');
