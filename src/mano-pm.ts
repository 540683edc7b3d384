import { PM_ROUTES } from "./api/sol/pm.ts";
import { pmNotification } from "./api/sol/pm-view.ts";
import { type BoundRoute, bound } from "./api/sol/route.ts";
import type { ManoConfig } from "./config.ts";
import type { MeasuredObject } from "./mano/measuring.ts";
import type { Nfvo } from "./mano/nfvo.ts";
import { Performance } from "./mano/performance.ts";
import { type Deployment, trafficNetNames } from "./mano/plan.ts";
import type { PmSources } from "./mano/pm-collector.ts";
import { nsInstanceView } from "./mano/vnf-views.ts";
import { vimOf } from "./mano-lcm.ts";
import { callbackRules, type NotifyParts } from "./mano-notify.ts";
import type { VnfcId } from "./model/ids.ts";
import { readFailovers } from "./store/mano-records.ts";

/** Newest records that are looked through: a period is minutes at most. */
const FAILOVERS_LOOKED_AT = 1_000;

/** What measures VNFs and network services. Throws CONFIG where our client certificate cannot be read. */
export function openPerformance(config: ManoConfig, nfvo: Nfvo, parts: NotifyParts): Promise<Performance> {
  const { stream, writes } = nfvo;
  return Performance.open({
    ...parts,
    ...callbackRules(config, parts),
    ...sourcesOf(nfvo, parts),
    stream,
    writes,
    notificationOf: pmNotification,
    thresholdEveryMs: config.performance.thresholdSeconds * 1_000,
  });
}

export const pmRoutes = (performance: Performance): BoundRoute[] => bound(PM_ROUTES, performance);

function sourcesOf(nfvo: Nfvo, { db, log }: NotifyParts): PmSources {
  return {
    objectOf: (of, id) => {
      if (of === "nspm") {
        const d = nfvo.lifecycle.all.find((x) => x.ns.id === id);
        return d ? objectOf(nfvo, d, null) : null;
      }
      const found = nfvo.lifecycle.vnfOf(id);
      return found ? objectOf(nfvo, found.deployment, id) : null;
    },
    portCounts: async (id, signal) => {
      const watch = nfvo.watches.find((w) => w.account.id === id);
      try {
        return (await watch?.connector.portCounts(signal)) ?? null;
      } catch (err) {
        log.debug({ err, vim: id }, "what ports have carried could not be read; this period is without it");
        return null;
      }
    },
    health: () => {
      const members = nfvo.reaction.guards.flatMap((g) => g.members.map((m) => [m.member.vnfcId, m.health.state] as const));
      const judged = new Map(members);
      // Who is in no protection group is up as far as its VIM says so.
      const isActive = (id: VnfcId) => nfvo.lifecycle.vnfcOf(id)?.vnfc.status.startsWith("ACTIVE") ?? false;
      return (id) => (judged.has(id) ? judged.get(id) === "up" : isActive(id));
    },
    failovers: async (sinceMs) => {
      await nfvo.writes.flush();
      const newest = await readFailovers(db, FAILOVERS_LOOKED_AT);
      return newest.filter((f) => f.closedAt === null || Date.parse(f.closedAt) >= sinceMs || Date.parse(f.openedAt) >= sinceMs);
    },
  };
}

function objectOf(nfvo: Nfvo, d: Deployment, vnfId: string | null): MeasuredObject | null {
  const ns = nsInstanceView(d, vimOf(nfvo));
  const vnf = vnfId === null ? null : (ns.vnfs.find((v) => v.id === vnfId) ?? null);
  if (vnfId !== null && vnf === null) return null;
  const saps = trafficNetNames(d.nsd).map((net) => ({ net, vim: d.ns.vimAccountId }));
  return { id: vnfId ?? ns.id, nsId: d.ns.id, ns, vnf, saps };
}
