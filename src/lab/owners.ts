import { once } from "node:events";
import { connect } from "node:net";
import { systemClock } from "../lib/clock.ts";
import type { FlowTable } from "../model/flow.ts";
import type { SwitchPort } from "../model/switch.ts";
import type { Dialect } from "../switch/dialect.ts";
import { dialect10 } from "../switch/dialect10.ts";
import { dialect13 } from "../switch/dialect13.ts";
import { greet } from "../switch/greet.ts";
import { PortBook } from "../switch/ports.ts";
import { OF13 } from "../wire/openflow/hello.ts";
import { led } from "./led.ts";

/** The switch is read this often, ms: seldom enough to be no burden beside a failover on two cores. */
const LOOK_EVERY_MS = 10;
/** A switch that was killed is tried again after this, ms. */
const AGAIN_AFTER_MS = 50;
const BROADCAST = "ff:ff:ff:ff:ff:ff";

/** From this moment on these members' packets reach this outside port; null: the switch could not be read. Monotonic ms. */
export interface Ownership {
  readonly at: number;
  readonly members: readonly string[] | null;
}

/** What the switch said over a time. */
export interface Owned {
  readonly samples: number;
  /** Samples with nobody, with one and with more than one member leading to the port. */
  readonly nobody: number;
  readonly one: number;
  readonly several: number;
  /** Longest time between two samples, ms: what is shorter than this may have been missed. */
  readonly longestGapMs: number;
}

type Reading = (table: FlowTable, ports: readonly SwitchPort[]) => readonly string[];

/**
 * Whose packets the switch lets through to an outside port, by its own flow entries and groups: read through the bridge's local
 * management socket, a connection of its own that never asks for the lead. What a member sends to all is followed through the
 * table, dead links as the switch tells them; what the switch is asked to send is not asked of those who asked for it.
 */
export class OwnerWatch implements AsyncDisposable {
  readonly #samples: Ownership[] = [];
  readonly #ended = new AbortController();
  readonly #running: Promise<void>;

  /** `members`: their names by switch port. */
  constructor(socketPath: string, outsidePort: string, members: ReadonlyMap<string, string>) {
    this.#running = this.#run(socketPath, (table, ports) => ownersOf(table, ports, outsidePort, members));
  }

  between(fromMs: number, toMs: number): Owned {
    return ownedBy(this.#samples.filter(({ at }) => at >= fromMs && at <= toMs));
  }

  async #run(path: string, read: Reading): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      await this.#watchOnce(path, read).catch(() => {}); // A switch that is being killed is told by what it does not say.
      this.#samples.push({ at: systemClock.now(), members: null });
      await systemClock.sleep(AGAIN_AFTER_MS, signal).catch(() => {});
    }
  }

  async #watchOnce(path: string, read: Reading): Promise<void> {
    const { signal } = this.#ended;
    const socket = connect({ path });
    socket.on("error", () => {}); // "close" follows, and ends whatever is waited for.
    const end = () => socket.destroy();
    signal.addEventListener("abort", end);
    await once(socket, "connect", { signal });
    const greeted = await greet(socket);
    const dialect: Dialect = (greeted.version === OF13 ? dialect13 : dialect10)(socket, greeted, systemClock);
    dialect.open({ heard: () => {}, closed: () => {} });
    try {
      while (!signal.aborted) {
        const book = new PortBook();
        const { ports } = await dialect.introduce();
        for (const port of ports) book.put(port);
        const table = await dialect.read(book, () => {});
        this.#samples.push({ at: systemClock.now(), members: read(table, ports) });
        await systemClock.sleep(LOOK_EVERY_MS, signal);
      }
    } finally {
      signal.removeEventListener("abort", end);
      dialect.close("seen enough");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    await this.#running;
  }
}

/** The members whose broadcasts leave by this outside port, sorted. */
export function ownersOf(
  table: FlowTable,
  ports: readonly SwitchPort[],
  outsidePort: string,
  members: ReadonlyMap<string, string>,
): string[] {
  const dead = ports.filter((p) => p.linkDown).map((p) => p.name);
  const there = new Set(ports.map((p) => p.name));
  const gone = table.groups.flatMap((g) => g.buckets.flatMap((b) => b.watchPort ?? [])).filter((name) => !there.has(name));
  return [...members]
    .filter(([port]) => there.has(port) && !dead.includes(port))
    .filter(([port]) => led(table, port, BROADCAST, [...dead, ...gone]).includes(outsidePort))
    .map(([, name]) => name)
    .sort();
}

export function ownedBy(samples: readonly Ownership[]): Owned {
  const read = samples.filter((s) => s.members !== null);
  const having = (fits: (n: number) => boolean) => read.filter((s) => fits(s.members?.length ?? 0)).length;
  const gaps = read.slice(1).map((s, i) => s.at - read[i]!.at);
  return {
    samples: read.length,
    nobody: having((n) => n === 0),
    one: having((n) => n === 1),
    several: having((n) => n > 1),
    longestGapMs: gaps.length === 0 ? 0 : Math.max(...gaps),
  };
}
