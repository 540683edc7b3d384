import type { Nsd, Vnfd } from "../model/descriptor.ts";
import type { NetId, VimAccountId, VimPortId } from "../model/ids.ts";
import type { Ns, Vnfc } from "../model/ns.ts";
import { type LinkEnd, linkKey, type Stitch, type StitchEnd, type VimLink } from "../model/stitch.ts";

// What joins the parts of an NS that are in several VIMs: pure. The VIM of the NS is the hub: its traffic enters there.

export interface StitchWish {
  readonly ns: Ns;
  readonly nsd: Nsd;
  readonly vnfd: Vnfd;
  readonly vnfcs: readonly Vnfc[];
}

/** What is there already. */
export interface StitchGround {
  readonly links: readonly VimLink[];
  readonly taken: readonly Stitch[];
  nameOf(vim: VimAccountId): string;
  newId(): string;
}

/** The name of the net that traffic is led to for a member elsewhere, in the VIM where it enters. */
export const wayNetOf = (ns: Ns, vnfc: string): string => `${ns.name}-to-${vnfc}`;

/** What is to be joined: by which two nets, and in which VIM the further one is. */
interface Join {
  readonly joins: Stitch["joins"];
  readonly far: VimAccountId;
  readonly nearNet: string;
  readonly farNet: string;
}

/** One for each protected VNFC that is not where traffic enters, and for each net that VNFCs of several VIMs are on. */
function joinsOf(wish: StitchWish): Join[] {
  const { ns, nsd, vnfcs } = wish;
  const ways = vnfcs.flatMap(({ name, vimAccountId: far }): Join[] => {
    const member = far === ns.vimAccountId ? undefined : nsd.members.find((m) => m.vnfc === name);
    return member ? [{ joins: { kind: "member", name }, far, nearNet: wayNetOf(ns, name), farNet: member.dataNet }] : [];
  });
  const nets = [...sharedNets(wish)].flatMap(([name, vims]) =>
    [...vims].flatMap((far): Join[] =>
      far === ns.vimAccountId ? [] : [{ joins: { kind: "net", name }, far, nearNet: name, farNet: name }],
    ),
  );
  return [...ways, ...nets];
}

const isFor = ({ joins, far }: Stitch, of: Join): boolean =>
  joins.kind === of.joins.kind && joins.name === of.joins.name && far.vimAccountId === of.far;

/** Those that are needed and that it has not yet. `errors`: in words. */
export function planStitches(
  wish: StitchWish,
  ground: StitchGround,
  had: readonly Stitch[] = [],
): { stitches: Stitch[]; errors: string[] } {
  const stitches: Stitch[] = [];
  const errors = new Set<string>();
  for (const join of joinsOf(wish).filter((j) => !had.some((s) => isFor(s, j)))) {
    const nets = { near: join.nearNet, far: join.farNet };
    const made = stitch(wish.ns, join.joins, join.far, nets, ground, [...ground.taken, ...stitches]);
    if (typeof made === "string") errors.add(made);
    else stitches.push(made);
  }
  return { stitches, errors: [...errors] };
}

/** The stitches that its VNFCs need, and those that none of them needs any more. */
export function sortedByUse(wish: StitchWish & { readonly stitches: readonly Stitch[] }): {
  readonly inUse: readonly Stitch[];
  readonly idle: readonly Stitch[];
} {
  if (wish.stitches.length === 0) return { inUse: [], idle: [] };
  const needed = joinsOf(wish);
  const { inUse = [], idle = [] } = Object.groupBy(wish.stitches, (s) => (needed.some((j) => isFor(s, j)) ? "inUse" : "idle"));
  return { inUse, idle };
}

/** Nets of connection points that VNFCs of more than one VIM have, with these VIMs. */
function sharedNets({ nsd, vnfd, vnfcs }: StitchWish): Map<string, ReadonlySet<VimAccountId>> {
  const uses = vnfcs.flatMap((vnfc) => {
    const vdu = vnfd.vdus.find((v) => v.id === vnfc.vdu);
    const nets = (vdu?.cps ?? []).flatMap((cp) => nsd.nets[cp.id] ?? []);
    return nets.map((net) => ({ net, vim: vnfc.vimAccountId }));
  });
  const byNet = [...Map.groupBy(uses, (u) => u.net)].map(([net, own]) => [net, new Set(own.map((u) => u.vim))] as const);
  return new Map(byNet.filter(([, vims]) => vims.size > 1));
}

function stitch(
  ns: Ns,
  joins: Stitch["joins"],
  far: VimAccountId,
  nets: { readonly near: string; readonly far: string },
  { links, nameOf, newId }: StitchGround,
  taken: readonly Stitch[],
): Stitch | string {
  const link = links.find(({ ends }) => [ns.vimAccountId, far].every((vim) => ends.some((e) => e.vimAccountId === vim)));
  const [here, there] = [nameOf(ns.vimAccountId), nameOf(far)];
  if (link === undefined) return `no link joins the VIMs ${here} and ${there}; the setting mano.links names them`;
  const [near, away] = link.ends[0].vimAccountId === ns.vimAccountId ? link.ends : link.ends.toReversed();
  const key = linkKey(link.ends[0], link.ends[1]);
  const used = new Set(taken.filter((s) => linkKey(s.near, s.far) === key).map((s) => s.vlan));
  const { first, last } = link.vlans;
  const vlan = Array.from({ length: last - first + 1 }, (_, i) => first + i).find((v) => !used.has(v));
  if (vlan === undefined) return `no VLAN between ${first} and ${last} is free on the link of the VIMs ${here} and ${there}`;
  const endOf = ({ vimAccountId, switchPort }: LinkEnd, net: string): StitchEnd => ({
    vimAccountId,
    switchPort,
    portId: newId() as VimPortId,
    net,
    netId: newId() as NetId,
  });
  return {
    id: newId(),
    nsId: ns.id,
    joins,
    vlan,
    near: endOf(near as LinkEnd, nets.near),
    far: endOf(away as LinkEnd, nets.far),
  };
}

/** The ends in one VIM. */
export const endsIn = (stitches: readonly Stitch[], vim: VimAccountId): (StitchEnd & Pick<Stitch, "joins" | "vlan">)[] =>
  stitches.flatMap(({ joins, vlan, near, far }) =>
    [near, far].filter((end) => end.vimAccountId === vim).map((end) => ({ ...end, joins, vlan })),
  );
