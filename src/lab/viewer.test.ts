import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "../lib/clock.ts";
import { deleteNetns, makeNetns } from "./netns.ts";
import { RTP_HEADER_BYTES, TS_PACKET_BYTES, writeRtpHeader } from "./rtp.ts";
import { startViewer, type ViewerOptions } from "./viewer-client.ts";

async function openSocket(): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}

/** A port that nothing listens on at this moment. */
async function freePort(): Promise<number> {
  const socket = await openSocket();
  const { port } = socket.address();
  socket.close();
  return port;
}

/** Sends packets of one sequence number after another, one each 2 ms. */
async function sendPackets(through: Socket, port: number, fromSeq: number, toSeq: number): Promise<void> {
  for (let seq = fromSeq; seq < toSeq; seq++) {
    const packet = Buffer.alloc(RTP_HEADER_BYTES + TS_PACKET_BYTES, seq & 0xff);
    writeRtpHeader(packet, seq, seq * 180, 1);
    through.send(packet, port, "127.0.0.1");
    await systemClock.sleep(2);
  }
}

const settings = (port: number, more: Partial<ViewerOptions> = {}): ViewerOptions => ({
  netns: null,
  name: "viewer-a",
  port,
  members: {},
  echo: null,
  video: null,
  ...more,
});

test("a viewer sees a stream stop and come back through another member", async () => {
  await using cleanup = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "viewer-"));
  cleanup.defer(() => rm(folder, { recursive: true }));
  const [relayA, relayB, echo] = await Promise.all([openSocket(), openSocket(), openSocket()]);
  for (const socket of [relayA, relayB, echo]) cleanup.defer(() => void socket.close());
  echo.on("message", (bytes, from) => echo.send(bytes, from.port, from.address));

  const port = await freePort();
  const members = { [relayA.address().port]: "relay-a", [relayB.address().port]: "relay-b" };
  const video = join(folder, "video.ts");
  const told: string[] = [];
  const fromMs = systemClock.now();
  {
    await using viewer = await startViewer(
      settings(port, { members, video, echo: { ip: "127.0.0.1", port: echo.address().port, everyMs: 20 } }),
    );
    viewer.on("via", ({ member }) => told.push(member));
    await sendPackets(relayA, port, 65_500, 65_550); // Across the wrap of the 16 bits.
    const received = async (count: number) => {
      while ((await viewer.latest()).received < count) await systemClock.sleep(10);
    };
    await received(50); // It notes when it reads them, so that it must have read them before the gap.
    const faultMs = systemClock.now();
    await systemClock.sleep(80);
    await sendPackets(relayB, port, 65_556, 65_600);
    await sendPackets(relayB, port, 65_599, 65_600); // The last one once more.

    await received(95);
    const measure = (toMs: number) => viewer.measure({ fromMs, toMs, faultMs });
    while ((await measure(systemClock.now())).roundTrips.answered <= 5) await systemClock.sleep(20);
    const found = await measure((await viewer.latest()).lastArrivalMs!);
    expect(found).toMatchObject({
      received: 95,
      sentEstimate: 100,
      lost: 6,
      duplicates: 1,
      reordered: 0,
      socketDrops: 0,
      overlapMs: 0,
    });
    expect(found).toMatchObject({ servedBefore: "relay-a", firstVia: { member: "relay-b" } });
    expect(found.members.toSorted()).toEqual(["relay-a", "relay-b"]); // In the order of their ports, which the kernel chose.
    expect(found.interruptionMs).toBeGreaterThan(75);
    expect(found.interruption.isOver).toBe(true);
    expect(found.firstVia!.atMs).toBeGreaterThan(faultMs + 75);
    expect(await viewer.latest()).toMatchObject({
      received: 95,
      duplicates: 1,
      via: "relay-b",
      videoBytes: 94 * TS_PACKET_BYTES,
    });
    await expect(viewer.measure({ fromMs, toMs: faultMs, faultMs: faultMs + 1 })).rejects.toMatchObject({ code: "INVALID" });
  }
  expect(told).toEqual(["relay-a", "relay-b"]);
  expect((await readFile(video)).length).toBe(94 * TS_PACKET_BYTES);
});

test("a viewer runs in a network namespace of its own", async () => {
  const netns = `sempre-viewer-${process.pid}`;
  await makeNetns(netns);
  try {
    await using viewer = await startViewer(settings(5004, { netns }));
    await using other = await startViewer(settings(5004));
    for (const each of [viewer, other])
      expect(await each.latest()).toMatchObject({ received: 0, lastArrivalMs: null, via: null });
  } finally {
    await deleteNetns(netns);
  }
});

test("a viewer that cannot run, and one that dies, say so", async () => {
  const taken = await openSocket();
  const start = startViewer(settings(taken.address().port));
  await expect(start).rejects.toMatchObject({ code: "COMMAND_FAILED", message: expect.stringContaining("EADDRINUSE") });
  taken.close();
  await expect(startViewer(settings(0))).rejects.toThrow(/viewer-a has ended \(exit 1\): .*port/);

  await using viewer = await startViewer(settings(await freePort()));
  const asked = viewer.latest().then(() => viewer.latest());
  process.kill(viewer.pid!, "SIGKILL");
  await expect(asked.then(() => viewer.latest())).rejects.toThrow("the viewer viewer-a has ended (SIGKILL)");
});
