import type { NsBlueprint, VduBlueprint, VnfBlueprint } from "../model/blueprint.ts";
import type { Cp, Vdu, VnfcProfile, Vnfd } from "../model/descriptor.ts";
import { countIn } from "../model/scaling.ts";
import type { Flaw } from "./flaw.ts";
import { type Compiled, protect, type Use } from "./protect.ts";
import { added } from "./sized.ts";
import { softwareOf } from "./sw-images.ts";

const TWINS = 2;
/** Of what is not protected; no part of it is used. */
const NO_PROTECTION = { revertive: true, holdOffMs: 0, waitToRestoreMs: 5_000, probe: null, guestHeartbeat: null, traffic: null };

/** One VDU as it is used somewhere, with the VNFCs it is made into. */
export interface CompiledVdu {
  readonly vdu: Vdu;
  readonly of: VduBlueprint;
  readonly compiled: Compiled | null;
}

/** A VNFD by itself: what is known of its protection before an NS uses it. */
export function compileVnf(vnf: VnfBlueprint, flaws: Flaw[]): { vnfd: Vnfd; vdus: readonly CompiledVdu[] } {
  const vdus = vnf.vdus.map((vdu) => {
    const where = { ns: null, use: null, count: vdu.instances.initial, trafficLinks: null };
    return compileVdu(vdu, vnf, where, vnfcNames(vdu, vnf, flaws), flaws);
  });
  const { id, name, version } = vnf;
  return { vnfd: { id, name, version, vdus: vdus.map((v) => v.vdu), blueprint: withoutPlaces(vnf) }, vdus };
}

/** Ids of the VNFCs that are made at first, of one VNF. */
export const vnfcNames = (vdu: VduBlueprint, vnf: VnfBlueprint, flaws: Flaw[]): string[] =>
  namesUpTo(vdu, mostOf(vdu, vnf), flaws).slice(0, vdu.instances.initial);

/** The most VNFCs that aspects and levels lead to, of one VNF. */
export function mostOf(vdu: VduBlueprint, { scaling }: VnfBlueprint): number {
  const { initial, max } = vdu.instances;
  if (scaling === undefined || scaling.aspects.length === 0) return initial;
  const at = scaling.levels.find((l) => l.id === scaling.initial)?.aspects ?? {};
  const more = scaling.aspects.map(
    ({ id }) => countIn(added(scaling, id, countIn(at, id) ?? 0, Number.POSITIVE_INFINITY), vdu.id) ?? 0,
  );
  const named = scaling.levels.map((l) => countIn(l.vdus, vdu.id) ?? 0);
  return Math.min(max, Math.max(initial + more.reduce((a, b) => a + b, 0), ...named));
}

/** Those that are named, then numbers. */
export function namesUpTo(vdu: VduBlueprint, count: number, flaws: Flaw[]): string[] {
  const named = vdu.vnfcs.map((v) => v.id);
  if (named.length > count)
    flawAt(
      vdu.vnfcs[count] ?? vdu,
      flaws,
      `names ${named.length} VNFCs, but ${count} are made of VDU ${vdu.id}`,
      "write as many as its number of instances",
    );
  const numbered = Array.from({ length: Math.max(0, count - named.length) }, (_, i) => `${vdu.id}-${named.length + i + 1}`);
  return [...named, ...numbered].slice(0, count);
}

/** Its VNFCs named, paired or pooled as its protection is. */
export function compileVdu(
  vdu: VduBlueprint,
  vnf: VnfBlueprint,
  where: Use,
  names: readonly string[],
  flaws: Flaw[],
): CompiledVdu {
  const outcome = protect(vdu, vnf, where);
  if (outcome !== null && "no" in outcome) flawAt(vdu, flaws, outcome.no, outcome.remedy);
  const compiled = outcome === null || "no" in outcome ? null : outcome;
  const service = vdu.cps.find((c) => c.id === compiled?.serviceCp);
  const ip = vnf.vips.find((v) => service && v.cps.includes(`${vdu.id}/${service.id}`))?.ip ?? service?.ip ?? null;
  const software = softwareOf(vnf, vdu.imageId);
  const cps: Cp[] = vdu.cps.map((c) => ({ id: c.id, ip: c === service ? ip : c.ip }));
  return {
    of: vdu,
    compiled,
    vdu: {
      id: vdu.id,
      image: vdu.image,
      flavor: vdu.flavor,
      cps,
      highAvailability: compiled?.scheme ?? null,
      serviceInterface: compiled?.serviceCp ?? null,
      policy: compiled?.policy ?? NO_PROTECTION,
      vnfcs: names.map((id, i) => vnfcOf(vdu, compiled, names, id, i, names.length / (where.use?.instances.initial ?? 1))),
      groups: [],
      ...(software && { software }),
      ...computeOf(vdu),
      ...(vdu.cloudConfig && { cloudConfig: vdu.cloudConfig }),
      ...(vdu.availabilityZone !== undefined && { availabilityZone: vdu.availabilityZone }),
    },
  };
}

/** Where it says enough for a flavor. */
function computeOf({ needs: { vcpus, memoryMiB, diskGiB } }: VduBlueprint): Pick<Vdu, "compute"> {
  if (vcpus === null || memoryMiB === null || memoryMiB < 1) return {};
  return { compute: { vcpus, memoryMiB, diskGiB: diskGiB === null ? null : Math.ceil(diskGiB) } };
}

/** `each`: how many one VNF has. */
function vnfcOf(
  vdu: VduBlueprint,
  compiled: Compiled | null,
  names: readonly string[],
  id: string,
  i: number,
  each: number,
): VnfcProfile {
  const written = writtenAt(vdu, i % each);
  const isPair = compiled !== null && compiled.scheme !== "N_PLUS_M";
  const waits = compiled !== null && i >= (isPair ? TWINS : compiled.serving);
  return {
    id,
    replicated: isPair && i < TWINS ? (names[1 - i] ?? null) : null,
    kernelCmdline: written?.kernelCmdline ?? null,
    standby: (compiled === null ? null : written?.standby) ?? (waits ? compiled.standby : "hot"),
  };
}

/** What is written of the VNFCs of a VDU in turn. */
export const writtenAt = (vdu: VduBlueprint, i: number) => vdu.vnfcs[i % Math.max(vdu.vnfcs.length, 1)];

export function flawAt(thing: { readonly at?: Flaw | VduBlueprint["at"] }, flaws: Flaw[], what: string, remedy: string): void {
  flaws.push({ ...(thing.at ?? { file: "the catalogue", line: null, column: null, path: "" }), what, remedy });
}

/** Where it stood in its file is no part of what a descriptor is: it may be written anew with other comments. */
export function withoutPlaces<T extends VnfBlueprint | NsBlueprint>(of: T): T {
  return JSON.parse(JSON.stringify(of, (key, value) => (key === "at" ? undefined : value))) as T;
}
