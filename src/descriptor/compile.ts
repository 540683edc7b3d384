import type { NsBlueprint, Place, VnfBlueprint } from "../model/blueprint.ts";
import type { Descriptor, Nsd, Vnfd } from "../model/descriptor.ts";
import { type CompiledNs, compileNs, type Lookup } from "./compile-ns.ts";
import { type CompiledVdu, compileVnf, withoutPlaces } from "./compile-vnf.ts";
import { inEachFlavour, namedAlike } from "./flavours.ts";
import type { Flaw } from "./flaw.ts";
import { brokenRules } from "./rules.ts";
import { atMost } from "./sized.ts";

/** What was read of a file, in whichever form. */
export interface Blueprints {
  readonly vnfs: readonly VnfBlueprint[];
  readonly nss: readonly NsBlueprint[];
}

/** VNFDs that are on board, for NSDs that refer to them. */
export interface KnownVnfds {
  readonly find: Lookup;
  readonly names: readonly string[];
}

/** Of several with one id or name the first. */
export const knownOf = (vnfs: readonly VnfBlueprint[], names = vnfs.map((v) => v.id)): KnownVnfds => ({
  find: (idOrName) => vnfs.find((v) => v.id === idOrName) ?? vnfs.find((v) => v.name === idOrName),
  names: [...new Set(names)],
});

export const NONE_KNOWN: KnownVnfds = knownOf([]);

/** What a file became. `protection`: of each NSD, or of each VNFD that none of the file uses, what protects its VDUs and why. */
export interface Outcome {
  readonly descriptor: Descriptor;
  readonly protection: readonly { readonly of: string; readonly kind: "nsd" | "vnfd"; readonly vdus: readonly CompiledVdu[] }[];
}

/** Blueprints in the model, with every rule of the model kept in each deployment flavour; null where `flaws` says what is wrong. Pure. */
export function compile({ vnfs, nss }: Blueprints, known: KnownVnfds, flaws: Flaw[]): Outcome | null {
  const alone = vnfs.map((vnf) => ({ vnf, ...compileVnf(vnf, nss.length > 0 ? [] : flaws) }));
  const inOthers = vnfs
    .flatMap((vnf) => inEachFlavour(vnf).slice(1))
    .map((vnf) => ({ vnf, ...compileVnf(vnf, nss.length > 0 ? [] : flaws) }));
  const find: Lookup = (id) => vnfs.find((v) => v.id === id) ?? vnfs.find((v) => v.name === id) ?? known.find(id);
  const names = [...vnfs.map((v) => v.id), ...known.names];
  const made: Made[] = [];
  for (const { others: more = [], ...first } of nss) {
    const [ns = first, ...others] = namedAlike([first, ...more]);
    const all = [ns, ...others].map((of) => madeOf(of, find, names, flaws));
    const written = { ...ns, ...(others.length > 0 && { others }) };
    if (all[0]) made.push({ ...all[0], others: all.slice(1).flatMap((m) => m ?? []), written });
  }
  if (flaws.length > 0) return null;
  const vnfds = distinct([...alone.map((a) => a.vnfd), ...made.map((m) => m.vnfd)]);
  const descriptor: Descriptor = { vnfds, nsds: made.map((m) => m.nsd) };
  const used = new Set(made.flatMap((m) => [m, ...m.others]).flatMap((m) => m.nsd.vnfds ?? []));
  const protection = [
    ...made.map((m) => ({ of: m.nsd.id, kind: "nsd" as const, vdus: m.vdus })),
    ...alone.filter((a) => !used.has(a.vnf.id)).map((a) => ({ of: a.vnf.id, kind: "vnfd" as const, vdus: a.vdus })),
  ];
  flaws.push(...broken(descriptor, vnfs, made));
  if (flaws.length === 0 && made.some((m) => m.nsd.scaling)) flaws.push(...broken(largest(descriptor, made), vnfs, made));
  for (const { vnf, vnfd } of inOthers) flaws.push(...broken({ vnfds: [vnfd], nsds: [] }, [vnf], []));
  for (const m of made.flatMap((of) => of.others)) {
    const own: Descriptor = { vnfds: [m.vnfd], nsds: [m.nsd] };
    flaws.push(...broken(own, vnfs, [m]));
    if (flaws.length === 0 && m.nsd.scaling) flaws.push(...broken(largest(own, [m]), vnfs, [m]));
  }
  return flaws.length > 0 ? null : { descriptor: { vnfds, nsds: made.map(withOthers) }, protection };
}

type MadeIn = CompiledNs & { readonly ns: NsBlueprint };
/** An NSD in its first deployment flavour, and in its others. */
type Made = MadeIn & { readonly others: readonly MadeIn[]; readonly written: NsBlueprint };

function madeOf(ns: NsBlueprint, find: Lookup, names: readonly string[], flaws: Flaw[]): MadeIn | null {
  const compiled = flaws.length === 0 ? compileNs(ns, find, names, flaws) : null;
  return compiled && { ...compiled, ns };
}

/** The VNFD of another flavour has no blueprint: that is its VNFDs' own. */
function withOthers({ nsd, others, written }: Made): Nsd {
  const kept = { written: withoutPlaces(written) };
  if (others.length === 0) return { ...nsd, ...kept };
  const bare = ({ nsd: of, vnfd: { blueprint: _, ...vnfd } }: MadeIn) => ({ nsd: of, vnfd });
  const vnfds = [...new Set([nsd, ...others.map((o) => o.nsd)].flatMap((n) => n.vnfds ?? []))];
  return { ...nsd, vnfds, others: others.map(bare), ...kept };
}

/** As it is when all that can be scaled is as large as it can be: a rule that is broken then is told when it is written. */
function largest({ vnfds, nsds }: Descriptor, made: readonly CompiledNs[]): Descriptor {
  const grown = made.map((m) => ({ vnfd: m.vnfd, to: atMost(m) }));
  return {
    vnfds: vnfds.map((v) => grown.find((g) => g.vnfd.id === v.id && g.vnfd.version === v.version)?.to.vnfd ?? v),
    nsds: nsds.map((_, i) => grown[i]!.to.nsd),
  };
}

function distinct<T extends Vnfd | Nsd>(all: readonly T[]): T[] {
  return all.filter((d, i) => all.findIndex((o) => o.id === d.id && o.version === d.version) === i);
}

/** The rules of the model, told where their cause stands in the file: at the VDU, the member or the NS. */
function broken(descriptor: Descriptor, vnfs: readonly VnfBlueprint[], made: readonly MadeIn[]): Flaw[] {
  return brokenRules(descriptor).map((sentence) => {
    const [, path = "", rest = sentence] = /^(\S+): ([\s\S]*)$/.exec(sentence) ?? [];
    const [, list, index, vdu] = /^(vnfd|nsd)\[(\d+)\](?:\.vdu\[(\d+)\])?/.exec(path) ?? [];
    const vnfd = descriptor.vnfds[Number(index)];
    const ofNs = list === "nsd" ? made[Number(index)] : made.find((m) => m.vnfd === vnfd && !vnfs.some((v) => v.id === vnfd?.id));
    const vnf = vnfs.find((v) => v.id === vnfd?.id);
    const place: Place | undefined =
      vdu === undefined ? (ofNs?.ns.at ?? vnf?.at) : (ofNs?.vdus[Number(vdu)]?.of.at ?? vnf?.vdus[Number(vdu)]?.at);
    const cut = rest.lastIndexOf("; ");
    const what = cut < 0 ? rest : rest.slice(0, cut);
    return {
      ...(place ?? { file: "", line: null, column: null, path }),
      what,
      remedy: cut < 0 ? "mend it" : rest.slice(cut + 2),
    };
  });
}
