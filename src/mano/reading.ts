import type { VimAccountId } from "../model/ids.ts";
import type { PortCount } from "../model/port-count.ts";
import type { ServerUsage } from "../model/server-usage.ts";

/** What was read at one moment. */
export interface Reading {
  readonly at: string;
  readonly wallMs: number;
  /** Of the monotonic clock: a period is as long as it says, however clocks are set. */
  readonly monoMs: number;
  /** By VIM; one that did not answer, or does not count, is not there. */
  readonly counts: ReadonlyMap<VimAccountId, Counts>;
  /** What servers had taken of their hosts, by VIM and by server; one that is not there is not known. */
  readonly usage: ReadonlyMap<VimAccountId, ReadonlyMap<string, ServerUsage>>;
}

/** What the ports of one VIM had carried, so that those of a server and of a net are found at once. */
export interface Counts {
  readonly byServer: ReadonlyMap<string, readonly PortCount[]>;
  /** By the name of the net: where cables enter. */
  readonly outside: ReadonlyMap<string, readonly PortCount[]>;
}

export const countsOf = (all: readonly PortCount[]): Counts => ({
  byServer: Map.groupBy(
    all.filter((c) => c.serverId !== null),
    (c) => c.serverId as string,
  ),
  outside: Map.groupBy(
    all.filter((c) => c.serverId === null && c.netName !== null),
    (c) => c.netName as string,
  ),
});

/** From the end of one period to the end of the next. */
export type Period = readonly [before: Reading, after: Reading];

/** A period may be so much longer than it should be, or this share of it: then what grew in it is still told as of one. */
const SLACK_MS = 500;
const SLACK = 0.2;
const slackOf = (ms: number): number => Math.max(SLACK_MS, ms * SLACK);

/** Whether one is about as long as the other should be. */
export const isAsLong = (ms: number, asMs: number): boolean => Math.abs(ms - asMs) <= slackOf(asMs);

/** Whether what lies between two readings is one period, by a wall clock that was not set within. One that a boundary ends early is. */
export function isOnePeriod([before, after]: Period, everyMs: number): boolean {
  const spanMs = after.monoMs - before.monoMs;
  const setMs = Math.abs(after.wallMs - before.wallMs - spanMs);
  return spanMs <= everyMs + slackOf(everyMs) && setMs <= SLACK_MS;
}
