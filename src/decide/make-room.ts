import type { Move, ProtectionGroup, TrafficNet } from "../model/protection.ts";
import { type Load, standIns } from "./capacity.ts";
import type { GroupView } from "./view.ts";

/** Traffic nets wait for each other to return. */
export interface Ring {
  /** One of them gives way; null: nobody has room for it, so far. */
  readonly way: Move | null;
}

/**
 * Traffic nets of a pool may stand in each other's way: each is due to return to its normal member, which carries all it may, and
 * another one that is due to return among it. None would ever return. One of them gives way then: it is led to a member that has room,
 * and goes on from there when the others have returned. `waiting`: nets that are due to return and find no room; `load`: after all
 * that is decided. Null: they do not wait for each other. Pure and total.
 */
export function ringOf(group: ProtectionGroup, view: GroupView, load: Load, waiting: readonly TrafficNet[]): Ring | null {
  const servingOf = (net: TrafficNet) => view.serving.get(net.netId) ?? null;
  const normalOf = (net: TrafficNet) => group.members.find((m) => m.vnfcId === net.normal);
  let stuck = waiting.filter((net) => {
    const normal = normalOf(net);
    return normal !== undefined && !load.hasRoom(normal); // What another one's move has freed is taken by the next decision.
  });
  for (let before = -1; before !== stuck.length; ) {
    before = stuck.length;
    stuck = stuck.filter((net) => stuck.some((other) => servingOf(other) === net.normal));
  }
  const gives = stuck.find((net) => stuck.some((other) => other.normal === servingOf(net)));
  if (gives === undefined) return null;
  const from = servingOf(gives);
  const [to] = standIns(
    group,
    view,
    load,
    group.members.find((m) => m.vnfcId === from),
  );
  return { way: to === undefined ? null : { trafficNet: gives.netId, from, to: to.vnfcId, kind: "failback" } };
}
