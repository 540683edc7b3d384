import { decide } from "../decide/decide.ts";
import { type GroupView, healthIfAwake } from "../decide/view.ts";
import type { HostId, ServerId, VimAccountId, VnfcId } from "../model/ids.ts";
import type { Health, Member, ProtectionGroup } from "../model/protection.ts";
import type { Inventory } from "../vimconn/connector.ts";
import type { AlarmBook } from "./alarms.ts";
import type { Guard } from "./guard.ts";

type ServerOf = (id: VnfcId) => ServerId | undefined;

/**
 * Which hot ones of these members of a group share a compute host, in words; none: they are apart, or there is but one host. Null: the VIM does not say
 * where a member is, so nothing is known. A spare stands in for any of them and may be beside one. Pure.
 */
export function togetherIn(members: readonly Member[], seen: Inventory, serverOf: ServerOf): string[] | null {
  const hot = members.filter((m) => m.standby === "hot");
  return sharedHosts(
    hot,
    seen,
    serverOf,
    (_, names, host) => `${names} are on one host, ${host}: its failure would take them all`,
  );
}

/** The same for a pool, which may have more members than there are hosts: hosts that carry so much of it that their failure would leave traffic unserved. `members`: those that may share one. Pure. */
export function notSpread(
  group: ProtectionGroup,
  members: readonly Member[],
  view: GroupView,
  seen: Inventory,
  serverOf: ServerOf,
): string[] | null {
  return sharedHosts(members, seen, serverOf, (own, names, host) => {
    const unserved = unservedWithout(group, view, new Set(own.map((m) => m.vnfcId)));
    if (unserved.length === 0) return [];
    return `${names} are on one host, ${host}: its failure would leave ${unserved.join(", ")} unserved`;
  });
}

function sharedHosts(
  members: readonly Member[],
  { servers, hosts }: Inventory,
  serverOf: ServerOf,
  told: (own: readonly Member[], names: string, host: string) => string | readonly string[],
): string[] | null {
  if (hosts === null) return null;
  if (hosts.size < 2) return [];
  const hostOf = ({ vnfcId }: Member): HostId | null => servers.get(serverOf(vnfcId) ?? ("" as ServerId))?.hostId ?? null;
  const found = [...Map.groupBy(members, hostOf)].flatMap(([hostId, own]) =>
    hostId === null || own.length < 2 ? [] : told(own, own.map((m) => m.name).join(" and "), hosts.get(hostId) ?? hostId),
  );
  return found.length === 0 && members.some((m) => hostOf(m) === null) ? null : found;
}

/** Traffic nets that nobody could take if these members failed at once. */
function unservedWithout(group: ProtectionGroup, view: GroupView, lost: ReadonlySet<VnfcId>): string[] {
  const down: Health = { state: "down", sinceMs: 0, seenBy: [], why: "as it would be" };
  const healthIf = (id: VnfcId) => [id, lost.has(id) ? down : healthIfAwake(view, id)] as const;
  const after = { ...view, health: new Map(group.members.map((m) => healthIf(m.vnfcId))) };
  const { unprotected } = decide({ ...group, policy: { ...group.policy, holdOffMs: 0 } }, after, null, 0);
  const mine = group.trafficNets.filter(({ netId }) => lost.has(view.serving.get(netId) ?? ("" as VnfcId)));
  return mine.filter(({ netId }) => unprotected.includes(netId)).map((n) => n.name);
}

/** Tells by an alarm which members of a group share a host, of all its VIMs together: members in several VIMs are apart. */
export class Apartness {
  readonly #alarms: AlarmBook;
  readonly #serverOf: ServerOf;
  readonly #together = new Map<Guard, Map<VimAccountId, readonly string[]>>();

  constructor(alarms: AlarmBook, serverOf: ServerOf) {
    this.#alarms = alarms;
    this.#serverOf = serverOf;
  }

  /** After an inventory of one VIM. */
  look(guard: Guard, vim: VimAccountId, seen: Inventory): void {
    const { group, view } = guard;
    const members = group.members.filter((m) => m.vimAccountId === vim);
    const found =
      group.scheme === "N_PLUS_M"
        ? notSpread(group, members, view, seen, this.#serverOf)
        : togetherIn(members, seen, this.#serverOf);
    if (found === null) return;
    const byVim = this.#together.get(guard) ?? new Map<VimAccountId, readonly string[]>();
    this.#together.set(guard, byVim.set(vim, found));
    const all = [...byVim.values()].flat();
    if (all.length > 0) void this.#alarms.raise(group.id, "ANTI_AFFINITY_BROKEN", all);
    else this.#alarms.clear(group.id, "ANTI_AFFINITY_BROKEN");
  }

  forget(guard: Guard): void {
    this.#together.delete(guard);
  }
}
