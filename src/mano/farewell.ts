import { randomUUID } from "node:crypto";
import type { VnfcId } from "../model/ids.ts";
import type { Vnfc } from "../model/ns.ts";
import type { VnfPart } from "../model/occurrence.ts";
import { portsOfServer } from "../vimconn/inventory-index.ts";
import type { LifecycleParts, Site } from "./lifecycle-parts.ts";
import type { Part } from "./part.ts";
import type { Deployment } from "./plan.ts";
import { refusal } from "./refusal.ts";
import { partsOf, vnfcsOf } from "./vnf-plan.ts";

/** By ids of VNFs: how long their guests have to end by themselves, ms. Null, and those of others: they are switched off. */
export type Graces = ReadonlyMap<string, number | null>;

/** What a termination is to the VNFs. */
export function partsToEnd(d: Deployment, graces: Graces = new Map()): VnfPart[] {
  return partsOf(d, "TERMINATE", "REMOVED", null, () => randomUUID()).map((part) => {
    const graceMs = graces.get(part.vnfId) ?? null;
    return graceMs === null ? part : { ...part, graceMs };
  });
}

/**
 * What comes before machines are taken away: their groups are protected no more, and guests that are to end by themselves are asked to, while their
 * users are still led to them (SOL003 5.5.2.8, GRACEFUL). In words who is waited for; null: nobody.
 */
export async function letGo(
  d: Deployment,
  site: Site,
  part: Part,
  { guardsOf, disarm, occurrences, clock }: Pick<LifecycleParts, "guardsOf" | "disarm" | "occurrences" | "clock">,
): Promise<string | null> {
  for (const guard of guardsOf(d)) {
    guard.isWatched = false;
    if (!part.isDisarmed && guard.isIn(site.vim)) await disarm(guard, site.vim, site.signal);
  }
  part.isDisarmed = true;
  const running = occurrences.runningOf(d.ns.id);
  if (running?.operation !== "TERMINATE") return null;
  part.askedToEndMs ??= clock.now();
  const waitedMs = clock.now() - part.askedToEndMs;
  const waits: string[] = [];
  for (const { vnfId, graceMs = 0 } of running.vnfs) if (waitedMs < graceMs) waits.push(...(await askedToEnd(d, vnfId, site)));
  return waits.length === 0 ? null : waits.join("; ");
}

async function askedToEnd(d: Deployment, vnfId: string, site: Site): Promise<string[]> {
  const vnf = d.vnfs.find((v) => v.id === vnfId);
  const waits: string[] = [];
  for (const vnfc of vnf ? vnfcsOf(d, vnf) : []) {
    const why = vnfc.vimAccountId === site.vim ? await askToEnd(vnfc, site) : null;
    if (why !== null) waits.push(why);
  }
  return waits;
}

/** Asks the guest of one that runs to shut down; in words that it was, or null: of a spare that rests, or who is closed for its silence, nothing is to be expected. */
async function askToEnd({ serverName, vimServerId }: Vnfc, { seen, connector, signal }: Site): Promise<string | null> {
  const isRunning = seen.servers.get(vimServerId)?.status === "ACTIVE";
  if (!isRunning || portsOfServer(seen, vimServerId).some((p) => p.fenced)) return null;
  const why = await refusal(connector.stopServer(vimServerId, false, signal));
  return `${serverName} is asked to shut down${why === null ? "" : `: ${why}`}`;
}

export interface FarewellParts {
  readonly clock: LifecycleParts["clock"];
  readonly occurrences: Pick<LifecycleParts["occurrences"], "runningOf">;
}

/** Of VNFCs that go while their NS goes on: when this run first asked each to end by itself, monotonic ms, and for which operation. */
export class Farewells {
  readonly #asked = new Map<VnfcId, { readonly of: string; readonly atMs: number }>();
  readonly #parts: FarewellParts;

  constructor(parts: FarewellParts) {
    this.#parts = parts;
  }

  /** Who has left its group, and has time to end by itself; null: it is not waited for, or has none any more. */
  async waitFor(vnfc: Vnfc, site: Site): Promise<string | null> {
    const { clock, occurrences } = this.#parts;
    const o = occurrences.runningOf(vnfc.nsId);
    const part = o?.vnfs.find((p) => p.vnfcs.some((v) => v.id === vnfc.id));
    if (!o || part?.operation !== "TERMINATE" || part.graceMs === undefined) return null;
    const of = `${o.id} since ${o.stateEnteredAt}`; // One that is tried again asks again.
    const had = this.#asked.get(vnfc.id);
    const asked = had?.of === of ? had : { of, atMs: clock.now() };
    this.#asked.set(vnfc.id, asked);
    return clock.now() - asked.atMs < part.graceMs ? askToEnd(vnfc, site) : null;
  }

  forget(id: VnfcId): void {
    this.#asked.delete(id);
  }
}
