import { type Failure, type LostHost, type Root, rootsOf } from "../detect/roots.ts";
import type { Clock } from "../lib/clock.ts";
import type { HostId, ServerId, VimAccountId } from "../model/ids.ts";
import type { VimAccount } from "../model/ns.ts";
import type { Inventory } from "../vimconn/connector.ts";
import type { AlarmBook } from "./alarms.ts";
import type { Guard } from "./guard.ts";

/** Names what several failures have in common: one root alarm for a lost host, to which the alarms of its members point. Off the reaction path. */
export class RootCauses {
  readonly #clock: Clock;
  readonly #alarms: AlarmBook;
  /** Since when each host is known to be lost, by the object its alarm is about. */
  readonly #lostAt = new Map<string, number>();

  constructor(clock: Clock, alarms: AlarmBook) {
    this.#clock = clock;
    this.#alarms = alarms;
  }

  /** After the groups of one VIM were decided on what was seen. */
  look(account: VimAccount, guards: readonly Guard[], seen: Inventory): void {
    const all = new Set(guards.flatMap((g) => g.members)); // A spare of several groups fails once.
    const members = [...all].filter((m) => m.member.vimAccountId === account.id);
    const hostOf = (id: ServerId) => seen.servers.get(id)?.hostId ?? null;
    const lost = this.#lost(
      account.id,
      members.map((m) => m.serverId),
      seen,
    );
    const failures = members.flatMap(({ member, serverId, health, toldAt }): Failure[] =>
      health.state === "down" ? [{ vnfcId: member.vnfcId, hostId: hostOf(serverId), sinceMs: toldAt ?? health.sinceMs }] : [],
    );
    for (const root of rootsOf(failures, lost)) if (root.host) this.#tell(account, root, root.host, seen);
    this.#forgetAllBut(new Set(lost.map((h) => objectOf(account.id, h.hostId))), account.id);
  }

  /** Hosts of a VIM that are up again, or have no server of ours any more. */
  #forgetAllBut(lost: ReadonlySet<string>, vim: VimAccountId): void {
    const isOver = (object: string) => object.startsWith(objectOf(vim, "")) && !lost.has(object);
    for (const object of this.#lostAt.keys()) if (isOver(object)) this.#lostAt.delete(object);
    for (const object of this.#alarms.activeOf("HOST_DOWN")) if (isOver(object)) this.#alarms.clear(object, "HOST_DOWN");
  }

  /** Hosts that are not up and have servers of members. */
  #lost(vim: VimAccountId, serverIds: readonly ServerId[], seen: Inventory): LostHost[] {
    const found = new Map<HostId, LostHost>();
    for (const id of serverIds) {
      const server = seen.servers.get(id);
      if (!server?.hostId || server.hostState === null || server.hostState === "up") continue;
      const object = objectOf(vim, server.hostId);
      const sinceMs = this.#lostAt.get(object) ?? this.#clock.now();
      this.#lostAt.set(object, sinceMs);
      found.set(server.hostId, { hostId: server.hostId, state: server.hostState, sinceMs });
    }
    return [...found.values()];
  }

  #tell(account: VimAccount, { failures }: Root, host: LostHost, seen: Inventory): void {
    const object = objectOf(account.id, host.hostId);
    const name = seen.hosts?.get(host.hostId) ?? host.hostId;
    const what = host.state === "gone" ? "is gone: it does not answer, and the links of its servers are lost" : "does not answer";
    void this.#alarms.raise(object, "HOST_DOWN", [
      `compute host ${name} of VIM ${account.name} ${what}`,
      `${failures.length} of our members on it are down`,
    ]);
    const resource = { faultyResource: { vimId: account.id, resourceId: host.hostId }, faultyResourceType: "COMPUTE" } as const;
    for (const { vnfcId } of failures)
      this.#alarms.explain(vnfcId, "VNFC_DOWN", { objectId: object, cause: "HOST_DOWN", resource });
  }
}

const objectOf = (vim: VimAccountId, host: string): string => `${vim}/${host}`;
