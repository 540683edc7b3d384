import type { NetId } from "../model/ids.ts";
import type { Net, VimPort } from "../model/net.ts";
import { outsideOf } from "./fabric.ts";

/** Nets and ports without what the switch does not have, and the nets that lack something, in the words of the original's `last_error`. */
export interface Present<N, P> {
  readonly nets: readonly N[];
  readonly ports: readonly P[];
  readonly missing: ReadonlyMap<NetId, string>;
}

/** A port that the switch does not have would make it refuse the whole change: such nets are carried without it. */
export function withoutMissing<N extends Net, P extends VimPort>(
  nets: readonly N[],
  ports: readonly P[],
  has: (switchPort: string) => boolean,
): Present<N, P> {
  const missing = new Map<NetId, string>();
  const isThere = (port: string, netId: NetId | null) => {
    if (has(port)) return true;
    if (netId !== null && !missing.has(netId))
      missing.set(netId, `switch port name '${port}' is not valid for the openflow controller`);
    return false;
  };
  return {
    ports: ports.filter((p) => p.switchPort !== null && isThere(p.switchPort, p.netId)),
    nets: nets.map((n) => {
      const outside = outsideOf(n);
      return outside === null || isThere(outside.switchPort, n.id) ? n : { ...n, provider: null };
    }),
    missing,
  };
}
