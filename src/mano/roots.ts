import { speakersAgainst } from "../detect/judge.ts";
import { type Failure, type Lost, type LostHost, type Root, rootsOf } from "../detect/roots.ts";
import type { Clock } from "../lib/clock.ts";
import type { HostId, VimAccountId, VnfcId } from "../model/ids.ts";
import type { IncidentCause } from "../model/incident.ts";
import type { FaultyResourceInfo } from "../model/mano-event.ts";
import type { VimAccount } from "../model/ns.ts";
import type { VimCondition } from "../model/vim-condition.ts";
import type { Inventory } from "../vimconn/connector.ts";
import type { AlarmBook, AlarmCause } from "./alarms.ts";
import type { FailoverBook } from "./failover-book.ts";
import type { Guard, GuardedMember } from "./guard.ts";
import type { IncidentBook } from "./incidents.ts";

/** A VIM that restarts, and a switch that finds it again, are done within this; then it is an alarm. */
const SWITCH_ALARM_AFTER_MS = 3_000;

/** A lost thing as it is told: what the alarm is about, and in words. */
interface Told {
  readonly object: string;
  readonly alarm: "HOST_DOWN" | "STORAGE_LOST" | "SWITCH_DOWN";
  readonly cause: IncidentCause;
  readonly resource: FaultyResourceInfo;
}

/**
 * Names what several failures have in common: one root alarm for a lost host, storage or switch, to which the alarms of what failed of it
 * point, and one incident that holds their records. Off the reaction path.
 */
export class RootCauses {
  readonly #clock: Clock;
  readonly #alarms: AlarmBook;
  readonly #book: FailoverBook;
  readonly #incidents: IncidentBook;
  /** Since when each host, storage or switch is known to be away, by the object its alarm is about. */
  readonly #awayAt = new Map<string, number>();

  constructor(clock: Clock, alarms: AlarmBook, book: FailoverBook, incidents: IncidentBook) {
    this.#clock = clock;
    this.#alarms = alarms;
    this.#book = book;
    this.#incidents = incidents;
  }

  /** After the groups of one VIM were decided on what was seen. Answers how many ms later there may be something to tell; null: nothing by itself. */
  look(account: VimAccount, guards: readonly Guard[], seen: Inventory): number | null {
    const members = membersIn(account.id, guards);
    const lost = this.#lost(account, members, seen);
    const entered = guards.filter((g) => g.vim === account.id); // Their binds are this switch's to follow.
    for (const one of lost) if (one.kind === "switch") this.#tellSwitch(account, entered, one, seen);
    const failures = members.flatMap((of) => failureOf(of, seen));
    for (const root of rootsOf(failures, lost)) if (root.lost) this.#tellRoot(account, guards, root, root.lost, seen);
    this.#tellStore(account, seen.condition);
    const there = new Set(lost.map((l) => toldOf(account, l, seen).object));
    this.#clearAllBut(there, account.id);
    const isThere = ({ vimAccountId, resourceId }: IncidentCause) =>
      vimAccountId !== account.id || there.has(objectOf(account.id, resourceId));
    this.#incidents.settle(isThere, (id) => this.#book.isClosed(id));
    const away = this.#awayAt.get(objectOf(account.id, SWITCH));
    return away === undefined || there.has(objectOf(account.id, SWITCH))
      ? null
      : away + SWITCH_ALARM_AFTER_MS - this.#clock.now();
  }

  /**
   * A VIM does not answer, and its alarm may be raised: what hangs on its word is explained by it, unless something else explains it already.
   * A failover that it does not confirm; what a group has lost where all that is amiss is that members there are unknown. Never one
   * that was seen to fail.
   */
  unreachable(account: VimAccount, guards: readonly Guard[]): void {
    const resource: FaultyResourceInfo = {
      faultyResource: { vimId: account.id, resourceId: account.id },
      faultyResourceType: "NETWORK",
    };
    const explain = (objectId: string, cause: AlarmCause) => {
      if (!this.#alarms.isExplained(objectId, cause))
        this.#alarms.explain(objectId, cause, { objectId: account.id, cause: "VIM_UNREACHABLE", resource });
    };
    for (const guard of guards) {
      if (guard.vim === account.id && this.#book.pendingMoves(guard).length > 0) explain(guard.group.id, "FAILOVER_STUCK");
      const amiss = guard.members.filter((m) => m.health.state !== "up" && m.rest.rest === "awake");
      const isOurs = ({ member, health }: GuardedMember) => member.vimAccountId === account.id && health.state === "unknown";
      if (amiss.length === 0 || !amiss.every(isOurs)) continue;
      for (const cause of ["REDUNDANCY_LOST", "SERVICE_DOWN"] as const) explain(guard.group.id, cause);
    }
  }

  /** Hosts that are not up and have servers of members; storages for which members were paused; the switch, once its session is away for longer than a restart takes. */
  #lost(account: VimAccount, members: readonly GuardedMember[], seen: Inventory): Lost[] {
    const away = members.flatMap((m) => hostOf(m, seen) ?? []);
    const session = seen.condition?.switch ?? null;
    const isSwitchAway = session !== null && !session.isConnected && members.length > 0;
    const storages = [...new Set(members.flatMap((m) => (m.health.state === "down" ? (storageOf(m, seen) ?? []) : [])))];
    const things = [...away.map((h) => h.hostId), ...storages, ...(isSwitchAway ? [SWITCH] : [])];
    const objects = things.map((thing) => objectOf(account.id, thing));
    for (const object of this.#awayAt.keys())
      if (object.startsWith(objectOf(account.id, "")) && !objects.includes(object)) this.#awayAt.delete(object);
    for (const object of objects) if (!this.#awayAt.has(object)) this.#awayAt.set(object, this.#clock.now());
    const since = (thing: string) => this.#awayAt.get(objectOf(account.id, thing)) ?? this.#clock.now();
    const hosts = new Map(away.map((h) => [h.hostId, { kind: "host", ...h, sinceMs: since(h.hostId) } as const]));
    const isLong = isSwitchAway && this.#clock.now() - since(SWITCH) >= SWITCH_ALARM_AFTER_MS;
    const full = storages.map((storage) => ({ kind: "storage", storage, sinceMs: since(storage) }) as const);
    return [...hosts.values(), ...full, ...(isLong ? [{ kind: "switch", sinceMs: since(SWITCH) } as const] : [])];
  }

  /** An alarm by itself: only what is armed in the switch works on. What waits for it, waits for that reason. */
  #tellSwitch(account: VimAccount, guards: readonly Guard[], lost: Lost, seen: Inventory): void {
    const { condition } = seen;
    const told = toldOf(account, lost, seen);
    const standIns = condition?.switch?.standIns ?? [];
    void this.#alarms.raise(told.object, told.alarm, [
      `${told.cause.name} has no session with it: ${condition?.switch?.why ?? "it has not connected since the VIM was started"}`,
      "it forwards on by what stands in it, as long as it runs; nothing can be changed in it, so no failover can be carried out but its own",
      `led on by itself when a port is lost: ${standIns.length === 0 ? "no traffic net" : standIns.join(", ")}`,
      "opinions that come by way of it (probe, traffic, paths) do not count; what is seen on the hosts does",
    ]);
    this.#explain(account.id, "AUTOMATION_STOPPED", told);
    for (const guard of guards) {
      if (this.#book.pendingMoves(guard).length > 0) this.#explain(guard.group.id, "FAILOVER_STUCK", told);
      const waiting = this.#book.waiting(guard).map((f) => f.about);
      if (waiting.length > 0) this.#note(told, new Set(waiting));
    }
  }

  /** These members, and the records of what they failed of, are of the cause that is told. */
  #note({ object, alarm, cause }: Told, members: ReadonlySet<VnfcId>): void {
    const incident = this.#incidents.found({ cause, alarmId: this.#alarms.idOf(object, alarm), members: [...members] });
    const records = this.#book.assign(incident.id, (f) => members.has(f.about));
    this.#incidents.has(incident, records);
  }

  #tellRoot(account: VimAccount, guards: readonly Guard[], { failures }: Root, lost: Lost, seen: Inventory): void {
    const told = toldOf(account, lost, seen);
    if (lost.kind === "host") {
      const what =
        lost.state === "gone" ? "is gone: it does not answer, and the links of its servers are lost" : "does not answer";
      const many = `${failures.length} of our members on it are down`;
      void this.#alarms.raise(told.object, "HOST_DOWN", [`${told.cause.name} ${what}`, many]);
    }
    if (lost.kind === "storage")
      void this.#alarms.raise(told.object, "STORAGE_LOST", [
        `${told.cause.name} could not be read or written: it is full, or has failed`,
        `${failures.length} of our members with disks on it were paused for that; a new life there does not help them before it is mended`,
      ]);
    const failed = new Set(failures.map((f) => f.vnfcId));
    for (const id of failed) this.#explain(id, "VNFC_DOWN", told);
    for (const guard of guards) this.#explainGroup(guard, failed, told);
    this.#note(told, failed);
  }

  /** What a group has lost is explained where all its members that are down are. */
  #explainGroup({ group, members }: Guard, failed: ReadonlySet<VnfcId>, told: Told): void {
    const down = members.filter((m) => m.health.state === "down");
    if (down.length === 0 || !down.every((m) => failed.has(m.member.vnfcId))) return;
    for (const cause of ["REDUNDANCY_LOST", "SERVICE_DOWN"] as const) this.#explain(group.id, cause, told);
  }

  #explain(objectId: string, cause: AlarmCause, { object, alarm, resource }: Told): void {
    this.#alarms.explain(objectId, cause, { objectId: object, cause: alarm, resource });
  }

  /** Hosts, storages and switches of a VIM that are there again, or have nothing of ours any more. */
  #clearAllBut(lost: ReadonlySet<string>, vim: VimAccountId): void {
    for (const cause of ["HOST_DOWN", "STORAGE_LOST", "SWITCH_DOWN"] as const)
      for (const object of this.#alarms.activeOf(cause))
        if (object.startsWith(objectOf(vim, "")) && !lost.has(object)) this.#alarms.clear(object, cause);
  }

  #tellStore(account: VimAccount, condition: VimCondition | null): void {
    const object = objectOf(account.id, "store");
    if (condition === null || condition.store.isWritable) this.#alarms.clear(object, "STORE_NOT_WRITABLE");
    else
      void this.#alarms.raise(object, "STORE_NOT_WRITABLE", [
        `VIM ${account.name} cannot write its store: ${condition.store.why}`,
        "it goes on leading traffic, and takes no new wishes; what it learns now is lost if it restarts",
      ]);
  }
}

/** Our own store refuses, in these words; null: it takes again. The alarm is told and shown though it cannot be written. */
export function tellStore(alarms: AlarmBook, why: string | null): void {
  if (why === null) alarms.clear("mano/store", "STORE_NOT_WRITABLE");
  else
    void alarms.raise("mano/store", "STORE_NOT_WRITABLE", [
      `the MANO cannot write its store: ${why}`,
      "failovers go on and their records wait in memory; no new wish can be taken, and what waits is lost if the MANO restarts",
    ]);
}

/** A spare of several groups is one member. */
function membersIn(vim: VimAccountId, guards: readonly Guard[]): GuardedMember[] {
  return [...new Set(guards.flatMap((g) => g.members))].filter((m) => m.member.vimAccountId === vim);
}

/** The host of a member, where it is not up; null: it is, or nobody says. */
function hostOf({ serverId }: GuardedMember, { servers }: Inventory): Omit<LostHost, "kind" | "sinceMs"> | null {
  const server = servers.get(serverId);
  if (!server?.hostId || server.hostState === null || server.hostState === "up") return null;
  return { hostId: server.hostId, state: server.hostState };
}

function failureOf(of: GuardedMember, seen: Inventory): Failure[] {
  const { member, serverId, health, toldAt, words } = of;
  if (health.state !== "down") return [];
  const isLinkOnly = speakersAgainst(words).every((w) => w.evidence.says === "linkDown");
  const hostId = seen.servers.get(serverId)?.hostId ?? null;
  const sinceMs = toldAt ?? health.sinceMs;
  return [{ vnfcId: member.vnfcId, hostId, sinceMs, isLinkOnly, storage: storageOf(of, seen) }];
}

/** A folder says which storage it is on its own host alone; "<host> <folder>" then. */
function storageOf({ storageLost, serverId }: GuardedMember, { servers }: Inventory): string | null {
  const isOfHost = storageLost?.startsWith("/") && !storageLost.startsWith("//"); // A share of CIFS.
  return storageLost !== null && isOfHost ? `${servers.get(serverId)?.hostId ?? "-"} ${storageLost}` : storageLost;
}

function toldOf({ id: vimId, name: vim }: VimAccount, lost: Lost, { hosts, condition }: Inventory): Told {
  if (lost.kind === "host") {
    const { hostId } = lost;
    const name = `compute host ${hosts?.get(hostId) ?? hostId} of VIM ${vim}`;
    return {
      object: objectOf(vimId, hostId),
      alarm: "HOST_DOWN",
      cause: { kind: "host", vimAccountId: vimId, resourceId: hostId, name },
      resource: { faultyResource: { vimId, resourceId: hostId }, faultyResourceType: "COMPUTE" },
    };
  }
  if (lost.kind === "storage") {
    const [, hostId, folder] = /^(\S+) (\/.*)$/s.exec(lost.storage) ?? [];
    const where = hostId === undefined ? lost.storage : `${folder} of compute host ${hosts?.get(hostId as HostId) ?? hostId}`;
    return {
      object: objectOf(vimId, lost.storage),
      alarm: "STORAGE_LOST",
      cause: { kind: "storage", vimAccountId: vimId, resourceId: lost.storage, name: `storage ${where} of VIM ${vim}` },
      resource: { faultyResource: { vimId, resourceId: lost.storage }, faultyResourceType: "STORAGE" },
    };
  }
  const datapath = condition?.switch?.datapath ?? null; // None where it never connected in this run of its VIM.
  const name = datapath === null ? `the switch of VIM ${vim}` : `switch ${datapath} of VIM ${vim}`;
  return {
    object: objectOf(vimId, SWITCH),
    alarm: "SWITCH_DOWN",
    cause: { kind: "switch", vimAccountId: vimId, resourceId: SWITCH, name },
    resource: { faultyResource: { vimId, resourceId: datapath ?? SWITCH }, faultyResourceType: "NETWORK" },
  };
}

/** A VIM leads one. */
const SWITCH = "switch";
const objectOf = (vim: VimAccountId, thing: string): string => `${vim}/${thing}`;
