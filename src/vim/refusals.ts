import { Fault } from "../lib/fault.ts";

// What an error of a switch means for what was asked of it.

/**
 * What a switch that has no fast failover, or none that leads on to another group, answers to it (OFPET_GROUP_MOD_FAILED, 1.3,
 * 7.4.4.6). Traffic then goes on without stand-ins, which no controller's absence survives, but which is no worse than before.
 */
const NO_SUCH_GROUPS =
  /^(GROUP_MOD_FAILED\/(INVALID_GROUP|OUT_OF_\w+|CHAINING_UNSUPPORTED|WATCH_UNSUPPORTED|LOOP|BAD_TYPE|BAD_BUCKET|BAD_WATCH)|BAD_ACTION\/BAD_OUT_GROUP)$/;

/** Why it is not to be asked for stand-ins any more; null where this was something else. */
export function refusalOfStandIns(err: unknown): string | null {
  if (!(err instanceof Fault)) return null;
  const { error, change } = err.about;
  const isTheirs = NO_SUCH_GROUPS.test(String(error)) && /Group /.test(String(change));
  return isTheirs ? `the switch refused fast failover: ${error} for ${change}` : null;
}

/** True where the change stays wanted though the switch did not take it now: it is written when the switch comes back. */
export const isLater = (e: unknown): boolean => e instanceof Fault && LATER.has(e.code);
const LATER: ReadonlySet<string> = new Set(["SWITCH_NOT_CONNECTED", "TIMEOUT", "CONTROLLER_UNREACHABLE"]);
