import { PM_ROUTES } from "../api/sol/pm.ts";
import { pmNotifications } from "../api/sol/pm-view.ts";
import { type BoundRoute, bound } from "../api/sol/route.ts";
import type { ManoConfig } from "../config.ts";
import type { MeasuredObject } from "../mano/measuring.ts";
import type { Nfvo } from "../mano/nfvo.ts";
import { Performance } from "../mano/performance.ts";
import { type Deployment, trafficNetNames } from "../mano/plan.ts";
import type { FindObject, PmSources } from "../mano/pm-collector.ts";
import { Scope } from "../mano/scope.ts";
import { nsInstanceView } from "../mano/vnf-views.ts";
import { WriteQueue } from "../mano/writes.ts";
import type { NsId, VnfcId } from "../model/ids.ts";
import type { NsInstanceView } from "../model/vnf-view.ts";
import { EventStream } from "../notify/stream.ts";
import { readFailoversClosedSince, readJournalExtent, readLastSeq } from "../store/mano-records.ts";
import { vimOf } from "./mano-lcm.ts";
import { callbackRules, type NotifyParts } from "./mano-notify.ts";

/** Collections that wait in memory where the store takes none: a few minutes of them. */
const WAITING_MAX = 500;

/** What measures VNFs and network services. Throws CONFIG where our client certificate cannot be read. */
export async function openPerformance(config: ManoConfig, nfvo: Nfvo, parts: NotifyParts): Promise<Performance> {
  const { db, log, clock } = parts;
  // Apart from the records of what happens: however much is measured, it neither delays them nor pushes them out.
  const table = "pm_journal";
  const writes = new WriteQueue(db, log, clock, await readJournalExtent(db, table), { table, waitingMax: WAITING_MAX });
  return Performance.open({
    ...parts,
    ...callbackRules(config, parts),
    ...sourcesOf(nfvo, parts),
    stream: new EventStream(writes, clock, await readLastSeq(db, table)),
    writes,
    notificationsOf: pmNotifications,
    thresholdEveryMs: config.performance.thresholdSeconds * 1_000,
  });
}

export const pmRoutes = (performance: Performance): BoundRoute[] => bound(PM_ROUTES, performance);

function sourcesOf(nfvo: Nfvo, { db, log }: NotifyParts): PmSources {
  return {
    finder: () => finderIn(nfvo),
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
      return nfvo.writes.isWaiting ? null : readFailoversClosedSince(db, new Date(sinceMs).toISOString());
    },
  };
}

/** One view of each NS, however many of its VNFs are asked for. */
function finderIn(nfvo: Nfvo): FindObject {
  const views = new Map<NsId, NsInstanceView>();
  const viewOf = (d: Deployment): NsInstanceView => {
    const view = views.get(d.ns.id) ?? nsInstanceView(d, vimOf(nfvo));
    views.set(d.ns.id, view);
    return view;
  };
  return (of, id, owner) => {
    const d = of === "nspm" ? nfvo.lifecycle.of(id as NsId) : nfvo.lifecycle.vnfOf(id)?.deployment;
    const isThere = d && (of === "vnfpm" || d.ns.soleVnf === undefined);
    return isThere && new Scope(nfvo, owner).owns(d.ns.id) ? objectOf(d, viewOf(d), of === "nspm" ? null : id) : null;
  };
}

function objectOf(
  { ns: { id: nsId, vimAccountId }, nsd }: Deployment,
  ns: NsInstanceView,
  vnfId: string | null,
): MeasuredObject | null {
  const vnf = vnfId === null ? null : (ns.vnfs.find((v) => v.id === vnfId) ?? null);
  if (vnfId !== null && vnf === null) return null;
  const saps = trafficNetNames(nsd).map((net) => ({ net, vim: vimAccountId }));
  return { id: vnfId ?? ns.id, nsId, ns, vnf, saps };
}
