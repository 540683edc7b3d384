import type { DatapathId, PortNo } from "./ids.ts";

export interface SwitchPort {
  readonly name: string;
  readonly no: PortNo;
  readonly mac: string;
  /** OFPPS_LINK_DOWN or OFPPC_PORT_DOWN set: no packet goes through. */
  readonly linkDown: boolean;
}

/** What a switch tells without being asked. */
export type SwitchEvent =
  | { readonly type: "up"; readonly datapath: DatapathId; readonly ports: readonly SwitchPort[] }
  | { readonly type: "down"; readonly datapath: DatapathId; readonly why: string }
  | {
      readonly type: "port";
      readonly datapath: DatapathId;
      readonly reason: "add" | "delete" | "modify";
      readonly port: SwitchPort;
      readonly seenAt: number;
    }
  | {
      readonly type: "packetIn";
      readonly datapath: DatapathId;
      readonly inPort: string;
      readonly frame: Uint8Array;
      readonly seenAt: number;
    }
  | { readonly type: "refused"; readonly datapath: DatapathId; readonly error: string };

/** Monotonic ms: the last byte of the change left us; the barrier after it was answered. */
export interface Applied {
  readonly changes: number;
  readonly onWireAt: number;
  readonly barrierAt: number;
}
