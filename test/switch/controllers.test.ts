import { describe, expect, test } from "vitest";
import {
  type Action,
  COOKIE_MARK,
  type FlowEntry,
  type FlowTable,
  GROUP_ADDRESSES,
  GROUP_ID_BASE,
  type GroupEntry,
  type Match,
  STAND_IN_ID_BASE,
} from "../../src/model/flow.ts";
import { flowChanges } from "../../src/steer/changes.ts";
import type { RestSwitch } from "../../src/switch/rest-switch.ts";
import type { Floodlight1x } from "../harness/controllers/floodlight.ts";
import { type Connected, connect, DATAPATH, KINDS, type Kind } from "../harness/controllers/kinds.ts";
import { OnosStandIn } from "../harness/controllers/onos.ts";
import { OpenDaylightStandIn } from "../harness/controllers/opendaylight.ts";
import { keyOf, type Match as SwitchMatch } from "../harness/controllers/table.ts";

const PORTS = ["p1", "p2", "p3"];
const A = "52:54:00:00:00:01";
const EMPTY: FlowTable = { entries: [], groups: [] };
const out = (port: string): Action => ({ do: "output", port });
const toGroup = (group: number): Action => ({ do: "group", group });
const entry = (priority: number, match: Match, ...actions: Action[]): FlowEntry => ({
  ...{ table: 0, priority, match, actions },
  cookie: (COOKIE_MARK << 32n) | 7n,
});
const table = (...entries: FlowEntry[]): FlowTable => ({ entries, groups: [] });

/** Every form that an entry has. `says`: the match and the actions as they have to stand in a switch of 1.3, where a tag is put on before it is set. */
const FORMS = (kind: Kind): [FlowEntry, SwitchMatch, string][] => [
  [entry(1, {}), {}, "[]"],
  [entry(1000, { inPort: "p1", ethDst: A }, out("p2")), { inPort: 1, ethDst: A }, "out2"],
  [entry(995, { inPort: "p2", vlan: 100 }, { do: "stripVlan" }, out("p1")), { inPort: 2, vid: 0x1064 }, "pop out1"],
  [
    entry(995, { inPort: "p3", vlan: "none" }, { do: "setVlan", vlan: 101, push: true }, out("p1")),
    { inPort: 3, vid: 0 },
    "push101 out1",
  ],
  [
    entry(
      1100,
      { inPort: "p1", vlan: 100, ethDst: "ff:ff:ff:ff:ff:ff" },
      { do: "setVlan", vlan: 200, push: false },
      out("p2"),
      { do: "stripVlan" },
      out("p3"),
    ),
    { inPort: 1, vid: 0x1064, ethDst: "ff:ff:ff:ff:ff:ff" },
    "set200 out2 pop out3",
  ],
  [
    entry(40_000, { inPort: "p2", vlan: 5 }, { do: "setVlan", vlan: 6, push: false }, out("p2")),
    { inPort: 2, vid: 0x1005 },
    "set6 back",
  ],
  ...(kind.hasGroups
    ? ([[entry(1000, { inPort: "p3", ethDst: GROUP_ADDRESSES }, out("p1")), { inPort: 3, ethDst: GROUP_ADDRESSES }, "out1"]] as [
        FlowEntry,
        SwitchMatch,
        string,
      ][])
    : []),
];

/** In one text for both versions: in 1.0 setting a tag puts it on. */
function doesText(it: Connected, match: SwitchMatch, priority: number): string {
  const row = it.standIn.table.rows.get(keyOf({ priority, match }));
  if (row === undefined) return "nothing there";
  if (row.actions.length === 0) return "[]";
  let hasTag = match.vid !== undefined && match.vid !== 0;
  let isPushed = false;
  const words = row.actions.flatMap((a) => {
    if ("out" in a) return a.out === 0xfffffff8 ? ["back"] : [`out${a.out}`];
    if ("group" in a) return [`group${a.group}`];
    if ("push" in a) {
      isPushed = a.push === 0x8100;
      return [];
    }
    if ("pop" in a) {
      hasTag = false;
      return ["pop"];
    }
    const isOn = isPushed || (it.standIn.table.version === "1.0" && !hasTag);
    isPushed = false;
    hasTag = true;
    return [`${isOn ? "push" : "set"}${a.setVid}`];
  });
  return words.join(" ");
}

const sessionOf = ({ controller }: Connected): RestSwitch => {
  if (controller.session === null) throw new Error(`no session: ${controller.state.lastError}`);
  return controller.session;
};
/** What the fabric does: reads, and writes what differs. */
async function bring(it: Connected, want: FlowTable): Promise<number> {
  const session = sessionOf(it);
  const phases = flowChanges(want, await session.read());
  if (phases.length > 0) await session.apply(phases);
  return phases.flat().length;
}
/** All that is not a question. */
const requests = ({ standIn }: Connected) => standIn.asked.filter((a) => a.method !== "GET");

describe.each(KINDS)("$name", (kind) => {
  const start = () => connect(kind, PORTS);

  test("tells the switch, its ports, and what changes about them", async () => {
    await using it = await start();
    expect(it.controller.state).toEqual({ status: "ACTIVE", lastError: null });
    expect(it.events).toMatchObject([{ type: "up", datapath: DATAPATH }]);
    expect([...sessionOf(it).ports.values()].map((p) => [p.name, p.no, p.linkDown])).toEqual([
      ["p1", 1, false],
      ["p2", 2, false],
      ["p3", 3, false],
    ]);
    const { ports } = it.standIn.table;
    ports.set(2, { ...ports.get(2)!, down: true });
    ports.delete(3);
    it.standIn.table.setPort({ no: 9, name: "p3", mac: "02:00:00:00:00:09", down: false });
    await it.controller.look();
    expect(it.events.slice(1)).toMatchObject([
      { type: "port", reason: "delete", port: { name: "p3", no: 3 } },
      { type: "port", reason: "modify", port: { name: "p2", linkDown: true } },
      { type: "port", reason: "add", port: { name: "p3", no: 9 } },
    ]);
  });

  test("every form of an entry stands in the switch as asked, reads back the same, and is there once however often it is asked for", async () => {
    await using it = await start();
    const forms = FORMS(kind);
    const want = table(...forms.map(([e]) => e));
    expect(await bring(it, want)).toBe(forms.length);
    expect(forms.map(([e, match]) => doesText(it, match, e.priority))).toEqual(forms.map(([, , says]) => says));
    expect(it.standIn.table.rows.size).toBe(forms.length);
    expect(await bring(it, want)).toBe(0);
    await sessionOf(it).apply([want.entries.map((e) => ({ op: "addEntry", entry: e }))]);
    expect(it.standIn.table.rows.size).toBe(forms.length);
    expect(it.standIn.table.errors).toEqual([]);
    expect(await bring(it, EMPTY)).toBe(forms.length);
    expect(it.standIn.table.rows.size).toBe(0);
  });

  test("an entry is turned in place, and what is not wanted any more goes last", async () => {
    await using it = await start();
    await bring(it, table(entry(1000, { inPort: "p1" }, out("p2")), entry(1000, { inPort: "p2" }, out("p1"))));
    const { history } = it.standIn.table;
    history.length = 0;
    await bring(it, table(entry(1000, { inPort: "p1" }, out("p3")), entry(1000, { inPort: "p3" }, out("p1"))));
    const [turned, made, gone] = [{ inPort: 1 }, { inPort: 3 }, { inPort: 2 }].map((match) => keyOf({ priority: 1000, match }));
    expect([...history].sort()).toEqual([`+${made}`, `-${gone}`, `~${turned}`].sort());
    expect(history.at(-1)).toBe(`-${gone}`);
  });

  test("entries of others are neither told nor touched", async () => {
    await using it = await start();
    const foreign = { priority: 7, match: { inPort: 3 }, actions: [{ out: 1 }], cookie: 5n };
    it.standIn.table.add(foreign);
    expect((await sessionOf(it).read()).entries).toEqual([]);
    await bring(it, table(entry(1000, { inPort: "p1" }, out("p2"))));
    await bring(it, EMPTY);
    expect([...it.standIn.table.rows.values()]).toEqual([foreign]);
  });

  test("a success that is none is found out, the way that stood is not taken away, and the next pass puts it right", async () => {
    await using it = await start();
    const had = table(entry(1000, { inPort: "p1", ethDst: A }, out("p2")));
    const want = table(entry(1000, { inPort: "p2" }, out("p3")));
    await bring(it, had);
    it.standIn.faults.isLie = () => true;
    await expect(bring(it, want)).rejects.toMatchObject({
      code: "SWITCH_REFUSED",
      about: {
        datapath: DATAPATH,
        change: expect.stringContaining('priority=1000 {"inPort":"p2"}'),
        error: expect.stringContaining("is not in the switch"),
      },
    });
    expect(doesText(it, { inPort: 1, ethDst: A }, 1000)).toBe("out2");
    it.standIn.faults.isLie = () => false;
    await bring(it, want);
    expect([doesText(it, { inPort: 2 }, 1000), it.standIn.table.rows.size]).toEqual(["out3", 1]);
  });

  test("a removal that is none is found out", async () => {
    await using it = await start();
    await bring(it, table(entry(1000, { inPort: "p1" }, out("p2"))));
    it.standIn.faults.isLie = ({ method }) => method === "DELETE";
    await expect(bring(it, EMPTY)).rejects.toMatchObject({
      code: "SWITCH_REFUSED",
      about: { error: expect.stringContaining("still in the switch") },
    });
  });

  test("half a change: what is there and what is not is read, and completed", async () => {
    await using it = await start();
    const want = table(...[1000, 1001, 1002, 1003].map((p) => entry(p, { inPort: "p1" }, out("p2"))));
    let n = 0;
    it.standIn.faults.isLie = () => n++ % 2 === 1;
    await expect(bring(it, want)).rejects.toMatchObject({ code: "SWITCH_REFUSED", message: expect.stringContaining("(2 of 4)") });
    it.standIn.faults.isLie = () => false;
    expect(await bring(it, want)).toBe(2);
    expect(it.standIn.table.rows.size).toBe(4);
    expect(await bring(it, want)).toBe(0);
  });

  test("what somebody takes out of the switch by hand comes back", async () => {
    await using it = await start();
    const want = table(entry(1000, { inPort: "p1" }, out("p2")), entry(1000, { inPort: "p2" }, out("p1")));
    await bring(it, want);
    it.standIn.table.deleteStrict({ priority: 1000, match: { inPort: 2 } });
    await bring(it, want); // Some controllers bring it back themselves.
    expect(doesText(it, { inPort: 2 }, 1000)).toBe("out1");
  });

  test("503, and no answer in time: not now, which is no refusal", async () => {
    await using it = await start();
    const want = table(entry(1000, { inPort: "p1" }, out("p2")));
    const phases = flowChanges(want, await sessionOf(it).read());
    it.standIn.faults.busy = 1;
    await expect(sessionOf(it).apply(phases)).rejects.toMatchObject({
      code: "CONTROLLER_UNREACHABLE",
      message: expect.stringContaining("503"),
    });
    expect(await bring(it, want)).toBe(1);
    await it.standIn[Symbol.asyncDispose]().catch(() => {});
    await expect(sessionOf(it).read()).rejects.toMatchObject({ code: "CONTROLLER_UNREACHABLE", about: { controller: "c1" } });
    for (const status of ["ERROR", "ERROR", "ERROR"]) {
      await it.controller.look();
      expect(it.controller.state.status).toBe(status);
    }
    expect(it.events.at(-1)).toMatchObject({ type: "down" });
    expect(it.controller.session).toBeNull();
    Object.defineProperty(it.standIn, Symbol.asyncDispose, { value: async () => {} });
  });

  test("after a restart that loses everything it is noticed or read, and all of it is brought back", async () => {
    await using it = await start();
    const want = table(...FORMS(kind).map(([e]) => e));
    await bring(it, want);
    it.standIn.restart();
    await it.controller.look();
    if (kind.wipes) {
      expect(it.events.at(-1)).toMatchObject({ type: "refused", error: expect.stringContaining("anew") });
      expect(it.standIn.table.rows.size).toBe(0);
    }
    expect(await bring(it, want)).toBe(want.entries.length);
    expect(it.standIn.table.rows.size).toBe(want.entries.length);
    it.standIn.restart();
    await it.controller.look();
    await bring(it, EMPTY);
    expect(it.standIn.table.rows.size).toBe(0);
  });

  test("a switch that starts with an empty table gets everything from its controller; then nothing is left to do", async () => {
    await using it = await start();
    const want = table(...FORMS(kind).map(([e]) => e));
    await bring(it, want);
    it.standIn.reconnect(true);
    await it.controller.look();
    expect(await bring(it, want)).toBe(0);
  });

  test("without the switch there is no session, and what is under way ends", async () => {
    await using it = await start();
    const session = sessionOf(it);
    it.standIn.isConnected = false;
    await it.controller.look();
    expect(it.controller.state).toMatchObject({ status: "INACTIVE", lastError: expect.stringContaining(DATAPATH) });
    expect(it.events.at(-1)).toMatchObject({ type: "down", why: "the controller has no connection with the switch" });
    await expect(session.read()).rejects.toMatchObject({ code: "SWITCH_NOT_CONNECTED" });
    await expect(session.apply([[{ op: "addEntry", entry: entry(1, {}) }]])).rejects.toMatchObject({
      code: "SWITCH_NOT_CONNECTED",
    });
    it.standIn.isConnected = true;
    await it.controller.look();
    expect(it.events.at(-1)).toMatchObject({ type: "up" });
  });

  test("what cannot be asked for is refused before anything is asked", async () => {
    await using it = await start();
    const session = sessionOf(it);
    const good = { op: "addEntry", entry: entry(1000, { inPort: "p1" }, out("p2")) } as const;
    await expect(
      session.apply([[good, { op: "addEntry", entry: entry(1000, { inPort: "p2" }, out("p9")) }]]),
    ).rejects.toMatchObject({ code: "SWITCH_REFUSED", about: { port: "p9" } });
    const wrong = [
      entry(70_000, {}),
      entry(1000, { vlan: 4095 }),
      entry(1000, { ethDst: "ab:cd" }),
      entry(1000, {}, { do: "setVlan", vlan: 0, push: true }),
    ];
    for (const e of wrong) await expect(session.apply([[good, { op: "addEntry", entry: e }]])).rejects.toThrow(RangeError);
    expect(requests(it)).toEqual([]);
    expect(() => session.packetOut()).toThrow(expect.objectContaining({ code: "SWITCH_REFUSED" }));
  });

  test("a later change that asks for an entry again keeps it from being taken out by an earlier one", async () => {
    await using it = await start();
    const [a, b] = [entry(1000, { inPort: "p1" }, out("p2")), entry(1000, { inPort: "p2" }, out("p1"))];
    await bring(it, table(a));
    const session = sessionOf(it);
    // As after two binds one upon the other: what the first takes out the second brings back, before the first is done.
    const first = session.apply([[{ op: "addEntry", entry: b }], [{ op: "deleteEntry", entry: a }]]);
    const second = session.apply([[{ op: "addEntry", entry: a }], [{ op: "deleteEntry", entry: b }]]);
    await Promise.all([first, second]);
    expect([doesText(it, { inPort: 1 }, 1000), doesText(it, { inPort: 2 }, 1000)]).toEqual(["out2", "nothing there"]);
  });

  test("many entries at once", async () => {
    await using it = await start();
    const want = table(...Array.from({ length: 300 }, (_, i) => entry(1000 + i, { inPort: "p1" }, out("p2"))));
    expect(await bring(it, want)).toBe(300);
    expect(it.standIn.table.rows.size).toBe(300);
    expect(await bring(it, want)).toBe(0);
  });

  test.runIf(kind.hasGroups)("groups: made before what leads to them, turned, chained, and gone after it", async () => {
    await using it = await start();
    const one = (id: number, port: string): GroupEntry => ({
      id,
      type: "indirect",
      buckets: [{ actions: [out(port)], watchPort: null }],
    });
    const [G, GATE, BACK] = [GROUP_ID_BASE + 2, STAND_IN_ID_BASE + 77, GROUP_ID_BASE + 3];
    const gate: GroupEntry = {
      id: GATE,
      type: "fastFailover",
      buckets: [
        { actions: [], watchPort: "p1" },
        { actions: [out("p3")], watchPort: "p2" },
      ],
    };
    const back: GroupEntry = {
      id: BACK,
      type: "all",
      buckets: [
        { actions: [{ do: "stripVlan" }, out("p1")], watchPort: null },
        { actions: [toGroup(GATE)], watchPort: null },
      ],
    };
    const entries = [entry(1095, { inPort: "p3" }, toGroup(G)), entry(1095, { inPort: "p2", vlan: 9 }, toGroup(BACK))];
    const want = (port: string, stand: GroupEntry): FlowTable => ({ entries, groups: [one(G, port), stand, back] });
    expect(sessionOf(it).abilities).toMatchObject({ noGroups: null, masks: true, packets: false, dropsMisses: false });
    await bring(it, want("p1", gate));
    expect(await bring(it, want("p1", gate))).toBe(0);
    expect(leaves(it, { inPort: 3 }, 1095)).toEqual(["1"]);
    expect(leaves(it, { inPort: 2, vid: 0x1009 }, 1095)).toEqual(["1", "ff(1: ,2: 3)"]);
    await bring(it, want("p2", { ...gate, buckets: [gate.buckets[1]!] }));
    expect(leaves(it, { inPort: 3 }, 1095)).toEqual(["2"]);
    expect(leaves(it, { inPort: 2, vid: 0x1009 }, 1095)).toEqual(["1", "ff(2: 3)"]);
    expect(await bring(it, want("p2", { ...gate, buckets: [gate.buckets[1]!] }))).toBe(0);
    expect(it.standIn.table.groups.size).toBe(3);
    expect(it.standIn.table.errors).toEqual([]);
    await bring(it, EMPTY);
    expect([it.standIn.table.rows.size, it.standIn.table.groups.size]).toEqual([0, 0]);
  });

  test.runIf(kind.hasGroups)("groups that do not come about are not asked for again, and why is told", async () => {
    await using it = await start();
    it.standIn.faults.isLie = ({ path, body }) => /group/.test(path) || (body as { entry_type?: string }).entry_type === "group";
    const group: GroupEntry = { id: GROUP_ID_BASE, type: "indirect", buckets: [{ actions: [out("p2")], watchPort: null }] };
    await expect(sessionOf(it).apply([[{ op: "addGroup", group }]])).rejects.toMatchObject({
      code: "SWITCH_REFUSED",
      about: { change: `addGroup ${group.id}` },
    });
    expect(sessionOf(it).abilities.noGroups).toMatch(/^groups do not come about in this switch: .* is not in the switch/);
  });

  test.runIf(!kind.hasGroups)("there are no groups, and why is told", async () => {
    await using it = await start();
    expect(sessionOf(it).abilities.noGroups).toMatch(/^Floodlight (0\.9|1\.x) has no groups for a switch of OpenFlow 1\.0$/);
  });

  test.runIf(kind.kind !== "floodlight")("a wrong password is said, and never what it was", async () => {
    await using it = await start();
    Object.assign(it.standIn, { login: { user: "onos", password: "another" } });
    await it.controller.look();
    expect(it.controller.state).toMatchObject({
      status: "ERROR",
      lastError: expect.stringMatching(/401 \(look at the user and the password/),
    });
    const secret = kind.kind === "onos" ? "rocks" : "admin";
    expect(it.controller.state.lastError).not.toContain(`${secret}`);
    await expect(sessionOf(it).read()).rejects.toMatchObject({ code: "CONTROLLER_REFUSED" });
  });
});

/** Where packets of an entry leave, through its groups. */
function leaves(it: Connected, match: SwitchMatch, priority: number): string[] {
  const { rows, groups } = it.standIn.table;
  const through = (actions: readonly object[]): string[] =>
    actions.flatMap((a) => {
      if ("out" in a) return [String(a.out)];
      if (!("group" in a)) return [];
      const group = groups.get(a.group as number)!;
      const ways = group.buckets.map((b) => through(b.actions));
      if (group.type !== "fast_failover") return ways.flat();
      return [`ff(${group.buckets.map((b, i) => `${b.watchPort}: ${ways[i]!.join("+")}`).join(",")})`];
    });
  return through(rows.get(keyOf({ priority, match }))?.actions ?? []);
}

describe("ONOS", () => {
  const kind = KINDS.find((k) => k.kind === "onos")!;

  test("a flow rule is there when it is ADDED and not when it was created; its id is taken as text", async () => {
    await using it = await connect(kind, PORTS);
    const onos = it.standIn as OnosStandIn;
    onos.lagMs = 60;
    const startedAt = performance.now();
    await bring(it, table(entry(1000, { inPort: "p1" }, out("p2"))));
    expect(performance.now() - startedAt).toBeGreaterThan(onos.lagMs);
    const [id] = onos.rules.keys();
    expect(Number.isSafeInteger(Number(id))).toBe(false);
    await bring(it, EMPTY);
    expect(requests(it).at(-1)).toMatchObject({ method: "DELETE", path: `/onos/v1/flows/of:0000000000000001/${id}` });
    expect(onos.rules.size).toBe(0);
  });

  test("a switch of OpenFlow 1.0 gets no PUSH_VLAN and no groups", async () => {
    await using it = await connect({ ...kind, make: (p) => new OnosStandIn(p, "1.0") }, PORTS);
    expect(sessionOf(it).abilities).toMatchObject({ noGroups: expect.stringContaining("OpenFlow 1.0"), masks: false });
    const forms = FORMS({ ...kind, hasGroups: false });
    await bring(it, table(...forms.map(([e]) => e)));
    expect(forms.map(([e, match]) => doesText(it, match, e.priority))).toEqual(forms.map(([, , says]) => says));
    expect(await bring(it, table(...forms.map(([e]) => e)))).toBe(0);
  });

  test("rules of other applications are not ours, whatever they match", async () => {
    await using it = await connect(kind, PORTS);
    const onos = it.standIn as OnosStandIn;
    const path = "/onos/v1/flows/of:0000000000000001";
    const body = {
      priority: 5,
      isPermanent: true,
      appId: "org.onosproject.fwd",
      treatment: { instructions: [{ type: "OUTPUT", port: "1" }] },
    };
    const headers = { "content-type": "application/json", authorization: `Basic ${btoa("onos:rocks")}` };
    expect(
      (await fetch(`http://127.0.0.1:${onos.port}${path}`, { method: "POST", headers, body: JSON.stringify(body) })).status,
    ).toBe(201);
    expect(await bring(it, EMPTY)).toBe(0);
    expect(onos.rules.size).toBe(1);
  });

  test("a group is turned by a copy: what leads to it is led to the copy before the old one goes", async () => {
    await using it = await connect(kind, PORTS);
    const want = (port: string): FlowTable => ({
      entries: [entry(1095, { inPort: "p1" }, toGroup(GROUP_ID_BASE))],
      groups: [{ id: GROUP_ID_BASE, type: "indirect", buckets: [{ actions: [out(port)], watchPort: null }] }],
    });
    await bring(it, want("p2"));
    const { history } = it.standIn.table;
    history.length = 0;
    await bring(it, want("p3"));
    const key = keyOf({ priority: 1095, match: { inPort: 1 } });
    expect(history.map((h) => h.replace(/g\d+$/, "g"))).toEqual(["+g", `~${key}`, "-g"]);
    expect(history[2]).not.toBe(`-${history[0]!.slice(1)}`);
  });

  test("a copy that was half made when this process ended is completed, and the old one goes", async () => {
    await using it = await connect(kind, PORTS);
    const want = (port: string): FlowTable => ({
      entries: [entry(1095, { inPort: "p1" }, toGroup(GROUP_ID_BASE)), entry(1096, { inPort: "p1" }, toGroup(GROUP_ID_BASE))],
      groups: [{ id: GROUP_ID_BASE, type: "indirect", buckets: [{ actions: [out(port)], watchPort: null }] }],
    });
    await bring(it, want("p2"));
    // The copy is made and one of the two is led to it; then nothing more is heard of us.
    let posts = 0;
    it.standIn.faults.isLie = ({ method, path }) =>
      method === "DELETE" || (method === "POST" && /flows/.test(path) && ++posts > 1);
    await expect(bring(it, want("p3"))).rejects.toMatchObject({ code: "SWITCH_REFUSED" });
    it.standIn.faults.isLie = () => false;
    await it.controller.look();
    await bring(it, want("p3"));
    expect([leaves(it, { inPort: 1 }, 1095), leaves(it, { inPort: 1 }, 1096)]).toEqual([["3"], ["3"]]);
    await sessionOf(it).read();
    expect(it.standIn.table.groups.size).toBe(1);
  });
});

describe.each(KINDS.filter((k) => k.kind === "opendaylight"))("$name", (kind) => {
  test("stored is not there: it counts when the switch was asked", async () => {
    await using it = await connect(kind, PORTS);
    (it.standIn as OpenDaylightStandIn).lagMs = 60;
    await bring(it, EMPTY);
    const startedAt = performance.now();
    await bring(it, table(entry(1000, { inPort: "p1" }, out("p2"))));
    expect(performance.now() - startedAt).toBeGreaterThan(30);
  });

  test("what is ours and stands under an alien name is taken over where it is wanted, and out where it is not", async () => {
    await using it = await connect(kind, PORTS);
    const [kept, gone] = [entry(1000, { inPort: "p1" }, out("p2")), entry(1000, { inPort: "p2" }, out("p1"))];
    await bring(it, table(kept, gone));
    it.standIn.restart();
    await bring(it, table(kept));
    expect([...it.standIn.table.rows.keys()]).toEqual([keyOf({ priority: 1000, match: { inPort: 1 } })]);
    expect((it.standIn as OpenDaylightStandIn).flows.size).toBe(1);
  });

  test("a switch of OpenFlow 1.0 is said the same, and tells it in other words", async () => {
    const of10: Kind = {
      ...kind,
      make: (p) => new OpenDaylightStandIn(p, kind.name.endsWith("02") ? "bierman02" : "rfc8040", "1.0"),
    };
    await using it = await connect(of10, PORTS);
    expect(sessionOf(it).abilities).toMatchObject({ noGroups: expect.stringContaining("OpenFlow 1.0"), masks: false });
    const forms = FORMS({ ...kind, hasGroups: false });
    await bring(it, table(...forms.map(([e]) => e)));
    expect(forms.map(([e, match]) => doesText(it, match, e.priority))).toEqual(forms.map(([, , says]) => says));
    expect(await bring(it, table(...forms.map(([e]) => e)))).toBe(0);
  });
});

describe.each(KINDS.filter((k) => k.kind === "floodlight"))("$name", (kind) => {
  test("port counters are those of the moment", async () => {
    await using it = await connect(kind, PORTS);
    const counters = await sessionOf(it).portCounters();
    expect([...counters.keys()]).toEqual(PORTS);
    expect(counters.get("p2")).toMatchObject({ rxPackets: 7n, txPackets: 9n, own: { sent: 0, heard: 0 } });
  });

  test("what stands in the switch and was forgotten is taken over where it is wanted, and out where it is not", async () => {
    await using it = await connect(kind, PORTS);
    const [kept, gone] = [entry(1000, { inPort: "p1" }, out("p2")), entry(1000, { inPort: "p2" }, out("p1"))];
    const group: GroupEntry = { id: STAND_IN_ID_BASE, type: "indirect", buckets: [{ actions: [out("p3")], watchPort: null }] };
    const groups = kind.hasGroups ? [group] : [];
    await bring(it, { entries: [kept, gone], groups });
    (it.standIn as Floodlight1x).stored.clear(); // As after a restart of one that is told not to wipe its switches.
    await bring(it, table(kept));
    expect([...it.standIn.table.rows.keys()]).toEqual([keyOf({ priority: 1000, match: { inPort: 1 } })]);
    expect(it.standIn.table.groups.size).toBe(0);
    expect((it.standIn as Floodlight1x).stored.size).toBe(1);
  });

  test("the clear that takes everybody's entries with it is never asked for", async () => {
    await using it = await connect(kind, PORTS);
    await bring(it, table(...FORMS(kind).map(([e]) => e)));
    await bring(it, EMPTY);
    expect(it.standIn.asked.filter((a) => a.path.includes("/clear/"))).toEqual([]);
  });
});
