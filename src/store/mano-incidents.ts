import type { Incident } from "../model/incident.ts";
import type { ManoStore } from "./mano-schema.ts";

/** Newest first. */
export async function readIncidents(db: ManoStore, limit: number): Promise<Incident[]> {
  const rows = await db.selectFrom("incident").select("body").orderBy("opened_at", "desc").limit(limit).execute();
  return rows.map((r) => JSON.parse(r.body) as Incident);
}

export async function readOpenIncidents(db: ManoStore): Promise<Incident[]> {
  const rows = await db.selectFrom("incident").select("body").where("state", "=", "open").execute();
  return rows.map((r) => JSON.parse(r.body) as Incident);
}

export async function readIncident(db: ManoStore, id: string): Promise<Incident | null> {
  const row = await db.selectFrom("incident").select("body").where("id", "=", id).executeTakeFirst();
  return row ? (JSON.parse(row.body) as Incident) : null;
}

export async function upsertIncident(db: ManoStore, i: Incident): Promise<void> {
  const body = JSON.stringify(i);
  await db
    .insertInto("incident")
    .values({ id: i.id, state: i.state, opened_at: i.openedAt, body })
    .onConflict((c) => c.column("id").doUpdateSet({ state: i.state, body }))
    .execute();
}
