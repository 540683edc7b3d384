import { describe, expect, test } from "vitest";
import { startOvs } from "../../test/harness/ovs.ts";
import { add, entry, join, listenAs, OURS, out, record, target } from "../../test/harness/switch-session.ts";
import { type FlowEntry, type FlowTable, GROUP_ID_BASE, type GroupEntry } from "../model/flow.ts";
import { EVERY_COOKIE } from "./flow-switch.ts";

const NOTHING = { entries: [], groups: [] };

test("both offered: 1.3 is spoken", async () => {
  await using listener = await listenAs(1n);
  const told = record(listener);
  await using _ovs = await startOvs({
    datapathType: "dummy",
    ports: [],
    protocols: ["OpenFlow10", "OpenFlow13"],
    controller: [target(listener)],
  });
  const { datapath } = await told.until("up");
  expect(listener.sessions.get(datapath)?.version).toBe("1.3");
});

describe("OpenFlow 1.3 only", () => {
  const group = (id: number, type: GroupEntry["type"], ...buckets: FlowEntry["actions"][]): GroupEntry => ({
    id: GROUP_ID_BASE + id,
    type,
    buckets: buckets.map((actions) => ({ actions, watchPort: null })),
  });

  test("groups: added, turned in place, read back, deleted; a foreign one is left out", async () => {
    await using it = await join("OpenFlow13");
    await it.ovs.ofctl("add-group", "br0", "group_id=5,type=all,bucket=output:1");
    const one = group(1, "indirect", [out("p2")]);
    const all = group(
      2,
      "all",
      [out("p2")],
      [{ do: "stripVlan" }, { do: "setVlan", vlan: 3, push: true }, out("p3")],
      [{ do: "toController" }],
    );
    const towards = entry(10, { inPort: "p1", vlan: 8 }, { do: "group", group: one.id });
    await it.session.apply([
      [
        { op: "addGroup", group: one },
        { op: "addGroup", group: all },
      ],
      add(towards),
    ]);
    const { entries, groups } = await it.session.read();
    expect(entries).toEqual([towards]);
    expect([...groups].sort((a, b) => a.id - b.id)).toEqual([one, all]);
    expect(await it.ovs.trace("in_port=1,dl_vlan=8")).toMatch(/Datapath actions: 2$/m);
    expect(await it.session.compare!((hear) => hear({ entries, groups }), EVERY_COOKIE)).toEqual({ missing: [], found: NOTHING });

    const turned = group(1, "indirect", [out("p3")]);
    await it.session.apply([[{ op: "modifyGroup", group: turned }], [{ op: "deleteGroup", groupId: all.id }]]);
    expect((await it.session.read()).groups).toEqual([turned]);
    expect(await it.ovs.trace("in_port=1,dl_vlan=8")).toMatch(/Datapath actions: 3$/m);
  });

  test("table 255 is refused, and the refusal names the change", async () => {
    await using it = await join("OpenFlow13");
    const bad = { ...entry(3, {}, out("p1")), table: 255 };
    await expect(it.session.apply([add(entry(1, {}, out("p1")), bad)])).rejects.toMatchObject({
      code: "SWITCH_REFUSED",
      about: { change: "addEntry table=255 priority=3 {}" },
    });
  });

  test("a bundle that fails changes nothing; what is sent after it goes message by message, and what the switch takes stands", async () => {
    await using it = await join("OpenFlow13");
    const good = entry(1, {}, out("p1"));
    const bad = { op: "modifyGroup", group: group(9, "indirect", [out("p1")]) } as const;
    const refused = { code: "SWITCH_REFUSED", about: { change: `modifyGroup ${bad.group.id}` } };
    await expect(it.session.apply([add(good), [bad]])).rejects.toMatchObject(refused);
    expect((await it.session.read()).entries).toEqual([]);
    await expect(it.session.apply([add(good), [bad]])).rejects.toMatchObject(refused);
    expect((await it.session.read()).entries).toEqual([good]);
  });

  test("other tables are written to and read", async () => {
    await using it = await join("OpenFlow13");
    const deep = { ...entry(3, { inPort: "p1" }, out("p2")), table: 5 };
    await it.session.apply([add(deep)]);
    expect((await it.session.read()).entries).toEqual([deep]);
  });

  test("a delete leaves an entry with another cookie alone", async () => {
    await using it = await join("OpenFlow13");
    const mine = entry(3, { inPort: "p1" }, out("p2"));
    await it.session.apply([add(mine), [{ op: "deleteEntry", entry: { ...mine, cookie: OURS | 99n } }]]);
    expect((await it.session.read()).entries).toEqual([mine]);
  });

  test("the switch itself refuses an older epoch, and its session does not come up", async () => {
    await using it = await join("OpenFlow13", 7n);
    await using older = await listenAs(6n);
    const told = record(older);
    await it.ovs.setControllers(target(it.listener), target(older));
    expect((await told.until("refused")).error).toContain("a newer leader has taken over");
    expect(older.sessions.size).toBe(0);
    await expect(it.session.apply([add(entry(1, {}, out("p1")))])).resolves.toMatchObject({ changes: 1 });
  });

  test("a newer epoch takes over: the older session is refused by the switch", async () => {
    await using it = await join("OpenFlow13", 7n);
    await using newer = await listenAs(8n);
    await it.ovs.setControllers(target(it.listener), target(newer));
    await record(newer)
      .until("up")
      .catch(() => expect(newer.sessions.size).toBe(1));
    await expect(it.session.apply([add(entry(1, {}, out("p1")))])).rejects.toMatchObject({
      about: { error: "BAD_REQUEST/IS_SLAVE" },
    });
  });

  test("a thousand entries are read back and compared, over several parts", async () => {
    await using it = await join("OpenFlow13");
    const many = Array.from({ length: 1000 }, (_, i) => entry(i + 1, { inPort: "p1", vlan: (i % 4094) + 1 }, out("p2")));
    await it.session.apply([add(...many)]);
    expect((await it.session.read()).entries).toHaveLength(1000);
    const turned = many.map((e) => (e.priority === 500 ? { ...e, actions: [out("p3")] } : e));
    const want = (hear: (table: FlowTable) => void) => {
      for (let from = 1; from < turned.length; from += 300) hear({ entries: turned.slice(from, from + 300), groups: [] });
    };
    const unlike = await it.session.compare!(want, EVERY_COOKIE);
    expect(unlike).toEqual({
      missing: [{ nth: 1, entries: [499 - 301], groups: [] }],
      found: { entries: expect.arrayContaining([many[0], many[499]]), groups: [] },
    });
    expect(unlike.found.entries).toHaveLength(2);
  });

  test("what is wanted of a port that the switch has lost is missing, and what stands of it is told", async () => {
    await using it = await join("OpenFlow13");
    const [kept, lost] = [entry(1, { inPort: "p1" }, out("p2")), entry(2, { inPort: "p3" }, out("p2"))];
    await it.session.apply([add(kept, lost)]);
    await it.ovs.vsctl("del-port", "br0", "p3");
    await it.told.until("port", (e) => e.reason === "delete");
    expect(await it.session.compare!((hear) => hear({ entries: [kept, lost], groups: [] }), EVERY_COOKIE)).toEqual({
      missing: [{ nth: 0, entries: [1], groups: [] }],
      found: { entries: [entry(2, { inPort: "#3" }, out("p2"))], groups: [] },
    });
  });
});

describe("OpenFlow 1.0 only", () => {
  test("a group is a bug of the caller, another table a fault", async () => {
    await using it = await join("OpenFlow10");
    const toGroup = it.session.apply([add(entry(1, {}, { do: "group", group: GROUP_ID_BASE }))]);
    await expect(toGroup).rejects.toThrow("OpenFlow 1.0 has no groups");
    const deep = it.session.apply([add({ ...entry(1, {}), table: 2 })]);
    await expect(deep).rejects.toMatchObject({ code: "SWITCH_REFUSED", about: { table: 2 } });
  });
});
