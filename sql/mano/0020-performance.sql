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

-- What a job has collected. `ready_at` null: the reporting period goes on. No reference: a report that comes when its job is gone is left out.
create table pm_report (
  id text primary key,
  task_id text not null,
  ready_at text,
  body text not null
) strict;
create index pm_report_by_task on pm_report (task_id, ready_at);

-- Which side of a threshold its objects were seen on last, so that a restart tells no crossing twice.
create table pm_crossing (
  task_id text primary key,
  body text not null
) strict;
