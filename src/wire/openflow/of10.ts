import {
  bytesLeft,
  counted,
  type FieldValue,
  ipv4,
  list,
  mac,
  named,
  pad,
  sized,
  struct,
  text,
  tlv,
  u8,
  u16,
  u32,
  u64,
  variants,
} from "../kit.ts";
import { choice } from "./choice.ts";
import { codec, type MessageOf } from "./codec.ts";
import { helloElements, OF10 } from "./hello.ts";

/** Reserved ports (5.2.1). */
export const PORT = { max: 0xff00, inPort: 0xfff8, controller: 0xfffd, local: 0xfffe, none: 0xffff } as const;
export const TABLE_ALL = 0xff;
export const NO_BUFFER = 0xffffffff;
export const WHOLE_PACKET = 0xffff;
export const PORT_CONFIG_DOWN = 1;
export const PORT_STATE_LINK_DOWN = 1;
/** Wildcard bits of ofp_match (5.2.3): a set bit means "do not look". The two addresses count the low bits not looked at; 32 is all. */
const NO_NET = 32;
const NW_SRC_SHIFT = 8;
const NW_DST_SHIFT = 14;
const NW_BITS = 0x3f;
export const WILD = {
  inPort: 1 << 0,
  dlVlan: 1 << 1,
  dlSrc: 1 << 2,
  dlDst: 1 << 3,
  dlType: 1 << 4,
  nwProto: 1 << 5,
  tpSrc: 1 << 6,
  tpDst: 1 << 7,
  nwSrc: NW_BITS << NW_SRC_SHIFT,
  dlVlanPcp: 1 << 20,
  all: (1 << 22) - 1,
} as const;

/** How many bits of nwSrc, from the first on, are looked at: 0 to 32; and the wildcard bits that say so. */
export const nwSrcBits = (wildcards: number): number => NO_NET - Math.min((wildcards >>> NW_SRC_SHIFT) & NW_BITS, NO_NET);
export const nwSrcWild = (bits: number): number => (NO_NET - bits) << NW_SRC_SHIFT;

/** The same wildcards, where each "32 bits or more of the address" becomes all ones, so that `WILD.all` minus what is looked at compares equal. */
export function plainWildcards(wildcards: number): number {
  let plain = wildcards & WILD.all;
  for (const shift of [NW_SRC_SHIFT, NW_DST_SHIFT]) {
    if (((plain >>> shift) & NW_BITS) >= NO_NET) plain |= NW_BITS << shift;
  }
  return plain;
}

/** ofp_match (5.2.3). */
const match = struct({
  wildcards: u32,
  inPort: u16,
  dlSrc: mac,
  dlDst: mac,
  dlVlan: u16,
  dlVlanPcp: u8,
  _1: pad(1),
  dlType: u16,
  nwTos: u8,
  nwProto: u8,
  _2: pad(2),
  nwSrc: ipv4,
  nwDst: ipv4,
  tpSrc: u16,
  tpDst: u16,
});
export type Match10 = FieldValue<typeof match>;

/** Actions (5.2.4). */
const action = tlv(
  variants({
    output: { tag: 0, fields: { port: u16, maxLen: u16 } },
    setVlanVid: { tag: 1, fields: { vlan: u16, _: pad(2) } },
    setVlanPcp: { tag: 2, fields: { pcp: u8, _: pad(3) } },
    stripVlan: { tag: 3, fields: { _: pad(4) } },
    setDlSrc: { tag: 4, fields: { mac, _: pad(6) } },
    setDlDst: { tag: 5, fields: { mac, _: pad(6) } },
    setNwSrc: { tag: 6, fields: { ip: ipv4 } },
    setNwDst: { tag: 7, fields: { ip: ipv4 } },
    setNwTos: { tag: 8, fields: { tos: u8, _: pad(3) } },
    setTpSrc: { tag: 9, fields: { tpPort: u16, _: pad(2) } },
    setTpDst: { tag: 10, fields: { tpPort: u16, _: pad(2) } },
    enqueue: { tag: 11, fields: { port: u16, _: pad(6), queue: u32 } },
    vendor: { tag: 0xffff, fields: { vendor: u32, data: bytesLeft } },
  }),
);
export type Action10 = FieldValue<typeof action>;

/** ofp_phy_port (5.2.1). */
const port = struct({
  no: u16,
  mac,
  name: text(16),
  config: u32,
  state: u32,
  current: u32,
  advertised: u32,
  supported: u32,
  peer: u32,
});
export type Port10 = FieldValue<typeof port>;

const flowEntry = sized(
  struct({
    table: u8,
    _1: pad(1),
    match,
    durationSec: u32,
    durationNsec: u32,
    priority: u16,
    idleTimeoutSec: u16,
    hardTimeoutSec: u16,
    _2: pad(6),
    cookie: u64,
    packets: u64,
    bytes: u64,
    actions: list(action),
  }),
);
export type FlowEntry10 = FieldValue<typeof flowEntry>;

const portStats = struct({
  port: u16,
  _: pad(6),
  rxPackets: u64,
  txPackets: u64,
  rxBytes: u64,
  txBytes: u64,
  rxDropped: u64,
  txDropped: u64,
  rxErrors: u64,
  txErrors: u64,
  rxFrameErrors: u64,
  rxOverErrors: u64,
  rxCrcErrors: u64,
  collisions: u64,
});

const tableStats = struct({
  table: u8,
  _: pad(3),
  name: text(32),
  wildcards: u32,
  entriesMax: u32,
  active: u32,
  lookups: u64,
  matches: u64,
});

/** Which entries a flow or aggregate request means. */
const flowSelection = { match, table: u8, _: pad(1), outPort: u16 } as const;

/** Statistics (5.3.5). `flags` bit 0: more parts follow. */
const request = choice(
  {
    desc: { tag: 0, fields: {} },
    flow: { tag: 1, fields: flowSelection },
    aggregate: { tag: 2, fields: flowSelection },
    table: { tag: 3, fields: {} },
    port: { tag: 4, fields: { port: u16, _: pad(6) } },
  },
  0,
);

const reply = choice(
  {
    desc: {
      tag: 0,
      fields: { manufacturer: text(256), hardware: text(256), software: text(256), serial: text(32), datapath: text(256) },
    },
    flow: { tag: 1, fields: { entries: list(flowEntry) } },
    aggregate: { tag: 2, fields: { packets: u64, bytes: u64, flows: u32, _: pad(4) } },
    table: { tag: 3, fields: { tables: list(tableStats) } },
    port: { tag: 4, fields: { ports: list(portStats) } },
  },
  0,
);

const switchConfig = { flags: u16, missSendLen: u16 } as const;

/** OpenFlow 1.0.0, clause 5: the messages we speak. */
export const MESSAGES_10 = {
  hello: { type: 0, fields: { elements: helloElements } },
  error: { type: 1, fields: { errorType: u16, code: u16, data: bytesLeft } },
  echoRequest: { type: 2, fields: { data: bytesLeft } },
  echoReply: { type: 3, fields: { data: bytesLeft } },
  vendor: { type: 4, fields: { vendor: u32, data: bytesLeft } },
  featuresRequest: { type: 5, fields: {} },
  featuresReply: {
    type: 6,
    fields: { datapath: u64, buffers: u32, tables: u8, _: pad(3), capabilities: u32, actions: u32, ports: list(port) },
  },
  getConfigRequest: { type: 7, fields: {} },
  getConfigReply: { type: 8, fields: switchConfig },
  setConfig: { type: 9, fields: switchConfig },
  packetIn: { type: 10, fields: { buffer: u32, totalBytes: u16, inPort: u16, reason: u8, _: pad(1), frame: bytesLeft } },
  flowRemoved: {
    type: 11,
    fields: {
      match,
      cookie: u64,
      priority: u16,
      reason: u8,
      _1: pad(1),
      durationSec: u32,
      durationNsec: u32,
      idleTimeoutSec: u16,
      _2: pad(2),
      packets: u64,
      bytes: u64,
    },
  },
  portStatus: { type: 12, fields: { reason: named(u8, { add: 0, delete: 1, modify: 2 }), _: pad(7), port } },
  packetOut: { type: 13, fields: { buffer: u32, inPort: u16, actions: counted(list(action)), frame: bytesLeft } },
  flowMod: {
    type: 14,
    fields: {
      match,
      cookie: u64,
      command: named(u16, { add: 0, modify: 1, modifyStrict: 2, delete: 3, deleteStrict: 4 }),
      idleTimeoutSec: u16,
      hardTimeoutSec: u16,
      priority: u16,
      buffer: u32,
      outPort: u16,
      flags: u16,
      actions: list(action),
    },
  },
  portMod: { type: 15, fields: { port: u16, mac, config: u32, mask: u32, advertise: u32, _: pad(4) } },
  statsRequest: { type: 16, fields: { part: request } },
  statsReply: { type: 17, fields: { part: reply } },
  barrierRequest: { type: 18, fields: {} },
  barrierReply: { type: 19, fields: {} },
} as const;

export type Message10 = MessageOf<typeof MESSAGES_10>;
export const of10 = codec(OF10, MESSAGES_10);
