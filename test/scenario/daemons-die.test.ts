import { expect, test } from "vitest";
import { runOnce } from "../../src/lab/experiment.ts";
import type { RunningLab } from "../../src/lab/lab.ts";
import { wholeLab } from "./whole-lab.ts";

const kill = (pid: number | null) => process.kill(pid as number, "SIGKILL");

/** Who is killed, and when: one lab for all, because guests take seconds to boot. */
const VICTIMS: Readonly<Record<string, (lab: RunningLab) => void>> = {
  "the MANO": (lab) => kill(lab.daemons.mano.pid),
  "the VIM": (lab) => kill(lab.daemons.vim.pid),
  libvirtd: (lab) => lab.libvirt.killLibvirtd(),
  "the switch": (lab) => kill(lab.ovs.switchPid),
};
const STORIES = Object.entries(VICTIMS).flatMap(([name, victim]) =>
  (["before", "during", "after"] as const).map((when) => ({ what: `${name} ${when} the fault`, victim, when })),
);

test("whoever is killed beside VNFC A, and when its own interface goes down, viewer A is served by B, and all is as it was in the end", {
  timeout: 600_000,
}, async () => {
  await using lab = await wholeLab("die", { scheme: "active-active" });
  // Nobody dies, and no cable: the guest's own interface goes down, which the probe alone can find.
  const deaf = await runOnce(lab, { fault: "vnic", mode: "push", scheme: "ACTIVE_ACTIVE", onMoment: () => {} });
  expect.soft({ verified: deaf.verified, note: deaf.note ?? "" }).toEqual({ verified: true, note: "" });
  expect.soft(Object.keys(deaf.times.seen)).toContain("probe");
  for (const { what, victim, when } of STORIES) {
    const also = { when, act: () => victim(lab) };
    const run = await runOnce(lab, { fault: "kill", mode: "push", scheme: "ACTIVE_ACTIVE", onMoment: () => {}, also });
    expect.soft({ what, verified: run.verified, note: run.note ?? "" }).toEqual({ what, verified: true, note: "" });
  }
});
