import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../src/lib/clock.ts";
import { type Log, silent } from "../../src/lib/log.ts";
import { COOKIE_MARK, type FlowEntry, type FlowPhases } from "../../src/model/flow.ts";
import type { SwitchEvent } from "../../src/model/switch.ts";
import { listen, type SwitchListener } from "../../src/switch/listen.ts";
import type { SwitchSession } from "../../src/switch/session.ts";
import { type Ovs, startOvs } from "./ovs.ts";

export const OURS = COOKIE_MARK << 32n;
const WAIT_LIMIT_MS = 60_000;
export const PORTS = ["p1", "p2", "p3"];
export const VERSIONS = [
  { version: "1.0", protocol: "OpenFlow10" },
  { version: "1.3", protocol: "OpenFlow13" },
] as const;

export const entry = (priority: number, match: FlowEntry["match"], ...actions: FlowEntry["actions"]): FlowEntry => ({
  table: 0,
  priority,
  cookie: OURS | BigInt(priority),
  match,
  actions,
});
export const add = (...entries: readonly FlowEntry[]): FlowPhases[number] => entries.map((e) => ({ op: "addEntry", entry: e }));
export const out = (port: string) => ({ do: "output", port }) as const;

type Event<T> = Extract<SwitchEvent, { readonly type: T }>;

/** Everything a listener told, and a way to wait for something in it. */
export function record(listener: SwitchListener) {
  const events: SwitchEvent[] = [];
  listener.on((e) => events.push(e));
  return {
    events,
    async until<T extends SwitchEvent["type"]>(type: T, fits: (e: Event<T>) => boolean = () => true): Promise<Event<T>> {
      const giveUpAt = performance.now() + WAIT_LIMIT_MS;
      for (;;) {
        const found = events.find((e): e is Event<T> => e.type === type && fits(e as Event<T>));
        if (found !== undefined) return found;
        if (performance.now() > giveUpAt) throw new Error(`no such ${type} in ${JSON.stringify(events.map((e) => e.type))}`);
        await sleep(5);
      }
    },
  };
}

export const listenAs = (epoch: bigint, log: Log = silent) =>
  listen({ host: "127.0.0.1", tcpPort: 0, clock: systemClock, log, epoch });
export const target = (listener: SwitchListener) => `tcp:127.0.0.1:${listener.tcpPort}`;

export interface Joined extends AsyncDisposable {
  readonly ovs: Ovs;
  readonly listener: SwitchListener;
  readonly told: ReturnType<typeof record>;
  readonly session: SwitchSession;
}

/** A switch, a listener, and the session between them. */
export async function join(protocol: (typeof VERSIONS)[number]["protocol"], epoch = 7n): Promise<Joined> {
  await using undo = new AsyncDisposableStack();
  const listener = undo.use(await listenAs(epoch));
  const told = record(listener);
  const ovs = undo.use(
    await startOvs({ datapathType: "dummy", ports: PORTS, protocols: [protocol], controller: [target(listener)] }),
  );
  const { datapath } = await told.until("up");
  const session = listener.sessions.get(datapath);
  if (session === undefined) throw new Error("up, but no session");
  const ends = undo.move();
  return { ovs, listener, told, session, [Symbol.asyncDispose]: () => ends.disposeAsync() };
}
