import type { NetConnectOpts, Socket } from "node:net";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { JsonStream, JsonStreamError } from "../wire/ovsdb/json-stream.ts";
import {
  echoReply,
  type Json,
  type Operation,
  type OperationResult,
  readMessage,
  request,
  type TableUpdates,
} from "../wire/ovsdb/messages.ts";
import { inTime, openStream, type Patience, watchSilence } from "./stream.ts";

/** ovsdb-server answers in well under a millisecond; `wait` operations are not used across the wire. */
const REQUEST_MAX_MS = 10_000;
const DATABASE = "Open_vSwitch";
/** inactivity_probe of ovsdb-server itself is 5 s. */
const PATIENCE: Patience = { everyMs: 5_000, asks: 2 };

/** What the owner of a session hears. */
export interface OvsdbListener {
  updated(updates: TableUpdates, seenAt: number): void;
  closed(why: string): void;
}

type Reply = { readonly result: Json; readonly error: Json };

interface Waiter {
  resolve(reply: Reply): void;
  reject(e: Error): void;
}

/** `unix:/path` or `tcp:address:port`, as `ovs-vsctl --db` takes them. Throws CONFIG for anything else. */
export function parseOvsdbAddress(address: string): NetConnectOpts {
  const [, path] = address.match(/^unix:(\/.+)$/) ?? [];
  if (path !== undefined) return { path };
  const [, host, port] = address.match(/^tcp:\[?([^\]]+?)\]?:(\d{1,5})$/) ?? [];
  if (host !== undefined) return { host, port: Number(port) };
  throw new Fault("CONFIG", `not an OVSDB address: ${address}`);
}

/** One connection to an ovsdb-server (RFC 7047): requests and their answers, echo both ways, updates pushed. */
export class OvsdbSession {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #listener: OvsdbListener;
  readonly #stream = new JsonStream();
  readonly #waiting = new Map<number, Waiter>();
  readonly #ended = new AbortController();
  #id = 1;
  #heardAt: number;

  static async connect(address: string, clock: Clock, log: Log, listener: OvsdbListener): Promise<OvsdbSession> {
    return new OvsdbSession(await openStream(parseOvsdbAddress(address), "ovsdb-server"), clock, log, listener);
  }

  private constructor(socket: Socket, clock: Clock, log: Log, listener: OvsdbListener) {
    this.#socket = socket;
    this.#clock = clock;
    this.#log = log;
    this.#listener = listener;
    this.#heardAt = clock.now();
    socket.on("data", (bytes: Uint8Array | string) => this.#receive(Buffer.from(bytes as Uint8Array)));
    socket.on("error", (e) => this.close(e.message));
    socket.on("close", () => this.close("ovsdb-server closed the connection"));
    const ask = () => void this.request("echo", []).catch(() => {}); // Its silence is what counts.
    const gone = () => this.close("ovsdb-server is silent");
    void watchSilence(clock, this.#ended.signal, PATIENCE, { heardAt: () => this.#heardAt, ask, gone });
  }

  /** Throws OVSDB_REFUSED with the server's words, HOST_UNREACHABLE or TIMEOUT. */
  async request(method: string, params: Json): Promise<Json> {
    if (this.#ended.signal.aborted) throw this.#unreachable();
    const id = this.#id++;
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.#waiting.set(id, { resolve, reject });
    this.#socket.write(request(method, id, params));
    const { result, error } = await inTime(this.#clock, REQUEST_MAX_MS, method, promise);
    if (error !== null) throw new Fault("OVSDB_REFUSED", JSON.stringify(error));
    return result;
  }

  /** All operations or none (4.1.3). A failed one, or a failed commit, is OVSDB_REFUSED with its details. */
  async transact(operations: readonly Operation[]): Promise<readonly OperationResult[]> {
    const results = (await this.request("transact", [
      DATABASE,
      ...(operations as unknown as Json[]),
    ])) as readonly (OperationResult | null)[];
    // Operations after a failed one are null; the error of a failed commit stands after the last of them.
    const failed = results.find((r) => r?.error !== undefined);
    if (failed) throw new Fault("OVSDB_REFUSED", `${failed.error}: ${failed.details ?? "no details"}`);
    return results.map((r) => r ?? {});
  }

  /** Asks for all rows of the columns now, and for their changes from now on. */
  async monitor(tables: Readonly<Record<string, readonly string[]>>): Promise<TableUpdates> {
    const wanted = Object.fromEntries(Object.entries(tables).map(([table, columns]) => [table, { columns }]));
    return (await this.request("monitor", [DATABASE, null, wanted])) as TableUpdates;
  }

  close(why = "closed by us"): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort(why);
    this.#socket.destroy();
    for (const { reject } of this.#waiting.values()) reject(this.#unreachable());
    this.#waiting.clear();
    this.#listener.closed(why);
  }

  #unreachable(): Fault {
    return new Fault("HOST_UNREACHABLE", String(this.#ended.signal.reason));
  }

  #receive(bytes: Uint8Array): void {
    this.#heardAt = this.#clock.now();
    try {
      for (const value of this.#stream.push(bytes)) this.#take(value);
    } catch (e) {
      if (!(e instanceof JsonStreamError)) throw e;
      this.#log.error({ err: e }, "ovsdb-server sent what is no message");
      this.close("protocol error");
    }
  }

  #take(value: unknown): void {
    const message = readMessage(value);
    if (message.kind === "echo") this.#socket.write(echoReply(message.id, message.params));
    if (message.kind === "update") this.#listener.updated(message.updates, this.#heardAt);
    if (message.kind !== "reply") return;
    this.#waiting.get(message.id)?.resolve(message);
    this.#waiting.delete(message.id);
  }
}
