import type { VimPortId } from "../../model/ids.ts";
import type { PortCount } from "../../model/port-count.ts";
import type { Wire } from "../query.ts";
import { WireError } from "../wire-error.ts";
import type { Call } from "./call.ts";

// Ours: what ports have carried, as their switch counts it. `in` is to who is plugged in, `out` from there.

export const listCounters = async (call: Call) => ({ counters: (await call.doors.counters.list()).map(counterOut) });

/** Null where nobody counts it: it is in no switch that is connected, or it is another tenant's. */
export async function getCounters(call: Call) {
  const id = call.params.id as VimPortId;
  const { picture, counters } = call.doors;
  const port = picture.ports.get(id);
  if (!port) throw new WireError(404, `port ${id} not found`);
  const count = (await counters.list()).find((c) => c.portId === id);
  if (count) return { counters: counterOut(count) };
  const { name, serverId, netId } = port;
  const netName = netId === null ? null : (picture.nets.get(netId)?.name ?? null);
  return { counters: counterOut({ portId: id, name, serverId, netId, netName, ...NOT_COUNTED }) };
}

const NOT_COUNTED = { bytesIn: null, bytesOut: null, packetsIn: null, packetsOut: null };

const counterOut = (c: PortCount): Wire => ({
  port_id: c.portId,
  name: c.name,
  server_id: c.serverId,
  network_id: c.netId,
  network_name: c.netName,
  bytes_in: c.bytesIn,
  bytes_out: c.bytesOut,
  packets_in: c.packetsIn,
  packets_out: c.packetsOut,
});
