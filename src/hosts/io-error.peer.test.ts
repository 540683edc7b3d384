import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestHost, type TestHost } from "../../test/harness/libvirt.ts";
import { ensureStorageGuest, STORAGE_GUEST_CMDLINE } from "../../test/harness/storage-guest.ts";
import { systemClock as clock } from "../lib/clock.ts";
import { silent as log } from "../lib/log.ts";
import type { Evidence } from "../model/evidence.ts";
import type { ServerId } from "../model/ids.ts";
import { type HostEvent, openHost } from "./host.ts";

/* A guest that writes to a disk on a storage that is full, on a real QEMU. */
const dir = mkdtempSync(join(tmpdir(), "sempre-full-"));
const undo = new AsyncDisposableStack();
let peer: TestHost;

beforeAll(async () => {
  undo.defer(() => rmSync(dir, { recursive: true }));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", dir]); // Before the host, so that it is there in its namespace.
  undo.defer(() => void execFileSync("umount", ["--lazy", dir]));
  execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", join(dir, "disk.qcow2"), "8M"]);
  try {
    writeFileSync(join(dir, "filler"), Buffer.alloc(2 ** 20));
  } catch (e) {
    expect(e).toMatchObject({ code: "ENOSPC" });
  }
  peer = undo.use(await startTestHost());
});
afterAll(() => undo.disposeAsync());

test("it is paused, and told on which storage its disk is; a host that is opened later learns it too", async () => {
  const { kernel, initrd } = await ensureStorageGuest();
  const disk = { path: join(dir, "disk.qcow2"), format: "qcow2", bus: "virtio", device: "disk" } as const;
  const bare = await peer.spec("full");
  const spec = { ...bare, memoryMiB: 80, kernel, initrd, cmdline: STORAGE_GUEST_CMDLINE, disks: [disk] };
  const id = spec.uuid as ServerId;
  const open = async () => {
    const host = await openHost({ socketPath: peer.libvirt.socketPath, clock, log, processExit: null });
    const heard: Evidence[] = [];
    host.on((e) => e.type === "evidence" && heard.push(e.evidence));
    const disks: Extract<HostEvent, { type: "ioError" }>[] = [];
    host.on((e) => e.type === "ioError" && disks.push(e));
    const storage = async () => {
      for (const start = clock.now(); !heard.some((e) => e.storage !== undefined); await delay(20))
        if (clock.now() - start > 120_000) throw new Error(`no storage was told: ${JSON.stringify(heard)}`);
      return heard.find((e) => e.storage !== undefined);
    };
    return { host, heard, disks, storage };
  };
  const first = await open();
  await first.host.ensureRunning(spec);
  expect(await first.storage()).toMatchObject({
    about: { kind: "server", id },
    says: "paused",
    source: "qmp",
    storage: dir,
    detail: `no space is left for ${disk.path}`,
  });
  expect(first.heard.some((e) => e.says === "paused" && e.storage === undefined)).toBe(true); // The pause itself waits for no question.
  const why = `an I/O error of ${disk.path} (enospc)`; // libvirt tells it too, as it does of errors that stop nobody.
  await expect.poll(() => first.disks, { timeout: 30_000 }).toContainEqual(expect.objectContaining({ id, storage: dir, why }));
  expect(await first.host.domains()).toMatchObject([{ id, state: "paused" }]);
  await first.host[Symbol.asyncDispose]();

  const second = await open();
  expect(await second.storage()).toMatchObject({ says: "paused", storage: dir });
  await second.host.ensureGone(id);
  await second.host[Symbol.asyncDispose]();
});
