import type { Move } from "../model/protection.ts";
import type { Guard } from "./guard.ts";

/** What packets say of moves that are made: seen on each way (`at`: the last, monotonic ms), not yet, not where they should be, or nobody can tell. */
export type Verification =
  | { readonly state: "verified"; readonly at: number }
  | { readonly state: "pending" }
  | { readonly state: "unverified" | "unseen"; readonly because: readonly string[] };

/** Pure. The moves are made: each net is bound to the data net of the member it was to be led to. */
export function verificationOf(guard: Guard, moves: readonly Move[]): Verification {
  if (!guard.isTellingPaths) return { state: "unseen", because: ["not verified by packets: this VIM does not look for them"] };
  const found = moves.map((m) => ({ ...m, path: guard.pathOf(m.trafficNet) }));
  const wordsOf = (state: "unverified" | "unseen") =>
    found
      .filter((f) => f.path?.state === state)
      .map((f) => `${nameOf(guard, f)} to ${guard.memberOf(f.to)?.member.name ?? f.to}: not verified by packets: ${f.path?.why}`);
  const unverified = wordsOf("unverified");
  if (unverified.length > 0) return { state: "unverified", because: unverified };
  if (found.some((f) => f.path === null || f.path.state === "pending")) return { state: "pending" };
  const unseen = wordsOf("unseen");
  if (unseen.length > 0) return { state: "unseen", because: unseen };
  return { state: "verified", at: Math.max(...found.map((f) => f.path?.at ?? 0)) };
}

const nameOf = ({ group }: Guard, { trafficNet }: Move): string =>
  group.trafficNets.find((n) => n.netId === trafficNet)?.name ?? trafficNet;
