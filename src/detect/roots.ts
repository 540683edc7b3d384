import type { HostState } from "../model/host-state.ts";
import type { HostId, VnfcId } from "../model/ids.ts";

/** A member that is down. */
export interface Failure {
  readonly vnfcId: VnfcId;
  /** Where its server is; null: its VIM does not say. */
  readonly hostId: HostId | null;
  /** When the first word against it was heard, monotonic ms. */
  readonly sinceMs: number;
  /** Nothing but the link of its port speaks against it: its server runs on, for all anybody knows. */
  readonly isLinkOnly: boolean;
  /** The storage that holds the disk for which its server was paused, by a name that no other storage of its VIM has; null: it failed of something else. */
  readonly storage: string | null;
}

/** A compute host that is not up, and since when that is known, monotonic ms. */
export interface LostHost {
  readonly kind: "host";
  readonly hostId: HostId;
  readonly state: Exclude<HostState["state"], "up">;
  readonly sinceMs: number;
}

/** A switch that its VIM has no session with, and since when that is known, monotonic ms. */
export interface LostSwitch {
  readonly kind: "switch";
  readonly sinceMs: number;
}

/** A storage on which disks could not be read or written, and since when that is known, monotonic ms. */
export interface LostStorage {
  readonly kind: "storage";
  readonly storage: string;
  readonly sinceMs: number;
}

export type Lost = LostHost | LostStorage | LostSwitch;

/** One cause and all it explains. `lost` null: the one member that failed is its own cause. */
export interface Root {
  readonly lost: Lost | null;
  readonly failures: readonly Failure[];
}

/**
 * How long before its cause was found lost a member may have failed of it: a link is lost in a millisecond, a host's silence is
 * known after several missed keepalives. Whoever was down before that failed of something else.
 */
export const KNOWN_LATER_MS = 15_000;

/**
 * Which failures have one cause. A host that is gone, a fact, explains each member on it; one that only cannot be asked, an opinion,
 * explains several. A switch whose session is lost explains several whose links went with it and whose servers nobody saw end: a
 * session alone may be cut, and one link be pulled. A storage explains several who were each paused for a disk on it; the disk of one alone may be full
 * by itself. That members fail together proves nothing else: where there is one host they
 * always do. A host that explains comes first, then a storage.
 */
export function rootsOf(failures: readonly Failure[], lost: readonly Lost[]): Root[] {
  const explained = new Set<Failure>();
  const hostsFirst = lost.toSorted((a, b) => a.kind.localeCompare(b.kind));
  const roots = hostsFirst.flatMap((one): Root[] => {
    const own = failures.filter((f) => !explained.has(f) && isOf(f, one) && f.sinceMs >= one.sinceMs - KNOWN_LATER_MS);
    if (own.length < (one.kind === "host" && one.state === "gone" ? 1 : 2)) return [];
    for (const failure of own) explained.add(failure);
    return [{ lost: one, failures: own }];
  });
  return [...roots, ...failures.filter((f) => !explained.has(f)).map((f) => ({ lost: null, failures: [f] }))];
}

function isOf(failure: Failure, lost: Lost): boolean {
  if (lost.kind === "storage") return failure.storage === lost.storage;
  return lost.kind === "host" ? failure.hostId === lost.hostId : failure.isLinkOnly;
}
