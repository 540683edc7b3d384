import type { NetId, NsId, VnfcId } from "../model/ids.ts";
import type { Guard, GuardedMember } from "./guard.ts";

/** A member, and the groups it is in. */
export interface Subject {
  readonly of: GuardedMember;
  readonly guards: Guard[];
}

/**
 * Which groups a piece of evidence is about: found by server, by link port, by traffic net. A change costs what it touches, however many
 * groups there are. It also tells each group which others have a member in common with it.
 */
export class Subjects {
  readonly #bySubject = new Map<string, Subject>();
  readonly #byNet = new Map<NetId, Guard>();
  readonly #byNs = new Map<NsId, readonly Guard[]>();
  readonly #byMember = new Map<VnfcId, readonly Guard[]>();
  /** The ids under which each member is found. */
  readonly #idsOf = new Map<GuardedMember, ReadonlySet<string>>();

  add(guard: Guard): void {
    const { nsId, trafficNets } = guard.group;
    for (const { netId } of trafficNets) this.#byNet.set(netId, guard);
    this.#byNs.set(nsId, [...this.ofNs(nsId), guard]);
    for (const { vnfcId } of guard.group.members) this.#byMember.set(vnfcId, [...this.#with(vnfcId), guard]);
    this.#shareAround(guard);
    for (const of of guard.members) this.#indexMember(of);
  }

  remove(guard: Guard): void {
    const { nsId, trafficNets } = guard.group;
    for (const { netId } of trafficNets) if (this.#byNet.get(netId) === guard) this.#byNet.delete(netId);
    putOrDelete(this.#byNs, nsId, without(this.ofNs(nsId), guard));
    const around = guard.sharers;
    for (const { vnfcId } of guard.group.members) putOrDelete(this.#byMember, vnfcId, without(this.#with(vnfcId), guard));
    for (const of of guard.members) this.#indexMember(of);
    for (const other of around) this.#shareAround(other);
  }

  /** After ports of its members may have become known. */
  refresh(guard: Guard): void {
    for (const of of guard.members) {
      const had = this.#idsOf.get(of);
      const ids = idsOf(of);
      if (had?.size !== ids.length || !ids.every((id) => had.has(id))) this.#indexMember(of);
    }
  }

  find(id: string): Subject | undefined {
    return this.#bySubject.get(id);
  }

  ofNet(netId: NetId): Guard | undefined {
    return this.#byNet.get(netId);
  }

  ofNs(nsId: NsId): readonly Guard[] {
    return this.#byNs.get(nsId) ?? [];
  }

  #with(vnfcId: VnfcId): readonly Guard[] {
    return this.#byMember.get(vnfcId) ?? [];
  }

  #indexMember(of: GuardedMember): void {
    const guards = this.#with(of.member.vnfcId).filter((g) => g.members.includes(of));
    for (const id of this.#idsOf.get(of) ?? []) if (this.#bySubject.get(id)?.of === of) this.#bySubject.delete(id);
    const ids = guards.length === 0 ? [] : idsOf(of);
    for (const id of ids) this.#bySubject.set(id, { of, guards: [...guards] });
    if (ids.length > 0) this.#idsOf.set(of, new Set(ids));
    else this.#idsOf.delete(of);
  }

  /** It and those it shares with are told of each other. */
  #shareAround(guard: Guard): void {
    const all = new Set([guard, ...guard.group.members.flatMap((m) => this.#with(m.vnfcId))]);
    for (const one of all)
      one.sharers = [...new Set(one.group.members.flatMap((m) => this.#with(m.vnfcId)))].filter((g) => g !== one);
  }
}

const idsOf = (of: GuardedMember): string[] =>
  [...new Set<string | null>([of.serverId, of.portId, ...(of.member.away?.ports ?? [])])].filter((id) => id !== null);

const without = (guards: readonly Guard[], guard: Guard): readonly Guard[] => guards.filter((g) => g !== guard);

function putOrDelete<K>(map: Map<K, readonly Guard[]>, key: K, guards: readonly Guard[]): void {
  if (guards.length === 0) map.delete(key);
  else map.set(key, guards);
}
