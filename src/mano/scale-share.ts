import { ensureServers } from "../act/servers.ts";
import { ensureEnds, removeEnds } from "../act/stitches.ts";
import { Fault } from "../lib/fault.ts";
import type { VnfcId } from "../model/ids.ts";
import type { Vnfc } from "../model/ns.ts";
import type { Stitch } from "../model/stitch.ts";
import { netsCalled } from "../vimconn/inventory-index.ts";
import type { Arming } from "./arming.ts";
import { type FarewellParts, Farewells } from "./farewell.ts";
import type { Guard } from "./guard.ts";
import { bare, type Healer } from "./healer.ts";
import type { Site } from "./lifecycle-parts.ts";
import { type Deployment, endsOf, entryNetName, type NetIds, resolveNets, specOf, waitsFor } from "./plan.ts";
import type { Provisioning } from "./provisioning.ts";
import { ownNetId } from "./provisions.ts";
import { refusal } from "./refusal.ts";
import { endsIn } from "./stitches.ts";

/** What is still to be done until VNFs have the size that they are meant to have. */
export interface ScaleProgress {
  /** In words; none: they have it. */
  readonly waits: readonly string[];
  /** What will not come right by waiting; null: nothing. */
  readonly failure: string | null;
  /** One of its VIMs does not answer: nothing is known of what is there. */
  readonly isBlind?: boolean;
}

export const failed = (why: string): ScaleProgress => ({ waits: [why], failure: why });

/** What is there of those that are being made. */
export interface Brought {
  readonly ids: NetIds;
  /** Who runs and answers. */
  readonly up: ReadonlySet<VnfcId>;
  /** Who does not yet, in words. */
  readonly late: readonly string[];
}

/** What a VIM that traffic does not enter has of an NS while it is scaled, as it was last seen. */
export interface Share {
  /** What was wanted then. */
  readonly vnfs: Deployment["vnfs"];
  readonly brought: Brought | ScaleProgress;
  /** Of those that go and have left their group: what they wait for; null: nothing of them is left there. */
  readonly left: ReadonlyMap<VnfcId, string | null>;
  /** What is still there of ways that nobody needs, in words; null: nothing. */
  readonly ways: string | null;
}

export interface ScaleShareParts extends FarewellParts {
  readonly healer: Healer;
  readonly provisioning?: Provisioning | undefined;
  readonly arming: Pick<Arming, "mayKnow" | "disarm">;
}

/** Of an NS that is scaled what is to be made and taken away in one of its VIMs. Each step is safe to repeat. VIM_UNREACHABLE passes through. */
export class ScaleShare {
  readonly #parts: ScaleShareParts;
  /** Groups, by their id and a VIM that has no member of theirs any more, that were disarmed there in this run. */
  readonly #disarmed = new Set<string>();
  readonly #farewells: Farewells;

  constructor(parts: ScaleShareParts) {
    this.#parts = parts;
    this.#farewells = new Farewells(parts);
  }

  /** Its nets, what else the VIM has not, and then machines; what that waits for, or why it cannot come right. `d`: without what goes. `next`: whose machine is to be made anew. */
  async bring(d: Deployment, making: readonly Vnfc[], site: Site, next: Vnfc | null = null): Promise<Brought | ScaleProgress> {
    const { vim, connector, seen, signal } = site;
    try {
      if (!(await ensureEnds(connector, endsOf(d, vim), seen, signal)))
        return { waits: ["nets that join its VIMs are being made"], failure: null };
      const waiting = (await this.#parts.provisioning?.ensure(d, site)) ?? null;
      if (waiting !== null) return { waits: [waiting], failure: null };
    } catch (e) {
      if (!(e instanceof Fault) || e.code === "VIM_UNREACHABLE") throw e;
      return failed(e.message);
    }
    const { ids, missing } = resolveNets(d, vim, seen);
    if (missing.length > 0) return failed(missing.join("; "));
    const failure = (await this.#make(d, making, ids, site)) ?? (await whyNotRemade(d, next, ids, site));
    if (failure !== null) return failed(failure);
    const waits = making.map((v) => [v.id, waitsFor([v], seen)] as const);
    return {
      ids,
      up: new Set(waits.flatMap(([id, why]) => (why === null ? [id] : []))),
      late: waits.flatMap(([, why]) => why ?? []),
    };
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

  /** What keeps one that has left its group, where traffic enters; null: nothing leads anything to it any more. */
  heldBy(d: Deployment, guards: readonly Guard[], vnfc: Vnfc, site: Site): string | null {
    const led = ledTo(d, vnfc, site);
    if (led.length > 0) return `${vnfc.name}: the VIM leads ${led.join(", ")} to it`;
    const knowing = guards.find((g) => this.#parts.arming.mayKnow(g, vnfc.id, "member"));
    return knowing ? `${vnfc.name}: the VIM has a plan of ${knowing.group.name} that knows it still` : null;
  }

  /** The machine of one that nothing leads to, and its net unless it comes back; what that waits for, or null: it is gone. */
  async takeAway(d: Deployment, guards: readonly Guard[], vnfc: Vnfc, site: Site, isForGood = true): Promise<string | null> {
    const knowing = await this.#letGo(d, guards, vnfc, site);
    if (knowing) return `${vnfc.name}: its VIM asks for it still, for ${knowing.group.name}`;
    const waits = isForGood ? await this.#farewells.waitFor(vnfc, site) : null;
    if (waits !== null) return waits;
    // Also where it was not seen: it may be on its way.
    const refused = await refusal(site.connector.deleteServer(vnfc.vimServerId, site.signal));
    if (refused !== null) return `${vnfc.serverName}: ${refused}`;
    if (site.seen.servers.has(vnfc.vimServerId)) return `${vnfc.serverName} is being taken away`;
    if (!isForGood) return null;
    this.#farewells.forget(vnfc.id);
    return this.#takeNet(d, vnfc, site);
  }

  /** A VIM that traffic does not enter probes the members that are there: not this one any more. The group that does, if any. */
  async #letGo({ ns }: Deployment, guards: readonly Guard[], vnfc: Vnfc, { vim, signal }: Site): Promise<Guard | undefined> {
    if (vim === ns.vimAccountId || vnfc.highAvailability === null) return undefined;
    const { arming } = this.#parts;
    for (const guard of guards) {
      const key = `${guard.group.id} ${vim}`;
      if (guard.isIn(vim)) this.#disarmed.delete(key);
      else if (!this.#disarmed.has(key)) {
        await arming.disarm(guard, vim, signal);
        this.#disarmed.add(key);
      }
    }
    return guards.find((g) => g.isIn(vim) && arming.mayKnow(g, vnfc.id, "member", vim));
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

  /** What is there of ways that nobody needs; what that waits for, or null: nothing is left. */
  async takeWays(idle: readonly Stitch[], { vim, connector, seen, signal }: Site): Promise<string | null> {
    let isGone = false;
    const take = async () => {
      isGone = await removeEnds(connector, endsIn(idle, vim), seen, signal);
    };
    const refused = await refusal(take());
    if (refused !== null) return `the way to ${idle.map((s) => s.joins.name).join(", ")}: ${refused}`;
    return isGone ? null : "nets that joined its VIMs are being taken away";
  }
}

/** Before a machine is given up for another one, the VIM has what that is made from. */
async function whyNotRemade(d: Deployment, next: Vnfc | null, ids: NetIds, { connector, signal }: Site): Promise<string | null> {
  if (next === null) return null;
  const { madeFrom: _, ...anew } = next;
  return refusal(connector.sourcesOf(specOf(d, anew, ids), signal));
}

/** Names of the nets that are bound to its own, or to the way to it, whoever did that: who serves is not taken away. */
function ledTo(d: Deployment, { name }: Vnfc, { vim, seen }: Site): string[] {
  const member = d.nsd.members.find((m) => m.vnfc === name);
  if (member === undefined) return [];
  const net = entryNetName(d, member);
  const way = d.stitches.find(({ joins }) => joins.kind === "member" && joins.name === name);
  const own = new Set([ownNetId(d.ns.id, vim, net), way?.near.netId, ...netsCalled(seen, net).map((n) => n.id)]);
  return [...seen.nets.values()].filter((n) => n.bindNet !== null && own.has(n.bindNet)).map((n) => n.name);
}
