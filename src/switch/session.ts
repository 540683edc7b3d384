import type { Socket } from "node:net";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { FlowPhases, FlowTable } from "../model/flow.ts";
import type { DatapathId } from "../model/ids.ts";
import { ABILITIES, type Abilities, type Applied, type SwitchEvent, type SwitchPort } from "../model/switch.ts";
import { OF13, type VersionName } from "../wire/openflow/hello.ts";
import type { BatchResult } from "./channel.ts";
import { describeChange } from "./describe-change.ts";
import type { Dialect, Heard } from "./dialect.ts";
import { dialect10 } from "./dialect10.ts";
import { dialect13 } from "./dialect13.ts";
import type { CountedPort, FlowSwitch, OwnPackets } from "./flow-switch.ts";
import type { Greeted } from "./greet.ts";
import { type KeepAlivePolicy, keepAlive } from "./keep-alive.ts";
import { PortBook } from "./ports.ts";

type InParts = "compare" | "count";

/**
 * One switch that accepted us as its controller. A change of it is one write: a bundle that takes effect as a whole, where the switch has
 * bundles, else with a barrier after each phase. Of one that is refused it has carried out the rest or, of a bundle, perhaps nothing.
 */
export interface SwitchSession extends Required<Omit<FlowSwitch, InParts>>, Pick<FlowSwitch, InParts> {
  readonly version: VersionName;
  close(why?: string): void;
}

export interface SessionOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly epoch: bigint;
  readonly keepAlive: KeepAlivePolicy;
  /** False refuses the switch. */
  readonly accept: (datapath: DatapathId) => boolean;
  readonly tell: (event: SwitchEvent) => void;
  /** Told once, when a session that was up has ended. */
  readonly ended: (session: SwitchSession, why: string) => void;
}

/**
 * After the hello: features, ports, role, configuration. Resolves when the switch may be written to. Rejects with ProtocolError,
 * Fault STALE_EPOCH, SWITCH_REFUSED or SWITCH_NOT_CONNECTED; the socket is closed then.
 */
export async function openSession(socket: Socket, greeted: Greeted, options: SessionOptions): Promise<Session> {
  const dialect = (greeted.version === OF13 ? dialect13 : dialect10)(socket, greeted, options.clock);
  const session = new Session(dialect, options, socket);
  try {
    await session.join();
    return session;
  } catch (e) {
    dialect.close("the session did not come up");
    throw e;
  }
}

export class Session implements SwitchSession {
  readonly #dialect: Dialect;
  readonly #options: SessionOptions;
  readonly #socket: Socket;
  readonly #book = new PortBook();
  readonly #life = new AbortController();
  readonly #sent = new Map<string, number>();
  readonly #handed = new Map<string, number>();
  #datapath = "" as DatapathId;
  /** Heard while joining: told after, because the list of ports it belongs to may not be read yet. Null once up. */
  #early: { readonly what: Heard; readonly at: number }[] | null = [];
  #endedWhy: string | null = null;

  constructor(dialect: Dialect, options: SessionOptions, socket: Socket) {
    this.#dialect = dialect;
    this.#options = options;
    this.#socket = socket;
  }

  get datapath(): DatapathId {
    return this.#datapath;
  }

  /** Why the connection has ended; null while it stands. */
  get endedWhy(): string | null {
    return this.#endedWhy;
  }

  get version(): VersionName {
    return this.#dialect.version;
  }

  get abilities(): Abilities {
    return ABILITIES[this.version];
  }

  get ports(): ReadonlyMap<string, SwitchPort> {
    return this.#book.byName;
  }

  async join(): Promise<void> {
    this.#dialect.open({ heard: (what, at) => this.#heard(what, at), closed: (why) => this.#closed(why) });
    const { datapath, ports } = await this.#dialect.introduce();
    if (!this.#options.accept(datapath))
      throw new Fault("SWITCH_REFUSED", `datapath ${datapath} is not one of ours`, { datapath });
    this.#datapath = datapath;
    for (const port of ports) this.#book.put(port);
    await this.#lead(datapath);
  }

  /** A stale epoch is told as an event too: it means that this whole process is no leader any more. */
  async #lead(datapath: DatapathId): Promise<void> {
    try {
      await this.#dialect.takeLead(this.#options.epoch);
    } catch (e) {
      if (e instanceof Fault && e.code === "STALE_EPOCH") this.#options.tell({ type: "refused", datapath, error: e.message });
      throw e;
    }
  }

  /** Tells "up", then what was heard meanwhile, and begins to watch that the switch answers. */
  start(): void {
    const early = this.#early ?? [];
    this.#early = null;
    for (const { what } of early) if (what.type === "port") this.#note(what);
    this.#options.tell({ type: "up", datapath: this.#datapath, ports: [...this.#book.byName.values()] });
    for (const { what, at } of early) if (what.type !== "port") this.#heard(what, at);
    const dialect = this.#dialect;
    const peer = {
      get bytesRead() {
        return dialect.bytesRead;
      },
      echo: () => dialect.echo(),
      expire: () => dialect.expire(),
      lost: (why: string) => dialect.close(why),
    };
    void keepAlive(peer, this.#options.keepAlive, this.#options.clock, this.#life.signal);
  }

  read(): Promise<FlowTable> {
    return this.#dialect.read(this.#book, (what) => this.#strange(what));
  }

  #strange(what: string): void {
    this.#options.log.warn({ datapath: this.#datapath, what }, "entry with our cookie that is not of our making");
  }

  get compare(): FlowSwitch["compare"] {
    const { compare } = this.#dialect;
    return compare && ((want, part) => compare(this.#book, (what) => this.#strange(what), want, part));
  }

  get count(): FlowSwitch["count"] {
    return this.#dialect.count;
  }

  get portsVersion(): number {
    return this.#book.version;
  }

  encode(phases: FlowPhases): void {
    this.#dialect.encode(phases, this.#book);
  }

  async apply(phases: FlowPhases): Promise<Applied> {
    const full = phases.filter((phase) => phase.length > 0);
    const changes = full.reduce((sum, phase) => sum + phase.length, 0);
    const result = await this.#dialect.apply(full.length > 0 ? full : [[]], this.#book);
    if (result.refused.length > 0) throw refusal(this.#datapath, full, result);
    return { changes, onWireAt: result.onWireAt, barrierAt: result.barrierAt };
  }

  packetOut(port: string, frame: Uint8Array): void {
    this.#dialect.packetOut(this.#book.noOf(port), frame);
    this.#sent.set(port, (this.#sent.get(port) ?? 0) + 1);
  }

  inOneWrite(send: () => void): void {
    this.#socket.cork();
    try {
      send();
    } finally {
      this.#socket.uncork();
    }
  }

  async portCounters(of?: ReadonlySet<string>): Promise<Map<string, CountedPort>> {
    const sent = new Map(this.#sent); // The switch carries out what was sent before this request before it answers it.
    const counters = await this.#dialect.counters(this.#book, of);
    const ownOf = (port: string): OwnPackets => ({ sent: sent.get(port) ?? 0, heard: this.#handed.get(port) ?? 0 });
    return new Map([...counters].map(([port, row]) => [port, { ...row, own: ownOf(port) }]));
  }

  close(why = "closed by us"): void {
    this.#dialect.close(why);
  }

  #heard(what: Heard, seenAt: number): void {
    if (this.#early !== null) {
      this.#early.push({ what, at: seenAt });
      return;
    }
    const datapath = this.#datapath;
    switch (what.type) {
      case "port":
        this.#note(what);
        this.#options.tell({ type: "port", datapath, reason: what.reason, port: what.port, seenAt });
        return;
      case "packetIn": {
        const inPort = this.#book.nameOf(what.inPort);
        this.#handed.set(inPort, (this.#handed.get(inPort) ?? 0) + 1);
        this.#options.tell({ type: "packetIn", datapath, inPort, frame: what.frame, seenAt });
        return;
      }
      case "refused":
        this.#options.tell({ type: "refused", datapath, error: what.error });
    }
  }

  #note(what: Extract<Heard, { readonly type: "port" }>): void {
    if (what.reason === "delete") this.#book.remove(what.port);
    else this.#book.put(what.port);
  }

  #closed(why: string): void {
    this.#endedWhy = why;
    this.#life.abort();
    if (this.#early === null) this.#options.ended(this, why);
  }
}

/** The Fault for the first change that the switch refused. */
function refusal(datapath: DatapathId, phases: FlowPhases, { refused }: BatchResult): Fault {
  const { phase, index, error } = refused[0]!;
  const change = phases[phase]?.[index];
  const what = change === undefined ? "the whole" : describeChange(change);
  return new Fault("SWITCH_REFUSED", `${error} for ${what}`, { datapath, change: what, error, refused: refused.length });
}
