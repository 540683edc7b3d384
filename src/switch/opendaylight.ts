import { Fault } from "../lib/fault.ts";
import { GROUP_ID_BASE } from "../model/flow.ts";
import type { DatapathId } from "../model/ids.ts";
import type { Abilities, SwitchPort } from "../model/switch.ts";
import type { PortCounters } from "./dialect.ts";
import { entryIn, flowOf, groupIn, groupOf, OUR_COOKIE } from "./opendaylight-words.ts";
import { type Json, memberOf, objectIn, objectsIn } from "./read-json.ts";
import type { Look, Patience, RestDialect, Standing } from "./rest-dialect.ts";
import type { ControllerHttp } from "./rest-http.ts";
import {
  type EntryKey,
  groupInName,
  keyInName,
  nameOfEntry,
  nameOfGroup,
  type RestEntry,
  type RestGroup,
  realPort,
  type Word,
} from "./rest-words.ts";

const INVENTORY = "opendaylight-inventory:nodes";

/** The two ways to say a path: before RFC 8040 the datastore stands in it (draft-bierman-netconf-restconf-02), after it in the query. */
export interface Restconf {
  readonly name: string;
  readonly nodes: string;
  readonly configNode: (node: string) => string;
  readonly operationalNode: (node: string) => string;
  readonly flow: (node: string, id: string) => string;
  readonly group: (node: string, id: number) => string;
}

export const BIERMAN02: Restconf = {
  name: "bierman02",
  nodes: `/restconf/operational/${INVENTORY}`,
  configNode: (node) => `/restconf/config/${INVENTORY}/node/${node}`,
  operationalNode: (node) => `/restconf/operational/${INVENTORY}/node/${node}`,
  flow: (node, id) => `/restconf/config/${INVENTORY}/node/${node}/table/0/flow/${id}`,
  group: (node, id) => `/restconf/config/${INVENTORY}/node/${node}/group/${id}`,
};

const rests = (node: string) => `/rests/data/${INVENTORY}/node=${encodeURIComponent(node)}`;
export const RFC8040: Restconf = {
  name: "rfc8040",
  nodes: `/rests/data/${INVENTORY}?content=nonconfig`,
  configNode: (node) => `${rests(node)}?content=config`,
  operationalNode: (node) => `${rests(node)}?content=nonconfig`,
  flow: (node, id) => `${rests(node)}/flow-node-inventory:table=0/flow=${id}`,
  group: (node, id) => `${rests(node)}/flow-node-inventory:group=${id}`,
};

/** The controller asks the switch every three seconds (statistics-manager), and shows what it found then. */
const PATIENCE: Patience = { seenWithinMs: 15_000, lookEveryMs: 200 };
const STORED = [200, 201, 204];
const GONE = [200, 204, 404, 409];
const ABSENT = [404, 409];

/**
 * OpenDaylight's RESTCONF. A request is stored in the config datastore, whether there is such a switch or not; what the switch has shows in the
 * operational one, under the same name or, where the controller does not know it again, under an alien one (`#UF$TABLE*…`).
 */
export class OpenDaylight implements RestDialect {
  readonly patience = PATIENCE;
  readonly #http: ControllerHttp;
  readonly #datapath: DatapathId;
  readonly #node: string;
  /** Null: not found out yet. */
  #paths: Restconf | null;
  /** In the switch, and not asked for in the datastore: it has to be asked for before it can be taken out. */
  #aliens = new Set<string>();
  #alienGroups = new Set<number>();
  #isOf10 = false;

  constructor(http: ControllerHttp, datapath: DatapathId, paths: Restconf | null = null) {
    this.#http = http;
    this.#datapath = datapath;
    this.#node = `openflow:${BigInt(`0x${datapath}`)}`;
    this.#paths = paths;
  }

  get product(): string {
    return `OpenDaylight${this.#paths === null ? "" : ` (${this.#paths.name})`}`;
  }

  get abilities(): Abilities {
    const noGroups = this.#isOf10 ? "this switch counts no groups, as one of OpenFlow 1.0" : null;
    return {
      noGroups,
      masks: !this.#isOf10,
      senders: false,
      arpSha: false,
      ipv6: false,
      dropsMisses: false,
      packets: false,
      counters: false,
    };
  }

  async look(): Promise<Look | null> {
    const nodes = memberOf(await this.#nodes(), "nodes");
    const node = objectsIn(memberOf(objectIn(nodes), "node")).find((n) => n["id"] === this.#node);
    if (node === undefined) return null;
    this.#isOf10 = isOf10(node);
    return { ports: objectsIn(memberOf(node, "node-connector")).flatMap(portIn), life: "" };
  }

  async read(): Promise<Standing> {
    const config = await this.#nodeAt(this.#known().configNode(this.#node));
    const operational = await this.#nodeAt(this.#known().operationalNode(this.#node));
    if (operational === null) throw new Fault("SWITCH_NOT_CONNECTED", `${this.product} has no connection with ${this.#node}`);
    return { entries: this.#entries(config ?? {}, operational), groups: this.#groups(config ?? {}, operational) };
  }

  async putEntry(key: EntryKey, words: readonly Word[]): Promise<void> {
    const id = nameOfEntry(this.#datapath, key);
    const body = { "flow-node-inventory:flow": [flowOf(this.#node, id, key, words)] };
    await this.#http.ask("PUT", this.#known().flow(this.#node, id), STORED, body);
    this.#aliens.delete(id);
  }

  async deleteEntry(key: EntryKey): Promise<void> {
    const id = nameOfEntry(this.#datapath, key);
    if (this.#aliens.has(id)) await this.putEntry(key, []);
    await this.#http.ask("DELETE", this.#known().flow(this.#node, id), GONE);
  }

  async putGroup(group: RestGroup): Promise<void> {
    const body = { "flow-node-inventory:group": [groupOf(this.#node, nameOfGroup(this.#datapath, group.id), group)] };
    await this.#http.ask("PUT", this.#known().group(this.#node, group.id), STORED, body);
    this.#alienGroups.delete(group.id);
  }

  async deleteGroup(id: number): Promise<void> {
    if (this.#alienGroups.has(id)) await this.putGroup({ id, type: "all", buckets: [] });
    await this.#http.ask("DELETE", this.#known().group(this.#node, id), GONE);
  }

  counters(): Promise<ReadonlyMap<number, PortCounters>> {
    throw new Fault("CONTROLLER_REFUSED", `${this.product} tells port counters of some seconds ago`);
  }

  async #nodes(): Promise<Json> {
    if (this.#paths !== null) return objectIn((await this.#http.ask("GET", this.#paths.nodes, [200])).body);
    const newer = await this.#http.ask("GET", RFC8040.nodes, [200, 404]);
    const answer = newer.status === 200 ? newer : await this.#http.ask("GET", BIERMAN02.nodes, [200]);
    this.#paths = newer.status === 200 ? RFC8040 : BIERMAN02;
    return objectIn(answer.body);
  }

  /** Null: there is no such node. */
  async #nodeAt(path: string): Promise<Json | null> {
    const { status, body } = await this.#http.ask("GET", path, [200, ...ABSENT]);
    return status === 200 ? (objectsIn(memberOf(objectIn(body), "node"))[0] ?? null) : null;
  }

  #entries(config: Json, operational: Json): Map<string, RestEntry> {
    const asked = flowsOf(config).flatMap((f) => (keyInName(this.#datapath, String(f["id"])) === null ? [] : [String(f["id"])]));
    const inSwitch = new Map(flowsOf(operational).flatMap((f) => this.#ours(f)));
    this.#aliens = new Set([...inSwitch.keys()].filter((id) => !asked.includes(id)));
    const unfinished = (id: string): RestEntry => ({ key: keyInName(this.#datapath, id)!, words: null });
    return new Map([
      ...asked.map((id): [string, RestEntry] => [id, inSwitch.get(id) ?? unfinished(id)]),
      ...[...this.#aliens].map((id): [string, RestEntry] => [id, unfinished(id)]),
    ]);
  }

  /** By what it matches and not by the name it stands under. */
  #ours(flow: Json): [string, RestEntry][] {
    const isOurs = Number(memberOf(flow, "cookie")) === OUR_COOKIE || keyInName(this.#datapath, String(flow["id"])) !== null;
    const entry = isOurs ? entryIn(flow) : null;
    return entry === null ? [] : [[nameOfEntry(this.#datapath, entry.key), entry]];
  }

  #groups(config: Json, operational: Json): Map<number, RestGroup> {
    const asked = objectsIn(memberOf(config, "group")).filter(
      (g) => groupInName(this.#datapath, String(g["group-name"])) !== null,
    );
    const described = objectsIn(memberOf(operational, "group")).flatMap((g) => {
      const desc = memberOf(g, "group-desc");
      return desc === undefined ? [] : [groupIn(objectIn(desc))];
    });
    const inSwitch = new Map(described.map((g) => [g.id, g]));
    const ids = asked.map((g) => Number(g["group-id"]));
    this.#alienGroups = new Set([...inSwitch.keys()].filter((id) => id >= GROUP_ID_BASE && !ids.includes(id)));
    const unfinished = (id: number): RestGroup => ({ id, type: "all", buckets: null });
    return new Map([
      ...ids.map((id): [number, RestGroup] => [id, inSwitch.get(id) ?? unfinished(id)]),
      ...[...this.#alienGroups].map((id): [number, RestGroup] => [id, unfinished(id)]),
    ]);
  }

  #known(): Restconf {
    if (this.#paths !== null) return this.#paths;
    throw new Fault("SWITCH_NOT_CONNECTED", `${this.product} has not shown ${this.#node} yet`);
  }
}

const flowsOf = (node: Json): Json[] =>
  objectsIn(memberOf(node, "table"))
    .filter((t) => Number(t["id"]) === 0)
    .flatMap((t) => objectsIn(memberOf(t, "flow")));

/** The version stands nowhere. What a switch can count does (OFPT_FEATURES_REPLY): of 1.3 its groups (OFPC_GROUP_STATS), which 1.0 does not have. */
function isOf10(node: Json): boolean {
  const { capabilities } = objectIn(memberOf(node, "switch-features"));
  return Array.isArray(capabilities) && !capabilities.some((c) => String(c).endsWith("group-stats"));
}

function portIn(connector: Json): SwitchPort[] {
  const no = realPort(String(connector["id"]).split(":").at(-1));
  const name = memberOf(connector, "name");
  if (no === null || typeof name !== "string") return [];
  const isDown = objectIn(memberOf(connector, "state"))["link-down"] === true;
  const isOff = String(memberOf(connector, "configuration") ?? "").includes("PORT-DOWN");
  return [{ name, no, mac: String(memberOf(connector, "hardware-address") ?? ""), linkDown: isDown || isOff }];
}
