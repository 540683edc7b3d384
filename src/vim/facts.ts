import type { DiskFailure, Evidence, Source } from "../model/evidence.ts";
import type { LinkSeen } from "../model/host-state.ts";
import type { HostId, ServerId, VimPortId } from "../model/ids.ts";
import { datapathOf } from "../model/switch-port-name.ts";
import type { ServerStatus } from "../model/vim-event.ts";
import type { Server, ServerPort } from "../model/vim-picture.ts";
import type { VimEvents } from "./events.ts";
import type { Picture } from "./picture.ts";
import { portStatus } from "./port-status.ts";

const STATUS_OF = { running: "ACTIVE", paused: "PAUSED", stopped: "INACTIVE" } as const satisfies Record<string, ServerStatus>;

/** Who acts on what is seen, in the same tick. */
export interface FactsListener {
  /** What was heard together, commonly one piece, right after the subscribers were told. */
  onEvidence(heard: readonly Evidence[]): void;
  /** A server runs that did not: not one that was only paused. */
  onNewLife(id: ServerId): void;
}

const NOBODY: FactsListener = { onEvidence: () => {}, onNewLife: () => {} };

/** A disk that cannot be read or written may take its guest out of service so much later, ms: what it asked for is asked for again. */
const DISK_FAILURE_MS = 60_000;

const IN_FAVOUR: ReadonlySet<Evidence["says"]> = new Set(["running", "linkUp", "answers"]);

/**
 * Takes in what the edges see. Evidence is told to the subscribers before anything else is done with it; a status is told
 * once per change, however many sources saw it.
 */
export class Facts {
  readonly #picture: Picture;
  readonly #events: VimEvents;
  readonly #wake: (of: HostId) => void;
  readonly #listener: FactsListener;
  readonly #canAsk: () => boolean;
  /** Last link state by switch port and source, and by switch port over all sources. */
  readonly #linkBySource = new Map<string, Map<Source, boolean>>();
  readonly #link = new Map<string, boolean>();
  /** When a switch port last lost its link, monotonic ms. */
  readonly #lostMs = new Map<string, number>();
  readonly #answered = new Set<VimPortId>();
  /** The last evidence about each server. */
  readonly #last = new Map<ServerId, Evidence>();
  readonly #stoppedMs = new Map<ServerId, number>();
  /** On what storage the disk is for which a server was paused. */
  readonly #storage = new Map<ServerId, string>();
  /** Disks of servers that could not be read or written, the last time of each server. */
  readonly #diskFailures = new Map<ServerId, DiskFailure>();
  /** What was heard in this tick and not acted on yet; null: each piece is acted on at once. */
  #gathered: Evidence[] | null = null;

  /** `canAsk`: there is a switch through which ports can be asked. */
  constructor(picture: Picture, events: VimEvents, wake: (of: HostId) => void, listener = NOBODY, canAsk = () => true) {
    this.#canAsk = canAsk;
    this.#picture = picture;
    this.#events = events;
    this.#wake = wake;
    this.#listener = listener;
    // A port that was ACTIVE when the daemon ended has answered; its server's end would have been seen, or is by the first pass.
    for (const port of picture.ports.values()) if (port.status === "ACTIVE") this.#answered.add(port.id);
  }

  /**
   * What is heard against things until the end of this tick is acted on together, when it is over: ends that came with one read are all
   * known before anything is led to one of them. Nothing else runs in between; a word in favour ends it.
   */
  gather(): void {
    if (this.#gathered !== null) return;
    this.#gathered = [];
    queueMicrotask(() => this.#act());
  }

  /** Opinions of this source do not count now, and why; null: they count again. */
  suspended(source: Source, why: string | null): void {
    this.#events.push(why === null ? { type: "opinions.counted", source } : { type: "opinions.suspended", source, why });
  }

  /** An opinion about a server: no state of it comes from that. */
  opinion(evidence: Evidence): void {
    const { about } = evidence;
    if (about.kind === "server" && this.#picture.servers.has(about.id)) this.#tell(this.#explained(evidence, about.id));
  }

  /** A disk of a server could not be read or written: what takes the server out of service soon after that has its cause there. */
  diskFailed(failure: DiskFailure): void {
    this.#diskFailures.set(failure.id, failure);
  }

  /** Evidence about a server; what is said of somebody else's domain is not ours to tell. */
  evidence(said: Evidence): void {
    if (said.about.kind !== "server") {
      this.portEvidence(said);
      return;
    }
    const server = this.#picture.servers.get(said.about.id);
    if (!server) return;
    const evidence = this.#explained(said, server.id);
    this.#tell(evidence);
    this.#last.set(server.id, evidence);
    if (evidence.says === "stopped") this.#stoppedMs.set(server.id, evidence.seenAt);
    if (evidence.storage !== undefined) this.#storage.set(server.id, evidence.storage);
    else if (evidence.says !== "paused") this.#storage.delete(server.id);
    if (evidence.says in STATUS_OF) this.#serverIs(server, STATUS_OF[evidence.says as keyof typeof STATUS_OF]);
    this.#wake(server.hostId);
  }

  /** Monotonic ms of the last evidence about a server; -Infinity when there was none in this run. */
  lastSeenAt(id: ServerId): number {
    return this.#last.get(id)?.seenAt ?? Number.NEGATIVE_INFINITY;
  }

  /** What its disk is on that could not be read or written, so that it was paused; null: it was not, or nobody can tell. */
  storageLostBy(id: ServerId): string | null {
    return this.#storage.get(id) ?? null;
  }

  /** When it was last seen to end, be it that it runs again, monotonic ms; -Infinity: not in this run. */
  stoppedAt(id: ServerId): number {
    return this.#stoppedMs.get(id) ?? Number.NEGATIVE_INFINITY;
  }

  hasStoppedSince(id: ServerId, atMs: number): boolean {
    const last = this.#last.get(id);
    return last?.says === "stopped" && last.seenAt > atMs;
  }

  /**
   * A link state that one source reports; what it has reported before is no news. Its first word is none either where it says
   * up, unless the picture has the port down: its cable came back while this daemon was away.
   */
  link(source: Source, switchPort: string, isUp: boolean, seenAt: number, detail?: string): void {
    const bySource = this.#linkBySource.get(switchPort) ?? new Map<Source, boolean>();
    const had = bySource.get(source) ?? !this.#isDown(switchPort);
    this.#linkBySource.set(switchPort, bySource.set(source, isUp));
    if (had === isUp) return;
    if (isUp && source !== "bfd" && bySource.get("bfd") === false) return; // Light on the near end is no way to the far one.
    this.#linkIs(source, switchPort, isUp, seenAt, detail);
  }

  /** A source looks at this port no more: what it said last counts no more. */
  unwatched(source: Source, switchPort: string, seenAt: number): void {
    const bySource = this.#linkBySource.get(switchPort);
    const said = bySource?.get(source);
    bySource?.delete(source);
    const isDownBy = [...(bySource?.values() ?? [])].some((isUp) => !isUp);
    if (said === false && !isDownBy) this.#linkIs(source, switchPort, true, seenAt, "it looks at this port no more");
  }

  #linkIs(source: Source, switchPort: string, isUp: boolean, seenAt: number, detail: string | undefined): void {
    this.#link.set(switchPort, isUp);
    if (!isUp) this.#lostMs.set(switchPort, seenAt);
    const said = { says: isUp ? "linkUp" : "linkDown", source, seenAt, ...(detail !== undefined && { detail }) } as const;
    for (const { id } of this.#picture.portsOn(switchPort)) this.portEvidence({ about: { kind: "port", id }, ...said });
  }

  linkOf(switchPort: string): LinkSeen {
    return { isUp: this.#link.get(switchPort) ?? null, lostMs: this.#lostMs.get(switchPort) ?? null };
  }

  portEvidence(evidence: Evidence): void {
    if (evidence.about.kind !== "port") return;
    const port = this.#picture.ports.get(evidence.about.id);
    this.#tell(this.#explained(evidence, port?.serverId ?? null));
    if (evidence.says === "answers") this.#answered.add(evidence.about.id);
    if (evidence.says === "linkDown") this.#answered.delete(evidence.about.id); // It must answer again when the cable is back.
    if (port) this.#refreshPort(port);
    const server = port?.serverId ? this.#picture.servers.get(port.serverId) : undefined;
    if (server) this.#wake(server.hostId);
  }

  /** The result of something we did ourselves, or found by reading. No change, no event. */
  setServer(id: ServerId, change: Partial<Pick<Server, "status" | "lastError" | "task" | "progress">>): void {
    const server = this.#picture.servers.get(id);
    if (!server) return;
    const status = change.status ?? server.status;
    this.#picture.patchServer(id, change);
    if (status !== server.status) this.#tellServer(server, status, change.lastError ?? undefined);
  }

  /** A new life of a server: what its ports answered before says nothing of it. */
  startsAnew(id: ServerId): void {
    for (const port of this.#picture.portsOf(id)) this.#answered.delete(port.id);
  }

  /** Its ports are to answer once more before they are believed. */
  asksAnew(id: ServerId): void {
    this.startsAnew(id);
    for (const port of this.#picture.portsOf(id)) this.#refreshPort(port);
  }

  /**
   * Its state says nothing of it: it is that of an earlier run, since no switch and no database has told of its link in this one, or it
   * waits for an answer while there is no switch to ask it through.
   */
  isStale({ switchPort, status }: ServerPort): boolean {
    if (switchPort === null) return false;
    return !this.#linkBySource.has(switchPort) || (status === "BUILD" && !this.#canAsk());
  }

  /** Ports that wait for their first answer. */
  unanswered(): ServerPort[] {
    return this.#picture.waitingPorts();
  }

  /** A server that is gone, and its switch ports, leave nothing behind for others of the same name. */
  forget(id: ServerId, switchPorts: readonly string[]): void {
    if (!this.#picture.servers.has(id)) {
      this.#last.delete(id); // Else it was made anew on another host.
      this.#stoppedMs.delete(id);
      this.#storage.delete(id);
      this.#diskFailures.delete(id);
    }
    for (const name of switchPorts) this.#forgetLink(name);
  }

  /** With the storage whose failure it may come from, where there was one: of a server that stands still or is silent. */
  #explained(evidence: Evidence, of: ServerId | null): Evidence {
    const failure = of === null ? undefined : this.#diskFailures.get(of);
    const mayBeOfIt = (evidence.says === "paused" || evidence.says === "silent") && evidence.storage === undefined;
    if (failure === undefined || !mayBeOfIt || evidence.seenAt - failure.seenAt > DISK_FAILURE_MS) return evidence;
    const detail = evidence.detail === undefined ? failure.why : `${evidence.detail}; ${failure.why}`;
    return { ...evidence, storage: failure.storage, detail };
  }

  #tell(evidence: Evidence): void {
    this.#events.push({ type: "evidence", evidence });
    if (IN_FAVOUR.has(evidence.says)) this.#act();
    if (this.#gathered !== null) this.#gathered.push(evidence);
    else this.#listener.onEvidence([evidence]);
  }

  #act(): void {
    const gathered = this.#gathered ?? [];
    this.#gathered = null;
    if (gathered.length > 0) this.#listener.onEvidence(gathered);
  }

  #isDown(switchPort: string): boolean {
    return this.#picture.portsOn(switchPort).some((p) => p.status === "DOWN");
  }

  #forgetLink(switchPort: string): void {
    this.#link.delete(switchPort);
    this.#linkBySource.delete(switchPort);
    this.#lostMs.delete(switchPort);
  }

  #serverIs(server: Server, status: ServerStatus): void {
    // Until the start is done its end is told by the one who starts it; an ERROR stays until somebody rebuilds or deletes.
    if (server.status === status || server.status === "CREATING" || server.status === "ERROR") return;
    this.#picture.patchServer(server.id, { status });
    this.#tellServer(server, status);
  }

  #tellServer(server: Server, status: ServerStatus, lastError?: string): void {
    const told = { type: "server.status", serverId: server.id, status, was: server.status } as const;
    this.#events.push(lastError === undefined ? told : { ...told, lastError });
    if (status !== "ACTIVE") this.startsAnew(server.id);
    else if (server.status !== "PAUSED") this.#listener.onNewLife(server.id);
    for (const port of this.#picture.portsOf(server.id)) this.#refreshPort(port);
  }

  #refreshPort(port: ServerPort): void {
    const server = port.serverId === null ? null : (this.#picture.servers.get(port.serverId)?.status ?? null);
    const isLinkUp = port.switchPort === null ? null : (this.#link.get(port.switchPort) ?? null);
    // Through somebody else's controller no probe is sent, and so no answer is waited for.
    const isAskable = port.switchPort !== null && datapathOf(port.switchPort) === null;
    const status = portStatus(port, { server, isLinkUp, hasAnswered: this.#answered.has(port.id), isAskable });
    if (status === port.status) return;
    this.#picture.patchPort(port.id, { status });
    const { id: portId, netId, serverId } = port;
    this.#events.push({ type: "port.status", portId, netId, serverId, status, was: port.status });
  }
}
