import { randomUUID } from "node:crypto";
import { ensureServers } from "../act/servers.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { NsId, VimAccountId, VnfcId } from "../model/ids.ts";
import type { Vnfc } from "../model/ns.ts";
import type { VnfInstance } from "../model/occurrence.ts";
import type { ProtectionGroup } from "../model/protection.ts";
import { upsertOwnDescriptors } from "../store/mano-catalogue.ts";
import { deleteVnfcs, updateVnfcs, upsertGroup } from "../store/mano-ns.ts";
import { deleteVnfInstance, updateVnfInstance } from "../store/mano-occurrences.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import { netsCalled } from "../vimconn/inventory-index.ts";
import type { Arming } from "./arming.ts";
import { type Guard, isWell } from "./guard.ts";
import { bare, type Healer } from "./healer.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Site } from "./lifecycle-parts.ts";
import type { Outbox } from "./outbox.ts";
import { type Deployment, groupsOf, type NetIds, netNamesIn, planVnfcs, resolveNets, specOf, waitsFor } from "./plan.ts";
import type { Provisioning } from "./provisioning.ts";
import { ownNetId } from "./provisions.ts";
import type { Reaction } from "./reaction.ts";
import { refusal } from "./refusal.ts";
import { regrouped, withoutMember } from "./regroup.ts";
import { isBeingMade, remakingIn, resized, wantedNames } from "./size.ts";
import type { Turnover } from "./turnover.ts";
import { vnfsDeleted } from "./vnf-plan.ts";

export interface ScalerParts {
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly lifecycle: Lifecycle;
  readonly healer: Healer;
  readonly outbox: Outbox;
  readonly provisioning?: Provisioning | undefined;
  readonly arming: Arming;
  readonly reaction: Reaction;
  readonly turnover: Turnover;
  guardsOf(d: Deployment): readonly Guard[];
  wake(vim: VimAccountId): void;
  /** VNFCs that are no more. */
  forgotten(vnfcs: readonly Vnfc[]): void;
}

/** What is still to be done until VNFs have the size that they are meant to have. */
export interface ScaleProgress {
  /** In words; none: they have it. */
  readonly waits: readonly string[];
  /** What will not come right by waiting; null: nothing. */
  readonly failure: string | null;
}

/** What a pass works with. */
interface Work {
  readonly d: Deployment;
  readonly guards: readonly Guard[];
  readonly wanted: ReadonlySet<string>;
  readonly members: ReadonlySet<VnfcId>;
  readonly site: Site;
}

/**
 * Brings the VNFs of an NS that runs to the size that they are meant to have, whoever asked for it and whichever way: a step in each pass, and
 * nothing is remembered but what is on the disk. What is new is made, and becomes a member of its group when it answers. What is to go
 * gives its traffic away, leaves the group and what is armed, and only then its machine is taken away.
 */
export class Scaler {
  readonly #parts: ScalerParts;
  readonly #seen = new Map<NsId, { readonly vnfs: Deployment["vnfs"]; readonly progress: ScaleProgress }>();

  constructor(parts: ScalerParts) {
    this.#parts = parts;
  }

  progressOf({ ns, vnfs, asWritten }: Deployment): ScaleProgress {
    if (asWritten === undefined) return { waits: [], failure: null }; // It is as it is written, and cannot be otherwise.
    const seen = this.#seen.get(ns.id);
    return seen?.vnfs === vnfs ? seen.progress : { waits: ["it was not looked at yet"], failure: null };
  }

  /** The next step of one NS. The caller has its turn. VIM_UNREACHABLE passes through: the next pass is the retry. */
  async step(d: Deployment, site: Site): Promise<void> {
    if (d.asWritten === undefined || d.ns.state !== "INSTANTIATED" || site.vim !== d.ns.vimAccountId) return;
    const guards = this.#parts.guardsOf(d);
    const members = new Set(guards.flatMap((g) => g.group.members.map((m) => m.vnfcId)));
    const progress = await this.#work({ d, guards, members, wanted: wantedNames(d), site });
    this.#seen.set(d.ns.id, { vnfs: this.#parts.lifecycle.of(d.ns.id)?.vnfs ?? d.vnfs, progress });
  }

  async #work(work: Work): Promise<ScaleProgress> {
    const { d, guards, wanted, members, site } = work;
    const remaking = remakingIn(d);
    const leaving = d.vnfcs.filter((v) => !wanted.has(v.name));
    // What was written last of one whose machine was taken away may be of that.
    const isMissing = (v: Vnfc) => isBeingMade(v) || (d.formerly !== undefined && !site.seen.servers.has(v.vimServerId));
    const making = d.vnfcs.filter(
      (v) => wanted.has(v.name) && !remaking.has(v.name) && (v.highAvailability === null ? isMissing(v) : !members.has(v.id)),
    );
    const isFlagged = guards.some((g) => g.group.members.some((m) => m.isLeaving));
    if (leaving.length === 0 && making.length === 0 && !isFlagged && d.formerly === undefined) {
      if (d.vnfs.some(isGone)) await this.#forget(d, []);
      return { waits: [], failure: null };
    }
    const next = nextRemade(d, guards, making);
    const needed = d.vnfcs.filter((v) => wanted.has(v.name) || members.has(v.id) || ledTo(d, v, site).length > 0);
    const brought = await this.#bring({ ...d, vnfcs: needed }, site);
    if (brought !== null) return brought;
    const { ids, missing } = resolveNets({ ...d, vnfcs: needed }, site.vim, site.seen);
    if (missing.length > 0) return failed(missing.join("; "));
    const failure = (await this.#make(d, making, ids, site)) ?? (await this.#whyNotRemade(d, next, ids, site));
    if (failure !== null) return failed(failure);
    const late = making.flatMap((v) => waitsFor([v], site.seen) ?? []);
    const staying = new Set([...wanted].filter((name) => name !== next?.name));
    if (await this.#regroup({ ...work, wanted: staying }, making, next, ids))
      return { waits: [...late, "its protection groups are being changed"], failure: null };
    const gone: Vnfc[] = [];
    const left: string[] = [];
    for (const vnfc of leaving) {
      const why = members.has(vnfc.id) ? stillServes(guards, vnfc, wanted) : await this.#takeAway(work, vnfc);
      if (why === null) gone.push(vnfc);
      else left.push(why);
    }
    if (gone.length > 0) await this.#forget(d, gone);
    left.push(...(await this.#remake({ ...work, wanted: staying }, next, remaking)));
    const outside = d.formerly === undefined ? [] : making.filter((v) => v.highAvailability !== null);
    const waits = [...late, ...left, ...outside.map((v) => `${v.name} is not in its group yet`)];
    if (waits.length === 0 && gone.length === 0 && d.formerly !== undefined) waits.push(...(await this.#settle(d, site)));
    return { waits, failure: null };
  }

  /** The machine of the one whose turn it is goes, and is to be made as it is meant to be from then on. */
  async #remake(work: Work, next: Vnfc | null, remaking: ReadonlySet<string>): Promise<string[]> {
    if (next === null) return [...remaking].map((name) => `${name} is to be made anew`);
    const { d, guards, members, wanted } = work;
    const why = members.has(next.id) ? stillServes(guards, next, wanted) : await this.#takeAway(work, next, false);
    if (why !== null) return [why];
    const { db, lifecycle, clock, forgotten } = this.#parts;
    const now = lifecycle.of(d.ns.id) ?? d;
    const vnfs = now.vnfs.map((vnf) => (vnf.remaking?.includes(next.name) ? withoutRemade(vnf, next.name) : vnf));
    const anew = madeAnew(now, next, clock.wall().toISOString());
    await db.transaction().execute(async (tx) => {
      await updateVnfcs(tx, [anew]);
      for (const vnf of vnfs) if (!now.vnfs.includes(vnf)) await updateVnfInstance(tx, vnf);
    });
    lifecycle.resize(resized({ ...now, vnfs, vnfcs: now.vnfcs.map((v) => (v.id === next.id ? anew : v)) }));
    forgotten([next]);
    this.#parts.wake(work.site.vim);
    return [`${next.name} is being made anew`];
  }

  /** Nothing is left of what it was: what was made or brought for that alone is taken away, and it is forgotten. */
  async #settle(d: Deployment, site: Site): Promise<string[]> {
    const { db, lifecycle, provisioning } = this.#parts;
    const { vim, connector, seen, signal } = site;
    const { nsd, vnfd } = d.asWritten ?? d;
    const needed = new Set(netNamesIn({ ...d, nsd, vnfd }, vim));
    const waits: string[] = [];
    for (const name of d.formerly!.nsd.ownNets ?? []) {
      const id = ownNetId(d.ns.id, vim, name);
      if (needed.has(name) || !seen.nets.has(id)) continue;
      const refused = await refusal(connector.deleteNet(id, signal));
      waits.push(refused === null ? `net ${name} is being taken away` : `net ${name}: ${refused}`);
    }
    if (waits.length > 0) return waits;
    await provisioning?.release(asItWas(d), lifecycle.all, site);
    await db.transaction().execute((tx) => upsertOwnDescriptors(tx, d.ns.id, { nsd, vnfd }));
    const { formerly: _, ...rest } = lifecycle.of(d.ns.id) ?? d;
    lifecycle.resize(resized({ ...rest, asWritten: { nsd, vnfd } }));
    return [];
  }

  /** Nets of their own, and what else the VIM has not; null: all is there. */
  async #bring(d: Deployment, site: Site): Promise<ScaleProgress | null> {
    try {
      const waiting = (await this.#parts.provisioning?.ensure(d, site)) ?? null;
      return waiting === null ? null : { waits: [waiting], failure: null };
    } catch (e) {
      if (!(e instanceof Fault) || e.code === "VIM_UNREACHABLE") throw e;
      return failed(e.message);
    }
  }

  /** Asks for their machines; why that cannot come right, or null. */
  async #make(d: Deployment, making: readonly Vnfc[], ids: NetIds, { connector, seen, signal }: Site): Promise<string | null> {
    const specs = making.map((v) => specOf(d, v, ids));
    const refused = await refusal(ensureServers(connector, specs, seen, signal));
    if (refused !== null) return refused;
    for (const vnfc of making) {
      const server = seen.servers.get(vnfc.vimServerId);
      if (server?.status === "ERROR") return `${vnfc.serverName}: ${server.lastError ?? "no reason given"}`;
      if (server) await this.#parts.healer.heal(bare(specOf(d, vnfc, ids), vnfc, server, connector), signal);
    }
    return null;
  }

  /** Before a machine is given up for another one, the VIM has what that is made from. */
  async #whyNotRemade(d: Deployment, next: Vnfc | null, ids: NetIds, { connector, signal }: Site): Promise<string | null> {
    if (next === null) return null;
    const { madeFrom: _, ...anew } = next;
    return refusal(connector.sourcesOf(specOf(d, anew, ids), signal));
  }

  /** True where a group has other members now, or leads its nets home elsewhere. */
  async #regroup({ d, guards, wanted, site }: Work, making: readonly Vnfc[], next: Vnfc | null, ids: NetIds): Promise<boolean> {
    const { db, reaction, clock, arming, turnover } = this.#parts;
    const bound = new Set([...site.seen.nets.values()].map((n) => n.bindNet));
    const isUp = (id: VnfcId) => making.some((v) => v.id === id && waitsFor([v], site.seen) === null);
    const wholes = groupsOf(d, () => ids).map((g) => withoutMember(g, next?.id ?? null));
    const { others, isChanged: isTurned } = await turnover.step({ d, wholes, guards, wanted, isUp }, site);
    let isChanged = isTurned;
    for (const whole of others) {
      const guard = guards.find((g) => g.group.id === whole.id);
      const changed =
        guard &&
        regrouped(guard.group, whole, {
          isWanted: (m) => wanted.has(m.name),
          isUp,
          isDrained: ({ vnfcId, dataNet }) =>
            guard.carriedBy(vnfcId) === 0 &&
            !bound.has(dataNet) &&
            !arming.mayKnow(guard, vnfcId, "target") &&
            isSpared(guard, vnfcId, wanted),
        });
      if (!guard || !changed) continue;
      await upsertGroup(db, changed);
      reaction.regroup(guard, changed, new Map(d.vnfcs.map((v) => [v.id, v.vimServerId])));
      reaction.decideNow(guard, "command", clock.now());
      isChanged = true;
    }
    if (isChanged) this.#parts.wake(site.vim);
    return isChanged;
  }

  /** Its machine, once no plan of the VIM knows it any more, and its net unless it comes back; what that waits for, or null: it is gone. */
  async #takeAway({ d, guards, site }: Work, vnfc: Vnfc, isForGood = true): Promise<string | null> {
    const led = ledTo(d, vnfc, site);
    if (led.length > 0) return `${vnfc.name}: the VIM leads ${led.join(", ")} to it`;
    const knowing = guards.find((g) => this.#parts.arming.mayKnow(g, vnfc.id, "member"));
    if (knowing) return `${vnfc.name}: the VIM has a plan of ${knowing.group.name} that knows it still`;
    // Also where it was not seen: it may be on its way.
    const refused = await refusal(site.connector.deleteServer(vnfc.vimServerId, site.signal));
    if (refused !== null) return `${vnfc.serverName}: ${refused}`;
    if (site.seen.servers.has(vnfc.vimServerId)) return `${vnfc.serverName} is being taken away`;
    return isForGood ? this.#takeNet(d, vnfc, site) : null;
  }

  /** The net that was made for it alone. */
  async #takeNet({ ns, nsd }: Deployment, { name }: Vnfc, { vim, connector, seen, signal }: Site): Promise<string | null> {
    const net = nsd.members.find((m) => m.vnfc === name)?.dataNet;
    if (net === undefined || !nsd.ownNets?.includes(net)) return null;
    const id = ownNetId(ns.id, vim, net);
    if (!seen.nets.has(id)) return null;
    const refused = await refusal(connector.deleteNet(id, signal));
    return refused === null ? `net ${net} is being taken away` : `net ${net}: ${refused}`;
  }

  async #forget(d: Deployment, gone: readonly Vnfc[]): Promise<void> {
    const { db, lifecycle, outbox, forgotten } = this.#parts;
    const names = new Set(gone.map((v) => v.name));
    const without = (all: readonly string[]) => all.filter((n) => !names.has(n));
    const vnfs = d.vnfs.map((vnf) => {
      if (!vnf.leaving?.some((n) => names.has(n))) return vnf;
      const { leaving, ...rest } = vnf;
      const left = without(leaving);
      return { ...rest, vnfcs: without(vnf.vnfcs), ...(left.length > 0 && { leaving: left }) };
    });
    const noMore = vnfs.filter(isGone);
    const untold = await db.transaction().execute(async (tx) => {
      const ids = gone.map((v) => v.id);
      await deleteVnfcs(tx, ids);
      for (const vnf of vnfs) if (!d.vnfs.includes(vnf) && !isGone(vnf)) await updateVnfInstance(tx, vnf);
      for (const vnf of noMore) await deleteVnfInstance(tx, vnf.id);
      return outbox.put(tx, vnfsDeleted({ ns: d.ns, vnfs: noMore }));
    });
    const now = lifecycle.of(d.ns.id) ?? d;
    const left = vnfs.filter((v) => !isGone(v));
    lifecycle.resize(resized({ ...now, vnfs: left, vnfcs: now.vnfcs.filter((v) => !names.has(v.name)) }));
    forgotten(gone);
    outbox.tell(untold);
  }
}

/**
 * Of those that are to be made anew the one whose turn it is: who is half-way, else who serves nothing, and nobody as long as others are being made. Null:
 * nobody.
 */
function nextRemade(d: Deployment, guards: readonly Guard[], making: readonly Vnfc[]): Vnfc | null {
  const remaking = remakingIn(d);
  const all = d.vnfcs.filter((v) => remaking.has(v.name));
  const memberOf = (v: Vnfc) => guards.flatMap((g) => g.group.members).find((m) => m.vnfcId === v.id);
  const begun = all.find((v) => v.highAvailability !== null && (memberOf(v)?.isLeaving ?? memberOf(v) === undefined));
  if (begun) return begun;
  if (making.length > 0) return null;
  const carried = (v: Vnfc) => guards.reduce((sum, g) => sum + g.carriedBy(v.id), 0);
  return all.toSorted((a, b) => carried(a) - carried(b))[0] ?? null;
}

/** As an NS of its own that is gone but for what it was made of: this one, as it is now, is another that may need that too. */
const asItWas = ({ formerly, ...d }: Deployment): Deployment => ({
  ...d,
  ns: { ...d.ns, id: `${d.ns.id} formerly` as NsId },
  nsd: { ...formerly!.nsd, ownNets: [] },
  vnfd: formerly!.vnfd,
  asWritten: { nsd: { ...formerly!.nsd, ownNets: [] }, vnfd: formerly!.vnfd },
});

/** The same VNFC, of which the VIM has nothing yet. */
function madeAnew(d: Deployment, vnfc: Vnfc, now: string): Vnfc {
  const planned = planVnfcs(d.ns, (d.asWritten ?? d).vnfd, randomUUID, now).find((v) => v.name === vnfc.name);
  const sizedTo = planned ?? planVnfcs(d.ns, d.vnfd, randomUUID, now).find((v) => v.name === vnfc.name)!;
  return { ...sizedTo, id: vnfc.id, replicated: vnfc.replicated, createdAt: vnfc.createdAt };
}

function withoutRemade(vnf: VnfInstance, name: string): VnfInstance {
  const { remaking = [], ...rest } = vnf;
  const left = remaking.filter((n) => n !== name);
  return { ...rest, ...(left.length > 0 && { remaking: left }) };
}

const failed = (why: string): ScaleProgress => ({ waits: [why], failure: why });

/** Names of the nets that are bound to its own, whoever did that: who serves is not taken away. */
function ledTo({ ns, nsd }: Deployment, { name }: Vnfc, { vim, seen }: Site): string[] {
  const net = nsd.members.find((m) => m.vnfc === name)?.dataNet;
  if (net === undefined) return [];
  const own = new Set([ownNetId(ns.id, vim, net), ...netsCalled(seen, net).map((n) => n.id)]);
  return [...seen.nets.values()].filter((n) => n.bindNet !== null && own.has(n.bindNet)).map((n) => n.name);
}

/** A VNF that was to go, and has nothing left. */
const isGone = ({ isGoing, vnfcs }: VnfInstance): boolean => isGoing === true && vnfcs.length === 0;

/** Those that stay can do without it: one of them serves, and another is ready to take over. One that is not well is of no use to them. */
function isSpared(guard: Guard, id: VnfcId, wanted: ReadonlySet<string>): boolean {
  const of = guard.memberOf(id);
  if (of === undefined || !isWell(of)) return true;
  const stay = guard.members.filter((m) => wanted.has(m.member.name));
  return stay.filter(isWell).length >= Math.min(2, stay.length);
}

function stillServes(guards: readonly Guard[], { id, name }: Vnfc, wanted: ReadonlySet<string>): string {
  const nets = guards.flatMap((g) => netsOf(g.group, (net) => g.servedBy(net) === id));
  if (nets.length > 0) return `${name} still serves ${nets.join(", ")}`;
  if (guards.some((g) => !isSpared(g, id, wanted))) return `${name} stays until two that stay are up`;
  return `${name} is leaving its group`;
}

const netsOf = ({ trafficNets }: ProtectionGroup, isServed: (net: ProtectionGroup["trafficNets"][number]["netId"]) => boolean) =>
  trafficNets.filter((n) => isServed(n.netId)).map((n) => n.name);
