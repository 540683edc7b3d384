import type { Source } from "./evidence.ts";

/** How a VIM itself is, and so what its word is worth. */
export interface VimCondition {
  /** Null: it leads none, as one that simulates its hosts. */
  readonly switch: SwitchCondition | null;
  readonly store: StoreCondition;
  /** Sources whose opinions do not count now, and why. */
  readonly suspended: Readonly<Partial<Record<Source, string>>>;
}

/** The VIM's session with its switch. A switch that is not led forwards on by what stands in it. */
export interface SwitchCondition {
  /** The one that is or was led last; null: none has connected in this run. */
  readonly datapath: string | null;
  readonly isConnected: boolean;
  /** Why it is not; null: it is, or none ever was. */
  readonly why: string | null;
  /** Names of the traffic nets that the switch leads on by itself when a port is lost. */
  readonly standIns: readonly string[];
}

export interface StoreCondition {
  readonly isWritable: boolean;
  /** The store's own words; null while it is writable. */
  readonly why: string | null;
}
