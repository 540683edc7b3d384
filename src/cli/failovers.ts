import { Fault } from "../lib/fault.ts";
import type { VnfcId } from "../model/ids.ts";
import type { Failover } from "../model/mano-event.ts";
import { readAllVnfcs } from "../store/mano-ns.ts";
import { readFailover, readFailovers } from "../store/mano-records.ts";
import type { ManoTables } from "../store/mano-schema.ts";
import { openToRead } from "../store/open.ts";
import { storePath } from "./stores.ts";
import { ms, table } from "./table.ts";

/** One line per failover: what happened to whom, and how many ms after the first sight of it each step came. */
export function failoverTable(failovers: readonly Failover[], nameOf: (id: VnfcId) => string): string {
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
    ],
    failovers.map((f) => row(f, nameOf)),
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

/** The failovers of a store, or one of them in full. Throws NOT_FOUND when there is no such store or failover. */
export async function showFailovers({ id, store, json, limit, runsFolder }: ShowFailovers): Promise<string> {
  const path = storePath(store, runsFolder, "mano.db");
  await using db = await openToRead<ManoTables>(path);
  const names = new Map((await readAllVnfcs(db)).map((v) => [v.id, v.name]));
  const nameOf = (vnfc: VnfcId) => names.get(vnfc) ?? vnfc;
  const found = id === undefined ? await readFailovers(db, limit) : [await readFailover(db, id)].filter((f) => f !== null);
  if (id !== undefined && found.length === 0)
    throw new Fault("NOT_FOUND", `there is no failover ${id} in ${path}; leave the id out to see all`);
  if (json) return JSON.stringify(found, null, 2);
  return id === undefined
    ? `${failoverTable(found, nameOf)}\n\nfrom ${path}`
    : found.map((f) => failoverText(f, nameOf)).join("\n");
}
