import { startMoves } from "../act/binds.ts";
import type { Clock } from "../lib/clock.ts";
import { inTurns } from "../lib/in-turns.ts";
import type { Log } from "../lib/log.ts";
import type { ProtectionGroupView } from "../model/group-view.ts";
import type { NsId, VimAccountId, VnfcId } from "../model/ids.ts";
import type { Ns, VimAccount, Vnfc } from "../model/ns.ts";
import { isReverting } from "../model/occurrence.ts";
import type { Decision, ProtectionCommand } from "../model/protection.ts";
import { EventStream } from "../notify/stream.ts";
import { readVimAccounts, updateCursor, upsertVimAccount, type VimAccountRecord } from "../store/mano-catalogue.ts";
import { readJournalExtent, readLastSeq } from "../store/mano-records.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { Inventory, VimConnector } from "../vimconn/connector.ts";
import { placeOf } from "./alarm-places.ts";
import { AlarmBook } from "./alarms.ts";
import { Apartness } from "./apart.ts";
import { Arming } from "./arming.ts";
import { Catalogue } from "./catalogue.ts";
import { Commands } from "./commands.ts";
import { FailoverBook } from "./failover-book.ts";
import { Fences } from "./fences.ts";
import { groupView } from "./group-views.ts";
import type { Guard } from "./guard.ts";
import { Healer } from "./healer.ts";
import { type HealingParts, healMembers } from "./healing.ts";
import { IncidentBook } from "./incidents.ts";
import { Lifecycle } from "./lifecycle.ts";
import type { LifecycleParts, Site } from "./lifecycle-parts.ts";
import { groundOf, type NamedLink } from "./links.ts";
import { readDeployments } from "./load.ts";
import { Occurrences } from "./occurrences.ts";
import { OperationWatch } from "./operation-watch.ts";
import { Outbox } from "./outbox.ts";
import { Owners } from "./owners.ts";
import { type Deployment, vimsOf } from "./plan.ts";
import type { Provisioning } from "./provisioning.ts";
import { Reaction } from "./reaction.ts";
import { ReferenceWatch } from "./reference-watch.ts";
import { RootCauses, tellStore } from "./roots.ts";
import { isBefore, refuseSharedNets } from "./shared-nets.ts";
import { type SinceByNet, setSince, takeUpRecords } from "./since.ts";
import { Spares } from "./spares.ts";
import type { StitchGround } from "./stitches.ts";
import { tellCutOff } from "./traffic-ports.ts";
import { type Turns, turnsOf } from "./turns.ts";
import { unexplainedMoves } from "./unexplained.ts";
import { VimNets } from "./vim-nets.ts";
import { VimWatch } from "./vim-watch.ts";
import { Wakes } from "./wakes.ts";
import { WriteQueue } from "./writes.ts";

export interface NfvoParts {
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly mode: "push" | "poll";
  readonly pollIntervalMs: number;
  connect(account: VimAccount): VimConnector;
  readonly provisioning?: Provisioning;
  /** By the names of VIM accounts, as the settings have them. */
  readonly links?: readonly NamedLink[];
  /** Until a service that runs must be able to fail over, ms. */
  readonly readyMaxMs: number;
}

/** The parts of the MANO put together: what runs, and in which order one pass does things. */
export class Nfvo implements AsyncDisposable {
  readonly owners: Owners;
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
  readonly outbox: Outbox;
  readonly occurrences: Occurrences;
  readonly operations: OperationWatch;
  readonly turns: Turns;
  readonly #healing: HealingParts;
  readonly #parts: NfvoParts;
  readonly #book: FailoverBook;
  readonly #fences: Fences;
  readonly #reference: ReferenceWatch;
  readonly #incidents: IncidentBook;
  readonly #roots: RootCauses;
  readonly #apart: Apartness;
  readonly #watches = new Map<VimAccountId, VimWatch>();
  readonly nets = new VimNets(this.#watches);
  readonly #runs: Promise<void>[] = [];
  readonly #stopped = new AbortController();
  readonly #wakes: Wakes;
  readonly #cursors = new Map<VimAccountId, number>();

  private constructor(parts: NfvoParts, stream: EventStream, writes: WriteQueue, alarms: AlarmBook, owners: Owners) {
    const { clock, log, db, mode, provisioning } = parts;
    this.#parts = parts;
    this.stream = stream;
    this.owners = owners;
    this.writes = writes;
    this.alarms = alarms;
    this.#apart = new Apartness(alarms, (id) => this.lifecycle.vnfcOf(id)?.vnfc.vimServerId);
    this.catalogue = new Catalogue(db, clock);
    this.outbox = new Outbox(stream, writes);
    this.occurrences = new Occurrences(db, clock, stream, writes, this.outbox);
    this.#book = new FailoverBook(clock, stream, writes, alarms, (failover) =>
      this.occurrences.switchedOver(this.lifecycle.of(failover.nsId), failover),
    );
    this.#incidents = new IncidentBook(clock, stream, writes);
    this.#roots = new RootCauses(clock, alarms, this.#book, this.#incidents);
    writes.onRefusal((why) => tellStore(alarms, why));
    const onHeal = (vnfcId: VnfcId, startedAt: string, ok: boolean | null, detail: string) => {
      this.occurrences.healed(this.lifecycle.vnfcOf(vnfcId)?.deployment, vnfcId, startedAt, ok, detail);
    };
    this.healer = new Healer({ db, clock, log, stream, alarms, writes, onHeal });
    const connectorOf = (id: VimAccountId) => this.watchOf(id).connector;
    const wake = (id: VimAccountId) => this.#watches.get(id)?.wake(); // It may be watched no more.
    this.#wakes = new Wakes(clock, wake, this.#stopped.signal);
    const onArmed = ({ group, vim }: Guard) => void (this.occurrences.runningOf(group.nsId) && wake(vim));
    this.arming = new Arming(clock, log, stream, mode, connectorOf, onArmed);
    const isGivenUp = (vnfcId: VnfcId) => alarms.isRaised(vnfcId, "HEAL_GAVE_UP");
    const isBeingHealed = (vnfcId: VnfcId) => this.healer.isUnderWay(vnfcId);
    const suspended = (guard: Guard) => new Map(guard.vims.flatMap((vim) => [...this.watchOf(vim).suspended]));
    this.#fences = new Fences({ clock, log, connectorOf, suspended, isGivenUp, isBeingHealed });
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
      connectorOf,
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
    const disarm: Arming["disarm"] = (guard, vim, signal) => this.arming.disarm(guard, vim, signal);
    const refuseTaken: LifecycleParts["refuseTaken"] = (d, all) =>
      refuseSharedNets(d, all.filter(isBefore(d)), owners, this.nets);
    const guardsOf = ({ ns }: Deployment) => this.reaction.guardsOf(ns.id);
    const around = { guardsOf, guardAdded, watched, disarm, wake, removed, provisioning, refuseTaken };
    const { healer, occurrences, outbox, arming, reaction } = this;
    const lifecycle = new Lifecycle({ db, clock, stream, writes, healer, occurrences, outbox, ...around });
    this.lifecycle = lifecycle;
    this.#healing = { clock, healer, lifecycle };
    const whyItCannotFire = (guard: Guard) => this.viewOf(guard).readyBecause;
    const dropped = (guard: Guard) => this.#dropGroup(guard);
    const forgotten = (gone: readonly Vnfc[]) => this.#forget(gone);
    const turns = turnsOf({
      ...{ db, clock, lifecycle, outbox, guardsOf, wake, occurrences, owners, nets: this.nets, watches: () => this.watches },
      ...{ catalogue: this.catalogue, alarms, healer, provisioning, arming, reaction, forgotten, dropped },
      stitchGround: this.stitchGround,
    });
    this.turns = turns;
    const looking = { guardsOf, whyItCannotFire, ...turns, readyMaxMs: parts.readyMaxMs };
    this.operations = new OperationWatch({ clock, alarms, healer, lifecycle, occurrences, ...looking });
    alarms.placedBy((id) => placeOf(id, this.lifecycle, this.reaction));
    this.#reference = new ReferenceWatch(clock, this.lifecycle, this.#book);
  }

  /** Takes up everything as the store has it. Does nothing yet. */
  static async open(parts: NfvoParts): Promise<Nfvo> {
    const writes = new WriteQueue(parts.db, parts.log, parts.clock, await readJournalExtent(parts.db));
    const stream = new EventStream(writes, parts.clock, await readLastSeq(parts.db));
    const alarms = await AlarmBook.open(parts.db, stream, writes, parts.clock);
    const nfvo = new Nfvo(parts, stream, writes, alarms, await Owners.load(parts.db));
    for (const account of await readVimAccounts(parts.db)) nfvo.#addWatch(account);
    await nfvo.#load();
    return nfvo;
  }

  /** Begins to watch every VIM, and so to act. */
  start(version: string): void {
    this.outbox.start();
    this.stream.push({ type: "mano.started", version });
    this.alarms.clearOfGone();
    for (const id of this.#watches.keys()) this.#run(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    for (const part of [this.reaction, this.arming, this.#fences, this.spares]) part.stop();
    await Promise.all(this.#runs);
    for (const watch of this.#watches.values()) {
      this.#keepCursor(watch);
      watch.connector[Symbol.dispose]();
    }
    await this.writes.flush();
  }

  /** A protection group as it is shown. */
  viewOf(guard: Guard): ProtectionGroupView {
    const heals = guard.group.members.flatMap((m) => this.healer.viewOf(m.vnfcId, m.name) ?? []);
    const more = { heals, spares: this.spares.viewOf(guard) };
    const armed = { ...this.arming.stateOf(guard), takesPlans: this.arming.takesPlans(guard) };
    return groupView(guard, this.commands.inPlace(guard.group.id), armed, more, this.#parts.clock.now());
  }

  get watches(): readonly VimWatch[] {
    return [...this.#watches.values()];
  }

  watchOf(id: VimAccountId): VimWatch {
    const watch = this.#watches.get(id);
    if (!watch) throw new Error(`no watch over VIM account ${id}`);
    return watch;
  }

  /** What joins VIMs is made of. */
  stitchGround = (): StitchGround => {
    const accounts = this.watches.map((w) => w.account);
    return groundOf(this.#parts.links ?? [], accounts, this.lifecycle.all);
  };

  /** A protection group by id or by name. Throws NOT_FOUND with those there are. */
  guardOf(idOrName: string): Guard {
    return this.reaction.find(idOrName);
  }

  /** Writes the account, then begins to watch it. */
  async addVim(account: VimAccount): Promise<void> {
    await upsertVimAccount(this.#parts.db, account, this.#parts.clock.wall().toISOString());
    if (this.#watches.has(account.id)) return;
    this.#addWatch({ ...account, cursor: null });
    this.#run(account.id);
  }

  /** Watches it no more; its account stays. No NS may be in it, or it is added again at once. */
  async dropVim(id: VimAccountId): Promise<void> {
    const watch = this.#watches.get(id);
    if (this.#watches.delete(id)) await watch?.end();
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
      onLost: (why) => this.#lost(watch, why),
      onBack: (awayMs) => {
        for (const id of this.lifecycle.awayFor(account.id, awayMs)) this.operations.awayFor(id, awayMs);
      },
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
    await this.outbox.load(db);
    await this.occurrences.load();
    const since: SinceByNet = new Map();
    for (const { deployment, groups } of await readDeployments(db)) {
      for (const group of groups) await takeUpRecords(db, this.#book, group, since);
      this.lifecycle.load(deployment, groups);
    }
    for (const guard of this.reaction.guards) setSince(guard, since, this.lifecycle.of(guard.group.nsId)?.ns.modifiedAt);
    await this.#incidents.load(db);
    await this.healer.load();
    this.occurrences.endOrphans(this.reaction, this.healer, this.lifecycle);
    await this.spares.load();
    await this.commands.restore(this.reaction.guards);
  }

  #isBusy(id: VimAccountId): boolean {
    const isGoingOn = (state: string | undefined) => state === "PROCESSING" || state === "ROLLING_BACK";
    const isWorkedOn = (d: Deployment) =>
      this.lifecycle.isInTransition(d) || isGoingOn(this.occurrences.runningOf(d.ns.id)?.state);
    return this.#book.isWaiting || this.lifecycle.all.some((d) => isWorkedOn(d) && vimsOf(d).includes(id));
  }

  #lost({ account }: VimWatch, why: string): void {
    this.reaction.see(account.id, `its VIM, ${account.name}, does not answer: ${why}`);
    this.#book.tellStuck();
    this.#roots.unreachable(account, this.reaction.guards);
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
    const vim = watch.account.id;
    const site: Site = { vim, connector: watch.connector, seen, signal };
    const own = this.lifecycle.inVim(vim).map((d) => d.ns.id);
    for await (const ns of inTurns(own)) this.lifecycle.noteStatuses(ns, vim, seen);
    const guards = this.reaction.guards.filter((g) => g.isIn(vim));
    for await (const guard of inTurns(guards)) await this.#passOver(guard, site);
    this.#wakes.in(this.#roots.look(watch.account, guards, seen), vim);
    for await (const ns of inTurns(own)) await this.#stepOf(ns, site);
    this.#book.tellStuck();
    this.#keepCursor(watch);
  }

  async #stepOf(ns: NsId, site: Site): Promise<void> {
    await this.lifecycle.step(ns, site);
    if (this.occurrences.runningOf(ns) === undefined && this.lifecycle.of(ns)?.asWritten === undefined) return;
    await this.lifecycle.exclusive(ns, async () => {
      const before = this.lifecycle.of(ns);
      const o = this.occurrences.runningOf(ns);
      const isSetAside = o?.state === "PROCESSING" && isReverting(o); // Who is to go then is not to be taken away.
      if (before && !isSetAside) await this.turns.scaler.step(before, site);
      const d = this.lifecycle.of(ns);
      if (d) await this.operations.look(d, site);
    });
  }

  async #passOver(guard: Guard, site: Site): Promise<void> {
    const { vim, connector, seen, signal } = site;
    const isFirst = !guard.isObserved;
    guard.observe(seen, vim);
    guard.see(vim, null, this.#parts.clock.now());
    this.reaction.observed(guard);
    if (!guard.isWatched) return;
    const isEntered = guard.vim === vim; // Binds are read back here.
    if (isEntered && (isFirst || this.#parts.mode === "push")) this.#book.recordFound(guard, unexplainedMoves(guard, this.#book));
    if (this.#parts.mode === "poll" && !isFirst) await this.#reference.afterPoll(guard, connector, seen, signal);
    const decision = this.reaction.decideNow(guard, isFirst ? "restart" : "poll", this.#parts.clock.now());
    if (!decision) return;
    if (isEntered) {
      this.#book.settle(guard, decision, seen.startedAt);
      this.#book.retried(guard, startMoves(connector, guard.group, this.#book.pendingMoves(guard)));
      tellCutOff(this.alarms, guard.group, seen);
    }
    this.#apart.look(guard, vim, seen);
    this.#wakes.in(await this.spares.pass(guard, decision, site), vim);
    this.#wakes.in(await healMembers(this.#healing, guard, decision, site), vim);
  }

  #forget(vnfcs: readonly Vnfc[]): void {
    for (const vnfc of vnfcs) {
      this.healer.forget(vnfc.id);
      this.spares.forget(vnfc.id);
    }
    this.alarms.clearAllOf(vnfcs.map((v) => v.id));
  }

  #removed(ns: Ns, vnfcs: readonly Vnfc[]): void {
    for (const guard of this.reaction.guardsOf(ns.id)) this.#dropGroup(guard);
    this.#forget(vnfcs);
  }

  #dropGroup(guard: Guard): void {
    this.#book.abandon(guard);
    this.commands.forget(guard);
    this.reaction.remove(guard);
    this.#fences.forget(guard);
    this.#apart.forget(guard);
    this.alarms.clearAllOf([guard.group.id]);
  }

  /** Where the next run goes on listening. Not exact on purpose: an event heard twice changes nothing. */
  #keepCursor({ account, cursor }: VimWatch): void {
    if (cursor === null || this.#cursors.get(account.id) === cursor) return;
    this.#cursors.set(account.id, cursor);
    this.writes.push((tx) => updateCursor(tx, account.id, cursor));
  }
}
