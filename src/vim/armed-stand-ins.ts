import type { Clock } from "../lib/clock.ts";
import type { KeptProtection } from "../model/armed.ts";
import type { NetId } from "../model/ids.ts";
import type { StandIns } from "../steer/stand-ins.ts";
import { memberOf } from "./armed-plans.ts";
import type { Capacities } from "./capacities.ts";
import { type Picture, RECORD_DELAY_MS } from "./picture.ts";

/** The first of a traffic net is the first choice. */
interface Way {
  readonly trafficNet: NetId;
  readonly from: NetId;
  readonly to: NetId;
}

/**
 * The armed plans as the switch can carry them out by itself when a port is lost (OpenFlow 1.3 fast failover). They follow the
 * protections a moment later and together: a host that fails makes many of them change.
 * Until then the fabric sees the ones it has written, so that a switch-over in between is computed from what stands there.
 * A switch cannot count: a member of a pool stands in there for no more nets than it has room for, should all of them be lost at once.
 */
export class ArmedStandIns implements StandIns, Disposable {
  readonly #picture: Picture;
  readonly #capacities: Capacities;
  readonly #clock: Clock;
  readonly #write: (nets: Iterable<NetId>) => void;
  readonly #end = new AbortController();
  #ways: readonly Way[];
  #byNet: ReadonlyMap<NetId, readonly Way[]>;
  #byTarget: ReadonlyMap<NetId, readonly Way[]>;
  /** Traffic nets for which no member has room left. */
  #crowded: ReadonlySet<NetId>;
  #isDue = false;

  /** `write`: brings the switch to what is asked of it for these nets; called after that has changed. */
  constructor(picture: Picture, capacities: Capacities, clock: Clock, write: (nets: Iterable<NetId>) => void) {
    this.#picture = picture;
    this.#capacities = capacities;
    this.#clock = clock;
    this.#write = write;
    ({ ways: this.#ways, crowded: this.#crowded } = this.#asked());
    this.#byNet = Map.groupBy(this.#ways, (way) => way.trafficNet);
    this.#byTarget = Map.groupBy(this.#ways, (way) => way.to);
  }

  [Symbol.dispose](): void {
    this.#end.abort();
  }

  /** What was armed or disarmed last is asked for. */
  get isCurrent(): boolean {
    return !this.#isDue;
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

  /** Why the switch alone would not move this net; undefined: nothing of ours is against it. */
  whyNot(trafficNet: NetId): string | undefined {
    return this.#crowded.has(trafficNet)
      ? "those that could stand in for it do so for others, and a switch cannot count"
      : undefined;
  }

  /** Something was armed or disarmed, or led to a member that may carry only so much. */
  changed(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    const follow = () => {
      this.#isDue = false;
      const { ways, crowded } = this.#asked();
      this.#crowded = crowded;
      const was = this.#byNet;
      this.#ways = ways;
      this.#byNet = Map.groupBy(ways, (way) => way.trafficNet);
      this.#byTarget = Map.groupBy(ways, (way) => way.to);
      const nets = concernedBy(was, this.#byNet);
      if (nets.size > 0) this.#write(nets);
    };
    this.#clock.sleep(RECORD_DELAY_MS, this.#end.signal).then(follow, () => {}); // Disposed: nothing to follow.
  }

  #asked(): { ways: readonly Way[]; crowded: ReadonlySet<NetId> } {
    const all = [...this.#picture.protections.values()].flatMap(waysOf);
    if (this.#capacities.isEmpty) return { ways: all, crowded: new Set() };
    return withinRoom(all, (dataNet) => this.#capacities.roomOf(dataNet));
  }
}

/** Traffic nets whose stand-ins are others than before, and all that served or stood in for them, or does. */
function concernedBy(was: ReadonlyMap<NetId, readonly Way[]>, now: ReadonlyMap<NetId, readonly Way[]>): ReadonlySet<NetId> {
  const nets = new Set<NetId>();
  for (const net of new Set([...was.keys(), ...now.keys()])) {
    const [before = [], after = []] = [was.get(net), now.get(net)];
    if (JSON.stringify(before) === JSON.stringify(after)) continue;
    for (const { from, to } of [...before, ...after]) nets.add(net).add(from).add(to);
  }
  return nets;
}

/** Each traffic net reserves one place, with the first choice that has one left; then what is left is given to the further choices. Pure. */
function withinRoom(all: readonly Way[], roomOf: (dataNet: NetId) => number) {
  const places = new Map<NetId, Set<NetId>>();
  const isFree = ({ trafficNet, to }: Way) => {
    const taken = places.get(to) ?? new Set();
    if (!taken.has(trafficNet) && taken.size >= roomOf(to)) return false;
    places.set(to, taken.add(trafficNet));
    return true;
  };
  const byNet = [...Map.groupBy(all, (way) => `${way.trafficNet} ${way.from}`).values()];
  const first = new Set(byNet.flatMap((choices) => choices.find(isFree) ?? []));
  const ways = all.filter((way) => first.has(way) || isFree(way));
  const led = new Set(ways.map((way) => way.trafficNet));
  return { ways, crowded: new Set(all.flatMap((way) => (led.has(way.trafficNet) ? [] : way.trafficNet))) };
}

/** A switch knows no hold-off: where one is asked for, only this daemon acts. */
function waysOf(protection: KeptProtection): Way[] {
  if (protection.holdOffMs > 0) return [];
  return protection.plans.flatMap((plan) => {
    const from = memberOf(protection, plan.failed)?.dataNet;
    return plan.moves.flatMap(({ trafficNet, to, orElse }) =>
      [to, ...orElse].flatMap((id) => {
        const target = memberOf(protection, id)?.dataNet;
        return from === undefined || target === undefined ? [] : [{ trafficNet, from, to: target }];
      }),
    );
  });
}
