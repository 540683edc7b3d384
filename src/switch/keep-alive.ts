import type { Clock } from "../lib/clock.ts";

export interface KeepAlivePolicy {
  /** An echo request is sent every so many ms. */
  readonly intervalMs: number;
  /** So many intervals in a row without a byte from the switch, and it counts as gone. */
  readonly missesMax: number;
}

/** Three seconds: a vswitchd that reconfigures stands still for up to one; nothing of the reaction path waits for this. */
export const KEEP_ALIVE: KeepAlivePolicy = { intervalMs: 1000, missesMax: 3 };

export interface EchoPeer {
  readonly bytesRead: number;
  echo(): void;
  /** Called once per interval, for whatever else has a limit. */
  expire(): void;
  lost(why: string): void;
}

/**
 * Watches that a peer answers, until `signal`. An interval that ended late says that we stood still, not the switch: the
 * bytes it sent meanwhile are not read yet, so such an interval is not counted.
 */
export async function keepAlive(peer: EchoPeer, policy: KeepAlivePolicy, clock: Clock, signal: AbortSignal): Promise<void> {
  let heard = peer.bytesRead;
  let misses = 0;
  peer.echo();
  while (!signal.aborted) {
    const due = clock.now() + policy.intervalMs;
    // The signal ends the sleep by rejecting it.
    await clock.sleep(policy.intervalMs, signal).catch(() => {});
    if (signal.aborted) return;
    const late = clock.now() - due > policy.intervalMs / 2;
    if (peer.bytesRead !== heard) misses = 0;
    else if (!late) misses += 1;
    heard = peer.bytesRead;
    if (misses >= policy.missesMax) {
      peer.lost(`no answer to ${misses} echo requests, ${policy.intervalMs} ms apart`);
      return;
    }
    peer.expire();
    peer.echo();
  }
}
