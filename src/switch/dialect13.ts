import type { Socket } from "node:net";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { COOKIE_MARK, type FlowEntry, type FlowPhases, type FlowTable, type GroupEntry } from "../model/flow.ts";
import { datapathId } from "../model/ids.ts";
import type { SwitchPort } from "../model/switch.ts";
import { Reader } from "../wire/kit.ts";
import { bundleControl } from "../wire/openflow/bundle.ts";
import { errorName, STALE } from "../wire/openflow/errors.ts";
import { OF13 } from "../wire/openflow/hello.ts";
import {
  type FlowEntry13,
  flowEntry,
  GROUP,
  type GroupDesc13,
  groupDesc,
  type Message13,
  NO_BUFFER,
  of13,
  of13Rows,
  PORT,
  PORT_STATS_BYTES,
  portStats,
  type RowsMessage13,
  TABLE_ALL,
  WHOLE_PACKET,
} from "../wire/openflow/of13.ts";
import { type BatchResult, Channel, type Refusal } from "./channel.ts";
import { type Dialect, type Heard, type PortCounters, portCounters } from "./dialect.ts";
import { Encoded } from "./encoded.ts";
import { Expected } from "./expected.ts";
import type { CookiePart, Missing, Tell, Unlike } from "./flow-switch.ts";
import type { Greeted } from "./greet.ts";
import { type PortBook, switchPort } from "./ports.ts";
import { change13, entryFrom13, groupFrom13, writeGroupRow13, writeRow13 } from "./words13.ts";

type Part<K> = Extract<Extract<Message13, { kind: "multipartReply" }>["part"], { readonly kind: K }>;

const OUR_COOKIES = { cookie: COOKIE_MARK << 32n, cookieMask: 0xffffffff00000000n } as const;

/** A connection spoken to in OpenFlow 1.3. */
export function dialect13(socket: Socket, greeted: Greeted, clock: Clock): Dialect {
  const channel = new Channel(socket, of13, greeted, clock);
  const encoded = new Encoded(of13, change13);
  /** Off where the switch has none; and after it has refused one, since of single messages at least the others are carried out. */
  let isBundling = false;
  const applyBundle = async (phases: FlowPhases, ports: PortBook): Promise<BatchResult> => {
    const result = await channel.batch([[bundleControl("open"), ...encoded.inBundle(phases, ports), bundleControl("commit")]]);
    if (result.refused.length === 0) return result;
    isBundling = false;
    return { ...result, refused: unbundled(result.refused, phases) };
  };
  return {
    version: "1.3",
    get bytesRead() {
      return channel.bytesRead;
    },
    open: (listener) =>
      channel.open(
        {
          closed: listener.closed,
          message(message, at) {
            const heard = hear(message);
            if (heard !== null) listener.heard(heard, at);
          },
        },
        greeted.frames,
      ),
    introduce: () => introduce(channel),
    async takeLead(epoch) {
      await takeLead(channel, epoch);
      isBundling = await hasBundles(channel);
    },
    encode: (phases, ports) => encoded.encode(phases, ports),
    apply(phases, ports) {
      const isOne = phases.length === 1 && (phases[0]?.length ?? 0) < 2;
      return isBundling && !isOne ? applyBundle(phases, ports) : channel.batch(encoded.messages(phases, ports));
    },
    read: (ports, strange) => read(channel, ports, strange),
    compare: (ports, strange, want, part) => compare(channel, ports, strange, want, part),
    count: () => count(channel),
    counters: (ports, of) => counters(channel, ports, of),
    packetOut: (port, frame) =>
      channel.post({
        kind: "packetOut",
        buffer: NO_BUFFER,
        inPort: PORT.controller,
        actions: [{ kind: "output", port, maxLen: 0 }],
        frame,
      }),
    echo: () => channel.post({ kind: "echoRequest", data: new Uint8Array() }),
    expire: () => channel.expire(),
    close: (why) => channel.close(why),
  };
}

async function introduce(channel: Channel<Message13>): ReturnType<Dialect["introduce"]> {
  const features = await channel.request({ kind: "featuresRequest" }, "featuresReply");
  if (features.auxiliary !== 0) throw new Fault("SWITCH_REFUSED", "an auxiliary connection, which nobody asked for");
  const parts = await multipart(channel, { kind: "portDesc", flags: 0 }, "portDesc");
  const ports = parts.flatMap((part) => part.ports).map((port) => switchPort(port, PORT.max));
  return { datapath: datapathId(features.datapath), ports: ports.filter((port): port is SwitchPort => port !== null) };
}

/**
 * Becomes master with our leadership epoch as generation_id: a switch refuses a master with an older one, so a leader
 * that lost its lease while asleep cannot move traffic, whatever it still believes (1.3, 6.3.5). Then asks for whole packets.
 */
async function takeLead(channel: Channel<Message13>, epoch: bigint): Promise<void> {
  try {
    await channel.request({ kind: "roleRequest", role: "master", generationId: epoch }, "roleReply");
  } catch (e) {
    const isStale = e instanceof Fault && e.about.error === STALE;
    throw isStale ? new Fault("STALE_EPOCH", `the switch refused epoch ${epoch}`, { epoch: String(epoch) }, { cause: e }) : e;
  }
  channel.allowWrites();
  const { refused } = await channel.batch([[{ kind: "setConfig", flags: 0, missSendLen: WHOLE_PACKET }]]);
  if (refused[0] !== undefined) throw new Fault("SWITCH_REFUSED", `setConfig: ${refused[0].error}`, { error: refused[0].error });
}

/** A switch that has no bundles refuses one that does nothing. */
async function hasBundles(channel: Channel<Message13>): Promise<boolean> {
  const { refused } = await channel.batch([[bundleControl("open"), bundleControl("discard")]]);
  return refused.length === 0;
}

/** Where the refused ones stand among the changes; what is said of opening and committing comes last, under no change. */
function unbundled(refused: readonly Refusal[], phases: FlowPhases): Refusal[] {
  const places = phases.flatMap((changes, phase) => changes.map((_, index) => ({ phase, index })));
  const none = { phase: phases.length, index: 0 };
  const found = refused.map(({ index, error }) => ({ ...(places[index - 1] ?? none), error }));
  return [...found.filter((r) => r.phase < phases.length), ...found.filter((r) => r.phase === phases.length)];
}

const EVERYWHERE = { table: TABLE_ALL, outPort: PORT.any, outGroup: GROUP.any, match: {} } as const;

async function read(channel: Channel<Message13>, ports: PortBook, strange: Strange): Promise<FlowTable> {
  const { table, takeEntry, takeGroup } = foundTable(ports, strange);
  await Promise.all([
    eachPart(channel, { kind: "flow", flags: 0, ...EVERYWHERE, ...OUR_COOKIES }, "flow", (part) =>
      part.entries.forEach(takeEntry),
    ),
    eachPart(channel, { kind: "groupDesc", flags: 0 }, "groupDesc", (part) => part.groups.forEach(takeGroup)),
  ]);
  return table;
}

type Strange = (what: string) => void;

/** What of the rows that it is given is ours, in the model's words. */
function foundTable(ports: PortBook, strange: Strange) {
  const table: { readonly entries: FlowEntry[]; readonly groups: GroupEntry[] } = { entries: [], groups: [] };
  return {
    table,
    takeEntry(row: FlowEntry13): void {
      const entry = entryFrom13(row, ports);
      if (entry === undefined)
        strange(`table ${row.table} priority ${row.priority} matches ${Object.keys(row.match).join(", ")}`);
      else if (entry !== null) table.entries.push(entry);
    },
    takeGroup(row: GroupDesc13): void {
      const group = groupFrom13(row, ports);
      if (group !== null) table.groups.push(group);
    },
  };
}

/** Of a flow entry's row: its length, table and priority, not how long it has been there, its timeouts and flags; its cookie, not its counters. */
const ENTRY_HEAD = [0xffffff00, 0, 0, 0xffff0000, 0, 0, -1, -1, 0, 0, 0, 0];
/** Of a group's: its length and type. */
const GROUP_HEAD = [0xffffff00];

/** The switch is asked first, and gathers its answer while what is wanted is worked out and written down. */
async function compare(
  channel: Channel<Message13>,
  ports: PortBook,
  strange: Strange,
  want: Tell,
  { bits, mask, withGroups }: CookiePart,
): Promise<Unlike> {
  const cookies = { cookie: OUR_COOKIES.cookie | BigInt(bits), cookieMask: OUR_COOKIES.cookieMask | BigInt(mask) };
  using entries = new Expected(ENTRY_HEAD);
  using groups = new Expected(GROUP_HEAD);
  const { table, takeEntry, takeGroup } = foundTable(ports, strange);
  const asked = Promise.all([
    eachRows(channel, { kind: "flow", flags: 0, ...EVERYWHERE, ...cookies }, "flow", (rows) =>
      entries.meet(rows, (row) => takeEntry(flowEntry.read(new Reader(row)))),
    ),
    withGroups &&
      eachRows(channel, { kind: "groupDesc", flags: 0 }, "groupDesc", (rows) =>
        groups.meet(rows, (row) => takeGroup(groupDesc.read(new Reader(row)))),
      ),
  ]);
  asked.catch(() => {}); // It is awaited below, unless what is wanted cannot be told.
  const counts: [entries: number, groups: number][] = [];
  want((told) => {
    counts.push([told.entries.length, told.groups.length]);
    for (const e of told.entries) entries.add((w) => ifSaid(() => writeRow13(w, e, ports)));
    for (const g of told.groups) groups.add((w) => ifSaid(() => writeGroupRow13(w, g, ports)));
  });
  await asked;
  return { missing: missingOf(counts, entries, groups), found: table };
}

/** `counts`: how many entries and groups each table had that was told. */
function missingOf(counts: readonly (readonly [number, number])[], entries: Expected, groups: Expected): Missing[] {
  let [entry, group] = [0, 0];
  return counts.flatMap(([entryCount, groupCount], nth) => {
    const its = { nth, entries: entries.missing(entry, entryCount), groups: groups.missing(group, groupCount) };
    entry += entryCount;
    group += groupCount;
    return its.entries.length + its.groups.length > 0 ? [its] : [];
  });
}

/** What names a port that the switch has lost does not stand there. */
function ifSaid(write: () => void): void {
  try {
    write();
  } catch (e) {
    if (!(e instanceof Fault)) throw e;
  }
}

async function count(channel: Channel<Message13>): Promise<number> {
  const parts = await multipart(channel, { kind: "aggregate", flags: 0, ...EVERYWHERE, ...OUR_COOKIES }, "aggregate");
  return parts.reduce((sum, part) => sum + part.flows, 0);
}

/** `of`: no values are made of what others count. */
async function counters(
  channel: Channel<Message13>,
  ports: PortBook,
  of: ReadonlySet<string> | undefined,
): Promise<Map<string, PortCounters>> {
  const counted = new Map<string, PortCounters>();
  await eachRows(channel, { kind: "port", flags: 0, port: PORT.any }, "port", (rows) => {
    for (let at = 0; at < rows.length; at += PORT_STATS_BYTES) {
      const row = new Reader(rows.subarray(at, at + PORT_STATS_BYTES));
      const no = new Reader(rows.subarray(at)).u32();
      const name = no <= PORT.max ? ports.nameOf(no) : null;
      if (name !== null && (of?.has(name) ?? true)) counted.set(name, portCounters(portStats.read(row)));
    }
  });
  return counted;
}

type Request = Extract<Message13, { kind: "multipartRequest" }>["part"];

/** Asks and returns the bodies. Rejects with Fault SWITCH_REFUSED when a part is of another kind. */
async function multipart<K extends Part<string>["kind"]>(
  channel: Channel<Message13>,
  part: Request,
  kind: K,
): Promise<Part<K>[]> {
  const parts: Part<K>[] = [];
  await eachPart(channel, part, kind, (p) => parts.push(p));
  return parts;
}

/** The same for an answer that may be large: each body as it comes. */
function eachPart<K extends Part<string>["kind"]>(
  channel: Channel<Message13>,
  part: Request,
  kind: K,
  take: (part: Part<K>) => void,
): Promise<void> {
  return channel.requestParts({ kind: "multipartRequest", part }, "multipartReply", (reply) => {
    if (reply.part.kind !== kind) throw new Fault("SWITCH_REFUSED", `asked for ${kind}, got ${reply.part.kind}`);
    take(reply.part as Part<K>);
  });
}

/** The rows of such an answer, as they stand. */
function eachRows<K extends "flow" | "port" | "groupDesc">(
  channel: Channel<Message13>,
  part: Request,
  kind: K,
  take: (rows: Uint8Array) => void,
): Promise<void> {
  const each = ({ part: its }: Extract<RowsMessage13, { kind: "multipartReply" }>) => {
    if (its.kind !== kind) throw new Fault("SWITCH_REFUSED", `asked for ${kind}, got ${its.kind}`);
    take((its as Extract<typeof its, { readonly kind: K }>).rows);
  };
  return channel.requestParts({ kind: "multipartRequest", part }, "multipartReply", each, of13Rows);
}

function hear(message: Message13): Heard | null {
  switch (message.kind) {
    case "portStatus": {
      const port = switchPort(message.port, PORT.max);
      return port && { type: "port", reason: message.reason, port };
    }
    case "packetIn": {
      const { inPort } = message.match;
      return typeof inPort === "number" ? { type: "packetIn", inPort, frame: message.frame } : null;
    }
    case "error": {
      const cause = of13.kindOf(message.data[1] ?? -1) ?? "an unknown message";
      return { type: "refused", error: `${cause}: ${errorName(OF13, message.errorType, message.code)}` };
    }
    default:
      return null;
  }
}
