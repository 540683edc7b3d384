import type { Reply } from "../wire/libvirt/protocol.ts";

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

/** What virDomainListGetStats and virDomainGetInfo say of one. */
export function usageIn(
  { domain, params }: Reply<"domainStats">["records"][number],
  { cpuNs }: Reply<"domainInfo">,
): DomainUsage {
  if (domain.id < 0) return { uuid: domain.uuid, run: null, cpuMs: null, residentMiB: null };
  const resident = params.find((p) => p.name === "balloon.rss")?.value;
  return {
    uuid: domain.uuid,
    run: domain.id,
    cpuMs: Number(cpuNs) / NS_PER_MS,
    residentMiB: resident === undefined ? null : Number(resident) / KIB_PER_MIB,
  };
}
