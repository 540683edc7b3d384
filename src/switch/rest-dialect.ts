import type { Abilities, SwitchPort } from "../model/switch.ts";
import type { PortCounters } from "./dialect.ts";
import type { EntryKey, RestEntry, RestGroup, Word } from "./rest-words.ts";

/** The switch as a controller sees it now. */
export interface Look {
  readonly ports: readonly SwitchPort[];
  /** Differs when the switch has connected to its controller anew since the last look, as far as the controller tells. */
  readonly life: string;
}

/** What stands in the switch and is ours, by name and by number. */
export interface Standing {
  readonly entries: ReadonlyMap<string, RestEntry>;
  readonly groups: ReadonlyMap<number, RestGroup>;
}

/** How long the controller may take until what it accepted is seen in the switch, and how often it is looked, ms. */
export interface Patience {
  readonly seenWithinMs: number;
  readonly lookEveryMs: number;
}

/**
 * One kind of controller, spoken to about one switch. Names of entries are made by `nameOfEntry`. All of it rejects with Fault
 * CONTROLLER_UNREACHABLE, or CONTROLLER_REFUSED with the controller's own words; that a request is accepted says nothing about the switch.
 */
export interface RestDialect {
  /** Such as `Floodlight 1.x`; known after the first look. */
  readonly product: string;
  readonly abilities: Abilities;
  readonly patience: Patience;
  /** Null: the controller answers, and the switch is not connected with it. */
  look(): Promise<Look | null>;
  read(): Promise<Standing>;
  /** Also in the place of one of the same key. What the last `read` found may decide how it is said. */
  putEntry(key: EntryKey, words: readonly Word[]): Promise<void>;
  /** One that is not there is no error. */
  deleteEntry(key: EntryKey): Promise<void>;
  /** Also in the place of one of the same number. */
  putGroup(group: RestGroup): Promise<void>;
  deleteGroup(id: number): Promise<void>;
  /** Takes out what earlier requests have replaced and nothing leads to any more, by what the last `read` found. */
  clearUp?(): Promise<void>;
  /** By port number; only where `abilities.counters`. */
  counters(): Promise<ReadonlyMap<number, PortCounters>>;
}
