import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ProtectionGroupView } from "../../src/model/group-view.ts";
import { example, Rig, until } from "./rig.ts";
import { ToyVim } from "./toy-vim.ts";

/** relay-a in VIM one, where the traffic enters; relay-b in VIM two. */
const FILE = example("media-relay-active-passive.yaml")
  .replace("wait_to_restore_ms: 2000", "wait_to_restore_ms: 200")
  .replace("    members:", "    vim_accounts: { relay-b: two }\n    members:");
const TRAFFIC = ["traffic_net0", "traffic_net1"];
const WAY = "media-to-relay-b";

let one: ToyVim;
let two: ToyVim;
let rig: Rig;
const vimOf = (name: string, { url }: ToyVim) => ({ name, url, adminUrl: url, tenant: "default" });
const LINK = {
  ends: [
    { vim: "two", switchPort: "p9" },
    { vim: "one", switchPort: "p5" },
  ],
  vlans: { first: 100, last: 101 },
};
beforeEach(async () => {
  one = await new ToyVim(["media_net", "data_net0", ...TRAFFIC]).start();
  two = await new ToyVim(["data_net1"]).start();
  rig = new Rig(one, { vims: [vimOf("one", one), vimOf("two", two)], links: [LINK] });
  await rig.startMano();
});
afterEach(async () => {
  await rig[Symbol.asyncDispose]();
  await two[Symbol.asyncDispose]();
});

async function deploy(file = FILE): Promise<string> {
  const id = await rig.create(file, { vimAccountId: "one" });
  const asked = await rig.ask("POST", `/mano/v1/ns_instances/${id}/instantiate`);
  expect(asked.body.detail ?? null).toBeNull();
  await until("a server in each", () => one.servers.size === 1 && two.servers.size === 1);
  one.up("media-relay-a");
  two.up("media-relay-b");
  await until("INSTANTIATED", async () => (await rig.ns()).state === "INSTANTIATED");
  await until("both up", async () => (await rig.ns()).vnfcs.every((v) => v.health?.state === "up"));
  await until("armed", () => armed(one)?.plans.length === 1 && armed(two) !== undefined);
  return id;
}
const armed = (vim: ToyVim) => [...vim.protections!.values()][0];
const group = async (): Promise<ProtectionGroupView> => (await rig.ask("GET", "/mano/v1/protection_groups/media-relay")).body;
const healthOf = async (name: string) => (await group()).members.find((m) => m.name === name)!.health;
/** Name of the net that the traffic is led to. */
const served = () => TRAFFIC.map((net) => one.nets.get(one.nets.get(`id-${net}`)!.bind_net ?? "")?.name);
const all = (net: string) => () => served().every((n) => n === net);
const outside = (vim: ToyVim) => [...vim.ports.values()].filter((p) => p.device_id === undefined);
const wayPort = (vim: ToyVim) => outside(vim).find((p) => p.name === "media relay-b")!;
const portOf = (vim: ToyVim, name: string) =>
  [...vim.ports.values()].find((p) => p.device_id === vim.byName(name).id && p.name === "eth1")!;

test("nets and ports are made in each VIM that needs them, joined by VLANs of the link; nothing of it is left after", async () => {
  const id = await deploy();
  expect(served()).toEqual(["data_net0", "data_net0"]);
  const ports = (vim: ToyVim) =>
    outside(vim).map((p) => [p.name, vim.nets.get(p.network_id)!.name, p["binding:switch_port"], p["binding:vlan"]]);
  expect(ports(one)).toEqual([
    ["media relay-b", WAY, "p5", 100],
    ["media media_net", "media_net", "p5", 101],
  ]);
  expect(ports(two)).toEqual([
    ["media relay-b", "data_net1", "p9", 100],
    ["media media_net", "media_net", "p9", 101],
  ]);
  expect([one.nets.has("id-media_net"), [...two.nets.values()].map((n) => n.name)]).toEqual([true, ["data_net1", "media_net"]]);
  const ns = await rig.ns();
  expect(ns.stitches.map((s) => [s.joins, s.vlan])).toEqual([
    [{ kind: "member", name: "relay-b" }, 100],
    [{ kind: "net", name: "media_net" }, 101],
  ]);

  const [here, there] = [armed(one)!, armed(two)!];
  expect(here.members.map((m) => [m.name, m.server_id === null, m.data_net])).toEqual([
    ["relay-a", false, "id-data_net0"],
    ["relay-b", true, ns.stitches[0]!.near.netId],
  ]);
  expect(here.plans.map((p) => p.moves.map((m) => m.net))).toEqual([["id-traffic_net0", "id-traffic_net1"]]);
  expect(there).toMatchObject({ plans: [], members: [{ name: "relay-b", data_net: "id-data_net1" }] });
  expect(there.members[0]!.server_id).toBe(two.byName("media-relay-b").id);

  await rig.ask("POST", `/mano/v1/ns_instances/${id}/terminate`);
  await until("gone", async () => (await rig.ns()).state === "NOT_INSTANTIATED");
  expect([one.servers.size, two.servers.size, outside(one).length, outside(two).length]).toEqual([0, 0, 0, 0]);
  expect([[...one.nets.keys()], [...two.nets.keys()]]).toEqual([
    ["id-media_net", "id-data_net0", "id-traffic_net0", "id-traffic_net1"],
    ["id-data_net1"],
  ]);
  expect([armed(one), armed(two), served()]).toEqual([undefined, undefined, [undefined, undefined]]);
});

describe("failover across VIMs", () => {
  test("the member here dies: its traffic goes the way to the other VIM; back when it has been up", async () => {
    await deploy();
    one.down("media-relay-a");
    await until("over the link", all(WAY));
    await until(
      "armed for the loss of the link",
      () => armed(one)!.plans.length === 0 || armed(one)!.plans[0]!.failed !== armed(one)!.members[0]!.id,
    );
    one.up("media-relay-a");
    await until("back", all("data_net0"));
    await until("closed", async () => (await rig.failovers()).every((f) => f.state === "closed"));
    expect(two.asked.filter((x) => x.startsWith("PUT networks"))).toEqual([]);
  });

  test("the member there dies while it serves: told by its VIM, moved in the other; it is healed where it is", async () => {
    await deploy();
    await rig.ask("POST", "/mano/v1/protection_groups/media-relay/command", { command: "manual", to: "relay-b" });
    await until("there", all(WAY));
    two.down("media-relay-b");
    await until("here", all("data_net0"));
    await until("healed there", () => two.asked.some((x) => x.endsWith("/action")));
    expect(one.asked.some((x) => x.endsWith("/action"))).toBe(false);
    expect(await rig.alarms()).toContain("REDUNDANCY_LOST");
    two.up("media-relay-b");
    await until("whole again", async () => (await rig.alarms()).length === 0);
  });

  test("a VIM that does not answer is unknown: nothing is moved, nothing fenced, nothing led there; a fact about the way moves at once", async () => {
    await deploy();
    await rig.ask("POST", "/mano/v1/protection_groups/media-relay/command", { command: "force", to: "relay-b" });
    await until("there", all(WAY));
    await two.stop();
    await until("unknown", async () => (await healthOf("relay-b")).state === "unknown");
    expect(await healthOf("relay-b")).toMatchObject({ why: expect.stringMatching(/^its VIM, two, does not answer: /) });
    await until("told", async () => (await rig.alarms()).includes("VIM_UNREACHABLE"));
    await new Promise((r) => setTimeout(r, 2_000));
    expect([served(), one.armings.filter((a) => a.includes("fence"))]).toEqual([[WAY, WAY], []]);

    one.link(wayPort(one).id, false);
    await until("here", all("data_net0"));
    expect(await healthOf("relay-b")).toMatchObject({
      state: "down",
      why: expect.stringContaining("the way to it in another VIM: port linkDown"),
    });
    one.link(wayPort(one).id, true);
    await until("unknown again", async () => (await healthOf("relay-b")).state === "unknown");
    one.down("media-relay-a");
    await new Promise((r) => setTimeout(r, 500));
    expect(served(), "nobody is known to be up").toEqual(["data_net0", "data_net0"]);
    await two.start();
    await until("there, once it is known", all(WAY));
  });

  test("silent there: fenced there before its traffic moves", async () => {
    await deploy();
    await rig.ask("POST", "/mano/v1/protection_groups/media-relay/command", { command: "manual", to: "relay-b" });
    await until("there", all(WAY));
    two.opinion(portOf(two, "media-relay-b").id, "probe", "silent");
    await until("here", all("data_net0"));
    expect(two.armings.filter((a) => a.includes("fence"))).toHaveLength(1);
    expect([portOf(two, "media-relay-b").fenced, one.armings.some((a) => a.includes("fence"))]).toEqual([true, false]);
  });

  test("nothing comes back over the way, and its VIM does not answer: the way is closed here first, and opened when it has a new life", async () => {
    await deploy();
    await rig.ask("POST", "/mano/v1/protection_groups/media-relay/command", { command: "force", to: "relay-b" });
    await until("there", all(WAY));
    await two.stop();
    await until("unknown", async () => (await healthOf("relay-b")).state === "unknown");
    one.opinion(wayPort(one).id, "traffic", "silent");
    await until("here", all("data_net0"));
    expect([wayPort(one).fenced, portOf(two, "media-relay-b").fenced ?? false]).toEqual([true, false]);
    expect(await healthOf("relay-b")).toMatchObject({ state: "down" });

    await rig.stopMano();
    await rig.startMano(); // It finds the way closed.
    await two.start();
    await until("a new life is asked for", () => two.asked.some((x) => x.endsWith("/action")));
    expect(wayPort(one).fenced).toBe(true);
    two.down("media-relay-b");
    two.up("media-relay-b");
    await until("open", () => wayPort(one).fenced === false);
    await until("up", async () => (await healthOf("relay-b")).state === "up");
  });

  test("the far end loses its light: as the near one; a port that is taken away by hand is made again", async () => {
    await deploy();
    two.link(wayPort(two).id, false);
    await until("down", async () => (await healthOf("relay-b")).state === "down");
    two.link(wayPort(two).id, true);
    await until("up", async () => (await healthOf("relay-b")).state === "up");
    one.refusesPorts = true;
    one.ports.delete(wayPort(one).id);
    await until("noticed", async () => (await healthOf("relay-b")).state === "down");
    // A refusal ends no pass: it is asked again, and what comes after it is done.
    const asked = () => one.asked.filter((x) => x === "POST ports").length;
    const before = asked();
    await until("asked again, and refused again", () => asked() > before + 1);
    expect((await rig.ask("GET", "/mano/v1/vims")).body).toMatchObject([{ reachable: true }, { reachable: true }]);
    one.refusesPorts = false;
    await until("made again", () => wayPort(one) !== undefined);
    await until("up again", async () => (await healthOf("relay-b")).state === "up");
  });
});

describe("what is refused, or fails, says why and leaves nothing", () => {
  test("two VIMs that no link joins; a VNFC or VIM that there is not; a link whose VLANs are used up", async () => {
    const made = await rig.ask("POST", "/mano/v1/descriptors", FILE);
    const nsdId = made.body.find((d: { kind: string }) => d.kind === "nsd").id;
    const create = (more: object) =>
      rig.ask("POST", "/mano/v1/ns_instances", { nsdId, nsName: "x", vimAccountId: "one", ...more });
    expect((await create({ vimAccounts: { "relay-z": "two" } })).body.detail).toContain(
      "there is no VNFC or VDU relay-z; there are: relay-a, relay-b",
    );
    expect((await create({ vimAccounts: { "relay-a": "three" } })).body.detail).toContain("there is no VIM account three");
    await rig.stopMano();
    rig.setSettings({ vims: [vimOf("one", one), vimOf("two", two)], links: [{ ...LINK, vlans: { first: 100, last: 100 } }] });
    await rig.startMano();
    const { id } = (await create({})).body;
    const full = await rig.ask("POST", `/mano/v1/ns_instances/${id}/instantiate`);
    expect(full.body.detail).toContain("no VLAN between 100 and 100 is free on the link of the VIMs one and two");
    await rig.stopMano();
    rig.setSettings({ vims: [vimOf("one", one), vimOf("two", two)] });
    await rig.startMano();
    const unlinked = await rig.ask("POST", `/mano/v1/ns_instances/${id}/instantiate`);
    expect(unlinked).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining("no link joins the VIMs one and two; the setting mano.links names them") },
    });
    expect([(await rig.ns()).state, one.asked, two.asked]).toEqual(["NOT_INSTANTIATED", [], []]);
  });

  test("one of its VIMs fails it: all of it is taken away, in the other too", async () => {
    two.nets.clear();
    two.intercept = (req) => !(req.method === "POST" && req.url!.endsWith("/servers"));
    const id = await rig.create(FILE, { vimAccountId: "one" });
    await rig.ask("POST", `/mano/v1/ns_instances/${id}/instantiate`);
    await until("it waits for VIM two", async () => one.servers.size === 1 && (await rig.ns()).state === "INSTANTIATING");
    one.nets.delete("id-traffic_net1");
    await until("failed", async () => (await rig.ns()).state === "FAILED");
    two.intercept = () => true;
    await until("nothing left", async () => (await rig.ns()).vnfcs.length === 0);
    expect([one.servers.size, two.servers.size, outside(one).length, outside(two).length, two.nets.size]).toEqual([
      0, 0, 0, 0, 0,
    ]);
    expect((await rig.ns()).detail).toContain('the VIM has 0 nets named "traffic_net1"');
  });
});
