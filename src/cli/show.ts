import { existsSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../lib/fault.ts";
import { readAllNs, readAllVnfcs, readGroups } from "../store/mano-ns.ts";
import { readAlarms, readJournalSince, readLastSeq } from "../store/mano-records.ts";
import type { ManoStore, ManoTables } from "../store/mano-schema.ts";
import { openToRead } from "../store/open.ts";
import { readPicture, type VimStore } from "../store/vim-picture.ts";
import type { VimDb } from "../store/vim-schema.ts";
import { runFolders } from "./stores.ts";
import { table } from "./table.ts";

export interface Show {
  readonly what: string;
  readonly store?: string;
  readonly json?: boolean;
  readonly limit: number;
  readonly runsFolder: string;
}

interface Section {
  readonly store: "mano.db" | "vim.db";
  readonly heading: readonly string[];
  readonly rows: (db: never, limit: number) => Promise<(string | number | null)[][]>;
}

const section = <S>(
  store: Section["store"],
  heading: readonly string[],
  rows: (db: S, limit: number) => Promise<(string | number | null)[][]>,
): Section => ({
  store,
  heading,
  rows: rows as Section["rows"],
});

/** Everything that can be shown, by the word on the command line. */
const SECTIONS: Readonly<Record<string, Section>> = {
  ns: section<ManoStore>("mano.db", ["id", "name", "state", "detail", "created"], async (db) =>
    (await readAllNs(db)).map((n) => [n.id, n.name, n.state, n.detail, n.createdAt]),
  ),
  vnfcs: section<ManoStore>(
    "mano.db",
    ["id", "name", "high_availability", "replicated", "service_interface", "status", "previous_status", "server"],
    async (db) => {
      const all = await readAllVnfcs(db);
      const nameOf = (id: string | null) => all.find((v) => v.id === id)?.name ?? id;
      return all.map((v) => [
        v.id,
        v.name,
        v.highAvailability,
        nameOf(v.replicated),
        v.serviceInterface,
        v.status,
        v.previousStatus,
        v.vimServerId,
      ]);
    },
  ),
  groups: section<ManoStore>(
    "mano.db",
    ["group", "scheme", "members", "traffic nets (normal member)", "reverts", "wait to restore ms"],
    async (db) =>
      (await readGroups(db)).map((g) => {
        const nameOf = (id: string) => g.members.find((m) => m.vnfcId === id)?.name ?? id;
        const nets = g.trafficNets.map((t) => `${t.name} (${nameOf(t.normal)})`).join(", ");
        return [
          g.name,
          g.scheme,
          g.members.map((m) => m.name).join(", "),
          nets,
          g.policy.revertive ? "yes" : "no",
          g.policy.waitToRestoreMs,
        ];
      }),
  ),
  alarms: section<ManoStore>("mano.db", ["raised", "cleared", "severity", "cause", "about", "details"], async (db, limit) =>
    (await readAlarms(db, limit)).map((a) => [
      a.raisedAt,
      a.clearedAt,
      a.perceivedSeverity,
      a.probableCause,
      a.managedObjectId,
      a.faultDetails.join("; "),
    ]),
  ),
  events: section<ManoStore>("mano.db", ["seq", "at", "event", "facts"], async (db, limit) => {
    const events = await readJournalSince(db, Math.max(0, (await readLastSeq(db)) - limit), limit);
    return events.map(({ seq, at, monoMs: _, type, ...facts }) => [seq, at, type, JSON.stringify(facts).slice(0, 160)]);
  }),
  hosts: section<VimStore>("vim.db", ["id", "name", "ip name", "status"], async (db) =>
    (await readPicture(db)).hosts.map((h) => [h.id, h.name, h.ipName, h.status]),
  ),
  servers: section<VimStore>("vim.db", ["id", "name", "status", "last error"], async (db) =>
    (await readPicture(db)).servers.map((s) => [s.id, s.name, s.status, s.lastError]),
  ),
  nets: section<VimStore>("vim.db", ["id", "name", "type", "status", "bound to"], async (db) => {
    const { nets } = await readPicture(db);
    return nets.map((n) => [n.id, n.name, n.kind, n.status, nets.find((b) => b.id === n.bindNet)?.name ?? n.bindNet]);
  }),
  ports: section<VimStore>("vim.db", ["id", "name", "net", "switch port", "mac", "ip", "status"], async (db) => {
    const { nets, ports } = await readPicture(db);
    return ports.map((p) => [
      p.id,
      p.name,
      nets.find((n) => n.id === p.netId)?.name ?? null,
      p.switchPort,
      p.mac,
      p.ip,
      p.status,
    ]);
  }),
};

/** One section or all of them, as text or JSON. Throws NOT_FOUND for a word or a store that is not there. */
export async function show({ what, store, json, limit, runsFolder }: Show): Promise<string> {
  const words = what === "all" ? Object.keys(SECTIONS) : [what];
  if (words.some((w) => !Object.hasOwn(SECTIONS, w)))
    throw new Fault("NOT_FOUND", `'${what}' is none of ${Object.keys(SECTIONS).join(", ")}, all`);
  const path = (name: Section["store"]) => store ?? join(runFolders(runsFolder)[0] ?? runsFolder, name);
  const shown: Record<string, Record<string, string | number | null>[]> = {};
  const texts: string[] = [];
  for (const word of words) {
    const { store: name, heading, rows } = SECTIONS[word] as Section;
    if (store !== undefined && what === "all" && !(await holds(store, name))) continue;
    if (!existsSync(path(name)))
      throw new Fault("NOT_FOUND", `there is no store ${path(name)}: run ./sempre demo first, or name one with --store`);
    await using db = await openToRead<ManoTables & VimDb>(path(name));
    const found = await rows(db as never, limit);
    shown[word] = found.map((row) => Object.fromEntries(heading.map((h, i) => [h, row[i] ?? null])));
    texts.push(`${word} (${found.length})\n${found.length > 0 ? table(heading, found) : ""}`);
  }
  return json ? JSON.stringify(what === "all" ? shown : shown[what], null, 2) : texts.join("\n");
}

/** Whether a store is the MANO's or the VIM's, by a table that only one of them has. */
async function holds(path: string, name: Section["store"]): Promise<boolean> {
  if (!existsSync(path)) return true; // The missing file is reported by its name.
  await using db = await openToRead<ManoTables>(path);
  const tables = await db.introspection.getTables();
  return tables.some((t) => t.name === (name === "mano.db" ? "protection_group" : "servers"));
}
