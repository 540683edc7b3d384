import type { Move } from "../model/protection.ts";
import type { FailoverBook } from "./failover-book.ts";
import type { Guard } from "./guard.ts";

/**
 * Traffic is led otherwise than the records say: a run before this one moved it and was killed before it could write that down, or
 * the VIM did and was killed before it could tell.
 */
export function unexplainedMoves(guard: Guard, book: FailoverBook): { readonly move: Move; readonly because: string }[] {
  return guard.group.trafficNets.flatMap(({ netId, name, normal, formerly }) => {
    const led = book.ledTo(netId);
    const from = led ?? normal;
    const to = guard.servedBy(netId);
    if (led === undefined && to === formerly) return []; // It waits to return to who serves it since its VNF was scaled.
    if (to === null || to === from || guard.isMoving(netId) || book.isAbout(guard, netId)) return [];
    const kind = guard.command?.to === to ? "command" : to === normal ? "failback" : "failover";
    const because = `found: ${name} is led otherwise than the last record says`;
    return [{ move: { trafficNet: netId, from, to, kind } as const, because }];
  });
}
