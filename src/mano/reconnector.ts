import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { NetId, VimAccountId } from "../model/ids.ts";
import type { VnfPart } from "../model/occurrence.ts";
import type { ProtectionGroup } from "../model/protection.ts";
import { upsertGroup } from "../store/mano-ns.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import { netsCalled, portsOfServer } from "../vimconn/inventory-index.ts";
import type { Guard } from "./guard.ts";
import type { Site } from "./lifecycle-parts.ts";
import { type Deployment, groupsOf, type NetIds, netNamesIn, resolveNets, specOf } from "./plan.ts";
import type { Provisioning } from "./provisioning.ts";
import { ownNetId } from "./provisions.ts";
import type { Reaction } from "./reaction.ts";
import type { ScaleProgress as Progress } from "./scale-share.ts";
import { vnfcsOf } from "./vnf-plan.ts";

export interface ReconnectorParts {
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly provisioning?: Provisioning | undefined;
  readonly reaction: Reaction;
  guardsOf(d: Deployment): readonly Guard[];
  wake(vim: VimAccountId): void;
}

/**
 * Brings VNFs that run to the nets that they are meant to be connected to: a step in each pass, and nothing is remembered but what is on the disk. New nets of
 * users are led to who serves before the group and what is armed know them, and those that go are let go of after that.
 */
export class Reconnector {
  readonly #parts: ReconnectorParts;

  constructor(parts: ReconnectorParts) {
    this.#parts = parts;
  }

  /** What is still to be done. VIM_UNREACHABLE passes through: the next pass is the retry. */
  async step(d: Deployment, parts: readonly VnfPart[], site: Site): Promise<Progress> {
    try {
      return await this.#step(d, parts, site);
    } catch (e) {
      if (!(e instanceof Fault) || e.code === "VIM_UNREACHABLE") throw e;
      return { waits: [e.message], failure: e.message };
    }
  }

  async #step(d: Deployment, parts: readonly VnfPart[], site: Site): Promise<Progress> {
    const { provisioning, wake } = this.#parts;
    const waiting = (await provisioning?.ensure(d, site)) ?? null;
    if (waiting !== null) return { waits: [waiting], failure: null };
    const { ids, missing } = resolveNets(d, site.vim, site.seen);
    if (missing.length > 0) return { waits: missing, failure: missing.join("; ") };
    const waits = [...(await this.#plug(d, parts, ids, site)), ...(await this.#lead(d, ids, site))];
    if (waits.length === 0) waits.push(...(await this.#letGo(d, parts, site)));
    if (waits.length > 0) wake(site.vim);
    return { waits, failure: null };
  }

  /** vNICs that are on another net than they are meant to be. One whose machine is gone is made on the right ones. */
  async #plug(d: Deployment, parts: readonly VnfPart[], ids: NetIds, { connector, seen, signal }: Site): Promise<string[]> {
    const vnfs = d.vnfs.filter((v) => parts.some((p) => p.vnfId === v.id));
    const waits: string[] = [];
    for (const vnfc of vnfs.flatMap((vnf) => vnfcsOf(d, vnf)))
      for (const nic of specOf(d, vnfc, ids).nics) {
        const port = portsOfServer(seen, vnfc.vimServerId).find((p) => p.name === nic.name);
        if (port === undefined || port.netId === nic.netId) continue;
        await connector.movePort(port.id, nic.netId, signal);
        waits.push(`${vnfc.serverName}: ${nic.name} is being moved to net ${seen.nets.get(nic.netId)?.name ?? nic.netId}`);
      }
    return waits;
  }

  /** Nets of users that are new: led to who serves, then the group is told. */
  async #lead(d: Deployment, ids: NetIds, site: Site): Promise<string[]> {
    const { db, reaction, clock, guardsOf } = this.#parts;
    const { connector, seen, vim } = site;
    const waits: string[] = [];
    for (const whole of groupsOf(d, () => ids)) {
      const guard = guardsOf(d).find((g) => g.group.id === whole.id);
      if (!guard || isAlike(guard.group, whole)) continue;
      const unled = whole.trafficNets.filter((n) => !has(guard.group, n.netId) && !isLed(whole, seen.nets.get(n.netId)?.bindNet));
      for (const net of unled) {
        const to = serverFor(guard, whole, net);
        await connector.changeBind(net.netId, to.data, to.copy);
        waits.push(`traffic of ${net.name} is being led`);
      }
      if (unled.length > 0) continue;
      const next = { ...guard.group, trafficNets: whole.trafficNets };
      await upsertGroup(db, next);
      reaction.regroup(guard, next, new Map(d.vnfcs.map((v) => [v.id, v.vimServerId])));
      guard.observe(seen, vim);
      reaction.observed(guard);
      reaction.decideNow(guard, "command", clock.now());
      waits.push(`protection group ${next.name} is being changed`);
    }
    return waits;
  }

  /** Nets that it was connected to and is no more: nothing of them leads to its members, and those that were made for it are taken away. */
  async #letGo(d: Deployment, parts: readonly VnfPart[], { vim, connector, seen, signal }: Site): Promise<string[]> {
    const sides = parts.flatMap(({ connections: c }) => (c ? [c.from, c.to] : []));
    const names = new Set(netNamesIn(d, vim));
    const data = new Set<NetId | null>(this.#parts.guardsOf(d).flatMap((g) => g.group.members.map((m) => m.dataNet)));
    const waits: string[] = [];
    for (const side of sides) {
      const left = (all: readonly string[]) => [...new Set(all)].filter((name) => !names.has(name));
      for (const name of left(Object.values(side.traffic).flat())) {
        const [net] = netsCalled(seen, side.netIds[name] ?? name);
        if (!net || net.bindNet === null || !data.has(net.bindNet)) continue;
        await connector.changeBind(net.id, null);
        waits.push(`traffic of ${name} is being led no more`);
      }
      for (const name of left(Object.values(side.nets))) {
        const id = ownNetId(d.ns.id, vim, name);
        if (!d.nsd.ownNets?.includes(name) || !seen.nets.has(id)) continue;
        await connector.deleteNet(id, signal);
        waits.push(`net ${name} is being taken away`);
      }
    }
    return waits;
  }
}

const has = ({ trafficNets }: ProtectionGroup, id: NetId): boolean => trafficNets.some((n) => n.netId === id);
const isAlike = (a: ProtectionGroup, b: ProtectionGroup): boolean =>
  a.trafficNets.length === b.trafficNets.length && b.trafficNets.every((n) => has(a, n.netId));
const isLed = ({ members }: ProtectionGroup, bindNet: NetId | null | undefined): boolean =>
  members.some((m) => m.dataNet === bindNet);

/** Who is to serve a net that is new: who serves the one in whose place it is, else who is meant to if that one is up, else anybody who is. */
function serverFor(guard: Guard, whole: ProtectionGroup, net: ProtectionGroup["trafficNets"][number]) {
  const fresh = whole.trafficNets.filter((n) => !has(guard.group, n.netId));
  const gone = guard.group.trafficNets.filter((n) => !has(whole, n.netId));
  const before = gone[fresh.indexOf(net)];
  const owner = before === undefined ? null : guard.servedBy(before.netId);
  const isUp = (id: string) => guard.members.some((m) => m.member.vnfcId === id && m.health.state === "up");
  const to = owner ?? [net.normal, ...whole.members.map((m) => m.vnfcId)].find(isUp) ?? net.normal;
  const data = whole.members.find((m) => m.vnfcId === to)!.dataNet;
  const copy = whole.scheme === "DUPLICATED" ? (whole.members.find((m) => m.vnfcId !== to)?.dataNet ?? null) : null;
  return { data, copy };
}
