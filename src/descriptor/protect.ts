import type {
  CpBlueprint,
  DetectionClass,
  NsBlueprint,
  SteeringBlueprint,
  VduBlueprint,
  VnfBlueprint,
  VnfUse,
} from "../model/blueprint.ts";
import { probedIp } from "../model/net.ts";
import type { ProtectionPolicy, Scheme, Standby } from "../model/protection.ts";
import { countIn } from "../model/scaling.ts";
import { DETECTION, LEVEL_DEFAULT, LEVELS } from "./levels.ts";

/** What became the protection of a VDU, and from what: for `sempre validate`. */
export interface Compiled {
  readonly vdu: string;
  readonly scheme: Scheme;
  readonly serviceCp: string;
  readonly level: 1 | 2 | 3;
  readonly detection: DetectionClass;
  readonly policy: ProtectionPolicy;
  /** What those are that are neither of a pair nor serve in a pool. */
  readonly standby: Standby;
  /** How many of them are meant to serve; the others wait. */
  readonly serving: number;
  readonly because: readonly string[];
}

/** Where and among which others a VDU is used. */
export interface Use {
  readonly ns: NsBlueprint | null;
  readonly use: VnfUse | null;
  /** VNFCs of the VDU in all VNFs of the profile. */
  readonly count: number;
  /** Virtual links that its service may be reached over; null: not known, as without an NS. */
  readonly trafficLinks: number | null;
}

type Found = { readonly scheme: Scheme; readonly why: string; readonly isWish: boolean };

/** What protects a VDU; null: nothing does, as nothing asks for it. `no`: something does, and cannot be had, with what to do. Pure. */
export function protect(
  vdu: VduBlueprint,
  vnf: VnfBlueprint,
  where: Use,
): Compiled | null | { readonly no: string; readonly remedy: string } {
  const found = schemeOf(vdu, vnf, where);
  if (found === null) return null;
  const service = serviceOf(vdu, vnf, where);
  if (service === null)
    return {
      no: `${found.why}, but nothing says at which of its connection points the service is`,
      remedy: `write service-connection-point: one of ${vdu.cps.map((c) => c.id).join(", ")}`,
    };
  if (where.count < 2)
    return { no: `${found.why}, but there is only one instance of it`, remedy: "write a number of instances of 2 or more" };
  const level = (where.use?.level ?? where.ns?.level ?? vdu.wish.level ?? LEVEL_DEFAULT) as 1 | 2 | 3;
  const spares = sparesOf(vdu, where.count, found.scheme);
  // A spare must answer at an address before it may rest.
  const standby = probedIp(service.cp) === null ? "hot" : LEVELS[level].standby;
  const { scheme, why } = fitted(found, where, spares, standby, isScaled(vdu, vnf) || isScaledByNs(where.ns, where.use));
  const { policy, detection } = policyOf(vdu, level, service.cp);
  return {
    vdu: vdu.id,
    scheme,
    serviceCp: service.cp.id,
    level,
    detection,
    policy,
    standby,
    serving: scheme === "N_PLUS_M" ? where.count - spares : scheme === "ACTIVE_PASSIVE" ? 1 : 2,
    because: [why, service.why, ...levelWhy(where, vdu, level), ...timesWhy(vdu)],
  };
}

function schemeOf(vdu: VduBlueprint, vnf: VnfBlueprint, where: Use): Found | null {
  if (vdu.wish.scheme !== null) return { scheme: vdu.wish.scheme, why: `high-availability is ${vdu.wish.scheme}`, isWish: true };
  const vip = vipOf(vdu, vnf);
  if (vip?.serves === "HIGH_AVAILABILITY")
    return { scheme: "ACTIVE_PASSIVE", why: `vip-cpd ${vip.id} has vip-function high-availability`, isWish: false };
  if (vip?.serves === "LOAD_BALANCING")
    return { scheme: "ACTIVE_ACTIVE", why: `vip-cpd ${vip.id} has vip-function load-balancing`, isWish: false };
  const steered = steeringOf(vdu, vnf, where);
  if (steered) return { ...schemeOfSteering(steered), isWish: false };
  const apart = vdu.isKeptApart || (where.use?.isKeptApart ?? false);
  const asked = where.use?.level ?? where.ns?.level ?? vdu.wish.level;
  if (where.count < 2 || !apart) return null;
  if (asked !== null)
    return {
      scheme: "ACTIVE_PASSIVE",
      why: `${where.count} instances are kept apart, with service availability level ${asked}`,
      isWish: false,
    };
  if ((vdu.maintenance?.minPreserved ?? 0) > 0)
    return {
      scheme: "ACTIVE_PASSIVE",
      why: `${where.count} instances are kept apart, and ${vdu.maintenance!.minPreserved} must be preserved`,
      isWish: false,
    };
  return null;
}

const vipOf = (vdu: VduBlueprint, vnf: VnfBlueprint) =>
  vnf.vips.find((v) => v.serves !== null && vdu.cps.some((cp) => v.cps.includes(`${vdu.id}/${cp.id}`)));

const extCpsOf = (vdu: VduBlueprint, vnf: VnfBlueprint) =>
  vnf.extCps.filter((e) => e.vdu === vdu.id && vdu.cps.some((c) => c.id === e.cp));

function steeringOf(vdu: VduBlueprint, vnf: VnfBlueprint, { ns, use }: Use): SteeringBlueprint | undefined {
  const own = extCpsOf(vdu, vnf).map((e) => e.id);
  return ns?.steering.find((s) => s.use === use?.id && (s.extCp === null ? own.length === 1 : own.includes(s.extCp)));
}

/** CHAINED_FAILOVER is one after the other; the other algorithms of LB share among all; ALL gives everything to each (1+1). */
function schemeOfSteering({ behaviour, algorithm }: SteeringBlueprint): { scheme: Scheme; why: string } {
  if (behaviour === "ALL") return { scheme: "DUPLICATED", why: "its forwarding behaviour is ALL" };
  const scheme = algorithm === "CHAINED_FAILOVER" ? "ACTIVE_PASSIVE" : "ACTIVE_ACTIVE";
  return { scheme, why: `its forwarding behaviour is LB${algorithm ? ` by ${algorithm}` : ""}` };
}

/** Where the service is reached: as it is written; at its virtual IP; where a path leads; at its only way outside. */
export function serviceOf(
  vdu: VduBlueprint,
  vnf: VnfBlueprint,
  where: Use,
): { readonly cp: CpBlueprint; readonly why: string } | null {
  const cpOf = (id: string | null | undefined) => vdu.cps.find((c) => c.id === id);
  const wished = cpOf(vdu.wish.serviceCp);
  if (wished) return { cp: withVip(wished, vdu, vnf), why: `the service is at ${wished.id}, as written` };
  if (vdu.wish.serviceCp !== null) return null;
  const vip = vipOf(vdu, vnf);
  const atVip = vdu.cps.find((c) => vip?.cps.includes(`${vdu.id}/${c.id}`));
  if (atVip) return { cp: withVip(atVip, vdu, vnf), why: `the service is at ${atVip.id}, where vip-cpd ${vip!.id} is bound` };
  const steered = steeringOf(vdu, vnf, where);
  const outside = extCpsOf(vdu, vnf);
  const ext = outside.find((e) => e.id === steered?.extCp) ?? (outside.length === 1 ? outside[0] : undefined);
  const cp = cpOf(ext?.cp);
  return cp && ext ? { cp, why: `the service is at ${cp.id}, as ext-cpd ${ext.id} leads there` } : null;
}

/** The address of the service is that of its virtual IP, where it has one. */
function withVip(cp: CpBlueprint, vdu: VduBlueprint, vnf: VnfBlueprint): CpBlueprint {
  const ip = vnf.vips.find((v) => v.cps.includes(`${vdu.id}/${cp.id}`))?.ip;
  return ip ? { ...cp, ip } : cp;
}

/** A scaling aspect adds to it. */
export const isScaled = (vdu: VduBlueprint, { scaling }: VnfBlueprint): boolean =>
  scaling?.aspects.some((a) => a.steps.some((step) => (countIn(step, vdu.id) ?? 0) > 0)) ?? false;

/** Levels of the NS have different numbers of VNFs of this profile. */
function isScaledByNs(ns: NsBlueprint | null, use: VnfUse | null): boolean {
  if (!ns?.scaling || !use) return false;
  const { aspects, levels } = ns.scaling;
  const counts = [...levels, ...aspects.flatMap((a) => a.levels)].flatMap((l) => countIn(l.vnfs, use.id) ?? []);
  return new Set(counts).size > 1;
}

/** How many wait in a pool of so many (the index), up to the largest; null: it is none. */
export function spareCounts(vdu: VduBlueprint, vnf: VnfBlueprint, where: Use, most: number): number[] | null {
  const found = schemeOf(vdu, vnf, where);
  if (found === null) return null;
  return Array.from({ length: most + 1 }, (_, count) => (count < 2 ? 0 : sparesOf(vdu, count, found.scheme)));
}

/** How many of a pool wait: as many as may be away at once, or those that need not be preserved; one if nothing is said. */
function sparesOf(vdu: VduBlueprint, count: number, scheme: Scheme): number {
  const { maxImpacted = null, minPreserved = null } = vdu.maintenance ?? {};
  const wanted = minPreserved !== null ? count - minPreserved : (maxImpacted ?? (scheme === "ACTIVE_PASSIVE" ? count - 1 : 1));
  return Math.min(Math.max(wanted, 1), count - 1);
}

/** Twins are two; with more it is a pool. Sharing needs as many links as there are who share. */
function fitted(
  { scheme, why, isWish }: Found,
  { count, trafficLinks }: Use,
  spares: number,
  standby: Standby,
  isToBeScaled: boolean,
): { scheme: Scheme; why: string } {
  if (scheme === "N_PLUS_M" || scheme === "DUPLICATED") return { scheme, why };
  const shares = scheme === "ACTIVE_ACTIVE";
  if (isToBeScaled && !isWish)
    return {
      scheme: "N_PLUS_M",
      why: `${why}; it can be scaled: of ${count} instances ${count - spares} serve and ${spares} wait`,
    };
  if (shares && count === 2 && trafficLinks === 1 && !isWish)
    return {
      scheme: "ACTIVE_PASSIVE",
      why: `${why}; with one virtual link there is nothing to share, so one serves and the other waits`,
    };
  if (count === 2 || (count === 3 && !shares && standby === "warm")) return { scheme, why };
  return { scheme: "N_PLUS_M", why: `${why}; of ${count} instances ${count - spares} serve and ${spares} wait` };
}

/** What is written counts; then what maintenance says; then the level. */
function policyOf(
  vdu: VduBlueprint,
  level: 1 | 2 | 3,
  service: CpBlueprint,
): { policy: ProtectionPolicy; detection: DetectionClass } {
  const { wish, maintenance } = vdu;
  const byLevel = LEVELS[level];
  const detection = wish.detection ?? byLevel.detection;
  const { probe, guestHeartbeat } = DETECTION[detection];
  const policy: ProtectionPolicy = {
    revertive: wish.revertive ?? true,
    holdOffMs: wish.holdOffMs ?? Math.max(maintenance?.maxInterruptionMs ?? 0, byLevel.holdOffMs),
    waitToRestoreMs: wish.waitToRestoreMs ?? maintenance?.recoveryMs ?? byLevel.waitToRestoreMs,
    probe:
      probe === null || probedIp(service) === null
        ? null
        : { ...probe, icmp: false, udpPort: null, tcpPort: null, sourceIp: null },
    guestHeartbeat,
    traffic: null,
  };
  return { policy, detection };
}

function levelWhy({ use, ns }: Use, vdu: VduBlueprint, level: number): string[] {
  if (use?.level != null) return [`service availability level ${level} of VNF profile ${use.id}`];
  if (ns?.level != null) return [`service availability level ${level} of the NS`];
  return [
    vdu.wish.level === null
      ? `no service availability level is written: ${level}`
      : `service availability level ${level} of the VDU`,
  ];
}

function timesWhy({ maintenance, wish }: VduBlueprint): string[] {
  const words: string[] = [];
  if (maintenance?.maxInterruptionMs != null && wish.holdOffMs === null)
    words.push(`hold-off at least ${maintenance.maxInterruptionMs} ms: the longest interruption that the VNF does not notice`);
  if (maintenance?.recoveryMs != null && wish.waitToRestoreMs === null)
    words.push(`wait-to-restore ${maintenance.recoveryMs} ms: what the VNF needs between two impacts`);
  return words;
}
