import type { Action, FlowPhases, FlowTable, Match } from "../model/flow.ts";
import type { DatapathId } from "../model/ids.ts";
import type { SwitchPort } from "../model/switch.ts";
import type { VersionName } from "../wire/openflow/hello.ts";
import type { BatchResult } from "./channel.ts";
import type { CookiePart, Tell, Unlike } from "./flow-switch.ts";
import type { PortBook } from "./ports.ts";

/** Counters of one port since it exists; null where the switch does not count. */
export interface PortCounters {
  readonly rxPackets: bigint | null;
  readonly txPackets: bigint | null;
  readonly rxBytes: bigint | null;
  readonly txBytes: bigint | null;
  readonly rxDropped: bigint | null;
  readonly txDropped: bigint | null;
}

/** What a switch says unasked, in the words of no version. Port numbers of packet-in may be reserved ones. */
export type Heard =
  | { readonly type: "port"; readonly reason: "add" | "delete" | "modify"; readonly port: SwitchPort }
  | { readonly type: "packetIn"; readonly inPort: number; readonly frame: Uint8Array }
  | { readonly type: "refused"; readonly error: string };

export interface DialectListener {
  heard(what: Heard, at: number): void;
  closed(why: string): void;
}

/** One connection, spoken to in its version: two implementations, `dialect10` and `dialect13`. */
export interface Dialect {
  readonly version: VersionName;
  readonly bytesRead: number;
  /** Lets the connection flow. Before this nothing is heard and nothing answered. */
  open(listener: DialectListener): void;
  introduce(): Promise<{ readonly datapath: DatapathId; readonly ports: readonly SwitchPort[] }>;
  /** Rejects with Fault STALE_EPOCH where the switch knows a newer leader. After it the switch may be written to. */
  takeLead(epoch: bigint): Promise<void>;
  /** Encodes everything before it writes anything: a change that cannot be said leaves the switch as it is. */
  apply(phases: FlowPhases, ports: PortBook): Promise<BatchResult>;
  /** Encodes changes that `apply` will be asked for later; forgotten when a port gets another number. */
  encode(phases: FlowPhases, ports: PortBook): void;
  /** Our own entries and groups. `strange` is told of what matches in a way the model has no words for. */
  read(ports: PortBook, strange: (what: string) => void): Promise<FlowTable>;
  /** As `FlowSwitch.compare` and `count`; only where the protocol has it. */
  compare?(ports: PortBook, strange: (what: string) => void, want: Tell, part: CookiePart): Promise<Unlike>;
  count?(): Promise<number>;
  /** `of`: these alone are needed. */
  counters(ports: PortBook, of?: ReadonlySet<string>): Promise<Map<string, PortCounters>>;
  packetOut(portNo: number, frame: Uint8Array): void;
  echo(): void;
  expire(): void;
  close(why: string): void;
}

/** What a switch says of a counter it does not have (1.0, 5.3.5; 1.3, 7.3.5.6): all ones. */
const NOT_COUNTED = 0xffffffffffffffffn;
const counted = (n: bigint): bigint | null => (n === NOT_COUNTED ? null : n);

/** The counters we tell, of either version's row. */
export const portCounters = (row: { readonly [K in keyof PortCounters]: bigint }): PortCounters => ({
  rxPackets: counted(row.rxPackets),
  txPackets: counted(row.txPackets),
  rxBytes: counted(row.rxBytes),
  txBytes: counted(row.txBytes),
  rxDropped: counted(row.rxDropped),
  txDropped: counted(row.txDropped),
});

const VLAN_MAX = 4094;

/** Throws RangeError, a bug of whoever made the entry, for what is no VLAN id (802.1Q: 1 to 4094). */
export function vlanId(n: number): number {
  if (!Number.isInteger(n) || n < 1 || n > VLAN_MAX) throw new RangeError(`not a VLAN id: ${n}`);
  return n;
}

/** Leads out of the port that the packet came in by. */
export const turnsBack = (action: Action, { inPort }: Match): boolean => action.do === "output" && action.port === inPort;
