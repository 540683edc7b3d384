import type { Socket } from "node:net";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { FlowEntry, FlowTable } from "../model/flow.ts";
import { datapathId } from "../model/ids.ts";
import type { SwitchPort } from "../model/switch.ts";
import { errorName } from "../wire/openflow/errors.ts";
import { OF10 } from "../wire/openflow/hello.ts";
import { type Message10, NO_BUFFER, of10, PORT, TABLE_ALL, WHOLE_PACKET } from "../wire/openflow/of10.ts";
import { Channel } from "./channel.ts";
import { type Dialect, type Heard, type PortCounters, portCounters } from "./dialect.ts";
import { Encoded } from "./encoded.ts";
import type { Greeted } from "./greet.ts";
import { type PortBook, switchPort } from "./ports.ts";
import { ANY_PACKET, change10, entryFrom10 } from "./words10.ts";

type Part<K> = Extract<Extract<Message10, { kind: "statsReply" }>["part"], { readonly kind: K }>;

/** A connection spoken to in OpenFlow 1.0. */
export function dialect10(socket: Socket, greeted: Greeted, clock: Clock): Dialect {
  const channel = new Channel(socket, of10, greeted, clock);
  const encoded = new Encoded(of10, change10);
  return {
    version: "1.0",
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
    takeLead: () => configure(channel),
    encode: (phases, ports) => encoded.encode(phases, ports),
    apply: (phases, ports) => channel.batch(encoded.messages(phases, ports)),
    read: (ports, strange) => read(channel, ports, strange),
    counters: (ports) => counters(channel, ports),
    packetOut: (port, frame) =>
      channel.post({
        kind: "packetOut",
        buffer: NO_BUFFER,
        inPort: PORT.none,
        actions: [{ kind: "output", port, maxLen: 0 }],
        frame,
      }),
    echo: () => channel.post({ kind: "echoRequest", data: new Uint8Array() }),
    expire: () => channel.expire(),
    close: (why) => channel.close(why),
  };
}

async function introduce(channel: Channel<Message10>): ReturnType<Dialect["introduce"]> {
  const features = await channel.request({ kind: "featuresRequest" }, "featuresReply");
  const ports = features.ports.map((port) => switchPort(port, PORT.max));
  return { datapath: datapathId(features.datapath), ports: ports.filter((port): port is SwitchPort => port !== null) };
}

/** 1.0 has no roles, so there only the lease of our own store keeps a stale leader from writing. Asks for whole packets. */
async function configure(channel: Channel<Message10>): Promise<void> {
  channel.allowWrites();
  const { refused } = await channel.batch([[{ kind: "setConfig", flags: 0, missSendLen: WHOLE_PACKET }]]);
  if (refused[0] !== undefined) throw new Fault("SWITCH_REFUSED", `setConfig: ${refused[0].error}`, { error: refused[0].error });
}

async function read(channel: Channel<Message10>, ports: PortBook, strange: (what: string) => void): Promise<FlowTable> {
  const parts = await stats(channel, { kind: "flow", flags: 0, match: ANY_PACKET, table: TABLE_ALL, outPort: PORT.none }, "flow");
  const entries: FlowEntry[] = [];
  for (const row of parts.flatMap((part) => part.entries)) {
    const entry = entryFrom10(row, ports);
    if (entry === undefined) strange(`priority ${row.priority} wildcards ${row.match.wildcards}`);
    else if (entry !== null) entries.push(entry);
  }
  return { entries, groups: [] };
}

async function counters(channel: Channel<Message10>, ports: PortBook): Promise<Map<string, PortCounters>> {
  const parts = await stats(channel, { kind: "port", flags: 0, port: PORT.none }, "port");
  const rows = parts.flatMap((part) => part.ports).filter((row) => row.port <= PORT.max);
  return new Map(rows.map((row) => [ports.nameOf(row.port), portCounters(row)]));
}

type Request = Extract<Message10, { kind: "statsRequest" }>["part"];

/** Asks and returns the bodies. Rejects with Fault SWITCH_REFUSED when a part is of another kind. */
async function stats<K extends Part<string>["kind"]>(channel: Channel<Message10>, part: Request, kind: K): Promise<Part<K>[]> {
  const parts: Part<K>[] = [];
  await channel.requestParts({ kind: "statsRequest", part }, "statsReply", (reply) => {
    if (reply.part.kind !== kind) throw new Fault("SWITCH_REFUSED", `asked for ${kind}, got ${reply.part.kind}`);
    parts.push(reply.part as Part<K>);
  });
  return parts;
}

function hear(message: Message10): Heard | null {
  switch (message.kind) {
    case "portStatus": {
      const port = switchPort(message.port, PORT.max);
      return port && { type: "port", reason: message.reason, port };
    }
    case "packetIn":
      return { type: "packetIn", inPort: message.inPort, frame: message.frame };
    case "error": {
      const cause = of10.kindOf(message.data[1] ?? -1) ?? "an unknown message";
      return { type: "refused", error: `${cause}: ${errorName(OF10, message.errorType, message.code)}` };
    }
    default:
      return null;
  }
}
