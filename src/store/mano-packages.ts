import type { DescriptorPackage, PackageKind } from "../model/package.ts";
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
