import type { HostId } from "../model/ids.ts";
import type { Numa, Pinned } from "../model/numa.ts";
import type { Host } from "../model/vim-picture.ts";
import { type Fit, fitNuma } from "./fit.ts";
import type { Need } from "./need.ts";
import { noRoomText } from "./no-room.ts";

/** vCPUs of this kind are not pinned and mostly idle, so a thread of the host carries several. */
export const VCPUS_PER_THREAD = 4;

/** A host and what runs on it already. */
export interface Occupied {
  readonly host: Host;
  readonly memoryMiB: number;
  readonly vcpus: number;
  readonly pinned: readonly Pinned[];
  /** Names of the servers there that the new one is to keep away from. */
  readonly neighbours: readonly string[];
  /** How many of those are in its availability zone, on whichever host. */
  readonly inItsZone: number;
  /** Why it cannot be asked now, and whether for longer than a restart of its libvirtd explains; null: it can be asked. */
  readonly away: { readonly why: string; readonly isLong: boolean } | null;
}

/** `pinned` is null where the server has nothing for itself. `reason` is OpenVIM's, `hosts` says it of each host. */
export type Placement =
  | { readonly hostId: HostId; readonly pinned: Pinned | null }
  | { readonly reason: string; readonly hosts: readonly { readonly name: string; readonly reason: string }[] };

/** A host as it stands to what is asked. */
export interface Judged {
  readonly h: Occupied;
  /** What keeps the server from it though there were room; null: nothing. */
  readonly barred: string | null;
  /** Memory and CPUs that it lacks; null: none. */
  readonly lacks: string | null;
  readonly hasHypervisor: boolean;
  readonly fits: readonly Fit[];
}

/**
 * The host for a server and what it has there for itself, or the reason there is none. OpenVIM's rules: the NUMA node with the least free
 * huge pages that suffices, then the fullest host, so that room stays in one piece; before them a host that was asked for. Ours before
 * those: hosts that can be asked, and those with the fewest servers to keep away from, on themselves and then in their zone (decision 0085).
 */
export function place(need: Need, hosts: readonly Occupied[]): Placement {
  const judged = hosts.map((h) => judge(need, h));
  const [best] = judged
    .filter((j) => whyNot(j) === null)
    .flatMap((j) => j.fits.filter((f) => f.pinned !== null).map((fit) => ({ ...j, fit })))
    .sort((a, b) => compare(keyOf(need, a.h, a.fit), keyOf(need, b.h, b.fit)));
  if (best) return { hostId: best.h.host.id, pinned: asksNuma(need) ? best.fit.pinned : null };
  return {
    reason: noRoomText(need, judged),
    hosts: judged.map((j) => ({ name: j.h.host.name, reason: whyNot(j) ?? lackText(j) })),
  };
}

const asksNuma = ({ numa }: Need): boolean => numa.hugepagesGiB > 0 || numa.pinning !== null || numa.interfaces.length > 0;

const keyOf = (need: Need, h: Occupied, fit: Fit): number[] => [
  need.preferred === h.host.id ? 0 : 1,
  h.away === null ? 0 : 1,
  h.neighbours.length,
  h.inItsZone,
  fit.freeGiB,
  freeMemory(h),
  freeVcpus(h),
];

/** The first number that differs decides. */
function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((n, i) => n !== b[i]);
  return at === -1 ? 0 : a[at]! - b[at]!;
}

const freeMemory = (h: Occupied) => h.host.memoryMiB - h.memoryMiB;
const freeVcpus = (h: Occupied) => h.host.cpus * VCPUS_PER_THREAD - h.vcpus;

function judge(need: Need, h: Occupied): Judged {
  const numas = h.host.numas.length > 0 ? h.host.numas : [NO_NUMA];
  return {
    h,
    barred: barredFrom(need, h),
    lacks: lackOfRoom(need, h),
    hasHypervisor: h.host.hypervisors.split(",").includes(need.hypervisor),
    fits: numas.filter((n) => n.adminUp).map((n) => fitNuma(need.numa, n, h.pinned, need.onlySwitched)),
  };
}

/** Of a host of which nobody has said what it has: nothing that a server could have for itself. */
const NO_NUMA: Numa = { numaSocket: 0, hugepagesGiB: 0, memoryGiB: 0, adminUp: true, cores: [], interfaces: [] };

const whyNot = ({ barred, lacks, hasHypervisor, h }: Judged): string | null =>
  barred ?? lacks ?? (hasHypervisor ? null : `its hypervisors are ${h.host.hypervisors}`);

const lackText = ({ fits }: Judged): string =>
  fits.length === 0 ? "the admin_state_up of all its numas is false" : fits.flatMap((f) => f.lacks ?? []).join(", ");

function barredFrom(need: Need, { host, neighbours, away }: Occupied): string | null {
  if (need.only !== null && host.id !== need.only) return "another host was asked for";
  if (host.id === need.leaves) return "the server is to leave it";
  if (!host.isLocal) return "this VIM does not speak to it";
  if (!host.adminUp) return "its admin_state_up is false";
  if (host.status !== "ok") return `its status is ${host.status}`;
  if (need.availabilityZone !== null && host.availabilityZone !== need.availabilityZone)
    return host.availabilityZone === null ? "it is in no availability zone" : `it is in zone ${host.availabilityZone}`;
  if (away?.isLong || (away && need.leaves !== null)) return `it cannot be asked: ${away.why}`;
  if (need.antiAffinity?.policy === "required" && neighbours.length > 0)
    return `anti-affinity group ${need.antiAffinity.group}: ${neighbours.join(", ")} is there`;
  return null;
}

function lackOfRoom(need: Need, h: Occupied): string | null {
  if (freeMemory(h) < need.memoryMiB) return `${freeMemory(h)} MB memory free`;
  return freeVcpus(h) < need.vcpus ? `${freeVcpus(h)} cpus free` : null;
}
