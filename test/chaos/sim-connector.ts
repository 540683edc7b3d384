import { FAULTS, Fault } from "../../src/lib/fault.ts";
import type { ArmedProtection } from "../../src/model/armed.ts";
import type { GroupId, NetId, ServerId, VimPortId, VnfcId } from "../../src/model/ids.ts";
import type { VimEvent } from "../../src/model/vim-event.ts";
import type { ServerTask } from "../../src/model/vim-picture.ts";
import type { Vim } from "../../src/vim/vim.ts";
import type { Bound, Inventory, NetSpec, OutsidePortSpec, ServerSpec, VimConnector } from "../../src/vimconn/connector.ts";
import type { Chance } from "./chance.ts";
import { type Life, never, type SimClock } from "./sim-clock.ts";
import { DiskFull } from "./sim-store.ts";
import type { VimLife } from "./vim-life.ts";

// The limits of src/vimconn/openvim.ts.
const ASK_TIMEOUT_MS = 5_000;
const BIND_TIMEOUT_MS = 2_000;
const STREAM_SILENCE_MS = 3_500;
const RESEND_MS = 100;

/** The way between MANO and VIM. */
export interface Wire {
  /** Nothing comes through, and nobody is told so. */
  isSilent: boolean;
  /** Added to each message, ms. */
  slowMs: number;
  /** Share of messages that come twice. */
  repeats: number;
  /** Cuts every event stream. */
  readonly streams: Set<(why: string) => void>;
}

/** What was answered with success: from there on it must survive everything. */
export interface Acked {
  readonly binds: Map<NetId, NetId | null>;
  readonly armed: Map<GroupId, number>;
  /** By server: the life of it whose port was closed. */
  readonly fences: Map<ServerId, number>;
}

const named = <T extends { name: string }>(all: ReadonlyMap<unknown, T>, name: string): T =>
  [...all.values()].find((x) => x.name === name)!;

/** What one MANO's run asks of the VIM's present run, with the failures that HTTP would have: the contract of src/vimconn/openvim.ts. */
export class SimConnector implements VimConnector {
  readonly #sim: SimClock;
  readonly #chance: Chance;
  readonly #life: Life;
  readonly #wire: Wire;
  readonly #vim: () => VimLife | null;
  /** A failure that is no Fault would be HTTP 500. */
  readonly #bug: (e: unknown) => void;
  readonly #acked: Acked;
  readonly #lifeOf: (server: ServerId) => number | undefined;

  constructor(parts: {
    sim: SimClock;
    chance: Chance;
    life: Life;
    wire: Wire;
    vim: () => VimLife | null;
    bug: (e: unknown) => void;
    acked: Acked;
    lifeOf: (server: ServerId) => number | undefined;
  }) {
    this.#sim = parts.sim;
    this.#chance = parts.chance;
    this.#life = parts.life;
    this.#wire = parts.wire;
    this.#vim = parts.vim;
    this.#bug = parts.bug;
    this.#acked = parts.acked;
    this.#lifeOf = parts.lifeOf;
  }

  [Symbol.dispose](): void {}

  inventory(signal: AbortSignal): Promise<Inventory> {
    const startedAt = this.#sim.now();
    return this.#ask(ASK_TIMEOUT_MS, signal, async ({ picture, protections, facts, hostStates, paths, condition }) => ({
      startedAt,
      servers: new Map(
        [...picture.servers.values()].map(({ id, name, description, status, lastError, hostId, task }) => [
          id,
          {
            ...{ id, name, description, status, lastError, hostId, task },
            ...{ hostState: hostStates.of(hostId)?.state ?? null, antiAffinity: null },
          },
        ]),
      ),
      ports: [...picture.ports.values()].map((p) => ({
        ...p,
        fenced: p.kind === "instance:data" ? p.fenced : null,
        opinions: Object.fromEntries(protections.opinionsOf(p.id)),
        stale: facts.isStale(p),
      })),
      nets: new Map(picture.nets),
      hosts: null,
      paths: new Map(paths.list().map((p) => [p.netId, p])),
      condition: condition.now(),
    }));
  }

  portCounts(signal: AbortSignal) {
    return this.#ask(ASK_TIMEOUT_MS, signal, ({ counters }) => counters.list());
  }

  serverUsage(signal: AbortSignal) {
    return this.#ask(ASK_TIMEOUT_MS, signal, ({ usages }) => usages.list());
  }

  sourcesOf({ image, flavor }: ServerSpec, signal: AbortSignal) {
    return this.#ask(ASK_TIMEOUT_MS, signal, async ({ picture }) => ({
      imageRef: named(picture.images, image).id,
      flavorRef: named(picture.flavors, flavor).id,
    }));
  }

  async ensureServers(specs: readonly ServerSpec[], signal: AbortSignal): Promise<void> {
    for (const spec of specs) await this.#ensureServer(spec, signal);
  }

  async #ensureServer(spec: ServerSpec, signal: AbortSignal): Promise<void> {
    if (await this.#ask(ASK_TIMEOUT_MS, signal, async ({ picture }) => picture.servers.has(spec.id))) return;
    await this.#ask(ASK_TIMEOUT_MS, signal, async ({ picture, servers }) => {
      await servers.createServer({
        id: spec.id,
        name: spec.name,
        description: spec.description,
        tenantId: [...picture.tenants.keys()][0]!,
        flavorId: named(picture.flavors, spec.flavor).id,
        imageId: named(picture.images, spec.image).id,
        kernelCmdline: spec.kernelCmdline ?? undefined,
        start: "yes",
        vnics: spec.nics.map((n) => ({ netId: n.netId, name: n.name, ip: n.ip ?? undefined })),
      });
    });
  }

  startServer(id: ServerId, signal: AbortSignal): Promise<void> {
    return this.#act(id, "start", signal);
  }

  movePort(): Promise<void> {
    return Promise.reject(new Error("nobody connects VNFs otherwise here"));
  }

  stopServer(): Promise<void> {
    return Promise.reject(new Error("nobody stops VNFs here"));
  }

  pauseServer(id: ServerId, signal: AbortSignal): Promise<void> {
    return this.#act(id, "pause", signal);
  }

  rebuildServer(id: ServerId, signal: AbortSignal): Promise<void> {
    return this.#act(id, "rebuild", signal);
  }

  evacuateServer(): Promise<void> {
    return Promise.reject(new Fault("VIM_REFUSED", "HTTP 400: there is one host only"));
  }

  resumeServer(id: ServerId, signal: AbortSignal): Promise<void> {
    return this.#act(id, "resume", signal);
  }

  rebootServer(id: ServerId, signal: AbortSignal): Promise<void> {
    return this.#act(id, "powerCycle", signal);
  }

  async deleteServer(id: ServerId, signal: AbortSignal): Promise<void> {
    await this.#ask(ASK_TIMEOUT_MS, signal, (vim) => vim.servers.deleteServer(id, { asksGuest: false })).catch(unlessGone);
  }

  async ensureNet({ id, name }: NetSpec, signal: AbortSignal): Promise<void> {
    await this.#ask(ASK_TIMEOUT_MS, signal, async (vim) => {
      if (!vim.picture.nets.has(id)) await vim.nets.createNet({ id, name, kind: "data", shared: true });
    });
  }

  deleteNet(id: NetId, signal: AbortSignal): Promise<void> {
    return this.#ask(ASK_TIMEOUT_MS, signal, (vim) => vim.nets.deleteNet(id));
  }

  async ensureOutsidePort(spec: OutsidePortSpec, signal: AbortSignal): Promise<void> {
    await this.#ask(ASK_TIMEOUT_MS, signal, async (vim) => {
      if (!vim.picture.ports.has(spec.id)) await vim.ports.createPort(spec);
    });
  }

  async deleteOutsidePort(id: VimPortId, signal: AbortSignal): Promise<void> {
    await this.#ask(ASK_TIMEOUT_MS, signal, (vim) => vim.ports.deletePort(id)).catch(unlessGone);
  }

  changeBind(trafficNet: NetId, dataNet: NetId | null, copyNet: NetId | null = null): Promise<Bound> {
    return this.#ask(BIND_TIMEOUT_MS, undefined, async (vim) => {
      const applied = await vim.binds.changeBind(trafficNet, dataNet, copyNet);
      this.#acked.binds.set(trafficNet, dataNet);
      return applied === null ? { pending: true } : { pending: false, onWireMs: applied.onWireAt, barrierMs: applied.barrierAt };
    });
  }

  async arm(protection: ArmedProtection, signal: AbortSignal): Promise<void> {
    await this.#ask(ASK_TIMEOUT_MS, signal, async (vim) => {
      await vim.protections.arm(protection);
      this.#acked.armed.set(protection.id, protection.revision);
    });
  }

  async armed(id: GroupId, signal: AbortSignal): Promise<ArmedProtection | null> {
    const view = await this.#ask(ASK_TIMEOUT_MS, signal, async (vim) => vim.protections.get(id)).catch(unlessGone);
    if (!view) return null;
    const { name, revision, holdOffMs, probe, guestHeartbeat, traffic } = view;
    return {
      id,
      name,
      revision,
      holdOffMs,
      probe,
      guestHeartbeat,
      traffic,
      members: view.members.map(({ fenced: _, ...m }) => m),
      plans: view.plans.map(({ failed, moves, because }) => ({ failed, moves, because })),
    };
  }

  async disarm(id: GroupId, signal: AbortSignal): Promise<void> {
    this.#acked.armed.delete(id);
    await this.#ask(ASK_TIMEOUT_MS, signal, (vim) => vim.protections.disarm(id)).catch(unlessGone);
  }

  async fence(id: GroupId, member: VnfcId, signal: AbortSignal, options = { unlessLast: false }): Promise<void> {
    await this.#ask(ASK_TIMEOUT_MS, signal, async (vim) => {
      const { serverId } = vim.picture.protections.get(id)?.members.find((m) => m.id === member) ?? {};
      const life = serverId ? this.#lifeOf(serverId) : undefined;
      await vim.protections.fence(id, member, options.unlessLast ? "unlessLast" : "always");
      if (serverId && life !== undefined) this.#acked.fences.set(serverId, life);
    });
  }

  async liftFence(id: GroupId, member: VnfcId, signal: AbortSignal): Promise<void> {
    await this.#ask(ASK_TIMEOUT_MS, signal, (vim) => vim.protections.lift(id, member));
  }

  async netConnection(net: NetId): Promise<NetId | null> {
    return net;
  }

  async netBind(net: NetId, signal: AbortSignal): Promise<readonly NetId[]> {
    const bound = (vim: Vim) => [...vim.picture.nets.values()].filter((n) => n.bindNet === net).map((n) => n.id);
    return this.#ask(ASK_TIMEOUT_MS, signal, async (vim) => bound(vim));
  }

  async reinstallAll(signal: AbortSignal): Promise<void> {
    await this.#ask(ASK_TIMEOUT_MS, signal, (vim) => vim.fabric.reinstall());
  }

  /** As `streamEvents` of src/api/event-stream.ts: what came after `since`, then everything, each once and in order. */
  async subscribe(
    since: number | null,
    listener: { onOpen(): void; onEvents(events: readonly VimEvent[]): void },
    signal: AbortSignal,
  ): Promise<void> {
    const of = this.#vim();
    const past = await this.#ask(ASK_TIMEOUT_MS, signal, async ({ events }) => {
      const from = since !== null && since > events.lastSeq ? 0 : since;
      return { from, last: from ?? events.lastSeq, events };
    });
    if (of === null || of.life.isOver) throw unreachable("closed by the VIM");
    await new Promise<void>((_, reject) => {
      let { last } = past;
      let held: VimEvent[] | null = [];
      const underWay: VimEvent[] = [];
      let lastAtMs = this.#sim.now();
      let isOver = false;
      let silentSinceMs: number | null = null;
      /** TCP keeps what does not come through and sends it again, in order. */
      const stall = () => {
        silentSinceMs ??= this.#sim.now();
        if (this.#sim.now() - silentSinceMs > STREAM_SILENCE_MS) cut(`nothing heard for ${STREAM_SILENCE_MS} ms`);
        else this.#sim.after(RESEND_MS, deliver);
      };
      const deliver = () => {
        if (isOver || this.#life.isOver || underWay.length === 0) return;
        if (this.#wire.isSilent) return stall();
        silentSinceMs = null;
        const events = underWay.splice(0);
        listener.onEvents(events);
        if (this.#isRepeated()) listener.onEvents(events);
      };
      const send = (event: VimEvent) => {
        if (event.seq <= last) return;
        last = event.seq;
        underWay.push(event);
        const atMs = Math.max(lastAtMs, this.#sim.now() + this.#latency());
        if (atMs > lastAtMs || underWay.length === 1) this.#sim.after(atMs - this.#sim.now(), () => this.#life.reach(deliver));
        lastAtMs = atMs;
      };
      const unsubscribe = past.events.subscribe((e) => (held ? held.push(e) : send(e)));
      const cut = (why: string) => {
        if (isOver) return;
        isOver = true;
        unsubscribe();
        this.#wire.streams.delete(cut);
        of.connections.delete(cut);
        if (!this.#life.isOver) reject(unreachable(`the event stream ended: ${why}`));
      };
      this.#wire.streams.add(cut);
      of.connections.add(cut);
      signal.addEventListener("abort", () => cut("aborted"), { once: true });
      listener.onOpen();
      const caughtUp = past.from === null ? Promise.resolve([]) : past.events.since(last, 1_000);
      void caughtUp.then((page) => {
        for (const e of page) send(e);
        for (const e of held ?? []) send(e);
        held = null;
      });
    });
  }

  #act(id: ServerId, task: ServerTask, signal: AbortSignal): Promise<void> {
    return this.#ask(ASK_TIMEOUT_MS, signal, (vim) => vim.servers.act(id, task));
  }

  #latency(): number {
    return this.#chance.between(0.15, 1.2) + this.#wire.slowMs;
  }

  /** Sends before it returns. The answer of a VIM that was killed meanwhile never comes: the connection is reset. */
  #ask<T>(timeoutMs: number, signal: AbortSignal | undefined, act: (vim: Vim) => Promise<T>): Promise<T> {
    if (!this.#life.step()) return never<T>();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const fail = (why: string) => {
      this.#life.reach(() => reject(unreachable(why)));
    };
    const offTimeout = this.#sim.after(timeoutMs, () => fail(`no answer within ${timeoutMs} ms`));
    const onAbort = () => fail("aborted");
    signal?.addEventListener("abort", onAbort, { once: true });
    void promise
      .catch(() => {})
      .finally(() => {
        offTimeout();
        signal?.removeEventListener("abort", onAbort);
      });
    this.#sim.after(this.#latency(), () => {
      if (this.#wire.isSilent) return;
      const of = this.#vim();
      if (of === null || of.life.isOver || of.vim === null) return fail("connection refused");
      of.connections.add(fail);
      const answer = (said: () => void) => {
        this.#sim.after(this.#latency(), () => {
          of.connections.delete(fail);
          if (!this.#wire.isSilent && !of.life.isOver) this.#life.reach(said);
        });
      };
      const { vim } = of;
      of.life.reach(() => {
        if (this.#isRepeated()) act(vim).catch((e: unknown) => this.#refused(e));
        act(vim).then(
          (result) => answer(() => resolve(result)),
          (e: unknown) => answer(() => reject(this.#refused(e))),
        );
      });
    });
    return promise;
  }

  #isRepeated(): boolean {
    return this.#wire.repeats > 0 && this.#chance.is(this.#wire.repeats);
  }

  #refused(e: unknown): Fault {
    if (!(e instanceof Fault || e instanceof DiskFull)) this.#bug(e);
    const status = e instanceof Fault ? FAULTS[e.code].http : 500;
    return new Fault("VIM_REFUSED", `HTTP ${status}: ${e instanceof Error ? e.message : String(e)}`, { status });
  }
}

const unreachable = (why: string): Fault => new Fault("VIM_UNREACHABLE", why);

function unlessGone(e: unknown): undefined {
  if (e instanceof Fault && e.about.status === 404) return undefined;
  throw e;
}
