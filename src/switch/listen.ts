import { Fault } from "../lib/fault.ts";
import type { DatapathId } from "../model/ids.ts";
import type { SwitchEvent } from "../model/switch.ts";
import { Door, type DoorOptions, type Join } from "./door.ts";
import { KEEP_ALIVE, type KeepAlivePolicy } from "./keep-alive.ts";
import { openSession, type SwitchSession } from "./session.ts";

export interface LeadOptions extends Pick<DoorOptions, "clock" | "log"> {
  /**
   * Leadership epoch: the generation_id with which switches of 1.3 are led. A function is asked when the port is bound, so that
   * a daemon that cannot listen has taken no lead.
   */
  readonly epoch: bigint | (() => Promise<bigint>);
  /** False refuses a switch. Without it every switch is accepted. */
  readonly accept?: (datapath: DatapathId) => boolean;
  readonly keepAlive?: KeepAlivePolicy;
}

export type ListenOptions = DoorOptions & LeadOptions;

/** The controller's end of OpenFlow: switches connect to it. Disposing it ends all sessions. */
export interface SwitchListener extends AsyncDisposable {
  readonly tcpPort: number;
  /** Those that are up. A switch that connects anew takes the place of its older session. */
  readonly sessions: ReadonlyMap<DatapathId, SwitchSession>;
  /** Returns the function that ends it. Listeners are called at once, on the reaction path: they must be short and must not throw. */
  on(listener: (event: SwitchEvent) => void): () => void;
}

/** Opens the TCP port. Rejects with Fault CONFIG when that is not possible. */
export async function listen(options: ListenOptions): Promise<SwitchListener> {
  return listenAt(await Door.open(options), options);
}

/** At a door that is open, and that goes with the listener. Rejects as `epoch` does. */
export async function listenAt(door: Door, options: LeadOptions): Promise<SwitchListener> {
  const { log, clock } = options;
  const sessions = new Map<DatapathId, SwitchSession>();
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

  const epoch = typeof options.epoch === "bigint" ? options.epoch : await options.epoch();
  const sessionOptions = {
    ...{ clock, log, tell, ended, epoch },
    keepAlive: options.keepAlive ?? KEEP_ALIVE,
    accept: options.accept ?? (() => true),
  };

  const join: Join = async (socket, greeted) => {
    const session = await openSession(socket, greeted, sessionOptions);
    // It may have ended in the very chunk that completed it. From here to start() nothing can come in between.
    if (session.endedWhy !== null) throw new Fault("SWITCH_NOT_CONNECTED", session.endedWhy);
    sessions.get(session.datapath)?.close("the switch connected anew");
    sessions.set(session.datapath, session);
    log.info({ datapath: session.datapath, version: session.version, ports: session.ports.size }, "switch up");
    session.start();
  };
  // Who listens to what it tells does so before any switch is up.
  setImmediate(() => door.let(join));

  return {
    tcpPort: door.tcpPort,
    sessions,
    on(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async [Symbol.asyncDispose]() {
      const closed = door[Symbol.asyncDispose]();
      for (const session of [...sessions.values()]) session.close();
      await closed;
    },
  };
}
