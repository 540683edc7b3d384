import { expect, test } from "vitest";
import type { ProtectionGroupView } from "../../src/model/group-view.ts";
import { Rig, until } from "./rig.ts";
import { monoMs } from "./toy-vim.ts";

const group = async (rig: Rig): Promise<ProtectionGroupView> =>
  (await rig.ask("GET", "/mano/v1/protection_groups/media-relay")).body;
const host = (id: string, state = "up") => ({ id, name: `compute-${id}`, state });

/** The hosts of the two relays; the one of relay-a goes away with all that is on it. */
async function deployed(hosts: readonly string[]): Promise<Rig> {
  const rig = await Rig.start();
  await rig.deploy();
  rig.vim.hosts = hosts.map((id) => host(id));
  Object.assign(rig.vim.byName("media-relay-a"), { hostId: "1", host_state: "up" });
  Object.assign(rig.vim.byName("media-relay-b"), { hostId: "2", host_state: "up" });
  return rig;
}

/** As the VIM shows it: the server keeps its status, its cable has no other end. */
function hostGoes(rig: Rig): void {
  rig.vim.hosts[0]!.state = "gone";
  const a = rig.vim.byName("media-relay-a");
  a.host_state = "gone";
  const port = [...rig.vim.ports.values()].find((p) => p.device_id === a.id && p.name === "eth1")!;
  port.status = "DOWN";
  const about = { kind: "port", id: port.id as never } as const;
  rig.vim.push({ type: "evidence", evidence: { about, says: "linkDown", source: "ovsdb", seenAt: monoMs() } });
  rig.vim.push({ type: "host.status", hostId: "1" as never, status: "gone" });
}

test("a member whose host is gone is made on another one at once, and the survivor's host is the last choice", async () => {
  await using rig = await deployed(["1", "3", "2"]);
  hostGoes(rig);
  await until("b serves", () => rig.vim.boundTo("traffic_net0") === "data_net1");
  await until("moved", () => rig.vim.byName("media-relay-a").hostId === "3");
  expect((await group(rig)).heals).toMatchObject([
    { name: "relay-a", state: "underWay", tries: [{ rung: "otherHost", because: "its compute host does not answer" }] },
  ]);
  rig.vim.up("media-relay-a");
  await until("a serves again", () => rig.vim.boundTo("traffic_net0") === "data_net0");
  expect(await rig.alarms()).toEqual([]);
  expect((await rig.events()).filter((e) => e.type === "heal.ended")).toMatchObject([{ ok: true, rung: "otherHost", try: 1 }]);
  expect((await group(rig)).heals).toEqual([]);
});

test("twins that had to go on one host: an alarm says so until they are apart again", async () => {
  await using rig = await deployed(["1", "2"]);
  hostGoes(rig);
  await until("moved", () => rig.vim.byName("media-relay-a").hostId === "2");
  await until("alarm", async () => (await rig.alarms()).includes("ANTI_AFFINITY_BROKEN"));
  const alarm = (await rig.ask("GET", "/mano/v1/alarms")).body.find(
    (a: { probableCause: string }) => a.probableCause === "ANTI_AFFINITY_BROKEN",
  );
  expect(alarm.faultDetails).toEqual(["relay-a and relay-b are on one host, compute-2: its failure would take them all"]);
  rig.vim.up("media-relay-a");
  rig.vim.byName("media-relay-a").hostId = "1"; // A person has moved it.
  await until("no alarm", async () => (await rig.alarms()).length === 0);
});

test("no other host: it is said, tried again, and given up with an alarm; the host that is back begins anew", async () => {
  await using rig = await deployed(["1"]);
  hostGoes(rig);
  const refused = await until("refused", async () => (await group(rig)).heals.find((h) => h.tries[0]?.failure === "refused"));
  expect(refused).toMatchObject({
    state: "waiting",
    words: expect.stringMatching(/^try 2 of 5 in \d\.\d s$/),
    tries: [{ rung: "otherHost", outcome: expect.stringMatching(/No room at data center/) }],
  });
  const before = rig.vim.asked.length;
  rig.vim.hosts[0]!.state = "up";
  Object.assign(rig.vim.byName("media-relay-a"), { host_state: "up", status: "INACTIVE" });
  await until("started", () => rig.vim.asked.slice(before).some((x) => x.endsWith("/action")));
  expect((await group(rig)).heals[0]?.tries).toMatchObject([{ rung: "restart" }]);
});
