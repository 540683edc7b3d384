import { namesOf } from "../descriptor/sized.ts";
import { Fault } from "../lib/fault.ts";
import type { NetId } from "../model/ids.ts";
import type { Vnfc } from "../model/ns.ts";
import type { VnfInstance } from "../model/occurrence.ts";
import type { Inventory, ServerSpec } from "../vimconn/connector.ts";
import { notHere } from "./asked-links.ts";
import { type FurtherVnf, furtherOf, profileOf } from "./ns-size.ts";
import { type Deployment, netNamesIn, resolveNets, specOf } from "./plan.ts";
import { checkVdu } from "./size.ts";
import type { VnfGround } from "./vnf-plan.ts";

// A VNF that was made by itself, as one of an NS: which place of its VNF profile it takes, and whether its machines are what that wants. Pure.

/** A VNF that an NS takes in. */
export interface Fitting {
  readonly sole: Deployment;
  /** As it is to be. */
  readonly vnf: VnfInstance;
  /** Name of a VNFC in the NS → the one that it is. */
  readonly vnfcs: ReadonlyMap<string, Vnfc>;
}

/** Throws INVALID or NOT_SUPPORTED where no VNF profile of the NS has a place for it. `d`: with those that are taken in before it. */
export function fitting(d: Deployment, sole: Deployment, profile: string | undefined, ground: VnfGround): Fitting {
  const [had] = sole.vnfs;
  if (had === undefined) throw new Error(`NS ${sole.ns.id} has no VNF`);
  const wish: FurtherVnf = { vnfd: had.vnfdId, ...(profile !== undefined && { profile }) };
  const id = profileOf(d, wish);
  const { made, scaling, planned } = furtherOf(d, id, ground);
  refuseOther(had, planned);
  if (sole.vnfcs.some((v) => v.highAvailability !== null))
    throw notHere(
      `VNF ${had.name} is protected by itself: users are led to its own VNFCs, which no other VNF may serve too; terminate it, and ask for INSTANTIATE_VNF`,
    );
  const vnfcs = new Map<string, Vnfc>();
  for (const vdu of scaling.vdus) {
    const all = namesOf(made, scaling, vdu)[planned.ordinal ?? 0] ?? [];
    const own = ownNames(sole, vdu.id);
    const there = sole.vnfcs.filter((v) => v.vdu === vdu.id);
    if (there.length !== planned.vnfcs.filter((name) => all.includes(name)).length) checkVdu(had, vdu, there.length);
    for (const vnfc of there) vnfcs.set(all[own.indexOf(vnfc.name)] ?? "", vnfc);
  }
  if (vnfcs.size !== sole.vnfcs.length || vnfcs.has(""))
    throw notHere(`VNF ${had.name}: it has other VNFCs than those that VNF profile ${id} of NS ${d.ns.name} has room for`);
  const { externalLinks: _, managedLinks: __, ...vnf } = had; // Its NSD says where it is connected to from now on.
  const { nsId, ordinal } = planned;
  const scale = planned.scale === undefined ? {} : { scale: had.scale ?? planned.scale };
  return {
    sole,
    vnf: { ...vnf, nsId, profile: id, ordinal: ordinal ?? 0, vnfcs: [...vnfcs.keys()], ...scale, modifiedAt: ground.now },
    vnfcs,
  };
}

/** Names of all VNFCs of a VDU that it may have by itself, in the order in which they are made. */
function ownNames({ asWritten, vnfd }: Deployment, vdu: string): string[] {
  const [scaling] = asWritten?.nsd.scaling ?? [];
  const scaled = scaling?.vdus.find((v) => v.id === vdu);
  if (asWritten && scaling && scaled) return namesOf(asWritten, scaling, scaled)[0] ?? [];
  return vnfd.vdus.find((v) => v.id === vdu)?.vnfcs.map((v) => v.id) ?? [];
}

/** Throws NOT_SUPPORTED for a VNF of another package or flavour than those of the profile. */
function refuseOther({ name, vnfdId, product }: VnfInstance, planned: VnfInstance): void {
  const wanted = planned.product;
  if (product.packageId !== wanted.packageId)
    throw notHere(
      `VNF ${name} is of VNF package ${product.packageId} (${vnfdId} ${product.vnfdVersion}), and those of VNF profile ${planned.profile} are of ${wanted.packageId} (${wanted.vnfdVersion}); change its package first`,
    );
  const [is, want] = [product.flavourId ?? "default", wanted.flavourId ?? "default"];
  if (is !== want)
    throw notHere(`VNF ${name} is in deployment flavour ${is}, and those of VNF profile ${planned.profile} are in ${want}`);
}

/** Throws NOT_SUPPORTED where a machine is not what it would be if the NS had made it: nothing of it is changed. `d`: the NS with it. */
export function checkMachines(d: Deployment, { sole, vnf, vnfcs }: Fitting, seen: Inventory): void {
  for (const [name, is] of vnfcs) {
    const row = d.vnfcs.find((v) => v.name === name)!;
    if (is.vimAccountId !== d.ns.vimAccountId)
      throw notHere(
        `VNF ${vnf.name}: ${is.serverName} is in VIM account ${is.vimAccountId}, and NS ${d.ns.name} is in ${d.ns.vimAccountId}`,
      );
    const [here, there] = [specIn(sole, is, seen), specIn(d, row, seen)];
    const other = differences(here, there, seen);
    if (other.length === 0) continue;
    const whose = `one of VNF profile ${vnf.profile} of NS ${d.ns.name} would have`;
    throw notHere(`VNF ${vnf.name}: ${is.serverName} is not what ${whose}: ${other.join("; ")}`);
  }
}

/** Nets that the VIM has not go by their names. */
function specIn(d: Deployment, vnfc: Vnfc, seen: Inventory): ServerSpec {
  const { ids } = resolveNets(d, vnfc.vimAccountId, seen);
  const named = netNamesIn(d, vnfc.vimAccountId).map((name) => [name, ids.get(name) ?? (name as NetId)] as const);
  return specOf(d, vnfc, new Map(named));
}

const COMPARED = {
  image: "its image",
  imageId: "the id of its image",
  flavor: "its flavor",
  flavorId: "the id of its flavor",
  kernelCmdline: "its kernel command line",
  availabilityZone: "its availability zone",
} as const satisfies Partial<Record<keyof ServerSpec, string>>;

/** What of a machine is not as it is wanted, in words. */
export function differences(is: ServerSpec, wanted: ServerSpec, { nets }: Inventory): string[] {
  const textOf = (value: unknown) => JSON.stringify(value ?? null);
  const plain = Object.entries(COMPARED).flatMap(([key, words]) => {
    const [a, b] = [is, wanted].map((spec) => textOf(spec[key as keyof typeof COMPARED]));
    return a === b ? [] : `${words} is ${a}, not ${b}`;
  });
  const isToldElse = textOf(is.cloudConfig) !== textOf(wanted.cloudConfig);
  const told = isToldElse ? ["its cloud-init data is other"] : []; // What it says may hold secrets, and is shown to nobody.
  const called = (id: NetId) => nets.get(id)?.name ?? id;
  const cps = wanted.nics.flatMap(({ name, netId, ip }) => {
    const nic = is.nics.find((n) => n.name === name);
    if (nic === undefined) return `it has no ${name}`;
    if (nic.netId !== netId) return `${name} is on net ${called(nic.netId)}, not on ${called(netId)}; connect it there first`;
    return nic.ip === ip ? [] : `${name} has ${nic.ip ?? "no address"}, not ${ip ?? "none"}`;
  });
  return [...plain, ...told, ...cps];
}

/** Throws CONFLICT where not all of it runs, or something ails it: what is taken in is well. */
export function checkWell(sole: Deployment, seen: Inventory, ails: (v: Vnfc) => string | null): void {
  const { ns, vnfs, vnfcs, formerly } = sole;
  const say = (why: string) => new Fault("CONFLICT", `VNF ${ns.soleVnf} (${ns.name}) ${why}`, { id: ns.soleVnf ?? ns.id });
  if (vnfs.some((v) => v.isStopped)) throw say("was stopped; ask for an operate to STARTED first");
  const isOnTheWay = vnfs.some((v) => (v.leaving ?? v.remaking ?? []).length > 0);
  if (formerly !== undefined || isOnTheWay) throw say("is half-way to what it was asked to be; mend that first");
  for (const vnfc of vnfcs) {
    const server = seen.servers.get(vnfc.vimServerId);
    if (server?.status !== "ACTIVE") throw say(`does not run: ${vnfc.serverName} is ${server?.status ?? "gone"}; heal it first`);
    const why = ails(vnfc);
    if (why !== null) throw say(`is not well: ${vnfc.serverName} ${why}; wait for its end, or heal it first`);
  }
}
