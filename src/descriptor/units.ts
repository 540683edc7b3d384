import { asWritten, type Spot } from "./spot.ts";

const WAIT_MS_MAX = 3_600_000;
const MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000 };

/** A time in ms: a whole number is milliseconds; "250 ms", "5 s" and "5 min" say their unit. At most an hour. */
export function timeMs(spot: Spot, what: string): number | null {
  if (!spot.isThere) return null;
  const text = asWritten(spot.value).trim();
  const [, amount, unit = "ms"] = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)?$/.exec(text) ?? [];
  const factor = MS[unit];
  if (amount !== undefined && factor === undefined) {
    spot.refuse(`${JSON.stringify(text)} has a unit that is none of time`, `write ${what} in ms, s or min, such as "250 ms"`);
    return null;
  }
  const ms = Number(amount) * (factor ?? 1);
  if (amount !== undefined && Number.isInteger(ms) && ms <= WAIT_MS_MAX) return ms;
  spot.refuse(
    `${JSON.stringify(spot.value)} is not possible here`,
    `write ${what}: whole milliseconds, 0..${WAIT_MS_MAX}, or such as "5 s"`,
  );
  return null;
}

/** YANG's timeticks (RFC 6991): hundredths of a second. */
export function ticksMs(spot: Spot, what: string): number | null {
  if (typeof spot.value === "string" && !/^\d+$/.test(spot.value)) return timeMs(spot, what);
  const ticks = spot.whole(0, WAIT_MS_MAX / 10, `${what}, in hundredths of a second`);
  return ticks === null ? null : ticks * 10;
}

const BYTES: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  kib: 2 ** 10,
  mb: 1e6,
  mib: 2 ** 20,
  gb: 1e9,
  gib: 2 ** 30,
  tb: 1e12,
  tib: 2 ** 40, // as TOSCA 1.2 3.3.6.4.1 has them
};

/** TOSCA's scalar-unit.size in bytes: "512 MB", "1 GiB". */
export function sizeBytes(spot: Spot, what: string): number | null {
  if (!spot.isThere) return null;
  const [, amount, unit = ""] = /^(\d+(?:\.\d+)?)\s*([A-Za-z/]+)?$/.exec(asWritten(spot.value).trim()) ?? [];
  const factor = BYTES[unit.toLowerCase()];
  if (amount !== undefined && factor !== undefined) return Number(amount) * factor;
  const why =
    amount !== undefined && unit === "" ? "has no unit" : amount !== undefined ? "has a unit that is none of size" : "is no size";
  spot.refuse(`${JSON.stringify(spot.value)} ${why}`, `write ${what} with its unit, such as "512 MB" or "1 GiB"`);
  return null;
}

/** More than any compute host has: a number in another unit than the one that is meant. */
const GB_MAX = 24_576;

/** SOL006's sizes, whole or not, in GB: one beyond any host is in another unit. */
export function gigabytes(spot: Spot, what: string, most = GB_MAX): number | null {
  if (!spot.isThere) return null;
  const n = Number(spot.value);
  if (!Number.isFinite(n) || n < 0 || typeof spot.value === "boolean" || spot.value === "") {
    spot.refuse(`${JSON.stringify(spot.value)} is not possible here`, `write ${what} as a number of GB, such as 0.5`);
    return null;
  }
  if (n <= most) return n;
  spot.refuse(`${n} GB is more than any host has`, `write ${what} in GB, not in MB`);
  return null;
}

/** OpenMANO's bandwidths: "10 Gbps", "1 Mbps". Answers Mbps. */
export function megabits(spot: Spot): number | null {
  if (!spot.isThere) return null;
  const [, amount, unit] = /^(\d+)\s*([MG]bps)$/.exec(asWritten(spot.value)) ?? [];
  if (amount !== undefined) return Number(amount) * (unit === "Gbps" ? 1000 : 1);
  spot.refuse(`${JSON.stringify(spot.value)} is no bandwidth`, 'write one such as "1 Gbps" or "100 Mbps"');
  return null;
}
