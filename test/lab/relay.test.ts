import { once } from "node:events";
import { mkdir, stat } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { ECHO_PORT, ensureGuestImage, GUEST_MEMORY_MIB, type GuestSettings, guestCmdline } from "../../src/lab/image.ts";
import { Lab } from "../../src/lab/leftovers.ts";
import * as net from "../../src/lab/netns.ts";
import { Program } from "../../src/lab/program.ts";
import { run } from "../../src/lab/run.ts";
import { startViewer } from "../../src/lab/viewer-client.ts";
import { systemClock } from "../../src/lib/clock.ts";

const guest: GuestSettings = {
  mediaIp: "10.61.0.11/24",
  serviceIp: "10.62.0.1/24",
  serviceMac: "0e:53:00:00:00:01",
  mediaGroup: "239.5.0.4",
  mediaPort: 5004,
  markerPort: 6001,
};

/** Media server and viewer, each in a namespace of its own, cabled to the two taps of a guest. */
async function layCables(lab: Lab): Promise<{ host: string; server: string; viewer: string }> {
  const names = {
    host: net.labName(lab.id, "host"),
    server: net.labName(lab.id, "server"),
    viewer: net.labName(lab.id, "viewer"),
  };
  for (const netns of Object.values(names)) {
    lab.note("netns", netns);
    await net.makeNetns(netns);
    lab.ends.defer(() => net.deleteNetns(netns));
  }
  for (const [bridge, end] of [
    ["media", names.server],
    ["service", names.viewer],
  ] as const) {
    await net.makeBridge({ name: bridge, netns: names.host });
    await net.makeVeth({ name: `to-${bridge}`, netns: names.host }, { name: "eth0", netns: end });
    await net.joinBridge({ name: `to-${bridge}`, netns: names.host }, bridge);
    await net.inNetns(names.host, "ip", "tuntap", "add", `tap-${bridge}`, "mode", "tap");
    await net.joinBridge({ name: `tap-${bridge}`, netns: names.host }, bridge);
    await net.setUp({ name: `tap-${bridge}`, netns: names.host });
  }
  await net.addAddress({ name: "eth0", netns: names.server }, "10.61.0.1/24");
  await net.routeMulticast({ name: "eth0", netns: names.server }, guest.mediaGroup);
  await net.addAddress({ name: "eth0", netns: names.viewer }, "10.62.0.21/24");
  return names;
}

/** QEMU with the guest's two vNICs on the taps, ended with the lab; `exited` gives its exit status. */
async function boot(lab: Lab, host: string, qmp: string): Promise<{ exited: Promise<unknown[]> }> {
  const image = await ensureGuestImage();
  const vnic = (id: string) => [
    "-netdev",
    `tap,id=${id},ifname=tap-${id},script=no,downscript=no`,
    "-device",
    `virtio-net-pci,netdev=${id},romfile=`,
  ];
  const args = [
    ["-accel", "tcg", "-m", String(GUEST_MEMORY_MIB), "-nodefaults", "-display", "none", "-no-reboot"],
    ["-kernel", image.kernel, "-initrd", image.initrd, "-append", guestCmdline(guest)],
    ["-qmp", `unix:${qmp},server=on,wait=off`],
    vnic("media"),
    vnic("service"),
  ].flat();
  const qemu = net.spawnInNetns(host, "qemu-system-x86_64", args, { stdio: "inherit" });
  lab.noteProcess(qemu.pid!);
  const exited = once(qemu, "exit");
  lab.ends.defer(async () => {
    if (qemu.exitCode === null && qemu.kill("SIGKILL")) await exited;
  });
  return { exited };
}

const PPS = 250;
const ECHO_MS = 20;
const WINDOW_MS = 2_000;
/** Of one window. */
const PACKETS = (PPS * WINDOW_MS) / 1_000;
/** Of the video in each packet: four of its transport stream. */
const PAYLOAD_BYTES = 4 * 188;

/** Ms until an ARP request for the service IP is answered. */
async function msToAnswer(viewer: string): Promise<number> {
  const from = performance.now();
  const answered = () =>
    net.inNetns(viewer, "busybox", "arping", "-c", "1", "-w", "1", "-I", "eth0", "10.62.0.1").then(
      () => true,
      () => false,
    );
  while (performance.now() - from < 90_000) {
    if (await answered()) return performance.now() - from;
  }
  throw new Error("the service IP never answered");
}

async function pressPowerButton(qmp: string): Promise<void> {
  const socket = createConnection(qmp);
  await once(socket, "data");
  socket.write('{"execute":"qmp_capabilities"}{"execute":"system_powerdown"}');
  await once(socket, "close");
}

test("the guest boots, relays every packet of a real video to a viewer, and goes off at the power button", async () => {
  await using lab = new Lab("relay", ".cache/test-lab");
  const folder = join(".cache/test-lab", `relay-${process.pid}`);
  lab.note("folders", folder);
  await mkdir(folder, { recursive: true });
  const names = await layCables(lab);
  const qemu = await boot(lab, names.host, join(folder, "qmp"));
  const bootMs = await msToAnswer(names.viewer);

  const video = join(folder, "video.ts");
  await using viewer = await startViewer({
    netns: names.viewer,
    name: "A",
    port: guest.mediaPort,
    members: { [guest.markerPort]: "relay-a" },
    echo: { ip: "10.62.0.1", port: ECHO_PORT, everyMs: ECHO_MS },
    video,
  });
  await using source = await Program.start(names.server, "media-source.ts", [
    "--address",
    "10.61.0.1",
    "--group",
    guest.mediaGroup,
    "--pps",
    String(PPS),
  ]);
  // The guest's buffer is short on purpose (init.sh), so a stall of this machine may cost packets, and the source skips what falls into one:
  // a stretch without a stall is waited for. A relay that loses by itself loses in every one.
  const measured = async () => {
    const fromMs = systemClock.now();
    await sleep(WINDOW_MS);
    return await viewer.measure({ fromMs, faultMs: fromMs, toMs: fromMs + WINDOW_MS });
  };
  const isWhole = (s: Awaited<ReturnType<typeof measured>>) =>
    s.received > 0.9 * PACKETS && s.lost - s.socketDrops < 0.05 * PACKETS && s.roundTrips.answered > 0.75 * (WINDOW_MS / ECHO_MS);
  let seen = await measured();
  for (let i = 0; i < 30 && !isWhole(seen); i++) seen = await measured();
  const sent = await source.ask<{ packets: number }>("sent");
  console.log(
    `boot to ARP answer ${Math.round(bootMs)} ms; received ${seen.received}, lost ${seen.lost}, socket drops ${seen.socketDrops}, ` +
      `longest silence ${seen.longestSilence.ms.toFixed(1)} ms; round trips ${JSON.stringify(seen.roundTrips)}`,
  );

  expect(isWhole(seen), JSON.stringify({ ...seen, points: [] })).toBe(true);
  expect(seen.stretches.every((s) => s.member === "relay-a")).toBe(true);
  expect(sent.packets).toBeGreaterThan(0.9 * PACKETS);

  await source.ask("rest");
  const rested = await source.ask<{ packets: number }>("sent");
  await sleep(100);
  expect((await source.ask<{ packets: number }>("sent")).packets).toBe(rested.packets);
  await source.ask("goOn");
  await expect
    .poll(async () => (await source.ask<{ packets: number }>("sent")).packets, { timeout: 10_000 })
    .toBeGreaterThan(rested.packets);

  await pressPowerButton(join(folder, "qmp"));
  expect((await qemu.exited)[0]).toBe(0);
  await viewer[Symbol.asyncDispose]();
  expect((await stat(video)).size).toBeGreaterThan(0.9 * PACKETS * PAYLOAD_BYTES);
  expect(await run("ffprobe", ["-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", video])).toMatch(
    /mpeg2video/,
  );
});
