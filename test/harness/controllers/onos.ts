import { type Answer, type Asked, StandIn } from "./stand-in.ts";
import { type Action, ANY, type GroupRow, IN_PORT, keyOf, type Match, type Row, SwitchTable } from "./table.ts";

// biome-ignore lint/suspicious/noExplicitAny: a request is of any form; what is not as it should be fails the test.
type Body = Readonly<Record<string, any>>;
const ok = (body: unknown): Answer => ({ status: 200, body });
const bad = (message: string): Answer => ({ status: 400, body: { code: 400, message } });
const absent = (message: string): Answer => ({ status: 404, body: { code: 404, message } });

/** Of the switch it finds out by asking it, every so often. */
interface Pending {
  state: "PENDING_ADD" | "ADDED" | "PENDING_REMOVE";
  sinceMs: number;
  isLie: boolean;
}

interface Rule extends Pending {
  readonly id: string;
  readonly appId: string;
  readonly body: Body;
  readonly row: Row;
}

interface Group extends Pending {
  readonly body: Body;
  readonly row: GroupRow;
}

/** Ids have the application's number in the upper 16 of their 64 bits. */
const APP_NO = 0xc5n;

/**
 * ONOS 2.7: `flows`, `groups` and `devices`. 201 says that it is stored. PENDING_ADD becomes ADDED when the switch was asked for what it has; what is missing there
 * is sent again. What the switch has and ONOS does not know is taken out when the switch connects.
 */
export class OnosStandIn extends StandIn {
  readonly login = { user: "onos", password: "rocks" };
  readonly device = "of:0000000000000001";
  /** From a request to the next look at the switch, ms. */
  lagMs = 0;
  readonly rules = new Map<string, Rule>();
  readonly groups = new Map<string, Group>();
  #connections = 0;

  constructor(ports: readonly string[], version: "1.0" | "1.3" = "1.3") {
    super(new SwitchTable(version, ports));
  }

  restart(): void {
    this.rules.clear();
    this.groups.clear();
    this.reconnect(false);
  }

  reconnect(_isEmpty: boolean): void {
    this.#connections++;
    this.table.wipe();
    for (const group of this.groups.values()) if (!group.isLie) this.table.addGroup(group.row);
    for (const rule of this.rules.values()) if (!rule.isLie) this.table.add(rule.row);
  }

  protected answer({ method, path, body }: Asked, isLie: boolean): Answer {
    this.#look();
    const [, what, device, id] = /^\/onos\/v1\/(devices|flows|groups)\/([^/]+)(?:\/([^/]+))?$/.exec(path) ?? [];
    if (what === "devices" && id === "ports") return device === this.device ? ok(this.#device()) : absent("Device is not found");
    if (what === "flows") return this.#flows(method, device!, id, body as Body, isLie);
    if (what === "groups") return this.#groupsOf(method, device!, id, body as Body, isLie);
    return path === "/onos/v1/devices" ? ok({ devices: [this.#device()] }) : absent(path);
  }

  #flows(method: string, device: string, id: string | undefined, body: Body, isLie: boolean): Answer {
    const known = device === this.device ? [...this.rules.values()] : [];
    if (method === "GET") return known.length === 0 ? absent("Device is not found") : ok({ flows: known.map(flowOut) });
    if (method === "POST") return this.#postFlow(device, body, isLie);
    const rule = known.find((r) => r.id === id);
    if (known.length === 0) return absent("Device is not found");
    if (rule !== undefined) {
      Object.assign(rule, { state: "PENDING_REMOVE", sinceMs: performance.now(), isLie });
      if (!isLie) this.table.deleteStrict(rule.row);
    }
    return { status: 204 };
  }

  #postFlow(device: string, body: Body, isLie: boolean): Answer {
    for (const member of ["priority", "isPermanent"])
      if (body[member] === undefined) return bad(`${member} member is required in FlowRule`);
    if (body["deviceId"] !== undefined && body["deviceId"] !== device) return bad("Invalid deviceId in flow creation request");
    const row = rowOf(body);
    if (typeof row === "string") return bad(row);
    const id = idOf(row);
    this.rules.set(id, {
      id,
      appId: String(body["appId"] ?? "org.onosproject.rest"),
      body,
      row,
      state: "PENDING_ADD",
      sinceMs: performance.now(),
      isLie,
    });
    if (!isLie && device === this.device && this.isConnected) this.table.add(row);
    return { status: 201, headers: { location: `http://127.0.0.1:${this.port}/onos/v1/flows/${device}/${id}` } };
  }

  #groupsOf(method: string, device: string, cookie: string | undefined, body: Body, isLie: boolean): Answer {
    if (method === "GET") return ok({ groups: [...this.groups.values()].map((g) => groupOut(g, this.device)) });
    if (method === "DELETE") {
      const group = this.groups.get(cookie!.toLowerCase());
      if (group === undefined) return { status: 204 };
      this.groups.delete(cookie!.toLowerCase());
      if (!isLie) this.table.deleteGroup(group.row.id);
      return { status: 204 };
    }
    if (!/^0x[0-9a-f]+$/i.test(String(body["appCookie"]))) return bad("APP_COOKIE must be a hex string starts with 0x");
    const row = groupRowOf(body);
    if (typeof row === "string") return bad(row);
    const key = String(body["appCookie"]).toLowerCase();
    if (!this.groups.has(key)) {
      this.groups.set(key, { body, row, state: "PENDING_ADD", sinceMs: performance.now(), isLie });
      if (!isLie && this.isConnected) this.table.addGroup(row);
    }
    return { status: 201, headers: { location: `http://127.0.0.1:${this.port}/onos/v1/groups/${device}/${body["appCookie"]}` } };
  }

  /** The switch is asked for what it has. */
  #look(): void {
    const isDue = (p: Pending) => performance.now() - p.sinceMs >= this.lagMs;
    for (const group of this.groups.values()) {
      if (group.state === "PENDING_ADD" && isDue(group) && this.table.groups.has(group.row.id)) group.state = "ADDED";
    }
    for (const rule of [...this.rules.values()].filter(isDue)) {
      const stands = this.table.rows.get(keyOf(rule.row));
      if (rule.state === "PENDING_REMOVE" && stands === undefined) this.rules.delete(rule.id);
      if (rule.state === "PENDING_REMOVE" || !this.isConnected) continue;
      const isThere = stands !== undefined && JSON.stringify(stands.actions) === JSON.stringify(rule.row.actions);
      if (!isThere && !rule.isLie) this.table.add(rule.row); // What is missing is sent again.
      rule.state = isThere ? "ADDED" : "PENDING_ADD";
    }
  }

  #device() {
    const ports = [{ no: "local", name: "br0", mac: "02:00:00:00:00:99", down: true }, ...this.table.ports.values()];
    return {
      id: this.device,
      type: "SWITCH",
      available: this.isConnected,
      role: "MASTER",
      annotations: {
        channelId: `10.0.0.1:${40_000 + this.#connections}`,
        managementAddress: "10.0.0.1",
        protocol: this.table.version === "1.3" ? "OF_13" : "OF_10",
      },
      ports: ports.map((p) => ({
        element: this.device,
        port: String(p.no),
        isEnabled: !p.down,
        type: "copper",
        portSpeed: 1000,
        annotations: { portName: p.name, portMac: p.mac },
      })),
    };
  }
}

function idOf(row: Row): string {
  let hash = 17;
  for (const c of keyOf(row)) hash = (Math.imul(hash, 31) + c.charCodeAt(0)) | 0;
  return String((APP_NO << 48n) | BigInt.asUintN(32, BigInt(hash)));
}

const flowOut = ({ id, appId, state, row, body }: Rule) => ({
  ...{ groupId: 0, id, appId, state, life: 1, packets: 0, bytes: 0, liveType: "UNKNOWN", lastSeen: 0 },
  ...{ priority: row.priority, timeout: 0, isPermanent: true, deviceId: body["deviceId"], tableId: 0, tableName: "0" },
  treatment: treatmentOut(row.actions),
  selector: { criteria: criteriaOut(row.match) },
});

const treatmentOut = (actions: readonly Action[]) => ({
  instructions: actions.length === 0 ? [{ type: "NOACTION" }] : actions.map(instructionOut),
  deferred: [],
});

function instructionOut(a: Action): Body {
  if ("out" in a) return { type: "OUTPUT", port: a.out === IN_PORT ? "IN_PORT" : String(a.out) };
  if ("group" in a) return { type: "GROUP", groupId: a.group | 0 };
  if ("push" in a) return { type: "L2MODIFICATION", subtype: "VLAN_PUSH", ethernetType: `0x${a.push.toString(16)}` };
  return "setVid" in a
    ? { type: "L2MODIFICATION", subtype: "VLAN_ID", vlanId: a.setVid }
    : { type: "L2MODIFICATION", subtype: "VLAN_POP" };
}

function criteriaOut({ inPort, vid, ethDst }: Match): Body[] {
  const [mac, macMask] = ethDst?.toUpperCase().split("/") ?? [];
  return [
    ...(inPort === undefined ? [] : [{ type: "IN_PORT", port: inPort }]),
    ...(mac === undefined ? [] : [macMask === undefined ? { type: "ETH_DST", mac } : { type: "ETH_DST_MASKED", mac, macMask }]),
    ...(vid === undefined ? [] : [{ type: "VLAN_VID", vlanId: vid === 0 ? -1 : vid & 0xfff }]),
  ];
}

/** A text says what is wrong with it. */
function rowOf(body: Body): Row | string {
  let match: Match = {};
  for (const c of body["selector"]?.criteria ?? []) {
    if (c.type === "IN_PORT") match = { ...match, inPort: Number(c.port) };
    else if (c.type === "ETH_DST") match = { ...match, ethDst: c.mac.toLowerCase() };
    else if (c.type === "ETH_DST_MASKED") match = { ...match, ethDst: `${c.mac}/${c.macMask}`.toLowerCase() };
    else if (c.type === "VLAN_VID") match = { ...match, vid: (c.vlanId & 0xffff) === 0xffff ? 0 : c.vlanId | 0x1000 };
    else return `Type ${c.type} is not a valid criterion`;
  }
  const actions = actionsOf(body["treatment"]);
  return typeof actions === "string" ? actions : { priority: Number(body["priority"]), match, actions, cookie: 0n };
}

function actionsOf(treatment: Body | undefined): Action[] | string {
  const actions: Action[] = [];
  for (const i of treatment?.["instructions"] ?? []) {
    const kind = i.type === "L2MODIFICATION" ? i.subtype : i.type;
    if (kind === "OUTPUT") actions.push({ out: i.port === "IN_PORT" ? IN_PORT : Number(i.port) });
    else if (kind === "GROUP") actions.push({ group: Number(i.groupId) >>> 0 });
    else if (kind === "VLAN_PUSH") actions.push({ push: Number(i.ethernetType ?? 0x8100) });
    else if (kind === "VLAN_ID") actions.push({ setVid: Number(i.vlanId) });
    else if (kind === "VLAN_POP") actions.push({ pop: true });
    else if (kind !== "NOACTION") return `Instruction type ${kind} is not supported`;
  }
  return actions;
}

const TYPES = { ALL: "all", INDIRECT: "indirect", SELECT: "select", FAILOVER: "fast_failover" } as const;

function groupRowOf(body: Body): GroupRow | string {
  const type = TYPES[body["type"] as keyof typeof TYPES];
  if (type === undefined) return `The requested group type ${body["type"]} is not valid`;
  if (body["groupId"] === undefined) return "groupId member is required in Group";
  const buckets = (body["buckets"] as Body[]).map((b) => ({
    watchPort: b["watchPort"] === undefined ? ANY : Number(b["watchPort"]),
    watchGroup: b["watchGroup"] === undefined ? ANY : Number(b["watchGroup"]) >>> 0,
    actions: actionsOf(b["treatment"]),
  }));
  const wrong = buckets.find((b) => typeof b.actions === "string")?.actions;
  return wrong === undefined
    ? { id: Number(body["groupId"]) >>> 0, type, buckets: buckets as GroupRow["buckets"] }
    : String(wrong);
}

const groupOut = ({ row, state, body }: Group, deviceId: string) => ({
  ...{ id: String(row.id), givenGroupId: row.id, state, life: 1, packets: 0, bytes: 0, referenceCount: 0, deviceId },
  ...{ type: body["type"], appId: "org.onosproject.rest", appCookie: body["appCookie"] },
  buckets: row.buckets.map((b) => ({
    ...{ type: body["type"], weight: -1, packets: 0, bytes: 0 },
    ...(row.type === "fast_failover" ? { watchPort: String(b.watchPort), watchGroup: "-1" } : {}),
    treatment: treatmentOut(b.actions),
  })),
});
