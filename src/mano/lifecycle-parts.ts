import type { Clock } from "../lib/clock.ts";
import type { VimAccountId } from "../model/ids.ts";
import type { Ns, Vnfc } from "../model/ns.ts";
import type { EventStream } from "../notify/stream.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { Inventory, VimConnector } from "../vimconn/connector.ts";
import type { Guard } from "./guard.ts";
import type { Healer } from "./healer.ts";
import type { Occurrences } from "./occurrences.ts";
import type { Outbox } from "./outbox.ts";
import type { Deployment } from "./plan.ts";
import type { Provisioning } from "./provisioning.ts";
import type { WriteQueue } from "./writes.ts";

/** What the life cycle works with, and whom it tells. */
export interface LifecycleParts {
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly stream: EventStream;
  readonly writes: WriteQueue;
  readonly healer: Healer;
  readonly occurrences: Occurrences;
  readonly outbox: Outbox;
  /** Brings what a VIM has not; left out: it must have all. */
  readonly provisioning?: Provisioning | undefined;
  /** Throws CONFLICT where a net that it is about to use is another's: a VIM that was not looked at when it was asked for may show that only now. */
  refuseTaken(d: Deployment, all: readonly Deployment[]): void;
  guardsOf(d: Deployment): readonly Guard[];
  /** A group is to be heard from now on; it is protected once its guard is watched. */
  guardAdded(guard: Guard): void;
  /** Its groups are protected from now on. */
  watched(ns: Ns): void;
  /** Its groups are to be protected no more in this VIM: its servers there are about to be taken away. */
  disarm(guard: Guard, vim: VimAccountId, signal: AbortSignal): Promise<void>;
  /** Another VIM of it may go on: asks for a pass. */
  wake(vim: VimAccountId): void;
  /** The VNFCs of an NS and its groups are no more. */
  removed(ns: Ns, vnfcs: readonly Vnfc[]): void;
}

/** One of its VIMs, and what that has now. */
export interface Site {
  readonly vim: VimAccountId;
  readonly connector: VimConnector;
  readonly seen: Inventory;
  readonly signal: AbortSignal;
}
