import { ensureServers } from "../act/servers.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { NsId, VimAccountId, VnfcId } from "../model/ids.ts";
import type { Vnfc } from "../model/ns.ts";
import type { VnfInstance } from "../model/occurrence.ts";
import type { ProtectionGroup } from "../model/protection.ts";
import { deleteVnfcs, upsertGroup } from "../store/mano-ns.ts";
import { deleteVnfInstance, updateVnfInstance } from "../store/mano-occurrences.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import { netsCalled } from "../vimconn/inventory-index.ts";
import type { Arming } from "./arming.ts";
import { type Guard, isWell } from "./guard.ts";
import { bare, type Healer } from "./healer.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Site } from "./lifecycle-parts.ts";
import type { Outbox } from "./outbox.ts";
import { type Deployment, groupsOf, type NetIds, resolveNets, specOf, waitsFor } from "./plan.ts";
import type { Provisioning } from "./provisioning.ts";
import { ownNetId } from "./provisions.ts";
import type { Reaction } from "./reaction.ts";
import { refusal } from "./refusal.ts";
import { regrouped } from "./regroup.ts";
import { isBeingMade, resized, wantedNames } from "./size.ts";
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

  progressOf({ ns, vnfs }: Deployment): ScaleProgress {
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
    const leaving = d.vnfcs.filter((v) => !wanted.has(v.name));
    const making = d.vnfcs.filter(
      (v) => wanted.has(v.name) && (v.highAvailability === null ? isBeingMade(v) : !members.has(v.id)),
    );
    const isFlagged = guards.some((g) => g.group.members.some((m) => m.isLeaving));
    if (leaving.length === 0 && making.length === 0 && !isFlagged) {
      if (d.vnfs.some(isGone)) await this.#forget(d, []);
      return { waits: [], failure: null };
    }
    const needed = d.vnfcs.filter((v) => wanted.has(v.name) || members.has(v.id) || ledTo(d, v, site).length > 0);
    const brought = await this.#bring({ ...d, vnfcs: needed }, site);
    if (brought !== null) return brought;
    const { ids, missing } = resolveNets({ ...d, vnfcs: needed }, site.vim, site.seen);
    if (missing.length > 0) return failed(missing.join("; "));
    const failure = await this.#make(d, making, ids, site);
    if (failure !== null) return failed(failure);
    const late = making.flatMap((v) => waitsFor([v], site.seen) ?? []);
    if (await this.#regroup(work, making, ids))
      return { waits: [...late, "its protection groups are being changed"], failure: null };
    const gone: Vnfc[] = [];
    const left: string[] = [];
    for (const vnfc of leaving) {
      const why = members.has(vnfc.id) ? stillServes(guards, vnfc, wanted) : await this.#takeAway(work, vnfc);
      if (why === null) gone.push(vnfc);
      else left.push(why);
    }
    if (gone.length > 0) await this.#forget(d, gone);
    return { waits: [...late, ...left], failure: null };
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

  /** True where a group has other members now, or leads its nets home elsewhere. */
  async #regroup({ d, guards, wanted, site }: Work, making: readonly Vnfc[], ids: NetIds): Promise<boolean> {
    const { db, reaction, clock, arming } = this.#parts;
    const bound = new Set([...site.seen.nets.values()].map((n) => n.bindNet));
    let isChanged = false;
    for (const whole of groupsOf(d, () => ids)) {
      const guard = guards.find((g) => g.group.id === whole.id);
      const next =
        guard &&
        regrouped(guard.group, whole, {
          isWanted: (m) => wanted.has(m.name),
          isUp: (id) => making.some((v) => v.id === id && waitsFor([v], site.seen) === null),
          isDrained: ({ vnfcId, dataNet }) =>
            guard.carriedBy(vnfcId) === 0 &&
            !bound.has(dataNet) &&
            !arming.mayKnow(guard, vnfcId, "target") &&
            isSpared(guard, vnfcId, wanted),
        });
      if (!guard || !next) continue;
      await upsertGroup(db, next);
      reaction.regroup(guard, next, new Map(d.vnfcs.map((v) => [v.id, v.vimServerId])));
      reaction.decideNow(guard, "command", clock.now());
      isChanged = true;
    }
    if (isChanged) this.#parts.wake(site.vim);
    return isChanged;
  }

  /** Its machine, once no plan of the VIM knows it any more; what that waits for, or null: it is gone. */
  async #takeAway({ d, guards, site }: Work, vnfc: Vnfc): Promise<string | null> {
    const led = ledTo(d, vnfc, site);
    if (led.length > 0) return `${vnfc.name}: the VIM leads ${led.join(", ")} to it`;
    const knowing = guards.find((g) => this.#parts.arming.mayKnow(g, vnfc.id, "member"));
    if (knowing) return `${vnfc.name}: the VIM has a plan of ${knowing.group.name} that knows it still`;
    // Also where it was not seen: it may be on its way.
    const refused = await refusal(site.connector.deleteServer(vnfc.vimServerId, site.signal));
    if (refused !== null) return `${vnfc.serverName}: ${refused}`;
    if (site.seen.servers.has(vnfc.vimServerId)) return `${vnfc.serverName} is being taken away`;
    return this.#takeNet(d, vnfc, site);
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
