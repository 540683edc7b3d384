import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { KeptProtection } from "../model/armed.ts";
import type { VnfcId } from "../model/ids.ts";
import type { Ahead } from "./ahead.ts";
import type { Fabrics } from "./fabrics.ts";
import type { Picture } from "./picture.ts";
import type { SwitchOver, SwitchOvers } from "./switch-over.ts";

/** How long changes are left to come in before plans are worked out again. */
const SETTLE_MS = 20;
/** So many are worked out in one go, some ms; then others have a turn. */
const AT_ONCE = 10;
const REST_MS = 5;

interface Ready {
  readonly text: string;
  readonly ahead: Ahead;
}

/**
 * What the plan against each member would write if its server ended now, worked out while nothing happens: then firing is to look
 * whether anything has changed since, and to send bytes. It is only ever a short cut: where it does not fit, the work is done as ever.
 */
export class ReadyPlans implements Disposable {
  readonly #picture: Picture;
  readonly #fabric: Fabrics;
  readonly #overs: SwitchOvers;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #overOf: (protection: KeptProtection, failed: VnfcId) => SwitchOver | null;
  readonly #ready = new Map<string, Ready>();
  readonly #end = new AbortController();
  #isRunning = false;
  #isChanged = false;

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
    parts.fabric.onInStep(() => this.changed());
  }

  [Symbol.dispose](): void {
    this.#end.abort();
  }

  /** Something that plans may follow from has changed. */
  changed(): void {
    this.#isChanged = true;
    if (this.#isRunning || this.#end.signal.aborted || this.#picture.protections.size === 0) return;
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
  of(protection: KeptProtection, failed: VnfcId, over: SwitchOver): Ahead | null {
    const ready = this.#ready.get(keyOf(protection, failed));
    return ready?.text === textOf(over) ? ready.ahead : null;
  }

  async #run(): Promise<void> {
    while (this.#isChanged) {
      await this.#clock.sleep(SETTLE_MS, this.#end.signal);
      this.#isChanged = false;
      const stale = new Set(this.#ready.keys());
      let done = 0;
      for (const protection of [...this.#picture.protections.values()]) {
        for (const { failed } of protection.plans) {
          stale.delete(keyOf(protection, failed));
          if (this.#workOut(protection, failed) && ++done % AT_ONCE === 0) await this.#clock.sleep(REST_MS, this.#end.signal);
        }
      }
      for (const key of stale) this.#ready.delete(key);
    }
  }

  /** True where there was work to do. */
  #workOut({ id }: KeptProtection, failed: VnfcId): boolean {
    const protection = this.#picture.protections.get(id); // As it is now: others had a turn in between.
    if (protection === undefined) return false;
    const key = keyOf(protection, failed);
    const had = this.#ready.get(key);
    const over = this.#overOf(protection, failed);
    const text = over === null ? "" : textOf(over);
    if (had !== undefined && had.text === text && this.#fabric.isGood(had.ahead)) return false;
    this.#ready.delete(key);
    if (over === null) return false;
    const ahead = this.#fabric.prepare(this.#overs.draftOf(over));
    if (ahead !== null) this.#ready.set(key, { text, ahead });
    return true;
  }
}

const keyOf = (protection: KeptProtection, failed: VnfcId): string => `${protection.id} ${failed}`;
/** What of it concerns the switch. */
const textOf = ({ binds, fences }: SwitchOver): string =>
  [...binds.map((b) => `${b.netId}>${b.target}+${b.copy ?? "-"}`), ...fences.map((f) => `${f.portId}:${f.fenced}`)].join(" ");
