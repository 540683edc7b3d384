import { type Answer, type Asked, StandIn } from "./stand-in.ts";
import { type Action, ANY, type GroupRow, IN_PORT, keyOf, type Match, type Row, SwitchTable } from "./table.ts";

// biome-ignore lint/suspicious/noExplicitAny: a request is of any form; what is not as it should be fails the test.
type Body = Readonly<Record<string, any>>;
const ok = (body: unknown): Answer => ({ status: 200, body });
const error = (status: number, tag: string): Answer => ({
  status,
  body: { errors: { error: [{ "error-type": "application", "error-tag": tag }] } },
});

interface Wanted<T> {
  readonly body: Body;
  readonly row: T;
}

/**
 * OpenDaylight's inventory by RESTCONF, of either kind. What is asked for is stored in the config datastore, for any node; the switch is written to when it
 * is connected, and asked for what it has every so often: that shows in the operational one. A flow whose match, priority and cookie are those of a
 * stored one stands there under its name, every other under an alien one.
 */
export class OpenDaylightStandIn extends StandIn {
  readonly login = { user: "admin", password: "admin" };
  readonly node = "openflow:1";
  /** Between two looks at the switch, ms. */
  lagMs = 0;
  readonly flows = new Map<string, Wanted<Row>>();
  readonly groups = new Map<number, Wanted<GroupRow>>();
  readonly #isNew: boolean;
  #seenAtMs = Number.NEGATIVE_INFINITY;
  #seen: { rows: Row[]; groups: GroupRow[] } = { rows: [], groups: [] };

  constructor(ports: readonly string[], kind: "bierman02" | "rfc8040", version: "1.0" | "1.3" = "1.3") {
    super(new SwitchTable(version, ports));
    this.#isNew = kind === "rfc8040";
  }

  /** As installed anew: its datastore is empty, and nothing that stands in the switch is touched. */
  restart(): void {
    this.flows.clear();
    this.groups.clear();
    this.#seenAtMs = Number.NEGATIVE_INFINITY;
  }

  reconnect(isEmpty: boolean): void {
    if (isEmpty) this.table.wipe();
    for (const { row } of this.groups.values())
      this.table.groups.has(row.id) ? this.table.modifyGroup(row) : this.table.addGroup(row);
    for (const { row } of this.flows.values()) this.table.add(row);
  }

  protected answer({ method, path, body }: Asked, isLie: boolean): Answer {
    this.#look();
    const at = (this.#isNew ? placeInRests : placeInRestconf)(path);
    if (at === null) return error(404, "data-missing");
    if (at.store === "operational") return method === "GET" ? this.#operational(at) : error(405, "operation-not-supported");
    if (at.flow !== undefined) return this.#flow(method, at.node!, at.flow, body as Body, isLie);
    if (at.group !== undefined) return this.#group(method, at.group, body as Body, isLie);
    return method === "GET" ? this.#config(at.node) : error(405, "operation-not-supported");
  }

  #flow(method: string, node: string, id: string, body: Body, isLie: boolean): Answer {
    const had = this.flows.get(id);
    if (method === "DELETE") {
      if (had === undefined) return error(this.#isNew ? 409 : 404, "data-missing");
      this.flows.delete(id);
      if (!isLie && node === this.node && this.isConnected) this.table.deleteStrict(had.row);
      return { status: this.#isNew ? 204 : 200 };
    }
    const flow = body?.["flow-node-inventory:flow"]?.[0];
    if (flow?.id !== id || flow.table_id !== 0) return error(400, "invalid-value");
    const row = this.#rowOf(flow);
    if (node !== this.node) return { status: 201 };
    this.flows.set(id, { body: flow, row });
    if (isLie || !this.isConnected) return { status: 201 };
    if (had !== undefined && keyOf(had.row) !== keyOf(row)) this.table.deleteStrict(had.row);
    this.table.add(row);
    return this.#stored(had !== undefined);
  }

  #group(method: string, id: number, body: Body, isLie: boolean): Answer {
    const had = this.groups.get(id);
    if (method === "DELETE") {
      if (had === undefined) return error(this.#isNew ? 409 : 404, "data-missing");
      this.groups.delete(id);
      if (!isLie && this.isConnected) this.table.deleteGroup(id);
      return { status: this.#isNew ? 204 : 200 };
    }
    const group = body?.["flow-node-inventory:group"]?.[0];
    if (group?.["group-id"] !== id) return error(400, "invalid-value");
    const row = this.#groupOf(group);
    this.groups.set(id, { body: group, row });
    if (!isLie && this.isConnected) this.table.groups.has(id) ? this.table.modifyGroup(row) : this.table.addGroup(row);
    return this.#stored(had !== undefined);
  }

  #stored(isOld: boolean): Answer {
    return { status: isOld ? (this.#isNew ? 204 : 200) : 201 };
  }

  #config(node: string | undefined): Answer {
    if (node !== this.node || this.flows.size + this.groups.size === 0) return error(this.#isNew ? 409 : 404, "data-missing");
    const flow = [...this.flows.values()].map((f) => f.body);
    const group = [...this.groups.values()].map((g) => g.body);
    const table = flow.length === 0 ? {} : { "flow-node-inventory:table": [{ id: 0, flow }] };
    return ok(this.#wrapped([{ id: node, ...table, ...(group.length === 0 ? {} : { "flow-node-inventory:group": group }) }]));
  }

  #operational({ node }: Place): Answer {
    const nodes = this.isConnected ? [this.#nodeOut()] : [];
    if (node === undefined) return ok({ [this.#isNew ? "opendaylight-inventory:nodes" : "nodes"]: { node: nodes } });
    return node === this.node && nodes.length > 0 ? ok(this.#wrapped(nodes)) : error(404, "data-missing");
  }

  #wrapped(nodes: readonly Body[]) {
    return { [this.#isNew ? "opendaylight-inventory:node" : "node"]: nodes };
  }

  #look(): void {
    if (performance.now() - this.#seenAtMs < this.lagMs) return;
    this.#seenAtMs = performance.now();
    this.#seen = { rows: [...this.table.rows.values()], groups: [...this.table.groups.values()] };
  }

  #nodeOut(): Body {
    const connectors = [{ no: "LOCAL", name: "br0", mac: "02:00:00:00:00:99", down: true }, ...this.table.ports.values()];
    return {
      id: this.node,
      "flow-node-inventory:ip-address": "10.0.0.1",
      "flow-node-inventory:switch-features": {
        max_tables: 254,
        capabilities: ["flow-stats", "port-stats", this.table.version === "1.3" ? "group-stats" : "arp-match-ip"].map(
          (c) => `flow-node-inventory:flow-feature-capability-${c}`,
        ),
      },
      "node-connector": connectors.map((p) => ({
        id: `${this.node}:${p.no}`,
        "flow-node-inventory:name": p.name,
        "flow-node-inventory:hardware-address": p.mac,
        "flow-node-inventory:state": { "link-down": p.down, live: false, blocked: false },
        "flow-node-inventory:configuration": "",
      })),
      "flow-node-inventory:table": [{ id: 0, flow: this.#seen.rows.map((r, i) => this.#flowOut(r, i)) }, { id: 1 }],
      "flow-node-inventory:group": this.#seen.groups.map((g) => this.#groupOut(g)),
    };
  }

  #flowOut(row: Row, i: number): Body {
    const known = [...this.flows].find(([, f]) => keyOf(f.row) === keyOf(row) && f.row.cookie === row.cookie)?.[0];
    const { inPort, vid, ethDst } = row.match;
    const [address, mask] = ethDst?.split("/") ?? [];
    const destination = { address, ...(mask === undefined ? {} : { mask }) };
    const vlan = vid === 0 ? { "vlan-id-present": false, "vlan-id": 0 } : { "vlan-id-present": true, "vlan-id": vid! & 0xfff };
    return {
      ...{
        id: known ?? `#UF$TABLE*0-${i}`,
        table_id: 0,
        priority: row.priority,
        cookie: Number(row.cookie),
        cookie_mask: 0,
        flags: "",
      },
      match: {
        ...(inPort === undefined ? {} : { "in-port": `${this.node}:${inPort}` }),
        ...(ethDst === undefined ? {} : { "ethernet-match": { "ethernet-destination": destination } }),
        ...(vid === undefined ? {} : { "vlan-match": { "vlan-id": vlan } }),
      },
      ...(row.actions.length === 0
        ? {}
        : { instructions: { instruction: [{ order: 0, "apply-actions": { action: this.#actionsOut(row.actions) } }] } }),
    };
  }

  #groupOut({ id, type, buckets }: GroupRow): Body {
    const desc = {
      "group-id": id,
      "group-type": type === "fast_failover" ? "group-ff" : `group-${type}`,
      buckets: {
        bucket: buckets.map((b, i) => ({
          "bucket-id": i,
          weight: 0,
          watch_port: b.watchPort,
          watch_group: b.watchGroup,
          action: this.#actionsOut(b.actions),
        })),
      },
    };
    return {
      "group-id": id,
      "opendaylight-group-statistics:group-desc": desc,
      "opendaylight-group-statistics:group-statistics": {},
    };
  }

  #actionsOut(actions: readonly Action[]): Body[] {
    const is13 = this.table.version === "1.3";
    return actions.map((a, order) => {
      if ("out" in a)
        return {
          order,
          "output-action": { "output-node-connector": a.out === IN_PORT ? "INPORT" : String(a.out), "max-length": 0 },
        };
      if ("group" in a) return { order, "group-action": { "group-id": a.group } };
      if ("push" in a) return { order, "push-vlan-action": { "ethernet-type": a.push } };
      if ("pop" in a) return is13 ? { order, "pop-vlan-action": {} } : { order, "strip-vlan-action": {} };
      return is13
        ? { order, "set-field": { "vlan-match": { "vlan-id": { "vlan-id-present": true, "vlan-id": a.setVid } } } }
        : { order, "set-vlan-id-action": { "vlan-id": a.setVid } };
    });
  }

  #rowOf(flow: Body): Row {
    const match = flow["match"] ?? {};
    const destination = match["ethernet-match"]?.["ethernet-destination"];
    const vlan = match["vlan-match"]?.["vlan-id"];
    const said: Match = {
      ...(match["in-port"] === undefined ? {} : { inPort: Number(String(match["in-port"]).split(":").at(-1)) }),
      ...(vlan === undefined ? {} : { vid: vlan["vlan-id-present"] ? vlan["vlan-id"] | 0x1000 : 0 }),
      ...(destination === undefined
        ? {}
        : { ethDst: [destination.address, ...(destination.mask ? [destination.mask] : [])].join("/").toLowerCase() }),
    };
    const actions = this.#actionsOf(flow["instructions"]?.instruction?.[0]?.["apply-actions"]?.action ?? []);
    return { priority: Number(flow["priority"]), match: said, actions, cookie: BigInt(flow["cookie"] ?? 0) };
  }

  #groupOf(group: Body): GroupRow {
    const types = {
      "group-all": "all",
      "group-indirect": "indirect",
      "group-select": "select",
      "group-ff": "fast_failover",
    } as const;
    const buckets = (group["buckets"]?.bucket ?? []).map((b: Body) => ({
      watchPort: b["watch_port"] ?? ANY,
      watchGroup: b["watch_group"] ?? ANY,
      actions: this.#actionsOf(b["action"] ?? []),
    }));
    return { id: group["group-id"], type: types[group["group-type"] as keyof typeof types], buckets };
  }

  /** In their order. `strip-vlan-action` sets the tag to "none" in OpenFlow 1.3; what 1.0 does not have is left out. */
  #actionsOf(actions: readonly Body[]): Action[] {
    const is13 = this.table.version === "1.3";
    return [...actions]
      .sort((a, b) => a["order"] - b["order"])
      .flatMap((a): Action[] => {
        const out = a["output-action"]?.["output-node-connector"];
        if (out !== undefined) return [{ out: out === "INPORT" ? IN_PORT : Number(String(out).split(":").at(-1)) }];
        const vid = a["set-field"]?.["vlan-match"]?.["vlan-id"]?.["vlan-id"];
        if (vid !== undefined) return [{ setVid: vid }];
        if ("pop-vlan-action" in a) return [{ pop: true }];
        if ("strip-vlan-action" in a) return is13 ? [{ setVid: 0 }] : [{ pop: true }];
        if ("push-vlan-action" in a && is13) return [{ push: a["push-vlan-action"]["ethernet-type"] }];
        return "group-action" in a && is13 ? [{ group: a["group-action"]["group-id"] }] : [];
      });
  }
}

interface Place {
  readonly store: "config" | "operational";
  readonly node?: string | undefined;
  readonly flow?: string | undefined;
  readonly group?: number | undefined;
}

function placeInRestconf(path: string): Place | null {
  const [, store, node, flow, group] =
    /^\/restconf\/(config|operational)\/opendaylight-inventory:nodes(?:\/node\/([^/]+)(?:\/table\/0\/flow\/([^/]+)|\/group\/(\d+))?)?$/.exec(
      path,
    ) ?? [];
  return store === undefined ? null : placeOf(store as Place["store"], node, flow, group);
}

/** RFC 8040: keys are encoded, a member of another module is named with its own. */
function placeInRests(path: string): Place | null {
  const [, node, flow, group, query] =
    /^\/rests\/data\/opendaylight-inventory:nodes(?:\/node=([^/?]+)(?:\/flow-node-inventory:table=0\/flow=([^/?]+)|\/flow-node-inventory:group=(\d+))?)?(?:\?(.*))?$/.exec(
      path,
    ) ?? [];
  if (!path.startsWith("/rests/data/opendaylight-inventory:nodes") || node?.includes(":")) return null;
  return placeOf(query === "content=nonconfig" ? "operational" : "config", node && decodeURIComponent(node), flow, group);
}

const placeOf = (store: Place["store"], node?: string, flow?: string, group?: string): Place => ({
  store,
  node,
  flow,
  group: group === undefined ? undefined : Number(group),
});
