import type { HostId } from "../model/ids.ts";
import type { ExtendedNuma, Host } from "../model/vim-picture.ts";

/** vCPUs of this kind are not pinned and mostly idle, so a thread of the host carries several. */
export const VCPUS_PER_THREAD = 4;

export interface Need {
  readonly memoryMiB: number;
  readonly vcpus: number;
  /** Huge pages, pinned cores and PCI interfaces. */
  readonly numa: ExtendedNuma | null;
  /** A host that the caller asked for. */
  readonly hostId: HostId | null;
}

/** A host and what runs on it already. */
export interface Occupied {
  readonly host: Host;
  readonly memoryMiB: number;
  readonly vcpus: number;
}

export type Placement = { readonly hostId: HostId } | { readonly reason: string };

/**
 * The host for a new server, or the reason there is none in the original's words. Of several the fullest that still has
 * room, as in OpenVIM: room stays in one piece.
 */
export function place(need: Need, hosts: readonly Occupied[]): Placement {
  const no = (what: string): Placement => ({ reason: `No room at data center. Cannot find a host with ${what}` });
  const open = hosts.filter(
    ({ host }) => host.adminUp && host.status === "ok" && (need.hostId === null || host.id === need.hostId),
  );
  if (need.numa !== null) return no(numaText(need.numa, open));
  const roomy = open
    .filter((h) => h.host.isLocal && freeMemory(h) >= need.memoryMiB && freeVcpus(h) >= need.vcpus)
    .sort((a, b) => freeMemory(a) - freeMemory(b));
  const best = roomy[0];
  return best ? { hostId: best.host.id } : no(`${need.memoryMiB} MB memory and ${need.vcpus} cpus available`);
}

const freeMemory = (h: Occupied) => h.host.memoryMiB - h.memoryMiB;
const freeVcpus = (h: Occupied) => h.host.cpus * VCPUS_PER_THREAD - h.vcpus;

/** No host of this VIM gives huge pages or PCI devices to a guest; the first thing that lacks is named. */
function numaText(numa: ExtendedNuma, hosts: readonly Occupied[]): string {
  const memory = numa.memory ?? 0;
  const hasPages = hosts.some(({ host }) => host.numas.some((n) => n.hugepagesGiB >= memory));
  if (memory > 0 && !hasPages) return `${memory} GB Hugepages memory available`;
  return "dedicated cores or PCI interfaces: this VIM gives guests shared cores and virtual interfaces";
}
