import { Socket } from "node:net";
import { expect, test } from "vitest";
import { systemClock } from "../lib/clock.ts";
import { Framer } from "../wire/openflow/framer.ts";
import { OF13 } from "../wire/openflow/hello.ts";
import { of13 } from "../wire/openflow/of13.ts";
import { ANSWER_LIMIT_MS, Channel } from "./channel.ts";

const unconnected = (clock = systemClock) =>
  new Channel(new Socket(), of13, { version: OF13, framer: new Framer(), frames: [] }, clock);

test("a change before the role was taken is a bug that throws", () => {
  expect(() => unconnected().batch([[]])).toThrow("before the role was taken");
});

test("the end of the connection answers whoever waits, and whoever asks after", async () => {
  const channel = unconnected();
  const waits = channel.request({ kind: "featuresRequest" }, "featuresReply");
  channel.close("the cable is gone");
  await expect(waits).rejects.toMatchObject({
    code: "SWITCH_NOT_CONNECTED",
    message: expect.stringContaining("the cable is gone"),
  });
  await expect(channel.request({ kind: "featuresRequest" }, "featuresReply")).rejects.toMatchObject({
    code: "SWITCH_NOT_CONNECTED",
  });
});

test("a frame that is no message of the version ends the connection with its reason", () => {
  const channel = unconnected();
  const told: string[] = [];
  channel.open({ message: () => {}, closed: (why) => told.push(why) }, [Buffer.from("0463000800000001", "hex")]);
  expect(told).toEqual(["no such type of message: type 99"]);
});

test("what is not answered in time is a TIMEOUT, what was just asked is not", async () => {
  let now = 0;
  const channel = unconnected({ ...systemClock, now: () => now });
  channel.allowWrites();
  const old = [channel.request({ kind: "featuresRequest" }, "featuresReply"), channel.batch([[]])];
  const failed = Promise.allSettled(old);
  now = ANSWER_LIMIT_MS;
  const young = channel.request({ kind: "featuresRequest" }, "featuresReply");
  channel.expire();
  for (const result of await failed) expect(result).toMatchObject({ reason: { code: "TIMEOUT" } });
  channel.close("end of test");
  await expect(young).rejects.toMatchObject({ code: "SWITCH_NOT_CONNECTED" });
});

test("a batch that keeps a switch busy for long has not failed while the switch gets on with it", async () => {
  let now = 0;
  const socket = new Socket();
  const sent: Uint8Array[] = [];
  socket.write = (bytes: Uint8Array | string) => sent.push(bytes as Uint8Array) > 0;
  const channel = new Channel(
    socket,
    of13,
    { version: OF13, framer: new Framer(), frames: [] },
    { ...systemClock, now: () => now },
  );
  channel.allowWrites();
  const phase = Array.from({ length: 5_000 }, () => ({ kind: "barrierRequest" }) as const);
  let outcome = "none yet";
  const done = channel.batch([phase]).then(
    ({ refused }) => (outcome = `through, ${refused.length} refused`),
    (e: Error) => (outcome = e.message),
  );
  const asked = [...new Framer().push(Buffer.concat(sent))].map((frame) => of13.decode(frame));
  const echoes = asked.filter((m) => m.kind === "echoRequest");
  expect(echoes).toHaveLength(2);
  for (const { xid } of echoes) {
    now += ANSWER_LIMIT_MS - 1;
    socket.emit("data", Buffer.from(of13.encode({ kind: "echoReply", xid, data: new Uint8Array() })));
    channel.expire();
  }
  socket.emit(
    "data",
    Buffer.from(of13.encode({ kind: "error", xid: asked[0]!.xid, errorType: 1, code: 1, data: new Uint8Array() })),
  );
  socket.emit("data", Buffer.from(of13.encode({ kind: "barrierReply", xid: asked.at(-1)!.xid })));
  await done;
  expect(outcome).toBe("through, 1 refused");
});

test("a message of the switch with the xid of our request is not its answer", async () => {
  const channel = unconnected();
  const heard: string[] = [];
  const waits = channel.request({ kind: "featuresRequest" }, "featuresReply");
  const frames = [of13.encode({ kind: "echoReply", xid: 0x10000, data: new Uint8Array() })];
  const reply = {
    kind: "featuresReply",
    xid: 0x10000,
    datapath: 5n,
    buffers: 0,
    tables: 1,
    auxiliary: 0,
    capabilities: 0,
    reserved: 0,
  } as const;
  channel.open({ message: (m) => heard.push(m.kind), closed: () => {} }, [...frames, of13.encode(reply)]);
  expect(await waits).toEqual(reply);
  expect(heard).toEqual(["echoReply"]);
});
