import { Fault } from "../lib/fault.ts";
import type { VnfcId } from "../model/ids.ts";
import type { Incident } from "../model/incident.ts";
import type { Failover } from "../model/mano-event.ts";
import { readIncident, readIncidents } from "../store/mano-incidents.ts";
import { readAllVnfcs } from "../store/mano-ns.ts";
import { readFailover, readFailovers } from "../store/mano-records.ts";
import type { ManoTables } from "../store/mano-schema.ts";
import { openToRead } from "../store/open.ts";
import { storePath } from "./stores.ts";
import { ms, table } from "./table.ts";

/** One line per failover: what happened to whom, and how many ms after the first sight of it each step came. */
export function failoverTable(
  failovers: readonly Failover[],
  nameOf: (id: VnfcId) => string,
  incidents: readonly Incident[] = [],
): string {
  if (failovers.length === 0) return "no failover is recorded";
  return table(
    [
      "opened",
      "kind",
      "about",
      "moved",
      "state",
      "mode",
      "seen by",
      "told",
      "decided",
      "on wire",
      "barrier",
      "verified",
      "alarm told",
      ...(incidents.length > 0 ? ["incident"] : []),
    ],
    failovers.map((f) => [...row(f, nameOf), ...(incidents.length > 0 ? [causeOf(f, incidents)] : [])]),
  );
}

const causeOf = ({ incidentId }: Failover, incidents: readonly Incident[]): string =>
  incidents.find((i) => i.id === incidentId)?.cause.name ?? "-";

/** What failed together, one line for each cause. */
export function incidentTable(incidents: readonly Incident[], nameOf: (id: VnfcId) => string): string {
  return table(
    ["opened", "incident", "state", "cause", "members", "failovers"],
    incidents.map((i) => [i.openedAt, i.id, i.state, i.cause.name, i.members.map(nameOf).join(", "), String(i.failovers.length)]),
  );
}

function row(f: Failover, nameOf: (id: VnfcId) => string): string[] {
  const seen = Object.entries(f.times.seen).sort((a, b) => a[1] - b[1]);
  const zero = seen[0]?.[1] ?? f.times.told ?? f.times.decided ?? 0;
  const since = (at: number | null) => (at === null ? "-" : `+${ms(at - zero)}`);
  return [
    f.openedAt,
    f.kind,
    nameOf(f.about),
    f.moves.map((m) => (m.from ? `${nameOf(m.from)} → ${nameOf(m.to)}` : `→ ${nameOf(m.to)}`)).join(", "),
    f.state,
    f.mode,
    seen.map(([source, at], i) => (i === 0 ? source : `${source} ${since(at)}`)).join(", ") || "-",
    ...[f.times.told, f.times.decided, f.times.onWire, f.times.barrier, f.times.verified ?? null, f.times.alarmTold].map(since),
  ];
}

/** One failover in full, as lines of text. */
export function failoverText(f: Failover, nameOf: (id: VnfcId) => string): string {
  return [
    `${f.kind} ${f.id} (${f.state}), ${f.openedAt}${f.closedAt ? ` to ${f.closedAt}` : ""}`,
    ...f.because.map((why) => `  because ${why}`),
    failoverTable([f], nameOf),
  ].join("\n");
}

export interface ShowFailovers {
  readonly id: string | undefined;
  readonly store?: string;
  readonly json?: boolean;
  readonly limit: number;
  readonly runsFolder: string;
}

/** The failovers of a store, one of them in full, or those of one incident. Throws NOT_FOUND when there is no such store, failover or incident. */
export async function showFailovers({ id, store, json, limit, runsFolder }: ShowFailovers): Promise<string> {
  const path = storePath(store, runsFolder, "mano.db");
  await using db = await openToRead<ManoTables>(path);
  const names = new Map((await readAllVnfcs(db)).map((v) => [v.id, v.name]));
  const nameOf = (vnfc: VnfcId) => names.get(vnfc) ?? vnfc;
  const incident = id === undefined ? null : await readIncident(db, id);
  const ids = incident?.failovers ?? (id === undefined ? [] : [id]);
  const found =
    id === undefined
      ? await readFailovers(db, limit)
      : (await Promise.all(ids.map((one) => readFailover(db, one)))).filter((f) => f !== null);
  if (id !== undefined && incident === null && found.length === 0)
    throw new Fault("NOT_FOUND", `there is no failover and no incident ${id} in ${path}; leave the id out to see all`);
  if (json) return JSON.stringify(found, null, 2);
  const text = found.map((f) => failoverText(f, nameOf)).join("\n");
  if (incident !== null) return [incidentTable([incident], nameOf), text].filter((t) => t !== "").join("\n\n");
  if (id !== undefined) return text;
  const incidents = await readIncidents(db, limit);
  const together = incidents.length === 0 ? [] : [incidentTable(incidents, nameOf)];
  return [failoverTable(found, nameOf, incidents), ...together, `from ${path}`].join("\n\n");
}
