import type { HostId } from "../model/ids.ts";
import type { AntiAffinity, ExtendedNuma, Host } from "../model/vim-picture.ts";

/** vCPUs of this kind are not pinned and mostly idle, so a thread of the host carries several. */
export const VCPUS_PER_THREAD = 4;

export interface Need {
  readonly memoryMiB: number;
  readonly vcpus: number;
  /** Huge pages, pinned cores and PCI interfaces. */
  readonly numa: ExtendedNuma | null;
  /** A host that the caller asked for. */
  readonly hostId: HostId | null;
  readonly availabilityZone: string | null;
  readonly antiAffinity: AntiAffinity | null;
  /** The host that the server leaves: it is needed on another now, so one that is away only briefly does not help. Null: a new server. */
  readonly leaves: HostId | null;
}

/** A host and what runs on it already. */
export interface Occupied {
  readonly host: Host;
  readonly memoryMiB: number;
  readonly vcpus: number;
  /** Names of the servers there that the new one is to keep away from. */
  readonly neighbours: readonly string[];
  /** Why it cannot be asked now, and whether for longer than a restart of its libvirtd explains; null: it can be asked. */
  readonly away: { readonly why: string; readonly isLong: boolean } | null;
}

export type Placement = { readonly hostId: HostId } | { readonly reason: string };

/**
 * The host for a server, or the reason there is none: in the original's words, and for each host. Of several one that can be asked, then
 * the one with the fewest servers to keep away from, then the fullest that still has room, as in OpenVIM: room stays in one piece.
 */
export function place(need: Need, hosts: readonly Occupied[]): Placement {
  const judged = hosts.map((h) => ({ ...h, against: reasonAgainst(need, h) }));
  const best = judged
    .filter((h) => h.against === null)
    .sort((a, b) => rank(a) - rank(b) || a.neighbours.length - b.neighbours.length || freeMemory(a) - freeMemory(b))[0];
  if (best) return { hostId: best.host.id };
  const what = need.numa === null ? `${need.memoryMiB} MB memory and ${need.vcpus} cpus available` : numaText(need.numa, hosts);
  const perHost = judged.map((h) => `${h.host.name}: ${h.against}`).join("; ");
  return { reason: `No room at data center. Cannot find a host with ${what}${perHost && ` (${perHost})`}` };
}

const rank = (h: Occupied) => (h.away === null ? 0 : 1);
const freeMemory = (h: Occupied) => h.host.memoryMiB - h.memoryMiB;
const freeVcpus = (h: Occupied) => h.host.cpus * VCPUS_PER_THREAD - h.vcpus;

/** What keeps the server from this host; null: nothing. */
function reasonAgainst(need: Need, h: Occupied): string | null {
  const { host } = h;
  if (need.hostId !== null && host.id !== need.hostId) return "another host was asked for";
  if (host.id === need.leaves) return "the server is to leave it";
  if (!host.isLocal) return "this VIM does not speak to it";
  if (!host.adminUp) return "its admin_state_up is false";
  if (host.status !== "ok") return `its status is ${host.status}`;
  if (need.availabilityZone !== null && host.availabilityZone !== need.availabilityZone)
    return host.availabilityZone === null ? "it is in no availability zone" : `it is in zone ${host.availabilityZone}`;
  if (h.away?.isLong || (h.away && need.leaves !== null)) return `it cannot be asked: ${h.away.why}`;
  if (need.numa !== null) return "no huge pages, dedicated cores or PCI interfaces for guests";
  if (freeMemory(h) < need.memoryMiB) return `${freeMemory(h)} MB memory free`;
  if (freeVcpus(h) < need.vcpus) return `${freeVcpus(h)} cpus free`;
  if (need.antiAffinity?.policy === "required" && h.neighbours.length > 0)
    return `anti-affinity group ${need.antiAffinity.group}: ${h.neighbours.join(", ")} is there`;
  return null;
}

/** No host of this VIM gives huge pages or PCI devices to a guest; the first thing that lacks is named. */
function numaText(numa: ExtendedNuma, hosts: readonly Occupied[]): string {
  const memory = numa.memory ?? 0;
  const hasPages = hosts.some(({ host }) => host.numas.some((n) => n.hugepagesGiB >= memory));
  if (memory > 0 && !hasPages) return `${memory} GB Hugepages memory available`;
  return "dedicated cores or PCI interfaces: this VIM gives guests shared cores and virtual interfaces";
}
