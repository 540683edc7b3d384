import { Fault } from "../lib/fault.ts";
import { GROUP_ID_BASE } from "../model/flow.ts";
import type { DatapathId } from "../model/ids.ts";
import type { Abilities, SwitchPort } from "../model/switch.ts";
import type { PortCounters } from "./dialect.ts";
import {
  bucketsOut,
  groupIn,
  isCookieOf,
  signed32,
  WORDING_1X_OF10,
  WORDING_1X_OF13,
  WORDING_09,
  type Wording,
} from "./floodlight-words.ts";
import { type Json, objectIn, objectsIn } from "./read-json.ts";
import type { Look, Patience, RestDialect, Standing } from "./rest-dialect.ts";
import { type ControllerHttp, shown } from "./rest-http.ts";
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

/**
 * 0.9 knows OpenFlow 1.0 only. 1.x speaks the version that the switch speaks, with other words for each. Told by the form of the list of
 * switches, as OpenVIM tells them: there is no question about the version that both answer.
 */
interface Generation {
  readonly product: string;
  readonly pusher: string;
  readonly wording: Wording;
}

const V09: Generation = { product: "Floodlight 0.9", pusher: "/wm/staticflowentrypusher", wording: WORDING_09 };
const V1X: Generation = { product: "Floodlight 1.x", pusher: "/wm/staticflowpusher", wording: WORDING_1X_OF13 };
const V1X_OF10: Generation = { ...V1X, wording: WORDING_1X_OF10 };

const SWITCHES = "/wm/core/controller/switches/json";
/** Entries are asked of the switch itself with each look, so what is there shows at once. */
const PATIENCE: Patience = { seenWithinMs: 3_000, lookEveryMs: 20 };

/**
 * Floodlight's static entry pusher. Names are for all its switches at once: one that is used for a second switch is taken from the first. What is
 * accepted may be nothing, or a drop, or more than was asked for; what is refused is said with status 200.
 */
export class Floodlight implements RestDialect {
  readonly patience = PATIENCE;
  readonly #http: ControllerHttp;
  readonly #datapath: DatapathId;
  readonly #dpid: string;
  #generation: Generation | null = null;
  /**
   * Stored at the controller and not in the switch. Asked for again such an entry is modified there, which in OpenFlow 1.3 does nothing to one
   * that is not there (6.4): it has to be forgotten first.
   */
  #adrift = new Set<string>();
  /** In the switch, by the cookie ours, and not stored: to be forgotten it has to be known first. */
  #orphans = new Set<string>();

  constructor(http: ControllerHttp, datapath: DatapathId) {
    this.#http = http;
    this.#datapath = datapath;
    this.#dpid = datapath.match(/../g)!.join(":");
  }

  get product(): string {
    return this.#generation?.product ?? "Floodlight";
  }

  get abilities(): Abilities {
    const noGroups = this.#isOf13 ? null : `${this.product} has no groups for a switch of OpenFlow 1.0`;
    return {
      noGroups,
      masks: this.#isOf13,
      senders: false,
      arpSha: false,
      ipv6: false,
      dropsMisses: false,
      packets: false,
      counters: true,
    };
  }

  async look(): Promise<Look | null> {
    const row = objectsIn(await this.#get(SWITCHES)).find((r) => [r["dpid"], r["switchDPID"]].includes(this.#dpid));
    if (row === undefined) return null;
    this.#generation = generationOf(row);
    if (this.#generation === null)
      throw this.#http.refused("GET", SWITCHES, `neither Floodlight 0.9 nor 1.x tells a switch so: ${shown(row)}`);
    const ports = this.#is09 ? objectsIn(row["ports"]) : await this.#ports1x();
    return { ports: ports.flatMap(portIn), life: String(row["connectedSince"]) };
  }

  async read(): Promise<Standing> {
    const { pusher } = this.#known();
    const list = objectIn(await this.#get(`${pusher}/list/${this.#dpid}/json`));
    const [inSwitch, groupsInSwitch] = [
      await this.#entries(),
      this.#isOf13 ? await this.#groups() : new Map<number, RestGroup>(),
    ];
    const stored = new Set(namesIn(list[this.#dpid]));
    const entries = new Map<string, RestEntry>();
    const groups = new Map<number, RestGroup>();
    this.#adrift = new Set();
    for (const name of stored) {
      const key = keyInName(this.#datapath, name);
      const id = groupInName(this.#datapath, name);
      if (key !== null) entries.set(name, inSwitch.get(name) ?? { key, words: null });
      if (id !== null) groups.set(id, groupsInSwitch.get(id) ?? unfinishedGroup(id));
      if ((key !== null && !inSwitch.has(name)) || (id !== null && !groupsInSwitch.has(id))) this.#adrift.add(name);
    }
    this.#orphans = new Set();
    for (const [name, { key, isMarked }] of inSwitch) {
      if (stored.has(name) || !isMarked) continue;
      this.#orphans.add(name);
      entries.set(name, { key, words: null });
    }
    for (const id of groupsInSwitch.keys()) {
      const name = nameOfGroup(this.#datapath, id);
      if (stored.has(name) || id < GROUP_ID_BASE) continue;
      this.#orphans.add(name);
      groups.set(id, unfinishedGroup(id));
    }
    return { entries, groups };
  }

  putEntry(key: EntryKey, words: readonly Word[]): Promise<void> {
    const { wording } = this.#known();
    const actions = wording.actions(words);
    const said = { priority: String(key.priority), ...wording.match(key), ...(actions === "" ? {} : { actions }) };
    return this.#push(nameOfEntry(this.#datapath, key), said);
  }

  putGroup({ id, type, buckets }: RestGroup): Promise<void> {
    return this.#push(nameOfGroup(this.#datapath, id), {
      entry_type: "group",
      group_type: type === "fastFailover" ? "fast_failover" : type,
      group_id: String(signed32(id)),
      group_buckets: bucketsOut(buckets ?? []),
    });
  }

  async deleteEntry(key: EntryKey): Promise<void> {
    const name = nameOfEntry(this.#datapath, key);
    if (this.#orphans.has(name)) await this.putEntry(key, []);
    await this.#forget(name);
  }

  async deleteGroup(id: number): Promise<void> {
    const name = nameOfGroup(this.#datapath, id);
    if (this.#orphans.has(name)) await this.putGroup({ id, type: "all", buckets: [] });
    await this.#forget(name);
  }

  async counters(): Promise<ReadonlyMap<number, PortCounters>> {
    const body = await this.#ofSwitch("port");
    const replies = body["port_reply"] ?? body["portReply"];
    const rows = this.#is09 ? objectsIn(body[this.#dpid]) : objectsIn(replies).flatMap((r) => objectsIn(r["port"]));
    return new Map(rows.flatMap(countersIn));
  }

  get #is09(): boolean {
    return this.#generation === V09;
  }

  get #isOf13(): boolean {
    return this.#generation === V1X;
  }

  async #push(name: string, entry: Json): Promise<void> {
    if (this.#adrift.has(name)) await this.#forget(name);
    await this.#tell("POST", { active: "true", name, switch: this.#dpid, ...entry });
    this.#orphans.delete(name);
  }

  async #forget(name: string): Promise<void> {
    await this.#tell("DELETE", { switch: this.#dpid, name });
    this.#adrift.delete(name);
  }

  async #tell(method: "POST" | "DELETE", body: Json): Promise<void> {
    const path = `${this.#known().pusher}/json`;
    const reply = await this.#http.ask(method, path, [200], body);
    const { status } = objectIn(reply.body);
    if (typeof status !== "string" || /\b(error|warning)\b/i.test(status))
      throw this.#http.refused(method, path, shown(reply.body));
  }

  async #get(path: string): Promise<unknown> {
    return (await this.#http.ask("GET", path, [200])).body;
  }

  async #ofSwitch(what: string): Promise<Json> {
    const body = objectIn(await this.#get(`/wm/core/switch/${this.#dpid}/${what}/json`));
    // About a switch that it does not have 0.9 says null, and 1.x in prose what the reasons might be, both with status 200.
    const isThere = this.#is09 ? Array.isArray(body[this.#dpid]) : !("Valid statistics and features are" in body);
    if (!isThere) throw new Fault("SWITCH_NOT_CONNECTED", `${this.product} has no connection with ${this.#dpid}`);
    return body;
  }

  async #ports1x(): Promise<Json[]> {
    const body = await this.#ofSwitch("port-desc");
    return objectsIn(body["portDesc"] ?? body["port_desc"]);
  }

  async #entries(): Promise<Map<string, Seen>> {
    const body = await this.#ofSwitch("flow");
    const { wording } = this.#known();
    const seen = new Map<string, Seen>();
    for (const row of objectsIn(this.#is09 ? body[this.#dpid] : body["flows"])) {
      const entry = wording.entry(row);
      if (entry === null) continue;
      const name = nameOfEntry(this.#datapath, entry.key);
      seen.set(name, { ...entry, isMarked: isCookieOf(name, row["cookie"]) });
    }
    return seen;
  }

  async #groups(): Promise<Map<number, RestGroup>> {
    const body = await this.#ofSwitch("group-desc");
    return new Map(objectsIn(body["group_desc"] ?? body["groupDesc"]).map((r) => [groupIn(r).id, groupIn(r)]));
  }

  #known(): Generation {
    if (this.#generation !== null) return this.#generation;
    throw new Fault("SWITCH_NOT_CONNECTED", `${this.product} has not shown ${this.#dpid} yet`);
  }
}

/** An entry of the switch; marked: under the cookie that the pusher makes of the name that it has with us. */
type Seen = RestEntry & { readonly isMarked: boolean };

const unfinishedGroup = (id: number): RestGroup => ({ id, type: "all", buckets: null });

function generationOf(row: Json): Generation | null {
  if (typeof row["switchDPID"] === "string") return row["openFlowVersion"] === "OF_10" ? V1X_OF10 : V1X;
  return Array.isArray(row["ports"]) ? V09 : null;
}

/** 0.9 lists an object by name, 1.x a list of objects with one name each. */
const namesIn = (list: unknown): string[] => [objectIn(list), ...objectsIn(list)].flatMap(Object.keys);

function portIn(row: Json): SwitchPort[] {
  const no = realPort(row["portNumber"] ?? row["port_number"]);
  if (no === null || typeof row["name"] !== "string") return [];
  const mac = String(row["hardwareAddress"] ?? row["hardware_address"] ?? "");
  return [{ name: row["name"], no, mac, linkDown: isDown(row["config"]) || isDown(row["state"]) }];
}

/** 0.9 tells bits, the lowest of which says "down" (1.0, 5.2.1), 1.x the names of those that are set. */
const isDown = (bits: unknown): boolean =>
  Array.isArray(bits) ? bits.some((b) => b === "LINK_DOWN" || b === "PORT_DOWN") : (Number(bits) & 1) === 1;

function countersIn(row: Json): [number, PortCounters][] {
  const no = realPort(row["portNumber"] ?? row["port_number"]);
  if (no === null) return [];
  const of = (...names: string[]) => {
    const value = names.map((n) => row[n]).find((v) => v !== undefined);
    return value === undefined || BigInt(value as string) < 0n ? null : BigInt(value as string);
  };
  const counters: PortCounters = {
    rxPackets: of("receivePackets", "receive_packets"),
    txPackets: of("transmitPackets", "transmit_packets"),
    rxBytes: of("receiveBytes", "receive_bytes"),
    txBytes: of("transmitBytes", "transmit_bytes"),
    rxDropped: of("receiveDropped", "receive_dropped"),
    txDropped: of("transmitDropped", "transmit_dropped"),
  };
  return [[no, counters]];
}
