import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { serveOpenvim } from "../src/api/openvim/serve.ts";
import type { HostEvent } from "../src/hosts/host.ts";
import { SWITCH_PRIORITY } from "../src/lab/priority.ts";
import { systemClock } from "../src/lib/clock.ts";
import { silent } from "../src/lib/log.ts";
import type { ArmedProtection } from "../src/model/armed.ts";
import type { GroupId, ServerId, VnfcId } from "../src/model/ids.ts";
import type { Server, VimNet } from "../src/model/vim-picture.ts";
import { openStore } from "../src/store/open.ts";
import type { VimDb } from "../src/store/vim-schema.ts";
import { listen } from "../src/switch/listen.ts";
import { onHost } from "../src/vim/edges.ts";
import { Vim } from "../src/vim/vim.ts";
import { startOvs } from "../test/harness/ovs.ts";
import { addPorts } from "./dummy-ports.ts";

/** Two members that protect each other, with the traffic net of each. */
export interface Pair {
  readonly id: GroupId;
  readonly members: readonly [Member, Member];
}

export interface Member {
  readonly id: VnfcId;
  readonly server: Server;
  readonly data: VimNet;
  readonly traffic: VimNet;
}

/** A VIM in this process, its store in a file and its switch a real one; its members are told about by hand. */
export interface ThousandRig extends AsyncDisposable {
  readonly vim: Vim;
  readonly pairs: readonly Pair[];
  /** What the compute host says. */
  readonly host: (e: HostEvent) => void;
  /** What the switch has worked since it started, ms. */
  readonly switchMs: () => number;
}

/** The users of all members are behind it, each in a VLAN of its own. */
const TRUNK = "trunk";
/** A switch that takes thousands of dummy ports in does not answer for a while. */
const PATIENT = { intervalMs: 20_000, missesMax: 3 };
const MIGRATIONS = join(import.meta.dirname, "../sql/vim");
/** Reads the event stream as a MANO does, in a process of its own. */
const SUBSCRIBER = `require("http").get(process.argv[1], { headers: { accept: "text/event-stream" } }, (r) => r.resume());`;

export async function startThousandRig(pairCount: number): Promise<ThousandRig> {
  await using undo = new AsyncDisposableStack();
  const dir = mkdtempSync(join(tmpdir(), "sempre-thousand-"));
  undo.defer(() => rmSync(dir, { recursive: true, force: true }));
  const db = undo.adopt(await openStore<VimDb>({ path: join(dir, "vim.db"), migrationsDir: MIGRATIONS }), (s) => s.destroy());
  const vim = await Vim.open({ db, clock: systemClock, log: silent, vlanRange: { first: 1, last: 4094 } });
  undo.defer(async () => {
    await vim.picture.settled();
    await vim.events.flush();
  });
  undo.use(vim.protections);
  await sql`pragma synchronous = off`.execute(db);
  const pairs = await fill(vim, dir, pairCount);
  await sql`pragma synchronous = full`.execute(db);

  const ovs = undo.use(
    await startOvs({ datapathType: "dummy", ports: [], protocols: ["OpenFlow13"], priority: SWITCH_PRIORITY }),
  );
  await addPorts(ovs, [TRUNK, ...portNames(vim, pairs)]);
  const switches = undo.use(
    await listen({ host: "127.0.0.1", tcpPort: 0, clock: systemClock, log: silent, epoch: 1n, keepAlive: PATIENT }),
  );
  const up = new Promise<void>((resolve) => {
    switches.on((e) => {
      if (e.type === "up") vim.fabric.connected(switches.sessions.get(e.datapath)!);
      if (e.type === "up") resolve();
    });
  });
  await ovs.setControllers(`tcp:127.0.0.1:${switches.tcpPort}`);
  await up;
  for (const { server } of pairs.flatMap((p) => p.members)) comesUp(vim, server);
  for (const p of pairs) await vim.protections.arm(armed(p, 1));
  await systemClock.sleep(200); // The stand-ins follow what is armed.
  await vim.fabric.reconcile();
  undo.use(await subscribe(vim));
  await systemClock.sleep(500 + 5 * pairCount); // Plans are worked out ahead.
  const ends = undo.move();
  return {
    vim,
    pairs,
    host: onHost(vim, (await vim.inventory.localHost()).id),
    switchMs: () => ovs.workedMs(),
    [Symbol.asyncDispose]: () => ends.disposeAsync(),
  };
}

/** As a first life begins, or a new one after a failure. */
export function comesUp(vim: Vim, server: Server): void {
  vim.facts.setServer(server.id, { status: "ACTIVE", task: null });
  for (const { id } of vim.picture.portsOf(server.id as ServerId))
    vim.facts.portEvidence({ about: { kind: "port", id }, says: "answers", source: "arpProbe", seenAt: systemClock.now() });
}

export function armed({ id, members: [a, b] }: Pair, revision: number): ArmedProtection {
  const plan = (failed: Member, to: Member) => ({
    failed: failed.id,
    moves: [{ trafficNet: failed.traffic.id, to: to.id, orElse: [] }],
    because: [`${to.id} is up`],
  });
  return {
    id,
    name: id,
    revision,
    holdOffMs: 0,
    members: [a, b].map((m) => ({ id: m.id, name: m.id, serverId: m.server.id, dataNet: m.data.id, capacity: null })),
    plans: [plan(a, b), plan(b, a)],
    probe: null,
    guestHeartbeat: null,
    traffic: null,
  };
}

async function fill(vim: Vim, dir: string, pairCount: number): Promise<Pair[]> {
  const tenant = await vim.catalogue.createTenant({ name: "t" });
  const host = await vim.inventory.localHost();
  vim.picture.hosts.set(host.id, { ...host, cpus: 2 * pairCount, memoryMiB: 2 * pairCount }); // Its members are only told about.
  const path = join(dir, "empty.img");
  writeFileSync(path, "");
  const image = await vim.catalogue.createImage({ name: "i", path });
  const flavor = await vim.catalogue.createFlavor({ name: "f", memoryMiB: 1, vcpus: 1 });
  const member = async (name: string): Promise<Member> => {
    const data = await vim.nets.createNet({ name: `data ${name}`, kind: "data" });
    const traffic = await vim.nets.createNet({ name: `traffic ${name}`, kind: "data" });
    await vim.ports.createPort({ name: `users of ${name}`, netId: traffic.id, switchPort: TRUNK, vlan: traffic.vlan });
    await vim.binds.changeBind(traffic.id, data.id);
    const server = await vim.servers.createServer({
      name,
      tenantId: tenant.id,
      flavorId: flavor.id,
      imageId: image.id,
      start: "yes",
      vnics: [{ netId: data.id, name: "eth1", ip: "10.0.0.100" }],
    });
    return { id: name as VnfcId, server, data, traffic };
  };
  const pairs: Pair[] = [];
  for (let i = 0; i < pairCount; i++)
    pairs.push({ id: `pair-${i}` as GroupId, members: [await member(`a${i}`), await member(`b${i}`)] });
  return pairs;
}

const portNames = (vim: Vim, pairs: readonly Pair[]): string[] =>
  pairs.flatMap((p) => p.members).map((m) => vim.picture.portsOf(m.server.id)[0]!.switchPort!);

async function subscribe(vim: Vim): Promise<Disposable> {
  const app = serveOpenvim(vim, true, { clock: systemClock, log: silent });
  await app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = app.addresses()[0] as AddressInfo;
  const reads = [process.execPath, "-e", SUBSCRIBER, `http://127.0.0.1:${port}/openvim/events`];
  const child: ChildProcess = spawn("chrt", ["--other", "0", ...reads]); // Not at this process's own priority.
  await systemClock.sleep(500);
  return {
    [Symbol.dispose]() {
      child.kill("SIGKILL");
      void app.close();
    },
  };
}
