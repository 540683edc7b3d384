import type { NetId, ServerId, VimPortId } from "./ids.ts";

/**
 * What a port has carried since its switch has had it, as the switch counts it; from the side of who is plugged in there: `in` came to it, `out` came from
 * it. Null: the switch does not count it. Probes of the VIM are among them.
 */
export interface PortCount {
  /** Of a network that is cabled by its `provider`, and has no port for it, the network's. */
  readonly portId: VimPortId | NetId;
  /** Its name at its server: that of the connection point. Of such a network the switch's port. */
  readonly name: string;
  /** Null: a cable enters the switch there, and no server is plugged in. */
  readonly serverId: ServerId | null;
  readonly netId: NetId | null;
  readonly netName: string | null;
  readonly bytesIn: number | null;
  readonly bytesOut: number | null;
  readonly packetsIn: number | null;
  readonly packetsOut: number | null;
}
