import type { HealView } from "./heal.ts";
import type { GroupId, NetId, NsId, VnfcId } from "./ids.ts";
import type {
  CommandKind,
  CommandState,
  GivenCommand,
  Health,
  Member,
  Move,
  ProtectionPolicy,
  Rest,
  Scheme,
  TrafficNet,
} from "./protection.ts";

/** What an operator asks for. Members and traffic nets by id or by name. */
export interface CommandWish {
  readonly kind: CommandKind;
  readonly to: string | null;
  readonly trafficNets: readonly string[] | null;
  /** Only say what it would do. */
  readonly dryRun: boolean;
}

/** What the operator is answered: what happens, or with `dryRun` would happen, and why. */
export interface CommandOutcome {
  readonly accepted: boolean;
  readonly dryRun: boolean;
  readonly because: readonly string[];
  readonly moves: readonly Move[];
  /** How the command stands now; null where there is none any more. */
  readonly command: CommandState | null;
}

/** Can the failover of this member's traffic fire? */
export interface Readiness {
  readonly vnfcId: VnfcId;
  readonly name: string;
  /** Each traffic net it serves would go to somebody. */
  readonly canFailOver: boolean;
  /** That lies in the VIM, to be done without us. */
  readonly isArmed: boolean;
  /** A warm spare would be woken for it. */
  readonly wakes: boolean;
  /** What would be done if it failed now, and what stands in the way. */
  readonly words: readonly string[];
}

/** What the failure of one more member would cost a group of more than two, its spares counted as awake. */
export interface ExposureView {
  readonly vnfcId: VnfcId;
  readonly name: string;
  /** Traffic nets it serves that nobody could take, and traffic nets that would be served on but could not be moved once more; those of groups that share its spares too. */
  readonly unserved: readonly NetId[];
  readonly unprotected: readonly NetId[];
  readonly words: string;
}

/** A warm spare: whether it stands ready, and why not. */
export interface SpareView {
  readonly vnfcId: VnfcId;
  readonly name: string;
  readonly rest: Rest;
  /** Booted, proved and paused: it is there within milliseconds. */
  readonly isWarm: boolean;
  readonly words: string;
  /** From the request to resume it to its first answer, the last time it was woken in this run, ms; null: it was not. */
  readonly lastWakeMs: number | null;
}

/** A protection group with all that is known of it. */
export interface ProtectionGroupView {
  readonly id: GroupId;
  readonly nsId: NsId;
  readonly name: string;
  readonly scheme: Scheme;
  readonly policy: ProtectionPolicy;
  /** Its network service is instantiated and its VIM was seen. */
  readonly isProtected: boolean;
  readonly members: readonly (Member & {
    readonly health: Health;
    readonly isFenced: boolean;
    readonly serves: readonly NetId[];
  })[];
  /** `servedBy` null: nobody, or not known yet; `since`: wall-clock time of the last change that is known. */
  readonly trafficNets: readonly (TrafficNet & { readonly servedBy: VnfcId | null; readonly since: string | null })[];
  /** What an operator asked for, and how it stands; null: nothing. */
  readonly command: (GivenCommand & CommandState) | null;
  /** What is decided now, in words. */
  readonly because: readonly string[];
  readonly armed: { readonly revision: number | null; readonly isCurrent: boolean; readonly why: string | null };
  readonly readiness: readonly Readiness[];
  /** Whichever member that serves failed now, its traffic would go on at once: members up, spares warm, ways seen, links watched, plans armed, room there. */
  readonly isReady: boolean;
  /** Why it is not. */
  readonly readyBecause: readonly string[];
  /** Whom the next failure would leave unserved or unprotected; nobody is named whose failure costs nothing. */
  readonly exposure: readonly ExposureView[];
  readonly spares: readonly SpareView[];
  /** Members that are being healed, or were given up. */
  readonly heals: readonly HealView[];
}
