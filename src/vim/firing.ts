import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { ArmedMember, Fired, KeptProtection, PlanFired } from "../model/armed.ts";
import { type Evidence, SOURCES } from "../model/evidence.ts";
import type { GroupId, ServerId, VnfcId } from "../model/ids.ts";
import type { Applied } from "../model/switch.ts";
import type { ServerPort } from "../model/vim-picture.ts";
import { storeSwitchOver } from "../store/vim-protections.ts";
import {
  hasFired,
  isWholly,
  memberOf,
  planOf,
  type Reckoned,
  reckon,
  type Sight,
  type Speaks,
  servicePorts,
  silenceSpeaks,
  Tick,
} from "./armed-plans.ts";
import type { VimEvents } from "./events.ts";
import type { Fabrics } from "./fabrics.ts";
import type { Picture } from "./picture.ts";
import { ReadyPlans } from "./ready-plans.ts";
import { isLater } from "./refusals.ts";
import { type BindChange, type Fence, type Piece, type SwitchOver, SwitchOvers } from "./switch-over.ts";

export interface Membership {
  readonly protection: KeptProtection;
  readonly member: ArmedMember;
}

/** A member that something speaks against. */
export interface Hit extends Membership {
  readonly evidence: Evidence;
}

/** A member with the moves of its plan that can be made. */
interface Shot extends Membership {
  readonly moves: readonly Extract<Reckoned, { readonly obstacle: null }>[];
  readonly because: string;
}

export interface FiringParts {
  readonly picture: Picture;
  readonly fabric: Fabrics;
  readonly events: VimEvents;
  readonly clock: Clock;
  readonly log: Log;
  /** The ports of this server are to answer once more before they are believed. */
  readonly asksAnew: (id: ServerId) => void;
}

/** Of a source that may be wrong about a member that is only slow. */
export const isOpinion = ({ says }: Evidence): boolean => says === "silent";

/** The end of these is not the end of a life: it may go on at any moment, so the port is closed and the subscribers are told. */
const MAY_GO_ON: ReadonlySet<Evidence["says"]> = new Set(["paused", "silent"]);

/**
 * Carries out plans: picture and wire first, then the subscribers, then the disk, then the switch's word is awaited. All hits of
 * one tick are one write.
 */
export class Firing {
  readonly #picture: Picture;
  readonly #fabric: Fabrics;
  readonly #events: VimEvents;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #overs: SwitchOvers;
  readonly ready: ReadyPlans;
  readonly #asksAnew: (id: ServerId) => void;
  readonly #tellRefused: (hit: Hit) => void;

  /** `sight`: what is known beside the picture, now. `refused`: told of each hit whose plan the switch has refused, when it is taken back. */
  constructor(parts: FiringParts, sight: () => Sight, refused: (hit: Hit) => void) {
    this.#tellRefused = refused;
    this.#picture = parts.picture;
    this.#fabric = parts.fabric;
    this.#events = parts.events;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#asksAnew = parts.asksAnew;
    this.#overs = new SwitchOvers(parts.picture, parts.fabric, parts.events);
    this.ready = new ReadyPlans(parts, this.#overs, (protection, failed) => this.#overOf(protection, failed, sight()));
  }

  /**
   * Nothing is fenced where nothing can be moved: the port of a member that still serves is not closed on a word against it. On an opinion it is
   * closed only where all that it serves goes to somebody who has proven himself, or to whoever is up when it has lasted. Facts go first: what they tell of serves nobody.
   */
  fire(hits: readonly Hit[], sight: Sight): void {
    const because = (h: Hit) => textOf(h.evidence);
    const tick = new Tick();
    const facts = this.#shots(
      hits.filter((h) => !isOpinion(h.evidence)),
      because,
      sight,
      tick,
    );
    const opinions = hits.filter((h) => isOpinion(h.evidence));
    const shots = [...facts, ...this.#wholly(opinions, because, sight, tick)];
    if (shots.length === 0) return;
    const pieces = shots.map((shot): Piece => {
      const over = { binds: bindsOf(this.#picture, [shot]), fences: this.#fencesFor(shot.member, shot.evidence) };
      return { over, ahead: this.ready.of(shot.protection, shot.member.id, over) };
    });
    void this.#carryOut(pieces, shots).catch(() => {}); // Said in the log there.
  }

  /** By command: fenced in any case; what its plans can move, in every protection it is a member of, goes with it, hold-off or not. */
  async fence(member: ArmedMember, memberships: readonly Membership[], sight: Sight): Promise<void> {
    const status = member.serverId === null ? null : this.#picture.servers.get(member.serverId)?.status;
    const tell = status === "INACTIVE" ? null : "fenced by command"; // A life that has ended was told already.
    const due = memberships.filter((m) => planOf(m.protection, m.member.id) && !hasFired(m.protection, m.member.id));
    const shots = this.#shots(due, () => "fenced by command", sight, new Tick());
    const fences = this.#fences(member, tell);
    if (shots.length + fences.length > 0)
      await this.#carryOut([{ over: { binds: bindsOf(this.#picture, shots), fences }, ahead: null }], shots);
  }

  /** Lifts fences. Resolves when it is confirmed and stored. */
  async open(ports: readonly ServerPort[], why: string): Promise<void> {
    const fences = ports.map((p) => ({ portId: p.id, fenced: false, tell: why }));
    await this.#carryOut([{ over: { binds: [], fences }, ahead: null }], []);
  }

  /** What `fire` would lead if this member's server ended now, or the way to it was lost; null where nothing can be moved. */
  #overOf(protection: KeptProtection, failed: VnfcId, sight: Sight): SwitchOver | null {
    const member = memberOf(protection, failed);
    if (member === undefined || hasFired(protection, failed)) return null;
    const shots = this.#shots([{ protection, member }], () => "", sight, new Tick());
    const fences = member.serverId === null ? [] : this.#fences(member, null);
    return shots.length === 0 ? null : { binds: bindsOf(this.#picture, shots), fences };
  }

  /** Of members that opinions speak against: those of which everything can be moved. A member of several protections counts in all. */
  #wholly(hits: readonly Hit[], because: (hit: Hit) => string, sight: Sight, tick: Tick): (Hit & Shot)[] {
    const byMember = Map.groupBy(hits, (h) => h.member.dataNet);
    return [...byMember.values()].flatMap((own) => {
      const speaks = silenceSpeaks(this.#picture, sight, own[0]!.member);
      const shots = this.#shots(own, because, sight, tick, speaks);
      const moves = shots.flatMap((s) => s.moves);
      if (isWholly(this.#picture, own[0]!.member, new Set(moves.map((m) => m.move.trafficNet)))) return shots;
      for (const { move, target } of moves) tick.giveBack(move.trafficNet, target);
      return [];
    });
  }

  /** Those of which a move can be made. */
  #shots<T extends Membership>(
    hits: readonly T[],
    because: (hit: T) => string,
    sight: Sight,
    tick: Tick,
    speaks: Speaks = "fact",
  ): (T & Shot)[] {
    const shots = hits.map((hit) => ({
      ...hit,
      moves: reckon(this.#picture, sight, hit.protection, hit.member.id, tick, speaks).filter((r) => r.obstacle === null),
      because: because(hit),
    }));
    return shots.filter((s) => s.moves.length > 0);
  }

  /** A port whose link is down is closed by itself, and opens by itself: no fence, which only a new life would lift. */
  #fencesFor(member: ArmedMember, evidence: Evidence): Fence[] {
    if (evidence.says === "linkDown") return [];
    return this.#fences(member, MAY_GO_ON.has(evidence.says) ? `fenced by armed protection: ${textOf(evidence)}` : null);
  }

  #fences(member: ArmedMember, tell: string | null): Fence[] {
    const open = servicePorts(this.#picture, member).filter((p) => !p.fenced);
    return open.map((p) => ({ portId: p.id, fenced: true, tell }));
  }

  /** Up to its first await everything is on the wire and told. Rejects, with all taken back, when the switch refuses. */
  async #carryOut(pieces: readonly Piece[], shots: readonly (Shot & Partial<Hit>)[]): Promise<void> {
    const firedAt = this.#clock.now();
    const written = this.#overs.leadAll(pieces);
    const over = { binds: pieces.flatMap((p) => p.over.binds), fences: pieces.flatMap((p) => p.over.fences) };
    const onWireAt = written === null ? null : this.#clock.now();
    const fired = shots.map((shot) => this.#fired(shot, firedAt, onWireAt));
    for (const f of fired) this.#events.push({ type: "protection.fired", fired: f });
    const stored = this.#store(over, fired).catch((err: unknown) => {
      this.#log.error({ err }, "a switch-over stands in the switch but could not be stored");
      return err;
    });
    try {
      const applied = await (written ?? this.#fabric.reconcile());
      if (applied !== null) this.#confirm(fired, applied);
    } catch (e) {
      if (!isLater(e)) {
        for (const { protection, member, evidence } of shots) if (evidence) this.#tellRefused({ protection, member, evidence });
        await this.#takeBack(over, fired, e);
        throw e;
      }
    }
    const failure = await stored;
    if (failure !== undefined) throw failure;
  }

  /** Remembered at once, so that the next piece of evidence in this tick does not fire it again. */
  #fired({ protection, member, moves, because }: Shot, firedAt: number, onWireAt: number | null): Fired {
    const { id: protectionId, revision } = protection;
    const mark: PlanFired = { failed: member.id, revision, at: this.#clock.wall().toISOString() };
    this.#mark(protectionId, (had) => [...had.filter((f) => f.failed !== member.id), mark]);
    return {
      protectionId,
      revision,
      failed: member.id,
      moves: moves.map((m) => m.move),
      because: [because, ...(planOf(protection, member.id)?.because ?? [])],
      firedAt,
      onWireAt,
      barrierAt: null,
    };
  }

  #mark(id: GroupId, change: (had: readonly PlanFired[]) => readonly PlanFired[]): void {
    const kept = this.#picture.protections.get(id);
    if (kept) this.#picture.protections.set(id, { ...kept, fired: change(kept.fired) });
  }

  #confirm(fired: readonly Fired[], { onWireAt, barrierAt }: Applied): void {
    for (const f of fired) this.#events.push({ type: "protection.confirmed", fired: { ...f, onWireAt, barrierAt } });
  }

  /** The plan is armed again: another source may fire it, and the MANO has heard that it did not work. */
  async #takeBack(over: SwitchOver, fired: readonly Fired[], refusal: unknown): Promise<void> {
    const why = refusal instanceof Error ? refusal.message : String(refusal);
    this.#log.warn({ err: refusal, binds: over.binds, fired }, "the switch refused a switch-over: it was taken back");
    const back = this.#overs.backOf(over, `taken back: ${why}`);
    // The fabric distrusts itself and reads the switch in its next pass.
    if (back !== null) this.#overs.lead(back)?.catch(() => {});
    // What was said against the member still holds: its port is not to be believed before it answers.
    for (const { portId } of back?.fences ?? []) {
      const serverId = this.#picture.ports.get(portId)?.serverId ?? null;
      if (serverId !== null) this.#asksAnew(serverId);
    }
    for (const f of fired) {
      this.#mark(f.protectionId, (had) => had.filter((h) => h.failed !== f.failed || h.revision !== f.revision));
      this.#events.push({ type: "protection.refused", fired: f, why });
    }
    await this.#store(over, fired).catch((err: unknown) =>
      this.#log.error({ err }, "a refused switch-over is still in the store"),
    );
  }

  /** Rows as they stand when their turn comes. */
  #store(over: SwitchOver, fired: readonly Fired[]): Promise<void> {
    return this.#picture.change(async () => {
      await new Promise(setImmediate); // What came in the same moment goes on the wire before the disk holds this thread.
      const { db, nets, ports, protections } = this.#picture;
      await storeSwitchOver(
        db,
        over.binds.flatMap((b) => nets.get(b.netId) ?? []),
        over.fences.flatMap((f) => ports.get(f.portId) ?? []),
        fired.flatMap((f) => protections.get(f.protectionId) ?? []),
      );
    });
  }
}

const bindsOf = (picture: Picture, shots: readonly Shot[]): SwitchOver["binds"] =>
  shots.flatMap((s) => s.moves.map(({ move, target, was }) => bindOf(picture, { netId: move.trafficNet, target, was })));

/** A net that is led into two already goes on to be: the two change places, and no entry changes but for the fence. */
function bindOf({ nets }: Picture, change: BindChange): BindChange {
  const wasCopy = nets.get(change.netId)?.copyNet ?? null;
  return wasCopy === null ? change : { ...change, wasCopy, copy: wasCopy === change.target ? change.was : null };
}

const textOf = ({ about, says, source, detail }: Evidence): string => `${about.kind} ${says} (${detail ?? SOURCES[source].text})`;
