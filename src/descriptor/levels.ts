import type { GuestHeartbeatPolicy } from "../model/armed.ts";
import type { DetectionClass } from "../model/blueprint.ts";
import type { Standby } from "../model/protection.ts";

/** What a service availability level (ETSI GS NFV-REL 001 clause 7.3.2) stands for here. The table of docs/how-to/write-a-descriptor.md. */
export interface Level {
  readonly detection: DetectionClass;
  /** How long a failure must last before traffic moves. What is known for certain (a process that ended) waits for it too. */
  readonly holdOffMs: number;
  readonly waitToRestoreMs: number;
  /** What those are that wait beyond the two of a pair, and the spares of a pool. */
  readonly standby: Standby;
}

/**
 * Level 1 is the highest: REL 001 wants a failure detected within 1 s, 5 s and 10 s, and the service back within 5 to 6, 10 to 15 and 20 to 25 s.
 * Each class below is well inside, as moving the traffic takes milliseconds.
 */
export const LEVELS: Readonly<Record<1 | 2 | 3, Level>> = {
  1: { detection: "fast", holdOffMs: 0, waitToRestoreMs: 60_000, standby: "hot" },
  2: { detection: "standard", holdOffMs: 0, waitToRestoreMs: 60_000, standby: "warm" },
  3: { detection: "relaxed", holdOffMs: 500, waitToRestoreMs: 300_000, standby: "warm" },
};

/** Of what is protected without a level. */
export const LEVEL_DEFAULT = 2;

/** How a member is asked. Silent when `misses` of the last `of` requests were not answered; a member without an agent is asked in-band only. */
export interface Detection {
  readonly probe: { readonly intervalMs: number; readonly misses: number; readonly of: number } | null;
  readonly guestHeartbeat: GuestHeartbeatPolicy | null;
}

/** Found within about `interval` × (`misses` + 1): 200 ms, 1 s, 4 s. */
export const DETECTION: Readonly<Record<DetectionClass, Detection>> = {
  fast: { probe: { intervalMs: 50, misses: 3, of: 3 }, guestHeartbeat: { intervalMs: 500, misses: 3, of: 3 } },
  standard: { probe: { intervalMs: 250, misses: 3, of: 3 }, guestHeartbeat: { intervalMs: 1_000, misses: 3, of: 3 } },
  relaxed: { probe: { intervalMs: 1_000, misses: 3, of: 4 }, guestHeartbeat: { intervalMs: 3_000, misses: 3, of: 3 } },
  none: { probe: null, guestHeartbeat: null },
};
