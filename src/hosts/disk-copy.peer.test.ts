import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestHost, type TestHost } from "../../test/harness/libvirt.ts";
import { systemClock as clock } from "../lib/clock.ts";
import { silent as log } from "../lib/log.ts";
import { copyRunningDisk } from "./disk-copy.ts";
import { domainXml } from "./domain-xml.ts";
import { connectLibvirt, type LibvirtSession } from "./libvirt.ts";

/* The disk of a server that runs is copied by libvirt, on a real one. */
const MIB = 2 ** 20;
const dir = mkdtempSync(join(tmpdir(), "sempre-copy-"));
const content = randomBytes(8 * MIB);
let peer: TestHost;
let libvirt: LibvirtSession;
let from: { uuid: string; dev: string };

beforeAll(async () => {
  peer = await startTestHost();
  libvirt = await connectLibvirt({ socketPath: peer.libvirt.socketPath, clock, log });
  writeFileSync(join(dir, "base.raw"), content);
  execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", "-b", join(dir, "base.raw"), "-F", "raw", join(dir, "layer.qcow2")]);
  const bare = await peer.spec("copied");
  const disk = { path: join(dir, "layer.qcow2"), format: "qcow2", bus: "virtio", device: "disk" } as const;
  await libvirt.define(domainXml({ ...bare, disks: [disk] }));
  from = { uuid: bare.uuid, dev: "vda" };
});
afterAll(async () => {
  libvirt?.close();
  await peer?.[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});

const contentOf = (file: string) => {
  execFileSync("qemu-img", ["convert", "-U", "-f", "qcow2", "-O", "raw", file, join(dir, "flat")]);
  return readFileSync(join(dir, "flat"));
};

test("of a server that is off there is nothing to copy so", async () => {
  expect(await libvirt.backupXml(from.uuid)).toBeNull();
  await expect(copyRunningDisk(libvirt, clock, from, join(dir, "off.qcow2"), {})).rejects.toMatchObject({ code: "HOST_REFUSED" });
});

test("whole, alone, and the server runs on, whatever a copy that gave way has left there", async () => {
  await libvirt.start(from.uuid);
  const to = join(dir, "copy.qcow2");
  writeFileSync(to, "half of a copy");
  await copyRunningDisk(libvirt, clock, from, to, {});
  expect(execFileSync("qemu-img", ["info", "-U", to], { encoding: "utf8" })).not.toContain("backing");
  expect(contentOf(to).equals(content)).toBe(true);
  expect(await libvirt.state(from.uuid)).toBe("running");
  expect(await libvirt.backupXml(from.uuid)).toBeNull();
});

test("one that was ended, or left running by an earlier daemon, is in nobody's way", async () => {
  const end = AbortSignal.abort(new Error("enough"));
  const ended = copyRunningDisk(libvirt, clock, from, join(dir, "ended.qcow2"), { signal: end });
  await ended.catch((e: unknown) => expect(e).toMatchObject({ code: "STOPPED" })); // Unless it was whole at once.
  expect(await libvirt.backupXml(from.uuid)).toBeNull();
  const again = join(dir, "again.qcow2");
  await copyRunningDisk(libvirt, clock, from, again, {});
  expect(contentOf(again).equals(content)).toBe(true);
});

test("the server ends in the middle, or never had such a disk: it is said", async () => {
  await expect(copyRunningDisk(libvirt, clock, { ...from, dev: "vdz" }, join(dir, "z.qcow2"), {})).rejects.toMatchObject({
    code: "HOST_REFUSED",
  });
  await libvirt.destroy(from.uuid);
});
