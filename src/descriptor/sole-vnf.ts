import type { NsBlueprint, VnfBlueprint } from "../model/blueprint.ts";
import type { Nsd, Vnfd } from "../model/descriptor.ts";
import { compile, NONE_KNOWN } from "./compile.ts";
import { type Flaw, quote } from "./flaw.ts";

/** A net of the VIM, and the external connection points that are connected to it. */
export interface ConnectedNet {
  readonly id: string;
  readonly name: string;
  readonly extCps: readonly string[];
}

/** An internal virtual link that is a net of the VIM. */
export interface ManagedNet {
  readonly id: string;
  readonly name: string;
  readonly link: string;
}

/** A VNFD with the NSD that has it and nothing else, or what is wrong, in words. */
export type SoleVnf =
  | { readonly nsd: Nsd; readonly vnfd: Vnfd; readonly wrong?: never }
  | { readonly wrong: readonly string[]; readonly nsd?: never };

/**
 * What a VNF by itself is run by: the NSD of one VNF profile whose virtual links are the nets that its external connection points are connected to, so that
 * protection is compiled as it is for a VNF of an NS. `profile`: what that is called. Pure.
 */
export function soleVnf(
  vnf: VnfBlueprint,
  nets: readonly ConnectedNet[],
  managed: readonly ManagedNet[],
  level?: string,
  profile = vnf.id,
): SoleVnf {
  const wrong = [...openOf(vnf, nets), ...strangersIn(vnf, managed)];
  if (wrong.length > 0) return { wrong };
  const names = namesFor(vnf, [...nets, ...managed]);
  const nameOf = (net: { readonly id: string; readonly name: string }) => names.get(net.id)!;
  const flaws: Flaw[] = [];
  const made = compile({ vnfs: [vnf], nss: [nsOf(vnf, nets, nameOf, level, profile)] }, NONE_KNOWN, flaws);
  const nsd = made?.descriptor.nsds[0];
  const vnfd = made?.descriptor.vnfds.find((v) => v.id === nsd?.vnfd);
  if (!nsd || !vnfd) return { wrong: flaws.map(({ what, remedy }) => `${what}; ${remedy}`) };
  const { written: _, ...bare } = nsd;
  const managedNames = new Map(managed.map((m) => [m.link, nameOf(m)]));
  const ownNets = nsd.ownNets?.filter((name) => !managedNames.has(name)) ?? [];
  return {
    vnfd,
    nsd: {
      ...bare,
      nets: Object.fromEntries(Object.entries(nsd.nets).map(([cp, net]) => [cp, managedNames.get(net) ?? net])),
      netIds: Object.fromEntries([...nets, ...managed].map((n) => [nameOf(n), n.id])),
      ownNets,
    },
  };
}

function nsOf(
  vnf: VnfBlueprint,
  nets: readonly ConnectedNet[],
  nameOf: (net: ConnectedNet) => string,
  level: string | undefined,
  profile: string,
): NsBlueprint {
  const links = nets.map((net) => ({ id: nameOf(net), net: nameOf(net), isOfVim: true as const }));
  const connections = nets.flatMap((net) => net.extCps.map((extCp) => ({ link: nameOf(net), extCp })));
  const one = { min: 1, max: 1, initial: 1 };
  const at = level === undefined ? {} : { vnfLevel: level };
  const use = { id: profile, vnfd: vnf.id, ...at, instances: one, isKeptApart: false, level: null, connections, members: [] };
  const { id, version, name } = vnf;
  return { id, version, name, designer: null, level: null, uses: [use], links, steering: [], makesNets: true };
}

/** Nets go by the names that they have in the VIM, and where several have one, or the VNF has it for a net of its own, by their ids. */
function namesFor(vnf: VnfBlueprint, nets: readonly { readonly id: string; readonly name: string }[]): Map<string, string> {
  const own = vnf.vdus.flatMap((vdu) => [
    ...vdu.cps.map((cp) => cp.link),
    ...vdu.vnfcs.flatMap((v) => [v.dataNet, `${v.id}-data`]),
  ]);
  const isPlain = (name: string) =>
    !own.includes(name) && !name.endsWith("-data") && new Set(nets.filter((n) => n.name === name).map((n) => n.id)).size === 1;
  return new Map(nets.map((n) => [n.id, isPlain(n.name) ? n.name : n.id]));
}

/** External connection points that are connected to nothing. */
function openOf(vnf: VnfBlueprint, nets: readonly ConnectedNet[]): string[] {
  const connected = new Set(nets.flatMap((n) => n.extCps));
  const isInside = (vdu: string | null, cp: string | null) => {
    const point = vnf.vdus.find((v) => v.id === vdu)?.cps.find((c) => c.id === cp);
    return point === undefined || point.link !== null || point.mayBeOpen === true;
  };
  // Several may lead to one inside: one of them is enough.
  const reached = vnf.extCps.filter((e) => connected.has(e.id)).map((e) => `${e.vdu}/${e.cp}`);
  const open = vnf.extCps.filter((e) => e.link === null && !isInside(e.vdu, e.cp) && !reached.includes(`${e.vdu}/${e.cp}`));
  if (open.length === 0) return [];
  const names = open.map((e) => e.id).join(", ");
  return [
    `extVirtualLinks: nothing is said of where ${names} of VNFD ${quote(vnf.id)} ${open.length === 1 ? "is" : "are"} connected to`,
  ];
}

function strangersIn(vnf: VnfBlueprint, managed: readonly ManagedNet[]): string[] {
  const links = new Set(vnf.vdus.flatMap((v) => v.cps.flatMap((c) => c.link ?? [])));
  return managed
    .filter((m) => !links.has(m.link))
    .map((m) => {
      const there = [...links].join(", ") || "none";
      return `extManagedVirtualLinks: VNFD ${quote(vnf.id)} has no internal virtual link ${quote(m.link)}; it has ${there}`;
    });
}
