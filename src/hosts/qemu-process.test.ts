import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { afterEach, expect, test } from "vitest";
import { findQemu, killQemu } from "./qemu-process.ts";

const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
});

/** A process that carries the UUID as libvirt gives it to a QEMU. */
async function runsAs(uuid: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)", "--", "-uuid", uuid], { stdio: "ignore" });
  running.push(child);
  await once(child, "spawn");
  return child;
}

test("a QEMU is found by its UUID, and killed", async () => {
  const uuid = randomUUID();
  const child = await runsAs(uuid);
  expect((await findQemu(uuid))?.pid).toBe(child.pid);
  const ended = once(child, "exit");
  await killQemu(uuid, [], new AbortController().signal);
  expect(await ended).toEqual([null, "SIGKILL"]);
  expect(await findQemu(uuid)).toBeNull();
});

test("the life before it ended by itself while we looked: the new one is left alone", async () => {
  const uuid = randomUUID();
  const child = await runsAs(uuid);
  const hasEnded = new AbortController();
  const killed = killQemu(uuid, [], hasEnded.signal);
  hasEnded.abort();
  await killed;
  expect([child.exitCode, child.signalCode]).toEqual([null, null]);
  expect((await findQemu(uuid))?.pid).toBe(child.pid);
});
