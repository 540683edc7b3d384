import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { hungDiskOf } from "../../src/hosts/hung-disk.ts";
import { disksOf } from "../../src/hosts/qemu-process.ts";
import { readWaiting } from "../../src/hosts/thread-times.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { Evidence } from "../../src/model/evidence.ts";
import { ArmedRig } from "./armed-rig.ts";
import { until } from "./rig.ts";

/** Who has called vfork waits in state D until the child is gone, as a thread does whose disk does not answer. The child says that it has begun. */
const WAITS = "import ctypes, os, time\nctypes.CDLL(None).vfork() or (os.write(1, b'.'), time.sleep(600))";
const DISK = "/proc/version"; // It is on a storage of its own: /proc.

test("a process that waits in the kernel all the time waits for the storage of its disks; one that sleeps waits for none", async () => {
  const waits = spawn("python3", ["-c", WAITS], { detached: true, stdio: ["ignore", "pipe", "ignore"] });
  const sleeps = spawn("sleep", ["600"], { stdio: "ignore" });
  const looks: number[] = [];
  const quick: Clock = { ...systemClock, sleep: async (ms) => void looks.push(ms) };
  try {
    await once(waits.stdout!, "data"); // Before that it waits for its own files now and then, and runs in between.
    await until("it waits", () => readWaiting(waits.pid!).size > 0);
    await until("it has waited all the time", async () => (await hungDiskOf({ pid: waits.pid!, disks: [DISK] }, quick)) !== null);
    expect(await hungDiskOf({ pid: waits.pid!, disks: [DISK] }, quick)).toEqual({
      storage: "/proc",
      why: "1 of its threads wait for a disk that does not answer",
    });
    expect(new Set(looks)).toEqual(new Set([2_000]));
    expect(await hungDiskOf({ pid: waits.pid!, disks: [DISK, "/nowhere/else"] }, quick)).toBe(null); // Which of the two, nobody can tell.
    expect(await hungDiskOf({ pid: sleeps.pid!, disks: [DISK] }, quick)).toBe(null);
  } finally {
    process.kill(-waits.pid!, "SIGKILL");
    sleeps.kill("SIGKILL");
  }
});

test("the disks of a QEMU, by its command line", () => {
  const file = '{"driver":"file","filename":"/srv/a.qcow2","node-name":"libvirt-1-storage"}';
  const args = ["qemu", "-blockdev", file, "-blockdev", '{"driver":"qcow2","file":"libvirt-1-storage"}', "-device", "x"];
  expect(disksOf(args)).toEqual(["/srv/a.qcow2"]);
});

test("the silence of a server that waits for a disk is told once more, with its storage; that of another is not", async () => {
  await using rig = await ArmedRig.start();
  await rig.vim.protections.arm(rig.armed());
  const asked: string[] = [];
  rig.vim.diskLooks.set(rig.a.hostId, async (id) => {
    asked.push(id);
    return id === rig.a.id ? { storage: "/srv/vms", why: "its threads wait" } : null;
  });
  const silences = (of: string): Evidence[] =>
    rig.events.flatMap((e) =>
      e.type === "evidence" && e.evidence.says === "silent" && e.evidence.about.id === of ? [e.evidence] : [],
    );
  rig.port(rig.a, "silent", "probe");
  const port = rig.portOf(rig.a).id;
  await until("told with its storage", () => silences(port).length === 2);
  expect(silences(port).map((s) => [s.storage, s.detail])).toEqual([
    [undefined, undefined],
    ["/srv/vms", "its threads wait"],
  ]);
  rig.port(rig.b, "silent", "probe");
  await until("looked at", () => asked.includes(rig.b.id));
  await sleep(20); // What would be told, would be told in the next turn.
  expect(silences(rig.portOf(rig.b).id).map((s) => s.storage)).toEqual([undefined]);
});
