import { sql } from "kysely";
import type { NsId } from "../model/ids.ts";
import { isTakingIn, type Occurrence, type VnfInstance } from "../model/occurrence.ts";
import { among } from "./among.ts";
import { tenantOf } from "./mano-owners.ts";
import type { ManoStore } from "./mano-schema.ts";

const occurrenceOf = ({ body }: { readonly body: string }) => JSON.parse(body) as Occurrence;

export async function upsertOccurrence(db: ManoStore, o: Occurrence): Promise<void> {
  const row = { state: o.state, body: JSON.stringify(o) };
  await db
    .insertInto("occurrence")
    .values({
      id: o.id,
      ns_id: o.nsId,
      started_at: o.startedAt,
      is_of_sole_vnf: o.isOfSoleVnf ? 1 : 0,
      tenant_id: tenantOf(o.nsId),
      ...row,
    })
    .onConflict((c) => c.column("id").doUpdateSet(row))
    .execute();
  for (const { id, vnfId: vnf_id } of isTakingIn(o) ? [] : o.vnfs)
    await db
      .insertInto("vnf_occurrence")
      .values({ id, vnf_id, occurrence_id: o.id })
      .onConflict((c) => c.doNothing())
      .execute();
}

/** A part of the list of occurrences. What is left out, or undefined, is not asked. */
export interface OccurrencesAsked {
  /** Those behind this one; null: from the newest. */
  readonly behind: { readonly startedAt: string; readonly id: string; readonly isIncluded: boolean } | null;
  readonly limit: number;
  /** Whose they are. */
  readonly tenant?: string | undefined;
  readonly ids?: readonly string[] | undefined;
  readonly nsIds?: readonly string[] | undefined;
  /** Only those of an NS that somebody made. */
  readonly isOfNs?: boolean | undefined;
  readonly states?: readonly string[] | undefined;
  /** Both ends included. */
  readonly started?: { readonly from?: string; readonly to?: string } | undefined;
  /** Ids of VNFs that they concern, and ids that they have for them. */
  readonly vnfIds?: readonly string[] | undefined;
  readonly partIds?: readonly string[] | undefined;
}

/** The newest first; those begun in one moment by their ids. */
export async function readOccurrences(db: ManoStore, asked: OccurrencesAsked): Promise<Occurrence[]> {
  const { behind, limit, tenant, ids, nsIds, isOfNs, states, started, vnfIds, partIds } = asked;
  let query = db.selectFrom("occurrence").select("body");
  if (behind) {
    const place = sql`(${behind.startedAt}, ${behind.id})`;
    query = query.where(
      behind.isIncluded ? sql<boolean>`(started_at, id) <= ${place}` : sql<boolean>`(started_at, id) < ${place}`,
    );
  }
  if (tenant !== undefined) query = query.where("tenant_id", "=", tenant);
  if (ids) query = query.where(among(sql`id`, ids));
  if (nsIds) query = query.where(among(sql`ns_id`, nsIds));
  if (isOfNs) query = query.where("is_of_sole_vnf", "=", 0);
  if (states) query = query.where(among(sql`state`, states));
  if (started?.from !== undefined) query = query.where("started_at", ">=", started.from);
  if (started?.to !== undefined) query = query.where("started_at", "<=", started.to);
  for (const [column, values] of [
    ["vnf_id", vnfIds],
    ["id", partIds],
  ] as const) {
    if (values)
      query = query.where(
        "id",
        "in",
        db
          .selectFrom("vnf_occurrence")
          .select("occurrence_id")
          .where(among(sql.ref(column), values)),
      );
  }
  const rows = await query.orderBy("started_at", "desc").orderBy("id", "desc").limit(limit).execute();
  return rows.map(occurrenceOf);
}

export async function readOccurrence(db: ManoStore, id: string): Promise<Occurrence | null> {
  const row = await db.selectFrom("occurrence").select("body").where("id", "=", id).executeTakeFirst();
  return row ? occurrenceOf(row) : null;
}

/** By the id that it has for one of its VNFs. */
export async function readOccurrenceOfVnf(db: ManoStore, id: string): Promise<Occurrence | null> {
  const row = await db
    .selectFrom("vnf_occurrence as v")
    .innerJoin("occurrence as o", "o.id", "v.occurrence_id")
    .select("o.body as body")
    .where("v.id", "=", id)
    .executeTakeFirst();
  return row ? occurrenceOf(row) : null;
}

/** Those that somebody asked for and that are not at their end. */
export async function readRunningOccurrences(db: ManoStore): Promise<Occurrence[]> {
  const rows = await db
    .selectFrom("occurrence")
    .select("body")
    .where("state", "in", ["STARTING", "PROCESSING", "ROLLING_BACK", "FAILED_TEMP"])
    .execute();
  return rows.map(occurrenceOf);
}

/** Of one NS, behind those that it has. */
export async function insertVnfInstances(db: ManoStore, vnfs: readonly VnfInstance[]): Promise<void> {
  if (vnfs.length === 0) return;
  const last = await db
    .selectFrom("vnf_instance")
    .select((q) => q.fn.max("seq").as("seq"))
    .where("ns_id", "=", vnfs[0]!.nsId)
    .executeTakeFirst();
  const first = (last?.seq ?? -1) + 1;
  const rows = vnfs.map((v, i) => ({ id: v.id, ns_id: v.nsId, seq: first + i, body: JSON.stringify(v) }));
  await db.insertInto("vnf_instance").values(rows).execute();
}

export async function deleteVnfInstance(db: ManoStore, id: string): Promise<void> {
  await db.deleteFrom("vnf_instance").where("id", "=", id).execute();
}

/** Of one NS. */
export async function deleteVnfInstances(db: ManoStore, nsId: NsId): Promise<void> {
  await db.deleteFrom("vnf_instance").where("ns_id", "=", nsId).execute();
}

export async function readVnfInstances(db: ManoStore): Promise<VnfInstance[]> {
  const rows = await db.selectFrom("vnf_instance").select("body").orderBy("ns_id").orderBy("seq").execute();
  return rows.map((r) => JSON.parse(r.body) as VnfInstance);
}

export async function updateVnfInstance(db: ManoStore, vnf: VnfInstance): Promise<void> {
  await db
    .updateTable("vnf_instance")
    .set({ body: JSON.stringify(vnf) })
    .where("id", "=", vnf.id)
    .execute();
}
