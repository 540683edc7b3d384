import { Fault } from "../../src/lib/fault.ts";
import { type FlowChange, type FlowPhases, type FlowTable, PROBE_MAC } from "../../src/model/flow.ts";
import { type DatapathId, portNo } from "../../src/model/ids.ts";
import { ABILITIES, type Abilities, type Applied, type SwitchEvent, type SwitchPort } from "../../src/model/switch.ts";
import { afterChanges } from "../../src/steer/changes.ts";
import type { CountedPort, FlowSwitch } from "../../src/switch/flow-switch.ts";
import { macBytes } from "../../src/wire/arp.ts";
import type { Chance } from "./chance.ts";
import type { Life, SimClock } from "./sim-clock.ts";
import { CONTROLLER, traced } from "./trace.ts";

const DATAPATH = "0000000000000001" as DatapathId;
const PROBE_MAC_BYTES = macBytes(PROBE_MAC);
const LATENCY_MS = [0.1, 0.6] as const;
const PACKET_MS = [0.05, 0.4] as const;
const NOT_COUNTED = { rxBytes: null, txBytes: null, rxDropped: null, txDropped: null } as const;

/**
 * An OpenFlow switch: a flow table that really leads packets, ports that come and go, and one controller's session. It keeps its table when
 * the session ends (fail-mode secure).
 */
export class FakeSwitch {
  readonly ports = new Map<string, SwitchPort>();
  readonly sim: SimClock;
  readonly chance: Chance;
  readonly version: "1.0" | "1.3";
  table: FlowTable = { entries: [], groups: [] };
  session: FakeSession | null = null;
  /** Added to each answer, ms. */
  slowMs = 0;
  /** Share of the controller's frames that are lost, each way. */
  loss = 0;
  /** When frames were lost last. */
  lossyAtMs = Number.NEGATIVE_INFINITY;
  /** So many of the next changes are refused. */
  refusals = 0;
  refusedAtMs = Number.NEGATIVE_INFINITY;
  /** Messages that changed the table since it was made. */
  changes = 0;
  /** Called after every single change of the table or of a port. */
  changed: (what: () => string, isBetween: boolean) => void = () => {};
  /** A frame that leaves a port towards whatever is behind it. */
  out: (port: string, frame: Uint8Array) => void = () => {};
  /** Called before the counters are told: what others have sent until now is counted. */
  flow: () => void = () => {};
  readonly #counted = new Map<string, { tx: number; rx: number }>();
  #portNo = 0;

  constructor(sim: SimClock, chance: Chance, version: "1.0" | "1.3") {
    this.sim = sim;
    this.chance = chance;
    this.version = version;
  }

  isLive = (port: string): boolean => this.ports.get(port)?.linkDown === false;

  /** The controller accepts. `tell` hears what a listener would tell. */
  connect(life: Life, tell: (e: SwitchEvent) => void): void {
    const session = new FakeSession(this, life, tell);
    this.session = session;
    life.reach(() => this.session === session && tell({ type: "up", datapath: DATAPATH, ports: [...this.ports.values()] }));
  }

  /** The connection ends. What is on its way is lost. */
  cut(why: string): void {
    const { session } = this;
    this.session = null;
    session?.ended(why);
  }

  /** As a restart: the table is lost, and the connection with it. */
  restart(): void {
    this.cut("the switch restarted");
    this.table = { entries: [], groups: [] };
    this.#counted.clear();
    this.changed(() => "the switch restarts with an empty table", false);
  }

  setPort(name: string, linkDown: boolean): void {
    const had = this.ports.get(name);
    if (had?.linkDown === linkDown) return;
    const port: SwitchPort = had
      ? { ...had, linkDown }
      : { name, no: portNo(++this.#portNo), mac: "02:00:00:00:00:01", linkDown };
    this.ports.set(name, port);
    this.changed(() => `switch port ${name} is ${linkDown ? "down" : "up"}`, false);
    this.session?.portTold(had ? "modify" : "add", port);
  }

  removePort(name: string): void {
    const port = this.ports.get(name);
    if (!port) return;
    this.ports.delete(name);
    this.session?.portTold("delete", port);
  }

  count(port: string, way: "tx" | "rx", packets = 1): void {
    const counted = this.countedAt(port);
    counted[way] += packets;
    this.#counted.set(port, counted);
  }

  countedAt(port: string): { tx: number; rx: number } {
    return this.#counted.get(port) ?? { tx: 0, rx: 0 };
  }

  /** A frame of the controller, or for it, is lost on its way. */
  loses(): boolean {
    if (this.loss === 0) return false;
    this.lossyAtMs = this.sim.now();
    return this.chance.is(this.loss);
  }

  /** A frame comes in from what is behind a port: here only answers to probes matter. */
  frameIn(inPort: string, frame: Uint8Array): void {
    if (!this.isLive(inPort) || this.loses()) return;
    this.count(inPort, "rx");
    const toUs = PROBE_MAC_BYTES.every((b, i) => frame[i] === b);
    const left = traced(this.table, { inPort, vlan: null, ethDst: toUs ? PROBE_MAC : "ff:ff:ff:ff:ff:ff" }, this.isLive);
    if (left.some((l) => l.port === CONTROLLER)) this.session?.packetTold(inPort, frame);
  }

  carryOut(phases: FlowPhases): void {
    for (const [i, phase] of phases.entries()) {
      phase.forEach((change, j) => {
        this.#one(change, j < phase.length - 1 || i < phases.length - 1);
      });
    }
  }

  #one(change: FlowChange, isBetween: boolean): void {
    this.table = afterChanges(this.table, [[change]]);
    this.changes++;
    this.changed(() => textOf(change), isBetween);
  }
}

/** One controller's connection; messages of one direction stay in order. */
class FakeSession implements FlowSwitch {
  readonly datapath = DATAPATH;
  readonly abilities: Abilities;
  readonly ports: Map<string, SwitchPort>;
  portsVersion = 0;
  readonly #switch: FakeSwitch;
  readonly #life: Life;
  readonly #tell: (e: SwitchEvent) => void;
  readonly #waiting = new Set<(why: string) => void>();
  readonly #sent = new Map<string, number>();
  readonly #handed = new Map<string, number>();
  #toSwitchMs = 0;
  #toUsMs = 0;
  #endedWhy: string | null = null;

  constructor(of: FakeSwitch, life: Life, tell: (e: SwitchEvent) => void) {
    this.#switch = of;
    this.#life = life;
    this.#tell = tell;
    this.abilities = ABILITIES[of.version];
    this.ports = new Map(of.ports);
  }

  read(): Promise<FlowTable> {
    return this.#ask(() => this.#switch.table);
  }

  apply(phases: FlowPhases): Promise<Applied> {
    const onWireAt = this.#switch.sim.now();
    const missing = phases
      .flat()
      .flatMap(portsOf)
      .find((p) => !this.ports.has(p) && !p.startsWith("#"));
    if (missing !== undefined)
      return Promise.reject(new Fault("SWITCH_REFUSED", `the switch has no port ${missing}`, { port: missing }));
    return this.#ask(() => {
      const isRefused = phases.length > 0 && this.#switch.refusals > 0;
      if (isRefused) this.#switch.refusedAtMs = this.#switch.sim.now();
      this.#switch.carryOut(isRefused ? [phases[0]!.slice(1), ...phases.slice(1)] : phases);
      if (isRefused) {
        this.#switch.refusals--;
        const change = textOf(phases[0]![0]!);
        throw new Fault("SWITCH_REFUSED", `FLOW_MOD_FAILED/EPERM for ${change}`, { change, error: "FLOW_MOD_FAILED/EPERM" });
      }
      return () => ({ changes: phases.flat().length, onWireAt, barrierAt: this.#switch.sim.now() });
    }).then((made) => made());
  }

  packetOut(port: string, frame: Uint8Array): void {
    if (!this.ports.has(port)) throw new Fault("SWITCH_REFUSED", `the switch has no port ${port}`, { port });
    this.#sent.set(port, (this.#sent.get(port) ?? 0) + 1);
    this.#send(() => {
      if (!this.#switch.isLive(port) || this.#switch.loses()) return;
      this.#switch.count(port, "tx");
      this.#switch.out(port, frame);
    });
  }

  async portCounters(): Promise<Map<string, CountedPort>> {
    const sent = new Map(this.#sent);
    const counted = await this.#ask(() => {
      this.#switch.flow();
      return [...this.#switch.ports.keys()].map((port) => ({ port, ...this.#switch.countedAt(port) }));
    });
    const ownOf = (port: string) => ({ sent: sent.get(port) ?? 0, heard: this.#handed.get(port) ?? 0 });
    return new Map(
      counted.map(({ port, tx, rx }) => [
        port,
        { ...NOT_COUNTED, txPackets: BigInt(tx), rxPackets: BigInt(rx), own: ownOf(port) },
      ]),
    );
  }

  /** Changes are kept as they are asked for: there are no bytes. */
  encode(): void {}

  inOneWrite(send: () => void): void {
    send();
  }

  portTold(reason: "add" | "modify" | "delete", port: SwitchPort): void {
    this.#answer(() => {
      if (this.ports.get(port.name)?.no !== port.no || reason === "delete") this.portsVersion++;
      if (reason === "delete") this.ports.delete(port.name);
      else this.ports.set(port.name, port);
      this.#tell({ type: "port", datapath: DATAPATH, reason, port, seenAt: this.#switch.sim.now() });
    });
  }

  packetTold(inPort: string, frame: Uint8Array): void {
    this.#answer(() => {
      this.#handed.set(inPort, (this.#handed.get(inPort) ?? 0) + 1);
      this.#tell({ type: "packetIn", datapath: DATAPATH, inPort, frame, seenAt: this.#switch.sim.now() });
    });
  }

  ended(why: string): void {
    this.#endedWhy = why;
    this.#life.reach(() => {
      for (const fail of [...this.#waiting]) fail(why);
      this.#tell({ type: "down", datapath: DATAPATH, why });
    });
  }

  #ask<T>(act: () => T): Promise<T> {
    if (!this.#life.step()) return new Promise(() => {});
    return new Promise<T>((resolve, reject) => {
      const fail = (why: string) => {
        this.#waiting.delete(fail);
        reject(new Fault("SWITCH_NOT_CONNECTED", why));
      };
      if (this.#endedWhy !== null) return fail(this.#endedWhy);
      this.#waiting.add(fail);
      this.#send(() => {
        let done: () => void;
        try {
          const result = act();
          done = () => resolve(result);
        } catch (e) {
          done = () => reject(e);
        }
        this.#answer(() => {
          this.#waiting.delete(fail);
          done();
        });
      });
    });
  }

  /** What was sent before the controller was killed still arrives; what was on its way when the connection broke does not. */
  #send(arrived: () => void): void {
    const { sim, chance, slowMs } = this.#switch;
    this.#toSwitchMs = Math.max(this.#toSwitchMs, sim.now() + chance.between(...LATENCY_MS) + slowMs);
    sim.after(this.#toSwitchMs - sim.now(), () => {
      if (this.#endedWhy === null) arrived();
    });
  }

  #answer(arrived: () => void): void {
    const { sim, chance } = this.#switch;
    this.#toUsMs = Math.max(this.#toUsMs, sim.now() + chance.between(...PACKET_MS));
    sim.after(this.#toUsMs - sim.now(), () => {
      this.#life.reach(() => this.#endedWhy === null && arrived());
    });
  }
}

function portsOf(change: FlowChange): string[] {
  if (change.op === "deleteGroup") return [];
  if ("group" in change)
    return change.group.buckets.flatMap((b) => [
      ...(b.watchPort === null ? [] : [b.watchPort]),
      ...b.actions.flatMap((a) => (a.do === "output" ? [a.port] : [])),
    ]);
  if (change.op === "deleteEntry") return [];
  const { match, actions } = change.entry;
  return [...(match.inPort === undefined ? [] : [match.inPort]), ...actions.flatMap((a) => (a.do === "output" ? [a.port] : []))];
}

function textOf(change: FlowChange): string {
  if (change.op === "deleteGroup") return `${change.op} ${change.groupId.toString(16)}`;
  if ("group" in change) return `${change.op} ${change.group.id.toString(16)} ${JSON.stringify(change.group.buckets)}`;
  return `${change.op} ${change.entry.priority} ${JSON.stringify(change.entry.match)} → ${JSON.stringify(change.entry.actions)}`;
}
