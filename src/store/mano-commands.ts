import type { GroupId, NetId, VnfcId } from "../model/ids.ts";
import type { CommandKind, GivenCommand } from "../model/protection.ts";
import type { ManoStore, ProtectionCommandRow } from "./mano-schema.ts";

/** A command with how it ended; null: it is in place. */
export interface CommandRecord extends GivenCommand {
  readonly endedAt: string | null;
  readonly endedBecause: string | null;
}

const recordOf = (row: ProtectionCommandRow): CommandRecord => ({
  id: row.id,
  groupId: row.group_id as GroupId,
  kind: row.kind as CommandKind,
  to: row.target as VnfcId | null,
  trafficNets: row.traffic_nets === null ? null : (JSON.parse(row.traffic_nets) as NetId[]),
  givenAt: row.given_at,
  givenBy: row.given_by,
  endedAt: row.ended_at,
  endedBecause: row.ended_because,
});

const rowOf = (c: CommandRecord): ProtectionCommandRow => ({
  id: c.id,
  group_id: c.groupId,
  kind: c.kind,
  target: c.to,
  traffic_nets: c.trafficNets === null ? null : JSON.stringify(c.trafficNets),
  given_at: c.givenAt,
  given_by: c.givenBy,
  ended_at: c.endedAt,
  ended_because: c.endedBecause,
});

/** The commands that are in place, of all groups. */
export async function readCommandsInPlace(db: ManoStore): Promise<CommandRecord[]> {
  return (await db.selectFrom("protection_command").selectAll().where("ended_at", "is", null).execute()).map(recordOf);
}

/** Newest first. */
export async function readCommandsOfGroup(db: ManoStore, groupId: GroupId, limit: number): Promise<CommandRecord[]> {
  const rows = await db
    .selectFrom("protection_command")
    .selectAll()
    .where("group_id", "=", groupId)
    .orderBy("given_at", "desc")
    .limit(limit)
    .execute();
  return rows.map(recordOf);
}

/** Writes a command down; what was in place for its group ends with it. One transaction. */
export async function writeCommand(db: ManoStore, command: CommandRecord, endsOther: string): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await tx
      .updateTable("protection_command")
      .set({ ended_at: command.givenAt, ended_because: endsOther })
      .where("group_id", "=", command.groupId)
      .where("ended_at", "is", null)
      .execute();
    await tx.insertInto("protection_command").values(rowOf(command)).execute();
  });
}

/** Writes down what changed nothing (an exercise). */
export async function insertCommand(db: ManoStore, command: CommandRecord): Promise<void> {
  await db.insertInto("protection_command").values(rowOf(command)).execute();
}

/** A command ended by itself. One that has ended already is left as it is. */
export async function endCommand(db: ManoStore, id: string, endedAt: string, because: string): Promise<void> {
  await db
    .updateTable("protection_command")
    .set({ ended_at: endedAt, ended_because: because })
    .where("id", "=", id)
    .where("ended_at", "is", null)
    .execute();
}
