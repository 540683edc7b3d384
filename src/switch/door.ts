import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { type Greeted, greet } from "./greet.ts";

export interface DoorOptions {
  readonly host: string;
  /** 0 lets the system choose; IANA's port for OpenFlow is 6653. */
  readonly tcpPort: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Makes a session of a connection, and rejects with why it did not come up. */
export type Join = (socket: Socket, greeted: Greeted) => Promise<void>;

/** From the connection to the role, without the time in which nobody was there: features of a large switch are a few kB. */
const JOIN_LIMIT_MS = 5000;
/** One connection per switch; many more than one VIM's switches, few enough for the descriptors of a process. */
const CONNECTIONS_MAX = 256;

/**
 * The TCP port that switches connect to. It opens before anybody can lead them: a switch that lost its controller looks for it once a second,
 * so who comes while a daemon still starts is greeted, and waits. Disposing it ends all that have not joined.
 */
export class Door implements AsyncDisposable {
  readonly tcpPort: number;
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #outside = new Set<Socket>();
  readonly #join = Promise.withResolvers<Join>();
  #closed: Promise<unknown> | null = null;

  private constructor(server: Server, { clock, log }: DoorOptions) {
    this.#server = server;
    this.#clock = clock;
    this.#log = log;
    this.tcpPort = tcpPortOf(server);
    server.on("connection", (socket) => this.#came(socket));
  }

  /** Rejects with Fault CONFIG when the port cannot be had. */
  static async open(options: DoorOptions): Promise<Door> {
    const server = createServer({ noDelay: true });
    server.maxConnections = CONNECTIONS_MAX;
    await open(server, options);
    return new Door(server, options);
  }

  /** From here on they join. Once. */
  let(join: Join): void {
    this.#join.resolve(join);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= once(this.#server.close(), "close");
    for (const socket of this.#outside) socket.destroy();
    return this.#closed.then(() => {});
  }

  #came(socket: Socket): void {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    this.#outside.add(socket);
    // Without a listener an error would end the process; "close" follows and tells the reason to whoever waits.
    socket.on("error", () => {});
    this.#lead(socket)
      .catch((e: Error) => {
        socket.destroy();
        this.#log.warn({ peer, why: e.message }, "OpenFlow peer dropped");
      })
      .finally(() => this.#outside.delete(socket));
  }

  async #lead(socket: Socket): Promise<void> {
    const greeted = await this.#inTime(socket, greet(socket));
    const join = await this.#join.promise;
    if (!socket.destroyed) await this.#inTime(socket, join(socket, greeted));
  }

  async #inTime<T>(socket: Socket, work: Promise<T>): Promise<T> {
    const late = new AbortController();
    this.#clock.sleep(JOIN_LIMIT_MS, late.signal).then(
      () => socket.destroy(),
      () => {},
    );
    return work.finally(() => late.abort());
  }
}

const CURES: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program listens there: end it, or choose another port for OpenFlow",
  EACCES: "this user may not listen there: choose a port above 1023",
  EADDRNOTAVAIL: "this machine has no such address: choose one of its own, or 0.0.0.0",
};

async function open(server: Server, { host, tcpPort }: DoorOptions): Promise<void> {
  server.listen(tcpPort, host);
  try {
    await once(server, "listening");
  } catch (e) {
    const { code = "", message } = e as NodeJS.ErrnoException;
    const about = { host, tcpPort };
    throw new Fault("CONFIG", `cannot listen for switches on ${host}:${tcpPort}: ${CURES[code] ?? message}`, about, { cause: e });
  }
}

function tcpPortOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server without a TCP address");
  return address.port;
}
