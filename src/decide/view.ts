import type { NetId, VnfcId } from "../model/ids.ts";
import type { Health, Member, Rest } from "../model/protection.ts";

/** What is seen of a group: the health of its members and who serves each traffic net (null: nobody). */
export interface GroupView {
  readonly health: ReadonlyMap<VnfcId, Health>;
  readonly serving: ReadonlyMap<NetId, VnfcId | null>;
  /** How many traffic nets of other groups a member carries; one that is not named carries none. */
  readonly carriedElsewhere?: ReadonlyMap<VnfcId, number>;
  /** Why other groups need a warm spare that stands in for them too to be awake; one that is not named is needed by none. */
  readonly neededElsewhere?: ReadonlyMap<VnfcId, string>;
  /** Where each warm spare is; one that is not named is awake. */
  readonly rest?: ReadonlyMap<VnfcId, Rest>;
}

const NEVER_SEEN: Health = { state: "unknown", sinceMs: 0, why: "it was never seen" };

export const healthOf = (view: GroupView, vnfc: VnfcId): Health => view.health.get(vnfc) ?? NEVER_SEEN;
export const isUp = (view: GroupView, m: Member): boolean => healthOf(view, m.vnfcId).state === "up";

/** A spare that rests counts as one that is up: it would be woken. For what is only played through. */
export function healthIfAwake(view: GroupView, vnfc: VnfcId): Health {
  const health = healthOf(view, vnfc);
  const rests = (view.rest?.get(vnfc) ?? "awake") !== "awake" && health.state !== "down";
  return rests ? { state: "up", sinceMs: health.sinceMs } : health;
}
