import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { FlowPhases, FlowTable } from "../model/flow.ts";
import type { DatapathId, NetId } from "../model/ids.ts";
import type { Applied } from "../model/switch.ts";
import { datapathOf } from "../model/switch-port-name.ts";
import { flowChanges } from "../steer/changes.ts";
import type { StandIns } from "../steer/stand-ins.ts";
import { EVERY_COOKIE, type FlowSwitch } from "../switch/flow-switch.ts";
import { type Ahead, addPhases, allApart, allOf, bothOf, joined, noChanges, type Part, writesOf } from "./ahead.ts";
import { Audit, PARTS_A_PASS, type PartSwitch } from "./audit.ts";
import { ChangedPorts } from "./changed-ports.ts";
import { asDrafted, asItStands, type Draft, draw, touchedBy } from "./draft.ts";
import type { Place } from "./overlay.ts";
import type { Picture } from "./picture.ts";
import { refusalOfStandIns } from "./refusals.ts";
import { Wish } from "./wish.ts";

/** What is said of changes that nobody waits for. */
export const NOT_TAKEN = "flow entries were not taken; the next pass reads the switch";

const isOwn = (switchPort: string): boolean => datapathOf(switchPort) === null;
const NOTHING: FlowTable = { entries: [], groups: [] };

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
  #comparing: Promise<Applied | null> | null = null;
  /** Grows with everything but nets and ports that what is wanted follows from. */
  #generation = 0;
  #tellInStep: () => void = () => {};
  readonly #changedPorts: ChangedPorts;

  /** `isMine`: whether a switch port of this name is one of the switch that is led here; left out: of the VIM's own. */
  constructor(picture: Picture, clock: Clock, log: Log, wake: () => void, isMine = isOwn) {
    this.#picture = picture;
    this.#wish = new Wish(picture, isMine);
    this.#clock = clock;
    this.#log = log;
    this.#wake = wake;
    this.#changedPorts = new ChangedPorts(clock, (ports) =>
      this.followFor(new Set(ports.flatMap((port) => picture.netsOn(port)))),
    );
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
    return this.#begin(session, flowChanges(this.#wish.whole(session), have));
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
    const aheads = allApart(parts, (ahead) => this.isGood(ahead));
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

  /** The bytes are there: they leave before anything is drawn and noted, and the switch begins with the first while the last are put together. */
  #sendAhead(session: FlowSwitch, parts: readonly Part[], aheads: readonly Ahead[]): Promise<Applied> {
    const { moves, rests } = writesOf(aheads);
    const sent = moves.map((works) => this.#send(session, joined(works)));
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
    const written = this.#isInStep ? this.#writeFor(this.#session, touched) : this.write();
    written?.catch((err: unknown) => this.#notTaken(err));
  }

  #notTaken(err: unknown): void {
    this.#log.warn({ err }, NOT_TAKEN);
  }

  /** After a change of the switch's own ports: entries for those that came, and none for those that went. */
  portsChanged(reason: "add" | "delete", name: string): void {
    if (reason === "add" && this.#changedPorts.isLost(name)) this.distrust(); // Back with another number; what stands there leads to the old one.
    this.#changedPorts.add(name, reason === "delete");
  }

  /** Compares everything and writes what differs; a refusal is found again by the next pass. */
  follow(): void {
    this.#generation++;
    if (!this.#isHeld) this.write()?.catch((err: unknown) => this.#notTaken(err));
  }

  /**
   * Looks at the switch and writes what differs; of a large table that is believed to be right, at a few parts. Null when there is no switch,
   * or the table was cleared on purpose.
   */
  async reconcile(): Promise<Applied | null> {
    if (this.#isHeld) return null;
    const session = this.#session;
    if (session !== null && this.#isInStep) {
      const inParts = Audit.of(session, this.#wish.size);
      if (inParts === null) return this.#readAll();
      if (await this.#audit.isCounted(inParts, this.#wish, () => this.#isNewAs(inParts))) return this.#auditParts(inParts);
    }
    return this.#lookAtAll();
  }

  async #readAll(): Promise<Applied | null> {
    return (await this.#read()) && !this.#isHeld ? this.write() : null;
  }

  /** Who asks while it is under way waits for the same: what has changed since it began is in it. */
  #lookAtAll(): Promise<Applied | null> {
    // Keys of tunnels that stand are known by all that stands.
    if (this.#session?.compare === undefined || this.#wish.place !== null) return this.#readAll();
    this.#comparing ??= this.#compareAll();
    return this.#comparing;
  }

  async #compareAll(): Promise<Applied | null> {
    try {
      for (let tries = 0; tries < READ_TRIES; tries++) {
        const session = this.#session;
        if (session?.compare === undefined || this.#isHeld) return null;
        const [isNew, { now }] = [this.#isNewAs(session), this.#picture.flowVersions];
        const want = this.#isInStep ? this.#wish.askedIn(EVERY_COOKIE) : this.#wish.telling(session);
        const unlike = await session.compare(want.tell, EVERY_COOKIE);
        if (!isNew() || this.#isHeld) continue;
        const work = this.#wish.mend(session, want, unlike, this.#picture.flowVersions.changedSince(now));
        this.#generation++; // Groups may have other numbers now than where a change was worked out ahead.
        this.#wish.tookAtLeisure(work);
        const others = Array.from(work.others, (phases) => this.#send(session, phases));
        return allOf([...others, this.#begin(session, work.phases)]);
      }
    } finally {
      this.#comparing = null; // What is asked from now on has not been looked at.
    }
    this.#wake();
    return null;
  }

  /** Writes what was lacking; from here on what the whole picture asks for stands there, or is on its way. */
  #begin(session: FlowSwitch, phases: FlowPhases): Promise<Applied> {
    this.#found = null;
    this.#isInStep = true;
    this.#tellInStep();
    return this.#send(session, phases);
  }

  /** Tells of what is read from now on whether it is still true when it has come: no change was written, and no port got another number. */
  #isNewAs(session: FlowSwitch): () => boolean {
    const [writes, generation, { portsVersion }] = [this.#writes, this.#generation, session];
    return () =>
      session === this.#session &&
      writes === this.#writes &&
      generation === this.#generation &&
      portsVersion === session.portsVersion;
  }

  async #auditParts(session: PartSwitch): Promise<Applied | null> {
    let all: Promise<Applied> = this.#settled();
    for (let i = 0; i < PARTS_A_PASS && session === this.#session && this.#isInStep; i++) {
      const isNew = this.#isNewAs(session);
      const part = this.#audit.part(this.#wish.size);
      const want = this.#wish.askedIn(part);
      const unlike = await session.compare(want.tell, part);
      if (!isNew()) continue; // Its turn comes again.
      const { mend, work } = this.#audit.compare(session, this.#wish, part, want, unlike);
      if (mend.length > 0) this.#log.warn({ part, changes: mend.flat().length }, "the switch did not have what it had confirmed");
      if (work.phases.some((phase) => phase.length > 0)) this.#log.error({ part }, "entries were not what the picture asks for");
      this.#wish.tookAtLeisure(work);
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
    return this.#lookAtAll();
  }

  /** False where there is no switch, or changes come faster than it can be read. */
  async #read(): Promise<boolean> {
    for (let tries = 0; tries < READ_TRIES; tries++) {
      const session = this.#session;
      if (session === null) return false;
      const isNew = this.#isNewAs(session);
      const have = await session.read();
      if (!isNew()) continue;
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
