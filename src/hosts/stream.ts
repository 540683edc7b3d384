import { connect, type NetConnectOpts, type Socket } from "node:net";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";

/** Connects, or throws HOST_UNREACHABLE with the system's reason. The caller owns the socket. */
export function openStream(to: NetConnectOpts, name: string): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect(to);
  const refused = (cause: Error) => reject(new Fault("HOST_UNREACHABLE", `${name}: ${cause.message}`, {}, { cause }));
  socket.once("error", refused);
  socket.once("connect", () => {
    socket.off("error", refused);
    socket.setNoDelay?.(true);
    resolve(socket);
  });
  return promise;
}

/** First wait after a lost connection, and the longest: a peer that restarts is found at once, one that is gone costs nothing. */
const BACK_OFF_MS = { first: 50, longest: 2_000 } as const;

/** How long to wait before the n-th attempt (from 0) to connect again. */
export const backOffMs = (attempt: number): number => Math.min(BACK_OFF_MS.first * 2 ** attempt, BACK_OFF_MS.longest);

/** The answer, or a TIMEOUT fault that says what was late. */
export async function inTime<T>(clock: Clock, maxMs: number, what: string, answer: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = clock.sleep(maxMs, timer.signal).then(() => {
    throw new Fault("TIMEOUT", `no answer to ${what}`, { afterMs: maxMs });
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    late.catch(() => {}); // Aborting a sleep rejects it; nobody waits for it any more.
    timer.abort();
  }
}

/** How long a peer may be silent: asked after `everyMs` and again as often, it is gone when `asks` in a row bring nothing back. */
export interface Patience {
  readonly everyMs: number;
  readonly asks: number;
}

/**
 * A frozen peer keeps its socket open: only its silence tells. Runs until `signal` is aborted or the peer is gone. Asks are counted and
 * not time: a turn that came late was our own stall, and what the peer said meanwhile is perhaps not read yet.
 */
export async function watchSilence(
  clock: Clock,
  signal: AbortSignal,
  { everyMs, asks }: Patience,
  peer: { heardAt(): number; ask(): void; gone(): void },
): Promise<void> {
  let asked = 0;
  let turnAt = clock.now();
  while (!signal.aborted) {
    await clock.sleep(everyMs, signal).catch(() => {});
    if (signal.aborted) return;
    const [now, lastTurnAt] = [clock.now(), turnAt];
    turnAt = now;
    if (now - lastTurnAt > 2 * everyMs) continue;
    if (peer.heardAt() > lastTurnAt) asked = 0;
    if (now - peer.heardAt() < everyMs) continue;
    if (asked >= asks) return peer.gone();
    asked++;
    peer.ask();
  }
}
