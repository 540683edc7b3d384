import { brokenRules } from "../descriptor/rules.ts";
import type { NsdFlavour, NsMember, Vdu } from "../model/descriptor.ts";
import { notHere } from "./asked-links.ts";

// A VNF that becomes something else while it runs: which of its machines stay as they are, and what its NS is made of meanwhile. Pure.

/** What becomes of VNFCs, by their names. */
export interface Reshape {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Of the same name, and with another machine. */
  readonly remade: readonly string[];
}

/** Names of VNFCs that are told apart: those of the VNFs that are asked for. Throws NOT_SUPPORTED for a change that cannot be made while the service runs. */
export function reshapeOf(from: NsdFlavour, to: NsdFlavour, had: readonly string[], wanted: readonly string[]): Reshape {
  const both = wanted.filter((name) => had.includes(name));
  for (const name of both) refuseOther(name, vduWith(from, name), vduWith(to, name));
  return {
    added: wanted.filter((name) => !had.includes(name)),
    removed: had.filter((name) => !wanted.includes(name)),
    remade: both.filter((name) => machineOf(from, name) !== machineOf(to, name)),
  };
}

/** A group is one of a VDU; and who is reached over a net of its own and who is not cannot change places while both serve. */
function refuseOther(name: string, from: Vdu | undefined, to: Vdu | undefined): void {
  if (!from || !to) return;
  if (from.id !== to.id)
    throw notHere(
      `VNFC ${name} is of VDU ${from.id} now and would be of VDU ${to.id}; keep the id of the VDU, or give the VNFCs of ${to.id} names of their own`,
    );
  if ((from.highAvailability === null) === (to.highAvailability === null)) return;
  const [is, was] = [to, from].map((v) => (v.highAvailability === null ? "not protected" : `protected (${v.highAvailability})`));
  throw notHere(
    `VDU ${to.id} is ${was} now and would be ${is}: its users reach it over other nets then, which cannot be done while it serves; terminate it, and instantiate it so`,
  );
}

const vduWith = ({ vnfd }: NsdFlavour, name: string): Vdu | undefined =>
  vnfd.vdus.find((v) => v.vnfcs.some((c) => c.id === name));

const memberIn = ({ nsd }: NsdFlavour, name: string): NsMember | undefined => nsd.members.find((m) => m.vnfc === name);

/** All that a VIM is asked for to make it, as one text. */
function machineOf(made: NsdFlavour, name: string): string {
  const vdu = vduWith(made, name);
  const net = (cp: string) => (cp === vdu?.serviceInterface ? memberIn(made, name)?.dataNet : undefined) ?? made.nsd.nets[cp];
  const nics = vdu?.cps.map((cp) => [cp.id, cp.ip, made.nsd.netIds?.[net(cp.id) ?? ""] ?? net(cp.id)]);
  const { image, flavor, software, compute, cloudConfig, availabilityZone, highAvailability = null } = vdu ?? {};
  const kernelCmdline = vdu?.vnfcs.find((c) => c.id === name)?.kernelCmdline;
  const { vcpus, memoryMiB, diskGiB } = compute ?? {};
  const size = [vcpus, memoryMiB, diskGiB];
  const told = [kernelCmdline, cloudConfig];
  return JSON.stringify([
    vdu?.id,
    image,
    flavor,
    software?.sha256,
    size,
    highAvailability === null,
    nics,
    told,
    availabilityZone,
  ]);
}

/**
 * What an NS is made of while VNFs of it become something else. `now`: as it is to be, with what is there of that. `leaving`: VNFCs that have only `before`
 * to say what they are; they serve nothing any more. `remaking`: who is reached where it was, as long as its machine is the old one.
 */
export function inBetween(
  now: NsdFlavour,
  before: NsdFlavour,
  leaving: ReadonlySet<string>,
  remaking: ReadonlySet<string>,
): NsdFlavour {
  const known = new Set(now.vnfd.vdus.flatMap((v) => v.vnfcs.map((c) => c.id)));
  const isLeft = (name: string) => leaving.has(name) && !known.has(name);
  const old = before.vnfd.vdus.map((v) => ({ ...v, vnfcs: v.vnfcs.filter((c) => isLeft(c.id)) }));
  const vdus = [
    ...now.vnfd.vdus.map((v) => ({ ...v, vnfcs: [...v.vnfcs, ...(old.find((o) => o.id === v.id)?.vnfcs ?? [])] })),
    ...old.filter((o) => o.vnfcs.length > 0 && !now.vnfd.vdus.some((v) => v.id === o.id)),
  ];
  const there = (m: NsMember): NsMember =>
    remaking.has(m.vnfc) ? { ...m, dataNet: memberIn(before, m.vnfc)?.dataNet ?? m.dataNet } : m;
  const left = before.nsd.members.filter((m) => isLeft(m.vnfc)).map((m) => ({ ...m, trafficNets: [] }));
  const ownNets = [...new Set([...(now.nsd.ownNets ?? []), ...(before.nsd.ownNets ?? [])])];
  const netIds = { ...before.nsd.netIds, ...now.nsd.netIds };
  return {
    vnfd: { ...now.vnfd, vdus },
    nsd: {
      ...now.nsd,
      nets: { ...before.nsd.nets, ...now.nsd.nets },
      members: [...now.nsd.members.map(there), ...left],
      vimAccounts: { ...before.nsd.vimAccounts, ...now.nsd.vimAccounts },
      ...(ownNets.length > 0 && { ownNets }),
      ...(Object.keys(netIds).length > 0 && { netIds }),
    },
  };
}

/** Throws NOT_SUPPORTED where the rules of descriptors are not kept. */
export function checkMade({ nsd, vnfd }: NsdFlavour): void {
  const broken = brokenRules({ vnfds: [{ ...vnfd, id: nsd.vnfd }], nsds: [nsd] });
  if (broken.length > 0) throw notHere(broken.map((b) => b.replace(/^\S+: /, "")).join("; "));
}
