import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import type { Clock } from "./clock.ts";

/** The reply header in which a daemon tells whose clock its times are of, and what that showed while it answered. */
export const CLOCK_HEADER = "sempre-clock";

let ownId: string | null = null;

/**
 * The same for all processes whose CLOCK_MONOTONIC shows the same: those of one boot of one machine, in one time namespace
 * (time_namespaces(7)). A hash, since who asks need not know which boot it is.
 */
export function clockId(): string {
  ownId ??= createHash("sha256")
    .update(readFileSync("/proc/sys/kernel/random/boot_id"))
    .update(readlinkSync("/proc/self/ns/time"))
    .digest("hex")
    .slice(0, 16);
  return ownId;
}

/** "3f0c9a1b2d4e5f60 14363404.346". */
export const clockText = (clock: Clock): string => `${clockId()} ${clock.now().toFixed(3)}`;

/** Null where it is none. */
export function clockOf(text: string): { readonly id: string; readonly ms: number } | null {
  const [, id, ms] = /^([0-9a-f]{16}) (\d+(?:\.\d+)?)$/.exec(text) ?? [];
  return id === undefined ? null : { id, ms: Number(ms) };
}
