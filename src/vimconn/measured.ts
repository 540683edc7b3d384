import type { NetId, ServerId, VimPortId } from "../model/ids.ts";
import type { PortCount } from "../model/port-count.ts";
import type { ServerUsage } from "../model/server-usage.ts";

/** Ours: what a port has carried (`/openvim/counters`). */
interface WirePortCount {
  readonly port_id: string;
  readonly name: string;
  readonly server_id?: string | null;
  readonly network_id?: string | null;
  readonly network_name?: string | null;
  readonly bytes_in?: number | null;
  readonly bytes_out?: number | null;
  readonly packets_in?: number | null;
  readonly packets_out?: number | null;
}

const portCountOf = (c: WirePortCount): PortCount => ({
  portId: c.port_id as VimPortId,
  name: c.name,
  serverId: (c.server_id ?? null) as ServerId | null,
  netId: (c.network_id ?? null) as NetId | null,
  netName: c.network_name ?? null,
  bytesIn: c.bytes_in ?? null,
  bytesOut: c.bytes_out ?? null,
  packetsIn: c.packets_in ?? null,
  packetsOut: c.packets_out ?? null,
});

/** Ours: what a server has taken of its host (`/openvim/usage`). */
interface WireServerUsage {
  readonly server_id: string;
  readonly name: string;
  readonly run: string | null;
  readonly read_mono_ms: number;
  readonly cpu_ms: number | null;
  readonly vcpus: number;
  readonly memory_mib: number;
  readonly resident_mib: number | null;
}

const serverUsageOf = (u: WireServerUsage): ServerUsage => ({
  serverId: u.server_id as ServerId,
  name: u.name,
  run: u.run,
  readMs: u.read_mono_ms,
  cpuMs: u.cpu_ms,
  vcpus: u.vcpus,
  memoryMiB: u.memory_mib,
  residentMiB: u.resident_mib,
});

/** Null: the VIM does not say. */
export const portCountsIn = (answer: { readonly counters: readonly WirePortCount[] } | null): PortCount[] | null =>
  answer?.counters.map(portCountOf) ?? null;
export const serverUsageIn = (answer: { readonly usage: readonly WireServerUsage[] } | null): ServerUsage[] | null =>
  answer?.usage.map(serverUsageOf) ?? null;
