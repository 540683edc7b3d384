import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { silent as noLog } from "../../src/lib/log.ts";
import type { ProbePolicy } from "../../src/model/armed.ts";
import type { Evidence } from "../../src/model/evidence.ts";
import { PROBE_MAC } from "../../src/model/flow.ts";
import type { VimPortId } from "../../src/model/ids.ts";
import type { VimEvent } from "../../src/model/vim-event.ts";
import { openStore } from "../../src/store/open.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import { listen, type SwitchListener } from "../../src/switch/listen.ts";
import { Probe } from "../../src/vim/probe.ts";
import type { ProbeTarget } from "../../src/vim/probe-targets.ts";
import { Vim } from "../../src/vim/vim.ts";
import { probeFrames } from "../../src/wire/probe-frames.ts";
import { type Ovs, startOvs } from "../harness/ovs.ts";
import { nowMs, until } from "./rig.ts";

// A real switch whose ports lead into Linux's own network stack: a port with an address answers as a guest does.
const NAMES = ["p1", "p2", "p3", "p4"] as const;
type Name = (typeof NAMES)[number];

const POLICY: ProbePolicy = { intervalMs: 50, misses: 3, of: 3, icmp: false, udpPort: null, tcpPort: null, sourceIp: null };

const FRAMES = probeFrames(PROBE_MAC);
let ovs: Ovs;
let vim: Vim;
let probe: Probe;
let switches: SwitchListener;
let targets: readonly ProbeTarget[] = [];
let told: Evidence[] = [];
/** How often it was asked who is to be probed. */
let looks = 0;
/** What came back to our requests, in order: the switch port, and what of it answered. */
let answers: string[] = [];
const suspensions: VimEvent[] = [];
/** So long the next round of requests is followed by a standstill. */
let standstillMs = 0;
const undo = new AsyncDisposableStack();

/** The timer runs while we stand still, so that the next turn comes before anything is read. */
const standingStill: Clock = {
  ...systemClock,
  sleep(ms, signal) {
    const slept = systemClock.sleep(ms, signal);
    if (standstillMs > 0 && ms > 20 && ms < POLICY.intervalMs) {
      const endMs = nowMs() + standstillMs;
      while (nowMs() < endMs);
      standstillMs = 0;
    }
    return slept;
  },
};

/** Each port is in a subnet of its own, so that the one stack behind them all answers out of the right one. */
const ipOf = (name: Name) => `10.71.${name.slice(1)}.100`;
const target = (name: Name, policy: Partial<ProbePolicy> = {}, ip = ipOf(name)): ProbeTarget => ({
  portId: name as unknown as VimPortId,
  switchPort: name,
  ip,
  mac: null,
  policy: { ...POLICY, ...policy },
  hostId: null,
  serverId: null,
});

const ip = (...args: string[]) => ovs.inside("ip", ...args);
/** By one program: several would end one after the other on a busy machine, and several at once is what is tested. */
const arp = (state: "off" | "on", names: readonly Name[]) =>
  ovs.inside("bash", "-c", `ip -batch - <<<'${names.map((name) => `link set ${name} arp ${state}`).join("\n")}'`);
/** As a guest that hangs: the cable is fine, nobody answers. */
const hang = (...names: Name[]) => arp("off", names);
const wakeUp = (...names: Name[]) => arp("on", names);
const verdicts = () => told.map((e) => `${e.about.id} ${e.says}`);
const hears = (what: string) => until(what, () => verdicts().includes(what));
/** So many more answers of this kind have come: it has been asked as often, and more. */
async function answered(what: string, times: number): Promise<void> {
  answers = [];
  await until(`${times} × ${what}`, () => answers.filter((a) => a === what).length >= times);
}

/** Asks these and nobody else, until each has answered. */
async function ask(...now: ProbeTarget[]): Promise<void> {
  targets = [];
  const before = looks;
  await until("it knows that there is nobody to ask", () => looks > before);
  told = [];
  targets = now;
  for (const { switchPort } of now) await hears(`${switchPort} answers`);
  told = [];
}

beforeAll(async () => {
  ovs = undo.use(await startOvs({ datapathType: "netdev", ports: NAMES, protocols: ["OpenFlow13"] }));
  for (const key of ["arp_ignore=1", "arp_announce=2"]) await ovs.inside("sysctl", "-qw", `net.ipv4.conf.all.${key}`);
  for (const name of NAMES) await ip("addr", "add", `${ipOf(name)}/24`, "dev", name);
  const db = undo.adopt(
    await openStore<VimDb>({ path: ":memory:", migrationsDir: join(import.meta.dirname, "../../sql/vim") }),
    (store) => store.destroy(),
  );
  const parts = { clock: systemClock, log: noLog };
  vim = await Vim.open({ db, ...parts, vlanRange: { first: 3000, last: 3099 } });
  undo.defer(() => vim.events.flush());
  undo.use(vim.protections);
  vim.events.subscribe((e) => e.type === "evidence" && told.push(e.evidence));
  vim.events.subscribe((e) => e.type.startsWith("opinions.") && suspensions.push(e));
  switches = undo.use(await listen({ host: "0.0.0.0", tcpPort: 0, epoch: 1n, ...parts }));
  const { fabric, facts } = vim;
  probe = new Probe({ fabric, facts, ...parts, clock: standingStill, frames: FRAMES }, () => {
    looks++;
    return targets;
  });
  switches.on((e) => {
    if (e.type === "up") fabric.connected(switches.sessions.get(e.datapath)!);
    if (e.type === "down") fabric.disconnected(e.datapath);
    if (e.type !== "packetIn") return;
    probe.packetIn(e);
    const answer = FRAMES.answerIn(e.frame);
    if (answer !== null) answers.push(`${e.inPort} ${answer.kind}${answer.kind === "tcp" ? ` ${answer.accepts}` : ""}`);
  });
  const ended = new AbortController();
  const running = [probe.run(ended.signal), vim.fabricLoop.run(() => 30_000, ended.signal)];
  undo.defer(async () => {
    ended.abort();
    await Promise.all(running);
  });
  await ovs.setControllers(`tcp:${ovs.outside}:${switches.tcpPort}`);
  await until("the switch is led", () => fabric.isStanding);
});
afterEach(() => wakeUp(...NAMES));
afterAll(() => undo.disposeAsync());

describe("ARP", () => {
  test("a port that hangs is silent after three misses, and answers again when it does", async () => {
    for (const intervalMs of [10, 50]) {
      const policy = { ...POLICY, intervalMs };
      await ask(target("p1", policy), target("p2", policy));
      const at = nowMs();
      await hang("p1");
      const hungMs = nowMs();
      await hears("p1 silent");
      const [first] = told;
      expect(first).toMatchObject({
        source: "probe",
        detail: `3 of the last 3 ARP requests, one every ${intervalMs} ms, were not answered`,
      });
      expect(first!.seenAt).toBeGreaterThan(at + 2 * intervalMs);
      console.log(`hang to verdict, every ${intervalMs} ms: ${(first!.seenAt - hungMs).toFixed(1)} ms`);
      await wakeUp("p1");
      await hears("p1 answers");
      expect(verdicts()).toEqual(["p1 silent", "p1 answers"]);
    }
  });

  test("twins share an address: who answers is told by the port", async () => {
    const shared = "10.71.9.100";
    for (const name of ["p1", "p2"] as const) await ip("addr", "add", `${shared}/24`, "dev", name);
    await ask(target("p1", {}, shared), target("p2", {}, shared));
    await hang("p2");
    await hears("p2 silent");
    expect(verdicts()).toEqual(["p2 silent"]);
  });

  test("who is no target any more is neither asked nor told of", async () => {
    await ask(target("p1"), target("p2"));
    targets = [target("p2")];
    await hang("p1");
    await answered("p2 arp", 10);
    expect(told).toEqual([]);
  });
});

describe("ICMP, UDP and TCP", () => {
  let echo: ChildProcess | null = null;
  const startEcho = () => {
    const program = join(import.meta.dirname, "../../src/lab/guest/echo.pl");
    echo = spawn("ip", ["netns", "exec", ovs.netns!, "perl", program, ipOf("p1"), "7"], { stdio: "ignore" });
  };
  const endEcho = async () => {
    if (echo === null || echo.exitCode !== null) return;
    const gone = once(echo, "exit");
    echo.kill("SIGKILL");
    await gone;
  };
  afterAll(endEcho);
  const policy = { icmp: true, udpPort: 7, tcpPort: null, sourceIp: "10.71.1.254" };

  test("an application that ends is found though its kernel answers all else", async () => {
    await ask(target("p1", policy), target("p2"));
    startEcho();
    await answered("p1 udp", 5); // It must have answered once before its silence says anything.
    expect(told).toEqual([]);
    await endEcho();
    await hears("p1 silent");
    expect(told[0]!.detail).toBe("3 of the last 3 UDP datagrams, one every 50 ms, were not answered");
    startEcho();
    await hears("p1 answers");
  });

  test("a TCP port that nobody listens on any more is found, and no connection of ours stays open at the other end", async () => {
    const listenOn = `import { createServer } from "node:net"; createServer(() => console.log("seen")).listen(8080, "${ipOf("p1")}", () => console.log("ready"));`;
    const start = async () => {
      const server = spawn("ip", ["netns", "exec", ovs.netns!, process.execPath, "--input-type=module", "-e", listenOn]);
      const said: string[] = [];
      server.stdout.on("data", (text: unknown) => said.push(String(text).trim()));
      await until("it listens", () => said.includes("ready"));
      return { server, said };
    };
    await ask(target("p1", { ...policy, icmp: false, udpPort: null, tcpPort: 8080 }), target("p2"));
    await answered("p1 tcp false", 5); // Refused from the beginning: nobody has ever served there.
    expect(told).toEqual([]);
    const first = await start();
    await answered("p1 tcp true", 10);
    // A question that is on its way stands there half-open until our RST comes; what nobody hangs up stands there for a minute and more.
    const connections = async () => {
      const lines = await ovs.inside("ss", "-Htan", "state", "all", "( sport = 8080 )");
      return lines.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("LISTEN"));
    };
    const before = new Set(await connections());
    await until("none of them is there any more", async () => !(await connections()).some((line) => before.has(line)), 30_000);
    expect(first.said).toEqual(["ready"]); // No application has seen us.
    expect(told).toEqual([]);
    first.server.kill("SIGKILL");
    await once(first.server, "exit");
    await hears("p1 silent");
    expect(told[0]!.detail).toBe("3 of the last 3 TCP connections, one every 50 ms, were not accepted");
    const second = await start();
    await hears("p1 answers");
    second.server.kill("SIGKILL");
  });

  test("a kernel that answers ARP only is found by ICMP", async () => {
    await ask(target("p1", { ...policy, udpPort: null }), target("p2"));
    await answered("p1 icmp", 3);
    const ignore = (yes: 0 | 1) => ovs.inside("sysctl", "-qw", `net.ipv4.icmp_echo_ignore_all=${yes}`);
    await ignore(1);
    await hears("p1 silent");
    expect(told[0]!.detail).toMatch(/ICMP echo requests/);
    await ignore(0);
    await hears("p1 answers");
  });

  test("the guest keeps our address: its own question for it is answered", async () => {
    await ovs.inside(
      "sysctl",
      "-qw",
      "net.ipv4.neigh.p1.delay_first_probe_time=1",
      "net.ipv4.neigh.p1.base_reachable_time_ms=1000",
    );
    await ask(target("p1", { ...policy, udpPort: null }), target("p2"));
    const neighbour = () => ip("neigh", "show", policy.sourceIp, "dev", "p1");
    await until("REACHABLE: only an answered question makes it so", async () => / REACHABLE/.test(await neighbour()));
    expect(await neighbour()).toContain(`lladdr ${PROBE_MAC} `);
    await sleep(1500);
    expect(told).toEqual([]);
  });

  test("a source address from which nobody can be answered makes nobody silent", async () => {
    await ask(target("p1", { ...policy, sourceIp: "192.0.2.1" }));
    await answered("p1 arp", 10);
    expect(told).toEqual([]);
  });
});

describe("our own faults are nobody's silence", () => {
  const fast = { intervalMs: 20 };

  test("a switch that stands still", async () => {
    await ask(target("p1", fast));
    for (const ms of [30, 60, 700]) {
      ovs.freeze();
      await sleep(ms);
      ovs.thaw();
      await answered("p1 arp", 10);
      expect(verdicts()).toEqual([]);
    }
    await hang("p1"); // And afterwards it is looked at as before.
    await hears("p1 silent");
  });

  test("a standstill of this process, right after it has asked", async () => {
    await ask(target("p1", { misses: 1, of: 1 })); // One request that counted wrongly would be told.
    for (const ms of [30, 45, 60, 70, 80, 90, 100, 120, 200, 400]) {
      standstillMs = ms;
      await until("it stood still", () => standstillMs === 0);
      await sleep(150);
    }
    expect(told).toEqual([]);
  });

  test("a table without our entries", async () => {
    await ask(target("p1", fast));
    await vim.fabric.clear();
    await sleep(300);
    expect(told).toEqual([]);
    await vim.fabric.reinstall();
    await answered("p1 arp", 3);
    await hang("p1");
    await hears("p1 silent");
  });

  test("a session that ends and comes back", async () => {
    await ask(target("p1", fast));
    for (const session of switches.sessions.values()) session.close();
    await until("down", () => !vim.fabric.isStanding);
    await until("led again", () => vim.fabric.isStanding);
    await answered("p1 arp", 10);
    expect(told).toEqual([]);
    await hang("p1");
    await hears("p1 silent");
  });

  /** Requests go out and answers come back, and none of them reaches us any more. */
  const loseAnswers = () => ovs.ofctl("add-flow", "br0", "priority=65535,arp,actions=drop");

  const findAnswers = () => ovs.ofctl("--strict", "del-flows", "br0", "priority=65535,arp");
  afterEach(findAnswers);

  test("answers that come back and do not reach us: nothing is told until they do", async () => {
    await ask(...NAMES.map((name) => target(name, fast)));
    await loseAnswers();
    await until("suspended", () => probe.suspended !== null);
    expect(probe.suspended).toMatch(/^[234] of 4 probed ports miss requests at the same time/);
    await sleep(1_000);
    expect(told).toEqual([]);
    await hang("p1");
    await hears("p1 silent"); // The switch counts what comes from the others, and nothing from this one.
    await findAnswers();
    await until("counted again", () => probe.suspended === null);
    await sleep(300);
    expect(verdicts()).toEqual(["p1 silent"]);
  });

  test("all ports at once, and the switch's counters say that nothing comes from them: all are told together", async () => {
    await ask(...NAMES.map((name) => target(name, fast)));
    await hang(...NAMES);
    await until("suspended", () => suspensions.at(-1)?.type === "opinions.suspended");
    expect(told).toEqual([]);
    await until("all are told", () => told.length === NAMES.length);
    expect(verdicts().sort()).toEqual(NAMES.map((name) => `${name} silent`));
    for (const { detail } of told) expect(detail).toMatch(/; the switch sent \d+ packets to it and none came from it$/);
    expect(suspensions.at(-1)).toMatchObject({ type: "opinions.counted" });
    await wakeUp("p2");
    await hears("p2 answers");
  });

  test("the last of them, when the others are silent already: its counters are asked too", async () => {
    await ask(target("p1", fast), target("p2", fast));
    await hang("p1");
    await hears("p1 silent");
    await hang("p2");
    await hears("p2 silent");
    expect(told.at(-1)!.detail).toMatch(/none came from it$/);
  });
});
