import { type RawBuilder, sql } from "kysely";
import type { ManoStore } from "./mano-schema.ts";

/** Records of what is over, which would pile up for ever. */
export const RECORD_KINDS = ["operations", "failovers", "incidents", "alarms", "commands", "openmanoActions"] as const;
export type RecordKind = (typeof RECORD_KINDS)[number];

interface Kind {
  readonly table: string;
  /** When it was begun or ended, as ISO 8601 in UTC. An index has it. */
  readonly at: string;
  /** It is over, and nothing that is not needs it. */
  readonly isOver: string;
  /** When it ended, where `at` is when it was begun: what has lasted for long is not gone when it ends. */
  readonly endedAt?: string;
}

/** Of a group that there is, as many of its last failovers stay: a MANO that starts reads from them who serves what, and since when. */
const OF_GROUP_KEPT = 200;

const KINDS: Readonly<Record<RecordKind, Kind>> = {
  operations: {
    table: "occurrence",
    at: "started_at",
    isOver: "state not in ('STARTING', 'PROCESSING', 'ROLLING_BACK', 'FAILED_TEMP')",
    endedAt: "json_extract(body, '$.stateEnteredAt')",
  },
  failovers: {
    table: "failover",
    at: "opened_at",
    isOver: `state = 'closed'
      and id not in (select j.value from incident i, json_each(i.body, '$.failovers') j where i.state = 'open')
      and (group_id not in (select id from protection_group) or exists (
        select 1 from failover n where n.group_id = failover.group_id and n.opened_at > failover.opened_at
        order by n.opened_at limit 1 offset ${OF_GROUP_KEPT - 1}))`,
    endedAt: "closed_at",
  },
  incidents: {
    table: "incident",
    at: "opened_at",
    isOver: `state <> 'open'
      and not exists (select 1 from json_each(incident.body, '$.failovers') j join failover f on f.id = j.value)`,
    endedAt: "json_extract(body, '$.closedAt')",
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
    order by ${sql.raw(at)} desc limit 1 offset ${most - 1}`.execute(db);
  const last = beyond.rows[0]?.at ?? oldest;
  return last > oldest ? last : oldest;
}

/** A record among those of its kind, which are looked through from the oldest on. */
export interface RecordPlace {
  readonly at: string;
  readonly rowid: number;
}

export interface LookedThrough {
  readonly gone: number;
  /** The last one that was looked at; null: there are no more. */
  readonly to: RecordPlace | null;
}

/**
 * Looks at up to `count` records from before `before`, the next ones behind a place (null: from the oldest on), and takes away those that are over.
 * However many of them stay, it costs as little.
 */
export async function deleteRecords(
  db: ManoStore,
  kind: RecordKind,
  before: string,
  count: number,
  behind: RecordPlace | null = null,
): Promise<LookedThrough> {
  const { table, at, isOver, endedAt } = KINDS[kind];
  const [from, place] = [sql.table(table), sql.raw(at)];
  const isEnded: RawBuilder<unknown> = endedAt ? sql`coalesce(${sql.raw(endedAt)}, '') < ${before}` : sql`true`;
  const isBehind: RawBuilder<unknown> = behind
    ? sql`${place} >= ${behind.at} and (${place} > ${behind.at} or rowid > ${behind.rowid})`
    : sql`true`;
  return db.transaction().execute(async (tx) => {
    const { rows } = await sql<RecordPlace & { readonly isOver: number }>`
      select rowid, ${place} as at, (${sql.raw(isOver)}) and ${isEnded} as isOver from ${from}
      where ${place} < ${before} and ${isBehind} order by ${place}, rowid limit ${count}`.execute(tx);
    const over = rows.filter((r) => r.isOver).map((r) => r.rowid);
    if (over.length > 0) await sql`delete from ${from} where rowid in (${sql.join(over)})`.execute(tx);
    const last = rows.length < count ? undefined : rows.at(-1);
    return { gone: over.length, to: last ? { at: last.at, rowid: last.rowid } : null };
  });
}
