import { PM_ROUTES } from "../api/sol/pm.ts";
import { pmNotifications } from "../api/sol/pm-view.ts";
import { type BoundRoute, bound } from "../api/sol/route.ts";
import type { ManoConfig } from "../config.ts";
import type { AlarmCause } from "../mano/alarms.ts";
import type { MeasuredObject } from "../mano/measuring.ts";
import type { Nfvo } from "../mano/nfvo.ts";
import { Performance } from "../mano/performance.ts";
import { type Deployment, trafficNetNames } from "../mano/plan.ts";
import type { FindObject, PmSources } from "../mano/pm-collector.ts";
import { Scope } from "../mano/scope.ts";
import { nsInstanceView } from "../mano/vnf-views.ts";
import { WriteQueue } from "../mano/writes.ts";
import type { NsId, VimAccountId, VnfcId } from "../model/ids.ts";
import type { ProtectionGroup } from "../model/protection.ts";
import type { NsInstanceView } from "../model/vnf-view.ts";
import { EventStream } from "../notify/stream.ts";
import { readAlarmsClearedSince, readFailoversClosedSince, readJournalExtent, readLastSeq } from "../store/mano-records.ts";
import type { VimConnector } from "../vimconn/connector.ts";
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

/** What is raised about a group of which a net is led to nobody who serves. */
const SERVICE_DOWN: AlarmCause = "SERVICE_DOWN";

function sourcesOf(nfvo: Nfvo, { db, log }: NotifyParts): PmSources {
  const read = async <T>(id: VimAccountId, what: string, ask: (vim: VimConnector) => Promise<T | null>): Promise<T | null> => {
    const watch = nfvo.watches.find((w) => w.account.id === id);
    try {
      return watch === undefined ? null : await ask(watch.connector);
    } catch (err) {
      log.debug({ err, vim: id }, `${what} could not be read; this period is without it`);
      return null;
    }
  };
  return {
    finder: () => finderIn(nfvo),
    portCounts: (id, signal) => read(id, "what ports have carried", (vim) => vim.portCounts(signal)),
    serverUsage: (id, signal) => read(id, "what servers have taken of their hosts", (vim) => vim.serverUsage(signal)),
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
    serviceDowns: async (sinceMs) => {
      const active = nfvo.alarms.active.filter((a) => a.probableCause === SERVICE_DOWN);
      await nfvo.writes.flush();
      if (nfvo.writes.isWaiting) return null;
      // One that was cleared meanwhile is among both.
      const cleared = await readAlarmsClearedSince(db, SERVICE_DOWN, new Date(sinceMs).toISOString());
      return [...new Map([...active, ...cleared].map((a) => [a.id, a])).values()];
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
    if (!isThere || !new Scope(nfvo, owner).owns(d.ns.id)) return null;
    const groups = nfvo.reaction.guards.map((g) => g.group).filter((g) => g.nsId === d.ns.id);
    return objectOf(d, viewOf(d), of === "nspm" ? null : id, groups);
  };
}

function objectOf(
  { ns: { id: nsId, vimAccountId }, nsd }: Deployment,
  ns: NsInstanceView,
  vnfId: string | null,
  all: readonly ProtectionGroup[],
): MeasuredObject | null {
  const vnf = vnfId === null ? null : (ns.vnfs.find((v) => v.id === vnfId) ?? null);
  if (vnfId !== null && vnf === null) return null;
  const saps = trafficNetNames(nsd).map((net) => ({ net, vim: vimAccountId }));
  // A group lies within one VNF; one over several is their network service's.
  const isWithin = (g: ProtectionGroup) => g.members.every((m) => vnf?.vnfcViews.some((v) => v.id === m.vnfcId));
  const groups = vnf === null ? all : all.filter(isWithin);
  return { id: vnfId ?? ns.id, nsId, ns, vnf, saps, groups };
}
