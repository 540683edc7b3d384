import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { first } from "../../src/lab/priority.ts";

const run = promisify(execFile);

export interface OvsOptions {
  /** `dummy` forwards nothing real and needs no rights; `netdev` forwards packets, needs root and gets its own network namespace. */
  readonly datapathType: "dummy" | "netdev";
  /** Ports of bridge br0; the first gets OpenFlow number 1, and so on. With netdev they are taps inside the namespace, brought up. */
  readonly ports: readonly string[];
  readonly protocols: readonly ("OpenFlow10" | "OpenFlow13")[];
  /** Controller targets, `tcp:127.0.0.1:6653`. With netdev name the address `Ovs.outside`. */
  readonly controller?: readonly string[];
  /** Real-time priority of ovs-vswitchd; left out: none. */
  readonly priority?: number;
}

export interface Ovs extends AsyncDisposable {
  /** Standard output of the tool. Rejects with its standard error when it fails. */
  vsctl(...args: string[]): Promise<string>;
  ofctl(...args: string[]): Promise<string>;
  appctl(...args: string[]): Promise<string>;
  /** `ofproto/trace` of a packet described as a flow, say `in_port=1,dl_vlan=5`. */
  trace(flow: string): Promise<string>;
  setControllers(...targets: string[]): Promise<void>;
  /** Runs a command where the ports are: in the namespace with netdev, here with dummy. */
  inside(command: string, ...args: string[]): Promise<string>;
  /** `unix:` target that an OpenFlow client can open the bridge with. */
  readonly management: string;
  /** Network namespace of the switch; null with dummy. */
  readonly netns: string | null;
  /** Address of this process as the switch sees it. */
  readonly outside: string;
  /** Address of the switch's namespace as this process sees it. */
  readonly inner: string;
  /** kill -9 of ovs-vswitchd. The database stays. */
  stop(): Promise<void>;
  /** Starts ovs-vswitchd again, after `stop`. */
  restart(): Promise<void>;
  /** SIGSTOP and SIGCONT of ovs-vswitchd: connections stay, nothing answers. */
  freeze(): void;
  thaw(): void;
  /** What the main thread of ovs-vswitchd, which does all that controllers ask for, has been on a core since it started, ms. */
  workedMs(): number;
}

/** Far more than any tool or daemon needs where it gets a processor now and then. */
const START_LIMIT_MS = 60_000;
/** Tens of thousands of groups are some megabytes. */
const SHOWN_BYTES_MAX = 256 * 2 ** 20;
const SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";
const CONTROLLER_BACKOFF_MS = 1000;
let made = 0;

/**
 * A private Open vSwitch in a temporary folder, with bridge br0 in fail mode secure. Ends with `await using`: its two
 * daemons by their pids, its folder, its namespace. Rejects when a tool is missing or a daemon does not come up within a minute.
 */
export async function startOvs(options: OvsOptions): Promise<Ovs> {
  await using undo = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), "ovs-"));
  undo.defer(() => rm(dir, { recursive: true, force: true }));
  const netns = options.datapathType === "netdev" ? await makeNamespace(undo) : null;

  const env = { ...process.env, OVS_RUNDIR: dir, OVS_LOGDIR: dir, OVS_DBDIR: dir };
  const database = `unix:${dir}/db.sock`;
  const enter = netns === null ? [] : ["ip", "netns", "exec", netns.name];
  const call = async (...command: string[]) =>
    (await run(command[0]!, command.slice(1), { env, timeout: START_LIMIT_MS, maxBuffer: SHOWN_BYTES_MAX })).stdout;
  const daemon = (...command: string[]) => startDaemon([...enter, ...command], env);
  const vsctl = (...args: string[]) => call("ovs-vsctl", `--db=${database}`, "--timeout=60", ...args);
  const appctl = (...args: string[]) => unixctl(`${dir}/vswitchd.ctl`, args);
  const startSwitch = async () => {
    const extra = netns === null ? ["--enable-dummy"] : [];
    const program = options.priority === undefined ? ["ovs-vswitchd"] : first("ovs-vswitchd", [], options.priority);
    const child = daemon(...program, database, `--unixctl=${dir}/vswitchd.ctl`, "--disable-system", ...extra);
    await until(() => appctl("version"));
    return child;
  };

  await call("ovsdb-tool", "create", `${dir}/conf.db`, SCHEMA);
  const db = daemon("ovsdb-server", `${dir}/conf.db`, `--remote=p${database}`, `--unixctl=${dir}/ovsdb.ctl`);
  undo.defer(() => end(db));
  await until(() => vsctl("--no-wait", "init"));
  let vswitchd = await startSwitch();
  undo.defer(() => end(vswitchd));

  const setControllers = async (...targets: string[]) => {
    const rows = targets.flatMap((target, i) => [
      ...["--", `--id=@c${i}`, "create", "controller", `target="${target}"`],
      // Else a switch whose controller was away waits up to 8 s before it tries again.
      `max_backoff=${CONTROLLER_BACKOFF_MS}`,
    ]);
    await vsctl(...rows, "--", "set", "bridge", "br0", `controller=${targets.map((_, i) => `@c${i}`).join(",")}`);
  };
  await vsctl(...bridgeCommands(options));
  if (options.controller) await setControllers(...options.controller);
  if (netns !== null) for (const port of options.ports) await call(...enter, "ip", "link", "set", port, "up");

  const ends = undo.move();
  return {
    vsctl,
    appctl,
    setControllers,
    ofctl: (...args) => call("ovs-ofctl", "-O", options.protocols.join(","), ...args),
    trace: (flow) => appctl("ofproto/trace", "br0", flow),
    inside: (...command) => call(...enter, ...command),
    management: `unix:${dir}/br0.mgmt`,
    netns: netns?.name ?? null,
    outside: netns?.outside ?? "127.0.0.1",
    inner: netns?.inner ?? "127.0.0.1",
    stop: () => end(vswitchd, "SIGKILL"),
    async restart() {
      vswitchd = await startSwitch();
    },
    freeze: () => void vswitchd.kill("SIGSTOP"),
    thaw: () => void vswitchd.kill("SIGCONT"),
    workedMs: () => Number(readFileSync(`/proc/${vswitchd.pid}/schedstat`, "latin1").split(" ")[0]) / 1e6,
    [Symbol.asyncDispose]: () => ends.disposeAsync(),
  };
}

function bridgeCommands({ datapathType, ports, protocols }: OvsOptions): string[] {
  const bridge = ["add-br", "br0", "--", "set", "bridge", "br0", `datapath_type=${datapathType}`, "fail-mode=secure"];
  const type = datapathType === "dummy" ? "dummy" : "internal";
  const portCommands = ports.flatMap((name, i) => [
    ...["--", "add-port", "br0", name],
    ...["--", "set", "interface", name, `type=${type}`, `ofport_request=${i + 1}`],
  ]);
  return [...bridge, `protocols=${protocols.join(",")}`, ...portCommands];
}

interface Namespace {
  readonly name: string;
  readonly outside: string;
  readonly inner: string;
}

/**
 * A network namespace with a cable to ours. Each userspace datapath needs its own: two of them in one namespace collide
 * on the `ovs-netdev` tap.
 */
async function makeNamespace(undo: AsyncDisposableStack): Promise<Namespace> {
  const name = `ovs-${process.pid}-${++made}`;
  const [here, there] = [`v${process.pid}-${made}h`, `v${process.pid}-${made}n`];
  const { net, first } = await takeAddresses(undo);
  const ip = async (...args: string[]) => void (await run("ip", args));
  await ip("netns", "add", name);
  undo.defer(() => ip("netns", "del", name));
  await ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name);
  await ip("addr", "add", `${net}.${first + 1}/30`, "dev", here);
  await ip("link", "set", here, "up");
  await ip("-n", name, "addr", "add", `${net}.${first + 2}/30`, "dev", there);
  for (const device of ["lo", there]) await ip("-n", name, "link", "set", device, "up");
  return { name, outside: `${net}.${first + 1}`, inner: `${net}.${first + 2}` };
}

/**
 * What `ovs-appctl -t` does (unixctl is JSON-RPC, one request, ovs-appctl(8)), without a process for each question: a test that feeds
 * packets in asks a hundred times a second. Rejects with the daemon's words.
 */
function unixctl(path: string, [method, ...params]: readonly string[]): Promise<string> {
  return new Promise((settle, fail) => {
    let text = "";
    const socket = connect(path);
    socket.setTimeout(START_LIMIT_MS, () => socket.destroy(new Error(`no answer within ${START_LIMIT_MS} ms: ${method}`)));
    socket.on("error", fail);
    socket.on("close", () => fail(new Error(`it ended before it answered: ${method}`)));
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      const reply = parsed(text);
      if (reply === null) return;
      if (reply.error === null) settle(reply.result ?? "");
      else fail(new Error(reply.error));
      socket.destroy();
    });
    socket.write(JSON.stringify({ id: 0, method, params }));
  });
}

/** Null: not the whole of it yet. */
function parsed(text: string): { result: string | null; error: string | null } | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * A /30 that no other process has: 198.18.0.0/15 is set aside for benchmarks (RFC 2544). A name of an abstract socket is the lock, which
 * ends with the process whatever becomes of it.
 */
async function takeAddresses(undo: AsyncDisposableStack): Promise<{ readonly net: string; readonly first: number }> {
  for (;;) {
    const n = randomInt(2 ** 15);
    const lock = createServer();
    const isOurs = await new Promise<boolean>((settle) => {
      lock.once("error", () => settle(false));
      lock.listen(`\0sempre-test-net-${n}`, () => settle(true));
    });
    if (!isOurs) continue;
    undo.defer(async () => void lock.close());
    return { net: `198.${18 + (n >> 14)}.${(n >> 6) & 0xff}`, first: (n & 0x3f) * 4 };
  }
}

function startDaemon(command: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  // With whoever started it, also where that is killed.
  const child = spawn("setpriv", ["--pdeathsig", "TERM", ...command], { env, stdio: "ignore" });
  // A missing program shows as "not up in time", with its name in the message of the first call that fails.
  child.on("error", () => {});
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = once(child, "exit");
  child.kill(signal);
  const late = AbortSignal.timeout(START_LIMIT_MS);
  late.addEventListener("abort", () => child.kill("SIGKILL"));
  await gone;
}

/** Repeats `attempt` every 20 ms until it does not reject, at most START_LIMIT_MS long. */
async function until(attempt: () => Promise<unknown>): Promise<void> {
  const giveUpAt = performance.now() + START_LIMIT_MS;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (e) {
      if (performance.now() > giveUpAt) throw e;
      await sleep(20);
    }
  }
}
