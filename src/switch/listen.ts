import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { DatapathId } from "../model/ids.ts";
import type { SwitchEvent } from "../model/switch.ts";
import { KEEP_ALIVE, type KeepAlivePolicy } from "./keep-alive.ts";
import { openSession, type SwitchSession } from "./session.ts";

export interface ListenOptions {
  readonly host: string;
  /** 0 lets the system choose; IANA's port for OpenFlow is 6653. */
  readonly tcpPort: number;
  readonly clock: Clock;
  readonly log: Log;
  /**
   * Leadership epoch: the generation_id with which switches of 1.3 are led. A function is asked when the port is bound, so that
   * a daemon that cannot listen has taken no lead.
   */
  readonly epoch: bigint | (() => Promise<bigint>);
  /** False refuses a switch. Without it every switch is accepted. */
  readonly accept?: (datapath: DatapathId) => boolean;
  readonly keepAlive?: KeepAlivePolicy;
}

/** The controller's end of OpenFlow: switches connect to it. Disposing it ends all sessions. */
export interface SwitchListener extends AsyncDisposable {
  readonly tcpPort: number;
  /** Those that are up. A switch that connects anew takes the place of its older session. */
  readonly sessions: ReadonlyMap<DatapathId, SwitchSession>;
  /** Returns the function that ends it. Listeners are called at once, on the reaction path: they must be short and must not throw. */
  on(listener: (event: SwitchEvent) => void): () => void;
}

/** From the connection to the role: features of a large switch are a few kB. */
const JOIN_LIMIT_MS = 5000;
/** One connection per switch; many more than one VIM's switches, few enough for the descriptors of a process. */
const CONNECTIONS_MAX = 256;

/** Opens the TCP port. Rejects with Fault CONFIG when that is not possible. */
export async function listen(options: ListenOptions): Promise<SwitchListener> {
  const { log, clock } = options;
  const sessions = new Map<DatapathId, SwitchSession>();
  const joining = new Set<Socket>();
  const listeners = new Set<(event: SwitchEvent) => void>();
  const tell = (event: SwitchEvent) => {
    for (const listener of listeners) listener(event);
  };

  const ended = (session: SwitchSession, why: string) => {
    if (sessions.get(session.datapath) !== session) return;
    sessions.delete(session.datapath);
    log.warn({ datapath: session.datapath, why }, "switch down");
    tell({ type: "down", datapath: session.datapath, why });
  };

  const led = Promise.withResolvers<bigint>(); // Who connects before the lead is taken waits for it.
  const sessionOptions = {
    ...{ clock, log, tell, ended },
    keepAlive: options.keepAlive ?? KEEP_ALIVE,
    accept: options.accept ?? (() => true),
  };

  const join = async (socket: Socket) => {
    const session = await openSession(socket, { ...sessionOptions, epoch: await led.promise });
    // It may have ended in the very chunk that completed it. From here to start() nothing can come in between.
    if (session.endedWhy !== null) throw new Fault("SWITCH_NOT_CONNECTED", session.endedWhy);
    sessions.get(session.datapath)?.close("the switch connected anew");
    sessions.set(session.datapath, session);
    log.info({ datapath: session.datapath, version: session.version, ports: session.ports.size }, "switch up");
    session.start();
  };

  const server = createServer({ noDelay: true }, (socket) => {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    const late = new AbortController();
    joining.add(socket);
    // Without a listener an error would end the process; "close" follows and tells the reason to whoever waits.
    socket.on("error", () => {});
    clock.sleep(JOIN_LIMIT_MS, late.signal).then(
      () => socket.destroy(),
      () => {},
    );
    join(socket)
      .catch((e: Error) => {
        socket.destroy();
        log.warn({ peer, why: e.message }, "OpenFlow peer dropped");
      })
      .finally(() => {
        late.abort();
        joining.delete(socket);
      });
  });
  server.maxConnections = CONNECTIONS_MAX;
  await open(server, options);
  led.resolve(typeof options.epoch === "bigint" ? options.epoch : await options.epoch());

  return {
    tcpPort: tcpPortOf(server),
    sessions,
    on(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of joining) socket.destroy();
      for (const session of [...sessions.values()]) session.close();
      await closed;
    },
  };
}

const CURES: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program listens there: end it, or choose another port for OpenFlow",
  EACCES: "this user may not listen there: choose a port above 1023",
  EADDRNOTAVAIL: "this machine has no such address: choose one of its own, or 0.0.0.0",
};

async function open(server: Server, { host, tcpPort }: ListenOptions): Promise<void> {
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
