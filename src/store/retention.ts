import { type RawBuilder, sql } from "kysely";
import type { ManoStore } from "./mano-schema.ts";

/** Records of what is over, which would pile up for ever. */
export const RECORD_KINDS = ["operations", "failovers", "incidents", "alarms", "commands", "openmanoActions"] as const;
export type RecordKind = (typeof RECORD_KINDS)[number];

interface Kind {
  readonly table: string;
  /** When it was begun or ended, as ISO 8601 in UTC. */
  readonly at: string;
  /** It is over, and nothing that is not needs it. */
  readonly isOver: string;
}

/** Of a group that there is, as many of its last failovers stay: a MANO that starts reads from them who serves what, and since when. */
const OF_GROUP_KEPT = 200;

const KINDS: Readonly<Record<RecordKind, Kind>> = {
  operations: {
    table: "occurrence",
    at: "started_at",
    isOver: "state not in ('STARTING', 'PROCESSING', 'ROLLING_BACK', 'FAILED_TEMP')",
  },
  failovers: {
    table: "failover",
    at: "opened_at",
    isOver: `state = 'closed'
      and id not in (select j.value from incident i, json_each(i.body, '$.failovers') j where i.state = 'open')
      and (group_id not in (select id from protection_group) or exists (
        select 1 from failover n where n.group_id = failover.group_id and n.opened_at > failover.opened_at
        order by n.opened_at limit 1 offset ${OF_GROUP_KEPT - 1}))`,
  },
  incidents: {
    table: "incident",
    at: "opened_at",
    isOver: `state <> 'open'
      and not exists (select 1 from json_each(incident.body, '$.failovers') j join failover f on f.id = j.value)`,
  },
  alarms: {
    table: "alarm",
    at: "cleared_at",
    isOver: `cleared_at is not null
      and id not in (select j.value from alarm a, json_each(a.body, '$.correlatedAlarmIds') j where a.cleared_at is null)
      and id not in (select coalesce(json_extract(body, '$.alarmId'), '') from incident where state = 'open')`,
  },
  commands: { table: "protection_command", at: "ended_at", isOver: "ended_at is not null" },
  openmanoActions: {
    table: "openmano_action",
    at: "json_extract(body, '$.createdAt')",
    isOver: "instance_id not in (select uuid from openmano_instance)",
  },
};

/**
 * The moment before which records of a kind are kept no more: those that are older than `oldest`, and those beyond the newest `most`. ISO
 * 8601 in UTC.
 */
export async function endOfRetention(db: ManoStore, kind: RecordKind, oldest: string, most: number): Promise<string> {
  const { table, at } = KINDS[kind];
  const beyond = await sql<{ at: string }>`
    select ${sql.raw(at)} as at from ${sql.table(table)} where ${sql.raw(at)} is not null
    order by 1 desc limit 1 offset ${most - 1}`.execute(db);
  const last = beyond.rows[0]?.at ?? oldest;
  return last > oldest ? last : oldest;
}

/** Takes away up to `count` of those that are over and from before. Gives how many there were. */
export async function deleteRecords(db: ManoStore, kind: RecordKind, before: string, count: number): Promise<number> {
  const { table, at, isOver } = KINDS[kind];
  const over: RawBuilder<unknown> = sql.raw(`${at} < `);
  const gone = await sql`
    delete from ${sql.table(table)} where rowid in (
      select rowid from ${sql.table(table)} where ${over}${before} and ${sql.raw(isOver)} order by ${sql.raw(at)} limit ${count}
    )`.execute(db);
  return Number(gone.numAffectedRows ?? 0);
}
