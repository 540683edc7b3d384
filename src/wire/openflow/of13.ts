import {
  bytesLeft,
  counted,
  type FieldValue,
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
  viewLeft,
} from "../kit.ts";
import { choice } from "./choice.ts";
import { codec, type MessageOf } from "./codec.ts";
import { helloElements, OF13 } from "./hello.ts";
import { match, oneOxmField } from "./oxm.ts";

/** Reserved ports (7.2.1). Above MAX stand the ones no cable can be in. */
export const PORT = {
  max: 0xffffff00,
  inPort: 0xfffffff8,
  all: 0xfffffffc,
  controller: 0xfffffffd,
  local: 0xfffffffe,
  any: 0xffffffff,
} as const;
export const GROUP = { max: 0xffffff00, all: 0xfffffffc, any: 0xffffffff } as const;
export const TABLE_ALL = 0xff;
export const NO_BUFFER = 0xffffffff;
/** OFPCML_NO_BUFFER: the whole packet goes to the controller. */
export const WHOLE_PACKET = 0xffff;
export const PORT_CONFIG_DOWN = 1;
export const PORT_STATE_LINK_DOWN = 1;
/** OFPVID_PRESENT: the bit that says "has a tag" in vlanVid. */
export const VID_PRESENT = 0x1000;

/** Actions (7.2.5). */
const actions = variants({
  output: { tag: 0, fields: { port: u32, maxLen: u16, _: pad(6) } },
  copyTtlOut: { tag: 11, fields: { _: pad(4) } },
  copyTtlIn: { tag: 12, fields: { _: pad(4) } },
  setMplsTtl: { tag: 15, fields: { ttl: u8, _: pad(3) } },
  decMplsTtl: { tag: 16, fields: { _: pad(4) } },
  pushVlan: { tag: 17, fields: { ethType: u16, _: pad(2) } },
  popVlan: { tag: 18, fields: { _: pad(4) } },
  pushMpls: { tag: 19, fields: { ethType: u16, _: pad(2) } },
  popMpls: { tag: 20, fields: { ethType: u16, _: pad(2) } },
  setQueue: { tag: 21, fields: { queue: u32 } },
  group: { tag: 22, fields: { group: u32 } },
  setNwTtl: { tag: 23, fields: { ttl: u8, _: pad(3) } },
  decNwTtl: { tag: 24, fields: { _: pad(4) } },
  setField: { tag: 25, fields: { field: oneOxmField } },
  pushPbb: { tag: 26, fields: { ethType: u16, _: pad(2) } },
  popPbb: { tag: 27, fields: { _: pad(4) } },
  experimenter: { tag: 0xffff, fields: { experimenter: u32, data: bytesLeft } },
});
const action = tlv(actions);
export type Action13 = FieldValue<typeof action>;

/** Instructions (7.2.4). */
const instruction = tlv(
  variants({
    gotoTable: { tag: 1, fields: { table: u8, _: pad(3) } },
    writeMetadata: { tag: 2, fields: { _: pad(4), metadata: u64, mask: u64 } },
    writeActions: { tag: 3, fields: { _: pad(4), actions: list(action) } },
    applyActions: { tag: 4, fields: { _: pad(4), actions: list(action) } },
    clearActions: { tag: 5, fields: { _: pad(4) } },
    meter: { tag: 6, fields: { meter: u32 } },
    experimenter: { tag: 0xffff, fields: { experimenter: u32, data: bytesLeft } },
  }),
);
export type Instruction13 = FieldValue<typeof instruction>;

/** ofp_port (7.2.1). Speeds in kbit/s. */
const port = struct({
  no: u32,
  _1: pad(4),
  mac,
  _2: pad(2),
  name: text(16),
  config: u32,
  state: u32,
  current: u32,
  advertised: u32,
  supported: u32,
  peer: u32,
  speedNow: u32,
  speedMax: u32,
});
export type Port13 = FieldValue<typeof port>;

/** ofp_bucket (7.3.4.2). */
const bucket = sized(struct({ weight: u16, watchPort: u32, watchGroup: u32, _: pad(4), actions: list(action) }));
const groupType = named(u8, { all: 0, select: 1, indirect: 2, fastFailover: 3 });

/** Body of a flow or aggregate request (7.3.5.2): which entries are meant. */
const flowSelection = {
  table: u8,
  _1: pad(3),
  outPort: u32,
  outGroup: u32,
  _2: pad(4),
  cookie: u64,
  cookieMask: u64,
  match,
} as const;

export const flowEntry = sized(
  struct({
    table: u8,
    _1: pad(1),
    durationSec: u32,
    durationNsec: u32,
    priority: u16,
    idleTimeoutSec: u16,
    hardTimeoutSec: u16,
    flags: u16,
    _2: pad(4),
    cookie: u64,
    packets: u64,
    bytes: u64,
    match,
    instructions: list(instruction),
  }),
);
export type FlowEntry13 = FieldValue<typeof flowEntry>;

/** ofp_port_stats (7.3.5.6). */
export const PORT_STATS_BYTES = 112;
export const portStats = struct({
  port: u32,
  _: pad(4),
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
  durationSec: u32,
  durationNsec: u32,
});

const groupStats = sized(
  struct({
    _1: pad(2),
    id: u32,
    refs: u32,
    _2: pad(4),
    packets: u64,
    bytes: u64,
    durationSec: u32,
    durationNsec: u32,
    buckets: list(struct({ packets: u64, bytes: u64 })),
  }),
);
export const groupDesc = sized(struct({ type: groupType, _: pad(1), id: u32, buckets: list(bucket) }));
export type GroupDesc13 = FieldValue<typeof groupDesc>;

/** Four numbers, one per type of group: all, select, indirect, fast failover. */
const perGroupType = struct({ all: u32, select: u32, indirect: u32, fastFailover: u32 });

/** Multipart (7.3.5). `flags` bit 0: more parts follow. */
const request = choice({
  desc: { tag: 0, fields: {} },
  flow: { tag: 1, fields: flowSelection },
  aggregate: { tag: 2, fields: flowSelection },
  table: { tag: 3, fields: {} },
  port: { tag: 4, fields: { port: u32, _: pad(4) } },
  group: { tag: 6, fields: { group: u32, _: pad(4) } },
  groupDesc: { tag: 7, fields: {} },
  groupFeatures: { tag: 8, fields: {} },
  portDesc: { tag: 13, fields: {} },
});

const replies = {
  desc: {
    tag: 0,
    fields: { manufacturer: text(256), hardware: text(256), software: text(256), serial: text(32), datapath: text(256) },
  },
  flow: { tag: 1, fields: { entries: list(flowEntry) } },
  aggregate: { tag: 2, fields: { packets: u64, bytes: u64, flows: u32, _: pad(4) } },
  table: { tag: 3, fields: { tables: list(struct({ table: u8, _: pad(3), active: u32, lookups: u64, matches: u64 })) } },
  port: { tag: 4, fields: { ports: list(portStats) } },
  group: { tag: 6, fields: { groups: list(groupStats) } },
  groupDesc: { tag: 7, fields: { groups: list(groupDesc) } },
  groupFeatures: { tag: 8, fields: { types: u32, capabilities: u32, groupsMax: perGroupType, actions: perGroupType } },
  portDesc: { tag: 13, fields: { ports: list(port) } },
} as const;

/** Flow entries, ports and groups as they stand, one after another; of flow entries and groups the first two bytes are the length. */
const rowReplies = {
  ...replies,
  flow: { tag: 1, fields: { rows: viewLeft } },
  port: { tag: 4, fields: { rows: viewLeft } },
  groupDesc: { tag: 7, fields: { rows: viewLeft } },
} as const;

const switchConfig = { flags: u16, missSendLen: u16 } as const;
const role = { role: named(u32, { noChange: 0, equal: 1, master: 2, slave: 3 }), _: pad(4), generationId: u64 } as const;

/** OpenFlow 1.3.5 (ONF TS-023), clause 7: the messages we speak. */
export const MESSAGES_13 = {
  hello: { type: 0, fields: { elements: helloElements } },
  error: { type: 1, fields: { errorType: u16, code: u16, data: bytesLeft } },
  echoRequest: { type: 2, fields: { data: bytesLeft } },
  echoReply: { type: 3, fields: { data: bytesLeft } },
  experimenter: { type: 4, fields: { experimenter: u32, subtype: u32, data: bytesLeft } },
  featuresRequest: { type: 5, fields: {} },
  featuresReply: {
    type: 6,
    fields: { datapath: u64, buffers: u32, tables: u8, auxiliary: u8, _: pad(2), capabilities: u32, reserved: u32 },
  },
  getConfigRequest: { type: 7, fields: {} },
  getConfigReply: { type: 8, fields: switchConfig },
  setConfig: { type: 9, fields: switchConfig },
  packetIn: {
    type: 10,
    fields: { buffer: u32, totalBytes: u16, reason: u8, table: u8, cookie: u64, match, _: pad(2), frame: bytesLeft },
  },
  flowRemoved: {
    type: 11,
    fields: {
      cookie: u64,
      priority: u16,
      reason: u8,
      table: u8,
      durationSec: u32,
      durationNsec: u32,
      idleTimeoutSec: u16,
      hardTimeoutSec: u16,
      packets: u64,
      bytes: u64,
      match,
    },
  },
  portStatus: { type: 12, fields: { reason: named(u8, { add: 0, delete: 1, modify: 2 }), _: pad(7), port } },
  packetOut: {
    type: 13,
    fields: { buffer: u32, inPort: u32, actions: counted(list(action), 6), frame: bytesLeft },
  },
  flowMod: {
    type: 14,
    fields: {
      cookie: u64,
      cookieMask: u64,
      table: u8,
      command: named(u8, { add: 0, modify: 1, modifyStrict: 2, delete: 3, deleteStrict: 4 }),
      idleTimeoutSec: u16,
      hardTimeoutSec: u16,
      priority: u16,
      buffer: u32,
      outPort: u32,
      outGroup: u32,
      flags: u16,
      _: pad(2),
      match,
      instructions: list(instruction),
    },
  },
  groupMod: {
    type: 15,
    fields: {
      command: named(u16, { add: 0, modify: 1, delete: 2 }),
      type: groupType,
      _: pad(1),
      group: u32,
      buckets: list(bucket),
    },
  },
  portMod: {
    type: 16,
    fields: { port: u32, _1: pad(4), mac, _2: pad(2), config: u32, mask: u32, advertise: u32, _3: pad(4) },
  },
  multipartRequest: { type: 18, fields: { part: request } },
  multipartReply: { type: 19, fields: { part: choice(replies) } },
  barrierRequest: { type: 20, fields: {} },
  barrierReply: { type: 21, fields: {} },
  roleRequest: { type: 24, fields: role },
  roleReply: { type: 25, fields: role },
} as const;

export type Message13 = MessageOf<typeof MESSAGES_13>;
export const of13 = codec(OF13, MESSAGES_13);

/** The same, for who looks at the rows of a large table and makes values of few of them. */
export const of13Rows = codec(OF13, { ...MESSAGES_13, multipartReply: { type: 19, fields: { part: choice(rowReplies) } } });
export type RowsMessage13 = ReturnType<typeof of13Rows.decode>;
