import type { Source } from "./evidence.ts";
import type { Rung } from "./heal.ts";
import type { GroupId, NetId, NsId, VimAccountId, VnfcId } from "./ids.ts";
import type { Incident } from "./incident.ts";
import type { PmEvent } from "./measurement.ts";
import type { Occurrence, OccurrenceState } from "./occurrence.ts";
import type { PackageChange } from "./package.ts";
import type { CommandState, Health, Move, ProtectionCommand } from "./protection.ts";

/** X.733 perceived severities, as SOL003 and SOL005 fault management spell them. */
export type Severity = "CRITICAL" | "MAJOR" | "MINOR" | "WARNING" | "INDETERMINATE" | "CLEARED";

/** An alarm in the names of ETSI SOL005 FM (clause 8.5.2.4); kept for ever, cleared by `clearedAt`. */
export interface Alarm {
  readonly id: string;
  readonly managedObjectId: string;
  readonly raisedAt: string;
  readonly changedAt: string | null;
  readonly clearedAt: string | null;
  readonly ackState: "UNACKNOWLEDGED" | "ACKNOWLEDGED";
  /** Left out while it is not acknowledged. */
  readonly acknowledgedAt?: string;
  readonly perceivedSeverity: Severity;
  /** How severe it was, where it is cleared. Left out by 0.1. */
  readonly clearedFrom?: Severity;
  readonly eventType: "EQUIPMENT_ALARM" | "COMMUNICATIONS_ALARM" | "PROCESSING_ERROR_ALARM" | "QOS_ALARM";
  readonly probableCause: string;
  readonly isRootCause: boolean;
  readonly faultDetails: readonly string[];
  /** The alarms that explain this one, and what they are about. Left out where it is its own cause. They stay when it has been moved off what failed. */
  readonly correlatedAlarmIds?: readonly string[];
  readonly rootCauseFaultyResource?: FaultyResourceInfo;
  /** Whose it is, as it was when it was raised. Left out where it is about what several network services stand on. */
  readonly place?: AlarmPlace;
}

/** The network service that an alarm is about, and the VNF, where it is about one. Kept with the alarm, which outlives both. */
export interface AlarmPlace {
  readonly nsId: NsId;
  readonly nsName: string;
  /** Of its NSD: our record's, and the one in the descriptor. */
  readonly nsdIds: readonly string[];
  readonly vnfdIds: readonly string[];
  readonly vnf: { readonly id: string; readonly name: string; readonly vnfdId: string } | null;
  readonly vnfcIds: readonly VnfcId[];
  /** Its NS is none that anybody knows. */
  readonly isOfSoleVnf?: true;
}

/** SOL005 8.5.3.2, with the part of a ResourceHandle that we know. */
export interface FaultyResourceInfo {
  readonly faultyResource: { readonly vimId: VimAccountId; readonly resourceId: string };
  readonly faultyResourceType: "COMPUTE" | "STORAGE" | "NETWORK";
}

/** Times of one failover, monotonic ms of the machine that saw them. Each is null until it happened. */
export interface FailoverTimes {
  /** First sight of each source, as the VIM pushed it. */
  readonly seen: Readonly<Partial<Record<Source, number>>>;
  /** The first piece of evidence arrived at the MANO. */
  readonly told: number | null;
  readonly decided: number | null;
  /** The last byte of the flow change left the controller. */
  readonly onWire: number | null;
  readonly barrier: number | null;
  /** Packets were seen to reach and to leave the member that traffic was led to, on the way of the last move. Left out by 0.1. */
  readonly verified: number | null;
  /** The alarm was written and handed to the subscribers. */
  readonly alarmTold: number | null;
}

/** One fault, one record: opened with the decision, closed when the switch confirmed, the VIM's binds read back as decided,
 * and packets were seen on the new way. `stuck`: that did not come about in time, and a person was told. */
export interface Failover {
  readonly id: string;
  readonly nsId: NsId;
  readonly groupId: GroupId;
  readonly kind: Move["kind"];
  /** The member that went down (failover), came back (failback), or was given traffic (command). */
  readonly about: VnfcId;
  readonly state: "open" | "closed" | "stuck";
  readonly moves: readonly Move[];
  readonly because: readonly string[];
  /** How it came about: told by events, found by polling or after a restart, carried out by the VIM beforehand armed, commanded. */
  readonly mode: "push" | "poll" | "restart" | "armed" | "command";
  readonly openedAt: string;
  readonly closedAt: string | null;
  readonly times: FailoverTimes;
  /** The incident it is part of, where it failed together with others. */
  readonly incidentId?: string;
}

/** A request that was answered with success and changed something. */
export interface ApiChange {
  /** Whose token it was, the program and its address. */
  readonly by: string;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly status: number;
  /** Whose token it was; left out: it was of no tenant. */
  readonly tenantId?: string;
}

/** A request that was to change something and was refused. */
export interface ApiRefusal extends ApiChange {
  /** Refusals before it that were not written down: too many came at once. */
  readonly leftOut?: number;
}

/** Everything that happens in the MANO, as one type: the journal and the stream to subscribers are views of it. */
export type ManoEventBody =
  | { readonly type: "mano.started"; readonly version: string }
  /** Somebody has changed something through the API. */
  | ({ readonly type: "api.changed" } & ApiChange)
  /** Somebody wanted to, and was not let. */
  | ({ readonly type: "api.refused" } & ApiRefusal)
  /** A VNF package, an NSD or a PNFD is on board, could not be taken in, is enabled or disabled, or is gone (SOL005 5.5.2.9, 9.5.2.8). */
  | ({ readonly type: "package.changed" | "nsd.changed" | "pnfd.changed" } & PackageChange)
  | { readonly type: "vim.connected" | "vim.lost"; readonly vimAccountId: VimAccountId; readonly why?: string }
  | { readonly type: "ns.state"; readonly nsId: NsId; readonly state: string; readonly detail?: string }
  | { readonly type: "ns.created" | "ns.deleted"; readonly nsId: NsId; readonly nsName: string }
  | { readonly type: "vnf.created" | "vnf.deleted"; readonly nsId: NsId; readonly vnfId: string; readonly vnfName: string }
  /** A life cycle operation has begun, or has come into another state. */
  | { readonly type: "ns.occurrence"; readonly occurrence: Occurrence }
  /** The same, as one of its VNFs sees it; `state` may be STARTING, which an NS has not. */
  | {
      readonly type: "vnf.occurrence";
      readonly vnfId: string;
      /** Of the VnfLcmOpOcc. */
      readonly occurrenceId: string;
      readonly state: OccurrenceState;
      readonly occurrence: Occurrence;
    }
  | { readonly type: "vnfc.status"; readonly vnfcId: VnfcId; readonly status: string; readonly was: string | null }
  | { readonly type: "health.changed"; readonly vnfcId: VnfcId; readonly from: Health["state"]; readonly to: Health }
  | {
      readonly type: "decision.made";
      readonly groupId: GroupId;
      readonly moves: readonly Move[];
      readonly because: readonly string[];
    }
  | { readonly type: "failover"; readonly failover: Failover }
  /** What failed together: found, grown, or over. */
  | { readonly type: "incident"; readonly incident: Incident }
  | {
      readonly type: "heal.started" | "heal.ended";
      readonly vnfcId: VnfcId;
      readonly rung: Rung;
      /** The number of this try, from 1. */
      readonly try: number;
      /** Only when it ended. */
      readonly ok?: boolean;
      readonly detail: string;
    }
  /** A warm spare is resumed because it is needed; it is paused again, having answered. */
  | { readonly type: "spare.woken" | "spare.rests"; readonly groupId: GroupId; readonly vnfcId: VnfcId; readonly because: string }
  /** It has answered for the first time since it was woken. Monotonic ms; `resumedAt` null: nobody told when it ran again. */
  | {
      readonly type: "spare.answered";
      readonly groupId: GroupId;
      readonly vnfcId: VnfcId;
      readonly askedAt: number;
      readonly resumedAt: number | null;
      readonly answeredAt: number;
    }
  | {
      /** An operator's command was given, or stands otherwise than before. */
      readonly type: "protection.command";
      readonly groupId: GroupId;
      readonly command: ProtectionCommand;
      readonly state: CommandState["state"];
      readonly because: string;
    }
  | { readonly type: "protection.armed"; readonly groupId: GroupId; readonly revision: number }
  | { readonly type: "net.unprotected"; readonly groupId: GroupId; readonly netId: NetId }
  | { readonly type: "alarm.raised" | "alarm.changed" | "alarm.cleared"; readonly alarm: Alarm }
  /** A report is ready, or a threshold was crossed. Not in the stream of what happens: it has one of its own. */
  | PmEvent
  /** In place of events that were forgotten before a subscriber could be told: it must read the whole picture again. Never in the journal. */
  | { readonly type: "events.lost"; readonly from: number; readonly to: number };

export type ManoEvent = { readonly seq: number; readonly at: string; readonly monoMs: number } & ManoEventBody;
