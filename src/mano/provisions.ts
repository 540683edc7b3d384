import { nameUuid } from "../lib/name-uuid.ts";
import type { SoftwareOfVdu, Vdu } from "../model/descriptor.ts";
import type { NetId, NsId, VimAccountId } from "../model/ids.ts";
import type { LinkAddresses } from "../model/link-addresses.ts";
import type { Deployment } from "./plan.ts";

// What an NS brings to a VIM that has it not: images of its packages, flavors and nets of its descriptors. Ids follow from the content, so that whoever
// needs the same finds it, also after a restart; those of nets follow from the NS, whose own they are. Pure.

/** An image of a package, as a VIM gets it. */
export interface ImageWish {
  readonly id: string;
  /** The name that the VIM may have it by already. */
  readonly name: string;
  readonly software: SoftwareOfVdu;
}

export interface FlavorWish {
  readonly id: string;
  readonly name: string;
  readonly ram: number;
  readonly vcpus: number;
  readonly disk: number;
}

export interface NetWish {
  readonly id: NetId;
  /** As the descriptor has it. */
  readonly name: string;
  /** As the VIM is to have it. */
  readonly vimName: string;
  readonly addresses?: LinkAddresses;
}

export interface Provisions {
  readonly images: readonly ImageWish[];
  readonly flavors: readonly FlavorWish[];
  readonly nets: readonly NetWish[];
}

export const imageIdOf = (vim: VimAccountId, { sha256 }: SoftwareOfVdu): string => nameUuid(`${vim} image ${sha256}`);
export const flavorIdOf = (vim: VimAccountId, { vcpus, memoryMiB, diskGiB }: NonNullable<Vdu["compute"]>): string =>
  nameUuid(`${vim} flavor ${vcpus} ${memoryMiB} ${diskGiB}`);
export const ownNetId = (ns: NsId, vim: VimAccountId, name: string): NetId => nameUuid(`${vim} ${ns} net ${name}`) as NetId;

/** The name of what the MANO makes beside what somebody else may make with the name that the descriptor has. */
export const ownName = (name: string, id: string): string => `${name}-${id.slice(0, 8)}`;

/** All that an NS may bring to one of its VIMs. `nets`: names of those that it has there. */
export function provisionsOf(d: Deployment, vim: VimAccountId, nets: readonly string[]): Provisions {
  const used = new Set(d.vnfcs.filter((v) => v.vimAccountId === vim).map((v) => v.vdu));
  const own = new Set(d.nsd.ownNets);
  const vdus = d.vnfd.vdus.filter((vdu) => used.has(vdu.id));
  return wishesFor(
    d,
    vim,
    vdus,
    [...new Set(nets)].filter((name) => own.has(name)),
  );
}

/** Nets that are made for it alone, at whatever size. */
const ownNetNames = ({ nsd, asWritten }: Deployment): string[] => [
  ...new Set([...(asWritten?.nsd.ownNets ?? []), ...(nsd.ownNets ?? [])]),
];

/** Their ids in one VIM, whether they are there or not. */
export const ownNetIds = (d: Deployment, vim: VimAccountId): NetId[] =>
  ownNetNames(d).map((name) => ownNetId(d.ns.id, vim, name));

/** All that it may have brought to one of its VIMs since it began: for VNFs that were removed, and of links that it has left, too. */
export const broughtBy = (d: Deployment, vim: VimAccountId): Provisions =>
  wishesFor(d, vim, [...d.vnfd.vdus, ...(d.formerly?.vnfd.vdus ?? [])], ownNetNames(d));

function wishesFor({ ns, nsd }: Deployment, vim: VimAccountId, vdus: readonly Vdu[], nets: readonly string[]): Provisions {
  const images = vdus.flatMap(({ image: name, software }) =>
    software === undefined ? [] : [{ id: imageIdOf(vim, software), name, software }],
  );
  const flavors = vdus.flatMap(({ flavor: name, compute }) => {
    if (compute === undefined) return [];
    const { vcpus, memoryMiB: ram, diskGiB } = compute;
    return [{ id: flavorIdOf(vim, compute), name, ram, vcpus, disk: diskGiB ?? 0 }];
  });
  return {
    images: distinct(images),
    flavors: distinct(flavors),
    nets: nets.map((name) => {
      const addresses = nsd.netAddresses?.[name];
      return { id: ownNetId(ns.id, vim, name), name, vimName: `${ns.name}-${name}`, ...(addresses && { addresses }) };
    }),
  };
}

const distinct = <T extends { readonly id: string }>(all: readonly T[]): T[] =>
  all.filter((one, i) => all.findIndex((o) => o.id === one.id) === i);
