import { sql } from "kysely";
import type { DescriptorPackage, PackageKind } from "../model/package.ts";
import { among } from "./among.ts";
import type { ManoStore, PackageRow } from "./mano-schema.ts";

type Body = Omit<DescriptorPackage, "id" | "kind" | "onboarding" | "createdAt" | "modifiedAt">;

const packageOf = (row: PackageRow): DescriptorPackage => ({
  id: row.id,
  kind: row.kind as PackageKind,
  onboarding: row.onboarding as DescriptorPackage["onboarding"],
  ...(JSON.parse(row.body) as Body),
  createdAt: row.created_at,
  modifiedAt: row.modified_at,
});

function rowOf({ id, kind, onboarding, createdAt, modifiedAt, ...body }: DescriptorPackage): PackageRow {
  return { id, kind, onboarding, body: JSON.stringify(body), created_at: createdAt, modified_at: modifiedAt };
}

/** The oldest first. */
export async function readPackages(db: ManoStore, kind?: PackageKind): Promise<DescriptorPackage[]> {
  const all = db.selectFrom("package").selectAll().orderBy("created_at").orderBy("id");
  return (await (kind === undefined ? all : all.where("kind", "=", kind)).execute()).map(packageOf);
}

/** Which packages are asked for; what is left out is as it may be. */
export interface PackagesAsked {
  /** Those behind this one; null: from the oldest. */
  readonly behind: { readonly createdAt: string; readonly id: string } | null;
  readonly limit: number;
  readonly ids?: readonly string[] | undefined;
  /** Ids of descriptors, as their files have them. */
  readonly descriptorIds?: readonly string[] | undefined;
  readonly states?: readonly string[] | undefined;
  /** Only this tenant's, and nobody's. */
  readonly seenBy?: string | undefined;
}

/** The oldest first; those of one moment by their ids. */
export async function readPackagesAsked(db: ManoStore, kind: PackageKind, asked: PackagesAsked): Promise<DescriptorPackage[]> {
  const { behind, limit, ids, descriptorIds, states, seenBy } = asked;
  // The plus keeps SQLite from walking through all of a kind where a few are named.
  const ofKind = ids || descriptorIds ? sql<boolean>`+kind = ${kind}` : sql<boolean>`kind = ${kind}`;
  let query = db.selectFrom("package").selectAll().where(ofKind);
  if (behind) query = query.where(sql<boolean>`(created_at, id) > (${behind.createdAt}, ${behind.id})`);
  if (ids) query = query.where(among(sql`id`, ids));
  if (descriptorIds) query = query.where(among(sql`json_extract(body, '$.content.descriptorId')`, descriptorIds));
  if (states) query = query.where(among(sql`onboarding`, states));
  if (seenBy !== undefined)
    query = query.where(sql<boolean>`not exists (select 1 from owner o where o.id = package.id and o.tenant_id <> ${seenBy})`);
  return (await query.orderBy("created_at").orderBy("id").limit(limit).execute()).map(packageOf);
}

/** Ids of what these are made with. */
export async function readUsesOf(db: ManoStore, ids: readonly string[]): Promise<Set<string>> {
  const { rows } = await sql<{ id: string }>`
    select distinct u.value as id from package, json_each(package.body, '$.uses') u
    where ${among(sql`package.id`, ids)}`.execute(db);
  return new Set(rows.map((r) => r.id));
}

export async function readPackage(db: ManoStore, id: string): Promise<DescriptorPackage | null> {
  const row = await db.selectFrom("package").selectAll().where("id", "=", id).executeTakeFirst();
  return row ? packageOf(row) : null;
}

/** Writes it, whether it is there or not. */
export async function savePackage(db: ManoStore, one: DescriptorPackage): Promise<void> {
  const { id, ...row } = rowOf(one);
  await db
    .insertInto("package")
    .values({ id, ...row })
    .onConflict((c) => c.column("id").doUpdateSet(row))
    .execute();
}

export async function deletePackage(db: ManoStore, id: string): Promise<void> {
  await db.deleteFrom("package").where("id", "=", id).execute();
}
