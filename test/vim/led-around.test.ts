import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import type { HostId, ServerId } from "../../src/model/ids.ts";
import { Compute, type ComputeHost, type Disks, type Plugs } from "../../src/vim/compute.ts";
import { ArmedRig } from "./armed-rig.ts";
import { until } from "./rig.ts";

let rig: ArmedRig;
beforeEach(async () => {
  rig = await ArmedRig.start();
});
afterEach(() => rig[Symbol.asyncDispose]());

test("a member to which nothing is bound is led around when what stood armed for it has left the switch, and not before", async () => {
  const isLedAround = () => rig.vim.protections.isLedAround(rig.b.id);
  const standsIn = rig.armed();
  await rig.vim.protections.arm(standsIn);
  expect(isLedAround()).toBe(true); // It serves: whoever pauses it knows that.
  await rig.vim.binds.changeBind(rig.nets.traffic1!.id, null);
  await until("the stand-ins are written", () => isLedAround());
  await rig.vim.protections.arm(rig.armed({ revision: 2, plans: [] }));
  expect(isLedAround()).toBe(false); // Disarmed here; the switch still has it.
  await until("the switch has it no more", () => isLedAround());
  rig.vim.fabric.disconnected(rig.vim.fabric.session!.datapath);
  expect(isLedAround()).toBe(false); // Nobody knows what the switch does.
  await rig.vim.protections.disarm(standsIn.id);
  expect(isLedAround()).toBe(true); // Nobody's member: as any server.
});

test("a pause waits until the server is led around; a later wish does not wait for it", async () => {
  const { vim, b } = rig;
  const asked: string[] = [];
  let isLedAround = false;
  const host = {
    pause: async () => void asked.push("pause"),
    resume: async () => void asked.push("resume"),
    domains: async () => [],
  } as Partial<ComputeHost> as ComputeHost;
  const compute = new Compute({
    hostId: b.hostId as HostId,
    picture: vim.picture,
    facts: vim.facts,
    host,
    plugs: {} as Plugs,
    disks: {} as Disks,
    place: { runDir: "/run", accel: "kvm" },
    clock: systemClock,
    log: silent,
    wake: () => {},
    isLedAround: (id: ServerId) => id !== b.id || isLedAround,
  });
  const turn = () => new Promise((r) => setTimeout(r, 100));
  await vim.servers.act(b.id, "pause");
  await compute.pass();
  await turn();
  expect(asked).toEqual([]);
  isLedAround = true;
  await compute.idle();
  expect([asked, vim.picture.servers.get(b.id)?.status]).toEqual([["pause"], "PAUSED"]);

  vim.facts.setServer(b.id, { status: "ACTIVE" });
  isLedAround = false;
  await vim.servers.act(b.id, "pause");
  await compute.pass();
  await vim.servers.act(b.id, "resume"); // It is needed after all.
  await compute.idle();
  await compute.pass();
  await compute.idle();
  expect(asked).toEqual(["pause", "resume"]);
});
