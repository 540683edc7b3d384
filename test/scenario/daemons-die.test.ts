import { join } from "node:path";
import { expect, test } from "vitest";
import { runOnce } from "../../src/lab/experiment.ts";
import { ensureGuestImage } from "../../src/lab/image.ts";
import { type RunningLab, startLab } from "../../src/lab/lab.ts";

const ROOT = join(import.meta.dirname, "../..");
const kill = (pid: number | null) => process.kill(pid as number, "SIGKILL");

/** Who is killed, and when: one lab for all, because guests take seconds to boot. */
const STORIES: readonly {
  readonly what: string;
  readonly victim: (lab: RunningLab) => void;
  readonly when: "before" | "after";
}[] = [
  { what: "the MANO right before the fault", victim: (lab) => kill(lab.daemons.mano.pid), when: "before" },
  { what: "the MANO right after the fault", victim: (lab) => kill(lab.daemons.mano.pid), when: "after" },
  { what: "the VIM right before the fault", victim: (lab) => kill(lab.daemons.vim.pid), when: "before" },
  { what: "the VIM right after the fault", victim: (lab) => kill(lab.daemons.vim.pid), when: "after" },
  { what: "libvirtd right before the fault", victim: (lab) => lab.libvirt.killLibvirtd(), when: "before" },
  { what: "the switch right after the fault", victim: (lab) => kill(lab.ovs.switchPid), when: "after" },
];

test("whoever is killed beside VNFC A, viewer A is served by B, and all is as it was in the end", {
  timeout: 300_000,
}, async () => {
  const image = await ensureGuestImage(join(ROOT, ".cache", "guest"));
  await using lab = await startLab({
    root: ROOT,
    runFolder: join(ROOT, "var", "test", String(process.pid)),
    image,
    scheme: "active-active",
    openflow: "1.3",
    mode: "push",
    pollIntervalMs: 1000,
    pps: 250,
    video: false,
    progress: () => {},
  });
  for (const { what, victim, when } of STORIES) {
    const also = () => victim(lab);
    const run = await runOnce(lab, { fault: "kill", mode: "push", scheme: "ACTIVE_ACTIVE", onMoment: () => {}, [when]: also });
    expect.soft({ what, verified: run.verified, note: run.note ?? "" }).toEqual({ what, verified: true, note: "" });
  }
});
