import type { DomainSpec } from "../../src/hosts/domain-xml.ts";
import type { HostEvent, HostServer } from "../../src/hosts/host.ts";
import { Fault } from "../../src/lib/fault.ts";
import type { Evidence, Source } from "../../src/model/evidence.ts";
import type { ServerId } from "../../src/model/ids.ts";
import type { ComputeHost, Plugs } from "../../src/vim/compute.ts";
import { arpIn, arpReply } from "../../src/wire/arp.ts";
import type { Chance } from "./chance.ts";
import type { FakeSwitch } from "./fake-switch.ts";
import { type Life, never, type SimClock } from "./sim-clock.ts";

type State = "running" | "paused" | "shutoff";

/** How late each source tells of an end, ms: kernel, QEMU's monitor, libvirt. */
const LATE_MS = { processExit: [0.3, 2], qmp: [0.5, 8], libvirt: [20, 2_000] } as const satisfies Partial<
  Record<Source, readonly [number, number]>
>;
const BOOT_MS = [300, 3_000] as const;

export interface Guest {
  readonly id: ServerId;
  readonly name: string;
  readonly taps: readonly string[];
  readonly mac: string;
  readonly ip: string;
  state: State;
  /** What libvirt takes it for: late after a death that it did not bring about. */
  listed: State;
  isHung: boolean;
  /** Its cable is out. */
  isCut: boolean;
  answersFromMs: number;
  /** When it last ceased to serve; -Infinity: never. */
  failedAtMs: number;
  /** Of lives: grows with each start. */
  life: number;
}

/** How sources tell, for a while: each end is told late, twice, or not by all. */
export interface Telling {
  lateFactor: number;
  twice: number;
  lost: number;
}

/** A compute host with its guests, as libvirt, QEMU and the kernel show them. */
export class FakeHost {
  readonly guests = new Map<ServerId, Guest>();
  readonly telling: Telling = { lateFactor: 1, twice: 0, lost: 0 };
  isAway = false;
  readonly #sim: SimClock;
  readonly #chance: Chance;
  readonly #switch: FakeSwitch;
  readonly #ipOf: (tap: string) => string;
  readonly #note: (what: string) => void;
  #listener: { readonly life: Life; readonly hear: (e: HostEvent) => void } | null = null;
  /** Verbs that stop or pause a guest, by us: for the invariant that a survivor is left alone. */
  touched: (guest: Guest, verb: string) => void = () => {};

  constructor(parts: {
    sim: SimClock;
    chance: Chance;
    fabric: FakeSwitch;
    ipOf: (tap: string) => string;
    note: (what: string) => void;
  }) {
    this.#sim = parts.sim;
    this.#chance = parts.chance;
    this.#switch = parts.fabric;
    this.#ipOf = parts.ipOf;
    this.#note = parts.note;
    this.#switch.out = (port, frame) => this.#frame(port, frame);
  }

  isServing(g: Guest): boolean {
    return g.state === "running" && !g.isHung && !g.isCut && this.#sim.now() >= g.answersFromMs;
  }

  guestOf(tap: string): Guest | undefined {
    for (const g of this.guests.values()) if (g.taps.includes(tap)) return g;
    return undefined;
  }

  /** A VIM begins to watch: it is told of every domain, as `Host` does when it joins libvirt. */
  watch(life: Life, hear: (e: HostEvent) => void): void {
    this.#listener = { life, hear };
    if (this.isAway) return;
    this.#readAll();
    this.#tellHost("up");
  }

  away(isAway: boolean): void {
    if (this.isAway === isAway) return;
    this.isAway = isAway;
    this.#tellHost(isAway ? "unreachable" : "up");
    if (isAway) return;
    for (const g of this.guests.values()) g.listed = g.state; // libvirtd has looked anew.
    this.#readAll();
  }

  /** The machine loses its power, and all that ran on it: nobody is left to tell, but the links are lost. */
  loses(): void {
    for (const g of this.guests.values()) {
      if (g.state === "shutoff") continue;
      this.#note(`${g.name} ends with its host`);
      Object.assign(g, { state: "shutoff", isHung: false, failedAtMs: this.#sim.now(), life: g.life + 1 });
      this.#links(g);
    }
    this.away(true);
  }

  /** What `Compute` asks of it, in the life of one VIM. */
  verbs(life: Life): ComputeHost {
    const ask = async <T>(low: number, high: number, act: () => T): Promise<T> => {
      if (!life.step()) return never<T>();
      await new Promise<void>((r) => this.#sim.after(this.#chance.between(low, high), r));
      const { isAway } = this;
      const result = isAway ? null : act();
      await new Promise<void>((r) => life.reach(r));
      if (isAway) throw new Fault("HOST_UNREACHABLE", "libvirtd does not answer");
      return result as T;
    };
    const guest = (id: ServerId) => this.guests.get(id);
    return {
      ensureRunning: async (spec, { paused = false, ready = Promise.resolve() } = {}) => {
        await ready;
        return ask(30, 300, () => {
          this.#start(spec, paused);
          return guest(spec.uuid as ServerId)!.listed;
        });
      },
      pause: (id) => ask(2, 20, () => this.#pause(guest(id), true)),
      resume: (id) => ask(2, 20, () => this.#resume(guest(id))),
      shutdown: (id) => ask(2, 20, () => void this.#sim.after(500, () => this.stop(guest(id)!, "shutdown by request"))),
      destroy: (id) => ask(10, 150, () => this.#destroy(guest(id))),
      ensureGone: (id) =>
        ask(10, 150, () => {
          this.#destroy(guest(id));
          this.guests.delete(id);
        }),
      copyDisk: () => ask(10, 150, () => {}),
      stateOf: (id) => ask(1, 6, () => guest(id)?.listed ?? null),
      domains: () =>
        ask(1, 6, () => [...this.guests.values()].map(({ id, name, listed }): HostServer => ({ id, name, state: listed }))),
    };
  }

  plugs(life: Life): Plugs {
    const ask = async (act: () => void): Promise<void> => {
      if (!life.step()) return never<void>();
      await new Promise<void>((r) => this.#sim.after(this.#chance.between(1, 10), r));
      act();
      if (life.isOver) return never<void>();
    };
    return {
      ensureTap: () => ask(() => {}),
      deleteTap: () => ask(() => {}),
      addPorts: (names) =>
        ask(() => {
          for (const name of names) if (!this.#switch.ports.has(name)) this.#switch.setPort(name, true);
        }),
      opened: () => ask(() => {}),
      removePort: (name) => ask(() => this.#switch.removePort(name)),
      ensureBridge: () => ask(() => {}),
    };
  }

  /** It ends, and every source tells in its time. */
  stop(g: Guest, why: string, isOurs = false): void {
    if (g.state === "shutoff") return;
    this.#note(`${g.name} ends: ${why}`);
    g.state = "shutoff";
    g.isHung = false;
    g.failedAtMs = this.#sim.now();
    if (isOurs) g.listed = "shutoff";
    this.#links(g);
    const { life } = g;
    const tell = (source: "processExit" | "qmp" | "libvirt", detail: string) =>
      this.#tellLate(
        source,
        g,
        "stopped",
        detail,
        isOurs && source === "libvirt" ? [1, 5] : LATE_MS[source],
        () => g.life === life,
      );
    const lost = this.#chance.is(this.telling.lost) ? this.#chance.one(["processExit", "qmp"] as const) : null;
    if (lost !== "processExit") tell("processExit", why);
    if (lost !== "qmp") tell("qmp", "end of file");
    tell("libvirt", why);
  }

  pause(g: Guest): void {
    this.#pause(g, false);
  }

  hang(g: Guest, isHung: boolean): void {
    if (g.isHung === isHung || (isHung && g.state !== "running")) return;
    this.#note(`${g.name} ${isHung ? "hangs" : "wakes up"}`);
    g.isHung = isHung;
    if (isHung) g.failedAtMs = this.#sim.now();
    else g.answersFromMs = this.#sim.now(); // What was seen of it until now still counts against it for a moment.
    this.#switch.changed(() => `${g.name} ${isHung ? "hangs" : "wakes up"}`, false);
  }

  cable(g: Guest, isCut: boolean): void {
    if (g.isCut === isCut) return;
    this.#note(`the cable of ${g.name} is ${isCut ? "out" : "back"}`);
    g.isCut = isCut;
    if (isCut) g.failedAtMs = this.#sim.now();
    this.#links(g);
  }

  #links(g: Guest): void {
    for (const tap of g.taps) if (this.#switch.ports.has(tap)) this.#switch.setPort(tap, g.state === "shutoff" || g.isCut);
  }

  #start(spec: DomainSpec, paused: boolean): void {
    const had = this.guests.get(spec.uuid as ServerId);
    if (had !== undefined && had.listed !== "shutoff") {
      if (had.listed === "paused" && !paused) this.#resume(had); // libvirt takes it for running: nothing is started.
      if (had.state !== "shutoff") this.#tell("qmp", had, had.state === "running" ? "running" : "paused", "status");
      return;
    }
    const id = spec.uuid as ServerId;
    const taps = spec.vnics.flatMap((v) => ("tap" in v && v.tap !== undefined ? [v.tap] : []));
    const mac = "02:00:5e:00:01:64";
    const g: Guest = had ?? {
      id,
      name: spec.name,
      taps,
      mac,
      ip: this.#ipOf(taps[0]!),
      state: "shutoff",
      listed: "shutoff",
      isHung: false,
      isCut: false,
      answersFromMs: 0,
      failedAtMs: Number.NEGATIVE_INFINITY,
      life: 0,
    };
    this.guests.set(id, g);
    g.state = paused ? "paused" : "running";
    g.listed = g.state;
    g.isHung = false;
    g.life++;
    g.answersFromMs = this.#sim.now() + this.#chance.between(...BOOT_MS);
    this.#note(`${g.name} starts (life ${g.life}), serves in ${Math.round(g.answersFromMs - this.#sim.now())} ms`);
    this.#links(g);
    this.#tell("qmp", g, paused ? "paused" : "running", "status");
  }

  #destroy(g: Guest | undefined): void {
    if (!g) return;
    this.touched(g, "destroy");
    if (g.state === "shutoff") g.listed = "shutoff";
    this.stop(g, "destroyed", true);
  }

  #pause(g: Guest | undefined, isOurs: boolean): void {
    if (g?.state !== "running") return;
    if (isOurs) this.touched(g, "pause");
    this.#note(`${g.name} is paused`);
    g.state = "paused";
    g.listed = "paused";
    g.failedAtMs = this.#sim.now();
    this.#switch.changed(() => `${g.name} is paused`, false);
    const { life } = g;
    this.#tellLate("qmp", g, "paused", "STOP", [0.5, 5], () => g.life === life && g.state === "paused");
    this.#tellLate("libvirt", g, "paused", "suspended", [2, 30], () => g.life === life && g.state === "paused");
  }

  #resume(g: Guest | undefined): void {
    if (g?.state !== "paused") return;
    this.#note(`${g.name} is resumed`);
    g.state = "running";
    g.listed = "running";
    this.#switch.changed(() => `${g.name} is resumed`, false);
    const { life } = g;
    this.#tellLate("qmp", g, "running", "RESUME", [0.5, 5], () => g.life === life && g.state === "running");
    this.#tellLate("libvirt", g, "running", "resumed", [2, 30], () => g.life === life && g.state === "running");
  }

  #readAll(): void {
    for (const g of this.guests.values()) {
      const says = g.listed === "shutoff" || g.state === "shutoff" ? "stopped" : g.listed;
      this.#tell("libvirt", g, says, g.listed);
      if (g.state !== "shutoff") this.#tell("qmp", g, g.state, "status");
    }
  }

  #tellLate(
    source: Source,
    g: Guest,
    says: Evidence["says"],
    detail: string,
    [low, high]: readonly [number, number],
    isStill: () => boolean,
  ): void {
    const times = this.#chance.is(this.telling.twice) ? 2 : 1;
    for (let i = 0; i < times; i++) {
      this.#sim.after(this.#chance.between(low, high) * this.telling.lateFactor, () => {
        if (source === "libvirt" && (this.isAway || !isStill())) return; // libvirtd that is away tells nothing; one that is back has read anew.
        if (source === "libvirt") g.listed = g.state;
        if (isStill()) this.#tell(source, g, says, detail);
      });
    }
  }

  #tell(source: Source, g: Guest, says: Evidence["says"], detail: string): void {
    const seenAt = this.#sim.now();
    this.#emit({ type: "evidence", evidence: { about: { kind: "server", id: g.id }, says, source, seenAt, detail } });
  }

  #tellHost(status: "up" | "unreachable"): void {
    const now = this.#sim.now();
    this.#emit({ type: "host", status, seenAt: now, sinceMs: now });
  }

  #emit(e: HostEvent): void {
    const { life, hear } = this.#listener ?? {};
    life?.reach(() => hear?.(e.type === "evidence" ? { ...e, evidence: { ...e.evidence, seenAt: this.#sim.now() } } : e));
  }

  /** The guest behind a port answers who it is, if it can. */
  #frame(port: string, frame: Uint8Array): void {
    const g = this.guestOf(port);
    const asked = arpIn(frame);
    if (!g || !asked || asked.toIp !== g.ip) return;
    this.#sim.after(this.#chance.between(0.1, 1.5), () => {
      if (this.isServing(g)) this.#switch.frameIn(port, arpReply({ mac: g.mac, ip: g.ip }, asked.from));
    });
  }
}
