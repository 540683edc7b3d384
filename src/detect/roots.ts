import type { HostState } from "../model/host-state.ts";
import type { HostId, VnfcId } from "../model/ids.ts";

/** A member that is down. */
export interface Failure {
  readonly vnfcId: VnfcId;
  /** Where its server is; null: its VIM does not say. */
  readonly hostId: HostId | null;
  /** When the first word against it was heard, monotonic ms. */
  readonly sinceMs: number;
}

/** A compute host that is not up, and since when that is known, monotonic ms. */
export interface LostHost {
  readonly hostId: HostId;
  readonly state: Exclude<HostState["state"], "up">;
  readonly sinceMs: number;
}

/** One cause and all it explains. `host` null: the one member that failed is its own cause. */
export interface Root {
  readonly host: LostHost | null;
  readonly failures: readonly Failure[];
}

/**
 * How long before its host was found lost a member may have failed of it: a link is lost in a millisecond, a host's silence is
 * known after several missed keepalives. Whoever was down before that failed of something else.
 */
export const KNOWN_LATER_MS = 15_000;

/**
 * Which failures have one cause. A host that is gone, a fact, explains each member on it; one that only cannot be asked, an opinion,
 * explains several. That members fail together on a host that answers proves nothing: where there is one host they always do.
 */
export function rootsOf(failures: readonly Failure[], lost: readonly LostHost[]): Root[] {
  const byHost = lost.flatMap((host): Root[] => {
    const own = failures.filter((f) => f.hostId === host.hostId && f.sinceMs >= host.sinceMs - KNOWN_LATER_MS);
    return own.length >= (host.state === "gone" ? 1 : 2) ? [{ host, failures: own }] : [];
  });
  const explained = new Set(byHost.flatMap((r) => r.failures));
  return [...byHost, ...failures.filter((f) => !explained.has(f)).map((f) => ({ host: null, failures: [f] }))];
}
