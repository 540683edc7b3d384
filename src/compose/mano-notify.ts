import { readFileSync } from "node:fs";
import type { FaultDoors } from "../api/sol/fault-management.ts";
import { NOTIFICATIONS } from "../api/sol/notifications.ts";
import type { ManoConfig } from "../config.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { isLoopback } from "../lib/loopback.ts";
import type { Seal } from "../lib/seal.ts";
import type { Nfvo } from "../mano/nfvo.ts";
import { Scope } from "../mano/scope.ts";
import { SolSubscriptions } from "../mano/sol-subscriptions.ts";
import type { Alarm, ManoEvent } from "../model/mano-event.ts";
import type { CallbackTls } from "../model/subscription.ts";
import { CallbackPolicy } from "../notify/callback-policy.ts";
import { type AlarmsAsked, readAlarmIds, readAlarmsAsked } from "../store/mano-records.ts";
import type { ManoStore } from "../store/mano-schema.ts";

export interface NotifyParts {
  readonly db: ManoStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly seal: Seal;
  /** Ports of ours: no callback leads there. */
  readonly ownPorts: () => readonly number[];
}

/** Who is told of what happens by ETSI's notifications. Throws CONFIG where our client certificate cannot be read. */
export function openSubscriptions(config: ManoConfig, nfvo: Nfvo, parts: NotifyParts): Promise<SolSubscriptions> {
  const { db, clock, log, seal } = parts;
  const { stream, writes } = nfvo;
  const rules = callbackRules(config, parts);
  const mayHear = (owner: string | null, event: ManoEvent) => new Scope(nfvo, owner).hears(event);
  return SolSubscriptions.open({ db, stream, writes, clock, log, seal, notifications: NOTIFICATIONS, mayHear, ...rules });
}

/** Where callbacks may lead, and who we are to them. Throws CONFIG where our client certificate cannot be read. */
export function callbackRules(config: ManoConfig, { ownPorts }: Pick<NotifyParts, "ownPorts">) {
  const { allow, secretsOverHttp: secretsInClear, clientCertificate } = config.callbacks;
  // This machine may be called only where nobody from elsewhere can subscribe: else they would reach through us what trusts this machine.
  const policy = new CallbackPolicy({ allow, secretsInClear, ownPorts, thisMachine: isLoopback(config.listen.host) });
  return { policy, ourTls: clientCertificate ? readOurTls(clientCertificate) : null };
}

function readOurTls({ cert, key, ca }: NonNullable<ManoConfig["callbacks"]["clientCertificate"]>): CallbackTls {
  const read = (name: string, path: string): string => {
    try {
      return readFileSync(path, "utf8");
    } catch (e) {
      const detail = `config.mano.callbacks.clientCertificate.${name}: ${(e as Error).message}`;
      throw new Fault("CONFIG", detail, { path }, { cause: e });
    }
  };
  return { certificate: read("cert", cert), privateKey: read("key", key), ca: ca === undefined ? null : read("ca", ca) };
}

export function faultDoors(nfvo: Nfvo, db: ManoStore, scope: Scope): FaultDoors {
  const own = async (id: string): Promise<Alarm> => {
    const found = await nfvo.alarms.get(id);
    if (isOwn(scope, found)) return found;
    throw new Fault("NOT_FOUND", `there is no alarm ${id}; GET /nsfm/v1/alarms lists them`, { id });
  };
  return {
    listAlarms: (asked) => alarmsAsked(nfvo, db, scope, asked),
    getAlarm: own,
    acknowledge: async (id, ackState) => nfvo.alarms.acknowledge((await own(id)).id, ackState),
    escalate: async (id, severity) => nfvo.alarms.escalate((await own(id)).id, severity),
  };
}

/** What is about hosts, switches and stores is of no tenant. */
const isOwn = (scope: Scope, { place }: Alarm): boolean =>
  scope.tenant === null || (place !== undefined && scope.owns(place.nsId));

/** As many as are asked for; fewer: there are no more. Those that are active and that the store has not taken are among them. */
export async function alarmsAsked(nfvo: Nfvo, db: ManoStore, scope: Scope, asked: AlarmsAsked): Promise<Alarm[]> {
  await nfvo.writes.flush();
  // Before the page: what is written meanwhile is in both, not in neither.
  const unwritten = nfvo.writes.isWaiting ? await unwrittenAlarms(nfvo, db) : [];
  const written = await readAlarmsAsked(db, { ...asked, tenant: scope.tenant ?? undefined });
  const there = new Set(written.map((a) => a.id));
  const { behind } = asked;
  const isBehind = (a: Alarm) => behind === null || newestFirst(behind, a) < 0;
  const further = unwritten.filter((a) => !there.has(a.id) && isBehind(a) && isOwn(scope, a));
  return [...written, ...further].sort(newestFirst).slice(0, asked.limit);
}

async function unwrittenAlarms(nfvo: Nfvo, db: ManoStore): Promise<Alarm[]> {
  const { active } = nfvo.alarms;
  const ids = active.map((a) => a.id);
  const known = await readAlarmIds(db, ids);
  return active.filter((a) => !known.has(a.id));
}

type Placed = Pick<Alarm, "raisedAt" | "id">;
const newestFirst = (a: Placed, b: Placed): number =>
  a.raisedAt === b.raisedAt ? (a.id > b.id ? -1 : 1) : a.raisedAt > b.raisedAt ? -1 : 1;
