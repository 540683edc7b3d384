import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DomainSpec } from "../../src/hosts/domain-xml.ts";
import { type Host, openHost } from "../../src/hosts/host.ts";
import { findQemu } from "../../src/hosts/qemu-process.ts";
import { deleteTap, ensureTap } from "../../src/hosts/taps.ts";
import { cpioNewc } from "../../src/lab/cpio.ts";
import {
  CONTROL_PORT,
  ensureGuestImage,
  GUEST_CACHE,
  GUEST_CMDLINE,
  GUEST_MEMORY_MIB,
  type GuestImage,
  guestCmdline,
} from "../../src/lab/image.ts";
import { systemClock as clock } from "../../src/lib/clock.ts";
import { silent as log } from "../../src/lib/log.ts";
import type { Evidence } from "../../src/model/evidence.ts";
import type { ServerId } from "../../src/model/ids.ts";
import { openStore } from "../../src/store/open.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import { BeatWatch } from "../../src/vim/beat-watch.ts";
import { onHost } from "../../src/vim/edges.ts";
import { Vim } from "../../src/vim/vim.ts";
import { startTestHost, type TestHost } from "../harness/libvirt.ts";
import { nowMs, until } from "./rig.ts";

// A real guest under a real QEMU: its agent is asked over the virtual serial port, past libvirt and past its networks.
const run = promisify(execFile);
/** A guest that is emulated on two shared cores must not look silent because it waits for one of them. */
const POLICY = { intervalMs: 500, misses: 3, of: 3 };
/** From the standstill to the verdict where nothing is late. */
const FOUND_MS = 5 * POLICY.intervalMs;
const MEDIA = { here: "10.61.0.1/24", guest: "10.61.0.11" };

let peer: TestHost;
let host: Host;
let vim: Vim;
let spec: DomainSpec;
let image: GuestImage;
let told: Evidence[] = [];
const undo = new AsyncDisposableStack();

const words = () => told.map((e) => `${e.source} ${e.says}`);
const hears = (what: string) => until(what, () => words().includes(what));
/** By a datagram, which nobody answers: it is said again until what comes of it is heard. */
const order = (word: string, outcome: string) =>
  until(outcome, async () => {
    const said = `printf ${word} >/dev/udp/${MEDIA.guest}/${CONTROL_PORT}`;
    await run("ip", ["netns", "exec", peer.netns, "bash", "-c", said]).catch(() => {}); // Nobody is there any more.
    for (let i = 0; i < 20 && !words().includes(outcome); i++) await sleep(100);
    return words().includes(outcome);
  });
const signalQemu = async (signal: NodeJS.Signals) => process.kill((await findQemu(spec.uuid))!.pid, signal);

/** A new life of the guest; nothing was told of it yet. */
async function start(more: Partial<DomainSpec> = {}): Promise<void> {
  await host.destroy(spec.uuid as ServerId).catch(() => {}); // It was never there.
  await until("off", () => vim.picture.servers.get(spec.uuid as ServerId)!.status !== "ACTIVE");
  told = [];
  await host.ensureRunning({ ...spec, ...more });
  vim.facts.setServer(spec.uuid as ServerId, { status: "ACTIVE", task: null });
}

beforeAll(async () => {
  image = await ensureGuestImage(resolve(GUEST_CACHE));
  peer = undo.use(await startTestHost());
  host = undo.use(await openHost({ socketPath: peer.libvirt.socketPath, clock, log, processExit: null }));
  await ensureTap("media", { netns: peer.netns });
  undo.defer(() => deleteTap("media", { netns: peer.netns }));
  for (const args of [
    ["addr", "add", MEDIA.here, "dev", "media"],
    ["link", "set", "media", "up"],
  ])
    await run("ip", ["-n", peer.netns, ...args]);
  const bare = await peer.spec("guest");
  const settings = { mediaGroup: "239.5.0.4", mediaPort: 5004, markerPort: 6001, serviceMac: "02:00:5e:00:01:64" };
  spec = {
    ...bare,
    memoryMiB: GUEST_MEMORY_MIB,
    kernel: image.kernel,
    initrd: image.initrd,
    cmdline: guestCmdline({ mediaIp: `${MEDIA.guest}/24`, serviceIp: "10.0.0.100/24", ...settings }),
    vnics: [{ mac: "02:00:00:00:01:01", tap: "media" }, ...bare.vnics],
    agentSocket: join(peer.libvirt.dir, "guest.qga"),
  };
  const db = undo.adopt(
    await openStore<VimDb>({ path: ":memory:", migrationsDir: join(import.meta.dirname, "../../sql/vim") }),
    (store) => store.destroy(),
  );
  vim = await Vim.open({ db, clock, log, vlanRange: { first: 3000, last: 3099 } });
  undo.defer(() => vim.events.flush());
  const { id: hostId } = await vim.inventory.localHost();
  await aServer();
  vim.events.subscribe((e) => e.type === "evidence" && told.push(e.evidence));
  undo.defer(host.on(onHost(vim, hostId)));
  const target = { serverId: spec.uuid as ServerId, hostId, policy: POLICY };
  const targets = () => (vim.picture.servers.get(target.serverId)!.status === "ACTIVE" ? [target] : []);
  const ask = (_: unknown, request: number) => host.askGuest(target.serverId, request);
  const watch = new BeatWatch({ facts: vim.facts, events: vim.events, clock, log }, targets, ask);
  undo.defer(host.on((e) => e.type === "guest" && watch.heard(e)));
  const ended = new AbortController();
  const running = watch.run(ended.signal);
  undo.defer(async () => {
    ended.abort();
    await running;
  });
});
afterAll(() => undo.disposeAsync());

async function aServer(): Promise<void> {
  const tenant = await vim.catalogue.createTenant({ name: "t" });
  const img = await vim.catalogue.createImage({ name: "i", path: image.initrd });
  const flavor = await vim.catalogue.createFlavor({ name: "f", memoryMiB: 1, vcpus: 1 });
  const net = await vim.nets.createNet({ name: "n", kind: "data" });
  const vnics = [{ netId: net.id, name: "eth0" }];
  const ids = { id: spec.uuid as ServerId, tenantId: tenant.id, flavorId: flavor.id, imageId: img.id };
  await vim.servers.createServer({ ...ids, name: "guest", start: "yes", vnics });
}

test("beats are heard, a guest that boots is not silent, and a standstill of ours is not its", async () => {
  await start();
  await hears("guestHeartbeat answers");
  expect(words()).not.toContain("guestHeartbeat silent");
  told = [];
  for (const endMs = nowMs() + 2 * POLICY.misses * POLICY.intervalMs; nowMs() < endMs; );
  await sleep(FOUND_MS);
  expect(words()).toEqual([]);
});

test("QEMU that stands still is silent, and answers again when it goes on", async () => {
  told = [];
  await signalQemu("SIGSTOP");
  await hears("guestHeartbeat silent");
  await signalQemu("SIGCONT");
  await hears("guestHeartbeat answers");
  expect(words()).toEqual(["guestHeartbeat silent", "guestHeartbeat answers"]);
});

test("an application that is dead: the agent says so in its own words", async () => {
  told = [];
  await order("relay", "guestHeartbeat silent");
  expect(told[0]!.detail).toBe("its guest's agent says: the relay does not run");
});

test("an agent that is killed is silent", async () => {
  await start();
  await hears("guestHeartbeat answers");
  told = [];
  await order("agent", "guestHeartbeat silent");
  expect(told[0]!.detail).toMatch(/^3 of the last 3 requests to its guest's agent, one every 500 ms, were not answered$/);
});

test("a guest's kernel that panics says so itself: a fact, before any silence", async () => {
  told = [];
  await order("panic", "qmp stopped");
  expect(told[0]).toMatchObject({ says: "stopped", source: "qmp", detail: expect.stringMatching(/^GUEST_PANICKED/) });
  await hears("libvirt stopped");
});

/** Sets the i6300esb, whose driver this kernel has not, by hand: a second for each of its two stages, and then nobody feeds it. */
const DOG = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
for d in /sys/bus/pci/devices/*; do read -r id <$d/device; [ $id = 0x25ab ] && dog=$d; done
read -r bar _ <$dog/resource
unlock() { for key in 0x80 0x86; do devmem $((bar + 12)) 16 $key; done; }
for timer in 0 4; do unlock; devmem $((bar + timer)) 32 0x200; done
printf '\\003\\000' | dd of=$dog/config bs=2 seek=48 conv=notrunc 2>/dev/null
printf '\\002' | dd of=$dog/config bs=1 seek=104 conv=notrunc 2>/dev/null
while :; do sleep 1; done
`;

test("a watchdog that nobody feeds ends the server: a fact", async () => {
  const initrd = join(peer.libvirt.dir, "dog.cpio");
  const file = async (path: string, bytes: Buffer) => ({ kind: "file", path, mode: 0o755, bytes }) as const;
  const device = { kind: "device", path: "dev/console", major: 5, minor: 1 } as const;
  const busybox = await readFile("/bin/busybox");
  await writeFile(initrd, cpioNewc([device, await file("init", Buffer.from(DOG)), await file("bin/busybox", busybox)]));
  await start({ initrd, cmdline: GUEST_CMDLINE, watchdog: "poweroff" });
  told = [];
  await hears("qmp stopped");
  expect(told[0]).toMatchObject({ says: "stopped", source: "qmp", detail: "WATCHDOG poweroff" });
});
