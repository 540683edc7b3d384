import type { NetId } from "../model/ids.ts";
import { hash32 } from "../steer/group-ids.ts";
import type { CookiePart } from "../switch/flow-switch.ts";

/** Nets by the lowest bits of the hash that their entries carry in their cookies: a look at a part of a large table finds its nets by them. */
export const SLICES = 256;

export const sliceOf = (net: NetId): number => hash32(net) & (SLICES - 1);

/** The slices that are in a part; its mask has no bits beyond those of a slice. */
export const slicesIn = ({ bits, mask }: Pick<CookiePart, "bits" | "mask">): number[] =>
  Array.from({ length: SLICES }, (_, slice) => slice).filter((slice) => (slice & mask) === bits);
