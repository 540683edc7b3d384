import type { Reply } from "../wire/libvirt/protocol.ts";
import type { LibvirtSession } from "./libvirt.ts";

/** What a domain has taken of its host. */
export interface DomainUsage {
  readonly uuid: string;
  /** libvirt's number of this run of it, another one for each that begins while libvirtd runs; null: it does not run. */
  readonly run: number | null;
  /** CPU time of its QEMU since then. Null: not known. */
  readonly cpuMs: number | null;
  /** Memory that its QEMU has resident. Null: not known, as while libvirt does something with it. */
  readonly residentMiB: number | null;
}

const NS_PER_MS = 1e6;
const KIB_PER_MIB = 1024;

/** So many are asked about at once: libvirtd does five things at a time for a client, and one that is to be done for a failure waits for no more than these. */
const AT_ONCE = 2;

/** Of those of these domains that are there. */
export async function readUsage(
  libvirt: Pick<LibvirtSession, "balloons" | "info">,
  uuids: readonly string[],
): Promise<DomainUsage[]> {
  if (uuids.length === 0) return []; // libvirt would take that for all of them.
  const waiting = await libvirt.balloons(uuids);
  const usages: DomainUsage[] = [];
  while (waiting.length > 0) {
    const some = waiting.splice(0, AT_ONCE);
    const infos = await Promise.all(some.map(({ domain }) => libvirt.info(domain.uuid)));
    usages.push(...some.flatMap((record, i) => (infos[i] ? [usageIn(record, infos[i])] : [])));
  }
  return usages;
}

/** What virDomainListGetStats and virDomainGetInfo say of one. */
function usageIn({ domain, params }: Reply<"domainStats">["records"][number], { cpuNs }: Reply<"domainInfo">): DomainUsage {
  if (domain.id < 0) return { uuid: domain.uuid, run: null, cpuMs: null, residentMiB: null };
  const resident = params.find((p) => p.name === "balloon.rss")?.value;
  return {
    uuid: domain.uuid,
    run: domain.id,
    cpuMs: Number(cpuNs) / NS_PER_MS,
    residentMiB: resident === undefined ? null : Number(resident) / KIB_PER_MIB,
  };
}
