import { randomUUID } from "node:crypto";
import { sized } from "../descriptor/sized.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { NsdId, NsId, VimAccountId } from "../model/ids.ts";
import type { Ns, NsView, RunningGroup, VimAccount, VimAccountView } from "../model/ns.ts";
import type { Occurrence, VnfInstance } from "../model/occurrence.ts";
import { readDescriptorNames, readDescriptorsCalled, readNsd } from "../store/mano-catalogue.ts";
import { deleteNs, insertNs, updateNsState, writeInstantiation } from "../store/mano-ns.ts";
import { insertVnfInstances, updateVnfInstance } from "../store/mano-occurrences.ts";
import { readPackage } from "../store/mano-packages.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import { beginAtOnce } from "./begin.ts";
import { type Graces, partsToEnd } from "./farewell.ts";
import type { Guard } from "./guard.ts";
import type { Nfvo } from "./nfvo.ts";
import { vnfsAtLevel } from "./ns-size.ts";
import { busy, failure } from "./occurrences.ts";
import { placesOf } from "./places.ts";
import { calledOf, type Deployment, planVnfcs, SERVER_NAME_MAX, serverNameOf, vimsOf } from "./plan.ts";
import { productsOf } from "./products.ts";
import { checkNames } from "./scale-turns.ts";
import { GIVEN, refuseSharedNets } from "./shared-nets.ts";
import { resized } from "./size.ts";
import { someOf } from "./some-of.ts";
import { placesWith } from "./spread.ts";
import { asOnBoard, checkMayStart, forgetOwn, type Start, writeOwn } from "./start.ts";
import { planStitches } from "./stitches.ts";
import { partsOf, planVnfs, vnfsCreated, vnfsDeleted } from "./vnf-plan.ts";

/** What is asked for when an NS is created. */
interface Termination {
  /** What goes on is given up for it. */
  readonly supersedes?: boolean;
  /** It is the way back of that operation. */
  readonly rolledBack?: Occurrence | null;
  readonly graces?: Graces;
}

export interface NsWish {
  /** Record id of the NSD, or its id in the descriptor file: then the newest version. */
  readonly nsdId: string;
  readonly nsName: string;
  readonly nsDescription?: string | undefined;
  /** Id or name; may be left out where there is one VIM only. */
  readonly vimAccountId?: string | undefined;
  /** VNFC or VDU → id or name of the VIM it goes to, over what the descriptor says. */
  readonly vimAccounts?: Readonly<Record<string, string>> | undefined;
  /** Whose it is; left out: nobody's in particular. */
  readonly owner?: string | null;
  /** NSDs that it may be made of, and VIM accounts that it may go to, by their ids; left out: any. */
  readonly mayUse?: (id: string) => boolean;
}

/** What clients may ask of the MANO. Requests write what is wanted, and are answered once that is on the disk; the loop does it. */
export class Requests {
  readonly #nfvo: Nfvo;
  readonly #db: ManoStore;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(nfvo: Nfvo, db: ManoStore, clock: Clock, log: Log) {
    this.#nfvo = nfvo;
    this.#db = db;
    this.#clock = clock;
    this.#log = log;
  }

  listNs(): NsView[] {
    return this.#nfvo.lifecycle.all.map((d) => this.#viewOf(d));
  }

  getNs(id: string): NsView {
    return this.#viewOf(this.#deployment(id));
  }

  /** In the catalogue's turn: what it is made of is not deleted meanwhile. */
  createNs(wish: NsWish): Promise<NsView> {
    return this.#nfvo.catalogue.inTurn(() => this.#createNs(wish));
  }

  async #createNs(wish: NsWish): Promise<NsView> {
    const nsdId = await this.#nsdIdOf(wish);
    await checkUsable(this.#db, nsdId);
    const made = await readNsd(this.#db, nsdId);
    if (!made) throw new Error(`NSD ${nsdId} has no VNFD in the store`);
    const machines = [made, ...(made.nsd.others ?? [])].flatMap(({ vnfd }) => vnfd.vdus.flatMap((v) => v.vnfcs));
    const longest = Math.max(...machines.map((c) => serverNameOf(wish.nsName, c.id).length));
    if (longest > SERVER_NAME_MAX)
      throw new Fault(
        "INVALID",
        `nsName is too long: <nsName>-<vnfc> may have ${SERVER_NAME_MAX} characters, it would have ${longest}`,
      );
    const now = this.#now();
    const vimAccountId = this.#vimOf(wish.vimAccountId, wish.mayUse);
    const vimAccounts = placesOf(wish.vimAccounts ?? {}, made, vimAccountId, (vim) => this.#vimOf(vim, wish.mayUse));
    const id = randomUUID() as NsId;
    const ns: Ns = {
      id,
      name: wish.nsName,
      description: wish.nsDescription ?? "",
      nsdId,
      vimAccountId,
      vimAccounts,
      state: "NOT_INSTANTIATED",
      detail: null,
      createdAt: now,
      modifiedAt: now,
    };
    await this.#nfvo.lifecycle.exclusive(wish.nsName as NsId, async () => {
      const had = this.#nfvo.lifecycle.named(wish.nsName);
      if (had)
        throw new Fault("CONFLICT", `there is an NS named ${JSON.stringify(wish.nsName)} already${this.#shownTo(wish, had.ns)}`);
      const untold = await this.#db.transaction().execute(async (tx) => {
        await this.#nfvo.owners.give(id, wish.owner ?? null, tx);
        await insertNs(tx, ns);
        return this.#nfvo.outbox.put(tx, [{ type: "ns.created", nsId: id, nsName: ns.name }]);
      });
      this.#nfvo.lifecycle.want(resized({ ns, ...made, vnfcs: [], vnfs: [], stitches: [] }));
      this.#nfvo.outbox.tell(untold);
    });
    return this.getNs(id);
  }

  /** Instantiates it whatever came of an operation before, as our own API lets it. */
  async instantiate(id: string): Promise<NsView> {
    await this.startInstantiation(id, {}, { supersedes: true });
    return this.getNs(id);
  }

  /** The rows of every VNFC are on the disk when this resolves; from then on the loop finishes it, or fails it and cleans up. */
  async startInstantiation(id: string, params: Occurrence["params"], how: Start = {}): Promise<Occurrence> {
    const { ns } = this.#deployment(id);
    const { lifecycle } = this.#nfvo;
    const occurrence = await lifecycle.exclusive(ns.id, async () => {
      const now = this.#deployment(id);
      checkMayStart(now, how);
      const isGiven = how.as !== undefined || how.retried !== undefined;
      const { d, isOther } = isGiven ? { d: how.as?.(now) ?? now, isOther: true } : await asOnBoard(this.#db, now, params);
      const ns: Ns = { ...d.ns, state: "INSTANTIATING", detail: null, modifiedAt: this.#now() };
      // What failed and is tried again goes on with the VNFs that it had.
      const vnfs = d.vnfs.length > 0 ? d.vnfs : await this.#newVnfs({ ...d, ns }, levelIn(params));
      const names = new Set(vnfs.flatMap((v) => v.vnfcs));
      const { vnfd } = sized(d.asWritten ?? d, names, names);
      const vimAccounts = placesWith(d, vnfd, names);
      const vnfcs = planVnfcs({ ...ns, vimAccounts }, vnfd, randomUUID, ns.modifiedAt).filter((v) => names.has(v.name));
      checkNames(vnfcs);
      const wanted = resized({ ...d, ns, vnfcs, vnfs });
      return lifecycle.exclusive(GIVEN, () => {
        refuseSharedNets(wanted, lifecycle.all, this.#nfvo.owners, this.#nfvo.nets);
        return this.#write(wanted, params, how, isOther);
      });
    });
    void beginAtOnce(lifecycle, ns.id, this.#nfvo.watches, this.#log);
    return occurrence;
  }

  /** `isOwn`: its descriptors are not those that are on board as such. */
  async #write(d: Deployment, params: Occurrence["params"], { supersedes, retried }: Start, isOwn: boolean): Promise<Occurrence> {
    const { lifecycle, occurrences, outbox } = this.#nfvo;
    const { stitches, errors } = planStitches(d, this.#nfvo.stitchGround());
    if (errors.length > 0) throw new Fault("INVALID", errors.join("\n"), { id: d.ns.id });
    const givenUp = supersedes ? this.#givenUp(d.ns.id) : null;
    const partOf = (vnfId: string) => retried?.vnfs.find((p) => p.vnfId === vnfId)?.id;
    const parts = partsOf(d, "INSTANTIATE", "ADDED", null, (vnf) => partOf(vnf.id) ?? randomUUID());
    const earlier = (retried?.vnfs ?? []).filter((p) => !parts.some((now) => now.id === p.id));
    const had = new Map(lifecycle.of(d.ns.id)?.vnfs.map((v) => [v.id, v]));
    const made = d.vnfs.filter((v) => !had.has(v.id));
    const changed = d.vnfs.filter((v) => had.has(v.id) && had.get(v.id) !== v);
    const occurrence = retried
      ? occurrences.changed(occurrences.stillFailedTemp(retried), {
          state: "PROCESSING",
          error: null,
          vnfs: [...earlier, ...parts],
        })
      : occurrences.begin(d.ns, "INSTANTIATE", parts, params, givenUp);
    const untold = await this.#db.transaction().execute(async (tx) => {
      if (givenUp) await occurrences.write(tx, givenUp);
      await writeInstantiation(tx, d.ns, d.vnfcs, stitches);
      if (!retried) await (isOwn ? writeOwn(tx, d) : forgetOwn(tx, d));
      await insertVnfInstances(tx, made);
      for (const vnf of changed) await updateVnfInstance(tx, vnf);
      const created = await outbox.put(tx, vnfsCreated(d.ns, made));
      await occurrences.write(tx, occurrence);
      return created;
    });
    lifecycle.want({ ...d, stitches });
    this.#tellGivenUp(givenUp);
    outbox.tell(untold);
    occurrences.tell(occurrence);
    return occurrence;
  }

  /** Each with what its VNFD says of it. */
  async #newVnfs(d: Deployment, level: string | undefined): Promise<VnfInstance[]> {
    const found = await productsOf(this.#db, this.#nfvo.owners, d);
    return planVnfs(d, vnfsAtLevel(d, level), { newId: randomUUID, now: d.ns.modifiedAt, found });
  }

  /** What goes on, given up for what is asked for now: to be written with it, and before it. */
  #givenUp(ns: NsId): Occurrence | null {
    const { occurrences } = this.#nfvo;
    const other = occurrences.runningOf(ns);
    if (!other) return null;
    const error = other.error ?? failure("given up for what was asked for after it");
    return occurrences.changed(other, { state: "FAILED", error, cancelMode: null });
  }

  #tellGivenUp(o: Occurrence | null): void {
    if (!o) return;
    this.#nfvo.operations.forget(o.id);
    this.#nfvo.occurrences.tell(o);
  }

  #wakeAll(id: string): void {
    const vims = vimsOf(this.#deployment(id));
    for (const watch of this.#nfvo.watches) if (vims.includes(watch.account.id)) watch.wakeNow();
  }

  /** Terminates it whatever goes on, as our own API lets it: guests that were given time to end by themselves have no more of it. */
  async terminate(id: string): Promise<NsView> {
    if (this.#deployment(id).ns.state === "TERMINATING") await this.#withoutGrace(id);
    else await this.startTermination(id, {}, { supersedes: true });
    return this.getNs(id);
  }

  async #withoutGrace(id: string): Promise<void> {
    const { occurrences, lifecycle } = this.#nfvo;
    await lifecycle.exclusive(this.#deployment(id).ns.id, async () => {
      const o = occurrences.runningOf(this.#deployment(id).ns.id);
      if (o?.operation !== "TERMINATE" || o.vnfs.every((p) => p.graceMs === undefined)) return;
      await occurrences.put(occurrences.changed(o, { vnfs: o.vnfs.map(({ graceMs: _, ...part }) => part) }));
    });
    this.#wakeAll(id);
  }

  async startTermination(
    id: string,
    params: Occurrence["params"],
    { supersedes = false, rolledBack = null, graces }: Termination = {},
  ): Promise<Occurrence> {
    const { occurrences, lifecycle } = this.#nfvo;
    const { ns } = this.#deployment(id);
    const occurrence = await lifecycle.exclusive(ns.id, async () => {
      const d = this.#deployment(id);
      const isGone = d.ns.state === "FAILED" && d.vnfcs.length === 0 && !supersedes; // Our own API clears its FAILED so.
      if ((isGone && !occurrences.runningOf(ns.id)) || d.ns.state === "NOT_INSTANTIATED")
        throw new Fault("CONFLICT", `${calledOf(d.ns)} is NOT_INSTANTIATED; there is nothing to terminate`, { id });
      const wanted: Ns = { ...d.ns, state: "TERMINATING", detail: null, modifiedAt: this.#now() };
      const givenUp = supersedes ? this.#givenUp(ns.id) : null;
      const o = rolledBack
        ? occurrences.changed(occurrences.stillFailedTemp(rolledBack), { state: "ROLLING_BACK" })
        : occurrences.begin(d.ns, "TERMINATE", partsToEnd(d, graces), params, givenUp);
      await this.#db.transaction().execute(async (tx) => {
        if (givenUp) await occurrences.write(tx, givenUp);
        await updateNsState(tx, wanted);
        await occurrences.write(tx, o);
      });
      lifecycle.want({ ...d, ns: wanted });
      this.#tellGivenUp(givenUp);
      occurrences.tell(o);
      return o;
    });
    this.#wakeAll(id);
    return occurrence;
  }

  /** `supersedes`: also where an operation before is FAILED_TEMP, as our own API lets it. */
  async deleteNs(id: string, supersedes = true): Promise<void> {
    await this.#nfvo.lifecycle.exclusive(this.#deployment(id).ns.id, async () => {
      const d = this.#deployment(id);
      const isGone = d.vnfcs.length === 0 && (d.ns.state === "NOT_INSTANTIATED" || d.ns.state === "FAILED");
      if (!isGone) throw new Fault("CONFLICT", `${calledOf(d.ns)} is ${d.ns.state}; terminate it first`, { id });
      const { lifecycle, occurrences, outbox } = this.#nfvo;
      const running = occurrences.runningOf(d.ns.id);
      if (running && !supersedes) throw busy(d.ns, running);
      const givenUp = this.#givenUp(d.ns.id);
      const untold = await this.#db.transaction().execute(async (tx) => {
        if (givenUp) await occurrences.write(tx, givenUp);
        await deleteNs(tx, d.ns.id);
        const nsDeleted = { type: "ns.deleted", nsId: d.ns.id, nsName: d.ns.name } as const;
        return outbox.put(tx, [...vnfsDeleted(d), ...(d.ns.soleVnf === undefined ? [nsDeleted] : [])]);
      });
      this.#tellGivenUp(givenUp);
      lifecycle.forget(d.ns.id);
      outbox.tell(untold);
    });
  }

  listVims(): VimAccountView[] {
    return this.#nfvo.watches.map(({ account, reachable }) => ({
      ...account,
      reachable: reachable.ok,
      streaming: reachable.isStreaming,
      why: reachable.why,
    }));
  }

  async addVim(wish: Omit<VimAccount, "id"> & { readonly id?: string | undefined }): Promise<VimAccountView> {
    const had = this.#nfvo.watches.find((w) => w.account.name === wish.name || w.account.id === wish.id);
    if (had)
      throw new Fault("CONFLICT", `there is a VIM account ${JSON.stringify(had.account.name)} already: ${had.account.id}`, {
        id: had.account.id,
      });
    const id = (wish.id ?? randomUUID()) as VimAccountId;
    await this.#nfvo.addVim({ ...wish, id });
    return this.listVims().find((v) => v.id === id)!;
  }

  /** An NS by id or name. Throws NOT_FOUND. */
  deploymentOf(id: string): Deployment {
    return this.#deployment(id);
  }

  #deployment(id: string): Deployment {
    const found = this.#nfvo.lifecycle.of(id as NsId) ?? this.#nfvo.lifecycle.named(id);
    if (found) return found;
    const there = this.#nfvo.lifecycle.all.map((d) => `${d.ns.id} (${d.ns.name})`);
    throw new Fault("NOT_FOUND", `there is no NS ${id}; there are: ${someOf(there)}`, { id });
  }

  /** By a name it is the newest; for who is of no tenant one that is nobody's, where there is one: a tenant's is not meant by chance. */
  async #nsdIdOf({ nsdId: wanted, owner = null, mayUse = () => true }: NsWish): Promise<NsdId> {
    const called = async () => {
      const all = (await readDescriptorsCalled(this.#db, "nsd", [wanted])).filter((r) => mayUse(r.id));
      const shared = owner === null ? all.filter((r) => this.#nfvo.owners.of(r.id) === null) : [];
      return (shared.at(-1) ?? all.at(-1))?.id;
    };
    const found = (await readNsd(this.#db, wanted as NsdId)) ? wanted : await called();
    if (found !== undefined && mayUse(found)) return found as NsdId;
    const nsds = (await readDescriptorNames(this.#db)).filter((r) => r.kind === "nsd" && mayUse(r.id));
    const there = someOf(nsds.map((r) => `${r.id} (${r.ref} ${r.version})`));
    throw new Fault("NOT_FOUND", `there is no NSD ${wanted}; there are: ${there}`, { id: wanted });
  }

  /** What is said of an NS that stands in the way: nothing more where it is another tenant's. */
  #shownTo({ owner = null }: NsWish, { id }: Ns): string {
    return owner === null || this.#nfvo.owners.of(id) === owner ? `: ${id}` : "";
  }

  #vimOf(wanted: string | undefined, mayUse: NsWish["mayUse"] = () => true): VimAccountId {
    const accounts = this.#nfvo.watches.map((w) => w.account).filter((a) => mayUse(a.id));
    const found = wanted === undefined ? accounts : accounts.filter((a) => a.id === wanted || a.name === wanted);
    if (found.length === 1) return found[0]!.id;
    const there = accounts.map((a) => a.name).join(", ") || "none; POST /mano/v1/vims adds one";
    if (wanted === undefined)
      throw new Fault("INVALID", `vimAccountId is needed, since there is not exactly one VIM; there are: ${there}`);
    throw new Fault("NOT_FOUND", `there is no VIM account ${wanted}; there are: ${there}`, { id: wanted });
  }

  #viewOf(d: Deployment): NsView {
    const guards = this.#nfvo.reaction.guardsOf(d.ns.id);
    const healthOf = (id: string) => guards.flatMap((g) => g.members).find((m) => m.member.vnfcId === id)?.health ?? null;
    return {
      ...d.ns,
      vnfcs: d.vnfcs.map((v) => ({ ...v, health: healthOf(v.id) })),
      stitches: d.stitches,
      protectionGroups: guards.map(runningGroupOf),
      underWay: shownOf(this.#nfvo.occurrences.runningOf(d.ns.id)),
    };
  }

  #now(): string {
    return this.#clock.wall().toISOString();
  }
}

/** SOL005 6.5.2.11. */
const levelIn = ({ nsInstantiationLevelId: level }: Occurrence["params"]): string | undefined =>
  typeof level === "string" ? level : undefined;

function shownOf(o: Occurrence | undefined): NsView["underWay"] {
  if (!o) return null;
  const { id, operation, state, warnings, error } = o;
  return { id, operation, state, warnings, error };
}

const runningGroupOf = (guard: Guard): RunningGroup => {
  const { id, name, scheme, policy, members, trafficNets } = guard.group;
  const nets = trafficNets.map((n) => ({ ...n, servedBy: guard.servedBy(n.netId), since: guard.sinceOf(n.netId) }));
  return { id, name, scheme, policy, members, trafficNets: nets };
};

/** Throws CONFLICT where the NSD, or a VNF package that it uses, is disabled (SOL005 5.5.4.3, 9.5.4.4): nothing new is made of it. */
async function checkUsable(db: ManoStore, nsdId: NsdId): Promise<void> {
  const nsd = await readPackage(db, nsdId);
  if (nsd?.operational === "DISABLED") throw new Fault("CONFLICT", `NSD ${nsdId} is DISABLED; enable it first`);
  for (const id of nsd?.uses ?? [])
    if ((await readPackage(db, id))?.operational === "DISABLED")
      throw new Fault("CONFLICT", `VNF package ${id}, which NSD ${nsdId} uses, is DISABLED; enable it first`);
}
