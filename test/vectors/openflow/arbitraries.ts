import fc, { type Arbitrary } from "fast-check";
import type { Action10, Message10 } from "../../../src/wire/openflow/of10.ts";
import type { Action13, Instruction13, Message13 } from "../../../src/wire/openflow/of13.ts";
import type { OxmMatch } from "../../../src/wire/openflow/oxm.ts";

/** A generator for every kind of message: the compiler asks for a new one when a row is added. */
type ForEachKind<M extends { readonly kind: string; readonly xid: number }> = {
  readonly [K in M["kind"]]: Arbitrary<Omit<Extract<M, { readonly kind: K }>, "kind" | "xid">>;
};

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u64 = fc.bigInt({ min: 0n, max: 0xffffffffffffffffn });
const bytes = fc.uint8Array({ maxLength: 40 });
const mac = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((b) => Array.from(b, (x) => x.toString(16).padStart(2, "0")).join(":"));
const ipv4 = fc.ipV4();
const name = fc.string({ unit: fc.constantFrom(..."abcXYZ019-_.é"), maxLength: 15 });
const few = <T>(item: Arbitrary<T>) => fc.array(item, { maxLength: 4 });
const empty = fc.constant({});
const flags = u16;
const kind = <K extends string, T>(k: K, fields: Arbitrary<T>) => fields.map((f) => ({ kind: k, ...f }));
const orMasked = <T>(value: Arbitrary<T>) => fc.oneof(value, fc.record({ value, mask: value }));

const match13: Arbitrary<OxmMatch> = fc.record(
  {
    inPort: u32,
    metadata: orMasked(u64),
    ethDst: orMasked(mac),
    ethType: u16,
    vlanVid: orMasked(u16),
    ipProto: u8,
    ipv4Dst: orMasked(ipv4),
    ipv6Src: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    arpTpa: ipv4,
    tunnelId: u64,
    others: fc.constant([new Uint8Array([0, 1, 0, 4, 0, 0, 0, 5])]),
  },
  { requiredKeys: [] },
);

const action13: Arbitrary<Action13> = fc.oneof(
  kind("output", fc.record({ port: u32, maxLen: u16 })),
  kind("pushVlan", fc.record({ ethType: u16 })),
  kind("popVlan", empty),
  kind("group", fc.record({ group: u32 })),
  kind("setQueue", fc.record({ queue: u32 })),
  kind(
    "setField",
    fc.record({ field: fc.oneof(fc.record({ vlanVid: u16 }), fc.record({ ethSrc: mac }), fc.record({ ipProto: u8 })) }),
  ),
  kind("setNwTtl", fc.record({ ttl: u8 })),
  kind("decNwTtl", empty),
  kind("experimenter", fc.record({ experimenter: u32, data: bytes })),
);

const instruction13: Arbitrary<Instruction13> = fc.oneof(
  kind("gotoTable", fc.record({ table: u8 })),
  kind("writeMetadata", fc.record({ metadata: u64, mask: u64 })),
  kind("writeActions", fc.record({ actions: few(action13) })),
  kind("applyActions", fc.record({ actions: few(action13) })),
  kind("clearActions", empty),
  kind("meter", fc.record({ meter: u32 })),
);

const bucket = fc.record({ weight: u16, watchPort: u32, watchGroup: u32, actions: few(action13) });
const groupType = fc.constantFrom("all", "select", "indirect", "fastFailover");
const linkFields = { name, mac, config: u32, state: u32, current: u32, advertised: u32, supported: u32, peer: u32 };
const port13 = fc.record({ no: u32, ...linkFields, speedNow: u32, speedMax: u32 });
const selection13 = { table: u8, outPort: u32, outGroup: u32, cookie: u64, cookieMask: u64, match: match13 };
const times = { durationSec: u32, durationNsec: u32 };
const traffic = { packets: u64, bytes: u64 };
const perGroupType = fc.record({ all: u32, select: u32, indirect: u32, fastFailover: u32 });
const counters = {
  ...{ rxPackets: u64, txPackets: u64, rxBytes: u64, txBytes: u64, rxDropped: u64, txDropped: u64 },
  ...{ rxErrors: u64, txErrors: u64, rxFrameErrors: u64, rxOverErrors: u64, rxCrcErrors: u64, collisions: u64 },
};
const about = { manufacturer: name, hardware: name, software: name, serial: name, datapath: name };
const timeouts = { idleTimeoutSec: u16, hardTimeoutSec: u16 };
const reason = fc.constantFrom("add", "delete", "modify");
const command = fc.constantFrom("add", "modify", "modifyStrict", "delete", "deleteStrict");
const role = fc.record({ role: fc.constantFrom("noChange", "equal", "master", "slave"), generationId: u64 });
const switchConfig = fc.record({ flags, missSendLen: u16 });
const data = fc.record({ data: bytes });

const flowEntry13 = fc.record({
  ...{ table: u8, ...times, priority: u16, ...timeouts, flags, cookie: u64, ...traffic },
  ...{ match: match13, instructions: few(instruction13) },
});

export const kinds13: ForEachKind<Message13> = {
  hello: fc.record({ elements: few(kind("versionBitmap", fc.record({ bits: bytes }))) }),
  error: fc.record({ errorType: u16, code: u16, data: bytes }),
  echoRequest: data,
  echoReply: data,
  experimenter: fc.record({ experimenter: u32, subtype: u32, data: bytes }),
  featuresRequest: empty,
  featuresReply: fc.record({ datapath: u64, buffers: u32, tables: u8, auxiliary: u8, capabilities: u32, reserved: u32 }),
  getConfigRequest: empty,
  getConfigReply: switchConfig,
  setConfig: switchConfig,
  packetIn: fc.record({ buffer: u32, totalBytes: u16, reason: u8, table: u8, cookie: u64, match: match13, frame: bytes }),
  flowRemoved: fc.record({
    cookie: u64,
    priority: u16,
    reason: u8,
    table: u8,
    ...times,
    ...timeouts,
    ...traffic,
    match: match13,
  }),
  portStatus: fc.record({ reason, port: port13 }),
  packetOut: fc.record({ buffer: u32, inPort: u32, actions: few(action13), frame: bytes }),
  flowMod: fc.record({
    ...{ cookie: u64, cookieMask: u64, table: u8, command, ...timeouts, priority: u16, buffer: u32, outPort: u32, outGroup: u32 },
    ...{ flags, match: match13, instructions: few(instruction13) },
  }),
  groupMod: fc.record({ command: fc.constantFrom("add", "modify", "delete"), type: groupType, group: u32, buckets: few(bucket) }),
  portMod: fc.record({ port: u32, mac, config: u32, mask: u32, advertise: u32 }),
  multipartRequest: fc.record({
    part: fc.oneof(
      kind("desc", fc.record({ flags })),
      kind("flow", fc.record({ flags, ...selection13 })),
      kind("aggregate", fc.record({ flags, ...selection13 })),
      kind("table", fc.record({ flags })),
      kind("port", fc.record({ flags, port: u32 })),
      kind("group", fc.record({ flags, group: u32 })),
      kind("groupDesc", fc.record({ flags })),
      kind("groupFeatures", fc.record({ flags })),
      kind("portDesc", fc.record({ flags })),
      kind("other", fc.record({ flags, tag: fc.constant(77), data: bytes })),
    ),
  }),
  multipartReply: fc.record({
    part: fc.oneof(
      kind("desc", fc.record({ flags, ...about })),
      kind("flow", fc.record({ flags, entries: few(flowEntry13) })),
      kind("aggregate", fc.record({ flags, ...traffic, flows: u32 })),
      kind("table", fc.record({ flags, tables: few(fc.record({ table: u8, active: u32, lookups: u64, matches: u64 })) })),
      kind("port", fc.record({ flags, ports: few(fc.record({ port: u32, ...counters, ...times })) })),
      kind(
        "group",
        fc.record({
          flags,
          groups: few(fc.record({ id: u32, refs: u32, ...traffic, ...times, buckets: few(fc.record(traffic)) })),
        }),
      ),
      kind("groupDesc", fc.record({ flags, groups: few(fc.record({ type: groupType, id: u32, buckets: few(bucket) })) })),
      kind("groupFeatures", fc.record({ flags, types: u32, capabilities: u32, groupsMax: perGroupType, actions: perGroupType })),
      kind("portDesc", fc.record({ flags, ports: few(port13) })),
    ),
  }),
  barrierRequest: empty,
  barrierReply: empty,
  roleRequest: role,
  roleReply: role,
};

const match10 = fc.record({
  ...{ wildcards: u32, inPort: u16, dlSrc: mac, dlDst: mac, dlVlan: u16, dlVlanPcp: u8, dlType: u16, nwTos: u8, nwProto: u8 },
  ...{ nwSrc: ipv4, nwDst: ipv4, tpSrc: u16, tpDst: u16 },
});
const action10: Arbitrary<Action10> = fc.oneof(
  kind("output", fc.record({ port: u16, maxLen: u16 })),
  kind("setVlanVid", fc.record({ vlan: u16 })),
  kind("setVlanPcp", fc.record({ pcp: u8 })),
  kind("stripVlan", empty),
  kind("setDlSrc", fc.record({ mac })),
  kind("setDlDst", fc.record({ mac })),
  kind("setNwSrc", fc.record({ ip: ipv4 })),
  kind("setNwDst", fc.record({ ip: ipv4 })),
  kind("setNwTos", fc.record({ tos: u8 })),
  kind("setTpSrc", fc.record({ tpPort: u16 })),
  kind("setTpDst", fc.record({ tpPort: u16 })),
  kind("enqueue", fc.record({ port: u16, queue: u32 })),
  kind("vendor", fc.record({ vendor: u32, data: bytes })),
);
const port10 = fc.record({ no: u16, ...linkFields });
const selection10 = { match: match10, table: u8, outPort: u16 };
const flowEntry10 = fc.record({
  ...{ table: u8, match: match10, ...times, priority: u16, ...timeouts, cookie: u64, ...traffic, actions: few(action10) },
});

export const kinds10: ForEachKind<Message10> = {
  hello: kinds13.hello,
  error: kinds13.error,
  echoRequest: data,
  echoReply: data,
  vendor: fc.record({ vendor: u32, data: bytes }),
  featuresRequest: empty,
  featuresReply: fc.record({ datapath: u64, buffers: u32, tables: u8, capabilities: u32, actions: u32, ports: few(port10) }),
  getConfigRequest: empty,
  getConfigReply: switchConfig,
  setConfig: switchConfig,
  packetIn: fc.record({ buffer: u32, totalBytes: u16, inPort: u16, reason: u8, frame: bytes }),
  flowRemoved: fc.record({ match: match10, cookie: u64, priority: u16, reason: u8, ...times, idleTimeoutSec: u16, ...traffic }),
  portStatus: fc.record({ reason, port: port10 }),
  packetOut: fc.record({ buffer: u32, inPort: u16, actions: few(action10), frame: bytes }),
  flowMod: fc.record({
    ...{
      match: match10,
      cookie: u64,
      command,
      ...timeouts,
      priority: u16,
      buffer: u32,
      outPort: u16,
      flags,
      actions: few(action10),
    },
  }),
  portMod: fc.record({ port: u16, mac, config: u32, mask: u32, advertise: u32 }),
  statsRequest: fc.record({
    part: fc.oneof(
      kind("desc", fc.record({ flags })),
      kind("flow", fc.record({ flags, ...selection10 })),
      kind("aggregate", fc.record({ flags, ...selection10 })),
      kind("table", fc.record({ flags })),
      kind("port", fc.record({ flags, port: u16 })),
    ),
  }),
  statsReply: fc.record({
    part: fc.oneof(
      kind("desc", fc.record({ flags, ...about })),
      kind("flow", fc.record({ flags, entries: few(flowEntry10) })),
      kind("aggregate", fc.record({ flags, ...traffic, flows: u32 })),
      kind(
        "table",
        fc.record({
          flags,
          tables: few(fc.record({ table: u8, name, wildcards: u32, entriesMax: u32, active: u32, lookups: u64, matches: u64 })),
        }),
      ),
      kind("port", fc.record({ flags, ports: few(fc.record({ port: u16, ...counters })) })),
    ),
  }),
  barrierRequest: empty,
  barrierReply: empty,
};

/** A message of this kind with any xid. */
export const messageOf = <M extends { readonly xid: number }>(k: string, body: Arbitrary<object>): Arbitrary<M> =>
  fc.tuple(u32, body).map(([xid, fields]) => ({ kind: k, xid, ...fields }) as unknown as M);
