import type { Clock } from "../lib/clock.ts";
import type { KeptProtection } from "../model/armed.ts";
import type { NetId } from "../model/ids.ts";
import type { StandIns } from "../steer/stand-ins.ts";
import { memberOf } from "./armed-plans.ts";
import { type Picture, RECORD_DELAY_MS } from "./picture.ts";

interface Way {
  readonly trafficNet: NetId;
  readonly from: NetId;
  readonly to: NetId;
}

/**
 * The armed plans as the switch can carry them out by itself when a port is lost (OpenFlow 1.3 fast failover). They follow the
 * protections a moment later and together: a host that fails makes many of them change, and each change of the whole table costs.
 * Until then the fabric sees the ones it has written, so that a switch-over in between is computed from what stands there.
 */
export class ArmedStandIns implements StandIns, Disposable {
  readonly #picture: Picture;
  readonly #clock: Clock;
  readonly #write: () => void;
  readonly #end = new AbortController();
  #ways: readonly Way[];
  #byNet: ReadonlyMap<NetId, readonly Way[]>;
  #byTarget: ReadonlyMap<NetId, readonly Way[]>;
  #isDue = false;

  /** `write`: compares the whole picture with the switch; called after what is asked has changed. */
  constructor(picture: Picture, clock: Clock, write: () => void) {
    this.#picture = picture;
    this.#clock = clock;
    this.#write = write;
    this.#ways = this.#asked();
    this.#byNet = Map.groupBy(this.#ways, (way) => way.trafficNet);
    this.#byTarget = Map.groupBy(this.#ways, (way) => way.to);
  }

  [Symbol.dispose](): void {
    this.#end.abort();
  }

  get isEmpty(): boolean {
    return this.#ways.length === 0;
  }

  /** Of a traffic net that is bound to a member with a plan: the data nets that the plan leads it to. */
  of(trafficNet: NetId, serving: NetId): readonly NetId[] {
    const ways = this.#byNet.get(trafficNet)?.filter((way) => way.from === serving) ?? [];
    return ways.length < 2 ? ways.map((way) => way.to) : [...new Set(ways.map((way) => way.to))];
  }

  whom(standIn: NetId): readonly NetId[] {
    return (this.#byTarget.get(standIn) ?? []).map((way) => way.trafficNet);
  }

  /** Something was armed or disarmed. */
  changed(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    const follow = () => {
      this.#isDue = false;
      const asked = this.#asked();
      if (JSON.stringify(asked) === JSON.stringify(this.#ways)) return;
      this.#ways = asked;
      this.#byNet = Map.groupBy(asked, (way) => way.trafficNet);
      this.#byTarget = Map.groupBy(asked, (way) => way.to);
      this.#write();
    };
    this.#clock.sleep(RECORD_DELAY_MS, this.#end.signal).then(follow, () => {}); // Disposed: nothing to follow.
  }

  #asked(): Way[] {
    return [...this.#picture.protections.values()].flatMap(waysOf);
  }
}

/** A switch knows no hold-off: where one is asked for, only this daemon acts. */
function waysOf(protection: KeptProtection): Way[] {
  if (protection.holdOffMs > 0) return [];
  return protection.plans.flatMap((plan) =>
    plan.moves.flatMap(({ trafficNet, to }) => {
      const from = memberOf(protection, plan.failed)?.dataNet;
      const target = memberOf(protection, to)?.dataNet;
      return from === undefined || target === undefined ? [] : [{ trafficNet, from, to: target }];
    }),
  );
}
