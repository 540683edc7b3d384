import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findQemu } from "../../src/hosts/qemu-process.ts";
import { ensureStorageGuest, LISTENS, STORAGE_GUEST_CMDLINE } from "../harness/storage-guest.ts";
import { type Ask, client, type Daemon, nowMs, type Rig, startDaemon, startRig, until } from "./rig.ts";

/* Deletions of servers whose guests really run, and do or do not hear their power button. The time alone: guest-end.test.ts. */
let rig: Rig;
let daemon: Daemon;
let ask: Ask;
let tenant: string;
let flavorRef: string;
let imageRef: string;
/** The rig's OpenFlow port stays with it: a VIM that starts again is the same one. */
const start = async () => {
  daemon = await startDaemon(rig.config(0));
  ask = client(daemon.port);
};

beforeAll(async () => {
  const guest = await ensureStorageGuest();
  rig = await startRig();
  await start();
  tenant = (await ask("GET", "/tenants?name=default")).body.tenants[0].id;
  const path = join(rig.dir, "disk.img");
  writeFileSync(path, Buffer.alloc(1024 * 1024));
  const metadata = { kernel: guest.kernel, initrd: guest.initrd, cmdline: STORAGE_GUEST_CMDLINE };
  imageRef = (await ask("POST", `/${tenant}/images`, { image: { name: "i", path, metadata } })).body.image.id;
  flavorRef = (await ask("POST", `/${tenant}/flavors`, { flavor: { name: "f", ram: 96, vcpus: 1 } })).body.flavor.id;
});
afterAll(async () => {
  await daemon?.kill("SIGKILL");
  await rig?.[Symbol.asyncDispose]();
});

/** One that is up. */
async function booted(kernel_cmdline?: string): Promise<string> {
  const asked = { name: "s", flavorRef, imageRef, networks: [], kernel_cmdline };
  const { id } = (await ask("POST", `/${tenant}/servers`, { server: asked })).body.server;
  const log = join(rig.hosts[0]!.dir, `${id}.console.log`);
  await until("its guest is up", () => existsSync(log) && readFileSync(log, "latin1").includes("guest: ready"));
  return id;
}
const isThere = async (id: string) => (await findQemu(id)) !== null;
const deleted = async (id: string, query = "") => {
  expect(await ask("DELETE", `/${tenant}/servers/${id}${query}`)).toMatchObject({ status: 200 });
  expect((await ask("GET", `/${tenant}/servers/${id}`)).status).toBe(404);
  const atMs = nowMs();
  return async () => {
    await until("its QEMU is gone", async () => !(await isThere(id)));
    return nowMs() - atMs;
  };
};

test("a guest that hears its power button ends itself, and its QEMU with it", async () => {
  const id = await booted(LISTENS);
  const gone = await deleted(id);
  expect(await gone()).toBeLessThan(8_000);
});

test("one that does not is switched off after ten seconds, which a VIM that is killed meanwhile gives it anew; one that is forced has none", async () => {
  const [deaf, forced] = await Promise.all([booted(), booted()]);
  expect((await ask("DELETE", `/${tenant}/servers/${forced}?force=1`)).status).toBe(400);
  const gone = await deleted(forced, "?force=true");
  expect(await gone()).toBeLessThan(5_000);
  await deleted(deaf);
  await sleep(3_000);
  expect(await isThere(deaf)).toBe(true);
  await daemon.kill("SIGKILL");
  const beganMs = nowMs();
  await start();
  await until("its QEMU is gone", async () => !(await isThere(deaf)));
  expect(nowMs() - beganMs).toBeGreaterThan(9_500);
});
