-- PM jobs and thresholds. Each is a subscription too: `filter_json` says what is measured, the other columns are those of `subscriptions`.
create table pm_task (
  id text primary key,
  tenant_id text,
  callback text not null,
  filter_json text not null,
  sealed text,
  cursor integer not null,
  created_at text not null
) strict;

-- Reports of jobs; `seq` is their order, for clocks are set. `ready_at` null: the reporting period goes on. No reference: a report that comes when its job
-- is gone is left out.
create table pm_report (
  seq integer primary key,
  id text not null unique,
  task_id text not null,
  ready_at text
) strict;
create index pm_report_by_task on pm_report (task_id, seq);

-- What a report is made of: a row for each collection, written once.
create table pm_collection (
  report_id text not null references pm_report (id) on delete cascade,
  nr integer not null,
  body text not null,
  primary key (report_id, nr)
) strict, without rowid;

-- Which side of a threshold its objects were seen on last, so that a restart tells no crossing twice.
create table pm_crossing (
  task_id text primary key,
  body text not null
) strict;

-- What is told of reports and thresholds, apart from the journal: however much is measured, that one keeps what it keeps.
create table pm_journal (
  seq integer primary key,
  body text not null
) strict;

-- So that the failovers of a period are found without looking through all.
alter table failover add column closed_at text;
update failover set closed_at = json_extract(body, '$.closedAt');
create index failover_by_close on failover (closed_at);
