import type { Need } from "./need.ts";
import type { Judged } from "./place.ts";

/** Where none of OpenVIM's reasons holds: room there is, but not where this server may go. */
const BARRED = "Cannot find a host that may take the server";

/**
 * Why there is no host, in OpenVIM's six sentences: the first thing that no host has. Of the hosts where the server may go; where there are
 * none, of all that are up.
 */
export function noRoomText(need: Need, judged: readonly Judged[]): string {
  const open = judged.filter((j) => j.barred === null);
  const text = lackIn(need, open.length > 0 ? open : judged.filter((j) => j.h.host.adminUp));
  return `No room at data center. ${text ?? BARRED}`;
}

function lackIn(need: Need, hosts: readonly Judged[]): string | null {
  const { memoryMiB, vcpus, hypervisor } = need;
  const { hugepagesGiB, pinning } = need.numa;
  const cpus = `${pinning?.count ?? 0} ${pinning === null || pinning.kind === "threads" ? "cpu-threads" : "cpu-cores"}`;
  const fits = hosts.flatMap((j) => j.fits);
  const roomy = hosts.filter((j) => j.lacks === null);
  if (roomy.length === 0) return `Cannot find a host with ${memoryMiB} MB memory and ${vcpus} cpus available`;
  const able = roomy.filter((j) => j.hasHypervisor);
  if (able.length === 0) return `Cannot find a host with ${hypervisor} hypervisor or it does not have enough resources available`;
  if (!fits.some((f) => f.hasPages)) return `Cannot find a host with ${hugepagesGiB} GB Hugepages memory available`;
  if (!fits.some((f) => f.hasThreads)) return `Cannot find a host with ${cpus} available`;
  const both = able.flatMap((j) => j.fits.filter((f) => f.hasPages && f.hasThreads));
  // It says MB and means GB.
  if (both.length === 0)
    return `Cannot find a host with ${hugepagesGiB} MB hugepages memory and ${cpus} available in the same numa`;
  if (!both.some((f) => f.pinned !== null)) return "Cannot find a host with the required hugepages, vcpus and interfaces";
  return null;
}
