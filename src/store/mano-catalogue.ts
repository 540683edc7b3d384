import { sql } from "kysely";
import type { NsBlueprint, VnfBlueprint } from "../model/blueprint.ts";
import type { Nsd, NsdFlavour, Vdu, VnfcProfile, Vnfd } from "../model/descriptor.ts";
import type { NsdId, NsId, VimAccountId } from "../model/ids.ts";
import type { VimAccess, VimAccount } from "../model/ns.ts";
import { among } from "./among.ts";
import type { DescriptorRow, ManoStore, VimAccountRow } from "./mano-schema.ts";
import { policyIn } from "./policy.ts";

/** A descriptor as the catalogue has it. */
export interface DescriptorRecord {
  readonly id: string;
  readonly kind: "vnfd" | "nsd";
  readonly body: Nsd | Vnfd;
  /** Of an NSD: the record of its VNFD. */
  readonly vnfdRecordId: string | null;
  readonly createdAt: string;
}

const recordOf = (row: DescriptorRow): DescriptorRecord => ({
  id: row.id,
  kind: row.kind,
  body: row.kind === "vnfd" ? vnfdIn(row.body) : nsdIn(row.body),
  vnfdRecordId: row.vnfd_id,
  createdAt: row.created_at,
});

/** Descriptors written by 0.1 name no probe, heartbeat, traffic, capacity, standby, groups and VIM accounts. Members stand in the order in which a descriptor file is read. */
function vnfdIn(body: string): Vnfd {
  const vnfd = JSON.parse(body) as Vnfd;
  const vnfcOf = (v: VnfcProfile): VnfcProfile => ({ ...v, standby: v.standby ?? "hot" });
  const vduOf = (v: Vdu): Vdu => ({
    ...v,
    policy: policyIn(v.policy),
    vnfcs: v.vnfcs.map(vnfcOf),
    groups: v.groups ?? [],
  });
  return { ...vnfd, vdus: vnfd.vdus.map(vduOf) };
}

function nsdIn(body: string): Nsd {
  const nsd = JSON.parse(body) as Nsd;
  const members = nsd.members.map((m) => ({ ...m, capacity: m.capacity ?? null }));
  return { ...nsd, members, vimAccounts: nsd.vimAccounts ?? {} };
}

/** All or none of them. */
export async function insertDescriptors(db: ManoStore, records: readonly DescriptorRecord[]): Promise<void> {
  if (records.length === 0) return;
  const rows = records.map((r) => ({
    id: r.id,
    kind: r.kind,
    ref: r.body.id,
    version: r.body.version,
    name: r.body.name,
    vnfd_id: r.vnfdRecordId,
    body: JSON.stringify(r.body),
    created_at: r.createdAt,
  }));
  await db.insertInto("descriptor").values(rows).execute();
}

export async function readDescriptors(db: ManoStore): Promise<DescriptorRecord[]> {
  return (await db.selectFrom("descriptor").selectAll().orderBy("created_at").execute()).map(recordOf);
}

/** What a descriptor is called, without its body. */
export interface DescriptorName {
  readonly id: string;
  readonly kind: "vnfd" | "nsd";
  readonly ref: string;
  readonly version: string;
  readonly name: string;
}

export async function readDescriptorNames(db: ManoStore): Promise<DescriptorName[]> {
  return db.selectFrom("descriptor").select(["id", "kind", "ref", "version", "name"]).orderBy("created_at").execute();
}

/** Those of these ids, the oldest first. */
export async function readDescriptorsOf(db: ManoStore, ids: readonly string[]): Promise<DescriptorRecord[]> {
  if (ids.length === 0) return [];
  const rows = db
    .selectFrom("descriptor")
    .selectAll()
    .where(among(sql.ref("id"), ids));
  return (await rows.orderBy("created_at").execute()).map(recordOf);
}

/** What NSDs may use of the VNFDs among these, the oldest first; one that came as a part of an NSD has none, and there may be a thousand of a name. */
export async function readBlueprintsOf(db: ManoStore, ids: readonly string[]): Promise<VnfBlueprint[]> {
  if (ids.length === 0) return [];
  const blueprint = sql<string | null>`body ->> '$.blueprint'`;
  const rows = db
    .selectFrom("descriptor")
    .select(blueprint.as("blueprint"))
    .where(among(sql.ref("id"), ids))
    .where(blueprint, "is not", null);
  return (await rows.orderBy("created_at").execute()).map((r) => JSON.parse(r.blueprint!) as VnfBlueprint);
}

/** Every version of those that go by these ids in their files, the oldest first. */
export async function readDescriptorsCalled(
  db: ManoStore,
  kind: DescriptorRecord["kind"],
  refs: readonly string[],
): Promise<DescriptorRecord[]> {
  const rows = db
    .selectFrom("descriptor")
    .selectAll()
    .where("kind", "=", kind)
    .where(among(sql.ref("ref"), refs));
  return (await rows.orderBy("created_at").execute()).map(recordOf);
}

/** An NSD with the VNFD it is made of, without how it was written: that is only of use to who compiles it anew. */
export async function readNsd(db: ManoStore, id: NsdId): Promise<{ nsd: Nsd; vnfd: Vnfd } | null> {
  const rows = await db
    .selectFrom("descriptor as n")
    .innerJoin("descriptor as v", "v.id", "n.vnfd_id")
    .select(["n.body as nsd", "v.body as vnfd"])
    .where("n.id", "=", id)
    .execute();
  if (!rows[0]) return null;
  const { written: _, ...nsd } = nsdIn(rows[0].nsd);
  return { nsd, vnfd: vnfdIn(rows[0].vnfd) };
}

/** How an NSD was written, in its first deployment flavour; null: that is not kept of it. */
export async function readWrittenNsd(db: ManoStore, id: NsdId): Promise<NsBlueprint | null> {
  const row = await db.selectFrom("descriptor").select("body").where("id", "=", id).executeTakeFirst();
  return row ? (nsdIn(row.body).written ?? null) : null;
}

/** Descriptors of one NS alone; `formerly`: what is left of those before. */
export interface OwnDescriptors extends NsdFlavour {
  readonly formerly?: NsdFlavour;
}

/** Of the NSs that have an NSD and a VNFD of their own, which were worked out for them alone. */
export async function readOwnDescriptors(db: ManoStore): Promise<Map<NsId, OwnDescriptors>> {
  const rows = await db.selectFrom("own_descriptors").selectAll().execute();
  const formerlyIn = (text: string): NsdFlavour => {
    const { nsd, vnfd } = JSON.parse(text) as NsdFlavour;
    return { nsd: nsdIn(JSON.stringify(nsd)), vnfd: vnfdIn(JSON.stringify(vnfd)) };
  };
  const ownIn = (r: (typeof rows)[number]): OwnDescriptors => ({
    nsd: nsdIn(r.nsd),
    vnfd: vnfdIn(r.vnfd),
    ...(r.formerly !== null && { formerly: formerlyIn(r.formerly) }),
  });
  return new Map(rows.map((r) => [r.ns_id as NsId, ownIn(r)]));
}

export async function upsertOwnDescriptors(db: ManoStore, ns_id: NsId, { nsd, vnfd, formerly }: OwnDescriptors): Promise<void> {
  const before = formerly === undefined ? null : JSON.stringify({ nsd: formerly.nsd, vnfd: formerly.vnfd });
  const bodies = { nsd: JSON.stringify(nsd), vnfd: JSON.stringify(vnfd), formerly: before };
  await db
    .insertInto("own_descriptors")
    .values({ ns_id, ...bodies })
    .onConflict((c) => c.column("ns_id").doUpdateSet(bodies))
    .execute();
}

export async function hasOwnDescriptors(db: ManoStore, nsId: NsId): Promise<boolean> {
  return (await db.selectFrom("own_descriptors").select("ns_id").where("ns_id", "=", nsId).executeTakeFirst()) !== undefined;
}

export async function deleteOwnDescriptors(db: ManoStore, nsId: NsId): Promise<void> {
  await db.deleteFrom("own_descriptors").where("ns_id", "=", nsId).execute();
}

/** How many NSs and NSDs stand on a descriptor: it may be deleted when none does. */
export async function countUsesOfDescriptor(db: ManoStore, id: string): Promise<number> {
  const ns = await db.selectFrom("ns").select("id").where("nsd_id", "=", id).execute();
  const nsds = await db.selectFrom("descriptor").select("id").where("vnfd_id", "=", id).execute();
  return ns.length + nsds.length;
}

export async function deleteDescriptor(db: ManoStore, id: string): Promise<void> {
  await db.deleteFrom("descriptor").where("id", "=", id).execute();
}

/** A VIM account and the last of its events that was taken in. */
export type VimAccountRecord = VimAccount & { readonly cursor: number | null };

const accountOf = (row: VimAccountRow): VimAccountRecord => ({
  id: row.id as VimAccountId,
  name: row.name,
  url: row.url,
  adminUrl: row.admin_url,
  tenant: row.tenant,
  ...(row.access_json !== null && { access: JSON.parse(row.access_json) as VimAccess }),
  cursor: row.cursor,
});

export async function readVimAccounts(db: ManoStore): Promise<VimAccountRecord[]> {
  return (await db.selectFrom("vim_account").selectAll().orderBy("created_at").execute()).map(accountOf);
}

/** Writes an account; one with this id gets the new addresses. */
export async function upsertVimAccount(db: ManoStore, account: VimAccount, createdAt: string): Promise<void> {
  const { id, name, url, adminUrl: admin_url, tenant, access } = account;
  const access_json = access === undefined ? null : JSON.stringify(access);
  await db
    .insertInto("vim_account")
    .values({ id, name, url, admin_url, tenant, access_json, cursor: null, created_at: createdAt })
    .onConflict((c) => c.column("id").doUpdateSet({ name, url, admin_url, tenant, access_json }))
    .execute();
}

export async function deleteVimAccount(db: ManoStore, id: VimAccountId): Promise<void> {
  await db.deleteFrom("vim_account").where("id", "=", id).execute();
}

export async function updateCursor(db: ManoStore, id: VimAccountId, cursor: number): Promise<void> {
  await db.updateTable("vim_account").set({ cursor }).where("id", "=", id).execute();
}
