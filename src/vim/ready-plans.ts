import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { KeptProtection } from "../model/armed.ts";
import type { GroupId, NetId, VnfcId } from "../model/ids.ts";
import type { Ahead } from "./ahead.ts";
import type { Fabrics } from "./fabrics.ts";
import type { Picture } from "./picture.ts";
import type { SwitchOver, SwitchOvers } from "./switch-over.ts";

/** How long changes are left to come in before plans are worked out again. */
const SETTLE_MS = 20;
/** So many are worked out in one go, some ms, or looked at; then others have a turn. */
const AT_ONCE = 10;
const LOOKED_AT_ONCE = 100;
const REST_MS = 5;

interface Ready {
  readonly text: string;
  readonly ahead: Ahead;
}

/** Of one protection: its plans that are worked out, and the nets that any of its plans follows from. */
interface OfGroup {
  readonly plans: ReadonlyMap<VnfcId, Ready>;
  readonly nets: ReadonlySet<NetId>;
}

const NONE: OfGroup = { plans: new Map(), nets: new Set() };

/**
 * What the plan against each member would write if its server ended now, worked out while nothing happens: then firing is to look
 * whether anything has changed since, and to send bytes. It is only ever a short cut: where it does not fit, the work is done as ever.
 * A change of a net costs the plans that follow from it, however many others there are.
 */
export class ReadyPlans implements Disposable {
  readonly #picture: Picture;
  readonly #fabric: Fabrics;
  readonly #overs: SwitchOvers;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #overOf: (protection: KeptProtection, failed: VnfcId) => SwitchOver | null;
  readonly #groups = new Map<GroupId, OfGroup>();
  readonly #followers = new Map<NetId, Set<GroupId>>();
  readonly #end = new AbortController();
  #isRunning = false;
  #areAllDue = false;
  readonly #due = new Set<GroupId>();

  /** `overOf`: what would be led if this member ended now; null: nothing. */
  constructor(
    parts: { picture: Picture; fabric: Fabrics; clock: Clock; log: Log },
    overs: SwitchOvers,
    overOf: (protection: KeptProtection, failed: VnfcId) => SwitchOver | null,
  ) {
    this.#picture = parts.picture;
    this.#fabric = parts.fabric;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#overs = overs;
    this.#overOf = overOf;
    parts.fabric.onInStep(() => this.allChanged());
  }

  [Symbol.dispose](): void {
    this.#end.abort();
  }

  /** Something that plans may follow from has changed in this net. */
  netChanged(net: NetId): void {
    for (const id of this.#followers.get(net) ?? []) this.armed(id);
  }

  /** These plans are new, or changed, or gone. */
  armed(id: GroupId): void {
    this.#due.add(id);
    this.#begin();
  }

  /** Something has changed that any plan may follow from. */
  allChanged(): void {
    this.#areAllDue = true;
    this.#begin();
  }

  #begin(): void {
    if (this.#isRunning || this.#end.signal.aborted) return;
    this.#isRunning = true;
    this.#run()
      .catch((err: unknown) => {
        if (!this.#end.signal.aborted) this.#log.error({ err }, "plans could not be worked out ahead; they are when they fire");
      })
      .finally(() => {
        this.#isRunning = false;
      });
  }

  /** The work for exactly this switch-over of this plan, if there is any; the fabric looks whether it is still good. */
  of({ id }: KeptProtection, failed: VnfcId, over: SwitchOver): Ahead | null {
    const ready = this.#groups.get(id)?.plans.get(failed);
    return ready?.text === textOf(over) ? ready.ahead : null;
  }

  async #run(): Promise<void> {
    await new Promise(setImmediate); // Commonly it begins in the midst of a reaction, and a timer takes its time to be set.
    while (this.#areAllDue || this.#due.size > 0) {
      await this.#clock.sleep(SETTLE_MS, this.#end.signal);
      let [looked, done] = [0, 0];
      for (const id of this.#takeDue()) {
        const worked = this.#workOut(id);
        looked++;
        done += worked;
        if (looked < LOOKED_AT_ONCE && done < AT_ONCE) continue;
        [looked, done] = [0, 0];
        await this.#clock.sleep(REST_MS, this.#end.signal);
      }
    }
  }

  #takeDue(): ReadonlySet<GroupId> {
    const due = new Set(this.#areAllDue ? [...this.#picture.protections.keys(), ...this.#groups.keys()] : this.#due);
    this.#areAllDue = false;
    this.#due.clear();
    return due;
  }

  /** How many plans of it there were to work out. */
  #workOut(id: GroupId): number {
    const protection = this.#picture.protections.get(id); // As it is now: others had a turn in between.
    const had = this.#groups.get(id) ?? NONE;
    if (protection === undefined) {
      this.#keep(id, NONE);
      return 0;
    }
    const plans = new Map<VnfcId, Ready>();
    const nets = new Set<NetId>(protection.members.map((m) => m.dataNet));
    let worked = 0;
    for (const { failed, moves } of protection.plans) {
      for (const { trafficNet } of moves) nets.add(trafficNet);
      const known = had.plans.get(failed);
      const ready = this.#readyFor(protection, failed, known);
      if (ready === null) continue;
      if (ready !== known) worked++;
      plans.set(failed, ready);
      for (const net of ready.ahead.tied) nets.add(net);
    }
    this.#keep(id, { plans, nets });
    return worked;
  }

  #readyFor(protection: KeptProtection, failed: VnfcId, known: Ready | undefined): Ready | null {
    const over = this.#overOf(protection, failed);
    if (over === null) return null;
    const text = textOf(over);
    if (known?.text === text && this.#fabric.isGood(known.ahead)) return known;
    const ahead = this.#fabric.prepare(this.#overs.draftOf(over));
    return ahead === null ? null : { text, ahead };
  }

  #keep(id: GroupId, now: OfGroup): void {
    const had = this.#groups.get(id) ?? NONE;
    for (const net of had.nets) {
      if (now.nets.has(net)) continue;
      const followers = this.#followers.get(net);
      followers?.delete(id);
      if (followers?.size === 0) this.#followers.delete(net);
    }
    for (const net of now.nets) {
      const followers = this.#followers.get(net);
      if (followers === undefined) this.#followers.set(net, new Set([id]));
      else followers.add(id);
    }
    if (now === NONE) this.#groups.delete(id);
    else this.#groups.set(id, now);
  }
}

/** What of it concerns the switch. */
const textOf = ({ binds, fences }: SwitchOver): string =>
  [...binds.map((b) => `${b.netId}>${b.target}+${b.copy ?? "-"}`), ...fences.map((f) => `${f.portId}:${f.fenced}`)].join(" ");
