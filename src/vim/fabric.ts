import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { FlowChange, FlowPhases, FlowTable } from "../model/flow.ts";
import type { DatapathId, NetId } from "../model/ids.ts";
import type { Applied } from "../model/switch.ts";
import type { ServerPort, VimNet } from "../model/vim-picture.ts";
import { allPhases, flowChanges } from "../steer/changes.ts";
import { type StandIns, withStandIns } from "../steer/stand-ins.ts";
import type { FlowSwitch } from "../switch/flow-switch.ts";
import { type Ahead, bothOf, type Part } from "./ahead.ts";
import { Believed } from "./believed.ts";
import { asDrafted, asItStands, concernedBy, type Draft, draw, type Sketch, withCopies } from "./draft.ts";
import { type Picture, RECORD_DELAY_MS } from "./picture.ts";
import { Wish } from "./wish.ts";

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
  /** null when only a read can tell. */
  #believed: Believed | null = null;
  /** What is believed is what the whole picture asks for. */
  #isInStep = false;
  #isHeld = false;
  #writes = 0;
  /** Changes that the switch has not confirmed yet. */
  readonly #underWay = new Set<Promise<Applied>>();
  readonly #wish: Wish;
  /** Grows with everything but nets and ports that what is wanted follows from. */
  #generation = 0;
  #tellInStep: () => void = () => {};
  /** Ports that the switch lost since all was compared. */
  readonly #lostPorts = new Set<string>();
  #following: Promise<void> | null = null;

  constructor(picture: Picture, clock: Clock, log: Log, wake: () => void) {
    this.#picture = picture;
    this.#wish = new Wish(picture);
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

  /** Nets that the switch cannot carry, and why. */
  get problems(): ReadonlyMap<NetId, string> {
    return this.#wish.problems;
  }

  /** Traffic nets that the switch does not protect by itself as `standIns` asks, and why. */
  get notArmed(): ReadonlyMap<NetId, string> {
    return this.#wish.notArmed;
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
    this.#believed = null;
    this.#isInStep = false;
    this.#wake();
  }

  /**
   * Writes what differs from the picture, before it returns; null where no switch is connected or its table is not known yet.
   * Rejects with SWITCH_REFUSED or SWITCH_NOT_CONNECTED; the next pass then reads the switch anew.
   */
  write(): Promise<Applied> | null {
    const session = this.#session;
    if (session === null || this.#believed === null) return null;
    const phases = flowChanges(this.#wish.whole(session), this.#believed.table);
    this.#isInStep = true;
    this.#tellInStep();
    return this.#send(session, phases, this.#believed);
  }

  /**
   * Draws a change into the picture and writes it, as `write` does. The way of a switch-over: what it costs depends on the nets it
   * touches and their stand-ins, not on how many others there are.
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
    if (session === null || this.#believed === null || !this.#isInStep) {
      for (const { draft } of parts) draw(this.#picture, draft);
      return this.write();
    }
    const ready: [FlowChange[], FlowChange[], FlowChange[]] = [[], [], []];
    const rest: { nets: VimNet[]; ports: ServerPort[] } = { nets: [], ports: [] };
    for (const { draft, ahead } of parts) {
      if (ahead === null || !this.isGood(ahead)) {
        rest.nets.push(...draft.nets);
        rest.ports.push(...draft.ports);
        continue;
      }
      ahead.phases.forEach((phase, i) => {
        for (const change of phase) ready[i]?.push(change);
      });
      this.#wish.notePart(ahead.tied, ahead.wanted);
      draw(this.#picture, draft); // And so what shares a net with it is not good any more.
    }
    const isReady = ready.some((phase) => phase.length > 0);
    if (rest.nets.length + rest.ports.length === 0) return this.#send(session, ready, this.#believed);
    const first = isReady ? this.#send(session, ready, this.#believed) : null;
    const { phases, tied, wanted } = this.#workOut(session, rest);
    this.#wish.notePart(tied, wanted);
    draw(this.#picture, rest);
    const second = this.#send(session, phases, this.#believed);
    return first === null ? second : bothOf(first, second);
  }

  /** Works a change out before it is asked for, down to the bytes. Null where that cannot be done now. Changes nothing. */
  prepare(draft: Draft): Ahead | null {
    const session = this.#session;
    if (session?.encode === undefined || session.portsVersion === undefined || !this.#isInStep) return null;
    const { portsVersion } = session;
    const worked = this.#workOut(session, draft);
    session.encode(worked.phases);
    return { ...worked, session, portsVersion, generation: this.#generation, at: this.#picture.flowVersions.now };
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

  #workOut(session: FlowSwitch, draft: Draft): Pick<Ahead, "phases" | "tied" | "wanted"> {
    const nets = concernedBy(this.#picture, draft);
    const [before, after] = [asItStands(this.#picture), asDrafted(this.#picture, draft)];
    const tied = new Set([...this.#tied(before, nets), ...this.#tied(after, nets)]);
    const had = this.#wish.part(session, before, tied);
    const wanted = this.#wish.part(session, after, tied);
    return { phases: allPhases(wanted.table, had.table), tied, wanted };
  }

  /** The nets, with those that stand in for them and all that these carry. */
  #tied(sketch: Sketch, nets: ReadonlySet<NetId>): ReadonlySet<NetId> {
    const bindOf = (id: NetId) => sketch.net(id)?.bindNet ?? null;
    const boundTo = (root: NetId) => sketch.boundTo(root).map((n) => n.id);
    return withCopies(withStandIns(nets, this.#wish.standIns, bindOf, boundTo), sketch);
  }

  /** As `write`, for a change of nets or ports that nobody waits for: a refusal is found again by the next pass. */
  writeUnattended(): void {
    this.#isHeld = false;
    this.follow();
  }

  /**
   * After a change of the switch's own ports: entries for those that came, and none for those that went. A moment later and together:
   * ports come and go many at a time, and evidence that came with them is acted on first.
   */
  portsChanged(reason: "add" | "delete", name: string): void {
    if (reason === "delete") this.#lostPorts.add(name);
    else if (this.#lostPorts.has(name)) this.distrust(); // It came back with another number; what stands there leads to the old one.
    this.#following ??= this.#clock.sleep(RECORD_DELAY_MS).then(() => {
      this.#following = null;
      this.#lostPorts.clear();
      this.follow();
    });
  }

  /** Compares everything and writes what differs; a refusal is found again by the next pass. */
  follow(): void {
    this.#generation++;
    if (this.#isHeld) return;
    this.write()?.catch((err: unknown) => this.#log.warn({ err }, "flow entries were not taken; the next pass reads the switch"));
  }

  /** Reads the switch and writes what differs. Null when there is no switch, or the table was cleared on purpose. */
  async reconcile(): Promise<Applied | null> {
    if (this.#isHeld || !(await this.#read())) return null;
    return this.#isHeld ? null : this.write();
  }

  /**
   * Takes all our entries out of the switch. They stay out until the next change of a net, port or bind, a reinstall, or a
   * restart of this daemon: the operator who cleared them wants to see an empty switch, not the loop's answer to it.
   */
  async clear(): Promise<void> {
    this.#isHeld = true;
    await this.#read();
    if (this.#session === null || this.#believed === null || !this.#isHeld) return;
    this.#isInStep = false;
    await this.#send(this.#session, flowChanges(NOTHING, this.#believed.table), this.#believed);
  }

  /** The end of a `clear`, and a fresh look at the switch. */
  async reinstall(): Promise<Applied | null> {
    this.#isHeld = false;
    return this.reconcile();
  }

  /** False where there is no switch, or changes come faster than it can be read. */
  async #read(): Promise<boolean> {
    for (let tries = 0; tries < READ_TRIES; tries++) {
      const session = this.#session;
      if (session === null) return false;
      const writes = this.#writes;
      const have = await session.read();
      if (session !== this.#session || writes !== this.#writes) continue; // Read before or during a change: old.
      this.#believed = new Believed(have);
      this.#wish.found(have);
      return true;
    }
    this.#wake();
    return false;
  }

  #send(session: FlowSwitch, all: FlowPhases, believed: Believed): Promise<Applied> {
    const phases = all.filter((phase) => phase.length > 0);
    if (phases.length === 0) return this.#settled();
    this.#writes++;
    const sent = session.apply(phases);
    believed.changed(phases);
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

/**
 * What a switch that has no fast failover, or none that leads on to another group, answers to it (OFPET_GROUP_MOD_FAILED, 1.3,
 * 7.4.4.6). Traffic then goes on without stand-ins, which no controller's absence survives, but which is no worse than before.
 */
const NO_SUCH_GROUPS =
  /^(GROUP_MOD_FAILED\/(INVALID_GROUP|OUT_OF_\w+|CHAINING_UNSUPPORTED|WATCH_UNSUPPORTED|LOOP|BAD_TYPE|BAD_BUCKET|BAD_WATCH)|BAD_ACTION\/BAD_OUT_GROUP)$/;

function refusalOfStandIns(err: unknown): string | null {
  if (!(err instanceof Fault)) return null;
  const { error, change } = err.about;
  const isTheirs = NO_SUCH_GROUPS.test(String(error)) && /Group /.test(String(change));
  return isTheirs ? `the switch refused fast failover: ${error} for ${change}` : null;
}

/** True where the change stays wanted though the switch did not take it now: it is written when the switch comes back. */
export const isLater = (e: unknown): boolean => e instanceof Fault && LATER.has(e.code);
const LATER: ReadonlySet<string> = new Set(["SWITCH_NOT_CONNECTED", "TIMEOUT", "CONTROLLER_UNREACHABLE"]);
