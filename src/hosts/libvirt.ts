import type { Socket } from "node:net";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { ConsoleSide, OpenConsole } from "../model/console.ts";
import {
  type Answer,
  decodePushed,
  decodeReply,
  encodeCall,
  encodeKeepalive,
  type Frame,
  Framer,
  TYPE,
} from "../wire/libvirt/frame.ts";
import {
  type Args,
  AUTH_NONE,
  type DomainState,
  ERROR,
  EVENT_IO_ERROR_REASON,
  EVENT_LIFECYCLE,
  EVENT_REBOOT,
  FEATURE_KEEPALIVE,
  FLAGS,
  JOB,
  type Procedure,
  type RemoteError,
  type Reply,
  STATES,
  STATS,
} from "../wire/libvirt/protocol.ts";
import { ProtocolError } from "../wire/libvirt/xdr.ts";
import { ConsoleStreams } from "./libvirt-consoles.ts";
import { eventIn, type LibvirtEvent } from "./libvirt-events.ts";
import { type LibvirtAt, openLibvirtStream } from "./libvirt-stream.ts";
import { inTime, type Patience, watchSilence } from "./stream.ts";

export type { LibvirtEvent };

export type LibvirtTarget = LibvirtAt & {
  /** Which driver to open; `qemu:///system` unless told. */
  readonly uri?: string;
  readonly clock: Clock;
  readonly log: Log;
  /** How long it may be silent; without it, as libvirt's own clients. */
  readonly patience?: Patience;
};

export interface Domain {
  readonly uuid: string;
  readonly name: string;
  readonly state: DomainState;
}

/** What the host has in all, and how much memory is free now. */
export interface Capacity {
  readonly memoryMiB: number;
  readonly freeMemoryMiB: number;
  readonly cpus: number;
}

/** libvirt itself gives up on a domain's lock after 30 s, so a call this late is lost. */
const CALL_MAX_MS = 60_000;
/** keepalive_interval of libvirt's own clients, who ask five times. */
const LIBVIRT_PATIENCE: Patience = { everyMs: 5_000, asks: 2 };
const KIB_PER_MIB = 1024;
const BYTES_PER_MIB = 1024n * 1024n;

/**
 * Opens a session with a libvirtd: no authentication other than the socket's own rights or the certificates of both, keepalive both ways,
 * events of life cycles, of guests that restart and of disks that fail on. Throws HOST_UNREACHABLE, CONFIG for certificates of ours, or HOST_REFUSED with libvirt's text.
 */
export async function connectLibvirt(target: LibvirtTarget): Promise<LibvirtSession> {
  const session = new LibvirtSession(await openLibvirtStream(target, target.clock), target);
  try {
    await session.handshake(target.uri ?? "qemu:///system");
    return session;
  } catch (e) {
    session.close("handshake failed");
    throw e;
  }
}

/** The wire names a domain by more than its UUID, but libvirt looks at that alone; the name must not be empty. */
const ref = (uuid: string) => ({ domain: { name: "-", uuid, id: -1 } });

const refused = (error: RemoteError): Fault =>
  new Fault("HOST_REFUSED", error.message ?? "no reason given", { libvirtCode: error.code });
const isLibvirt = (e: unknown, ...codes: number[]): boolean =>
  e instanceof Fault && codes.includes(Number(e.about["libvirtCode"]));

interface Waiter {
  resolve(frame: Frame): void;
  reject(e: Error): void;
}

/** One connection. Every verb rejects with HOST_UNREACHABLE once it is closed; it never connects again by itself. */
export class LibvirtSession implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #framer = new Framer();
  readonly #waiting = new Map<number, Waiter>();
  readonly #listeners = new Set<(e: LibvirtEvent) => void>();
  readonly #consoles = new ConsoleStreams((frame) => void this.#socket.write(frame));
  readonly #ended = new AbortController();
  #serial = 1;
  #heardAt: number;

  constructor(socket: Socket, { clock, log, patience = LIBVIRT_PATIENCE }: LibvirtTarget) {
    this.#socket = socket;
    this.#clock = clock;
    this.#log = log;
    this.#heardAt = clock.now();
    socket.on("data", (bytes: Uint8Array | string) => this.#receive(Buffer.from(bytes as Uint8Array)));
    socket.on("error", (e) => this.close(e.message));
    socket.on("close", () => this.close("libvirtd closed the connection"));
    const ask = () => void socket.write(encodeKeepalive("ping"));
    const gone = () => this.close(`libvirtd is silent: ${patience.asks} keepalives in a row were not answered`);
    void watchSilence(clock, this.#ended.signal, patience, { heardAt: () => this.#heardAt, ask, gone });
  }

  /** For `connectLibvirt` only: what must be said before anything else. */
  async handshake(uri: string): Promise<void> {
    const { types } = await this.#call("authList", {});
    if (!types.includes(AUTH_NONE))
      throw new Fault(
        "HOST_REFUSED",
        "libvirtd wants authentication beside that of the socket (auth_unix_rw, auth_tls): set it to none",
      );
    await this.#call("supportsFeature", { feature: FEATURE_KEEPALIVE });
    await this.#call("connectOpen", { uri, flags: 0 });
    for (const eventId of [EVENT_LIFECYCLE, EVENT_REBOOT, EVENT_IO_ERROR_REASON])
      await this.#call("registerEvent", { eventId, domain: null });
  }

  on(listener: (e: LibvirtEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Defines a domain, or replaces the definition of the one with the same UUID and name. `validate`: by libvirt's own schema first. */
  async define(xml: string, { validate = false } = {}): Promise<string> {
    return (await this.#call("define", { xml, flags: validate ? FLAGS.defineValidate : 0 })).domain.uuid;
  }

  /**
   * Starting what already runs is no error, and changes nothing: `paused` counts only for a real start. False where it ran. One whose guest has ended, and whose QEMU libvirt
   * is still taking away, is started when that is over.
   */
  async start(uuid: string, { paused = false } = {}): Promise<boolean> {
    const args = { ...ref(uuid), flags: paused ? FLAGS.startPaused : 0 };
    const begin = () => this.#unless(uuid, ["running", "paused", "blocked"], this.#call("create", args));
    return begin().catch(async (e: unknown) => {
      if (!isLibvirt(e, ERROR.operationInvalid)) throw e;
      await this.destroy(uuid);
      return begin();
    });
  }

  async pause(uuid: string): Promise<void> {
    await this.#call("suspend", ref(uuid));
  }

  async resume(uuid: string): Promise<void> {
    await this.#unless(uuid, ["running", "blocked"], this.#call("resume", ref(uuid)));
  }

  /** Asks the guest to power off; resolves when it was asked, not when it is off. */
  async shutdown(uuid: string): Promise<void> {
    await this.#unless(uuid, ["shutoff"], this.#call("shutdown", { ...ref(uuid), flags: 0 }));
  }

  /** Ends QEMU by force; when this resolves it does not run. Destroying what is off, or what is not there, is no error. */
  async destroy(uuid: string): Promise<void> {
    const done = this.#call("destroy", { ...ref(uuid), flags: 0 });
    await ifThere(this.#unless(uuid, ["shutoff", "crashed"], done));
  }

  /** Forgets the definition. One that is not there is no error. */
  async undefine(uuid: string): Promise<void> {
    await ifThere(this.#call("undefine", { ...ref(uuid), flags: FLAGS.undefineAll }));
  }

  /** All domains with their state, the defined ones that are off included. */
  async list(): Promise<Domain[]> {
    const { domains } = await this.#call("listDomains", { needResults: 1, flags: FLAGS.listActiveAndInactive });
    const states = await Promise.all(domains.map((d) => this.state(d.uuid)));
    // One that vanished between the two questions is not there.
    return domains.flatMap(({ uuid, name }, i) => (states[i] ? [{ uuid, name, state: states[i] }] : []));
  }

  /** Null where there is no such domain. */
  async state(uuid: string): Promise<DomainState | null> {
    return ifThere(this.#call("state", { ...ref(uuid), flags: 0 }).then(({ state }) => STATES[state] ?? "nostate"));
  }

  /** The definition as libvirt keeps it, also while an older one runs; null where there is no such domain. */
  async xml(uuid: string): Promise<string | null> {
    return ifThere(this.#call("domainXml", { ...ref(uuid), flags: FLAGS.xmlInactive }).then(({ xml }) => xml));
  }

  /** Begins to copy disks of a running domain into files, as they are at this moment; the guest goes on. */
  async beginBackup(uuid: string, backupXml: string): Promise<void> {
    await this.#call("beginBackup", { ...ref(uuid), backupXml, checkpointXml: null, flags: 0 });
  }

  /** The backup that runs, as libvirt's XML; null where none does. */
  async backupXml(uuid: string): Promise<string | null> {
    const asked = this.#call("backupXml", { ...ref(uuid), flags: 0 }).then(({ xml }) => xml);
    return asked.catch((e: unknown) => {
      if (isLibvirt(e, ERROR.noDomainBackup, ERROR.operationInvalid, ERROR.noDomain)) return null; // It does not even run.
      throw e;
    });
  }

  /** How far the job that runs is, bytes; null where none runs. */
  async jobProgress(uuid: string): Promise<{ readonly done: number; readonly total: number } | null> {
    const { type, fileDone, fileTotal } = await this.#call("jobInfo", ref(uuid));
    return type === JOB.none || type >= JOB.completed ? null : { done: Number(fileDone), total: Number(fileTotal) };
  }

  /** Whether the job that ended last ended well; it is told once. */
  async hasCompletedJob(uuid: string): Promise<boolean> {
    return (await this.#call("jobStats", { ...ref(uuid), flags: FLAGS.completedJob })).type === JOB.completed;
  }

  /** Ends the job that runs; without one it is no error. */
  async abortJob(uuid: string): Promise<void> {
    await this.#call("abortJob", ref(uuid)).catch((e: unknown) => {
      if (!isLibvirt(e, ERROR.operationInvalid, ERROR.noDomain)) throw e;
    });
  }

  /** Its first console, as `ConsoleStreams.open`. */
  openConsole(uuid: string, side: ConsoleSide): Promise<OpenConsole> {
    const call = () => this.#call("openConsole", { ...ref(uuid), device: null, flags: FLAGS.consoleForce });
    return this.#consoles.open(this.#serial, call, side);
  }

  /**
   * `balloon.…` of those of these domains that are there. Asks no QEMU (none of ours has a balloon), and waits for nobody who changes a domain; nor
   * does `info`.
   */
  async balloons(uuids: readonly string[]): Promise<Reply<"domainStats">["records"]> {
    const domains = uuids.map((uuid) => ref(uuid).domain);
    return (await this.#call("domainStats", { domains, stats: STATS.balloon, flags: FLAGS.statsNoWait })).records;
  }

  /** Null where there is no such domain. */
  info(uuid: string): Promise<Reply<"domainInfo"> | null> {
    return ifThere(this.#call("domainInfo", ref(uuid)));
  }

  async capacity(): Promise<Capacity> {
    const [{ memoryKiB, cpus }, free] = await Promise.all([this.#call("nodeInfo", {}), this.#call("nodeFreeMemory", {})]);
    return { memoryMiB: Math.floor(Number(memoryKiB) / KIB_PER_MIB), freeMemoryMiB: Number(free.bytes / BYTES_PER_MIB), cpus };
  }

  /** What the host is and what guests it can run, as libvirt's XML (formatcaps). */
  async capabilities(): Promise<string> {
    return (await this.#call("capabilities", {})).xml;
  }

  /** Its PCI devices and network interfaces, each as libvirt's XML (formatnode); none where libvirt has no driver for them. */
  async nodeDevices(): Promise<string[]> {
    const asked = this.#call("listNodeDevices", { needResults: 1, flags: FLAGS.listPciAndNetDevices });
    const { devices } = await asked.catch((e: unknown) => {
      if (isLibvirt(e, ERROR.noSupport)) return { devices: [] };
      throw e;
    });
    const xmls = devices.map(({ name }) =>
      this.#call("nodeDeviceXml", { name, flags: 0 }).then(
        ({ xml }) => [xml],
        (e: unknown) => {
          if (isLibvirt(e, ERROR.noNodeDevice)) return []; // It was taken out in between.
          throw e;
        },
      ),
    );
    return (await Promise.all(xmls)).flat();
  }

  /** libvirt's version as major * 1,000,000 + minor * 1,000 + release. */
  async version(): Promise<number> {
    return Number((await this.#call("libVersion", {})).version);
  }

  /** Ends the session: every waiter rejects, listeners hear `closed` once. */
  close(why = "closed by us"): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort(why);
    this.#socket.destroy();
    for (const { reject } of this.#waiting.values()) reject(this.#unreachable());
    this.#waiting.clear();
    this.#consoles.end(why);
    this.#tell({ type: "closed", why, heardAt: this.#heardAt });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #unreachable(): Fault {
    return new Fault("HOST_UNREACHABLE", String(this.#ended.signal.reason));
  }

  /** Where the call was refused as invalid in this state, and the state is one of those wanted, all is well; false then. */
  async #unless(uuid: string, wanted: readonly DomainState[], call: Promise<unknown>): Promise<boolean> {
    try {
      await call;
      return true;
    } catch (e) {
      if (!isLibvirt(e, ERROR.operationInvalid)) throw e;
      const state = await this.state(uuid);
      if (!state || !wanted.includes(state)) throw e;
      return false;
    }
  }

  async #call<P extends Procedure>(procedure: P, args: Args<P>): Promise<Reply<P>> {
    if (this.#ended.signal.aborted) throw this.#unreachable();
    const serial = this.#serial++;
    const { promise, resolve, reject } = Promise.withResolvers<Frame>();
    this.#waiting.set(serial, { resolve, reject });
    this.#socket.write(encodeCall(procedure, serial, args));
    const answer = this.#read(procedure, await inTime(this.#clock, CALL_MAX_MS, procedure, promise));
    if (!answer.ok) throw refused(answer.error);
    return answer.value;
  }

  #receive(bytes: Uint8Array): void {
    this.#heardAt = this.#clock.now();
    try {
      for (const frame of this.#framer.push(bytes)) this.#take(frame);
    } catch (e) {
      this.#lost(e);
    }
  }

  /** After what is no message nothing that follows can be trusted. A listener's bug is not libvirtd's, and goes on up. */
  #lost(e: unknown): void {
    if (!(e instanceof ProtocolError)) throw e;
    this.#log.error({ err: e }, "libvirtd sent what is no message");
    this.close("protocol error");
  }

  #read<P extends Procedure>(procedure: P, frame: Frame): Answer<P> {
    try {
      return decodeReply(procedure, frame);
    } catch (e) {
      this.#lost(e);
      throw this.#unreachable();
    }
  }

  #take(frame: Frame): void {
    if (frame.header.type === TYPE.reply) {
      this.#waiting.get(frame.header.serial)?.resolve(frame);
      this.#waiting.delete(frame.header.serial);
      return;
    }
    if (frame.header.type === TYPE.stream) {
      this.#consoles.take(frame);
      return;
    }
    const pushed = decodePushed(frame);
    if (pushed.kind === "ping") this.#socket.write(encodeKeepalive("pong"));
    const event = eventIn(pushed, this.#heardAt);
    if (event !== null) this.#tell(event);
  }

  #tell(event: LibvirtEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

/** Null where there is no such domain. */
async function ifThere<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call;
  } catch (e) {
    if (!isLibvirt(e, ERROR.noDomain)) throw e;
    return null;
  }
}
