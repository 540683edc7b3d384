/**
 * A viewer of the experiment: receives one RTP stream and says, of any moment, through which member it came and what was missing. A
 * program of its own, for its arrival times must not wait for what the rest of the lab does.
 *
 *   node src/lab/viewer.ts '{"name":"viewer-a","port":5004,"members":{"6001":"relay-a"},"echo":null,"video":null}'
 *
 * JSON lines on standard input (asks) and output (answers and what it tells by itself); it ends when its input does.
 */
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { createWriteStream, readFileSync, type WriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";
import { systemClock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { Deduplicator } from "./deduplicate.ts";
import { type Measurement, type MeasureWindow, measure, udpDropsOf, ViaWatch } from "./meter.ts";
import { EchoLog, PacketLog } from "./packet-log.ts";
import { readRtpHeader } from "./rtp.ts";

const Port = Type.Integer({ minimum: 1, maximum: 65_535 });

export const ViewerSettings = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    /** UDP port of the stream. */
    port: Port,
    /** Members by their marker port; a stream from any other port is told as "port N". */
    members: Type.Record(Type.String({ pattern: "^[0-9]+$" }), Type.String()),
    /** Where to ask for echoes all the time; null: nowhere. */
    echo: Type.Union([Type.Null(), Type.Object({ ip: Type.String(), port: Port, everyMs: Type.Number({ minimum: 1 }) })]),
    /** File that the transport stream is written to, each packet once; null: none. */
    video: Type.Union([Type.Null(), Type.String()]),
  },
  { additionalProperties: false },
);
export type ViewerSettings = Static<typeof ViewerSettings>;

/** How a viewer stands at this moment. */
export interface Latest {
  readonly received: number;
  readonly duplicates: number;
  /** The last packet: monotonic ms, extended sequence number, member; null before the first. */
  readonly lastArrivalMs: number | null;
  readonly lastSeq: number | null;
  readonly via: string | null;
  readonly videoBytes: number;
}

/** What a viewer tells by itself. */
export type ViewerTold =
  | { readonly event: "ready"; readonly receiveBufferBytes: number }
  | { readonly event: "via"; readonly member: string; readonly atMs: number; readonly seq: number };

export type ViewerAsk =
  | ({ readonly id: number; readonly ask: "measure" } & MeasureWindow)
  | { readonly id: number; readonly ask: "latest" }
  | { readonly ask: "stop" };

/** Ten minutes at 1,000 packets/s; and of echoes at one each 20 ms. */
const PACKETS_HELD = 600_000;
const ECHOES_HELD = 30_000;
/** Twice a second of the stream at its fastest, should this process be kept waiting. The kernel gives what net.core.rmem_max allows. */
const RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024;
/** The drop counter is read this often, so that a window's drops can be told from earlier ones. */
const DROPS_EVERY_MS = 500;
const DROP_SAMPLES_HELD = 1_200;
const ECHO_REQUEST_BYTES = 4;
/** About half an hour of a 1.5 Mbit/s stream; what comes after is not written. */
const VIDEO_BYTES_MAX = 350 * 1024 * 1024;
/** A disk slower than the stream costs the video packets, not this process its memory. */
const VIDEO_BACKLOG_BYTES_MAX = 4 * 1024 * 1024;

/** The transport stream in a file: payloads in the order of their arrival. */
class Video {
  readonly #file: WriteStream;
  #bytes = 0;

  constructor(path: string) {
    this.#file = createWriteStream(path);
  }

  get bytes(): number {
    return this.#bytes;
  }

  write(payload: Buffer): void {
    if (this.#bytes + payload.length > VIDEO_BYTES_MAX || this.#file.writableLength > VIDEO_BACKLOG_BYTES_MAX) return;
    this.#bytes += payload.length;
    this.#file.write(payload);
  }

  async close(): Promise<void> {
    this.#file.end();
    await once(this.#file, "close");
  }
}

/** The receiving half: every packet goes into the log, changes of the serving member are told. */
class Receiver {
  readonly #members: string[] = [];
  readonly #memberOfPort = new Map<number, number>();
  readonly #log = new PacketLog(PACKETS_HELD);
  readonly #watch = new ViaWatch();
  readonly #deduplicator = new Deduplicator();
  readonly #video: Video | null;
  readonly #tell: (told: ViewerTold) => void;
  #last: { readonly atMs: number; readonly seq: number; readonly via: number } | null = null;

  constructor(settings: ViewerSettings, video: Video | null, tell: (told: ViewerTold) => void) {
    this.#video = video;
    this.#tell = tell;
    for (const [port, member] of Object.entries(settings.members))
      this.#memberOfPort.set(Number(port), this.#members.push(member) - 1);
  }

  get members(): readonly string[] {
    return this.#members;
  }

  packet(bytes: Buffer, from: RemoteInfo, atMs: number): void {
    const header = readRtpHeader(bytes);
    if (header === null) return;
    const { seq, isFirst } = this.#deduplicator.offer(header.ssrc, header.seq);
    const via = this.#viaOf(from.port);
    this.#log.push(atMs, seq, via);
    this.#last = { atMs, seq, via };
    if (this.#watch.isChange(via, atMs)) this.#tell({ event: "via", member: this.#members[via]!, atMs, seq });
    if (isFirst) this.#video?.write(bytes.subarray(header.payloadAt));
  }

  /** Index of the member whose marker port this is. One not named in the settings gets a name of its own. */
  #viaOf(port: number): number {
    const known = this.#memberOfPort.get(port);
    if (known !== undefined) return known;
    const via = this.#members.push(`port ${port}`) - 1;
    this.#memberOfPort.set(port, via);
    return via;
  }

  between = (fromMs: number, toMs: number) => this.#log.between(fromMs, toMs);

  latest(): Latest {
    const last = this.#last;
    return {
      received: this.#log.count,
      duplicates: this.#deduplicator.dropped,
      lastArrivalMs: last?.atMs ?? null,
      lastSeq: last?.seq ?? null,
      via: last ? this.#members[last.via]! : null,
      videoBytes: this.#video?.bytes ?? 0,
    };
  }
}

/** Asks for echoes all the time, from one port: the member's echo service keeps one child per viewer. */
class EchoAsker {
  readonly #log = new EchoLog(ECHOES_HELD);
  readonly #socket = createSocket("udp4");
  readonly #timer: NodeJS.Timeout;

  constructor({ ip, port, everyMs }: NonNullable<ViewerSettings["echo"]>) {
    this.#socket.on("message", (bytes) => {
      if (bytes.length === ECHO_REQUEST_BYTES) this.#log.answered(bytes.readUInt32BE(0), systemClock.now());
    });
    this.#socket.on("error", () => {}); // A member that refuses or cannot be reached is a missing answer, which is what is measured.
    this.#timer = setInterval(() => {
      const request = Buffer.alloc(ECHO_REQUEST_BYTES);
      request.writeUInt32BE(this.#log.sent(systemClock.now()));
      this.#socket.send(request, port, ip, () => {});
    }, everyMs);
  }

  between = (fromMs: number, toMs: number) => this.#log.between(fromMs, toMs);

  close(): void {
    clearInterval(this.#timer);
    this.#socket.close();
  }
}

/** Remembers how many datagrams the socket had dropped at which time. */
class DropWatch {
  readonly #port: number;
  readonly #samples: { readonly atMs: number; readonly drops: number }[] = [];
  readonly #timer = setInterval(() => this.#sample(), DROPS_EVERY_MS);

  constructor(port: number) {
    this.#port = port;
    this.#sample();
  }

  #sample(): number {
    const drops = udpDropsOf(readFileSync("/proc/net/udp", "utf8"), this.#port);
    this.#samples.push({ atMs: systemClock.now(), drops });
    if (this.#samples.length > DROP_SAMPLES_HELD) this.#samples.shift();
    return drops;
  }

  /** Drops from about `fromMs` to now. */
  since(fromMs: number): number {
    const before = this.#samples.findLast((s) => s.atMs <= fromMs) ?? this.#samples[0]!;
    return this.#sample() - before.drops;
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

const tellParent = (line: object): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);

async function openStream(port: number): Promise<Socket> {
  const socket = createSocket({ type: "udp4", recvBufferSize: RECEIVE_BUFFER_BYTES });
  socket.bind(port);
  await once(socket, "listening");
  return socket;
}

/** Runs until its input ends or it is told to stop. Throws Fault CONFIG for settings that it cannot run on. */
async function view(settings: unknown): Promise<void> {
  if (!Value.Check(ViewerSettings, settings)) {
    const first = Value.Errors(ViewerSettings, settings)[0];
    throw new Fault("CONFIG", `a viewer cannot run on these settings: ${first?.instancePath || "they"} ${first?.message}`);
  }
  const socket = await openStream(settings.port);
  const video = settings.video === null ? null : new Video(settings.video);
  const receiver = new Receiver(settings, video, tellParent);
  socket.on("message", (bytes, from) => receiver.packet(bytes, from, systemClock.now()));
  const echo = settings.echo === null ? null : new EchoAsker(settings.echo);
  const drops = new DropWatch(settings.port);
  tellParent({ event: "ready", receiveBufferBytes: socket.getRecvBufferSize() } satisfies ViewerTold);

  const measured = (window: MeasureWindow): Measurement => {
    const toMs = Math.min(window.toMs, systemClock.now()); // What has not happened yet is no silence.
    const trips = echo?.between(window.fromMs, toMs) ?? [];
    return measure(receiver.between(window.fromMs, toMs), receiver.members, trips, drops.since(window.fromMs), {
      ...window,
      toMs,
    });
  };
  await answerAsks((ask) => (ask.ask === "latest" ? receiver.latest() : measured(ask)));

  socket.close();
  echo?.close();
  drops.close();
  await video?.close();
}

/** Answers line by line until "stop" or the end of the input. */
async function answerAsks(answer: (ask: Exclude<ViewerAsk, { ask: "stop" }>) => object): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const ask = JSON.parse(line) as ViewerAsk;
    if (ask.ask === "stop") return;
    tellParent({ id: ask.id, ...answered(() => answer(ask)) });
  }
}

/** A question that makes no sense gets the reason for an answer. */
function answered(answer: () => object): object {
  try {
    return answer();
  } catch (e) {
    if (e instanceof RangeError) return { error: e.message };
    throw e;
  }
}

if (import.meta.main) {
  try {
    await view(JSON.parse(process.argv[2] ?? "null"));
    process.stdin.destroy();
  } catch (e) {
    process.stderr.write(`${(e as Error).message}\n`);
    process.exitCode = 1;
    process.stdin.destroy();
  }
}
