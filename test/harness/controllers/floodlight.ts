import { type Answer, type Asked, ok, StandIn } from "./stand-in.ts";
import { type Action, ANY, type GroupRow, IN_PORT, type Match, type Row, SwitchTable } from "./table.ts";

type Body = Readonly<Record<string, unknown>>;
const text = (v: unknown): string => String(v ?? "");
const signed16 = (n: number) => (n << 16) >> 16;

/**
 * Floodlight's static entry pusher: 0.91 (OpenFlow 1.0) and master (1.0 and 1.3). Everything is answered with 200. Entries are stored under
 * names that are for all switches at once, in memory only; the first connection of a switch wipes its tables and brings the stored ones.
 */
abstract class Floodlight extends StandIn {
  readonly login = null;
  readonly dpid = "00:00:00:00:00:00:00:01";
  readonly stored = new Map<string, { readonly dpid: string; readonly row: Row | GroupRow }>();
  connectedSince = 1_700_000_000_000;

  restart(): void {
    this.stored.clear();
    this.reconnect(false);
  }

  reconnect(_isEmpty: boolean): void {
    this.connectedSince += 1000;
    this.table.wipe();
    for (const { dpid, row } of this.stored.values())
      if (dpid === this.dpid) "buckets" in row ? this.table.addGroup(row) : this.table.add(row);
  }

  protected store(name: string, dpid: string, row: Row | GroupRow, isLie: boolean): void {
    const had = this.stored.get(name);
    if (had !== undefined && had.dpid !== dpid && had.dpid === this.dpid) this.take(had.row); // It moves to the other switch.
    this.stored.set(name, { dpid, row });
    if (isLie || dpid !== this.dpid || !this.isConnected) return;
    if ("buckets" in row) had === undefined ? this.table.addGroup(row) : this.table.modifyGroup(row);
    else if (had === undefined || had.dpid !== dpid) this.table.add(row);
    else if (!("buckets" in had.row) && isSameMatch(had.row, row)) this.table.modifyStrict(row);
    else {
      this.take(had.row);
      this.table.add(row);
    }
  }

  protected take(row: Row | GroupRow): void {
    "buckets" in row ? this.table.deleteGroup(row.id) : this.table.deleteStrict(row);
  }

  protected forget(name: string, isLie: boolean): void {
    const had = this.stored.get(name);
    this.stored.delete(name);
    if (had !== undefined && had.dpid === this.dpid && this.isConnected && !isLie) this.take(had.row);
  }

  /** Overwrites the caller's: 0x00a0… and a hash of the name. */
  protected cookieOf(name: string): bigint {
    let hash = 2311;
    for (const c of name) hash = (Math.imul(hash, 211) + c.charCodeAt(0)) | 0;
    return (10n << 52n) | BigInt.asUintN(32, BigInt(hash));
  }

  protected remove(asked: Asked, isLie: boolean): Answer {
    const { name } = asked.body as Body;
    if (typeof name !== "string") return ok({ status: "Error deleting entry, no name provided" });
    this.forget(name, isLie);
    return ok({ status: `Entry ${name} deleted` });
  }
}

const isSameMatch = (a: Row, b: Row) => a.priority === b.priority && JSON.stringify(a.match) === JSON.stringify(b.match);

const ALL_WILD = (1 << 22) - 1;
const WILD = { inPort: 1, vid: 2, ethDst: 8 } as const;

export class Floodlight09 extends Floodlight {
  constructor(ports: readonly string[]) {
    super(new SwitchTable("1.0", ports));
  }

  protected answer(asked: Asked, isLie: boolean): Answer {
    const { method, path } = asked;
    const one = /^\/wm\/core\/switch\/([0-9a-f:]+)\/(\w+)\/json$/.exec(path);
    const list = /^\/wm\/staticflowentrypusher\/list\/([0-9a-f:]+)\/json$/.exec(path);
    if (method === "GET" && path === "/wm/core/controller/switches/json") return ok(this.isConnected ? [this.#switch()] : []);
    if (method === "GET" && one) return ok({ [one[1]!]: this.isConnected && one[1] === this.dpid ? this.#stats(one[2]!) : null });
    if (method === "GET" && list) return ok(this.#list(list[1]!));
    if (path !== "/wm/staticflowentrypusher/json") return { status: 404 };
    if (typeof asked.body !== "object") return ok({ status: "Error! Could not parse flod mod, see log for details." });
    return method === "DELETE" ? this.remove(asked, isLie) : this.#push(asked.body as Body, isLie);
  }

  #push(body: Body, isLie: boolean): Answer {
    const name = text(body["name"]);
    const priority = Number(body["priority"] ?? 32767) & 0xffff;
    const row: Row = { priority, match: this.#match(body), actions: this.#actions(body["actions"]), cookie: this.cookieOf(name) };
    this.store(name, text(body["switch"]), row, isLie);
    return ok({ status: "Entry pushed" });
  }

  #match(body: Body): Match {
    const vid = body["vlan-id"] === undefined ? undefined : Number(body["vlan-id"]) & 0xffff;
    return {
      ...(body["ingress-port"] === undefined ? {} : { inPort: Number(body["ingress-port"]) }),
      ...(vid === undefined ? {} : { vid: vid === 0xffff ? 0 : vid | 0x1000 }),
      ...(body["dst-mac"] === undefined ? {} : { ethDst: text(body["dst-mac"]).toLowerCase() }),
    };
  }

  /** What it does not know is left out, so that an entry of only that drops. */
  #actions(actions: unknown): Action[] {
    return text(actions)
      .split(",")
      .flatMap((a): Action[] => {
        const [name, value = ""] = a.split("=");
        if (name === "output" && value === "ingress-port") return [{ out: IN_PORT }];
        if (name === "output" && /^\d+$/.test(value)) return [{ out: Number(value) }];
        if (name === "strip-vlan") return [{ pop: true }];
        return name === "set-vlan-id" && /^\d+$/.test(value) ? [{ setVid: Number(value) }] : [];
      });
  }

  #switch() {
    const ports = [...this.table.ports.values(), { no: -2, name: "br0", mac: "02:00:00:00:00:99", down: true }];
    return {
      dpid: this.dpid,
      inetAddress: "/10.0.0.1:5000",
      connectedSince: this.connectedSince,
      harole: "MASTER",
      ports: ports.map((p) => ({ portNumber: p.no, name: p.name, hardwareAddress: p.mac, config: 0, state: p.down ? 1 : 0 })),
    };
  }

  #stats(what: string): unknown {
    if (what === "flow") return [...this.table.rows.values()].map((r) => ({ tableId: 0, ...this.#rowOut(r) }));
    if (what !== "port") return [];
    return [...this.table.ports.keys()].map((portNumber) => ({
      portNumber,
      receivePackets: 7,
      transmitPackets: 9,
      receiveBytes: 700,
      transmitBytes: 900,
      receiveDropped: 0,
      transmitDropped: -1,
    }));
  }

  #list(dpid: string) {
    const own = [...this.stored].filter(([, s]) => s.dpid === dpid);
    return own.length === 0
      ? {}
      : { [dpid]: Object.fromEntries(own.map(([name, { row }]) => [name, { version: 1, ...this.#rowOut(row as Row) }])) };
  }

  #rowOut({ priority, match, actions, cookie }: Row) {
    const looks = (["inPort", "vid", "ethDst"] as const)
      .filter((k) => match[k] !== undefined)
      .reduce((bits, k) => bits | WILD[k], 0);
    return {
      priority: signed16(priority), // 32768 comes out as -32768.
      cookie: Number(cookie),
      match: {
        wildcards: ALL_WILD & ~looks,
        inputPort: match.inPort ?? 0,
        dataLayerVirtualLan: match.vid === undefined ? 0 : match.vid === 0 ? -1 : match.vid & 0xfff,
        dataLayerDestination: match.ethDst ?? "00:00:00:00:00:00",
        dataLayerSource: "00:00:00:00:00:00",
        dataLayerType: "0x0000",
      },
      actions: actions.map((a) => {
        if ("out" in a) return { type: "OUTPUT", length: 8, port: signed16(a.out), maxLength: 32767 };
        return "setVid" in a
          ? { type: "SET_VLAN_ID", length: 8, virtualLanIdentifier: a.setVid }
          : { type: "STRIP_VLAN", length: 8 };
      }),
    };
  }
}

const KEYS_1X = [
  "switch",
  "name",
  "active",
  "priority",
  "cookie",
  "actions",
  "in_port",
  "eth_vlan_vid",
  "eth_dst",
  "eth_type",
  "ipv4_dst",
  "entry_type",
  "group_type",
  "group_id",
  "group_buckets",
];

export class Floodlight1x extends Floodlight {
  constructor(ports: readonly string[], version: "1.0" | "1.3" = "1.3") {
    super(new SwitchTable(version, ports));
  }

  protected answer(asked: Asked, isLie: boolean): Answer {
    const { method } = asked;
    const path = asked.path.replace("/wm/staticentrypusher/", "/wm/staticflowpusher/");
    const one = /^\/wm\/core\/switch\/([0-9a-f:]+)\/([\w-]+)\/json$/.exec(path);
    const list = /^\/wm\/staticflowpusher\/list\/([0-9a-f:]+)\/json$/.exec(path);
    if (method === "GET" && path === "/wm/core/controller/switches/json") return ok(this.isConnected ? [this.#switch()] : []);
    if (method === "GET" && one) return ok(this.isConnected && one[1] === this.dpid ? this.#stats(one[2]!) : POEM);
    if (method === "GET" && list) return ok(this.#list(list[1]!));
    if (path !== "/wm/staticflowpusher/json") return { status: 404 };
    if (typeof asked.body !== "object") return ok({ status: "Error! Could not parse flow mod, see log for details." });
    return method === "DELETE" ? this.remove(asked, isLie) : this.#push(asked.body as Body, isLie);
  }

  #push(body: Body, isLie: boolean): Answer {
    if ("ipv4_dst" in body && !("eth_type" in body))
      return ok({
        status: "Warning! Must specify eth_type of IPv4/IPv6 to match on IPv4/IPv6 fields! The flow has been discarded.",
      });
    const name = text(body["name"]);
    const isGroup = body["entry_type"] === "group";
    // An illegal key or number is said in the log, and the entry not taken.
    const row = Object.keys(body).every((k) => KEYS_1X.includes(k))
      ? isGroup
        ? this.#group(body)
        : this.#row(name, body)
      : null;
    if (row !== null && text(body["switch"]) === this.dpid && this.isConnected) this.store(name, this.dpid, row, isLie);
    return ok({ status: "Entry pushed" });
  }

  #row(name: string, body: Body): Row {
    const priority = Number(body["priority"] ?? 32767);
    return { priority, match: this.#match(body), actions: this.#actions(body["actions"]), cookie: this.cookieOf(name) };
  }

  /** The VLAN is taken as it is said: of OpenFlow 1.3 the bit 0x1000 belongs to it, of 1.0 it does not. */
  #match(body: Body): Match {
    const vid = body["eth_vlan_vid"] === undefined ? undefined : Number(body["eth_vlan_vid"]);
    return {
      ...(body["in_port"] === undefined ? {} : { inPort: Number(body["in_port"]) }),
      ...(vid === undefined ? {} : { vid: this.table.version === "1.0" && vid !== 0 ? vid | 0x1000 : vid }),
      ...(body["eth_dst"] === undefined ? {} : { ethDst: text(body["eth_dst"]).toLowerCase() }),
    };
  }

  /** Actions that the switch's version does not have are left out, with a line in the log. */
  #actions(actions: unknown): Action[] {
    const is13 = this.table.version === "1.3";
    return text(actions)
      .split(",")
      .flatMap((a): Action[] => {
        const [name, value = ""] = a.split("=");
        if (name === "output" && /^-?\d+$/.test(value)) return [{ out: Number(value) >>> 0 }];
        if (name === "strip_vlan" && !is13) return [{ pop: true }];
        if (name === "set_vlan_vid" && !is13 && /^\d+$/.test(value)) return [{ setVid: Number(value) }];
        if (!is13) return [];
        if (name === "pop_vlan") return [{ pop: true }];
        if (name === "push_vlan") return [{ push: Number(value) }];
        if (name === "group" && isInt32(value)) return [{ group: Number(value) >>> 0 }];
        const vid = /^set_field=eth_vlan_vid->(\d+)$/.exec(a)?.[1];
        return vid === undefined ? [] : [{ setVid: Number(vid) }];
      });
  }

  #group(body: Body): GroupRow | null {
    const types = ["all", "indirect", "select", "fast_failover"] as const;
    const type = types.find((t) => t === body["group_type"]);
    if (type === undefined || !isInt32(text(body["group_id"]))) return null;
    const buckets = (body["group_buckets"] as Body[]).map((b) => ({
      // The default of what is watched is a port and a group that are there for nothing.
      watchPort: b["bucket_watch_port"] === "any" ? ANY : Number(b["bucket_watch_port"] ?? 0),
      watchGroup: b["bucket_watch_group"] === "any" ? ANY : 0xfffffffc,
      actions: this.#actions(b["bucket_actions"]),
    }));
    return { id: Number(body["group_id"]) >>> 0, type, buckets };
  }

  #switch() {
    return {
      inetAddress: "/10.0.0.1:5000",
      connectedSince: this.connectedSince,
      openFlowVersion: this.table.version === "1.3" ? "OF_13" : "OF_10",
      switchDPID: this.dpid,
    };
  }

  #stats(what: string): unknown {
    const version = this.table.version === "1.3" ? "OF_13" : "OF_10";
    const ports = [...this.table.ports.values()];
    switch (what) {
      case "flow":
        return { flows: [...this.table.rows.values()].map((r) => ({ version, table_id: "0x0", ...this.#rowOut(r) })) };
      case "group-desc":
        return { version, group_desc: [...this.table.groups.values()].map((g) => this.#groupOut(g)) };
      case "port-desc":
        return {
          version,
          port_desc: [
            { port_number: "local", name: "br0", config: [], state: ["LINK_DOWN"] },
            ...ports.map((p) => ({
              port_number: text(p.no),
              hardware_address: p.mac,
              name: p.name,
              config: [],
              state: p.down ? ["LINK_DOWN"] : ["LIVE"],
            })),
          ],
        };
      case "port":
        return {
          port_reply: [
            {
              version,
              port: ports.map((p) => ({
                port_number: text(p.no),
                receive_packets: "7",
                transmit_packets: "9",
                receive_bytes: "700",
                transmit_bytes: "900",
                receive_dropped: "0",
                transmit_dropped: "0",
              })),
            },
          ],
        };
      default:
        return POEM;
    }
  }

  #list(dpid: string) {
    const own = [...this.stored].filter(([, s]) => s.dpid === dpid);
    return own.length === 0
      ? {}
      : { [dpid]: own.map(([name, { row }]) => ({ [name]: "buckets" in row ? this.#groupOut(row) : this.#rowOut(row) })) };
  }

  #rowOut({ priority, match, actions, cookie }: Row) {
    const said = actions.length === 0 ? { none: "drop" } : { actions: this.#textOf(actions) };
    return {
      cookie: text(cookie),
      priority: text(priority),
      match: {
        ...(match.inPort === undefined ? {} : { in_port: text(match.inPort) }),
        ...(match.vid === undefined ? {} : { eth_vlan_vid: `0x${match.vid.toString(16)}` }),
        ...(match.ethDst === undefined ? {} : { eth_dst: match.ethDst }),
        ...(match.other === undefined ? {} : { ipv4_dst: match.other }),
      },
      ...(this.table.version === "1.0"
        ? { actions: said }
        : { instructions: actions.length === 0 ? said : { instruction_apply_actions: said } }),
    };
  }

  #textOf(actions: readonly Action[]): string {
    const is13 = this.table.version === "1.3";
    return actions
      .map((a) => {
        if ("out" in a) return `output=${a.out | 0}`;
        if ("group" in a) return `group=${a.group | 0}`;
        if ("push" in a) return `push_vlan=${a.push}`;
        if ("setVid" in a) return is13 ? `set_field=eth_vlan_vid->${a.setVid}` : `set_vlan_vid=${a.setVid}`;
        return is13 ? "pop_vlan" : "strip_vlan";
      })
      .join(",");
  }

  #groupOut({ id, type, buckets }: GroupRow) {
    return {
      group_type: type === "fast_failover" ? "FF" : type.toUpperCase(),
      group_number: text(id | 0),
      buckets: buckets.map((b) => ({
        weight: "0",
        watch_port: text(b.watchPort | 0),
        watch_group: b.watchGroup === ANY ? "any" : "all",
        ...(b.actions.length === 0 ? { none: "drop" } : { actions: this.#textOf(b.actions) }),
      })),
    };
  }
}

/** `Integer.parseInt`. */
const isInt32 = (value: string) => /^-?\d+$/.test(value) && Number(value) === (Number(value) | 0);

/** What it says about a switch that it does not have, with status 200. */
const POEM = {
  "   ": "An error has occurred while proccesing your request,",
  "  *": "which might be due to one or more of the following:",
  " * ": "-- An invalid DPID and/or stats/features request.",
  " **": "-- The switch is not connected to the controller.",
  "*  ": "-- The request specified is not supported by the switch's OpenFlow version.",
  "Valid statistics and features are": ["flow", "port"],
};
