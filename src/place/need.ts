import type { HostId } from "../model/ids.ts";
import { type Dedicated, type Extended, type ExtendedNuma, mbpsOf, type PinKind } from "../model/numa.ts";
import type { AntiAffinity } from "../model/vim-picture.ts";

/** What a server asks of a host. */
export interface Need {
  /** Without huge pages, and CPUs without pinning. */
  readonly memoryMiB: number;
  readonly vcpus: number;
  /** All of it from one NUMA node. */
  readonly numa: NumaNeed;
  readonly hypervisor: string;
  /** A host that is taken before any other where it fits. */
  readonly preferred: HostId | null;
  /** The one host that counts; null: any. */
  readonly only: HostId | null;
  readonly availabilityZone: string | null;
  readonly antiAffinity: AntiAffinity | null;
  /** The host that the server leaves: it is needed on another now, so one that is away only briefly does not help. Null: a new server. */
  readonly leaves: HostId | null;
  /** Only cards that are cabled to the switch count. */
  readonly onlySwitched: boolean;
}

export interface NumaNeed {
  readonly hugepagesGiB: number;
  readonly pinning: Pinning | null;
  readonly interfaces: readonly InterfaceNeed[];
}

/** `ids`: the guest's numbers of its CPUs, two in a row for each pair. */
export interface Pinning {
  readonly kind: PinKind;
  readonly count: number;
  readonly ids: readonly number[];
}

export interface InterfaceNeed {
  readonly name: string;
  readonly dedicated: Dedicated;
  readonly mbps: number;
  /** Of a virtual function; null: its own. */
  readonly mac: string | null;
}

const KINDS = ["cores", "threads", "paired-threads"] as const satisfies PinKind[];

export function numaNeedOf(extended: Extended | null): NumaNeed {
  const numa: ExtendedNuma = extended?.numas?.[0] ?? {};
  const interfaces = numa.interfaces ?? [];
  return {
    hugepagesGiB: numa.memory ?? 0,
    pinning: pinningOf(numa),
    interfaces: interfaces.map((i, n) => ({
      name: i.name ?? `xe${n}`,
      dedicated: i.dedicated,
      mbps: mbpsOf(i.bandwidth),
      mac: i.mac_address ?? null,
    })),
  };
}

function pinningOf(numa: ExtendedNuma): Pinning | null {
  const kind = KINDS.find((k) => (numa[k] ?? 0) > 0);
  if (kind === undefined) return null;
  const count = numa[kind]!;
  const cpus = kind === "paired-threads" ? 2 * count : count;
  const ids = numa[`${kind}-id`]?.flat() ?? Array.from({ length: cpus }, (_, i) => i);
  return { kind, count, ids };
}

/** Huge pages take the place of memory, pinned CPUs that of others. */
export function plainNeedOf(flavor: Pick<Need, "memoryMiB" | "vcpus">, numa: NumaNeed): Pick<Need, "memoryMiB" | "vcpus"> {
  return { memoryMiB: numa.hugepagesGiB > 0 ? 0 : flavor.memoryMiB, vcpus: numa.pinning ? 0 : flavor.vcpus };
}

/** What OpenVIM says of a server without memory or without CPUs; null: it has both. */
export function lackOf({ memoryMiB, vcpus }: Pick<Need, "memoryMiB" | "vcpus">, numa: NumaNeed): string | null {
  if (memoryMiB === 0 && numa.hugepagesGiB === 0) return "Memory information not set neither at extended field not at ram";
  if (vcpus === 0 && numa.pinning === null) return "Processor information not set neither at extended field not at vcpus";
  return null;
}
