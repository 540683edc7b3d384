import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { BfdStatus, BfdTimers } from "../model/bfd.ts";
import {
  type Condition,
  type Json,
  type Operation,
  optionOf,
  type Row,
  type TableUpdates,
  uuidOf,
  valuesOf,
} from "../wire/ovsdb/messages.ts";
import { type BfdSeen, bfdOperation, readBfd } from "./bfd.ts";
import { OvsdbSession } from "./ovsdb-session.ts";
import { backOffMs, inTime } from "./stream.ts";

export interface OvsPort {
  readonly name: string;
  /** OpenFlow port number; null until the switch has opened the device, -1 where it could not. */
  readonly ofport: number | null;
  /** Carrier there and not set down. */
  readonly linkUp: boolean;
}

/** `link` and `bfd` only where it changed, also while we were not connected. `seenAt` is monotonic ms. */
export type OvsdbEvent =
  | { readonly type: "link"; readonly port: string; readonly linkUp: boolean; readonly seenAt: number }
  /** A BFD session has changed; null: there is none any more. */
  | { readonly type: "bfd"; readonly port: string; readonly status: BfdStatus | null; readonly seenAt: number }
  | { readonly type: "up" }
  | { readonly type: "closed"; readonly why: string };

export interface OvsdbOptions {
  /** `unix:/path` or `tcp:address:port`. */
  readonly address: string;
  readonly clock: Clock;
  readonly log: Log;
}

export interface EnsurePortOptions {
  /** The OpenFlow port number we would like, 1 to 65279; the switch may give another. */
  readonly ofportRequest?: number;
  /** OVSDB's interface type; none means a device of the host (a tap, a NIC). */
  readonly type?: string;
  /** More columns of a new interface. */
  readonly row?: Row;
}

/** Both ends by their addresses on the wire between hosts. */
export interface Tunnel {
  readonly localIp: string;
  readonly remoteIp: string;
  readonly bfd: BfdTimers;
}

/** The switch opens a device within a few ms; a loaded host takes longer. */
const OFPORT_MAX_MS = 5_000;
const MONITORED = {
  Interface: ["name", "ofport", "link_state", "admin_state", "error", "bfd", "bfd_status", "external_ids"],
} as const;

/**
 * Opens a switch's database. Resolves after the first attempt to connect, whether it went well or not, and connects again
 * by itself. Throws CONFIG for an impossible address.
 */
export async function connectOvsdb(options: OvsdbOptions): Promise<Ovsdb> {
  const ovsdb = new Ovsdb(options);
  await ovsdb.run();
  return ovsdb;
}

interface Interface extends OvsPort {
  readonly error: string | null;
  readonly bfd: BfdSeen;
}

/** Ports of bridges, and the state of their links by push. Verbs reject with HOST_UNREACHABLE while there is no connection. */
export class Ovsdb implements AsyncDisposable {
  readonly #options: OvsdbOptions;
  readonly #listeners = new Set<(e: OvsdbEvent) => void>();
  readonly #interfaces = new Map<string, Interface>();
  readonly #ended = new AbortController();
  /** Waiters for a change of any interface: each looks for itself whether it was the one wanted. */
  #changed = Promise.withResolvers<void>();
  #session: OvsdbSession | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(options: OvsdbOptions) {
    this.#options = options;
  }

  get connected(): boolean {
    return this.#session !== null;
  }

  /** For `connectOvsdb` only. */
  async run(): Promise<void> {
    const first = Promise.withResolvers<void>();
    this.#running = this.#keepConnected(first.resolve);
    await Promise.race([first.promise, this.#running]);
  }

  on(listener: (e: OvsdbEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Adds a port to a bridge, or leaves the one that is there. Resolves with its OpenFlow number once the switch has
   * opened the device; throws OVSDB_REFUSED where the bridge is missing, the name is taken on another bridge, or the
   * device cannot be opened.
   */
  async ensurePort(bridge: string, name: string, options: EnsurePortOptions = {}): Promise<number> {
    await this.addPorts(bridge, [name], options);
    return this.opened(name);
  }

  /**
   * Adds ports to a bridge, those that are there stay: in one transaction, which costs the switch as much as one port does. Resolves when the
   * database has them; `opened` tells when the switch has. Throws OVSDB_REFUSED where the bridge is missing or a name is taken on another one.
   */
  async addPorts(bridge: string, names: readonly string[], options: EnsurePortOptions = {}): Promise<void> {
    const session = this.#now();
    const isKnown = names.some((name) => this.#interfaces.has(name));
    if (!isKnown && (await insertNew(session, bridge, names, options))) return;
    const missing: string[] = [];
    for (const name of names) {
      const { port, onBridge } = await find(session, bridge, name);
      if (port && !onBridge) throw new Fault("OVSDB_REFUSED", `port ${name} is on another bridge`, { bridge });
      if (!port) missing.push(name);
    }
    if (missing.length > 0) await session.transact(insertPorts(bridge, missing, options));
  }

  /** The OpenFlow number of a port, once the switch has opened its device. Throws OVSDB_REFUSED where it cannot, TIMEOUT. */
  opened(name: string): Promise<number> {
    return inTime(this.#options.clock, OFPORT_MAX_MS, `the number of port ${name}`, this.#ofportOf(name));
  }

  /** Takes the port off the bridge; one that is not there is no error. */
  async removePort(bridge: string, name: string): Promise<void> {
    const session = this.#now();
    const found = await find(session, bridge, name);
    if (!found.port || !found.onBridge) return;
    // Rows that no bridge refers to are collected by the server.
    await session.transact([mutateBridge(["_uuid", "==", ["uuid", found.bridge]], "delete", [["uuid", found.port]])]);
  }

  /**
   * A VXLAN tunnel on a bridge (RFC 7348), whose key each packet says itself, with BFD in it. One that is there is made to lead as it should.
   * Rejects as `ensurePort`.
   */
  async ensureTunnel(bridge: string, name: string, tunnel: Tunnel): Promise<void> {
    await this.ensurePort(bridge, name, { type: "vxlan", row: tunnelRow(tunnel) });
    await this.#now().transact([{ op: "update", table: "Interface", where: [["name", "==", name]], row: tunnelRow(tunnel) }]);
  }

  /** What OpenFlow calls the bridge: 16 hexadecimal digits. Throws OVSDB_REFUSED where there is none, or no switch has taken it up yet. */
  async datapathOf(bridge: string): Promise<string> {
    const where = [["name", "==", bridge]] as const;
    const [found] = await this.#now().transact([{ op: "select", table: "Bridge", where, columns: ["datapath_id"] }]);
    const id = optionOf(found?.rows?.[0]?.["datapath_id"]);
    if (typeof id !== "string") throw new Fault("OVSDB_REFUSED", `no bridge ${bridge}, or no switch that runs it`, { bridge });
    return id;
  }

  /** BFD of every interface, as last pushed. */
  bfd(): (readonly [string, BfdSeen])[] {
    return [...this.#interfaces].map(([name, { bfd }]) => [name, bfd]);
  }

  bfdOf(port: string): BfdSeen | null {
    return this.#interfaces.get(port)?.bfd ?? null;
  }

  /** Runs BFD on a port, or with null none of ours. Throws OVSDB_REFUSED where it is to run on an interface that is not there. */
  async setBfd(port: string, timers: BfdTimers | null): Promise<void> {
    const [done] = await this.#now().transact([bfdOperation(port, timers)]);
    if (timers !== null && done?.count === 0) throw new Fault("OVSDB_REFUSED", `no interface ${port}`, { port });
  }

  /** All ports of a bridge, its own included. Throws OVSDB_REFUSED where there is no such bridge. */
  async ports(bridge: string): Promise<OvsPort[]> {
    const session = this.#now();
    const { portIds } = await find(session, bridge, "");
    const [all] = await session.transact([{ op: "select", table: "Port", where: [], columns: ["_uuid", "name"] }]);
    const names = (all?.rows ?? []).filter((row) => portIds.has(uuidOf(row["_uuid"]!))).map((row) => String(row["name"]));
    return names.map((name) => {
      const { ofport = null, linkUp = false } = this.#interfaces.get(name) ?? {};
      return { name, ofport, linkUp };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    this.#session?.close();
    await this.#running;
  }

  #now(): OvsdbSession {
    if (this.#session) return this.#session;
    throw new Fault("HOST_UNREACHABLE", "no connection to ovsdb-server");
  }

  async #ofportOf(name: string): Promise<number> {
    for (;;) {
      this.#now();
      const seen = this.#interfaces.get(name);
      if (seen?.error) throw new Fault("OVSDB_REFUSED", seen.error, { port: name });
      if (seen && seen.ofport !== null && seen.ofport > 0) return seen.ofport;
      await this.#changed.promise;
    }
  }

  async #keepConnected(tried: () => void): Promise<void> {
    const { signal } = this.#ended;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const why = await this.#connection(() => {
          attempt = 0;
          tried();
        });
        this.#tell({ type: "closed", why });
      } catch (e) {
        if (e instanceof Fault && e.code === "CONFIG") throw e;
        if (attempt === 0) this.#options.log.warn({ err: e, address: this.#options.address }, "no connection to ovsdb-server");
      }
      tried();
      await this.#options.clock.sleep(backOffMs(attempt), signal).catch(() => {});
    }
  }

  /** One connection, from joining to its end; resolves with the reason of the end. */
  async #connection(joined: () => void): Promise<string> {
    const { address, clock, log } = this.#options;
    const closed = Promise.withResolvers<string>();
    const updated = (updates: TableUpdates, seenAt: number) => this.#take(updates, seenAt);
    const session = await OvsdbSession.connect(address, clock, log, { updated, closed: closed.resolve });
    try {
      const all = await session.monitor(MONITORED);
      this.#dropUnknown(all);
      this.#take(all, clock.now());
      this.#session = session;
      if (this.#ended.signal.aborted) session.close();
      joined();
      this.#tell({ type: "up" });
      return await closed.promise;
    } finally {
      this.#session = null;
      session.close();
      this.#wake();
    }
  }

  /** Interfaces that vanished while we were not connected. */
  #dropUnknown(all: TableUpdates): void {
    const names = new Set(Object.values(all["Interface"] ?? {}).map((row) => row.new?.["name"]));
    for (const name of this.#interfaces.keys()) if (!names.has(name)) this.#remove(name, this.#options.clock.now());
  }

  #take(updates: TableUpdates, seenAt: number): void {
    for (const { old, new: row } of Object.values(updates["Interface"] ?? {})) {
      if (row) this.#put(row, seenAt);
      else if (old) this.#remove(String(old["name"]), seenAt);
    }
    this.#wake();
  }

  #put(row: Row, seenAt: number): void {
    const now = readInterface(row);
    const was = this.#interfaces.get(now.name);
    this.#interfaces.set(now.name, now);
    if (was?.linkUp !== now.linkUp) this.#tell({ type: "link", port: now.name, linkUp: now.linkUp, seenAt });
    const { status } = now.bfd;
    if (JSON.stringify(was?.bfd.status ?? null) !== JSON.stringify(status))
      this.#tell({ type: "bfd", port: now.name, status, seenAt });
  }

  #remove(name: string, seenAt: number): void {
    const was = this.#interfaces.get(name);
    this.#interfaces.delete(name);
    if (was?.linkUp) this.#tell({ type: "link", port: name, linkUp: false, seenAt });
    if (was?.bfd.status) this.#tell({ type: "bfd", port: name, status: null, seenAt });
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  #tell(event: OvsdbEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

function readInterface(row: Row): Interface {
  const ofport = optionOf(row["ofport"]);
  const error = optionOf(row["error"]);
  return {
    name: String(row["name"]),
    ofport: typeof ofport === "number" ? ofport : null,
    linkUp: optionOf(row["link_state"]) === "up" && optionOf(row["admin_state"]) !== "down",
    error: typeof error === "string" ? error : null,
    bfd: readBfd(row),
  };
}

/** The bridge's uuid, its ports, and the port of that name if there is one on any bridge. */
async function find(session: OvsdbSession, bridge: string, port: string) {
  const [bridges, ports] = await session.transact([
    { op: "select", table: "Bridge", where: [["name", "==", bridge]], columns: ["_uuid", "ports"] },
    { op: "select", table: "Port", where: [["name", "==", port]], columns: ["_uuid"] },
  ]);
  const row = bridges?.rows?.[0];
  if (!row) throw new Fault("OVSDB_REFUSED", `no bridge ${bridge}`);
  const portIds = new Set(valuesOf(row["ports"]).map(uuidOf));
  const portRow = ports?.rows?.[0];
  const found = portRow ? uuidOf(portRow["_uuid"]!) : null;
  return { bridge: uuidOf(row["_uuid"]!), portIds, port: found, onBridge: found !== null && portIds.has(found) };
}

const mutateBridge = (which: Condition, mutator: "insert" | "delete", ports: readonly Json[]): Operation => ({
  op: "mutate",
  table: "Bridge",
  where: [which],
  mutations: [["ports", mutator, ["set", ports]]],
});

function tunnelRow({ localIp, remoteIp, bfd }: Tunnel): Row {
  const options = { local_ip: localIp, remote_ip: remoteIp, key: "flow" };
  const session = { enable: "true", min_tx: String(bfd.minTxMs), min_rx: String(bfd.minRxMs), mult: String(bfd.detectMult) };
  return { options: ["map", Object.entries(options)], bfd: ["map", Object.entries(session)] };
}

/** False where one of them is there already: nothing was added then. Nothing is read before, since mostly all are new. */
async function insertNew(
  session: OvsdbSession,
  bridge: string,
  names: readonly string[],
  options: EnsurePortOptions,
): Promise<boolean> {
  try {
    const done = (await session.transact(insertPorts(bridge, names, options))).at(-1);
    if (done?.count === 0) throw new Fault("OVSDB_REFUSED", `no bridge ${bridge}`); // Rows that no bridge refers to are collected.
    return true;
  } catch (e) {
    if (e instanceof Fault && e.code === "OVSDB_REFUSED" && e.message.includes(NAME_TAKEN)) return false;
    throw e;
  }
}

/** RFC 7047, 5.2: the error of an insert whose name another row has. */
const NAME_TAKEN = "constraint violation";

/** A second writer of the same name fails on the unique name of ports, so nothing else needs to be waited for. */
function insertPorts(
  bridge: string,
  names: readonly string[],
  { ofportRequest, type = "", row = {} }: EnsurePortOptions,
): Operation[] {
  const wished = ofportRequest === undefined ? {} : { ofport_request: ofportRequest };
  const rows = names.flatMap((name, i): Operation[] => [
    { op: "insert", table: "Interface", row: { name, type, ...wished, ...row }, "uuid-name": `interface${i}` },
    { op: "insert", table: "Port", row: { name, interfaces: ["named-uuid", `interface${i}`] }, "uuid-name": `port${i}` },
  ]);
  return [
    ...rows,
    mutateBridge(
      ["name", "==", bridge],
      "insert",
      names.map((_, i) => ["named-uuid", `port${i}`]),
    ),
  ];
}
