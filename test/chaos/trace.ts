import { isMatched } from "../../src/lab/led.ts";
import type { Action, FlowEntry, FlowTable } from "../../src/model/flow.ts";

/** A packet inside a switch. */
interface Packet {
  readonly inPort: string;
  readonly vlan: number | null;
  readonly ethDst: string;
}

/** Where a copy of the packet leaves. `#controller`: to whoever controls the switch. */
export interface Left {
  readonly port: string;
  readonly vlan: number | null;
}

export const CONTROLLER = "#controller";

/**
 * Where a packet that enters at a port comes out (OpenFlow 1.3, 5.1 to 5.6): the entry of highest priority, its actions in order, groups
 * on a copy of the packet. `isLive` is the switch's own sight of its ports, for fast failover.
 */
export function traced(table: FlowTable, packet: Packet, isLive: (port: string) => boolean): Left[] {
  const hit = bestOf(table.entries, packet);
  return hit === null ? [] : carriedOut(hit.actions, packet, table, isLive);
}

function bestOf(entries: readonly FlowEntry[], packet: Packet): FlowEntry | null {
  let best: FlowEntry | null = null;
  for (const e of entries) if (isMatched(e, packet) && (best === null || e.priority > best.priority)) best = e;
  return best;
}

function carriedOut(actions: readonly Action[], packet: Packet, table: FlowTable, isLive: (port: string) => boolean): Left[] {
  const left: Left[] = [];
  let { vlan } = packet;
  for (const action of actions) {
    if (action.do === "stripVlan") vlan = null;
    else if (action.do === "setVlan") vlan = action.vlan;
    else if (action.do === "toController") left.push({ port: CONTROLLER, vlan });
    else if (action.do === "output") {
      if (action.port !== packet.inPort) left.push({ port: action.port, vlan }); // Never back where it came from (5.1.4).
    } else if (action.do === "group") {
      const group = table.groups.find((g) => g.id === action.group);
      const buckets =
        group?.type === "fastFailover"
          ? group.buckets.filter((b) => b.watchPort === null || isLive(b.watchPort)).slice(0, 1)
          : (group?.buckets ?? []);
      for (const b of buckets) left.push(...carriedOut(b.actions, { ...packet, vlan }, table, isLive));
    }
  }
  return left;
}
