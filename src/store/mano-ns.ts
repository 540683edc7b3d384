import type { GroupId, NsdId, NsId, ServerId, VimAccountId, VnfcId } from "../model/ids.ts";
import type { Ns, NsState, Vnfc, VnfcStatus } from "../model/ns.ts";
import type { ProtectionGroup, Scheme } from "../model/protection.ts";
import { linkKey, type Stitch } from "../model/stitch.ts";
import type { MadeFrom } from "../model/vnf-snapshot.ts";
import type { ManoStore, NsRow, VnfcRow } from "./mano-schema.ts";
import { policyIn } from "./policy.ts";

const nsOf = (row: NsRow): Ns => ({
  id: row.id as NsId,
  name: row.name,
  description: row.description,
  nsdId: row.nsd_id as NsdId,
  vimAccountId: row.vim_account_id as VimAccountId,
  vimAccounts: JSON.parse(row.vim_accounts) as Ns["vimAccounts"],
  state: row.state as NsState,
  detail: row.detail,
  createdAt: row.created_at,
  modifiedAt: row.modified_at,
  ...(row.sole_vnf !== null && { soleVnf: row.sole_vnf }),
});

/** `ns_vim`: where its NS is, and so it, unless its row says otherwise. */
const vnfcOf = (row: VnfcRow & { readonly ns_vim: string }): Vnfc => ({
  id: row.id as VnfcId,
  nsId: row.ns_id as NsId,
  name: row.name,
  vdu: row.vdu,
  serverName: row.server_name,
  vimServerId: row.vim_server_id as ServerId,
  vimAccountId: (row.vim_account_id ?? row.ns_vim) as VimAccountId,
  highAvailability: row.high_availability as Scheme | null,
  replicated: row.replicated as VnfcId | null,
  serviceInterface: row.service_interface,
  status: row.status as VnfcStatus,
  previousStatus: row.previous_status as VnfcStatus | null,
  errorMsg: row.error_msg,
  createdAt: row.created_at,
  modifiedAt: row.modified_at,
  restsSince: row.rests_since,
  ...(row.made_from !== null && { madeFrom: JSON.parse(row.made_from) as MadeFrom }),
});

const rowOfVnfc = (v: Vnfc): VnfcRow => ({
  id: v.id,
  ns_id: v.nsId,
  name: v.name,
  vdu: v.vdu,
  server_name: v.serverName,
  vim_server_id: v.vimServerId,
  vim_account_id: v.vimAccountId,
  high_availability: v.highAvailability,
  replicated: v.replicated,
  service_interface: v.serviceInterface,
  status: v.status,
  previous_status: v.previousStatus,
  error_msg: v.errorMsg,
  created_at: v.createdAt,
  modified_at: v.modifiedAt,
  rests_since: v.restsSince,
  made_from: v.madeFrom === undefined ? null : JSON.stringify(v.madeFrom),
});

export async function insertNs(db: ManoStore, ns: Ns): Promise<void> {
  const {
    id,
    name,
    description,
    nsdId: nsd_id,
    vimAccountId: vim_account_id,
    vimAccounts,
    state,
    detail,
    createdAt: created_at,
    modifiedAt: modified_at,
    soleVnf: sole_vnf = null,
  } = ns;
  const vim_accounts = JSON.stringify(vimAccounts);
  const row = { id, name, description, nsd_id, vim_account_id, vim_accounts, state, detail, created_at, modified_at, sole_vnf };
  await db.insertInto("ns").values(row).execute();
}

export async function readAllNs(db: ManoStore): Promise<Ns[]> {
  return (await db.selectFrom("ns").selectAll().orderBy("created_at").execute()).map(nsOf);
}

export async function updateNsState(db: ManoStore, ns: Pick<Ns, "id" | "state" | "detail" | "modifiedAt">): Promise<void> {
  await db
    .updateTable("ns")
    .set({ state: ns.state, detail: ns.detail, modified_at: ns.modifiedAt })
    .where("id", "=", ns.id)
    .execute();
}

/** A sole VNF goes where its external links are. Part of the caller's transaction. */
export async function updateNsVim(tx: ManoStore, { id, vimAccountId }: Pick<Ns, "id" | "vimAccountId">): Promise<void> {
  await tx.updateTable("ns").set({ vim_account_id: vimAccountId }).where("id", "=", id).execute();
}

/** The NSD of an NS, or the VNFD of a sole VNF, is another one. Part of the caller's transaction. */
export async function updateNsd(tx: ManoStore, { id, nsdId }: Pick<Ns, "id" | "nsdId">): Promise<void> {
  await tx.updateTable("ns").set({ nsd_id: nsdId }).where("id", "=", id).execute();
}

/** From here on the NS is wanted: its state, every VNFC it shall have and what joins them, in the caller's transaction, before a VIM is asked for any. */
export async function writeInstantiation(
  tx: ManoStore,
  ns: Ns,
  vnfcs: readonly Vnfc[],
  stitches: readonly Stitch[],
): Promise<void> {
  await updateNsState(tx, ns);
  await tx.insertInto("vnfc").values(vnfcs.map(rowOfVnfc)).execute();
  await insertStitches(tx, stitches);
}

/** What joins VIMs: before they are asked for any of it. Part of the caller's transaction. */
export async function insertStitches(tx: ManoStore, stitches: readonly Stitch[]): Promise<void> {
  for (const stitch of stitches) {
    const { id, nsId: ns_id, vlan, near, far } = stitch;
    await tx
      .insertInto("stitch")
      .values({ id, ns_id, link: linkKey(near, far), vlan, body: JSON.stringify(stitch) })
      .execute();
  }
}

/** Nothing is left of them in any VIM, and their VLANs are free again. */
export async function deleteStitches(db: ManoStore, stitches: readonly Stitch[]): Promise<void> {
  const ids = stitches.map((s) => s.id);
  if (ids.length > 0) await db.deleteFrom("stitch").where("id", "in", ids).execute();
}

/** Further VNFCs of an NS that runs: before a VIM is asked for any. Part of the caller's transaction. */
export async function insertVnfcs(tx: ManoStore, vnfcs: readonly Vnfc[]): Promise<void> {
  if (vnfcs.length > 0) await tx.insertInto("vnfc").values(vnfcs.map(rowOfVnfc)).execute();
}

/** VNFCs that are something else from now on. Part of the caller's transaction. */
export async function updateVnfcs(tx: ManoStore, vnfcs: readonly Vnfc[]): Promise<void> {
  for (const vnfc of vnfcs) {
    const { id, ...row } = rowOfVnfc(vnfc);
    await tx.updateTable("vnfc").set(row).where("id", "=", id).execute();
  }
}

/** VNFCs whose servers are gone. Part of the caller's transaction. */
export async function deleteVnfcs(tx: ManoStore, ids: readonly VnfcId[]): Promise<void> {
  if (ids.length > 0) await tx.deleteFrom("vnfc").where("id", "in", ids).execute();
}

export async function readStitches(db: ManoStore): Promise<Stitch[]> {
  const rows = await db.selectFrom("stitch").select("body").orderBy("vlan").execute();
  return rows.map((r) => JSON.parse(r.body) as Stitch);
}

/** Forgets the VNFCs and groups of an NS, whose servers are gone. Part of the caller's transaction. */
export async function writeRemoval(tx: ManoStore, ns: Ns): Promise<void> {
  await updateNsState(tx, ns);
  for (const table of ["vnfc", "stitch"] as const) await tx.deleteFrom(table).where("ns_id", "=", ns.id).execute();
  const groups = tx.selectFrom("protection_group").select("id").where("ns_id", "=", ns.id);
  await tx
    .updateTable("protection_command")
    .set({ ended_at: ns.modifiedAt, ended_because: "the network service was terminated" })
    .where("group_id", "in", groups)
    .where("ended_at", "is", null)
    .execute();
  await tx.deleteFrom("protection_group").where("ns_id", "=", ns.id).execute();
}

export async function deleteNs(db: ManoStore, id: NsId): Promise<void> {
  await db.deleteFrom("ns").where("id", "=", id).execute();
}

export async function readAllVnfcs(db: ManoStore): Promise<Vnfc[]> {
  const rows = await db
    .selectFrom("vnfc")
    .innerJoin("ns", "ns.id", "vnfc.ns_id")
    .selectAll("vnfc")
    .select("ns.vim_account_id as ns_vim")
    .orderBy("vnfc.created_at")
    .orderBy("vnfc.name")
    .execute();
  return rows.map(vnfcOf);
}

export async function updateVnfcStatus(
  db: ManoStore,
  v: Pick<Vnfc, "id" | "status" | "previousStatus" | "errorMsg" | "modifiedAt">,
): Promise<void> {
  await db
    .updateTable("vnfc")
    .set({ status: v.status, previous_status: v.previousStatus, error_msg: v.errorMsg, modified_at: v.modifiedAt })
    .where("id", "=", v.id)
    .execute();
}

/** `since` null: it is not meant to rest. */
export async function updateRest(db: ManoStore, id: VnfcId, since: string | null): Promise<void> {
  await db.updateTable("vnfc").set({ rests_since: since }).where("id", "=", id).execute();
}

export async function upsertGroup(db: ManoStore, group: ProtectionGroup): Promise<void> {
  const body = JSON.stringify(group);
  await db
    .insertInto("protection_group")
    .values({ id: group.id, ns_id: group.nsId, body })
    .onConflict((c) => c.column("id").doUpdateSet({ body }))
    .execute();
}

/** A group that is no more, while its NS goes on. Part of the caller's transaction. */
export async function deleteGroup(tx: ManoStore, id: GroupId, endedAt: string): Promise<void> {
  await tx
    .updateTable("protection_command")
    .set({ ended_at: endedAt, ended_because: "the VNF has become something else, without this group" })
    .where("group_id", "=", id)
    .where("ended_at", "is", null)
    .execute();
  await tx.deleteFrom("protection_group").where("id", "=", id).execute();
}

export async function readGroups(db: ManoStore): Promise<(ProtectionGroup & { readonly id: GroupId })[]> {
  const rows = await db.selectFrom("protection_group").select("body").orderBy("id").execute();
  return rows.map((r) => groupOf(JSON.parse(r.body) as ProtectionGroup));
}

/** Groups written by 0.1 name no probe, heartbeat, traffic, capacity and standby. */
const groupOf = (group: ProtectionGroup): ProtectionGroup => ({
  ...group,
  members: group.members.map((m) => ({ ...m, capacity: m.capacity ?? null, standby: m.standby ?? "hot" })),
  policy: policyIn(group.policy),
});
