import { describe, expect, test } from "vitest";
import { OwnerWatch, ownedBy, ownersOf } from "../../src/lab/owners.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { NetId } from "../../src/model/ids.ts";
import { ABILITIES, type SwitchPort } from "../../src/model/switch.ts";
import { standInsOf } from "../../src/steer/stand-ins.ts";
import { wantedTable } from "../../src/steer/wanted.ts";
import { startOvs } from "../harness/ovs.ts";
import { net, port } from "../harness/table.ts";

const MEMBERS = new Map([
  ["a", "relay-a"],
  ["b", "relay-b"],
]);
const there = (down: readonly string[] = []): SwitchPort[] =>
  ["a", "b", "v0"].map((name, i) => ({ name, no: (i + 1) as never, mac: "", linkDown: down.includes(name) }));

describe("who owns a traffic net", () => {
  const nets = [net("A"), net("B"), net("T0", "A")];
  const ports = [port("A", "a", "02:00:00:00:00:64"), port("B", "b", "02:00:00:00:00:64"), port("T0", "v0", null)];
  const { table } = wantedTable(nets, ports, ABILITIES["1.3"], standInsOf(new Map([["T0" as NetId, ["B" as NetId]]])));
  const none = { entries: [], groups: [] };
  for (const [what, owners, of] of [
    ["the member it is bound to", ["relay-a"], ownersOf(table, there(), "v0", MEMBERS)],
    ["its stand-in, when its link is down", ["relay-b"], ownersOf(table, there(["a"]), "v0", MEMBERS)],
    ["its stand-in, when its port is gone", ["relay-b"], ownersOf(table, there().slice(1), "v0", MEMBERS)],
    ["nobody, when both are down", [], ownersOf(table, there(["a", "b"]), "v0", MEMBERS)],
    ["nobody, in an empty switch", [], ownersOf(none, there(), "v0", MEMBERS)],
  ] as const) {
    test(what, () => expect(of).toEqual(owners));
  }
});

test("looks are counted by how many owned it; times in which the switch was away are no looks", () => {
  const looks = [["a"], ["a"], null, [], ["a", "b"], ["b"]].map((members, i) => ({ at: i * 10, members }));
  expect(ownedBy(looks)).toEqual({ samples: 5, nobody: 1, one: 3, several: 1, longestGapMs: 20 });
  expect(ownedBy([])).toEqual({ samples: 0, nobody: 0, one: 0, several: 0, longestGapMs: 0 });
});

test("a real switch is read without its lead being taken, while it changes and while it is away", async () => {
  await using ovs = await startOvs({ datapathType: "dummy", ports: ["a", "b", "v0"], protocols: ["OpenFlow13"] });
  await ovs.appctl("netdev-dummy/set-admin-state", "up");
  const leads = (from: number) =>
    ovs.ofctl("add-flow", ovs.management, `cookie=0x534d505200000001,in_port=${from},actions=output:3`);
  await leads(1);
  await using watch = new OwnerWatch(ovs.management.replace("unix:", ""), "v0", MEMBERS);
  const until = async (fits: (owned: ReturnType<typeof watch.between>) => boolean) => {
    const from = systemClock.now();
    for (;;) {
      const owned = watch.between(from, systemClock.now());
      if (fits(owned)) return owned;
      if (systemClock.now() - from > 60_000) throw new Error(JSON.stringify(owned));
      await systemClock.sleep(10);
    }
  };
  await until((o) => o.one > 2 && o.one === o.samples);
  await leads(2);
  await until((o) => o.several > 2);
  await ovs.stop();
  const away = systemClock.now();
  await systemClock.sleep(100);
  expect(watch.between(away + 50, systemClock.now()).samples).toBe(0);
  await ovs.restart();
  await until((o) => o.nobody > 2);
});
