import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { sql } from "kysely";
import { OvsdbSession } from "../src/hosts/ovsdb-session.ts";
import { systemClock } from "../src/lib/clock.ts";
import { silent } from "../src/lib/log.ts";
import type { NetId } from "../src/model/ids.ts";
import { openStore } from "../src/store/open.ts";
import type { VimDb } from "../src/store/vim-schema.ts";
import { Vim } from "../src/vim/vim.ts";
import type { Json, Operation } from "../src/wire/ovsdb/messages.ts";
import { type Ovs, startOvs } from "../test/harness/ovs.ts";

/** A data net with a port of its own, and a traffic net of three ports that is bound to it. */
export interface Pair {
  readonly data: NetId;
  readonly traffic: NetId;
}

export interface ManyNetsRig extends AsyncDisposable {
  readonly ovs: Ovs;
  readonly pairs: readonly Pair[];
  /** ms for each of the networks and ports, made one after the other through the VIM's own doors. */
  readonly makingMs: number;
  /** The VIM as a process of its own. */
  start(): Promise<Daemon>;
}

export interface Daemon {
  readonly pid: number;
  readonly port: number;
  readonly adminPort: number;
  kill(): Promise<void>;
  /** MiB, from /proc: now, and the most it ever was. */
  memory(): { readonly resident: number; readonly peak: number };
}

const MIGRATIONS = join(import.meta.dirname, "../sql/vim");
const [PORTS_AT_ONCE, TRUNK_VLANS, REGION_VLANS] = [1_000, 4_000, 4_000];
/** A switch that takes thousands of dummy ports in does not answer for a while. */
const SETTLE_MS = 120_000;

const DAEMON = `
  const [{ startVim }, { systemClock }, { makeLog }] = await Promise.all(["vim.ts", "lib/clock.ts", "lib/log.ts"].map((f) => import(process.argv[1] + f)));
  const vim = await startVim(JSON.parse(process.argv[2]), { clock: systemClock, log: makeLog("vim") });
  console.log(JSON.stringify({ port: vim.port, adminPort: vim.adminPort }));`;

export async function startManyNets(pairCount: number): Promise<ManyNetsRig> {
  await using undo = new AsyncDisposableStack();
  const dir = mkdtempSync(join(tmpdir(), "sempre-many-nets-"));
  undo.defer(() => rmSync(dir, { recursive: true, force: true }));
  const store = join(dir, "vim.db");
  const from = systemClock.now();
  const pairs = await fill(store, pairCount);
  const makingMs = (systemClock.now() - from) / (6 * pairCount);

  const ovs = undo.use(await startOvs({ datapathType: "dummy", ports: [], protocols: ["OpenFlow13"] }));
  await addPorts(ovs, [...trunks(pairCount), ...pairs.map((_, i) => `t${i}`)]);
  const openflow = 20_000 + (process.pid % 20_000);
  await ovs.setControllers(`tcp:127.0.0.1:${openflow}`);
  const config = {
    listen: { host: "127.0.0.1", port: 0, adminHost: "127.0.0.1", adminPort: 0 },
    openflow: { host: "127.0.0.1", port: openflow },
    store,
    libvirtSocket: join(dir, "no-libvirt"),
    ovsdb: ovs.management.replace("br0.mgmt", "db.sock"),
    bridge: "br0",
    runDir: dir,
    accel: "tcg",
  };
  const ends = undo.move();
  return { ovs, pairs, makingMs, start: () => startDaemon(config), [Symbol.asyncDispose]: () => ends.disposeAsync() };
}

const trunks = (pairCount: number) => Array.from({ length: Math.ceil((3 * pairCount) / TRUNK_VLANS) }, (_, i) => `trunk${i}`);

async function fill(path: string, pairCount: number): Promise<Pair[]> {
  const db = await openStore<VimDb>({ path, migrationsDir: MIGRATIONS });
  const vim = await Vim.open({ db, clock: systemClock, log: silent, vlanRange: { first: 1, last: 4094 } });
  await sql`pragma synchronous = off`.execute(db);
  await vim.catalogue.createTenant({ name: "default" });
  const pairs: Pair[] = [];
  for (let i = 0; i < pairCount; i++) {
    const region = `region${Math.floor((2 * i) / REGION_VLANS)}`;
    const data = await vim.nets.createNet({ name: `data${i}`, kind: "data", region });
    const traffic = await vim.nets.createNet({ name: `traffic${i}`, kind: "data", region, bindNet: data.id });
    await vim.ports.createPort({ name: `member${i}`, netId: data.id, switchPort: `t${i}`, mac: macOf(0, i) });
    for (let k = 0; k < 3; k++) {
      const n = 3 * i + k;
      const at = { switchPort: `trunk${Math.floor(n / TRUNK_VLANS)}`, vlan: (n % TRUNK_VLANS) + 1 };
      await vim.ports.createPort({ name: `user${n}`, netId: traffic.id, ...at, mac: i % 2 === 0 ? null : macOf(1, n) });
    }
    pairs.push({ data: data.id, traffic: traffic.id });
  }
  await vim.picture.settled();
  await vim.events.flush();
  await db.destroy();
  return pairs;
}

const macOf = (kind: number, n: number) => `02:0${kind}:00:${n.toString(16).padStart(6, "0").match(/../g)!.join(":")}`;

/** By the database itself: ovs-vsctl looks through all ports for each that it adds. */
async function addPorts(ovs: Ovs, names: readonly string[]): Promise<void> {
  const address = ovs.management.replace("br0.mgmt", "db.sock");
  const session = await OvsdbSession.connect(address, systemClock, silent, { updated: () => {}, closed: () => {} });
  for (let i = 0; i < names.length; i += PORTS_AT_ONCE) {
    const some = names.slice(i, i + PORTS_AT_ONCE);
    const rows = some.flatMap((name, n): Operation[] => [
      { op: "insert", table: "Interface", row: { name, type: "dummy" }, "uuid-name": `interface${n}` },
      { op: "insert", table: "Port", row: { name, interfaces: ["named-uuid", `interface${n}`] }, "uuid-name": `port${n}` },
    ]);
    const ports: Json = ["set", some.map((_, n) => ["named-uuid", `port${n}`])];
    const where = [["name", "==", "br0"]] as const;
    await session.transact([...rows, { op: "mutate", table: "Bridge", where, mutations: [["ports", "insert", ports]] }]);
  }
  session.close();
  const giveUpAt = systemClock.now() + SETTLE_MS;
  const count = async () => (await ovs.ofctl("dump-ports-desc", ovs.management).catch(() => "")).split("addr:").length - 1;
  while ((await count()) < names.length) {
    if (systemClock.now() > giveUpAt) throw new Error("the switch did not take its ports in time");
    await systemClock.sleep(500);
  }
}

async function startDaemon(config: object): Promise<Daemon> {
  const src = new URL("../src/", import.meta.url).href;
  const args = ["--input-type=module", "-e", DAEMON, src, JSON.stringify(config)];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const gone = once(child, "exit");
  const line = (await Promise.race([once(createInterface({ input: child.stdout! }), "line"), gone])) as [string | number];
  if (typeof line[0] !== "string") throw new Error("the VIM ended at its start");
  return {
    ...(JSON.parse(line[0]) as { port: number; adminPort: number }),
    pid: child.pid!,
    async kill() {
      child.kill("SIGKILL");
      await gone;
    },
    memory() {
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      const mib = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024;
      return { resident: mib("VmRSS"), peak: mib("VmHWM") };
    },
  };
}

/** One connection that stays. Resolves with the body; rejects where the answer is not 200. */
export function client(port: number): (method: string, path: string, body?: unknown) => Promise<Record<string, unknown>> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return async (method, path, body) => {
    const headers = { "content-type": "application/json" };
    const req = request({ port, host: "127.0.0.1", method, path: `/openvim${path}`, agent, headers });
    req.end(body === undefined ? undefined : JSON.stringify(body));
    const [reply] = (await once(req, "response")) as [IncomingMessage];
    let text = "";
    for await (const chunk of reply.setEncoding("utf8")) text += chunk;
    if (reply.statusCode !== 200) throw new Error(`${method} ${path}: ${reply.statusCode} ${text}`);
    return JSON.parse(text);
  };
}
