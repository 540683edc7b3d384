import type { Readable } from "node:stream";
import { FaultWithHeaders } from "./problem.ts";
import { Answer } from "./route.ts";

/** Bytes of something, opened when they are wanted: `from` and `to` count from 0, and `to` is the last. */
export interface RangedBytes {
  readonly type: string;
  readonly size: number;
  readonly open: (from: number, to: number) => Promise<Readable>;
}

/** No range is longer, and what is matched with spaces between takes the longer. */
const RANGE_CHARS_MAX = 200;

/**
 * The part that a `Range` header asks for (RFC 9110 14); null: all of it. Several ranges at once, and what is no range, are as if they
 * were not there. Throws RANGE where there are no such bytes.
 */
export function rangeOf(header: string | undefined, size: number): { readonly from: number; readonly to: number } | null {
  if (header !== undefined && header.length > RANGE_CHARS_MAX) return null;
  const [, first, last] = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header ?? "") ?? [];
  if (first === undefined || last === undefined || (first === "" && last === "")) return null;
  if (first !== "" && last !== "" && Number(first) > Number(last)) return null;
  const from = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const to = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (from <= to) return { from, to };
  throw new FaultWithHeaders("RANGE", `bytes ${header!.trim().slice(0, 60)} of ${size}`, { "content-range": `bytes */${size}` });
}

/** 200 with all of it, or 206 with the part that is asked for. */
export async function rangedAnswer(bytes: RangedBytes, header: string | undefined): Promise<Answer> {
  const { size, type } = bytes;
  const range = rangeOf(header, size);
  const { from, to } = range ?? { from: 0, to: Math.max(0, size - 1) };
  const headers = {
    "content-type": type,
    "accept-ranges": "bytes",
    "content-length": String(range === null ? size : to - from + 1),
    ...(range !== null && { "content-range": `bytes ${from}-${to}/${size}` }),
  };
  return new Answer(range === null ? 200 : 206, headers, await bytes.open(from, to));
}
