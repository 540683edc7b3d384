import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { FlowPhases, FlowTable } from "../model/flow.ts";
import type { DatapathId, NetId } from "../model/ids.ts";
import type { Net } from "../model/net.ts";
import type { Applied } from "../model/switch.ts";
import { afterChanges, flowChanges } from "../steer/changes.ts";
import { GroupIds } from "../steer/group-ids.ts";
import { NO_STAND_INS, type StandIns, withStandIns } from "../steer/stand-ins.ts";
import { wantedTable } from "../steer/wanted.ts";
import type { SwitchSession } from "../switch/session.ts";
import type { Picture } from "./picture.ts";

/** What the fabric needs of a session with a switch. */
export type FabricSwitch = Pick<SwitchSession, "datapath" | "version" | "ports" | "read" | "apply" | "packetOut" | "inOneWrite">;

const NOTHING: FlowTable = { entries: [], groups: [] };
/** A change on the wire during a read makes the answer old; after this many the next pass tries again. */
const READ_TRIES = 5;

/** What we take to stand in a switch: a table that was read or written, and changes since, worked in when somebody asks. */
class Believed {
  #table: FlowTable;
  #since: FlowPhases[] = [];

  constructor(table: FlowTable) {
    this.#table = table;
  }

  get table(): FlowTable {
    for (const phases of this.#since.splice(0)) this.#table = afterChanges(this.#table, phases);
    return this.#table;
  }

  changed(phases: FlowPhases): void {
    this.#since.push(phases);
  }
}

/** Leads the picture's nets into the switch: compares what is wanted with what is there and writes only the difference. */
export class Fabric {
  readonly #picture: Picture;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #wake: () => void;
  #session: FabricSwitch | null = null;
  /** null when only a read can tell. */
  #believed: Believed | null = null;
  /** What is believed is what the whole picture asks for. */
  #isInStep = false;
  #isHeld = false;
  #writes = 0;
  /** Changes that the switch has not confirmed yet. */
  readonly #underWay = new Set<Promise<Applied>>();
  readonly #problems = new Map<NetId, string>();
  readonly #notArmed = new Map<NetId, string>();
  readonly #groupIds = new GroupIds();
  #standIns: () => StandIns = () => NO_STAND_INS;
  /** Why this switch is not asked for stand-ins: the error it answered to them. It is asked again when it connects anew. */
  #refusal: string | null = null;

  constructor(picture: Picture, clock: Clock, log: Log, wake: () => void) {
    this.#picture = picture;
    this.#clock = clock;
    this.#log = log;
    this.#wake = wake;
  }

  get session(): FabricSwitch | null {
    return this.#session;
  }

  /** Our entries are known to stand in a switch, so that answers to our own probes find the way here. */
  get isStanding(): boolean {
    return this.#session !== null && this.#isInStep;
  }

  /** Nets that the switch cannot carry, and why. */
  get problems(): ReadonlyMap<NetId, string> {
    return this.#problems;
  }

  /** Traffic nets that the switch does not protect by itself as `standIns` asks, and why. */
  get notArmed(): ReadonlyMap<NetId, string> {
    return this.#notArmed;
  }

  /** Where to read which nets stand in for which; asked with every write, so a change of it is followed by `write` or `writeAround`. */
  useStandIns(standIns: () => StandIns): void {
    this.#standIns = standIns;
  }

  connected(session: FabricSwitch): void {
    this.#session = session;
    this.#refusal = null;
    this.distrust();
  }

  disconnected(datapath: DatapathId): void {
    if (this.#session?.datapath !== datapath) return;
    this.#session = null;
    this.distrust();
  }

  /** Something we sent may not stand in the switch: the next pass reads it. */
  distrust(): void {
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
    const wanted = this.#wanted(session, null);
    this.#groupIds.keepOnly(wanted);
    const phases = flowChanges(wanted, this.#believed.table);
    this.#isInStep = true;
    return this.#send(session, phases, this.#believed);
  }

  /**
   * Makes a change of the picture or the stand-ins that concerns `nets` alone, and writes it, as `write` does. The way of a
   * switch-over: what it costs depends on these nets and their stand-ins, not on how many others there are.
   */
  writeAround(nets: ReadonlySet<NetId>, change: () => void): Promise<Applied> | null {
    const session = this.#session;
    this.#isHeld = false;
    if (session === null || this.#believed === null || !this.#isInStep) {
      change();
      return this.write();
    }
    const tied = this.#tied(nets);
    const before = this.#wanted(session, tied);
    change();
    if (![...this.#tied(nets)].every((id) => tied.has(id))) return this.write(); // More is concerned than we looked at before.
    return this.#send(session, flowChanges(this.#wanted(session, tied), before), this.#believed);
  }

  /** As `write`, for a change of nets or ports that nobody waits for: a refusal is found again by the next pass. */
  writeUnattended(): void {
    this.#isHeld = false;
    this.follow();
  }

  /** After a change of the switch's own ports: entries for those that came, and none for those that went. */
  follow(): void {
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
      this.#groupIds.found(have);
      return true;
    }
    this.#wake();
    return false;
  }

  #send(session: FabricSwitch, phases: FlowPhases, believed: Believed): Promise<Applied> {
    if (phases.length === 0) return this.#settled();
    this.#writes++;
    const sent = session.apply(phases);
    believed.changed(phases);
    this.#underWay.add(sent);
    sent.then(
      () => this.#underWay.delete(sent),
      (err: unknown) => {
        this.#underWay.delete(sent);
        if (this.#standIns().size > 0) this.#refusal ??= refusalOfStandIns(err);
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

  /** The nets, with those that stand in for them and all that these carry. */
  #tied(nets: ReadonlySet<NetId>): ReadonlySet<NetId> {
    const known = this.#picture.nets;
    const bindOf = (id: NetId) => known.get(id)?.bindNet ?? null;
    const boundTo = (roots: ReadonlySet<NetId>) =>
      [...known.values()].filter((n) => n.bindNet !== null && roots.has(n.bindNet)).map((n) => n.id);
    return withStandIns(nets, this.#standIns(), bindOf, boundTo);
  }

  /**
   * What these nets ask for, or with null all. A port that the switch does not have would make it refuse the whole change:
   * such nets are carried without it.
   */
  #wanted(session: FabricSwitch, only: ReadonlySet<NetId> | null): FlowTable {
    const isAsked = (id: NetId | null) => only === null || (id !== null && only.has(id));
    const missing = new Map<NetId, string>();
    const isThere = (port: string, netId: NetId | null) => {
      if (session.ports.has(port)) return true;
      if (netId !== null) missing.set(netId, `switch port name '${port}' is not valid for the openflow controller`);
      return false;
    };
    const ports = [...this.#picture.ports.values()].filter(
      (p) => p.switchPort !== null && isAsked(p.netId) && isThere(p.switchPort, p.netId),
    );
    const asked = [...this.#picture.nets.values()].filter((n) => isAsked(n.id));
    const nets = asked.map((n) => {
      const outside = outsidePort(n);
      return outside === null || isThere(outside, n.id) ? n : { ...n, provider: null };
    });
    const asks = this.#standIns();
    const standIns = this.#refusal === null ? asks : NO_STAND_INS;
    const { table, problems, notArmed } = wantedTable(nets, ports, session.version, standIns, this.#groupIds);
    const why = this.#refusal === null ? notArmed : new Map([...asks.keys()].map((id) => [id, this.#refusal as string]));
    note(this.#problems, [...missing, ...problems], only && nets);
    note(this.#notArmed, why, only && nets);
    return table;
  }
}

/** Keeps what is known of other nets than these; null: of none. */
function note(known: Map<NetId, string>, news: Iterable<readonly [NetId, string]>, nets: readonly Net[] | null): void {
  if (nets === null) known.clear();
  for (const { id } of nets ?? []) known.delete(id);
  for (const [id, why] of news) known.set(id, why);
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

/** The switch port that a net's provider names. */
export const outsidePort = (net: Net): string | null => /^openflow:([^:]+)/.exec(net.provider ?? "")?.[1] ?? null;

/** True where the change stays wanted though the switch did not take it now: it is written when the switch comes back. */
export const isLater = (e: unknown): boolean => e instanceof Fault && (e.code === "SWITCH_NOT_CONNECTED" || e.code === "TIMEOUT");
