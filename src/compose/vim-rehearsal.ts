import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { systemClock } from "../lib/clock.ts";
import { silent } from "../lib/log.ts";
import type { ArmedProtection } from "../model/armed.ts";
import type { GroupId, VnfcId } from "../model/ids.ts";
import type { Server, VimNet } from "../model/vim-picture.ts";
import { openStore } from "../store/open.ts";
import type { VimDb } from "../store/vim-schema.ts";
import { listen } from "../switch/listen.ts";
import { onHost } from "../vim/edges.ts";
import { Vim } from "../vim/vim.ts";
import { Framer } from "../wire/openflow/framer.ts";
import { encodeHello } from "../wire/openflow/hello.ts";
import { type Message13, of13 } from "../wire/openflow/of13.ts";

const MIGRATIONS = join(import.meta.dirname, "..", "..", "sql", "vim");
/** After so many the code of a failover is compiled, and knows the shapes of what it is given. */
const TIMES = 10;
/** Members that fail together in every other of them: what is done for each of many is then compiled too. */
const AT_ONCE = 10;
/** Plans are worked out ahead a moment after what they follow from. */
const PLANNED_MS = 40;
/** Longer than all of it takes on the slowest machine: who waits for it has other things to do. */
const LIMIT_MS = 10_000;
const TRUNK = "trunk";
const PARTS = { clock: systemClock, log: silent };

type Pair = readonly [Member, Member];

interface Member {
  readonly id: VnfcId;
  readonly server: Server;
  readonly data: VimNet;
  readonly traffic: VimNet;
}

/**
 * Fails members of nobody again and again, one alone and several together in turn, from the evidence to the switch's word, in a VIM of its own that
 * ends with it: its store is in memory, and its switch says yes to all. Without it the first failover of a daemon takes three times as long as all
 * others, in code that never ran. Gives how long each of one alone took from the evidence to the wire, ms. Rejects where that does not come to an end.
 */
export async function rehearse(): Promise<number[]> {
  using late = tooLate();
  await using undo = new AsyncDisposableStack();
  const db = undo.adopt(await openStore<VimDb>({ path: ":memory:", migrationsDir: MIGRATIONS }), (s) => s.destroy());
  const vim = await Vim.open({ db, ...PARTS, vlanRange: { first: 1, last: 4094 } });
  undo.defer(async () => {
    await vim.picture.settled();
    await vim.events.end();
  });
  undo.use(vim.protections);
  const pairs = await castOf(vim);
  const switches = undo.use(await listen({ host: "127.0.0.1", tcpPort: 0, ...PARTS, epoch: 1n }));
  const isUp = Promise.withResolvers<void>();
  switches.on((e) => {
    if (e.type !== "up") return;
    vim.fabric.connected(switches.sessions.get(e.datapath)!);
    isUp.resolve();
  });
  const ports = pairs.flat().flatMap(({ server }) => vim.picture.portsOf(server.id).map((p) => p.switchPort!));
  undo.use(await joinAsSwitch(switches.tcpPort, [TRUNK, ...ports]));
  await Promise.race([isUp.promise, late.reached]);
  await vim.fabric.reconcile();
  const host = onHost(vim, (await vim.inventory.localHost()).id);
  const tookMs: number[] = [];
  for (let revision = 1; revision <= TIMES; revision++) {
    const isAlone = revision % 2 === 1;
    const took = await Promise.race([failOnce(vim, host, isAlone ? pairs.slice(0, 1) : pairs, revision), late.reached]);
    if (isAlone) tookMs.push(took);
  }
  return tookMs;
}

/** `reached` rejects when it has taken too long. */
function tooLate(): Disposable & { readonly reached: Promise<never> } {
  const { promise: reached, reject } = Promise.withResolvers<never>();
  reached.catch(() => {}); // Heard where something is waited for.
  const timer = setTimeout(() => reject(new Error(`it was not over after ${LIMIT_MS} ms`)), LIMIT_MS);
  return { reached, [Symbol.dispose]: () => clearTimeout(timer) };
}

async function castOf(vim: Vim): Promise<readonly Pair[]> {
  const host = await vim.inventory.localHost();
  vim.picture.hosts.set(host.id, { ...host, cpus: 2 * AT_ONCE, memoryMiB: 2 * AT_ONCE });
  const tenant = await vim.catalogue.createTenant({ name: "t" });
  const image = await vim.catalogue.createImage({ name: "i", path: "/dev/null" });
  const flavor = await vim.catalogue.createFlavor({ name: "f", memoryMiB: 1, vcpus: 1 });
  const member = async (name: string): Promise<Member> => {
    const data = await vim.nets.createNet({ name: `data ${name}`, kind: "data" });
    const traffic = await vim.nets.createNet({ name: `traffic ${name}`, kind: "data" });
    await vim.ports.createPort({ name: `users of ${name}`, netId: traffic.id, switchPort: TRUNK, vlan: traffic.vlan });
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
  for (let i = 0; i < AT_ONCE; i++) pairs.push([await member(`a${i}`), await member(`b${i}`)]);
  return pairs;
}

/** The first of each pair ends. ms from the evidence to the wire. */
async function failOnce(vim: Vim, host: ReturnType<typeof onHost>, pairs: readonly Pair[], revision: number): Promise<number> {
  for (const { server, data, traffic } of pairs.flat()) {
    vim.facts.setServer(server.id, { status: "ACTIVE", task: null });
    for (const { id } of vim.picture.portsOf(server.id))
      vim.facts.portEvidence({ about: { kind: "port", id }, says: "answers", source: "arpProbe", seenAt: systemClock.now() });
    await vim.binds.changeBind(traffic.id, data.id);
  }
  for (const members of pairs) await vim.protections.arm(armed(members, revision));
  await systemClock.sleep(PLANNED_MS);
  const confirmed = Promise.withResolvers<number>();
  const seenAt = systemClock.now();
  const end = vim.events.subscribe((e) => {
    if (e.type === "protection.confirmed") confirmed.resolve((e.fired.onWireAt ?? seenAt) - seenAt);
  });
  for (const [failing] of pairs) {
    const about = { kind: "server", id: failing.server.id } as const;
    host({ type: "evidence", evidence: { about, says: "stopped", source: "processExit", seenAt } });
  }
  return confirmed.promise.finally(end);
}

function armed(members: Pair, revision: number): ArmedProtection {
  const plan = (failed: Member, to: Member) => ({
    failed: failed.id,
    moves: [{ trafficNet: failed.traffic.id, to: to.id, orElse: [] }],
    because: ["rehearsed"],
  });
  const [a, b] = members;
  return {
    id: a.id as string as GroupId,
    name: "rehearsal",
    revision,
    holdOffMs: 0,
    members: members.map((m) => ({ id: m.id, name: m.id, serverId: m.server.id, dataNet: m.data.id, capacity: null })),
    plans: [plan(a, b), plan(b, a)],
    probe: null,
    guestHeartbeat: null,
    traffic: null,
  };
}

/** A switch of OpenFlow 1.3 with these ports, which is empty whenever it is read and refuses nothing. */
async function joinAsSwitch(tcpPort: number, ports: readonly string[]): Promise<Disposable> {
  const socket = connect(tcpPort, "127.0.0.1");
  await once(socket, "connect");
  socket.setNoDelay(true);
  socket.on("error", () => {}); // Its controller has ended.
  const framer = new Framer();
  socket.on("data", (chunk: Buffer) => {
    for (const frame of framer.push(chunk).filter((f) => f[1] !== HELLO)) {
      const answer = answerTo(of13.decode(frame), ports);
      if (answer !== null) socket.write(of13.encode(answer));
    }
  });
  socket.write(encodeHello(1));
  return { [Symbol.dispose]: () => socket.destroy() };
}

const HELLO = 0;
const PORT_AT_REST = {
  mac: "02:00:00:00:00:01",
  config: 0,
  state: 0,
  current: 0,
  advertised: 0,
  supported: 0,
  peer: 0,
  speedNow: 0,
  speedMax: 0,
};

function answerTo(asked: Message13, ports: readonly string[]): Message13 | null {
  const { xid } = asked;
  switch (asked.kind) {
    case "featuresRequest":
      return { kind: "featuresReply", xid, datapath: 1n, buffers: 0, tables: 1, auxiliary: 0, capabilities: 0, reserved: 0 };
    case "roleRequest":
      return { ...asked, kind: "roleReply" };
    case "barrierRequest":
      return { kind: "barrierReply", xid };
    case "echoRequest":
      return { ...asked, kind: "echoReply" };
    case "multipartRequest": {
      const { kind } = asked.part;
      if (kind === "portDesc")
        return {
          kind: "multipartReply",
          xid,
          part: { kind, flags: 0, ports: ports.map((name, i) => ({ ...PORT_AT_REST, no: i + 1, name })) },
        };
      if (kind === "flow") return { kind: "multipartReply", xid, part: { kind, flags: 0, entries: [] } };
      return kind === "groupDesc" ? { kind: "multipartReply", xid, part: { kind, flags: 0, groups: [] } } : null;
    }
    default:
      return null;
  }
}
