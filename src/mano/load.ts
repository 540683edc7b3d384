import type { NsdId, NsId } from "../model/ids.ts";
import type { ProtectionGroup } from "../model/protection.ts";
import { readNsd, readOwnDescriptors } from "../store/mano-catalogue.ts";
import { readAllNs, readAllVnfcs, readGroups, readStitches } from "../store/mano-ns.ts";
import { insertVnfInstances, readVnfInstances } from "../store/mano-occurrences.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { Deployment } from "./plan.ts";
import { resized } from "./size.ts";
import { placed, planVnfs, vnfsIn } from "./vnf-plan.ts";

/** An NS as the store has it, with the groups that were made for it. */
export interface Kept {
  readonly deployment: Deployment;
  readonly groups: readonly ProtectionGroup[];
}

/** Every NS of the store. Those of one NSD share it in memory. */
export async function readDeployments(db: ManoStore): Promise<Kept[]> {
  const idOf = ({ nsId }: { readonly nsId: NsId }) => nsId;
  const vnfcs = Map.groupBy(await readAllVnfcs(db), idOf);
  const groups = Map.groupBy(await readGroups(db), idOf);
  const stitches = Map.groupBy(await readStitches(db), idOf);
  const vnfs = Map.groupBy(await readVnfInstances(db), idOf);
  const nsds = new Map<NsdId, Awaited<ReturnType<typeof readNsd>>>();
  const own = await readOwnDescriptors(db);
  const all: Kept[] = [];
  for (const ns of await readAllNs(db)) {
    if (!own.has(ns.id) && !nsds.has(ns.nsdId)) nsds.set(ns.nsdId, await readNsd(db, ns.nsdId));
    const made = own.get(ns.id) ?? nsds.get(ns.nsdId);
    if (!made) throw new Error(`NS ${ns.id} is of NSD ${ns.nsdId}, which the store has not`);
    const of = <T>(map: Map<NsId, T[]>) => map.get(ns.id) ?? [];
    const d = { ns, ...made, vnfcs: of(vnfcs), vnfs: of(vnfs), stitches: of(stitches) };
    all.push({ deployment: resized(await withVnfs(db, d)), groups: of(groups) });
  }
  return all;
}

/** One that was instantiated by 0.1 gets its VNFs now. */
async function withVnfs(db: ManoStore, d: Deployment): Promise<Deployment> {
  if (d.vnfcs.length === 0 || d.vnfs.length > 0) return d;
  const ground = { newId: () => crypto.randomUUID(), now: d.ns.modifiedAt, found: () => undefined };
  const vnfs = planVnfs(d, placed(vnfsIn(d.nsd, d.vnfd)), ground);
  await insertVnfInstances(db, vnfs);
  return { ...d, vnfs };
}
