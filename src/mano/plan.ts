import { type EndSpec, netOfEnd } from "../act/stitches.ts";
import { isNameUuid } from "../lib/name-uuid.ts";
import type { Nsd, NsdFlavour, NsMember, Vdu, Vnfd } from "../model/descriptor.ts";
import type { GroupId, NetId, NsId, ServerId, VimAccountId, VnfcId } from "../model/ids.ts";
import type { Ns, Vnfc, VnfcStatus } from "../model/ns.ts";
import type { VnfInstance } from "../model/occurrence.ts";
import type { Member, ProtectionGroup } from "../model/protection.ts";
import type { Stitch } from "../model/stitch.ts";
import type { Inventory, ServerSpec, VimServer } from "../vimconn/connector.ts";
import { netsCalled, portsOfServer } from "../vimconn/inventory-index.ts";
import { flavorIdOf, imageIdOf, ownNetId } from "./provisions.ts";
import { someOf } from "./some-of.ts";
import { endsIn, sortedByUse } from "./stitches.ts";

// What follows from a descriptor for one NS. Small pure functions; what the VIM does not have is told as a sentence.

/** An NS with its descriptor and rows: everything its life cycle needs. */
export interface Deployment {
  readonly ns: Ns;
  readonly nsd: Nsd;
  readonly vnfd: Vnfd;
  /** As they stand in the catalogue, where its VNFs can be scaled: `nsd` and `vnfd` are then of the size that it has. */
  readonly asWritten?: NsdFlavour;
  /** What VNFCs are made of that are to go, or to be made anew: `nsd` and `vnfd` have these too. */
  readonly formerly?: NsdFlavour;
  readonly vnfcs: readonly Vnfc[];
  /** Its VNFs, while it is instantiated or about to be. */
  readonly vnfs: readonly VnfInstance[];
  /** What joins its parts; none where all of it is in one VIM. */
  readonly stitches: readonly Stitch[];
}

/** What people are told of: an NS, or the VNF that it is the life cycle of. */
export const calledOf = ({ name, soleVnf }: Ns): string => (soleVnf === undefined ? `NS ${name}` : `VNF ${soleVnf} (${name})`);

/** The VIMs it is in: first the one where its traffic enters. */
export const vimsOf = ({ ns, vnfcs }: Deployment): readonly VimAccountId[] =>
  vnfcs.every((v) => v.vimAccountId === ns.vimAccountId)
    ? [ns.vimAccountId]
    : [...new Set([ns.vimAccountId, ...vnfcs.map((v) => v.vimAccountId)])];

export const vnfcsIn = ({ vnfcs }: Deployment, vim: VimAccountId): Vnfc[] => vnfcs.filter((v) => v.vimAccountId === vim);

/** Without what joins parts that it has no more. */
export const withWaysInUse = (d: Deployment): Deployment => ({ ...d, stitches: sortedByUse(d).inUse });

/** OpenVIM cuts server names at 64 characters (vimconn_openvim, new_vminstance). */
export const SERVER_NAME_MAX = 64;
export const serverNameOf = (nsName: string, vnfc: string): string => `${nsName}-${vnfc}`;

/** The rows of an NS that is about to be instantiated. `newId` makes ids for VNFCs and for their servers in the VIM. */
export function planVnfcs(ns: Ns, vnfd: Vnfd, newId: () => string, now: string): Vnfc[] {
  const ids = new Map(vnfd.vdus.flatMap((vdu) => vdu.vnfcs.map((v) => [v.id, newId() as VnfcId])));
  return vnfd.vdus.flatMap((vdu) =>
    vdu.vnfcs.map((v) => ({
      id: ids.get(v.id)!,
      nsId: ns.id,
      name: v.id,
      vdu: vdu.id,
      serverName: serverNameOf(ns.name, v.id),
      vimServerId: newId() as ServerId,
      vimAccountId: ns.vimAccounts[v.id] ?? ns.vimAccountId,
      highAvailability: vdu.highAvailability,
      replicated: v.replicated === null ? null : (ids.get(v.replicated) ?? null),
      serviceInterface: vdu.serviceInterface,
      status: "BUILD" as const,
      previousStatus: null,
      errorMsg: null,
      restsSince: null,
      createdAt: now,
      modifiedAt: now,
    })),
  );
}

/** The id of a net that is not meant by its name. */
export const netIdIn = ({ netIds }: Nsd, name: string): string | undefined =>
  netIds !== undefined && Object.hasOwn(netIds, name) ? netIds[name] : undefined;

export const trafficNetNames = (nsd: Nsd): string[] => nsd.members.flatMap((m) => m.trafficNets);

/** Ids of nets in one VIM, by name. */
export type NetIds = ReadonlyMap<string, NetId>;

/** Names of the nets of an NS that one VIM must have. */
export function netNamesIn(d: Deployment, vim: VimAccountId): string[] {
  const vnfcs = vnfcsIn(d, vim);
  const attached = vnfcs.flatMap((v) => vduOf(d, v).cps.flatMap((cp) => d.nsd.nets[cp.id] ?? []));
  const data = d.nsd.members.filter((m) => vnfcs.some((v) => v.name === m.vnfc)).map((m) => m.dataNet);
  return [...attached, ...data, ...(vim === d.ns.vimAccountId ? trafficNetNames(d.nsd) : [])];
}

/**
 * Ids of the nets of an NS in one VIM, those that join it to others too. `missing`: a sentence for each name that the VIM has not exactly
 * once.
 */
export function resolveNets(d: Deployment, vim: VimAccountId, seen: Inventory): { ids: NetIds; missing: string[] } {
  const ends = endsIn(d.stitches, vim);
  const ids = new Map<string, NetId>();
  const missing: string[] = [];
  for (const end of ends) {
    const net = netOfEnd(seen, end);
    if (net !== undefined) ids.set(end.net, net.id);
  }
  for (const name of new Set([...netNamesIn(d, vim), ...ends.map((e) => e.net)])) {
    if (ids.has(name)) continue;
    const own = d.nsd.ownNets?.includes(name) ? seen.nets.get(ownNetId(d.ns.id, vim, name)) : undefined;
    const found = own === undefined ? netsCalled(seen, netIdIn(d.nsd, name) ?? name) : [own];
    if (found.length === 1) ids.set(name, found[0]!.id);
    else missing.push(`the VIM has ${found.length} nets named ${JSON.stringify(name)}; it has: ${someOf(netsOfOthers(seen))}`);
  }
  return { ids, missing };
}

/** Names of the nets that no MANO made for an NS: those are told of to nobody else. */
const netsOfOthers = ({ nets }: Inventory): string[] => [...nets.values()].flatMap((n) => (isNameUuid(n.id) ? [] : n.name));

/** What joins an NS in one VIM to its parts in others. */
export const endsOf = (d: Deployment, vim: VimAccountId): EndSpec[] =>
  endsIn(d.stitches, vim).map((end) => ({ ...end, name: `${d.ns.name} ${end.joins.name}` }));

const wayTo = (d: Deployment, vnfc: string): Stitch | undefined =>
  d.stitches.find(({ joins }) => joins.kind === "member" && joins.name === vnfc);

/** The net that traffic is led to for this member, in the VIM where it enters. */
export const entryNetName = (d: Deployment, member: NsMember): string => wayTo(d, member.vnfc)?.near.net ?? member.dataNet;

/** Where its traffic is led when nothing is wrong. `copy`: the second net it is led to at once. */
export const bindsOf = (d: Deployment, ids: NetIds): { traffic: NetId; data: NetId; copy: NetId | null; name: string }[] =>
  d.nsd.members.flatMap((m) => {
    const copy = ids.get(copyNetName(d, m.vnfc) ?? "") ?? null;
    return m.trafficNets.map((t) => ({ traffic: ids.get(t)!, data: ids.get(entryNetName(d, m))!, copy, name: t }));
  });

/** What is asked of the VIM for one VNFC. */
export function specOf(d: Deployment, vnfc: Vnfc, nets: ReadonlyMap<string, NetId>): ServerSpec {
  const vdu = vduOf(d, vnfc);
  const dataNet = d.nsd.members.find((m) => m.vnfc === vnfc.name)?.dataNet;
  const nics = vdu.cps.map((cp) => {
    const netName = cp.id === vdu.serviceInterface && dataNet !== undefined ? dataNet : d.nsd.nets[cp.id];
    const netId = nets.get(netName ?? "");
    if (netId === undefined)
      throw new Error(`VNFC ${vnfc.id}: cp ${cp.id} has no net, which the descriptor check should have refused`);
    return { name: cp.id, netId, ip: cp.ip };
  });
  const kernelCmdline = vdu.vnfcs.find((v) => v.id === vnfc.name)?.kernelCmdline ?? null;
  const description = `VNFC ${vnfc.id} of NS ${vnfc.nsId}`;
  const { image, flavor, software, compute, cloudConfig, availabilityZone } = vdu;
  const brought = {
    ...(software && { imageId: imageIdOf(vnfc.vimAccountId, software), imageMd5: software.md5 }),
    // Where that is no more, it begins as its VNFD has it.
    ...(vnfc.madeFrom && { imageId: vnfc.madeFrom.imageId }),
    ...(compute && { flavorId: flavorIdOf(vnfc.vimAccountId, compute) }),
    ...(cloudConfig && { cloudConfig }),
    ...(availabilityZone !== undefined && { availabilityZone }),
  };
  const antiAffinityGroup = vdu.highAvailability === null ? null : groupIdOf(d.ns.id, vdu.id);
  const of = { id: vnfc.vimServerId, name: vnfc.serverName, description };
  return { ...of, image, flavor, ...brought, nics, kernelCmdline, antiAffinityGroup };
}

/** The net that leads to the other member, where both serve at once (DUPLICATED). */
function copyNetName(d: Deployment, vnfc: string): string | null {
  const { nsd, vnfd } = d;
  const vdu = vnfd.vdus.find((v) => v.vnfcs.some((c) => c.id === vnfc));
  if (vdu?.highAvailability !== "DUPLICATED") return null;
  const twin = vdu.vnfcs.find((c) => c.id === vnfc)?.replicated;
  const other = nsd.members.find((m) => m.vnfc === twin);
  return other === undefined ? null : entryNetName(d, other);
}

function vduOf(d: Deployment, vnfc: Vnfc): Vdu {
  const vdu = d.vnfd.vdus.find((v) => v.id === vnfc.vdu);
  if (!vdu) throw new Error(`VNFC ${vnfc.id} is of VDU ${vnfc.vdu}, which its VNFD has not`);
  return vdu;
}

/** The protection groups of an NS: one for each VDU with high availability, or for each that a pool is divided into. */
export function groupsOf(d: Deployment, netsIn: (vim: VimAccountId) => NetIds): ProtectionGroup[] {
  const nets = netsIn(d.ns.vimAccountId);
  return d.vnfd.vdus.flatMap((vdu) => {
    const { highAvailability: scheme, policy } = vdu;
    if (scheme === null) return [];
    const all = { id: groupIdOf(d.ns.id, vdu.id), name: `${d.ns.name}-${vdu.id}`, vnfcs: vdu.vnfcs.map((v) => v.id) };
    const divided = vdu.groups.map((g) => ({
      id: `${all.id}-${g.id}` as GroupId,
      name: `${all.name}-${g.id}`,
      vnfcs: g.vnfcs,
    }));
    return (divided.length > 0 ? divided : [all]).map(({ id, name, vnfcs }) => {
      const members = membersOf(d, vdu, vnfcs);
      const isSpread = members.some((m) => m.vimAccountId !== d.ns.vimAccountId);
      return {
        id,
        nsId: d.ns.id,
        name,
        scheme,
        members: members.map((m) => memberOf(d, vdu, m, netsIn)),
        trafficNets: members.flatMap((m) => m.trafficNets.map((net) => ({ netId: nets.get(net)!, name: net, normal: m.vnfcId }))),
        policy,
        ...(isSpread && { enters: d.ns.vimAccountId }),
      };
    });
  });
}

type PlacedMember = NsMember & { readonly vnfcId: VnfcId; readonly vimAccountId: VimAccountId };

function membersOf({ nsd, vnfcs }: Deployment, vdu: Vdu, names: readonly string[]): PlacedMember[] {
  const rows = vnfcs.filter((v) => v.vdu === vdu.id && names.includes(v.name));
  return nsd.members.flatMap((m) =>
    rows.filter((v) => v.name === m.vnfc).map(({ id: vnfcId, vimAccountId }) => ({ ...m, vnfcId, vimAccountId })),
  );
}

function memberOf(d: Deployment, vdu: Vdu, m: PlacedMember, netsIn: (vim: VimAccountId) => NetIds): Member {
  const way = wayTo(d, m.vnfc);
  return {
    vnfcId: m.vnfcId,
    name: m.vnfc,
    vimAccountId: m.vimAccountId,
    dataNet: netsIn(d.ns.vimAccountId).get(entryNetName(d, m))!,
    capacity: m.capacity,
    standby: vdu.vnfcs.find((v) => v.id === m.vnfc)?.standby ?? "hot",
    ...(way && {
      away: { homeNet: netsIn(m.vimAccountId).get(m.dataNet)!, ports: [way.near.portId, way.far.portId] },
    }),
  };
}

export const groupIdOf = (ns: NsId, vdu: string): GroupId => `${ns}-${vdu}` as GroupId;

/** OpenMANO's states of a VM (vimconn_openvim, refresh_vms_status). */
export function statusOf(server: VimServer | undefined, hasIp: boolean): VnfcStatus {
  if (server === undefined || server.status === "DELETING") return "DELETED";
  if (server.status === "CREATING") return "BUILD";
  return server.status === "ACTIVE" && !hasIp ? "ACTIVE:NoMgmtIP" : server.status;
}

/** What an NS that is being instantiated still waits for in one VIM; null: its servers there run and answer on their service interface. */
export function waitsFor(vnfcs: readonly Vnfc[], seen: Inventory): string | null {
  for (const vnfc of vnfcs) {
    const server = seen.servers.get(vnfc.vimServerId);
    if (server?.status !== "ACTIVE") return `${vnfc.serverName} is ${server?.status ?? "not made yet"}`;
    const port = portsOfServer(seen, vnfc.vimServerId).find((p) => p.name === vnfc.serviceInterface);
    if (vnfc.serviceInterface !== null && port?.status !== "ACTIVE") {
      return `${vnfc.serverName}: ${vnfc.serviceInterface} is ${port?.status ?? "not made yet"}`;
    }
  }
  return null;
}
