import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findQemu } from "../../src/hosts/qemu-process.ts";
import { ensureStorageGuest, LAST_WORDS, LISTENS, STORAGE_GUEST_CMDLINE } from "../harness/storage-guest.ts";
import { type Ask, client, type Daemon, type Rig, startDaemon, startRig, until } from "./rig.ts";

/*
 * Every action of OpenVIM on a guest that really runs: what becomes of its QEMU, of its memory and of its disk. One story, in order.
 * The reply to each but createImage is the original's, "deleting in process".
 */
let rig: Rig;
let daemon: Daemon;
let ask: Ask;
let tenant: string;
let server: string;
let net: { id: string; "provider:vlan": number };

beforeAll(async () => {
  const guest = await ensureStorageGuest();
  rig = await startRig();
  daemon = await startDaemon(rig.config(0));
  ask = client(daemon.port);
  tenant = (await ask("GET", "/tenants?name=default")).body.tenants[0].id;
  const path = join(rig.dir, "disk.img");
  writeFileSync(path, Buffer.alloc(1024 * 1024));
  const metadata = { kernel: guest.kernel, initrd: guest.initrd, cmdline: STORAGE_GUEST_CMDLINE };
  const imageRef = (await ask("POST", `/${tenant}/images`, { image: { name: "i", path, metadata } })).body.image.id;
  const flavorRef = (await ask("POST", `/${tenant}/flavors`, { flavor: { name: "f", ram: 96, vcpus: 1 } })).body.flavor.id;
  net = (await ask("POST", "/networks", { network: { name: "man" } })).body.network;
  const networks = [{ name: "eth0", uuid: net.id, type: "virtual" }];
  const asked = { name: "s", flavorRef, imageRef, networks, start: "no", kernel_cmdline: LISTENS };
  const made = await ask("POST", `/${tenant}/servers`, { server: asked });
  server = made.body.server.id;
});
afterAll(async () => {
  await daemon?.kill("SIGKILL");
  await rig?.[Symbol.asyncDispose]();
});

// biome-ignore lint/suspicious/noExplicitAny: as `Answer.body`
const see = async (): Promise<any> => (await ask("GET", `/${tenant}/servers/${server}`)).body.server;
const act = async (action: object) => (await ask("POST", `/${tenant}/servers/${server}/action`, action)).body;
const does = async (action: object) => expect(await act(action)).toEqual({ result: "deleting in process" });
const statusIs = (wanted: string) =>
  until(`the server is ${wanted}`, async () => {
    const { status, last_error } = await see();
    if (status === "ERROR" && wanted !== "ERROR") throw new Error(last_error);
    return status === wanted;
  });
const pidOf = async () => (await findQemu(server))?.pid ?? null;
const log = () => readFileSync(join(rig.hosts[0]!.dir, `${server}.console.log`), "latin1");
/** The guest says when it is up, in the log that begins anew with each life. */
const boots = () => until("the guest is up", () => log().includes("guest: ready"));

test("one that was not to start is off, and starts", async () => {
  expect([(await see()).status, await pidOf()]).toEqual(["INACTIVE", null]);
  await does({ start: null });
  await statusIs("ACTIVE");
  await boots();
});

test("pause and resume keep its memory; start of one that is paused is a resume, as in OpenVIM", async () => {
  const pid = await pidOf();
  for (const goOn of [{ resume: null }, { start: null }]) {
    await does({ pause: null });
    await statusIs("PAUSED");
    await does(goOn);
    await statusIs("ACTIVE");
  }
  expect(await pidOf()).toBe(pid);
});

test.each(["shutdown", "shutoff"])("%s asks the guest, which ends itself", async (action) => {
  await does({ [action]: null });
  await statusIs("INACTIVE");
  await does({ start: null });
  await statusIs("ACTIVE");
  await boots();
  expect(log()).toContain(`guest: last ${LAST_WORDS}`);
});

test.each([
  ["asks the guest first", null, LAST_WORDS],
  ["with type HARD does not", { type: "HARD" }, ""],
])("reboot is a new life on the same disk; it %s", async (_, reboot, last) => {
  const pid = await pidOf();
  await does({ reboot });
  await until("another QEMU runs", async () => ![null, pid].includes(await pidOf()));
  await statusIs("ACTIVE");
  await boots();
  expect(log()).toContain("guest: found written by the guest");
  expect(/guest: last (.*?)\r?$/m.exec(log())?.[1]).toBe(last);
});

test("forceOff ends it at once; what makes no sense then changes nothing, and says so", async () => {
  await does({ forceOff: null });
  await statusIs("INACTIVE"); // QEMU may say so itself, on its way out.
  await until("its QEMU is gone", async () => (await pidOf()) === null);
  await does({ pause: null });
  await until("it is told", async () => ((await see()).last_error ?? "").startsWith("pause: "));
  expect((await see()).status).toBe("INACTIVE");
});

test("createImage copies its disk; rebuild and start:rebuild are new lives (what is on their disks: images.test.ts)", async () => {
  const { image } = await act({ createImage: { name: "copy" } });
  const status = async () => (await ask("GET", `/${tenant}/images/${image.id}`)).body.image.status;
  await until("the image is made", async () => (await status()) === "ACTIVE");
  let pid = await pidOf();
  for (const anew of [{ rebuild: null }, { start: "rebuild" }]) {
    await does(anew);
    await until("another QEMU runs", async () => ![null, pid].includes(await pidOf()));
    await statusIs("ACTIVE");
    pid = await pidOf();
  }
});

test("terminate is a deletion, at once for its owner; with the network its bridge goes", async () => {
  await boots();
  const bridge = () => rig.ovs.inside("ip", "-o", "link", "show", "type", "bridge");
  expect(await bridge()).toContain(` ovim-${net["provider:vlan"]}:`);
  await does({ terminate: null });
  expect((await ask("GET", `/${tenant}/servers/${server}`)).status).toBe(404);
  await until("its QEMU is gone", async () => (await pidOf()) === null);
  expect((await ask("DELETE", `/networks/${net.id}`)).status).toBe(200);
  await until("its bridge is gone", async () => !(await bridge()).includes("ovim-"));
});
