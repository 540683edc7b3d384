import { ensureServers, removeServers } from "../act/servers.ts";
import { ensureEnds, removeEnds } from "../act/stitches.ts";
import { Fault } from "../lib/fault.ts";
import { Turns } from "../lib/turns.ts";
import type { NsId, VimAccountId, VnfcId } from "../model/ids.ts";
import type { ManoEventBody } from "../model/mano-event.ts";
import type { Ns, NsState, Vnfc } from "../model/ns.ts";
import type { VnfInstance } from "../model/occurrence.ts";
import type { ProtectionGroup } from "../model/protection.ts";
import { updateNsState, updateRest, updateVnfcStatus, upsertGroup, writeRemoval } from "../store/mano-ns.ts";
import { deleteVnfInstances, updateVnfInstance } from "../store/mano-occurrences.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { Inventory } from "../vimconn/connector.ts";
import { portsOfServer } from "../vimconn/inventory-index.ts";
import { Deployments } from "./deployments.ts";
import { letGo } from "./farewell.ts";
import { Guard, type GuardedMember } from "./guard.ts";
import { bare } from "./healer.ts";
import type { LifecycleParts, Site } from "./lifecycle-parts.ts";
import type { Part } from "./part.ts";
import {
  bindsOf,
  type Deployment,
  endsOf,
  entryNetName,
  groupsOf,
  type NetIds,
  resolveNets,
  specOf,
  statusOf,
  vimsOf,
  vnfcsIn,
  waitsFor,
  withWaysInUse,
} from "./plan.ts";
import { refusal } from "./refusal.ts";
import { isNotMadeYet, resized, withoutLeft } from "./size.ts";
import { endsIn } from "./stitches.ts";
import { vnfsDeleted } from "./vnf-plan.ts";

/** From the first pass that works on it until all servers answer: a slow guest under emulation takes half a minute. */
const INSTANTIATE_MAX_MS = 300_000;

/** Desired state of every NS, and the steps that bring the VIM there: each pass does what is missing, so a restart changes nothing. */
export class Lifecycle {
  readonly #parts: LifecycleParts;
  readonly #deployments = new Deployments();
  /** When this run first worked on an instantiation, monotonic ms. */
  readonly #begunMs = new Map<NsId, number>();
  /** How far it is in each of its VIMs. */
  readonly #inVims = new Map<NsId, Map<VimAccountId, Part>>();
  /** When servers of it were last asked for beside the passes, monotonic ms: what was looked at before may not show them. */
  readonly #askedMs = new Map<NsId, number>();
  readonly #turns = new Turns<NsId>();

  constructor(parts: LifecycleParts) {
    this.#parts = parts;
  }

  /** Takes up an NS as the store has it, with the groups that were made for it. */
  load(deployment: Deployment, groups: readonly ProtectionGroup[]): void {
    this.#deployments.set(deployment.ns.id, deployment);
    if (groups.length > 0) this.protect(deployment, groups);
  }

  get all(): readonly Deployment[] {
    return this.#deployments.all;
  }

  /** Those that have something in this VIM. */
  inVim(vim: VimAccountId): readonly Deployment[] {
    return this.#deployments.inVim(vim);
  }

  of(id: NsId): Deployment | undefined {
    return this.#deployments.get(id);
  }

  named(name: string): Deployment | undefined {
    return this.#deployments.named(name);
  }

  vnfcOf(id: VnfcId): ReturnType<Deployments["vnfcOf"]> {
    return this.#deployments.vnfcOf(id);
  }

  vnfOf(id: string): ReturnType<Deployments["vnfOf"]> {
    return this.#deployments.vnfOf(id);
  }

  /** Writes what is known of VNFs of an NS anew; `also` goes into the same transaction. */
  async changeVnfs(id: NsId, vnfs: readonly VnfInstance[], also: (tx: ManoStore) => Promise<void>): Promise<void> {
    await this.#parts.db.transaction().execute(async (tx) => {
      for (const vnf of vnfs) await updateVnfInstance(tx, vnf);
      await also(tx);
    });
    const d = this.#deployments.get(id);
    if (d)
      this.noteVnfs(
        id,
        d.vnfs.map((v) => vnfs.find((o) => o.id === v.id) ?? v),
      );
  }

  /** What is written of the VNFs of an NS. */
  noteVnfs(id: NsId, vnfs: readonly VnfInstance[]): void {
    const d = this.#deployments.get(id);
    if (d) this.#deployments.set(id, { ...d, vnfs });
  }

  /** Runs `act` when nothing else works on this NS: a request and a step never meet half-way. */
  exclusive<T>(id: NsId, act: () => Promise<T>): Promise<T> {
    return this.#turns.take(id, act);
  }

  /** Replaces what is wanted; the caller has written it. */
  want(deployment: Deployment): void {
    this.#deployments.set(deployment.ns.id, deployment);
    this.#begunMs.delete(deployment.ns.id);
    this.#inVims.delete(deployment.ns.id);
    this.#tell(deployment.ns);
  }

  /** The same, of one that runs on: its VNFs are of another size. */
  resize(deployment: Deployment): void {
    this.#deployments.set(deployment.ns.id, deployment);
  }

  forget(id: NsId): void {
    this.#deployments.delete(id);
    for (const known of [this.#askedMs, this.#begunMs, this.#inVims]) known.delete(id);
  }

  /** Servers of it were asked for beside the passes. */
  askedFor = (id: NsId) => void this.#askedMs.set(id, this.#parts.clock.now());

  /** An instantiation is not to go on: what it has made is taken away. The caller has its turn. */
  fail(id: NsId, why: string): Promise<void> {
    return this.#setState(id, "FAILED", why);
  }

  /** True while a step of it is still to be done. */
  isInTransition(d: Deployment): boolean {
    return d.ns.state === "INSTANTIATING" || d.ns.state === "TERMINATING" || (d.ns.state === "FAILED" && d.vnfcs.length > 0);
  }

  /** The next step of one NS in one of its VIMs, given what that has now. VIM_UNREACHABLE passes through: the next pass is the retry. */
  step(id: NsId, site: Site): Promise<void> {
    return this.exclusive(id, () => this.#step(id, site));
  }

  async #step(id: NsId, site: Site): Promise<void> {
    const d = this.#deployments.get(id);
    if (!d) return;
    if (d.ns.state === "INSTANTIATING") await this.#instantiate(id, site);
    else if (this.isInTransition(d)) {
      const removed = this.#remove(d, site);
      const why = (await refusal(removed)) ?? (await removed);
      if (why !== null && d.ns.state === "TERMINATING" && why !== d.ns.detail) await this.#setState(id, "TERMINATING", why);
    } else if (d.stitches.length > 0)
      await refusal(
        ensureEnds(site.connector, endsOf(withoutLeft(d, this.#parts.guardsOf(d)), site.vim), site.seen, site.signal),
      ); // Taken away by hand.
  }

  /** A VIM has not answered for so long, which is no fault of what it was asked for: that time does not count. Gives what is in it. */
  awayFor(vim: VimAccountId, ms: number): NsId[] {
    const ids = this.inVim(vim).map((d) => d.ns.id);
    for (const id of ids) if (this.#begunMs.has(id)) this.#begunMs.set(id, this.#begunMs.get(id)! + ms);
    return ids;
  }

  /** Takes the statuses of its VNFCs in one VIM from an inventory. */
  noteStatuses(id: NsId, vim: VimAccountId, seen: Inventory): void {
    const d = this.#deployments.get(id);
    if (!d) return;
    for (const vnfc of vnfcsIn(d, vim)) {
      const server = seen.servers.get(vnfc.vimServerId);
      if (server === undefined && (d.ns.state === "INSTANTIATING" || isNotMadeYet(vnfc))) continue;
      const status = statusOf(
        server,
        portsOfServer(seen, vnfc.vimServerId).some((p) => p.ip !== null),
      );
      const errorMsg = server?.lastError ?? null;
      if (status === vnfc.status && errorMsg === vnfc.errorMsg) continue;
      this.#changeVnfc(d, { ...vnfc, status, previousStatus: vnfc.status, errorMsg });
      if (status !== vnfc.status) this.#parts.stream.push({ type: "vnfc.status", vnfcId: vnfc.id, status, was: vnfc.status });
    }
  }

  /** What the VIM is asked for when a server of this VNFC must be made again; null when a net of it is gone from the VIM. */
  specOf(vnfcId: VnfcId, seen: Inventory): ReturnType<typeof specOf> | null {
    const found = this.vnfcOf(vnfcId);
    if (!found) return null;
    const alone = { ...withWaysInUse(found.deployment), vnfcs: [found.vnfc] }; // That a net of another one is gone keeps nobody else from being healed.
    const { ids, missing } = resolveNets(alone, found.vnfc.vimAccountId, seen);
    return missing.length > 0 ? null : specOf(found.deployment, found.vnfc, ids);
  }

  /** The dissertation's step 22 (4.3): what was seen now is what the next change is compared with. */
  settleStatus(vnfcId: VnfcId): void {
    const found = this.vnfcOf(vnfcId);
    if (found && found.vnfc.previousStatus !== found.vnfc.status)
      this.#changeVnfc(found.deployment, { ...found.vnfc, previousStatus: found.vnfc.status });
  }

  /** A spare is meant to rest since then, or is not. */
  noteRest(vnfcId: VnfcId, since: string | null): void {
    const found = this.vnfcOf(vnfcId);
    if (!found) return;
    this.#put(found.deployment, { ...found.vnfc, restsSince: since });
    this.#parts.writes.push((tx) => updateRest(tx, vnfcId, since));
  }

  async #instantiate(id: NsId, site: Site): Promise<void> {
    try {
      await this.#instantiateStep(this.#deployments.get(id)!, site);
    } catch (e) {
      if (!(e instanceof Fault) || e.code === "VIM_UNREACHABLE") throw e;
      await this.#setState(id, "FAILED", e.message);
    }
  }

  async #instantiateStep(d: Deployment, site: Site): Promise<void> {
    const { clock } = this.#parts;
    const begunMs = this.#begunMs.get(d.ns.id) ?? clock.now();
    this.#begunMs.set(d.ns.id, begunMs);
    const part = this.#partOf(d, site.vim);
    part.waiting = await this.#bringUp(d, part, site);
    if (this.#deployments.get(d.ns.id)?.ns.state !== "INSTANTIATING") return; // It failed.
    const waiting =
      this.#waitsFor(d) ?? (site.vim === d.ns.vimAccountId ? await this.#bind(d, site) : "its traffic is not led yet");
    if (waiting === null) return this.#watch(d);
    if (this.#waitsFor(d) === null && site.vim !== d.ns.vimAccountId) this.#parts.wake(d.ns.vimAccountId);
    // An image takes as long as it takes, if only more of it comes.
    if (part.isProvided === false && d.ns.detail !== waiting) this.#begunMs.set(d.ns.id, clock.now());
    else if (clock.now() - begunMs > INSTANTIATE_MAX_MS) {
      return this.#setState(d.ns.id, "FAILED", `not ready after ${INSTANTIATE_MAX_MS / 1000} s: ${waiting}`);
    }
    if (d.ns.detail !== waiting) await this.#setState(d.ns.id, "INSTANTIATING", waiting);
  }

  /** What it still waits for in any of its VIMs; null: nothing. */
  #waitsFor(d: Deployment): string | null {
    for (const vim of vimsOf(d)) {
      const { waiting } = this.#partOf(d, vim);
      if (waiting !== null) return waiting ?? "one of its VIMs was not seen yet";
    }
    return null;
  }

  /** Its nets and servers in one VIM; says what is still missing there. */
  async #bringUp(d: Deployment, part: Part, site: Site): Promise<string | null> {
    const { vim, connector, seen, signal } = site;
    if (!(await ensureEnds(connector, endsOf(d, vim), seen, signal))) return "nets that join its VIMs are being made";
    const waiting = part.isProvided ? null : ((await this.#parts.provisioning?.ensure(d, site)) ?? null);
    part.isProvided = waiting === null;
    if (waiting !== null) return waiting;
    const { ids, missing } = resolveNets(d, vim, seen);
    if (missing.length > 0) {
      await this.#setState(d.ns.id, "FAILED", missing.join("; "));
      return null;
    }
    if (part.nets === undefined) this.#parts.refuseTaken(d, this.all);
    part.nets = ids;
    await this.#makeGroups(d);
    const own = vnfcsIn(d, vim);
    await ensureServers(
      connector,
      own.map((v) => specOf(d, v, ids)),
      seen,
      signal,
    );
    for (const vnfc of own) {
      const server = seen.servers.get(vnfc.vimServerId);
      if (server?.status === "ERROR")
        throw new Fault("VIM_REFUSED", `${vnfc.serverName}: ${server.lastError ?? "no reason given"}`);
      if (server) await this.#parts.healer.heal(bare(specOf(d, vnfc, ids), vnfc, server, connector), signal);
    }
    return waitsFor(own, seen);
  }

  /** Once the nets of all its VIMs are known. */
  async #makeGroups(d: Deployment): Promise<void> {
    if (this.#parts.guardsOf(d).length > 0 || vimsOf(d).some((vim) => this.#partOf(d, vim).nets === undefined)) return;
    const groups = groupsOf(d, (vim) => this.#partOf(d, vim).nets as NetIds);
    for (const group of groups) await upsertGroup(this.#parts.db, group);
    this.protect(d, groups);
  }

  /** Leads its traffic to who serves it when nothing is wrong; says what is being done. */
  async #bind(d: Deployment, { connector, seen }: Site): Promise<string | null> {
    const ids = this.#partOf(d, d.ns.vimAccountId).nets as NetIds;
    const unbound = bindsOf(d, ids).filter((b) => seen.nets.get(b.traffic)?.bindNet !== b.data);
    for (const b of unbound) await connector.changeBind(b.traffic, b.data, b.copy);
    return unbound.length === 0 ? null : `binds of ${unbound.map((b) => b.name).join(", ")} are being made`;
  }

  #partOf(d: Deployment, vim: VimAccountId): Part {
    const parts = this.#inVims.get(d.ns.id) ?? new Map<VimAccountId, Part>();
    this.#inVims.set(d.ns.id, parts);
    const part = parts.get(vim) ?? {};
    parts.set(vim, part);
    return part;
  }

  async #watch(d: Deployment): Promise<void> {
    await this.#setState(d.ns.id, "INSTANTIATED", null);
    for (const guard of this.#parts.guardsOf(d)) guard.isWatched = true;
    this.#parts.watched(d.ns);
  }

  /** Takes away what is of it in one VIM; its end when nothing is left in any. What it waits for, in words, where that is to be told. */
  async #remove(d: Deployment, site: Site): Promise<string | null> {
    const { vim, connector, seen, signal } = site;
    if (seen.startedAt <= (this.#askedMs.get(d.ns.id) ?? Number.NEGATIVE_INFINITY)) return null;
    const part = this.#partOf(d, vim);
    const waits = await letGo(d, site, part, this.#parts);
    if (waits !== null) return waits;
    const { ids } = resolveNets(d, vim, seen);
    const ways = vim === d.ns.vimAccountId ? d.nsd.members.flatMap((m) => ids.get(entryNetName(d, m)) ?? []) : [];
    const servers = vnfcsIn(d, vim).map((v) => v.vimServerId);
    const isWithoutServers = await removeServers(connector, servers, new Set(ways), seen, signal);
    const isBare = isWithoutServers && (await removeEnds(connector, endsIn(d.stitches, vim), seen, signal));
    part.isGone = isBare && ((await this.#parts.provisioning?.release(d, this.all, site)) ?? true);
    if (!vimsOf(d).every((v) => this.#partOf(d, v).isGone)) return null;
    const state = d.ns.state === "FAILED" ? "FAILED" : "NOT_INSTANTIATED";
    const ns: Ns = { ...d.ns, state, detail: state === "FAILED" ? d.ns.detail : null, modifiedAt: this.#now() };
    // An instantiation that can be tried again goes on with the same VNFs; a sole one is there before it is instantiated, and after.
    const isTriedAgain = state === "FAILED" && this.#parts.occurrences.runningOf(ns.id)?.operation === "INSTANTIATE";
    const keepsVnfs = isTriedAgain || ns.soleVnf !== undefined;
    const remove = async (tx: ManoStore) => {
      await writeRemoval(tx, ns);
      if (!keepsVnfs) await deleteVnfInstances(tx, ns.id);
    };
    await this.#write(ns, true, remove, keepsVnfs ? [] : vnfsDeleted(d));
    const { formerly: _, ...left } = d;
    this.#deployments.set(ns.id, resized({ ...left, ns, vnfcs: [], vnfs: keepsVnfs ? d.vnfs : [], stitches: [] }));
    this.#inVims.delete(ns.id);
    this.#parts.removed(ns, d.vnfcs);
    this.#tell(ns);
    return null;
  }

  /** Takes up groups of an NS; from here on they are heard, and protected while it is instantiated. */
  protect(d: Deployment, groups: readonly ProtectionGroup[]): void {
    const servers = new Map(d.vnfcs.map((v) => [v.id, v.vimServerId]));
    const made = new Map<VnfcId, GuardedMember>();
    const guards = groups.map((g) => new Guard(g, servers, made));
    for (const guard of guards) guard.isWatched = d.ns.state === "INSTANTIATED";
    for (const { id, restsSince } of d.vnfcs) if (restsSince !== null) for (const guard of guards) guard.restsSinceBefore(id);
    for (const guard of guards) this.#parts.guardAdded(guard);
  }

  async #setState(id: NsId, state: NsState, detail: string | null): Promise<void> {
    const d = this.#deployments.get(id)!;
    const ns: Ns = { ...d.ns, state, detail, modifiedAt: this.#now() };
    await this.#write(ns, false, (tx) => updateNsState(tx, ns));
    this.#deployments.set(id, { ...d, ns });
    this.#tell(ns);
  }

  /** A state of an NS, together with what it means for the operation that goes on. */
  async #write(
    ns: Ns,
    isRemoved: boolean,
    write: (tx: ManoStore) => Promise<void>,
    events: readonly ManoEventBody[] = [],
  ): Promise<void> {
    const { db, occurrences, outbox } = this.#parts;
    const occurrence = occurrences.after(ns, isRemoved);
    const untold = await db.transaction().execute(async (tx) => {
      await write(tx);
      if (occurrence) await occurrences.write(tx, occurrence);
      return outbox.put(tx, events);
    });
    if (occurrence) occurrences.tell(occurrence);
    outbox.tell(untold);
  }

  #changeVnfc(d: Deployment, vnfc: Vnfc): void {
    const changed = { ...vnfc, modifiedAt: this.#now() };
    this.#put(d, changed);
    this.#parts.writes.push((tx) => updateVnfcStatus(tx, changed));
  }

  #put(d: Deployment, vnfc: Vnfc): void {
    const now = this.#deployments.get(d.ns.id) ?? d;
    this.#deployments.set(d.ns.id, { ...now, vnfcs: now.vnfcs.map((v) => (v.id === vnfc.id ? vnfc : v)) });
  }

  #tell(ns: Ns): void {
    this.#parts.stream.push({ type: "ns.state", nsId: ns.id, state: ns.state, ...(ns.detail !== null && { detail: ns.detail }) });
  }

  #now(): string {
    return this.#parts.clock.wall().toISOString();
  }
}
