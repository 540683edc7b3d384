import { expect, test } from "vitest";
import type { Failover } from "../../src/model/mano-event.ts";
import { example, Rig, until } from "./rig.ts";

/** Somebody asks the VIM itself. No event tells of it: the next pass finds it. */
const byHand = (rig: Rig, method: string, path: string) => fetch(`${rig.vim.url}/${path}`, { method });

test("a machine that somebody deletes in the VIM: an alarm, traffic to the other, and it is made again", async () => {
  await using rig = await Rig.start();
  await rig.deploy();
  const a = rig.vim.byName("media-relay-a");
  await byHand(rig, "DELETE", `t/servers/${a.id}`);
  await until("traffic goes to the other", () => rig.vim.boundTo("traffic_net0") === "data_net1");
  await until("the alarm", async () => (await rig.alarms()).includes("VNFC_DOWN"));
  await until("it is made again", () => rig.vim.servers.get(a.id)?.name === "media-relay-a");
  rig.vim.up("media-relay-a");
  await until("no alarm is left", async () => (await rig.alarms()).length === 0);
  expect([...rig.vim.servers.values()].map((s) => s.name).sort()).toEqual(["media-relay-a", "media-relay-b"]);
  const [first] = (await rig.failovers()).toReversed();
  expect(first).toMatchObject({ kind: "failover", moves: [{ trafficNet: "id-traffic_net0" }] });
});

test.for([
  [true, "data_net0"],
  [false, "data_net1"],
] as const)(
  "binds that somebody changes, revertive %s: on record, and put right or left as the policy says",
  async ([revertive, at]) => {
    await using rig = await Rig.start();
    await rig.deploy(example("media-relay.yaml").replace(/revertive: \w+/, `revertive: ${revertive}`));
    await byHand(rig, "PUT", "networks/id-traffic_net0/id-data_net1"); // The other member serves as well.
    await byHand(rig, "PUT", "networks/id-traffic_net1/id-media_net"); // There nobody does.
    const nobody = () => rig.vim.boundTo("traffic_net1") === "data_net1";
    await until("what led to nobody leads to who serves it, whatever the policy", nobody);
    await until("traffic is where it belongs", () => rig.vim.boundTo("traffic_net0") === at);
    const isAll = (all: readonly Failover[]) => all.length >= (revertive ? 3 : 2) && all.every((r) => r.state === "closed");
    await until("all is on record and over", async () => isAll(await rig.failovers()));
    const records = await rig.failovers();
    const words = records.flatMap((r) => r.because).join();
    expect(words).toContain("found: traffic_net0 is led otherwise than the last record says");
    expect(words).toContain("traffic_net1 was served by nobody");
    expect(rig.vim.boundTo("traffic_net0")).toBe(at);
    expect(await rig.alarms()).toEqual([]);
  },
);
