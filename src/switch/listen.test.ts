import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { startOvs } from "../../test/harness/ovs.ts";
import { listenAs, record, target } from "../../test/harness/switch-session.ts";
import { systemClock } from "../lib/clock.ts";
import { silent } from "../lib/log.ts";
import { Door } from "./door.ts";
import { listen, listenAt } from "./listen.ts";

describe("the listener", () => {
  test("drops peers that send garbage with one log line each, and lives", async () => {
    const lines: string[] = [];
    await using listener = await listenAs(1n, pino({ level: "info" }, { write: (line) => void lines.push(line) }));
    const told = record(listener);
    for (const hex of [
      "474554202f20485454502f312e310d0a",
      "0400000300000001",
      "04050008000000010405000800000001",
      "0400000800000001990500ff",
    ]) {
      const peer = connect(listener.tcpPort, "127.0.0.1");
      peer.on("error", () => {});
      peer.write(Buffer.from(hex, "hex"));
      if (hex.endsWith("ff")) peer.end();
      await new Promise((resolve) => peer.on("close", resolve).resume());
    }
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(Array(4).fill("OpenFlow peer dropped"));
    await using _ovs = await startOvs({
      datapathType: "dummy",
      ports: [],
      protocols: ["OpenFlow13"],
      controller: [target(listener)],
    });
    await told.until("up");
  });

  test("tells a peer without a common version so, in its own version", async () => {
    await using listener = await listenAs(1n);
    const peer = connect(listener.tcpPort, "127.0.0.1");
    peer.write(Buffer.from("0200000800000001", "hex"));
    const got: Buffer[] = [];
    peer.on("data", (chunk: Buffer) => got.push(chunk));
    await new Promise((resolve) => peer.on("close", resolve));
    expect(Buffer.concat(got).subarray(-12).toString("hex")).toBe("0201000c0000000100000000");
  });

  test("a switch that connects anew takes the place of its older session", async () => {
    await using listener = await listen({ host: "0.0.0.0", tcpPort: 0, clock: systemClock, log: silent, epoch: 1n });
    const told = record(listener);
    const targets = ["127.0.0.1", "127.0.0.2"].map((host) => `tcp:${host}:${listener.tcpPort}`);
    await using _ovs = await startOvs({ datapathType: "dummy", ports: [], protocols: ["OpenFlow13"], controller: targets });
    expect((await told.until("down")).why).toBe("the switch connected anew");
    await told.until("up", (e) => told.events.indexOf(e) > 1);
    expect(listener.sessions.size).toBe(1);
  });

  test("a switch that is not accepted does not come up", async () => {
    const options = { host: "127.0.0.1", tcpPort: 0, clock: systemClock, log: silent, epoch: 1n };
    const asked: string[] = [];
    await using listener = await listen({ ...options, accept: (datapath) => asked.push(datapath) < 0 });
    await using _ovs = await startOvs({
      datapathType: "dummy",
      ports: [],
      protocols: ["OpenFlow13"],
      controller: [target(listener)],
    });
    while (asked.length === 0) await sleep(5);
    expect(listener.sessions.size).toBe(0);
  });

  test("a switch that comes before anybody can lead it is greeted at once, and joins when somebody can", async () => {
    const parts = { clock: systemClock, log: silent };
    await using door = await Door.open({ host: "127.0.0.1", tcpPort: 0, ...parts });
    const peer = connect(door.tcpPort, "127.0.0.1");
    peer.on("error", () => {});
    peer.write(Buffer.from("0400000800000001", "hex"));
    const [hello] = (await once(peer, "data")) as [Buffer];
    expect(hello.subarray(0, 2).toString("hex")).toBe("0400");
    const asked = once(peer, "data") as Promise<[Buffer]>;
    await using _listener = await listenAt(door, { ...parts, epoch: 1n });
    const [request] = await asked;
    expect(request.subarray(0, 2).toString("hex")).toBe("0405"); // OFPT_FEATURES_REQUEST.
    peer.destroy();
  });

  test("a port in use is a fault that says what to do", async () => {
    await using first = await listenAs(1n);
    const second = listen({ host: "127.0.0.1", tcpPort: first.tcpPort, clock: systemClock, log: silent, epoch: 1n });
    await expect(second).rejects.toMatchObject({
      code: "CONFIG",
      message: expect.stringContaining("another program listens there"),
    });
  });

  test("a switch that stands still is given up, and told as down", async () => {
    const options = { host: "127.0.0.1", tcpPort: 0, clock: systemClock, log: silent, epoch: 1n };
    await using listener = await listen({ ...options, keepAlive: { intervalMs: 500, missesMax: 3 } });
    const told = record(listener);
    await using ovs = await startOvs({
      datapathType: "dummy",
      ports: ["p1"],
      protocols: ["OpenFlow13"],
      controller: [target(listener)],
    });
    await told.until("up");
    await sleep(2_000);
    expect(told.events.map((e) => e.type)).toEqual(["up"]);
    ovs.freeze();
    expect((await told.until("down")).why).toContain("no answer to 3 echo requests");
    ovs.thaw();
  });
});
