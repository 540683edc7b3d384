import type { NetId } from "./ids.ts";

/**
 * The way a bind leads, from the users of a traffic net to the member that serves them and back, and whether packets were seen on it since the
 * bind was made. `unverified`: they should have been and were not. `unseen`: nobody can tell, since nobody sends and nobody can be asked.
 */
export interface Path {
  readonly netId: NetId;
  /** What it is bound to. */
  readonly bindNet: NetId;
  readonly state: "pending" | "verified" | "unverified" | "unseen";
  /** Verified by the users' own packets, or by an answer to our request; null: not verified. */
  readonly how: "traffic" | "probe" | null;
  /** In words of an operator. */
  readonly why: string;
  /** Monotonic ms of the VIM's machine when it was found so; null while it is pending. */
  readonly at: number | null;
}
