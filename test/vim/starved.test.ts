import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readThreads } from "../../src/hosts/thread-times.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silent as noLog } from "../../src/lib/log.ts";
import { PROBE_MAC } from "../../src/model/flow.ts";
import type { VimPortId } from "../../src/model/ids.ts";
import { openStore } from "../../src/store/open.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import { listen } from "../../src/switch/listen.ts";
import { Probe } from "../../src/vim/probe.ts";
import type { ProbeTarget } from "../../src/vim/probe-targets.ts";
import { Vim } from "../../src/vim/vim.ts";
import { probeFrames } from "../../src/wire/probe-frames.ts";
import { type Ovs, startOvs } from "../harness/ovs.ts";
import { nowMs, until } from "./rig.ts";

// A process that echoes stands for a guest: it shares a core with busy ones, whose weight is greater. One prober looks at its threads, another,
// which asks by the same switch, does not.
const TARGET: ProbeTarget = {
  portId: "p1" as unknown as VimPortId,
  switchPort: "p1",
  ip: "10.72.1.100",
  mac: null,
  policy: { intervalMs: 20, misses: 3, of: 3, icmp: false, udpPort: 7, tcpPort: null, sourceIp: "10.72.1.254" },
  hostId: null,
  serverId: null,
};
const HOGS = 3;
const BURST_MS = 3_000;
/** The other prober, whose requests fall elsewhere, would have said it as well by then. */
const AFTER_MS = 100;

const undo = new AsyncDisposableStack();
let ovs: Ovs;
let echo: ChildProcess;
const hogs: ChildProcess[] = [];
/** What each prober has said, and why. */
const looking: string[] = [];
const plain: string[] = [];
let echoed = 0;

/** On the first of the cores that are ours. */
function onOneCore(command: readonly string[], niceness: number): ChildProcess {
  const core = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"))![1]!;
  const child = spawn("taskset", ["-c", core, "nice", "-n", String(niceness), ...command], { stdio: "ignore" });
  undo.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  });
  return child;
}

async function openVim(says: string[]): Promise<Vim> {
  const db = undo.adopt(
    await openStore<VimDb>({ path: ":memory:", migrationsDir: join(import.meta.dirname, "../../sql/vim") }),
    (store) => store.destroy(),
  );
  const vim = await Vim.open({ db, clock: systemClock, log: noLog, vlanRange: { first: 3000, last: 3099 } });
  undo.defer(() => vim.events.flush());
  undo.use(vim.protections);
  vim.events.subscribe((e) => {
    if (e.type === "evidence") says.push(e.evidence.says === "silent" ? `silent: ${e.evidence.detail}` : e.evidence.says);
  });
  return vim;
}

const echoes = async () => {
  const before = echoed;
  await until("it answers again, several times", () => echoed > before + 5, 60_000);
};

beforeAll(async () => {
  ovs = undo.use(await startOvs({ datapathType: "netdev", ports: ["p1"], protocols: ["OpenFlow13"] }));
  await ovs.inside("ip", "addr", "add", `${TARGET.ip}/24`, "dev", "p1");
  const [vim, other] = [await openVim(looking), await openVim(plain)];
  const frames = probeFrames(PROBE_MAC);
  const parts = { fabric: vim.fabric, clock: systemClock, log: noLog, frames };
  const targets = () => [TARGET];
  const threadsOf = () => (echo.pid === undefined ? null : readThreads(echo.pid));
  const probers = [
    new Probe({ ...parts, facts: vim.facts, threadsOf }, targets),
    new Probe({ ...parts, facts: other.facts }, targets),
  ];
  const switches = undo.use(await listen({ host: "0.0.0.0", tcpPort: 0, epoch: 1n, clock: systemClock, log: noLog }));
  switches.on((e) => {
    if (e.type === "up") vim.fabric.connected(switches.sessions.get(e.datapath)!);
    if (e.type === "down") vim.fabric.disconnected(e.datapath);
    if (e.type !== "packetIn") return;
    if (frames.answerIn(e.frame)?.kind === "udp") echoed++;
    for (const probe of probers) probe.packetIn(e);
  });
  const ended = new AbortController();
  const running = [...probers.map((p) => p.run(ended.signal)), vim.fabricLoop.run(() => 30_000, ended.signal)];
  undo.defer(async () => {
    ended.abort();
    await Promise.all(running);
  });
  const program = join(import.meta.dirname, "../../src/lab/guest/echo.pl");
  echo = onOneCore(["ip", "netns", "exec", ovs.netns!, "perl", program, TARGET.ip, "7"], 19);
  while (hogs.length < HOGS) hogs.push(onOneCore(["sh", "-c", "while :; do :; done"], 0));
  for (const hog of hogs) hog.kill("SIGSTOP");
  await ovs.setControllers(`tcp:${ovs.outside}:${switches.tcpPort}`);
  await until("the switch is led", () => vim.fabric.isStanding);
  await echoes();
});
afterAll(() => undo.disposeAsync());

/** The busy ones run until the prober that does not look has long called it silent. False where the kernel gives it a core before that. */
async function starve(): Promise<boolean> {
  const [before, endMs] = [plain.length, nowMs() + BURST_MS];
  for (const hog of hogs) hog.kill("SIGCONT");
  while (plain.length === before && nowMs() < endMs) await sleep(1);
  await sleep(AFTER_MS);
  const isStarved = plain.length === before + 1;
  for (const hog of hogs) hog.kill("SIGSTOP");
  await echoes();
  return isStarved;
}

test("who only waits for a core is not called silent; who hangs is, at once", async (ctx) => {
  let spared = 0;
  for (let burst = 0; burst < 12 && spared < 3; burst++) {
    const before = looking.length;
    const isStarved = await starve();
    const said = looking.slice(before).filter((s) => s.startsWith("silent")); // This machine may have none for it for too long.
    if (isStarved && said.length === 0) spared++;
  }
  if (plain.length <= 1) ctx.skip("this kernel gives it a core before it has missed three requests");
  expect(spared).toBeGreaterThan(0);

  const before = looking.length;
  const atMs = nowMs();
  echo.kill("SIGSTOP");
  await until("it is called silent", () => looking.length > before, 30_000);
  expect(looking.at(-1)).toMatch(/^silent: 3 of the last 3 UDP datagrams, one every 20 ms, were not answered/);
  console.log(`spared ${spared} times; stopped, and called silent after ${(nowMs() - atMs).toFixed(1)} ms: ${looking.at(-1)}`);
  echo.kill("SIGCONT");
  await echoes();
});
