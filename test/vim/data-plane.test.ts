import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ensureTap } from "../../src/hosts/taps.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { ABILITIES } from "../../src/model/switch.ts";
import { flowChanges } from "../../src/steer/changes.ts";
import { standInsOf } from "../../src/steer/stand-ins.ts";
import { wantedTable } from "../../src/steer/wanted.ts";
import { listen } from "../../src/switch/listen.ts";
import { type Ovs, startOvs } from "../harness/ovs.ts";
import { net, port } from "../harness/table.ts";
import type { Came } from "../harness/tap-end.ts";
import { until } from "./rig.ts";

/**
 * Real packets through a real switch that nobody controls any more: two members and two viewers on taps, each sending every
 * millisecond. The stand-in laid into the switch before is all there is.
 */
const SERVICE = "02:00:00:00:00:64";
const [VIEWER_0, VIEWER_1] = ["02:00:00:00:00:0a", "02:00:00:00:00:0b"];
/** Tap, its mark in the frames, its address, and to whom it sends. Member a serves viewer 0 (x), member b viewer 1 (y). */
const ENDS = {
  a: ["a", SERVICE, VIEWER_0, VIEWER_1],
  b: ["b", SERVICE, VIEWER_0, VIEWER_1],
  x: ["x", VIEWER_0, SERVICE],
  y: ["y", VIEWER_1, SERVICE],
} as const;
type Name = keyof typeof ENDS;

const TIMES = Number(process.env.TIMES ?? 5);
const PATIENCE = { timeout: 60_000 };
const now = () => Number(process.hrtime.bigint()) / 1e6;

let ovs: Ovs;
const ends = new AsyncDisposableStack();
const plugged = new Map<Name, ChildProcess>();
/** An `ip` that waits for what to do, so that its start is not measured. */
let links: ChildProcess;

async function plug(name: Name): Promise<void> {
  const script = join(import.meta.dirname, "../harness/tap-end.ts");
  const command = ["netns", "exec", ovs.netns!, process.execPath, script, name, ...ENDS[name]];
  const child = spawn("ip", command, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  plugged.set(name, child);
  await once(child, "message");
}

/** What came to this end since it was last asked. */
async function heard(name: Name): Promise<Came[]> {
  const child = plugged.get(name)!;
  child.send("tell");
  const [came] = (await once(child, "message")) as [Came[]];
  return came;
}

async function whoReaches(name: Name): Promise<string[]> {
  await heard(name);
  await sleep(100);
  return [...new Set((await heard(name)).map((c) => c.from))].sort();
}

/** For a tenth of a second at least `from` alone is heard there: nobody is missed who is only slow. */
const reaches = (from: Name, name: Name) => expect.poll(() => whoReaches(name), PATIENCE).toEqual([from]);

/** Everybody is served by its own member. */
async function untilNormal(): Promise<void> {
  await reaches("a", "x");
  await reaches("y", "b");
}

/** Ms from `strike` to the first packet each way between member b and viewer 0. */
async function loss(strike: () => Promise<unknown> | unknown): Promise<{ readonly forth: number; readonly back: number }> {
  await heard("b");
  await heard("x");
  const at = now();
  await strike();
  const first = async (name: Name, from: Name) => {
    const is = () => heard(name).then((all) => all.find((c) => c.from === from));
    return (await until(`a way round the lost port, from ${from} to ${name}`, is)).at;
  };
  const [forth, back] = [await first("b", "x"), await first("x", "b")];
  expect(Math.min(forth, back)).toBeGreaterThan(at);
  return { forth: forth - at, back: back - at };
}

function tell(what: string, times: readonly number[]): void {
  const sorted = times.toSorted((p, q) => p - q);
  const ms = (n: number | undefined) => n?.toFixed(1);
  console.log(`${what}, n=${sorted.length}: p50 ${ms(sorted[sorted.length >> 1])} ms, max ${ms(sorted.at(-1))} ms`);
}

async function measure(what: string, strike: () => Promise<unknown> | unknown, mend: () => Promise<unknown>): Promise<void> {
  const found: { forth: number; back: number }[] = [];
  for (let i = 0; i < TIMES; i++) {
    await untilNormal();
    found.push(await loss(strike));
    await mend();
  }
  tell(
    `${what}, viewer to member`,
    found.map((f) => f.forth),
  );
  tell(
    `${what}, member to viewer`,
    found.map((f) => f.back),
  );
}

beforeAll(async () => {
  ovs = ends.use(await startOvs({ datapathType: "netdev", ports: [], protocols: ["OpenFlow13"] }));
  const place = { netns: ovs.netns! };
  for (const [i, name] of Object.keys(ENDS).entries()) {
    await ensureTap(name, place);
    await ovs.vsctl("add-port", "br0", name, "--", "set", "interface", name, `ofport_request=${i + 1}`);
    await plug(name as Name);
  }
  links = spawn("ip", ["-netns", ovs.netns!, "-batch", "-"], { stdio: ["pipe", "inherit", "inherit"] });
  ends.defer(() => {
    for (const child of [...plugged.values(), links]) child.kill("SIGKILL");
  });
  await layStandIns();
});
afterAll(() => ends.disposeAsync());

/** Writes the table as the VIM does, and is gone. */
async function layStandIns(): Promise<void> {
  await using controller = await listen({ host: "0.0.0.0", tcpPort: 0, clock: systemClock, log: silent, epoch: 1n });
  const up = new Promise<void>((resolve) => controller.on((e) => e.type === "up" && resolve()));
  await ovs.setControllers(`tcp:${ovs.outside}:${controller.tcpPort}`);
  await up;
  const nets = [net("A"), net("B"), net("T0", "A"), net("T1", "B")];
  const ports = [port("A", "a", SERVICE), port("B", "b", SERVICE), port("T0", "x", VIEWER_0), port("T1", "y", VIEWER_1)];
  const standIns = standInsOf(new Map(Object.entries({ T0: ["B"], T1: ["A"] })) as never);
  const { table, notArmed } = wantedTable(nets, ports, ABILITIES["1.3"], standIns);
  expect(notArmed.size).toBe(0);
  const [session] = controller.sessions.values();
  await session!.apply(flowChanges(table, { entries: [], groups: [] }));
}

describe("a switch without a controller", () => {
  test("leads each viewer to its own member, and the stand-in's packets nowhere else", async () => {
    await untilNormal();
    await reaches("x", "a");
    await reaches("b", "y");
  });

  test("a member's process is killed: its viewer and the stand-in find each other", async () => {
    await measure(
      "process killed → first packet",
      () => plugged.get("a")!.kill("SIGKILL"),
      () => plug("a"),
    );
  });

  test("a member's link is taken down: the same, and back again when it is up", async () => {
    await measure(
      "link set down → first packet",
      () => links.stdin!.write("link set dev a down\n"),
      () => ovs.inside("ip", "link", "set", "dev", "a", "up"),
    );
  });

  test("a member's port is taken out of the machine", async () => {
    await untilNormal();
    const { forth, back } = await loss(() => ovs.inside("ip", "link", "delete", "dev", "a"));
    console.log(`tap deleted → first packet: ${forth.toFixed(1)} and ${back.toFixed(1)} ms`);
    await reaches("b", "y");
  });
});
