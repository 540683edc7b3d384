import type { FlowPhases, FlowTable } from "../model/flow.ts";
import type { DatapathId } from "../model/ids.ts";
import type { Abilities, Applied, SwitchPort } from "../model/switch.ts";
import type { PortCounters } from "./dialect.ts";

/** Counters of a port, and what of them is ours. */
export interface CountedPort extends PortCounters {
  readonly own: OwnPackets;
}

/** Packets of our own: probes and their answers are not what a port carries for others. */
export interface OwnPackets {
  /** Sent out of the port by packet-out; all of them are in `txPackets`, unless its link was down. */
  readonly sent: number;
  /** Handed to us by packet-in. One that is on its way to us is in `rxPackets` and not yet here. */
  readonly heard: number;
}

/** Of all entries those whose cookie, its lowest 32 bits ANDed with `mask`, is `bits`. */
export interface CookiePart {
  readonly bits: number;
  readonly mask: number;
  readonly withGroups: boolean;
}

/** All of them. */
export const EVERY_COOKIE: CookiePart = { bits: 0, mask: 0, withGroups: true };

/** Tells what is wanted, one table after the other: who hears them keeps none, so that they need never be there all at once. */
export type Tell = (hear: (table: FlowTable) => void) => void;

/** What of the `nth` table that was told is not there: entries and groups by their places in it. Both are never empty. */
export interface Missing {
  readonly nth: number;
  readonly entries: readonly number[];
  readonly groups: readonly number[];
}

/**
 * How what stands in a switch differs from what is wanted: what is not there so, and what is there instead or besides. Something that
 * stands as wanted may be in both, where the switch tells it in other words than ours.
 */
export interface Unlike {
  readonly missing: readonly Missing[];
  readonly found: FlowTable;
}

/**
 * What carries flow entries to one switch: an OpenFlow session of our own, or somebody else's controller. After it has ended
 * everything rejects with Fault SWITCH_NOT_CONNECTED; a request without answer in time rejects with Fault TIMEOUT.
 */
export interface FlowSwitch {
  readonly datapath: DatapathId;
  readonly abilities: Abilities;
  /** By name, as they are now. A port whose number has no name any more is called `#NUMBER` wherever one is named. */
  readonly ports: ReadonlyMap<string, SwitchPort>;
  /** Our entries and groups, as the switch has them and in whatever order it tells them. */
  read(): Promise<FlowTable>;
  /**
   * How what stands there differs from this, of those entries alone whose cookie ends in these bits, and of the groups only where
   * `withGroups` is set. Of a large table it costs a fraction of `read`, and keeps nothing of what is right. `want` is called once, before
   * this returns. Only where a switch can be asked so.
   */
  readonly compare?: ((want: Tell, part: CookiePart) => Promise<Unlike>) | undefined;
  /** How many entries of ours there are. */
  readonly count?: (() => Promise<number>) | undefined;
  /**
   * All phases in their order; resolves when the switch is known to have carried them out. Rejects with Fault SWITCH_REFUSED that
   * names the first refused change (`about.change`, `about.error`) or the missing port. What then stands there only `read` can tell;
   * of a change that names a missing port nothing was written.
   */
  apply(phases: FlowPhases): Promise<Applied>;
  /** Grows whenever the switch gains or loses a port, or one gets another number. */
  readonly portsVersion?: number;
  /** Works a change out beforehand: `apply` of these very changes then only sends them, as long as no port gets another number. */
  encode?(phases: FlowPhases): void;
  /**
   * Sends a frame out of a port. Throws Fault SWITCH_REFUSED for an unknown port, and where `abilities.packets` is false; what the
   * switch refuses becomes a `refused` event.
   */
  packetOut(port: string, frame: Uint8Array): void;
  /** Sends all that `send` asks for in one write to the connection: for many small messages that is most of their cost. */
  inOneWrite(send: () => void): void;
  /**
   * Of all ports, by one request; `of`: of others than these there may be none. Rejects with SWITCH_REFUSED where `abilities.counters` is
   * false.
   */
  portCounters(of?: ReadonlySet<string>): Promise<Map<string, CountedPort>>;
}
