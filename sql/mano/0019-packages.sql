-- What is on board as SOL005 sees it: NSDs, PNFDs and VNF packages with their states. A descriptor has the id of the package that brought it. The content is a file beside
-- the store that is named by the id; what came before contents were kept has none.
create table package (
  id text primary key,
  kind text not null,
  onboarding text not null,
  body text not null,
  created_at text not null,
  modified_at text not null
) strict;
create index package_by_kind on package (kind, created_at);

insert into package (id, kind, onboarding, body, created_at, modified_at)
select
  d.id,
  case d.kind when 'nsd' then 'nsd' else 'vnf' end,
  'ONBOARDED',
  json_object(
    'operational', 'ENABLED',
    'userDefinedData', json('{}'),
    'failure', null,
    'upload', null,
    'origin', null,
    'content', json_object(
      'descriptorId', d.ref,
      'version', d.version,
      'name', d.name,
      'provider', coalesce(json_extract(d.body, '$.designer'), json_extract(d.body, '$.blueprint.provider')),
      'softwareVersion', json_extract(d.body, '$.blueprint.softwareVersion'),
      'checksum', null,
      'artifacts', json('[]'),
      'images', json('[]'),
      'parts', null
    ),
    'uses', json(case
      when d.kind = 'vnfd' then '[]'
      when json_extract(d.body, '$.vnfds') is null then json_array(d.vnfd_id)
      else (
        select json_group_array(u.id) from (
          select v.id, max(v.created_at) from descriptor v
          where v.kind = 'vnfd' and v.ref in (select value from json_each(d.body, '$.vnfds')) group by v.ref
        ) u
      )
    end)
  ),
  d.created_at,
  d.created_at
from descriptor d
-- A VNFD that was made for one NSD is none that anybody brought.
where not (
  d.kind = 'vnfd' and json_extract(d.body, '$.blueprint') is null and exists (
    select 1 from descriptor n where n.vnfd_id = d.id and json_extract(n.body, '$.vnfds') is not null and d.ref = n.ref || '-vnfs'
  )
);
