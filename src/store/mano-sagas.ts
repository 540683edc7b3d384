import type { VnfcId } from "../model/ids.ts";
import type { ManoStore } from "./mano-schema.ts";

/** What a run was in the middle of, or has tried, for one VNFC. `body` is its keeper's. */
export interface SagaRecord<T = unknown> {
  readonly vnfcId: VnfcId;
  readonly kind: string;
  readonly body: T;
}

export async function readSagas(db: ManoStore): Promise<SagaRecord[]> {
  const rows = await db.selectFrom("saga").selectAll().execute();
  return rows.map((r) => ({ vnfcId: r.vnfc_id as VnfcId, kind: r.kind, body: JSON.parse(r.body) as unknown }));
}

/** One for each VNFC: what was begun before is replaced. */
export async function writeSaga(db: ManoStore, { vnfcId, kind, body }: SagaRecord): Promise<void> {
  const row = { kind, body: JSON.stringify(body) };
  await db
    .insertInto("saga")
    .values({ vnfc_id: vnfcId, ...row })
    .onConflict((c) => c.column("vnfc_id").doUpdateSet(row))
    .execute();
}

export async function deleteSaga(db: ManoStore, vnfcId: VnfcId): Promise<void> {
  await db.deleteFrom("saga").where("vnfc_id", "=", vnfcId).execute();
}

export async function readHealCourses(db: ManoStore): Promise<Omit<SagaRecord, "kind">[]> {
  const rows = await db.selectFrom("heal_course").selectAll().execute();
  return rows.map((r) => ({ vnfcId: r.vnfc_id as VnfcId, body: JSON.parse(r.body) as unknown }));
}

export async function writeHealCourse(db: ManoStore, vnfcId: VnfcId, body: unknown): Promise<void> {
  const row = { body: JSON.stringify(body) };
  await db
    .insertInto("heal_course")
    .values({ vnfc_id: vnfcId, ...row })
    .onConflict((c) => c.column("vnfc_id").doUpdateSet(row))
    .execute();
}

export async function deleteHealCourse(db: ManoStore, vnfcId: VnfcId): Promise<void> {
  await db.deleteFrom("heal_course").where("vnfc_id", "=", vnfcId).execute();
}
