import { randomUUID } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import type { NsId, VimAccountId, VnfcId } from "../model/ids.ts";
import type { Vnfc } from "../model/ns.ts";
import type { VnfInstance } from "../model/occurrence.ts";
import type { ProtectionGroup } from "../model/protection.ts";
import { upsertOwnDescriptors } from "../store/mano-catalogue.ts";
import { deleteStitches, deleteVnfcs, updateVnfcs, upsertGroup } from "../store/mano-ns.ts";
import { deleteVnfInstance, updateVnfInstance } from "../store/mano-occurrences.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { Arming } from "./arming.ts";
import { type Guard, isWell } from "./guard.ts";
import type { Healer } from "./healer.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Site } from "./lifecycle-parts.ts";
import type { Occurrences } from "./occurrences.ts";
import type { Outbox } from "./outbox.ts";
import { type Deployment, groupsOf, type NetIds, netNamesIn, planVnfcs, vimsOf, withWaysInUse } from "./plan.ts";
import type { Provisioning } from "./provisioning.ts";
import { ownNetId } from "./provisions.ts";
import type { Reaction } from "./reaction.ts";
import { refusal } from "./refusal.ts";
import { regrouped, withoutMember } from "./regroup.ts";
import { type Brought, type ScaleProgress, ScaleShare, type Share } from "./scale-share.ts";
import { isBeingMade, remakingIn, resized, wantedNames } from "./size.ts";
import { sortedByUse } from "./stitches.ts";
import type { Turnover } from "./turnover.ts";
import type { VimWatch } from "./vim-watch.ts";
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
  readonly occurrences: Pick<Occurrences, "runningOf">;
  readonly watches: () => readonly Pick<VimWatch, "account" | "site">[];
  guardsOf(d: Deployment): readonly Guard[];
  wake(vim: VimAccountId): void;
  /** VNFCs that are no more. */
  forgotten(vnfcs: readonly Vnfc[]): void;
}

/** What a pass works with. */
interface Work {
  readonly d: Deployment;
  readonly guards: readonly Guard[];
  readonly wanted: ReadonlySet<string>;
  readonly members: ReadonlySet<VnfcId>;
  readonly site: Site;
}

/** What is to be done until all is as it is meant to be. */
interface Todo {
  readonly leaving: readonly Vnfc[];
  readonly making: readonly Vnfc[];
  readonly isDone: boolean;
}

/**
 * Brings the VNFs of an NS that runs to the size that they are meant to have, whoever asked for it and whichever way: a step in each pass, and
 * nothing is remembered but what is on the disk. What is new is made, and becomes a member of its group when it answers. What is to go
 * gives its traffic away, leaves the group and what is armed, and only then its machine is taken away. Of an NS in several VIMs each has its own passes: what
 * becomes of the groups is decided in those of the VIM that traffic enters, by what the others have last seen.
 */
export class Scaler {
  readonly #parts: ScalerParts;
  readonly #share: ScaleShare;
  readonly #seen = new Map<NsId, { readonly vnfs: Deployment["vnfs"]; readonly progress: ScaleProgress }>();
  readonly #shares = new Map<NsId, Map<VimAccountId, Share>>();
  /** Who goes, has left its group, and is led nothing any more where traffic enters. */
  readonly #released = new Map<NsId, ReadonlySet<VnfcId>>();

  constructor(parts: ScalerParts) {
    this.#parts = parts;
    this.#share = new ScaleShare(parts);
  }

  progressOf({ ns, vnfs, asWritten }: Deployment): ScaleProgress {
    if (asWritten === undefined) return { waits: [], failure: null }; // It is as it is written, and cannot be otherwise.
    const seen = this.#seen.get(ns.id);
    return seen?.vnfs === vnfs ? seen.progress : { waits: ["it was not looked at yet"], failure: null };
  }

  /** The next step of one NS. The caller has its turn. VIM_UNREACHABLE passes through: the next pass is the retry. */
  async step(d: Deployment, site: Site): Promise<void> {
    if (d.asWritten === undefined || d.ns.state !== "INSTANTIATED") return;
    const guards = this.#parts.guardsOf(d);
    const members = new Set(guards.flatMap((g) => g.group.members.map((m) => m.vnfcId)));
    const work = { d, guards, members, wanted: wantedNames(d), site };
    if (site.vim !== d.ns.vimAccountId) return this.#elsewhere(work);
    const progress = await this.#work(work);
    this.#seen.set(d.ns.id, { vnfs: this.#parts.lifecycle.of(d.ns.id)?.vnfs ?? d.vnfs, progress });
  }

  #todoOf({ d, guards, wanted, members, site }: Work): Todo {
    const remaking = remakingIn(d);
    const leaving = d.vnfcs.filter((v) => !wanted.has(v.name));
    // What was written last of one whose machine was taken away may be of that.
    const isMissing = (v: Vnfc) => isBeingMade(v) || (d.formerly !== undefined && !site.seen.servers.has(v.vimServerId));
    const making = d.vnfcs.filter(
      (v) => wanted.has(v.name) && !remaking.has(v.name) && (v.highAvailability === null ? isMissing(v) : !members.has(v.id)),
    );
    const isFlagged = guards.some((g) => g.group.members.some((m) => m.isLeaving));
    return { leaving, making, isDone: leaving.length + making.length === 0 && !isFlagged && d.formerly === undefined };
  }

  async #work(work: Work): Promise<ScaleProgress> {
    const { d, guards, wanted, members, site } = work;
    const { leaving, making, isDone } = this.#todoOf(work);
    if (isDone) return this.#done(d);
    const next = nextRemade(d, guards, making);
    const held = this.#heldOf(work, this.#release(work, leaving));
    const here = making.filter((v) => v.vimAccountId === site.vim);
    const brought = await this.#share.bring(held, here, site, next);
    const others = this.#othersOf(d);
    for (const one of [brought, ...others.values()]) if ("waits" in one) return one;
    const all = new Map([[site.vim, brought], ...others]) as ReadonlyMap<VimAccountId, Brought>;
    const late = [...all.values()].flatMap((b) => b.late);
    const staying = new Set([...wanted].filter((name) => name !== next?.name));
    if (await this.#regroup({ ...work, wanted: staying }, next, all))
      return { waits: [...late, "its protection groups are being changed"], failure: null };
    const gone: Vnfc[] = [];
    const left: string[] = await this.#waysLeft(held, d, site);
    const isBare = left.length === 0;
    for (const vnfc of leaving) {
      const why = members.has(vnfc.id) ? stillServes(guards, vnfc, wanted) : await this.#leftOf(work, vnfc);
      if (why === null) gone.push(vnfc);
      else left.push(why);
    }
    if (gone.length > 0 && isBare) await this.#forget(d, gone);
    left.push(...(await this.#remake({ ...work, wanted: staying }, next)));
    const outside = d.formerly === undefined ? [] : making.filter((v) => v.highAvailability !== null);
    const waits = [...late, ...left, ...outside.map((v) => `${v.name} is not in its group yet`)];
    if (waits.length === 0 && gone.length === 0 && d.formerly !== undefined) waits.push(...(await this.#settle(d, site)));
    return { waits, failure: null };
  }

  /** Its VNFs have the size that they are meant to have. What has joined those that are no more is kept as long as they may come back. */
  async #done(d: Deployment): Promise<ScaleProgress> {
    const { db, lifecycle, occurrences } = this.#parts;
    this.#shares.delete(d.ns.id);
    this.#released.delete(d.ns.id);
    if (d.vnfs.some(isGone)) await this.#forget(d, []);
    const { inUse, idle } = sortedByUse(d);
    if (idle.length > 0 && occurrences.runningOf(d.ns.id) === undefined) {
      await deleteStitches(db, idle);
      lifecycle.resize({ ...(lifecycle.of(d.ns.id) ?? d), stitches: inUse });
    }
    return { waits: [], failure: null };
  }

  /** What is to be done in a VIM that its traffic does not enter. */
  async #elsewhere(work: Work): Promise<void> {
    const { d, guards, members, site } = work;
    const { leaving, making, isDone } = this.#todoOf(work);
    if (isDone) return;
    const released = this.#released.get(d.ns.id) ?? new Set();
    const held = this.#heldOf(work, released);
    const isHere = (v: Vnfc) => v.vimAccountId === site.vim;
    const brought = await this.#share.bring(held, making.filter(isHere), site);
    const left = new Map<VnfcId, string | null>();
    for (const vnfc of leaving.filter((v) => isHere(v) && !members.has(v.id) && released.has(v.id)))
      left.set(vnfc.id, await this.#share.takeAway(d, guards, vnfc, site));
    const isFree = [...left.values()].every((why) => why === null);
    const ways = isFree ? await this.#share.takeWays(idleIn(d, held), site) : "who is there is being taken away";
    const shares = this.#shares.get(d.ns.id) ?? new Map<VimAccountId, Share>();
    const had = shares.get(site.vim);
    const share = { vnfs: d.vnfs, brought, left, ways };
    this.#shares.set(d.ns.id, shares.set(site.vim, share));
    if (had?.vnfs !== share.vnfs || textOf(had) !== textOf(share)) this.#parts.wake(d.ns.vimAccountId);
  }

  /** Who of those that go may be taken away from now on. */
  #release({ d, guards, members, site }: Work, leaving: readonly Vnfc[]): ReadonlySet<VnfcId> {
    const had = this.#released.get(d.ns.id);
    const free = leaving.filter((v) => !members.has(v.id) && this.#share.heldBy(d, guards, v, site) === null);
    for (const v of free) if (!had?.has(v.id) && v.vimAccountId !== site.vim) this.#parts.wake(v.vimAccountId);
    const released = new Set(free.map((v) => v.id));
    this.#released.set(d.ns.id, released);
    return released;
  }

  /** It, without those that may be taken away. */
  #heldOf({ d, wanted, members }: Work, released: ReadonlySet<VnfcId>): Deployment {
    const isHeld = (v: Vnfc) => wanted.has(v.name) || members.has(v.id) || !released.has(v.id);
    return withWaysInUse({ ...d, vnfcs: d.vnfcs.filter(isHeld) });
  }

  /** What its other VIMs have of it, as far as that is known of what is wanted now. */
  #othersOf(d: Deployment): Map<VimAccountId, Brought | ScaleProgress> {
    const { watches, wake } = this.#parts;
    const others = new Map<VimAccountId, Brought | ScaleProgress>();
    for (const vim of vimsOf(d).filter((v) => v !== d.ns.vimAccountId)) {
      const watch = watches().find((w) => w.account.id === vim);
      const share = this.#shares.get(d.ns.id)?.get(vim);
      const isCurrent = share?.vnfs === d.vnfs;
      const called = watch?.account.name ?? vim;
      if (!watch?.site) others.set(vim, { waits: [`its VIM ${called} does not answer`], failure: null, isBlind: true });
      else if (isCurrent) others.set(vim, share.brought);
      else {
        others.set(vim, { waits: [`its VIM ${called} was not looked at yet`], failure: null });
        wake(vim);
      }
    }
    return others;
  }

  /** What is there of ways that nobody needs, in any of its VIMs. */
  async #waysLeft(held: Deployment, d: Deployment, site: Site): Promise<string[]> {
    const own = await this.#share.takeWays(idleIn(d, held), site);
    const others = [...(this.#shares.get(d.ns.id)?.values() ?? [])].flatMap((s) => (s.vnfs === d.vnfs ? (s.ways ?? []) : []));
    return [own ?? [], others].flat();
  }

  /** What is there of one that has left its group; null: nothing. */
  async #leftOf({ d, guards, site }: Work, vnfc: Vnfc, isForGood = true): Promise<string | null> {
    const why = this.#share.heldBy(d, guards, vnfc, site);
    if (why !== null) return why;
    if (vnfc.vimAccountId === site.vim) return this.#share.takeAway(d, guards, vnfc, site, isForGood);
    const left = this.#shares.get(d.ns.id)?.get(vnfc.vimAccountId)?.left.get(vnfc.id);
    return left === undefined ? `${vnfc.serverName} is to be taken away` : left;
  }

  /** The machine of the one whose turn it is goes, and is to be made as it is meant to be from then on. */
  async #remake(work: Work, next: Vnfc | null): Promise<string[]> {
    if (next === null) return [...remakingIn(work.d)].map((name) => `${name} is to be made anew`);
    const { d, guards, members, wanted } = work;
    const why = members.has(next.id) ? stillServes(guards, next, wanted) : await this.#leftOf(work, next, false);
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

  /** True where a group has other members now, or leads its nets home elsewhere. */
  async #regroup(
    { d, guards, wanted, site }: Work,
    next: Vnfc | null,
    all: ReadonlyMap<VimAccountId, Brought>,
  ): Promise<boolean> {
    const { db, reaction, clock, arming, turnover } = this.#parts;
    const bound = new Set([...site.seen.nets.values()].map((n) => n.bindNet));
    const isUp = (id: VnfcId) => all.values().some((b) => b.up.has(id));
    const wholes = groupsOf(d, (vim) => all.get(vim)?.ids ?? NO_NETS).map((g) => withoutMember(g, next?.id ?? null));
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
    if (isChanged) for (const vim of vimsOf(d)) this.#parts.wake(vim);
    return isChanged;
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

const NO_NETS: NetIds = new Map();

/** What joins parts that are held no more. */
const idleIn = ({ stitches }: Deployment, held: Deployment) => stitches.filter((s) => !held.stitches.includes(s));

const textOf = ({ brought, left, ways }: Share): string =>
  JSON.stringify([[...left], ways, "waits" in brought ? brought : [[...brought.up], brought.late]]);

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
