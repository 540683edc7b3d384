import { startMoves } from "../act/binds.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { NetId, VimAccountId, VnfcId } from "../model/ids.ts";
import type { Ns, VimAccount, Vnfc } from "../model/ns.ts";
import type { Decision, Move, ProtectionCommand, ProtectionGroup } from "../model/protection.ts";
import { EventStream } from "../notify/stream.ts";
import { readNsd, readVimAccounts, updateCursor, upsertVimAccount, type VimAccountRecord } from "../store/mano-catalogue.ts";
import { readAllNs, readAllVnfcs, readGroups } from "../store/mano-ns.ts";
import { readFailoversOfGroup, readLastSeq } from "../store/mano-records.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { Inventory, VimConnector } from "../vimconn/connector.ts";
import { AlarmBook } from "./alarms.ts";
import { isPool, notSpread, togetherIn } from "./apart.ts";
import { Arming } from "./arming.ts";
import { Catalogue } from "./catalogue.ts";
import { Commands } from "./commands.ts";
import { FailoverBook } from "./failover-book.ts";
import { Fences } from "./fences.ts";
import { type Guard, isFenced, isWell, UNKNOWN_HEAL_MS, unansweredSince } from "./guard.ts";
import { Healer, type Patient } from "./healer.ts";
import { Lifecycle } from "./lifecycle.ts";
import { Reaction, vimOf } from "./reaction.ts";
import { ReferenceWatch } from "./reference-watch.ts";
import { RootCauses } from "./roots.ts";
import { Spares } from "./spares.ts";
import { usersCutOff } from "./traffic-ports.ts";
import { VimWatch } from "./vim-watch.ts";
import { WriteQueue } from "./writes.ts";

export interface NfvoParts {
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly mode: "push" | "poll";
  readonly pollIntervalMs: number;
  connect(account: VimAccount): VimConnector;
}

/** Records of one group that are looked at after a restart: the last move of each traffic net is among them. */
const RECORDS_LOOKED_AT = 200;

/** The parts of the MANO put together: what runs, and in which order one pass does things. */
export class Nfvo implements AsyncDisposable {
  readonly catalogue: Catalogue;
  readonly stream: EventStream;
  readonly writes: WriteQueue;
  readonly alarms: AlarmBook;
  readonly lifecycle: Lifecycle;
  readonly reaction: Reaction;
  readonly arming: Arming;
  readonly commands: Commands;
  readonly healer: Healer;
  readonly spares: Spares;
  readonly #parts: NfvoParts;
  readonly #book: FailoverBook;
  readonly #fences: Fences;
  readonly #reference: ReferenceWatch;
  readonly #roots: RootCauses;
  readonly #watches = new Map<VimAccountId, VimWatch>();
  readonly #runs: Promise<void>[] = [];
  readonly #stopped = new AbortController();
  readonly #sinceByRecord = new Map<NetId, string>();
  /** When the next pass over a VIM was asked for, monotonic ms. */
  readonly #wakesAt = new Map<VimAccountId, number>();
  readonly #cursors = new Map<VimAccountId, number>();

  private constructor(parts: NfvoParts, stream: EventStream, writes: WriteQueue, alarms: AlarmBook) {
    const { clock, log, db, mode } = parts;
    this.#parts = parts;
    this.stream = stream;
    this.writes = writes;
    this.alarms = alarms;
    this.#roots = new RootCauses(clock, alarms);
    this.catalogue = new Catalogue(db, clock);
    this.#book = new FailoverBook(clock, stream, writes, alarms);
    this.healer = new Healer({ db, clock, log, stream, alarms, writes });
    const connectorOf = (id: VimAccountId) => this.watchOf(id).connector;
    const wake = (id: VimAccountId) => this.watchOf(id).wake();
    const connectorFor = (guard: Guard) => connectorOf(vimOf(guard));
    this.arming = new Arming(clock, log, stream, mode, connectorFor);
    const isGivenUp = (vnfcId: VnfcId) => alarms.isRaised(vnfcId, "HEAL_GAVE_UP");
    const isBeingHealed = (vnfcId: VnfcId) => this.healer.isUnderWay(vnfcId);
    const suspended = (guard: Guard) => this.watchOf(vimOf(guard)).suspended;
    this.#fences = new Fences({ clock, log, connectorOf: connectorFor, suspended, isGivenUp, isBeingHealed });
    const onDecided = (guard: Guard, decision: Decision, command: ProtectionCommand | null) =>
      this.#decided(guard, decision, command);
    const onFired: Arming["fired"] = (guard, fired) => this.arming.fired(guard, fired);
    const wakeSpares = (guard: Guard, decision: Decision) => this.spares.wake(guard, decision);
    const said = { onDecided, onFired, wakeSpares };
    this.reaction = new Reaction({ clock, log, mode, stream, alarms, book: this.#book, connectorOf, wake, ...said });
    this.spares = new Spares({
      db,
      clock,
      log,
      stream,
      writes,
      connectorOf: connectorFor,
      armedOf: (guard) => this.arming.stateOf(guard),
      noteRest: (vnfcId, since) => this.lifecycle.noteRest(vnfcId, since),
    });
    this.commands = new Commands({
      db,
      clock,
      stream,
      alarms,
      writes,
      guardOf: (idOrName) => this.guardOf(idOrName),
      decideNow: (guard) => this.reaction.decideNow(guard, "command", clock.now()),
      rearm: (guard) => this.arming.settle(guard),
    });
    const guardAdded = (guard: Guard) => this.reaction.add(guard);
    const watched = (ns: Ns) => wake(ns.vimAccountId);
    const removed = (ns: Ns, vnfcs: readonly Vnfc[]) => this.#removed(ns, vnfcs);
    const disarm: Arming["disarm"] = (guard, signal) => this.arming.disarm(guard, signal);
    this.lifecycle = new Lifecycle({ db, clock, stream, writes, healer: this.healer, guardAdded, watched, disarm, removed });
    this.#reference = new ReferenceWatch(clock, this.lifecycle, this.#book);
  }

  /** Takes up everything as the store has it. Does nothing yet. */
  static async open(parts: NfvoParts): Promise<Nfvo> {
    const writes = new WriteQueue(parts.db, parts.log, parts.clock);
    const stream = new EventStream(writes, parts.clock, await readLastSeq(parts.db));
    const nfvo = new Nfvo(parts, stream, writes, await AlarmBook.open(parts.db, stream, writes, parts.clock));
    for (const account of await readVimAccounts(parts.db)) nfvo.#addWatch(account);
    await nfvo.#load();
    return nfvo;
  }

  /** Begins to watch every VIM, and so to act. */
  start(version: string): void {
    this.stream.push({ type: "mano.started", version });
    for (const id of this.#watches.keys()) this.#run(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    this.reaction.stop();
    this.arming.stop();
    this.#fences.stop();
    this.spares.stop();
    await Promise.all(this.#runs);
    for (const watch of this.#watches.values()) {
      this.#keepCursor(watch);
      watch.connector[Symbol.dispose]();
    }
    await this.writes.flush();
  }

  get watches(): readonly VimWatch[] {
    return [...this.#watches.values()];
  }

  watchOf(id: VimAccountId): VimWatch {
    const watch = this.#watches.get(id);
    if (!watch) throw new Error(`no watch over VIM account ${id}`);
    return watch;
  }

  /** A protection group by id or by name. Throws NOT_FOUND with those there are. */
  guardOf(idOrName: string): Guard {
    const guards = this.reaction.guards;
    const found = this.reaction.guardOf(idOrName) ?? guards.find((g) => g.group.name === idOrName);
    if (found) return found;
    const there = guards.map((g) => g.group.name).join(", ") || "none";
    throw new Fault("NOT_FOUND", `there is no protection group ${idOrName}; there are: ${there}`, { id: idOrName });
  }

  /** Writes the account, then begins to watch it. */
  async addVim(account: VimAccount): Promise<void> {
    await upsertVimAccount(this.#parts.db, account, this.#parts.clock.wall().toISOString());
    if (this.#watches.has(account.id)) return;
    this.#addWatch({ ...account, cursor: null });
    this.#run(account.id);
  }

  #addWatch(record: VimAccountRecord): void {
    const { cursor, ...account } = record;
    const { clock, log, mode, pollIntervalMs } = this.#parts;
    const watch = new VimWatch(account, this.#parts.connect(account), cursor, {
      clock,
      log,
      mode,
      pollIntervalMs,
      stream: this.stream,
      alarms: this.alarms,
      onEvents: (events) => this.reaction.onEvents(events),
      onInventory: (seen, signal) => this.#pass(watch, seen, signal),
      onLost: () => this.#book.tellStuck(),
      isBusy: () => this.#isBusy(account.id),
    });
    this.#watches.set(account.id, watch);
  }

  #run(id: VimAccountId): void {
    const running = this.watchOf(id).run(this.#stopped.signal);
    running.catch((err: unknown) => this.#parts.log.fatal({ err }, "the watch over a VIM ended by a bug"));
    this.#runs.push(running);
  }

  async #load(): Promise<void> {
    const { db } = this.#parts;
    const [all, vnfcs, groups] = [await readAllNs(db), await readAllVnfcs(db), await readGroups(db)];
    for (const ns of all) {
      const made = await readNsd(db, ns.nsdId);
      if (!made) throw new Error(`NS ${ns.id} is of NSD ${ns.nsdId}, which the store has not`);
      const own = groups.filter((g) => g.nsId === ns.id);
      for (const group of own) await this.#takeUpRecords(group);
      this.lifecycle.load({ ns, ...made, vnfcs: vnfcs.filter((v) => v.nsId === ns.id) }, own);
    }
    for (const guard of this.reaction.guards) this.#setSince(guard);
    await this.healer.load();
    await this.spares.load();
    await this.commands.restore(this.reaction.guards);
  }

  async #takeUpRecords(group: ProtectionGroup): Promise<void> {
    for (const record of await readFailoversOfGroup(this.#parts.db, group.id, RECORDS_LOOKED_AT)) {
      this.#book.resume(record);
      const isOfNow = (to: VnfcId) => group.members.some((m) => m.vnfcId === to); // And not of an earlier instantiation of the same NS.
      for (const move of record.moves) if (isOfNow(move.to)) this.#sinceByRecord.set(move.trafficNet, record.openedAt);
    }
  }

  #setSince(guard: Guard): void {
    const deployedAt = this.lifecycle.of(guard.group.nsId)?.ns.modifiedAt;
    for (const { netId } of guard.group.trafficNets) {
      const since = this.#sinceByRecord.get(netId) ?? deployedAt;
      if (since !== undefined) guard.setSince(netId, since);
    }
  }

  #isBusy(id: VimAccountId): boolean {
    return this.lifecycle.all.some((d) => d.ns.vimAccountId === id && this.lifecycle.isInTransition(d)) || this.#book.isWaiting;
  }

  /** What follows from a decision off the reaction path. */
  #decided(guard: Guard, decision: Decision, command: ProtectionCommand | null): void {
    this.commands.settle(guard, command, decision);
    this.spares.look(guard);
    for (const group of [guard, ...guard.sharers]) this.arming.want(group); // What a spare has room for concerns their plans too.
    if (this.#parts.mode === "push") this.#fences.look(guard);
  }

  /** One pass over one VIM: protected groups first, then what is being deployed or removed. */
  async #pass(watch: VimWatch, seen: Inventory, signal: AbortSignal): Promise<void> {
    const id = watch.account.id;
    const own = this.lifecycle.all.filter((d) => d.ns.vimAccountId === id).map((d) => d.ns.id);
    for (const ns of own) this.lifecycle.noteStatuses(ns, seen);
    const guards = this.reaction.guards.filter((g) => vimOf(g) === id);
    for (const guard of guards) await this.#passOver(guard, watch.connector, seen, signal);
    this.#roots.look(watch.account, guards, seen);
    for (const ns of own) await this.lifecycle.step(ns, watch.connector, seen, signal);
    this.#book.tellStuck();
    this.#keepCursor(watch);
  }

  async #passOver(guard: Guard, connector: VimConnector, seen: Inventory, signal: AbortSignal): Promise<void> {
    const isFirst = !guard.isObserved;
    guard.observe(seen);
    this.reaction.reindex();
    if (!guard.isWatched) return;
    if (isFirst || this.#parts.mode === "push") this.#recordUnexplained(guard);
    if (this.#parts.mode === "poll" && !isFirst) await this.#reference.afterPoll(guard, connector, seen, signal);
    const decision = this.reaction.decideNow(guard, isFirst ? "restart" : "poll", this.#parts.clock.now());
    if (!decision) return;
    this.#book.settle(guard, decision, seen.startedAt);
    this.#book.retried(guard, startMoves(connector, guard.group, this.#book.pendingMoves(guard)));
    this.#tellApart(guard, seen);
    this.#tellCutOff(guard, seen);
    const againMs = await this.spares.pass(guard, decision, seen, signal);
    if (againMs !== null) this.#wakeIn(againMs, vimOf(guard));
    await this.#heal(guard, decision, connector, seen, signal);
  }

  async #heal(guard: Guard, decision: Decision, connector: VimConnector, seen: Inventory, signal: AbortSignal): Promise<void> {
    const stuck = this.#stuck(guard);
    for (const of of guard.members) {
      const { vnfcId } = of.member;
      if (!guard.looksAfter(vnfcId)) continue;
      if (isWell(of)) this.healer.isUp(vnfcId);
      else if (of.rest.rest !== "awake")
        continue; // Only its cable is out: it rests on.
      else if (decision.heal.includes(vnfcId) || stuck.includes(vnfcId) || this.healer.isUnderWay(vnfcId)) {
        const spec = this.lifecycle.specOf(vnfcId, seen);
        if (!spec) continue;
        const server = seen.servers.get(spec.id);
        // A spare that somebody else has paused is not trusted.
        const isStrange = of.member.standby === "warm" && server?.status === "PAUSED";
        const patient: Patient = {
          vnfcId,
          groupId: guard.group.id,
          spec,
          server,
          port: seen.ports.find((p) => p.id === of.portId),
          health: of.health,
          isFenced: isFenced(of) || isStrange || stuck.includes(vnfcId),
          connector,
          mayTouch: () => of.health.state !== "up",
        };
        const againMs = await this.healer.heal(patient, signal);
        if (againMs !== null) this.#wakeIn(againMs, vimOf(guard));
      }
    }
  }

  #tellApart({ group, view }: Guard, seen: Inventory): void {
    const serverOf = (id: VnfcId) => this.lifecycle.vnfcOf(id)?.vnfc.vimServerId;
    const together = isPool(group) ? notSpread(group, view, seen, serverOf) : togetherIn(group, seen, serverOf);
    if (together === null) return;
    if (together.length > 0) void this.alarms.raise(group.id, "ANTI_AFFINITY_BROKEN", together);
    else this.alarms.clear(group.id, "ANTI_AFFINITY_BROKEN");
  }

  #tellCutOff({ group }: Guard, seen: Inventory): void {
    const lost = usersCutOff(group, seen);
    if (lost.length > 0) void this.alarms.raise(group.id, "TRAFFIC_PORT_DOWN", lost);
    else this.alarms.clear(group.id, "TRAFFIC_PORT_DOWN");
  }

  /** Members nobody knows anything of for so long that they do not come by themselves; only such as serve nothing. */
  #stuck(guard: Guard): VnfcId[] {
    const now = this.#parts.clock.now();
    const stuck = guard.members.filter((m) => {
      const sinceMs = unansweredSince(m);
      return sinceMs !== null && now - sinceMs >= UNKNOWN_HEAL_MS && guard.carriedBy(m.member.vnfcId) === 0;
    });
    return stuck.map((m) => m.member.vnfcId);
  }

  /** One more pass by then; the earliest wish counts. */
  #wakeIn(ms: number, id: VimAccountId): void {
    const { clock } = this.#parts;
    const atMs = clock.now() + ms;
    if (atMs >= (this.#wakesAt.get(id) ?? Number.POSITIVE_INFINITY)) return;
    this.#wakesAt.set(id, atMs);
    clock.sleep(ms, this.#stopped.signal).then(
      () => {
        if (this.#wakesAt.get(id) === atMs) this.#wakesAt.delete(id);
        this.watchOf(id).wake();
      },
      () => {}, // Stopped.
    );
  }

  /**
   * Traffic is led otherwise than the records say: a run before this one moved it and was killed before it could write that down, or
   * the VIM did and was killed before it could tell.
   */
  #recordUnexplained(guard: Guard): void {
    const found: { move: Move; because: string }[] = [];
    for (const { netId, name, normal } of guard.group.trafficNets) {
      const from = this.#book.ledTo(netId) ?? normal;
      const to = guard.servedBy(netId);
      if (to === null || to === from || guard.isMoving(netId) || this.#book.isAbout(guard, netId)) continue;
      const kind = guard.command?.to === to ? "command" : to === normal ? "failback" : "failover";
      const because = `found: ${name} is led otherwise than the last record says`;
      found.push({ move: { trafficNet: netId, from, to, kind }, because });
    }
    this.#book.recordFound(guard, found);
  }

  #removed(ns: Ns, vnfcs: readonly Vnfc[]): void {
    for (const vnfc of vnfcs) {
      this.healer.forget(vnfc.id);
      this.spares.forget(vnfc.id);
    }
    for (const guard of this.reaction.guards) {
      if (guard.group.nsId !== ns.id) continue;
      this.#book.abandon(guard);
      this.commands.forget(guard);
      this.reaction.remove(guard);
      this.alarms.clearAllOf([guard.group.id]);
    }
    this.alarms.clearAllOf(vnfcs.map((v) => v.id));
  }

  /** Where the next run goes on listening. Not exact on purpose: an event heard twice changes nothing. */
  #keepCursor({ account, cursor }: VimWatch): void {
    if (cursor === null || this.#cursors.get(account.id) === cursor) return;
    this.#cursors.set(account.id, cursor);
    this.writes.push((tx) => updateCursor(tx, account.id, cursor));
  }
}
