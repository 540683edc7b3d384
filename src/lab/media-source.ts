/**
 * The media server: one generated video as RTP to a multicast group, at a constant packet rate, so that a missing packet is a
 * missing millisecond. A program of its own: `node src/lab/media-source.ts --group 239.5.0.4 --port 5004 --address 10.61.0.1`.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { existsSync } from "node:fs";
import type { Readable } from "node:stream";
import { parseArgs } from "node:util";
import { systemClock } from "../lib/clock.ts";
import { listen, say } from "./lines.ts";
import { RTP_HEADER_BYTES, RTP_TICKS_PER_MS, TS_PACKET_BYTES, writeRtpHeader } from "./rtp.ts";

/** 1,000 transport stream packets in a second, whatever the picture needs: the multiplexer stuffs. */
const TS_PER_SECOND = 1000;
const MUX_BPS = TS_PER_SECOND * TS_PACKET_BYTES * 8;
/** Transport stream packets in one RTP packet, by RTP packets in a second. Seven is what an Ethernet frame holds. */
export const TS_PER_RTP: Readonly<Record<string, number>> = { "1000": 1, "500": 2, "250": 4, "143": 7 };
/** Held before the first packet goes out, and at most: ffmpeg writes in bursts of one picture (40 ms). */
const PREBUFFER_PACKETS = 300;
const BUFFER_PACKETS_MAX = 1200;
/** After a stall of this process no more than this is caught up at once; the rest of the time is skipped. */
const CATCH_UP_MS_MAX = 200;
/** A stuffing packet (ISO 13818-1, PID 0x1fff): sent where the picture is late, so that the packet rate never depends on it. */
const STUFFING = Buffer.alloc(TS_PACKET_BYTES, 0xff);
STUFFING.set([0x47, 0x1f, 0xff, 0x10]);

const FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf";

/** ffmpeg's arguments: a moving test picture with a clock in milliseconds, as a transport stream of constant rate on stdout. */
export function ffmpegArguments(font: string | null): string[] {
  const clock = `drawtext=fontfile=${font}:text='%{pts\\:hms}':fontsize=36:fontcolor=white:box=1:boxcolor=black:x=(w-tw)/2:y=h-60`;
  const picture = "testsrc2=size=480x270:rate=25";
  return [
    ["-hide_banner", "-loglevel", "error", "-nostdin", "-re", "-f", "lavfi", "-i", font ? `${picture},${clock}` : picture],
    ["-c:v", "mpeg2video", "-threads", "1", "-g", "12", "-bf", "0", "-b:v", "1100k", "-maxrate", "1150k", "-bufsize", "600k"],
    ["-f", "mpegts", "-muxrate", String(MUX_BPS), "-flush_packets", "1", "pipe:1"],
  ].flat();
}

/** The transport stream between ffmpeg's bursts and our even pace: bounded, whole packets only. */
export class TsBuffer {
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  get packets(): number {
    return Math.floor(this.#bytes / TS_PACKET_BYTES);
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** Copies the next packet to `into`, or a stuffing packet where there is none. */
  take(into: Buffer, at: number): void {
    if (this.packets === 0) {
      STUFFING.copy(into, at);
      return;
    }
    for (let copied = 0; copied < TS_PACKET_BYTES; ) {
      const first = this.#chunks[0]!;
      const n = first.copy(into, at + copied, 0, TS_PACKET_BYTES - copied);
      copied += n;
      if (n === first.length) this.#chunks.shift();
      else this.#chunks[0] = first.subarray(n);
    }
    this.#bytes -= TS_PACKET_BYTES;
  }
}

/**
 * How many packets are due at `now` and from when on to count: normally `start`, later where the process stood still for
 * longer than it may catch up.
 */
export function duePackets(
  start: number,
  now: number,
  sent: number,
  perMs: number,
): { readonly due: number; readonly start: number } {
  const behind = now - start - sent / perMs;
  const from = behind > CATCH_UP_MS_MAX ? start + behind - CATCH_UP_MS_MAX : start;
  return { due: Math.max(0, Math.floor((now - from) * perMs) - sent), start: from };
}

interface Settings {
  readonly group: string;
  readonly port: number;
  readonly address: string;
  readonly tsPerRtp: number;
}

function settingsFrom(args: string[]): Settings {
  const { values } = parseArgs({
    args,
    options: {
      group: { type: "string", default: "239.5.0.4" },
      port: { type: "string", default: "5004" },
      address: { type: "string", default: "0.0.0.0" },
      pps: { type: "string", default: "1000" },
    },
  });
  const tsPerRtp = TS_PER_RTP[values.pps];
  if (!tsPerRtp) fail(`--pps is one of ${Object.keys(TS_PER_RTP).join(", ")}`);
  return { group: values.group, port: Number(values.port), address: values.address, tsPerRtp };
}

function fail(sentence: string): never {
  process.stderr.write(`media source: ${sentence}\n`);
  process.exit(1);
}

/** Sends packets as they fall due; the first number is random (RFC 3550, 5.1), the rest follow without a gap. */
class Pacer {
  readonly firstSeq = randomInt(0, 0x8000);
  sent = 0;
  #startAt = 0;
  #startedAt = 0;
  #ticks: NodeJS.Timeout | undefined;
  readonly #ssrc = randomInt(0, 0x1_0000_0000 - 1);
  readonly #socket: Socket;
  readonly #settings: Settings;
  readonly #buffer: TsBuffer;

  constructor(socket: Socket, settings: Settings, buffer: TsBuffer) {
    this.#socket = socket;
    this.#settings = settings;
    this.#buffer = buffer;
  }

  start(): void {
    this.#startedAt = systemClock.now();
    this.goOn();
  }

  /** Sends nothing until `goOn`; the numbers and times of the stream go on where they were. */
  rest(): void {
    clearInterval(this.#ticks);
    this.#ticks = undefined;
  }

  goOn(): void {
    if (this.#ticks !== undefined) return;
    this.#startAt = systemClock.now() - this.sent / this.#perMs;
    // The shortest timer Node has. Late ticks send what fell due meanwhile; a stricter pace would need a busy loop.
    this.#ticks = setInterval(() => this.#tick(), 1);
  }

  /** What was sent so far, in the extended numbers a viewer counts in too, except for the first span. */
  range(): object {
    return {
      firstSeq: this.firstSeq,
      lastSeq: this.firstSeq + this.sent - 1,
      packets: this.sent,
      ssrc: this.#ssrc,
      fromMs: this.#startedAt,
      toMs: systemClock.now(),
    };
  }

  get #perMs(): number {
    return TS_PER_SECOND / this.#settings.tsPerRtp / 1000;
  }

  #tick(): void {
    const perMs = this.#perMs;
    const { due, start } = duePackets(this.#startAt, systemClock.now(), this.sent, perMs);
    this.#startAt = start;
    for (let i = 0; i < due; i++) this.#send((this.sent / perMs) * RTP_TICKS_PER_MS);
  }

  #send(timestamp: number): void {
    const { tsPerRtp, port, group } = this.#settings;
    const packet = Buffer.allocUnsafe(RTP_HEADER_BYTES + tsPerRtp * TS_PACKET_BYTES);
    writeRtpHeader(packet, this.firstSeq + this.sent, Math.floor(timestamp), this.#ssrc);
    for (let i = 0; i < tsPerRtp; i++) this.#buffer.take(packet, RTP_HEADER_BYTES + i * TS_PACKET_BYTES);
    this.sent++;
    this.#socket.send(packet, port, group, (e) => {
      if (e) fail(`cannot send to ${group}:${port}: ${e.message}`);
    });
  }
}

function feed(ffmpeg: ChildProcessByStdio<null, Readable, null>, buffer: TsBuffer, onReady: () => void): void {
  let ready = false;
  const resume = setInterval(() => {
    if (buffer.packets < BUFFER_PACKETS_MAX / 2) ffmpeg.stdout.resume();
  }, 20);
  ffmpeg.stdout.on("data", (chunk: Buffer) => {
    buffer.push(chunk);
    if (buffer.packets > BUFFER_PACKETS_MAX) ffmpeg.stdout.pause();
    if (ready || buffer.packets < PREBUFFER_PACKETS) return;
    ready = true;
    onReady();
  });
  ffmpeg.on("error", (e) => fail(`cannot start ffmpeg: ${e.message}`));
  ffmpeg.on("exit", (code, signal) => {
    clearInterval(resume);
    if (!stopping) fail(`ffmpeg ended (${signal ?? code}), so there is no picture to send`);
  });
}

let stopping = false;

function main(): void {
  const settings = settingsFrom(process.argv.slice(2));
  const buffer = new TsBuffer();
  const socket = createSocket("udp4");
  const ffmpeg = spawn("ffmpeg", ffmpegArguments(existsSync(FONT) ? FONT : null), { stdio: ["ignore", "pipe", "inherit"] });
  const pacer = new Pacer(socket, settings, buffer);
  const stop = (id?: unknown) => {
    if (stopping) return;
    stopping = true;
    ffmpeg.kill("SIGKILL");
    process.stdout.write(`${JSON.stringify({ id, event: "sent", ...pacer.range() })}\n`, () => process.exit(0));
  };
  socket.bind({ address: settings.address }, () => {
    socket.setMulticastInterface(settings.address);
    socket.setSendBufferSize(1 << 20);
    feed(ffmpeg, buffer, () => {
      pacer.start();
      say({ event: "ready", pid: process.pid, ...settings });
    });
  });
  process.on("SIGTERM", () => stop());
  process.on("SIGINT", () => stop());
  const commands: Record<string, (id: unknown) => void> = {
    stop,
    sent: (id) => say({ id, ...pacer.range() }),
    rest: (id) => {
      pacer.rest();
      say({ id });
    },
    goOn: (id) => {
      pacer.goOn();
      say({ id });
    },
  };
  listen(process.stdin, (message) => commands[String(message.do)]?.(message.id), stop);
}

if (import.meta.main) main();
