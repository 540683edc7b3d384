import { Fault } from "../lib/fault.ts";
import type { DatapathId } from "../model/ids.ts";
import type { Abilities, SwitchPort } from "../model/switch.ts";
import type { PortCounters } from "./dialect.ts";
import { OnosGroups } from "./onos-groups.ts";
import { criteriaOf, keyIn, treatmentOf, wordsIn } from "./onos-words.ts";
import { type Json, objectIn, objectsIn } from "./read-json.ts";
import type { Look, Patience, RestDialect, Standing } from "./rest-dialect.ts";
import { type ControllerHttp, shown } from "./rest-http.ts";
import {
  type EntryKey,
  nameOfEntry,
  type RestEntry,
  type RestGroup,
  realPort,
  type Word,
  withoutPush,
  withPush,
} from "./rest-words.ts";

/** Whose our flow rules are to ONOS: it lists those of all its applications together. */
const APP = "org.sempre.vim";
/** Rules and groups become ADDED when the switch was asked for its own, every five seconds and every ten (`flowPollFrequency`, `groupPollInterval`). */
const PATIENCE: Patience = { seenWithinMs: 30_000, lookEveryMs: 200 };

interface Rule extends RestEntry {
  /** 64 bits, which is more than a JSON number keeps: text from end to end. */
  readonly id: string;
  readonly isAdded: boolean;
}

/**
 * ONOS's `flows` and `groups`. "Created" says that it is stored; a rule counts when its state is ADDED. A rule of the same match and priority is turned
 * in place. Groups cannot be: see `OnosGroups`.
 */
export class Onos implements RestDialect {
  readonly product = "ONOS";
  readonly patience = PATIENCE;
  readonly #http: ControllerHttp;
  readonly #datapath: DatapathId;
  readonly #device: string;
  readonly #groups: OnosGroups;
  #rules = new Map<string, Rule>();
  #isOf10 = false;

  constructor(http: ControllerHttp, datapath: DatapathId) {
    this.#http = http;
    this.#datapath = datapath;
    this.#device = `of:${datapath}`;
    this.#groups = new OnosGroups(http, this.#device);
  }

  get abilities(): Abilities {
    const noGroups = this.#isOf10 ? "ONOS leads this switch by OpenFlow 1.0, which has no groups" : null;
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
    const { status, body } = await this.#http.ask("GET", `/onos/v1/devices/${this.#device}/ports`, [200, 404]);
    const device = objectIn(body);
    if (status === 404 || device["available"] === false) return null;
    const annotations = objectIn(device["annotations"]);
    this.#isOf10 = annotations["protocol"] === "OF_10";
    return { ports: objectsIn(device["ports"]).flatMap(portIn), life: String(annotations["channelId"] ?? "") };
  }

  async read(): Promise<Standing> {
    await this.#groups.read();
    // Of a device without any flow rule it says that there is no such device.
    const { status, body } = await this.#http.ask("GET", this.#flows, [200, 404]);
    const rules = status === 404 ? [] : objectsIn(objectIn(body)["flows"]).flatMap((f) => this.#ruleIn(f));
    this.#rules = new Map(rules.map((r) => [nameOfEntry(this.#datapath, r.key), r]));
    const entries = new Map<string, RestEntry>();
    for (const [name, { key, words, isAdded }] of this.#rules)
      entries.set(name, { key, words: isAdded ? this.#groups.meant(words) : null });
    return { entries, groups: this.#groups.standing(rules) };
  }

  async putEntry(key: EntryKey, words: readonly Word[]): Promise<void> {
    await this.#putRule(key, this.#groups.said(words));
  }

  async deleteEntry(key: EntryKey): Promise<void> {
    const name = nameOfEntry(this.#datapath, key);
    if (!this.#rules.has(name)) await this.read(); // Only ONOS knows what it called it.
    const rule = this.#rules.get(name);
    if (rule === undefined) return;
    await this.#http.ask("DELETE", `${this.#flows}/${rule.id}`, [204, 404]);
    this.#rules.delete(name);
  }

  /** With the rules that lead to what it takes the place of. */
  async putGroup(group: RestGroup): Promise<void> {
    const replaced = await this.#groups.put(group);
    for (const { key, words } of this.#rules.values()) {
      const leadsThere = words?.some((w) => "group" in w && replaced.has(w.group));
      if (leadsThere)
        await this.#putRule(
          key,
          words!.map((w) => ("group" in w ? { group: replaced.get(w.group) ?? w.group } : w)),
        );
    }
  }

  deleteGroup(id: number): Promise<void> {
    return this.#groups.delete(id);
  }

  clearUp(): Promise<void> {
    return this.#groups.clearUp([...this.#rules.values()]);
  }

  counters(): Promise<ReadonlyMap<number, PortCounters>> {
    throw new Fault("CONTROLLER_REFUSED", "ONOS tells port counters of some seconds ago");
  }

  get #flows(): string {
    return `/onos/v1/flows/${this.#device}`;
  }

  async #putRule(key: EntryKey, words: readonly Word[]): Promise<void> {
    const { location } = await this.#http.ask("POST", this.#flows, [201], {
      priority: key.priority,
      timeout: 0,
      isPermanent: true,
      deviceId: this.#device,
      tableId: 0,
      appId: APP,
      selector: { criteria: criteriaOf(key) },
      treatment: treatmentOf(this.#isOf10 ? withoutPush(words) : words),
    });
    const id = location?.split("/").at(-1);
    if (!id) throw this.#http.refused("POST", this.#flows, "it did not say where the flow rule is");
    this.#rules.set(nameOfEntry(this.#datapath, key), { id, key, words, isAdded: false });
  }

  #ruleIn(flow: Json): Rule[] {
    if (flow["appId"] !== APP) return [];
    const { id, state } = flow;
    if (typeof id !== "string") throw this.#http.refused("GET", this.#flows, `the id of a flow rule is no text: ${shown(flow)}`);
    const key = keyIn(flow);
    if (key === null) return [];
    const words = wordsIn(flow["treatment"]);
    const meant = words && this.#isOf10 ? withPush(words, typeof key.vlan === "number") : words;
    return [{ id, key, words: meant, isAdded: state === "ADDED" }];
  }
}

function portIn(row: Json): SwitchPort[] {
  const no = realPort(row["port"]);
  const { portName, portMac } = objectIn(row["annotations"]);
  if (no === null || typeof portName !== "string") return [];
  return [{ name: portName, no, mac: typeof portMac === "string" ? portMac : "", linkDown: row["isEnabled"] !== true }];
}
