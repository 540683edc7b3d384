import type { VnfcId } from "../model/ids.ts";
import type { Health } from "../model/protection.ts";

/** So long all members must have been silent: an overloaded host that lets its guests run again must not find one of them ended. */
export const ALL_SILENT_MS = 5_000;
/** How long a member that has not answered since its life began is waited for. */
const BOOT_MS = 60_000;

/** A member of a group of which nobody that is known to be up can take anything over. */
export interface SilentMember {
  readonly vnfcId: VnfcId;
  readonly name: string;
  readonly health: Health;
  /** Since when an opinion calls it silent, monotonic ms; null: none does. */
  readonly silentSinceMs: number | null;
  /** Since when it runs and is asked and has not answered, and no heal waits for that, monotonic ms; null: it is not so. */
  readonly unansweredSinceMs: number | null;
  /** Something says that packets still come from it. */
  readonly passesPackets: boolean;
  /** Healing it was given up. */
  readonly isGivenUp: boolean;
  /** How many traffic nets are led to it. */
  readonly serves: number;
  /** It may carry more. */
  readonly hasRoom: boolean;
  /** Its port was closed for its silence alone, and it answers again and has not ended since. */
  readonly isBack: boolean;
}

export type LastResort =
  | { readonly do: "nothing"; readonly because: string }
  | { readonly do: "wait"; readonly untilMs: number; readonly because: string }
  | { readonly do: "fence"; readonly vnfcId: VnfcId; readonly because: string }
  /** Its port is opened again. */
  | { readonly do: "open"; readonly vnfcId: VnfcId; readonly because: string };

/**
 * What to do where no member is known to be up with room, so that nobody could take over from one that is fenced: one that is silent, or
 * has not answered for longer than a boot takes, is given a new life, and no more than one. Never one from which packets come; of the
 * others the one that serves least, since its end costs least if the opinion is wrong; of equals the one that has been so longest. Not
 * while another comes back by itself. Before any of that: where somebody was closed for an opinion that is withdrawn by now, and what
 * is led to another is not served, that one is opened again instead of being given a new life. Pure and total.
 */
export function lastResort(members: readonly SilentMember[], nowMs: number): LastResort {
  const nothing = (because: string): LastResort => ({ do: "nothing", because });
  if (members.some((m) => m.health.state === "up" && m.hasRoom)) return nothing("a member is up");
  const back = members.find((m) => m.isBack);
  if (back && members.some((m) => m.health.state !== "up" && m.serves > 0))
    return {
      do: "open",
      vnfcId: back.vnfcId,
      because: `no member is known to be up with room, and ${back.name}, which was closed for its silence alone, answers again`,
    };
  const healed = members.find((m) => m.health.state === "down" && !m.isGivenUp);
  if (healed) return nothing(`${healed.name} is down and being healed`);
  const mute = members.filter((m) => m.health.state === "unknown" && muteSinceOf(m) !== null);
  const able = mute.filter((m) => !m.passesPackets);
  if (able.length === 0)
    return nothing(mute.length === 0 ? "nobody who is asked is without an answer" : "packets still come from them");
  const dueAt = Math.max(...members.map(dueAtOf));
  const names = mute.map((m) => m.name).join(", ");
  const nobody = members.some((m) => m.health.state === "up") ? "no member that is up has room" : "no member is known to be up";
  if (nowMs < dueAt) return { do: "wait", untilMs: dueAt, because: `${nobody}, and nothing is heard of ${names}: waiting` };
  const chosen = able.reduce((best, m) => (isSooner(m, best) ? m : best));
  const why = `${nobody} and nobody can take over: ${chosen.name} is given a new life, as it ${
    able.length === 1 ? "is the only one from which no packets come" : `serves ${chosen.serves} traffic nets, which is least`
  }`;
  return { do: "fence", vnfcId: chosen.vnfcId, because: why };
}

function dueAtOf({ health, silentSinceMs, unansweredSinceMs }: SilentMember): number {
  if (health.state !== "unknown") return 0; // Given up: it does not come.
  return silentSinceMs === null ? (unansweredSinceMs ?? health.sinceMs) + BOOT_MS : silentSinceMs + ALL_SILENT_MS;
}

const isSooner = (a: SilentMember, b: SilentMember): boolean =>
  a.serves !== b.serves ? a.serves < b.serves : muteSinceOf(a)! < muteSinceOf(b)!;

const muteSinceOf = ({ silentSinceMs, unansweredSinceMs }: SilentMember): number | null => silentSinceMs ?? unansweredSinceMs;
