import type { Nsd, Vnfd } from "../model/descriptor.ts";
import type { NetId, VimAccountId, VimPortId } from "../model/ids.ts";
import type { Ns, Vnfc } from "../model/ns.ts";
import type { LinkEnd, Stitch, StitchEnd, VimLink } from "../model/stitch.ts";

// What joins the parts of an NS that are in several VIMs: pure. The VIM of the NS is the hub: its traffic enters there.

/** A link by its two ends, whichever way round. */
export const linkKey = (a: LinkEnd, b: LinkEnd): string =>
  [a, b]
    .map((end) => `${end.vimAccountId}/${end.switchPort}`)
    .sort()
    .join(" ");

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

/** One for each protected VNFC that is not where traffic enters, and for each net that VNFCs of several VIMs are on. `errors`: in words. */
export function planStitches(wish: StitchWish, ground: StitchGround): { stitches: Stitch[]; errors: string[] } {
  const stitches: Stitch[] = [];
  const errors = new Set<string>();
  const join = (joins: Stitch["joins"], far: VimAccountId, nearNet: string, farNet: string) => {
    const made = stitch(wish.ns, joins, far, { near: nearNet, far: farNet }, ground, [...ground.taken, ...stitches]);
    if (typeof made === "string") errors.add(made);
    else stitches.push(made);
  };
  const { ns, nsd, vnfcs } = wish;
  for (const vnfc of vnfcs.filter((v) => v.vimAccountId !== ns.vimAccountId)) {
    const member = nsd.members.find((m) => m.vnfc === vnfc.name);
    if (member) join({ kind: "member", name: vnfc.name }, vnfc.vimAccountId, wayNetOf(ns, vnfc.name), member.dataNet);
  }
  for (const [net, vims] of sharedNets(wish))
    for (const far of vims) if (far !== ns.vimAccountId) join({ kind: "net", name: net }, far, net, net);
  return { stitches, errors: [...errors] };
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
