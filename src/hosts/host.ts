import { allOver } from "../lib/all-over.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { ConsoleSide, OpenConsole } from "../model/console.ts";
import type { DiskFailure, Evidence } from "../model/evidence.ts";
import type { ServerId } from "../model/ids.ts";
import type { DomainState } from "../wire/libvirt/protocol.ts";
import { copyRunningDisk } from "./disk-copy.ts";
import { EVENT_SAYS, REBOOT_SAYS, STATE_SAYS } from "./domain-says.ts";
import { type DomainUsage, readUsage } from "./domain-usage.ts";
import { type DomainSpec, domainXml } from "./domain-xml.ts";
import { refuseIfLater } from "./epoch.ts";
import type { GuestAnswer } from "./guest-channel.ts";
import { type Capacity, connectLibvirt, type LibvirtEvent, type LibvirtSession } from "./libvirt.ts";
import { addressOf, type LibvirtAt } from "./libvirt-stream.ts";
import { storageNamedIn } from "./mounts.ts";
import type { ProcessExit } from "./process-exit.ts";
import type { CopyOptions } from "./qemu-img.ts";
import { killIfLate } from "./qemu-process.ts";
import { type AttachOptions, ServerWatch } from "./server-watch.ts";
import { backOffMs, type Patience } from "./stream.ts";
import { type Topology, topologyOf } from "./topology.ts";

/** One that is reached by TLS is another machine: nothing of its processes and sockets is seen from here, and libvirt's word is all there is. */
export type HostOptions = LibvirtAt & {
  readonly uri?: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Shared by all hosts of this machine; null where the kernel has none for us. Whoever opened it disposes of it. */
  readonly processExit: ProcessExit | null;
  /** Of the VIM that leads this host: each server carries it, and one that carries a later one is not touched. Null: none is asked for. */
  readonly epoch?: number | null;
  /** How long libvirtd may be silent; without it, as libvirt's own clients. */
  readonly patience?: Patience;
  /** Folders of the monitor sockets of this machine's other hosts: a QEMU that listens there is not of this one. */
  readonly otherRunDirs?: () => readonly string[];
};

export interface StartOptions {
  readonly paused?: boolean;
  readonly ready?: Promise<unknown>;
}

export interface HostServer {
  readonly id: ServerId;
  readonly name: string;
  readonly state: DomainState;
}

/** `unreachable` means that libvirtd cannot be asked; servers may well run, and what is seen of them still comes. */
export type HostEvent =
  /** A guest's agent answered what it was asked (`askGuest`). */
  | ({ readonly type: "guest"; readonly id: ServerId } & GuestAnswer)
  | { readonly type: "evidence"; readonly evidence: Evidence }
  | ({ readonly type: "ioError" } & DiskFailure)
  | {
      readonly type: "host";
      readonly status: "up" | "unreachable";
      readonly why?: string;
      readonly seenAt: number;
      /** Since when it is so: libvirtd is unreachable since it was last heard, which may be long before that is noticed. */
      readonly sinceMs: number;
    };

/** A libvirtd that has just started has joined every QEMU that is left, or found it gone, after this, ms. */
const FINDS_OUT_MS = 3_000;

/**
 * Opens a compute host. Resolves after the first attempt to connect, whether it went well or not: `status` says. From
 * then on it connects again by itself, at once after a loss and every 2 s at the longest.
 */
export async function openHost(options: HostOptions): Promise<Host> {
  const host = new Host(options);
  await host.run();
  return host;
}

/** One compute host: libvirt for what is to be done, and every source there is for what has happened. */
export class Host implements AsyncDisposable {
  readonly #options: HostOptions;
  readonly #watches = new Map<ServerId, ServerWatch>();
  readonly #latest = new Map<ServerId, Evidence>();
  readonly #listeners = new Set<(e: HostEvent) => void>();
  readonly #ended = new AbortController();
  #session: LibvirtSession | null = null;
  #status: Extract<HostEvent, { type: "host" }>;
  #running: Promise<void> = Promise.resolve();

  constructor(options: HostOptions) {
    this.#options = options;
    const seenAt = options.clock.now();
    this.#status = { type: "host", status: "unreachable", why: "not connected yet", seenAt, sinceMs: seenAt };
  }

  get status(): "up" | "unreachable" {
    return this.#status.status;
  }

  /** For `openHost` only. */
  async run(): Promise<void> {
    const first = Promise.withResolvers<void>();
    this.#running = this.#keepConnected(first.resolve);
    await first.promise;
  }

  /** A new listener hears first how things stand: the host, then the latest evidence of every server. */
  on(listener: (e: HostEvent) => void): () => void {
    listener(this.#status);
    for (const evidence of this.#latest.values()) listener({ type: "evidence", evidence });
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async ensureDefined(spec: DomainSpec): Promise<void> {
    await this.#define(await this.#led(spec.uuid), spec);
  }

  /**
   * Defines the server and makes it run, or stand paused with its memory and devices ready (`paused`). A server that runs
   * already keeps running with the hardware it has, whatever `spec` says. `ready`: what it needs to start, which is made meanwhile; where that
   * rejects nothing is started. Resolves with its state when it is watched; QEMU's own monitor may still be on its way to be joined.
   */
  async ensureRunning(
    spec: DomainSpec,
    { paused = false, ready = Promise.resolve() }: StartOptions = {},
  ): Promise<DomainState | null> {
    const id = spec.uuid as ServerId;
    const defined = this.#led(id).then(async (libvirt) => {
      await this.#define(libvirt, spec);
      return libvirt;
    });
    const [libvirt] = await allOver(defined, ready);
    const began = await libvirt.start(id, { paused });
    if (!began && !paused && (await libvirt.state(id)) === "paused") await libvirt.resume(id);
    await this.#attach(id, { monitorToo: false });
    return libvirt.state(id);
  }

  async pause(id: ServerId): Promise<void> {
    await (await this.#led(id)).pause(id);
  }

  async resume(id: ServerId): Promise<void> {
    await (await this.#led(id)).resume(id);
  }

  /** Asks the guest; resolves when it was asked. The evidence tells when it is off. */
  async shutdown(id: ServerId): Promise<void> {
    await (await this.#led(id)).shutdown(id);
  }

  /** When this resolves, the server certainly does not run. */
  async destroy(id: ServerId): Promise<void> {
    await this.#end(id);
  }

  /** Destroys and forgets the server; one that is not there is no error. */
  async ensureGone(id: ServerId): Promise<void> {
    await this.#end(id);
    await (await this.#led(id)).undefine(id);
    this.#forget(id);
  }

  /**
   * Asks a server's guest agent to echo `request`; its answer comes as an event. Goes past libvirt. Gives the life of the channel that it
   * is asked by: answers of another life are of another agent. Null where it cannot be asked now: there is no channel, or it is being opened.
   */
  askGuest(id: ServerId, request: number): number | null {
    return this.#watches.get(id)?.askGuest(request) ?? null;
  }

  /** What can be seen of the process of a server's QEMU. Null where it is not seen from here. */
  processOf(id: ServerId): Pick<ServerWatch, "threads" | "hungDisk"> | null {
    return this.#watches.get(id) ?? null;
  }

  /** A copy of a running server's disk as it is now, which stands alone. `dev`: the guest's name of it. */
  async copyDisk(id: ServerId, dev: string, to: string, options: CopyOptions): Promise<void> {
    await copyRunningDisk(await this.#led(id), this.#options.clock, { uuid: id, dev }, to, options);
  }

  /** The serial console of a server that runs: as `LibvirtSession.openConsole`. */
  async openConsole(id: ServerId, side: ConsoleSide): Promise<OpenConsole> {
    return (await this.#led(id)).openConsole(id, side);
  }

  /** Null where libvirt has no such server. */
  async stateOf(id: ServerId): Promise<DomainState | null> {
    return this.#libvirt().state(id);
  }

  async domains(): Promise<HostServer[]> {
    return (await this.#libvirt().list()).map(({ uuid, name, state }) => ({ id: uuid as ServerId, name, state }));
  }

  /** Of those of these servers that libvirt has. */
  readonly usage = async (ids: readonly ServerId[]): Promise<DomainUsage[]> => readUsage(this.#libvirt(), ids);

  async capacity(): Promise<Capacity> {
    return this.#libvirt().capacity();
  }

  /** What it has that servers can have for themselves. `guestThreads`: those of its threads that are for guests alone. Takes seconds the first time. */
  async topology(guestThreads: ReadonlySet<number>): Promise<Topology> {
    const libvirt = this.#libvirt();
    const [capabilities, devices] = await Promise.all([libvirt.capabilities(), libvirt.nodeDevices()]);
    return topologyOf(capabilities, devices, guestThreads);
  }

  /** Lets go of the host; its servers run on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    this.#session?.close();
    for (const watch of this.#watches.values()) watch.close();
    await this.#running;
  }

  get #isElsewhere(): boolean {
    return "tls" in this.#options;
  }

  async #end(id: ServerId): Promise<void> {
    const libvirt = await this.#led(id);
    if (this.#isElsewhere) return libvirt.destroy(id);
    const isDone = new AbortController();
    void killIfLate(id, this.#options.otherRunDirs?.() ?? [], this.#options.clock, isDone.signal);
    await libvirt.destroy(id).finally(() => isDone.abort());
  }

  async #define(libvirt: LibvirtSession, spec: DomainSpec): Promise<void> {
    await libvirt.define(domainXml(spec, this.#options.epoch ?? null));
  }

  /** libvirt, to change this server. Throws STALE_EPOCH where a later leader has it. */
  async #led(id: string): Promise<LibvirtSession> {
    const libvirt = this.#libvirt();
    const { epoch } = this.#options;
    const xml = epoch == null ? null : await libvirt.xml(id);
    if (xml !== null) refuseIfLater(xml, epoch!, id);
    return libvirt;
  }

  #libvirt(): LibvirtSession {
    if (this.#session) return this.#session;
    throw new Fault("HOST_UNREACHABLE", this.#status.why ?? "not connected");
  }

  async #keepConnected(tried: () => void): Promise<void> {
    const { signal } = this.#ended;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const { why, heardAt } = await this.#connection(() => {
          attempt = 0;
          tried();
        });
        this.#say("unreachable", why, heardAt);
      } catch (e) {
        this.#say("unreachable", e instanceof Error ? e.message : String(e));
      }
      tried();
      await this.#options.clock.sleep(backOffMs(attempt), signal).catch(() => {});
    }
  }

  /** One connection, from joining to its end; resolves with the reason of the end. */
  async #connection(joined: () => void): Promise<Extract<LibvirtEvent, { type: "closed" }>> {
    const session = await connectLibvirt(this.#options);
    const closed = Promise.withResolvers<Extract<LibvirtEvent, { type: "closed" }>>();
    // Events first, then the list: whatever changes in between is heard, and heard after what the list says.
    session.on((e) => {
      if (e.type === "closed") closed.resolve(e);
      else if (e.type === "ioError") void this.#diskFailed(e);
      else if (e.type === "rebooted") this.#rebooted(e);
      else this.#heard(e);
    });
    if (this.#ended.signal.aborted) session.close();
    this.#session = session;
    try {
      await this.#readAll(session);
      this.#say("up");
      joined();
      if (this.#isElsewhere) void this.#readAgain(session);
      return await closed.promise;
    } finally {
      this.#session = null;
      session.close();
    }
  }

  /** What libvirt says of every server, as evidence; running ones are watched, those it no longer knows are forgotten. */
  async #readAll(session: LibvirtSession): Promise<void> {
    const askedAt = this.#options.clock.now();
    const domains = await session.list();
    const known = new Set(domains.map((d) => d.uuid));
    for (const id of this.#latest.keys()) if (!known.has(id)) this.#forget(id);
    await Promise.all(domains.map(({ uuid, state }) => this.#readOne(uuid as ServerId, state, askedAt)));
  }

  /** For one who cannot look himself whether a QEMU is there (`#readOne`): once libvirtd has had time to find out. */
  async #readAgain(session: LibvirtSession): Promise<void> {
    const { clock, log } = this.#options;
    await clock.sleep(FINDS_OUT_MS, this.#ended.signal).catch(() => {});
    if (this.#session !== session) return;
    await this.#readAll(session).catch((err: unknown) => log.warn({ err }, "a compute host could not be read a second time"));
  }

  /**
   * A libvirtd that has just started says "running" of a QEMU that died without it, and sends no event when it finds out:
   * so it is believed only where a QEMU is there.
   */
  async #readOne(id: ServerId, state: DomainState, seenAt: number): Promise<void> {
    const says = STATE_SAYS[state];
    if (says !== "stopped" && !(await this.#attach(id))) return;
    this.#tell({ about: { kind: "server", id }, says, source: "libvirt", seenAt, detail: state });
  }

  async #diskFailed({ uuid, file, reason, seenAt }: Extract<LibvirtEvent, { type: "ioError" }>): Promise<void> {
    const id = uuid as ServerId;
    const storage = this.#isElsewhere ? storageNamedIn(file) : await this.#watchOf(id).storageOf(file);
    const why = `an I/O error of ${file}${reason === "" ? "" : ` (${reason})`}`;
    if (storage !== null) this.#emit({ type: "ioError", id, storage, why, seenAt });
  }

  /** On this machine QEMU's own monitor tells it, and a second time it would be a second failure. */
  #rebooted({ uuid, seenAt }: Extract<LibvirtEvent, { type: "rebooted" }>): void {
    const about = { kind: "server", id: uuid as ServerId } as const;
    if (this.#isElsewhere)
      for (const says of REBOOT_SAYS) this.#tell({ about, says, source: "libvirt", seenAt, detail: "rebooted" });
  }

  #heard(e: Extract<LibvirtEvent, { type: "lifecycle" }>): void {
    const id = e.uuid as ServerId;
    const says = EVENT_SAYS[e.event];
    if (says)
      this.#tell({
        about: { kind: "server", id },
        says,
        source: "libvirt",
        seenAt: e.seenAt,
        detail: `${e.event} (${e.detail})`,
      });
    if (e.event === "started") void this.#attach(id, { monitorToo: false });
    if (e.event === "undefined" && this.#latest.get(id)?.says === "stopped") this.#forget(id);
  }

  /** Watches the QEMU of a server; false where it is known that there is none. */
  async #attach(id: ServerId, how?: AttachOptions): Promise<boolean> {
    return this.#isElsewhere || this.#watchOf(id).attach(how);
  }

  #watchOf(id: ServerId): ServerWatch {
    const known = this.#watches.get(id);
    if (known) return known;
    const { clock, log, processExit, otherRunDirs } = this.#options;
    const watch = new ServerWatch(id, {
      clock,
      log,
      processExit,
      otherRunDirs,
      tell: (evidence) => this.#tell(evidence),
      answered: (id, answer) => this.#emit({ type: "guest", id, ...answer }),
    });
    this.#watches.set(id, watch);
    return watch;
  }

  #forget(id: ServerId): void {
    this.#watches.get(id)?.close();
    this.#watches.delete(id);
    this.#latest.delete(id);
  }

  #tell(evidence: Evidence): void {
    this.#emit({ type: "evidence", evidence });
    const id = evidence.about.id as ServerId;
    if (evidence.seenAt >= (this.#latest.get(id)?.seenAt ?? 0)) this.#latest.set(id, evidence);
  }

  #say(status: "up" | "unreachable", why?: string, sinceMs?: number): void {
    const changed = status !== this.#status.status;
    const seenAt = this.#options.clock.now();
    const since = sinceMs ?? (changed ? seenAt : this.#status.sinceMs);
    this.#status = { type: "host", status, seenAt, sinceMs: since, ...(why === undefined ? {} : { why }) };
    if (!changed || this.#ended.signal.aborted) return;
    this.#options.log.info({ status, why, at: addressOf(this.#options) }, "compute host");
    this.#emit(this.#status);
  }

  #emit(event: HostEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
