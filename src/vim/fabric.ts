import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { FlowPhases, FlowTable } from "../model/flow.ts";
import type { DatapathId, NetId } from "../model/ids.ts";
import type { Applied } from "../model/switch.ts";
import { datapathOf } from "../model/switch-port-name.ts";
import { flowChanges } from "../steer/changes.ts";
import type { StandIns } from "../steer/stand-ins.ts";
import type { FlowSwitch } from "../switch/flow-switch.ts";
import { type Ahead, addPhases, allOf, bothOf, joined, noChanges, type Part, restsApart } from "./ahead.ts";
import { Audit, PARTS_A_PASS, type PartSwitch } from "./audit.ts";
import { asDrafted, asItStands, type Draft, draw, touchedBy } from "./draft.ts";
import type { Place } from "./overlay.ts";
import { type Picture, RECORD_DELAY_MS } from "./picture.ts";
import { refusalOfStandIns } from "./refusals.ts";
import { Wish } from "./wish.ts";

/** What is said of changes that nobody waits for. */
export const NOT_TAKEN = "flow entries were not taken; the next pass reads the switch";

const isOwn = (switchPort: string): boolean => datapathOf(switchPort) === null;
const NOTHING: FlowTable = { entries: [], groups: [] };

/**
 * So many changes of one tick leave in one write. A switch does nothing for a bundle before it has all of it, and works all its ports out
 * anew after each: with two thousand ports that is some 8 ms, so there are few.
 */
const AHEADS_IN_A_WRITE = 512;
/** A change on the wire during a read makes the answer old; after this many the next pass tries again. */
const READ_TRIES = 5;

/** Leads the picture's nets into the switch: compares what is wanted with what is there and writes only the difference. */
export class Fabric {
  readonly #picture: Picture;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #wake: () => void;
  #session: FlowSwitch | null = null;
  /** What the whole picture asks for stands in the switch, or is on its way. */
  #isInStep = false;
  /** Where it is not: what was read from the switch; null when only a read can tell. */
  #found: FlowTable | null = null;
  #isHeld = false;
  #writes = 0;
  /** Changes that the switch has not confirmed yet. */
  readonly #underWay = new Set<Promise<Applied>>();
  readonly #wish: Wish;
  readonly #audit = new Audit();
  /** Grows with everything but nets and ports that what is wanted follows from. */
  #generation = 0;
  #tellInStep: () => void = () => {};
  /** Ports that the switch gained or lost and that are not followed yet; true: lost. */
  readonly #changedPorts = new Map<string, boolean>();
  #following: Promise<void> | null = null;

  /** `isMine`: whether a switch port of this name is one of the switch that is led here; left out: of the VIM's own. */
  constructor(picture: Picture, clock: Clock, log: Log, wake: () => void, isMine = isOwn) {
    this.#picture = picture;
    this.#wish = new Wish(picture, isMine);
    this.#clock = clock;
    this.#log = log;
    this.#wake = wake;
  }

  get session(): FlowSwitch | null {
    return this.#session;
  }

  /** Somebody took all entries out on purpose, and nothing has changed since. */
  get isCleared(): boolean {
    return this.#isHeld;
  }

  /** Our entries are known to stand in a switch, so that answers to our own probes find the way here. */
  get isStanding(): boolean {
    return this.#session !== null && this.#isInStep;
  }

  /** The switch has confirmed all that the picture asks for. */
  get isSettled(): boolean {
    return this.#session !== null && this.#isInStep && this.#underWay.size === 0;
  }

  /** Nets that the switch cannot carry, and why. */
  get problems(): ReadonlyMap<NetId, string> {
    return this.#wish.problems;
  }

  /** Traffic nets that the switch does not protect by itself as `standIns` asks, and why. */
  get notArmed(): ReadonlyMap<NetId, string> {
    return this.#wish.notArmed;
  }

  /** It is one of several bridges that are one switch together. */
  usePlace(place: Place): void {
    this.#wish.place = place;
  }

  /** Where to read which nets stand in for which; asked with every write, so a change of it is followed by `write` or `writeAround`. */
  useStandIns(standIns: StandIns): void {
    this.#wish.standIns = standIns;
  }

  /** Who is told each time that what stands in the switch has become, or is on its way to be, what the whole picture asks for. */
  onInStep(listener: () => void): void {
    this.#tellInStep = listener;
  }

  connected(session: FlowSwitch): void {
    this.#session = session;
    this.#wish.refusal = null; // It is asked again.
    this.distrust();
  }

  disconnected(datapath: DatapathId): void {
    if (this.#session?.datapath !== datapath) return;
    this.#session = null;
    this.distrust();
  }

  /** Something we sent may not stand in the switch: the next pass reads it. */
  distrust(): void {
    this.#generation++;
    this.#found = null;
    this.#isInStep = false;
    this.#wake();
  }

  /**
   * Writes what differs from the picture, before it returns; null where no switch is connected or its table is not known yet.
   * Rejects with SWITCH_REFUSED or SWITCH_NOT_CONNECTED; the next pass then reads the switch anew.
   */
  write(): Promise<Applied> | null {
    const session = this.#session;
    const have = this.#isInStep ? this.#wish.asked() : this.#found;
    if (session === null || have === null) return null;
    const phases = flowChanges(this.#wish.whole(session), have);
    this.#found = null;
    this.#isInStep = true;
    this.#tellInStep();
    return this.#send(session, phases);
  }

  /** As `write`, after a change that somebody else has drawn into the picture and that touches no more than these nets. */
  writeDrawn(nets: Iterable<NetId>): Promise<Applied> | null {
    this.#isHeld = false;
    return this.#session !== null && this.#isInStep ? this.#writeFor(this.#session, nets) : this.write();
  }

  /**
   * Draws a change into the picture and writes it, as `write` does. What it costs depends on the nets it touches and their stand-ins,
   * not on how many others there are.
   */
  writeAround(draft: Draft): Promise<Applied> | null {
    return this.writeAll([{ draft, ahead: null }]);
  }

  /**
   * As `writeAround`, for changes that leave together; of those that were worked out ahead, and that nothing has touched since, the work
   * is not done again.
   */
  writeAll(parts: readonly Part[]): Promise<Applied> | null {
    const session = this.#session;
    this.#isHeld = false;
    if (session === null || !this.#isInStep) {
      for (const { draft } of parts) draw(this.#picture, draft);
      return this.write();
    }
    const aheads = this.#allGood(parts);
    if (aheads !== null) return this.#sendAhead(session, parts, aheads);
    const ready = noChanges();
    const touched = new Set<NetId>();
    for (const { draft, ahead } of parts) {
      if (ahead !== null && this.isGood(ahead)) {
        addPhases(ready, ahead.phases);
        this.#wish.took(ahead);
      } else {
        for (const id of this.#reachOf(draft)) touched.add(id);
      }
      draw(this.#picture, draft); // And so what shares a net with it is not good any more.
    }
    if (touched.size === 0) return this.#send(session, ready);
    const first = ready.some((phase) => phase.length > 0) ? this.#send(session, ready) : null;
    const second = this.#writeFor(session, touched);
    return first === null ? second : bothOf(first, second);
  }

  /** Where each was worked out ahead, is still good, and follows from nothing that another of them changes. */
  #allGood(parts: readonly Part[]): Ahead[] | null {
    const aheads: Ahead[] = [];
    const tied = new Set<NetId>();
    for (const { ahead } of parts) {
      if (ahead === null || !this.isGood(ahead)) return null;
      for (const id of ahead.tied) {
        if (tied.has(id)) return null;
        tied.add(id);
      }
      aheads.push(ahead);
    }
    return aheads;
  }

  /** The bytes are there: they leave before anything is drawn and noted, and the switch begins with the first while the last are put together. */
  #sendAhead(session: FlowSwitch, parts: readonly Part[], aheads: readonly Ahead[]): Promise<Applied> {
    const sent: Promise<Applied>[] = [];
    const { moves, rests } = aheads.length < AHEADS_IN_A_WRITE ? { moves: aheads, rests: [] } : restsApart(aheads);
    for (let i = 0; i < moves.length; i += AHEADS_IN_A_WRITE)
      sent.push(this.#send(session, joined(moves.slice(i, i + AHEADS_IN_A_WRITE))));
    // Nothing leads to these groups any more: nobody waits for it, and one that is refused has the switch read.
    for (const rest of rests) this.#send(session, rest).catch(() => {});
    for (const ahead of aheads) this.#wish.took(ahead);
    for (const { draft } of parts) draw(this.#picture, draft);
    return sent.length === 1 ? sent[0]! : allOf(sent);
  }

  /** The entries of these nets, as the picture stands. */
  #writeFor(session: FlowSwitch, nets: Iterable<NetId>): Promise<Applied> {
    const work = this.#wish.workOut(session, nets);
    this.#wish.took(work);
    return this.#send(session, work.phases);
  }

  /** Works a change out before it is asked for, down to the bytes. Null where that cannot be done now. Changes nothing. */
  prepare(draft: Draft): Ahead | null {
    const session = this.#session;
    if (session?.encode === undefined || session.portsVersion === undefined || !this.#isInStep) return null;
    const { portsVersion } = session;
    const work = this.#wish.workOut(session, this.#reachOf(draft), asDrafted(this.#picture, draft));
    session.encode(work.phases);
    return { ...work, session, portsVersion, generation: this.#generation, at: this.#picture.flowVersions.now };
  }

  /** The nets that it touches, and those that they reach as they stand now. */
  #reachOf(draft: Draft): ReadonlySet<NetId> {
    return this.#wish.affectedBy(touchedBy(this.#picture, draft), asItStands(this.#picture));
  }

  /** Worked out anew it would be the same. */
  isGood({ session, portsVersion, generation, at, tied }: Ahead): boolean {
    return (
      this.#isInStep &&
      session === this.#session &&
      portsVersion === session.portsVersion &&
      generation === this.#generation &&
      this.#picture.flowVersions.areUnchangedSince(at, tied)
    );
  }

  /** As `writeAround`, for what is stored already and nobody waits for: a refusal is found again by the next pass. */
  writeUnattended(draft: Draft): void {
    this.writeAround(draft)?.catch((err: unknown) => this.#notTaken(err));
  }

  /** Something else than nets and ports has changed that the entries of these nets follow from. */
  followFor(nets: Iterable<NetId>): void {
    const touched = [...nets];
    this.#picture.flowVersions.touch(touched);
    if (this.#isHeld || this.#session === null) return;
    if (this.#isInStep) this.#writeFor(this.#session, touched).catch((err: unknown) => this.#notTaken(err));
    else this.write()?.catch((err: unknown) => this.#notTaken(err));
  }

  #notTaken(err: unknown): void {
    this.#log.warn({ err }, NOT_TAKEN);
  }

  /**
   * After a change of the switch's own ports: entries for those that came, and none for those that went. A moment later and together:
   * ports come and go many at a time, and evidence that came with them is acted on first.
   */
  portsChanged(reason: "add" | "delete", name: string): void {
    if (reason === "add" && this.#changedPorts.get(name)) this.distrust(); // Back with another number; what stands there leads to the old one.
    this.#changedPorts.set(name, reason === "delete");
    this.#following ??= this.#clock.sleep(RECORD_DELAY_MS).then(() => {
      this.#following = null;
      const changed = [...this.#changedPorts.keys()];
      this.#changedPorts.clear();
      this.followFor(new Set(changed.flatMap((port) => this.#picture.netsOn(port))));
    });
  }

  /** Compares everything and writes what differs; a refusal is found again by the next pass. */
  follow(): void {
    this.#generation++;
    if (this.#isHeld) return;
    this.write()?.catch((err: unknown) => this.#notTaken(err));
  }

  /**
   * Reads the switch and writes what differs; of a large table that is believed to be right, a few parts. Null when there is no switch,
   * or the table was cleared on purpose.
   */
  async reconcile(): Promise<Applied | null> {
    if (this.#isHeld) return null;
    const session = this.#session;
    const inParts = session !== null && this.#isInStep ? Audit.of(session, this.#wish.size) : null;
    if (inParts !== null && (await this.#isCounted(inParts))) return this.#auditParts(inParts);
    if (!(await this.#read())) return null;
    return this.#isHeld ? null : this.write();
  }

  /** As many entries as were asked for: what somebody else has emptied is found at once. */
  async #isCounted(session: PartSwitch): Promise<boolean> {
    for (let tries = 0; tries < READ_TRIES; tries++) {
      const writes = this.#writes;
      const count = await session.count();
      if (writes === this.#writes) return count === this.#wish.size;
    }
    return true; // Changes come too fast for it; each of them is confirmed.
  }

  async #auditParts(session: PartSwitch): Promise<Applied | null> {
    let all: Promise<Applied> = this.#settled();
    for (let i = 0; i < PARTS_A_PASS && session === this.#session && this.#isInStep; i++) {
      const writes = this.#writes;
      const { portsVersion } = session;
      const part = this.#audit.part(this.#wish.size);
      const have = await session.readPart(part);
      if (portsVersion !== session.portsVersion) continue;
      if (writes !== this.#writes || session !== this.#session || !this.#isInStep) continue; // Old; its turn comes again.
      const { mend, work } = this.#audit.compare(session, this.#wish, part, have);
      if (mend.length > 0) this.#log.warn({ part, changes: mend.flat().length }, "the switch did not have what it had confirmed");
      if (work.phases.some((phase) => phase.length > 0)) this.#log.error({ part }, "entries were not what the picture asks for");
      this.#wish.took(work);
      all = bothOf(all, bothOf(this.#send(session, mend), this.#send(session, work.phases)));
    }
    return all;
  }

  /**
   * Takes all our entries out of the switch. They stay out until the next change of a net, port or bind, a reinstall, or a
   * restart of this daemon: the operator who cleared them wants to see an empty switch, not the loop's answer to it.
   */
  async clear(): Promise<void> {
    this.#isHeld = true;
    await this.#read();
    const have = this.#found;
    if (this.#session === null || have === null || !this.#isHeld) return;
    this.#found = NOTHING;
    await this.#send(this.#session, flowChanges(NOTHING, have));
  }

  /** The end of a `clear`, and a fresh look at the switch. */
  async reinstall(): Promise<Applied | null> {
    this.#isHeld = false;
    return (await this.#read()) ? this.write() : null;
  }

  /** False where there is no switch, or changes come faster than it can be read. */
  async #read(): Promise<boolean> {
    for (let tries = 0; tries < READ_TRIES; tries++) {
      const session = this.#session;
      if (session === null) return false;
      const writes = this.#writes;
      const { portsVersion } = session;
      const have = await session.read();
      if (session !== this.#session || writes !== this.#writes) continue; // Read before or during a change: old.
      if (portsVersion !== session.portsVersion) continue; // Its parts were read with different numbers of ports.
      this.#isInStep = false;
      this.#found = have;
      this.#wish.found(have);
      return true;
    }
    this.#wake();
    return false;
  }

  #send(session: FlowSwitch, all: FlowPhases): Promise<Applied> {
    const phases = all.filter((phase) => phase.length > 0);
    if (phases.length === 0) return this.#settled();
    this.#writes++;
    const sent = session.apply(phases);
    this.#underWay.add(sent);
    sent.then(
      () => this.#underWay.delete(sent),
      (err: unknown) => {
        this.#underWay.delete(sent);
        if (!this.#wish.standIns.isEmpty) this.#wish.refusal ??= refusalOfStandIns(err);
        this.distrust();
      },
    );
    return sent;
  }

  /** There is nothing to write because it is on its way already: done when the switch has confirmed that, and refused when that is. */
  async #settled(): Promise<Applied> {
    const onWireAt = this.#clock.now();
    await Promise.all(this.#underWay);
    return { changes: 0, onWireAt, barrierAt: this.#clock.now() };
  }
}
