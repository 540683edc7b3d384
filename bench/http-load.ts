import { connect, type Socket } from "node:net";
import { spreadOf } from "../src/lab/stats.ts";
import { systemClock } from "../src/lib/clock.ts";

// A process that asks a server as fast as it answers, by as many connections as there are clients, and prints what it saw when it
// is told to end or its time is over. It reads answers by their length alone, so that it costs less than what it measures.

export interface HttpLoad {
  readonly port: number;
  readonly clients: number;
  /** Left out: until its input ends. */
  readonly seconds?: number;
  /** `#` in a path or body: a number that no other request has. */
  readonly method: string;
  readonly path: string;
  readonly body?: string;
}

export interface HttpLoadResult {
  readonly requests: number;
  readonly perSecond: number;
  /** Of each request, ms. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Answers that were not 200. */
  readonly refused: number;
}

const HEAD_END = Buffer.from("\r\n\r\n");

class Client {
  readonly #load: HttpLoad;
  readonly #socket: Socket;
  readonly #next: () => number;
  readonly #saw: (ms: number, isGood: boolean) => void;
  readonly #ended = Promise.withResolvers<void>();
  #held: Buffer = Buffer.alloc(0);
  #askedAt = 0;
  #isLast = false;

  constructor(load: HttpLoad, next: () => number, saw: (ms: number, isGood: boolean) => void) {
    [this.#load, this.#next, this.#saw] = [load, next, saw];
    this.#socket = connect({ host: "127.0.0.1", port: load.port, noDelay: true });
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("close", () => this.#ended.resolve());
    this.#socket.on("error", (e) => this.#ended.reject(e));
    this.#ask();
  }

  /** Resolves when the answer that is owed has come. */
  end(): Promise<void> {
    this.#isLast = true;
    return this.#ended.promise;
  }

  #ask(): void {
    const number = String(this.#next());
    const { method, path, body = "" } = this.#load;
    const text = body.replaceAll("#", number);
    this.#askedAt = systemClock.now();
    this.#socket.write(
      `${method} ${path.replaceAll("#", number)} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
    );
  }

  #read(chunk: Buffer): void {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const head = this.#held.indexOf(HEAD_END);
    if (head < 0) return;
    const text = this.#held.toString("latin1", 0, head);
    const length = Number(/content-length: (\d+)/i.exec(text)?.[1]);
    if (this.#held.length < head + HEAD_END.length + length) return;
    this.#held = this.#held.subarray(head + HEAD_END.length + length);
    this.#saw(systemClock.now() - this.#askedAt, text.startsWith("HTTP/1.1 200"));
    if (this.#isLast) this.#socket.destroy();
    else this.#ask();
  }
}

async function run(load: HttpLoad): Promise<HttpLoadResult> {
  const times: number[] = [];
  let [refused, number] = [0, 0];
  const saw = (ms: number, isGood: boolean) => {
    times.push(ms);
    if (!isGood) refused++;
  };
  const from = systemClock.now();
  const clients = Array.from({ length: load.clients }, () => new Client(load, () => number++, saw));
  const told = new Promise<void>((resolve) => process.stdin.on("end", resolve).resume());
  await Promise.race([told, ...(load.seconds === undefined ? [] : [systemClock.sleep(load.seconds * 1_000)])]);
  await Promise.all(clients.map((c) => c.end()));
  const perSecond = Math.round((times.length / (systemClock.now() - from)) * 1_000);
  return { requests: times.length, perSecond, ...spreadOf(times)!, refused };
}

console.log(JSON.stringify(await run(JSON.parse(process.argv[2]!) as HttpLoad)));
process.exit(0);
