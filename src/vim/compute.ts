import { isOff, saysOf } from "../hosts/domain-says.ts";
import type { Host } from "../hosts/host.ts";
import { type CopyOptions, copyDisk } from "../hosts/qemu-img.ts";
import type { OwnFiles, ServerDisks } from "../hosts/server-disks.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault, type FaultCode } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { HostId, ServerId } from "../model/ids.ts";
import { isOfCard } from "../model/numa.ts";
import type { ServerStatus } from "../model/vim-event.ts";
import type { ImageSource, Leftover, Server, ServerPort, ServerTask } from "../model/vim-picture.ts";
import { deleteLeftover } from "../store/vim-picture.ts";
import { found } from "./asking.ts";
import { bridgeOf, sharedDeviceOf } from "./bridges.ts";
import { devOf, diskName, diskPlan } from "./disk-plan.ts";
import type { Facts } from "./facts.ts";
import { DELETE_WITHIN_MS, guestEnds, needsNewLife } from "./guest-end.ts";
import { leftoverKey, type Picture } from "./picture.ts";
import { overlaps } from "./placement.ts";
import { tapsOf } from "./server-ports.ts";
import { domainSpec, type SpecPlace } from "./server-spec.ts";

/** What is asked of a compute host. Every verb may be repeated. */
export type ComputeHost = Pick<
  Host,
  "ensureRunning" | "pause" | "resume" | "shutdown" | "destroy" | "ensureGone" | "domains" | "stateOf" | "copyDisk"
>;

/** What is asked of the switch's database and of the kernel for a vNIC. */
export interface Plugs {
  ensureTap(name: string): Promise<unknown>;
  deleteTap(name: string): Promise<unknown>;
  /** Into the database, all at once; `opened` tells when the switch has taken one up. */
  addPorts(names: readonly string[]): Promise<void>;
  opened(name: string): Promise<unknown>;
  removePort(name: string): Promise<unknown>;
  ensureBridge(name: string): Promise<unknown>;
}

/** What is asked of the host's file system for a server. */
export type Disks = Pick<ServerDisks, "folderOf" | "prepare" | "remove">;

type Outcome = Partial<Pick<Server, "status" | "lastError" | "progress">>;

/** These say nothing of the server: its task stays, and the next pass does it. */
const LATER: ReadonlySet<FaultCode> = new Set(["HOST_UNREACHABLE", "TIMEOUT", "SWITCH_NOT_CONNECTED"]);
/** Asked of a server in a state where they make no sense they change nothing: its owner is told, and the server is what it was. */
const HARMLESS: ReadonlySet<ServerTask> = new Set(["pause", "resume", "shutdown"]);
/** What is asked of a server that is not made yet: as if it had been asked so from the start. */
const BEFORE_CREATION: Partial<Record<ServerTask, ServerTask>> = {
  pause: "createPaused",
  resume: "create",
  shutdown: "forceOff",
};
/** How long a pause waits for the switch before it is left to the next pass, and between two looks, ms. */
const LED_AROUND_WITHIN_MS = 3_000;
const LOOK_EVERY_MS = 20;
/** libvirt learns of a process's end up to 2 s after those who watch it: a list read sooner may still show it running. */
const LIST_LAG_MS = 3_000;

/**
 * Brings about what was acknowledged for the servers of one host: each task runs on its own, one at a time per server, and is forgotten when
 * it is done. A server that stopped by itself stays stopped: whether to start it again is the MANO's decision.
 */
export class Compute {
  readonly #hostId: HostId;
  readonly #picture: Picture;
  readonly #facts: Facts;
  readonly #host: ComputeHost;
  readonly #plugs: Plugs;
  readonly #disks: Disks;
  readonly #place: SpecPlace;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #wake: () => void;
  readonly #isLedAround: (id: ServerId) => boolean;
  readonly #replug: (id: ServerId) => Promise<void>;
  readonly #hold: (id: ServerId) => Promise<void>;
  readonly #busy = new Map<ServerId, Promise<void>>();
  /** Disks of servers that are off, while they are copied. */
  readonly #copies = new Map<ServerId, { readonly end: AbortController; readonly done: Promise<void> }>();

  /**
   * `isLedAround`: the switch leads nothing to a server to which nothing is to be led; left out: there is no switch. `replug`: at the start of a new life, before anything
   * is made for it, has its ports be where they belong by now. `hold`: has guests on bridges of the host held to what they may send; rejects where this one is not.
   */
  constructor(parts: {
    hostId: HostId;
    picture: Picture;
    facts: Facts;
    host: ComputeHost;
    plugs: Plugs;
    disks: Disks;
    place: SpecPlace;
    clock: Clock;
    log: Log;
    wake: () => void;
    isLedAround?: (id: ServerId) => boolean;
    replug?: (id: ServerId) => Promise<void>;
    hold?: (id: ServerId) => Promise<void>;
  }) {
    this.#hostId = parts.hostId;
    this.#picture = parts.picture;
    this.#facts = parts.facts;
    this.#host = parts.host;
    this.#plugs = parts.plugs;
    this.#disks = parts.disks;
    this.#place = parts.place;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#wake = parts.wake;
    this.#isLedAround = parts.isLedAround ?? (() => true);
    this.#replug = parts.replug ?? (async () => {});
    this.#hold = parts.hold ?? (async () => {});
  }

  /**
   * Starts what is to be done and compares servers with domains. Does not wait for the tasks: one may take seconds. A host that still
   * has a server which was made anew elsewhere does nothing before that is destroyed: it ran, or may run, behind our back. A server waits
   * for the end of one that was deleted and had the same threads, huge pages or functions of cards.
   */
  async pass(): Promise<void> {
    const left = [...this.#picture.leftovers.values()].filter((l) => l.hostId === this.#hostId);
    for (const one of left) this.#begin(one.serverId, () => this.#remove(one));
    if (left.some((l) => this.#picture.servers.has(l.serverId))) return;
    for (const server of this.#own())
      if (server.task !== null && !left.some((l) => overlaps(l.pinned, server.pinned)))
        this.#begin(server.id, () => this.#runTask(server.id));
    await this.#compare();
  }

  #own(): Server[] {
    return [...this.#picture.servers.values()].filter((s) => s.hostId === this.#hostId);
  }

  /** Resolves when no task runs any more. */
  async idle(): Promise<void> {
    while (this.#busy.size > 0) await Promise.all(this.#busy.values());
  }

  /**
   * A copy of a server's disk as it is now. Of one that is off it gives way to whatever is asked of the server meanwhile: STOPPED, and to be
   * begun anew.
   */
  async copyDisk({ serverId: id, disk: name }: ImageSource, to: string, { onProgress, signal }: CopyOptions): Promise<void> {
    const server = found(this.#picture.servers, id, `server ${id} is gone, and its disk with it`);
    const { own, disks } = diskPlan(this.#picture, server, this.#picture.portsOf(id), this.#disks.folderOf(id));
    const disk = own.disks.find((d) => diskName(d) === name);
    if (disk === undefined || !server.hasDisks) throw new Fault("NOT_FOUND", `server ${id} has no disk ${name}`);
    this.#checkIdle(id);
    const state = await this.#host.stateOf(id);
    this.#checkIdle(id); // What was asked of it meanwhile knows of no copy that it would end.
    if (saysOf(state) !== "stopped") return this.#host.copyDisk(id, devOf(disks, disk.file), to, { onProgress, signal });
    const end = new AbortController();
    const either = signal === undefined ? end.signal : AbortSignal.any([end.signal, signal]);
    const copying = copyDisk({ file: disk.file, format: "qcow2" }, to, { onProgress, signal: either });
    this.#copies.set(id, { end, done: copying.catch(() => {}) });
    await copying.finally(() => this.#copies.delete(id));
  }

  #checkIdle(id: ServerId): void {
    if (this.#busy.has(id) || this.#picture.servers.get(id)?.task != null)
      throw new Fault("STOPPED", "something is asked of the server");
  }

  async #endCopy(id: ServerId): Promise<void> {
    const copy = this.#copies.get(id);
    copy?.end.abort(new Error("it gave way to what was asked of the server"));
    await copy?.done;
  }

  #begin(id: ServerId, work: () => Promise<boolean>): void {
    if (this.#busy.has(id)) return;
    const running = work().then((isDone) => {
      this.#busy.delete(id);
      if (isDone) this.#wake(); // There may be a task that came meanwhile.
    });
    this.#busy.set(id, running);
  }

  /** Facts that nobody pushed: a domain that ended while we did not look. */
  async #compare(): Promise<void> {
    const before = this.#own();
    const now = this.#clock.now();
    const states = new Map((await this.#host.domains()).map((d) => [d.id, d.state]));
    this.#facts.gather();
    for (const server of before) {
      const says = saysOf(states.get(server.id));
      const isSettled =
        now - this.#facts.lastSeenAt(server.id) > LIST_LAG_MS && !this.#busy.has(server.id) && server.task === null;
      if (!isSettled || this.#picture.servers.get(server.id) !== server || !isJudged(server.status)) continue;
      if (STATUS_TOLD[says] === server.status) continue;
      this.#facts.evidence({ about: { kind: "server", id: server.id }, says, source: "poll", seenAt: now });
    }
  }

  /** True when it is done; false when it is to be tried in the next pass. */
  async #runTask(id: ServerId): Promise<boolean> {
    const server = this.#picture.servers.get(id);
    if (!server?.task) return true;
    const task = (server.status === "CREATING" && BEFORE_CREATION[server.task]) || server.task;
    try {
      await this.#endCopy(id);
      this.#ended(server, { lastError: null, progress: 100, ...(await this.#do(task, server)) });
    } catch (err) {
      if (err instanceof Fault && LATER.has(err.code)) {
        this.#log.warn({ err, server: id, task: server.task }, "it cannot be done now; the task waits for the next pass");
        return false;
      }
      if (err instanceof Fault && err.code === "HOST_REFUSED" && HARMLESS.has(task)) {
        this.#ended(server, { lastError: `${task}: ${err.detail}` });
        return true;
      }
      this.#log.error({ err, server: id, task }, "a task of a server failed");
      this.#ended(server, { status: "ERROR", lastError: err instanceof Error ? err.message : String(err) });
    }
    return true;
  }

  /** A newer task that was acknowledged meanwhile stays and runs next. What became of it here says nothing of one that was moved. */
  #ended(server: Server, outcome: Outcome): void {
    const now = this.#picture.servers.get(server.id);
    if (now?.hostId !== this.#hostId) return;
    this.#facts.setServer(server.id, now.taskNo === server.taskNo ? { ...outcome, task: null } : outcome);
  }

  /** What to show when it is done; no status where what happens then is told by evidence. */
  async #do(task: ServerTask, server: Server): Promise<Outcome> {
    switch (task) {
      case "create":
      case "start":
        return this.#start(server, false);
      case "createPaused":
        return this.#start(server, true);
      case "rebuild":
        await this.#endLife(server.id);
        return this.#start(await this.#withoutDisks(server), false);
      case "reboot":
        if (!(await needsNewLife(server, { picture: this.#picture, facts: this.#facts, host: this.#host, clock: this.#clock })))
          return {};
        await this.#endLife(server.id);
        return this.#start(server, false);
      case "powerCycle": // Of a guest that may hang: nothing is asked of it.
        await this.#endLife(server.id);
        return this.#start(server, false);
      case "pause":
        if (!(await this.#ledAround(server))) return {};
        await this.#host.pause(server.id);
        return { status: "PAUSED" };
      case "resume":
        await this.#host.resume(server.id);
        return { status: "ACTIVE" };
      case "shutdown":
        await this.#host.shutdown(server.id);
        return {}; // The guest takes its time, or refuses.
      case "forceOff":
        await this.#host.destroy(server.id);
        return { status: "INACTIVE" };
    }
  }

  /**
   * Before a spare is paused nothing may lead packets to it any more, the switch alone included: what was disarmed here may still be on
   * its way there, or wait for a switch that is away. False where something else is asked of the server by now.
   */
  async #ledAround({ id, taskNo }: Server): Promise<boolean> {
    const untilMs = this.#clock.now() + LED_AROUND_WITHIN_MS;
    while (!this.#isLedAround(id)) {
      if (this.#picture.servers.get(id)?.taskNo !== taskNo) return false;
      if (this.#clock.now() >= untilMs)
        throw new Fault(
          "SWITCH_NOT_CONNECTED",
          "the switch may still lead packets to this server; it is paused when that has ended",
        );
      await this.#clock.sleep(LOOK_EVERY_MS);
    }
    return this.#picture.servers.get(id)?.taskNo === taskNo;
  }

  /** Shown also where the start follows so soon that nobody tells the end: what comes then is a new life, and no resume. */
  async #endLife(id: ServerId): Promise<void> {
    await this.#host.destroy(id);
    const status = this.#picture.servers.get(id)?.status;
    if (isAlive(status)) this.#facts.setServer(id, { status: "INACTIVE" });
    await this.#replug(id);
  }

  /** What it needs is made while libvirt takes its definition, and the switch opens its ports while QEMU starts. */
  async #start(server: Server, paused: boolean): Promise<Outcome> {
    await this.#cutOff(server.id);
    if (!isAlive(server.status)) await this.#replug(server.id);
    if (!isAlive(server.status)) this.#picture.patchServer(server.id, { namesTaps: true });
    const ports = this.#picture.portsOf(server.id);
    const plan = diskPlan(this.#picture, server, ports, this.#disks.folderOf(server.id));
    const spec = domainSpec(this.#picture, server, ports, this.#place, plan);
    const plugged = this.#plug(server.id, ports);
    const opened = plugged.then(() => Promise.all(tapsOf(ports).map((tap) => this.#plugs.opened(tap))));
    opened.catch(() => {}); // Told below, if the start comes so far.
    let beginsAt = this.#clock.now();
    const ready = Promise.all([plugged, this.#prepare(server, plan.own)]).then(async () => {
      // It stopped, says who saw it, but libvirt may not know yet and take the start for done, or is still at it and refuse.
      if (server.status === "INACTIVE" && !isOff(await this.#host.stateOf(server.id))) await this.#host.destroy(server.id);
      beginsAt = this.#clock.now();
    });
    const says = saysOf(await this.#host.ensureRunning(spec, { paused, ready }));
    await opened.catch((err: unknown) => this.#withoutPort(server.id, err));
    if (says !== "stopped" && !this.#facts.hasStoppedSince(server.id, beginsAt)) return { status: STATUS_TOLD[says] };
    const where = spec.consoleLog === undefined ? "" : `; its console is in ${spec.consoleLog}`;
    return { status: "INACTIVE", lastError: `the domain ended right after its start${where}` };
  }

  /** One whose port the switch cannot open does not stay; where it only cannot say now, the next pass asks again. */
  async #withoutPort(id: ServerId, err: unknown): Promise<never> {
    if (!(err instanceof Fault && LATER.has(err.code))) await this.#host.destroy(id);
    throw err;
  }

  /** That it has its disks is noted before it first runs: one that is missed after that is lost, and nothing empty is put in its place. */
  async #prepare({ id, hasDisks }: Server, own: OwnFiles): Promise<void> {
    await this.#disks.prepare(id, own, { isFirst: !hasDisks });
    if (!hasDisks && own.disks.length > 0) this.#picture.patchServer(id, { hasDisks: true });
  }

  /** It begins anew from its image. */
  async #withoutDisks(server: Server): Promise<Server> {
    this.#picture.patchServer(server.id, { hasDisks: false });
    await this.#disks.remove(server.id);
    return { ...server, hasDisks: false };
  }

  /** Before it runs here: what may still run of it on another host leaves the switch. */
  async #cutOff(id: ServerId): Promise<void> {
    for (const left of this.#picture.leftovers.values())
      if (left.serverId === id) for (const tap of left.taps) await this.#plugs.removePort(tap);
  }

  /** Resolves when all of it is there; the switch may not have opened its ports yet. */
  async #plug(id: ServerId, ports: readonly ServerPort[]): Promise<void> {
    const taps = tapsOf(ports);
    const bridged = ports.filter((p) => p.switchPort === null && !isOfCard(p));
    const tapped = async () => {
      await Promise.all(taps.map((tap) => this.#plugs.ensureTap(tap)));
      if (taps.length > 0) await this.#plugs.addPorts(taps);
    };
    await Promise.all([
      tapped(),
      ...(bridged.length > 0 ? [this.#hold(id)] : []),
      ...bridged.map(async (port) => {
        const net = this.#picture.nets.get(port.netId!)!;
        const bridge = sharedDeviceOf(net) === null ? bridgeOf(net) : null;
        if (bridge?.isOurs) await this.#plugs.ensureBridge(bridge.name);
      }),
    ]);
  }

  /** For so long as nobody wants a server of its id again. */
  #letEnd(id: ServerId): Promise<void> {
    const isWanted = () => !this.#picture.servers.has(id);
    return guestEnds(id, { host: this.#host, clock: this.#clock, withinMs: DELETE_WITHIN_MS, isWanted });
  }

  async #remove(left: Leftover): Promise<boolean> {
    try {
      await this.#endCopy(left.serverId);
      if (left.asksGuest) await this.#letEnd(left.serverId);
      await this.#host.ensureGone(left.serverId);
      for (const tap of left.taps) {
        await this.#plugs.removePort(tap);
        await this.#plugs.deleteTap(tap);
      }
      await this.#disks.remove(left.serverId);
      await this.#picture.change(() => deleteLeftover(this.#picture.db, left));
      this.#picture.leftovers.delete(leftoverKey(left));
      this.#facts.forget(left.serverId, left.taps);
      return true;
    } catch (err) {
      this.#log.warn(
        { err, server: left.serverId },
        "what a server left on this host is not gone yet; the next pass tries again",
      );
      return false;
    }
  }
}

const STATUS_TOLD = { running: "ACTIVE", paused: "PAUSED", stopped: "INACTIVE" } as const satisfies Record<string, ServerStatus>;

const isAlive = (status: ServerStatus | undefined): boolean => status === "ACTIVE" || status === "PAUSED";

/** In the other states the domain is not what decides. */
const isJudged = (status: ServerStatus): boolean => status === "ACTIVE" || status === "PAUSED" || status === "INACTIVE";
