import { describe, expect, test } from "vitest";
import { example, Rig, until } from "./rig.ts";
import { monoMs } from "./toy-vim.ts";

const settle = (ms: number) => new Promise((r) => setTimeout(r, ms));

test("instantiate makes two servers, binds each traffic net to its member and protects them", async () => {
  await using rig = await Rig.start();
  const id = await rig.deploy();
  const ns = await rig.ns();
  expect([rig.vim.boundTo("traffic_net0"), rig.vim.boundTo("traffic_net1")]).toEqual(["data_net0", "data_net1"]);
  expect(ns).toMatchObject({
    id,
    state: "INSTANTIATED",
    vnfcs: [
      {
        name: "relay-a",
        highAvailability: "ACTIVE_ACTIVE",
        serviceInterface: "eth1",
        status: "ACTIVE",
        replicated: ns.vnfcs[1]!.id,
      },
      { name: "relay-b", replicated: ns.vnfcs[0]!.id },
    ],
    protectionGroups: [
      {
        trafficNets: [
          { name: "traffic_net0", servedBy: ns.vnfcs[0]!.id },
          { name: "traffic_net1", servedBy: ns.vnfcs[1]!.id },
        ],
      },
    ],
  });
  expect(await rig.failovers()).toEqual([]);
  expect(await rig.alarms()).toEqual([]);
});

test("the cable of users is out: an alarm, and no traffic is led anywhere", async () => {
  await using rig = await Rig.start();
  await rig.deploy();
  const net = [...rig.vim.nets.values()].find((n) => n.name === "traffic_net0")!;
  const isNow = (status: "ACTIVE" | "DOWN", was: "ACTIVE" | "DOWN") => {
    rig.vim.ports.set("outside", { id: "outside", name: "viewer A", network_id: net.id, status });
    rig.vim.push({ type: "port.status", portId: "outside" as never, netId: net.id as never, serverId: null, status, was });
  };
  isNow("DOWN", "ACTIVE");
  await until("the alarm", async () => (await rig.alarms()).includes("TRAFFIC_PORT_DOWN"));
  expect(rig.vim.boundTo("traffic_net0")).toBe("data_net0");
  isNow("ACTIVE", "DOWN");
  await until("it is cleared", async () => (await rig.alarms()).length === 0);
  expect(await rig.failovers()).toEqual([]);
});

describe("a member fails", () => {
  const id = "0123456789abcdef";
  test.each([
    ["a VIM of our own machine", null],
    ["a VIM whose machine was started eleven days before ours", { id, aheadMs: 1e9 }],
    ["a VIM whose machine has just been started", { id, aheadMs: 500 - monoMs() }],
  ])("%s: its traffic net goes to the twin at once, with one record, healed and led back", async (_, clock) => {
    await using rig = await Rig.start({}, undefined, clock);
    await rig.deploy();
    const [a, b] = (await rig.ns()).vnfcs;
    const killedAt = monoMs();
    rig.vim.down("media-relay-a");
    await until("traffic_net0 at data_net1", () => rig.vim.boundTo("traffic_net0") === "data_net1");
    expect(rig.vim.boundTo("traffic_net1")).toBe("data_net1");
    const [failover] = await until("closed", async () =>
      (await rig.failovers())[0]?.state === "closed" ? rig.failovers() : null,
    );
    expect(failover).toMatchObject({ kind: "failover", about: a!.id, mode: "push", moves: [{ to: b!.id }] });
    const { seen, told, decided, onWire, barrier, alarmTold } = failover!.times;
    expect(Object.keys(seen).sort()).toEqual(["processExit", "qmp"]);
    const order = [seen.processExit, told, decided, onWire, barrier].map(Number);
    expect([...order].sort((x, y) => x - y)).toEqual(order);
    expect(order[0]).toBeGreaterThanOrEqual(killedAt - 1); // In our own time, whosever clock it was seen by.
    expect(order.at(-1)).toBeLessThan(monoMs());
    expect(Number(alarmTold)).toBeGreaterThan(Number(decided));
    expect(await rig.alarms()).toEqual(["REDUNDANCY_LOST", "VNFC_DOWN"]);

    await until("healed by a start", () => rig.vim.asked.some((x) => x.endsWith("/action")));
    rig.vim.up("media-relay-a");
    await until("led back", () => rig.vim.boundTo("traffic_net0") === "data_net0");
    await until("two records", async () => (await rig.failovers()).filter((f) => f.state === "closed").length === 2);
    const [back] = await rig.failovers();
    expect(back).toMatchObject({ kind: "failback", about: a!.id });
    expect(await rig.alarms()).toEqual([]);
    expect((await rig.events()).filter((e) => e.type === "heal.started" || e.type === "heal.ended")).toMatchObject([
      { type: "heal.started", vnfcId: a!.id },
      { type: "heal.ended", ok: true },
    ]);
  });

  test("late sources are added to the same record, in the three seconds after it", async () => {
    await using rig = await Rig.start();
    await rig.deploy();
    const s = rig.vim.byName("media-relay-a");
    rig.vim.down("media-relay-a", "INACTIVE", ["processExit"] as never);
    await until("a record", async () => (await rig.failovers()).length === 1);
    await settle(200);
    rig.vim.push({
      type: "evidence",
      evidence: { about: { kind: "server", id: s.id as never }, says: "stopped", source: "libvirt", seenAt: monoMs() },
    });
    await until("libvirt in it", async () => (await rig.failovers())[0]?.times.seen.libvirt);
    expect(await rig.failovers()).toHaveLength(1);
  });

  test("ACTIVE_PASSIVE: all traffic nets move at once, and stay where the group does not revert", async () => {
    await using rig = await Rig.start();
    await rig.deploy(example("media-relay-active-passive.yaml").replace("revertive: true", "revertive: false"));
    rig.vim.down("media-relay-a", "PAUSED");
    await until(
      "both at data_net1",
      () => rig.vim.boundTo("traffic_net0") === "data_net1" && rig.vim.boundTo("traffic_net1") === "data_net1",
    );
    await until("resumed", () => rig.vim.asked.some((x) => x.endsWith("/action")));
    rig.vim.up("media-relay-a");
    await settle(2500);
    expect(rig.vim.boundTo("traffic_net0")).toBe("data_net1");
    const records = await rig.failovers();
    expect(records).toMatchObject([
      { state: "closed", moves: [{ trafficNet: "id-traffic_net0" }, { trafficNet: "id-traffic_net1" }] },
    ]);
  });

  test("both fail: the service is down, one CRITICAL alarm, and traffic returns with the first that is back", async () => {
    await using rig = await Rig.start();
    await rig.deploy();
    rig.vim.down("media-relay-a");
    await until("moved", () => rig.vim.boundTo("traffic_net0") === "data_net1");
    rig.vim.down("media-relay-b");
    await until("SERVICE_DOWN", async () => (await rig.alarms()).includes("SERVICE_DOWN"));
    rig.vim.boots("media-relay-b");
    await until("b unknown", async () => (await rig.ns()).vnfcs[1]?.health?.state === "unknown");
    await settle(200);
    expect(await rig.alarms(), "a member that is only started serves nobody").toContain("SERVICE_DOWN");
    rig.vim.up("media-relay-a");
    await until(
      "both at a",
      () => rig.vim.boundTo("traffic_net0") === "data_net0" && rig.vim.boundTo("traffic_net1") === "data_net0",
    );
    await until("cleared", async () => !(await rig.alarms()).includes("SERVICE_DOWN"));
  });

  test("an unknown moves nothing: a link that came back without an answer", async () => {
    await using rig = await Rig.start();
    await rig.deploy();
    const before = rig.vim.asked.length;
    const port = [...rig.vim.ports.values()].find(
      (p) => p.device_id === rig.vim.byName("media-relay-b").id && p.name === "eth1",
    )!;
    rig.vim.push({
      type: "evidence",
      evidence: { about: { kind: "port", id: port.id as never }, says: "linkUp", source: "portStatus", seenAt: monoMs() },
    });
    await settle(300);
    expect(rig.vim.asked.slice(before)).toEqual([]);
  });
});

describe("the VIM fails", () => {
  test("the bind could not be changed: the record stays open, and is closed when the VIM is back", async () => {
    await using rig = await Rig.start();
    await rig.deploy();
    rig.vim.intercept = (req) => {
      if (req.method !== "PUT") return true;
      void rig.vim.stop();
      return false;
    };
    rig.vim.down("media-relay-a");
    await until("an open record", async () => (await rig.failovers())[0]?.state === "open");
    expect(rig.vim.boundTo("traffic_net0")).toBe("data_net0");
    await until("VIM_UNREACHABLE", async () => (await rig.alarms()).includes("VIM_UNREACHABLE"));
    rig.vim.intercept = () => true;
    await rig.vim.start();
    await until("moved", () => rig.vim.boundTo("traffic_net0") === "data_net1");
    await until("closed", async () => (await rig.failovers())[0]?.state === "closed");
    expect(await rig.failovers()).toHaveLength(1);
    expect(await rig.alarms()).not.toContain("VIM_UNREACHABLE");
  });

  test("the stream is cut: what happened meanwhile is acted on when it is open again, and only once", async () => {
    await using rig = await Rig.start();
    await rig.deploy();
    rig.vim.cutStreams();
    rig.vim.down("media-relay-a"); // Nobody listens.
    await until("moved", () => rig.vim.boundTo("traffic_net0") === "data_net1");
    await until("closed", async () => (await rig.failovers())[0]?.state === "closed");
    await settle(600);
    expect(await rig.failovers()).toHaveLength(1);
    expect(rig.vim.asked.filter((x) => x.startsWith("PUT networks/id-traffic_net0/id-data_net1"))).toHaveLength(1);
    expect((await rig.events()).filter((e) => e.type === "health.changed" && e.to.state === "down")).toHaveLength(1);
  });
});

describe("the MANO is restarted", () => {
  test("the VIM moved a net and died before it could tell: the record is made from what the next pass finds", async () => {
    await using rig = await Rig.start();
    await rig.deploy();
    rig.vim.nets.get("id-traffic_net0")!.bind_net = "id-data_net1";
    const found = async () => (await rig.failovers()).find((f) => f.kind === "failover");
    await until("closed", async () => (await found())?.state === "closed");
    // Its normal member is up all the time, so traffic goes back at once.
    expect((await found())?.because).toEqual([
      "found: traffic_net0 is led otherwise than the last record says",
      "overtaken: traffic is led otherwise by now, and that is right",
    ]);
  });

  test("nothing is touched when all is right", async () => {
    await using rig = await Rig.start();
    await rig.deploy();
    await rig.stopMano();
    const before = rig.vim.asked.length;
    await rig.startMano();
    await until("seen", async () => (await rig.ns()).vnfcs.every((v) => v.health?.state === "up"));
    await settle(300);
    expect(rig.vim.asked.slice(before)).toEqual([]);
    expect(await rig.failovers()).toEqual([]);
  });

  test("a member failed while it was away: one record, mode restart", async () => {
    await using rig = await Rig.start();
    await rig.deploy();
    await rig.stopMano();
    rig.vim.down("media-relay-a");
    await rig.startMano();
    await until("moved", () => rig.vim.boundTo("traffic_net0") === "data_net1");
    await until("closed", async () => (await rig.failovers())[0]?.state === "closed");
    expect(await rig.failovers()).toMatchObject([{ mode: "restart", kind: "failover" }]);
  });

  test("it died between the move and the record: the record is made from what is found", async () => {
    await using rig = await Rig.start();
    await rig.deploy();
    await rig.stopMano();
    rig.vim.down("media-relay-a");
    rig.vim.nets.get("id-traffic_net0")!.bind_net = "id-data_net1";
    await rig.startMano();
    const [found] = await until("a record", async () => ((await rig.failovers()).length > 0 ? rig.failovers() : null));
    expect(found).toMatchObject({ mode: "restart", kind: "failover", state: "closed" });
    expect(rig.vim.asked.filter((x) => x.startsWith("PUT networks/id-traffic_net0/id-data_net1"))).toEqual([]);
  });
});

test("poll: the dissertation's reference mode, with its requests in its order", async () => {
  await using rig = await Rig.start({ mode: "poll", pollIntervalMs: 200 });
  await rig.deploy();
  rig.vim.down("media-relay-a");
  await until("moved", () => rig.vim.boundTo("traffic_net0") === "data_net1");
  await until("closed", async () => (await rig.failovers())[0]?.state === "closed");
  const [record] = await rig.failovers();
  expect(record).toMatchObject({ mode: "poll", kind: "failover" });
  expect(record!.times.seen).toHaveProperty("poll");
  const after = rig.vim.asked.slice(rig.vim.asked.indexOf("PUT networks/id-traffic_net0/id-data_net1"));
  expect(after.slice(0, 3)).toEqual([
    "PUT networks/id-traffic_net0/id-data_net1",
    "DELETE networks/clear/openflow",
    "PUT networks/all/openflow",
  ]);
});
