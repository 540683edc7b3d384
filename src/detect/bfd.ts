import type { BfdStatus, BfdWord } from "../model/bfd.ts";

const notYet = (says: BfdWord["says"], why: string): BfdWord => ({ says, isProtecting: false, why });

/**
 * A BFD session → a word about its link. A peer that was never heard may not speak BFD at all: that is no loss. A session that is up
 * while its peer does not say so too still runs on timers of a second and more (RFC 5880 6.8.3; seen in Open vSwitch), so a loss would
 * be found in seconds: up, and not yet protected. Null: the switch runs none.
 */
export function bfdWord(status: BfdStatus | null): BfdWord {
  if (status === null) return notYet(null, "the switch does not run it yet");
  const { state, remoteState, isForwarding, diagnostic, remoteDiagnostic, flapCount } = status;
  if (isForwarding && remoteState === "up") return { says: "linkUp", isProtecting: true, why: null };
  if (isForwarding) return notYet("linkUp", `up on slow timers: the peer says ${remoteState}`);
  if (flapCount === 0) return notYet(null, "its peer has not been heard since the switch looks");
  if (state === "up") return notYet("linkDown", `the session is up, but the peer says: ${remoteDiagnostic}`);
  return notYet("linkDown", `session ${state}: ${diagnostic}`);
}
