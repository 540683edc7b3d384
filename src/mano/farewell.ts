import { randomUUID } from "node:crypto";
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

/** Of a spare that rests, or who is closed for its silence, nothing is to be expected. */
async function askedToEnd(d: Deployment, vnfId: string, { vim, seen, connector, signal }: Site): Promise<string[]> {
  const vnf = d.vnfs.find((v) => v.id === vnfId);
  const isToEnd = (id: Parameters<typeof portsOfServer>[1]) =>
    seen.servers.get(id)?.status === "ACTIVE" && !portsOfServer(seen, id).some((p) => p.fenced);
  const running = (vnf ? vnfcsOf(d, vnf) : []).filter((v) => v.vimAccountId === vim && isToEnd(v.vimServerId));
  const waits: string[] = [];
  for (const { serverName, vimServerId } of running) {
    const why = await refusal(connector.stopServer(vimServerId, false, signal));
    waits.push(`${serverName} is asked to shut down${why === null ? "" : `: ${why}`}`);
  }
  return waits;
}
