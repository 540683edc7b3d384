import { expect, test } from "vitest";
import { ArmedRig } from "./armed-rig.ts";
import { nowMs } from "./rig.ts";

test("a port that waits for its first answer is stale while there is no switch to ask it through; one that has answered is not", async () => {
  await using rig = await ArmedRig.start();
  const stale = () => [rig.a, rig.b].map((s) => [rig.portOf(s).status, rig.vim.facts.isStale(rig.portOf(s))]);
  for (const s of [rig.a, rig.b]) rig.vim.facts.link("portStatus", rig.portOf(s).switchPort!, true, nowMs());
  rig.vim.facts.asksAnew(rig.a.id);
  expect(stale()).toEqual([
    ["BUILD", false],
    ["ACTIVE", false],
  ]);
  rig.vim.fabric.disconnected(rig.vim.fabric.session!.datapath);
  expect(stale()).toEqual([
    ["BUILD", true],
    ["ACTIVE", false],
  ]);
});
