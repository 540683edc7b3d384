import { ms, table } from "../src/cli/table.ts";
import { type Spread, spreadOf } from "../src/lab/stats.ts";
import { systemClock } from "../src/lib/clock.ts";
import { keepLine } from "./kept.ts";
import { switchShare } from "./many-nets-floor.ts";
import { type ManyNetsRig, startManyNets } from "./many-nets-rig.ts";
import { client, type Daemon } from "./vim-process.ts";

export interface ManyNetsBench {
  readonly root: string;
  readonly nets: number;
  readonly binds: number;
}

/** Between two binds: long enough that each is alone, short enough that the passes of a minute fall among them. */
const REST_MS = 8;
const READY_LIMIT_MS = 600_000;
/** Between two looks whether it is ready: each is a request that costs the daemon something. */
const LOOK_EVERY_MS = 50;

/** One change among very many networks, on one real switch: what it costs, what a restart costs, and how much memory all that takes. */
export async function benchManyNets({ root, nets, binds }: ManyNetsBench): Promise<number> {
  console.log(`${nets} networks, ${2 * nets} ports: making them`);
  await using rig = await startManyNets(nets / 2);
  let daemon = await rig.start();
  try {
    const firstMs = await untilReady(rig, daemon, systemClock.now());
    const before = await standing(rig);
    console.log(`${before.entries} entries and ${before.groups} groups written after ${(firstMs / 1000).toFixed(1)} s`);
    await systemClock.sleep(5_000);
    const moved = await move(rig, daemon, binds);
    const edits = await edit(rig, daemon);
    const memory = daemon.memory();
    await daemon.kill();
    const from = systemClock.now();
    daemon = await rig.start();
    const listenMs = systemClock.now() - from;
    const restartMs = await untilReady(rig, daemon, from);
    const after = await standing(rig);
    const isSame = after.entries === before.entries && after.groups === before.groups;
    const afterRestart = daemon.memory();
    await daemon.kill();
    const switchAlone = await switchShare(rig, Math.min(binds, 300), REST_MS);
    const found = { makingMs: rig.makingMs, firstMs, ...moved, ...edits, switchAlone, listenMs, restartMs, memory, afterRestart };
    tell(found);
    keepLine(root, "many-nets", { nets, ports: 2 * nets, ...before, binds, ...found });
    if (!isSame) console.log(`a restart left ${after.entries} entries and ${after.groups} groups`);
    return isSame ? 0 : 1;
  } finally {
    await daemon.kill();
  }
}

/** Until the switch has confirmed a bind: what is asked of it then is all in step. */
async function untilReady({ pairs }: ManyNetsRig, { port }: Daemon, from: number): Promise<number> {
  const ask = client(port);
  const { traffic, data } = pairs[0]!;
  for (;;) {
    const { applied } = await ask("PUT", `/networks/${traffic}/${data}`);
    const readyMs = systemClock.now() - from;
    if (applied !== null) return readyMs;
    if (readyMs > READY_LIMIT_MS) throw new Error("the switch was not in step in time");
    await systemClock.sleep(LOOK_EVERY_MS);
  }
}

async function standing({ ovs }: ManyNetsRig) {
  const [, entries] = /flow_count=(\d+)/.exec(await ovs.ofctl("dump-aggregate", ovs.management)) ?? [];
  const groups = (await ovs.ofctl("dump-groups", ovs.management)).split("group_id=").length - 1;
  return { entries: Number(entries), groups };
}

/** Traffic nets, one after the other, to their neighbour's data net and back. */
async function move({ pairs }: ManyNetsRig, { port }: Daemon, count: number) {
  const ask = client(port);
  const [wire, barrier, reply]: [number[], number[], number[]] = [[], [], []];
  for (let i = 0; i < count; i++) {
    const [own, other] = [pairs[(i >> 1) % pairs.length]!, pairs[((i >> 1) + 1) % pairs.length]!];
    const from = systemClock.now();
    const { applied } = await ask("PUT", `/networks/${own.traffic}/${i % 2 === 0 ? other.data : own.data}`);
    reply.push(systemClock.now() - from);
    const at = applied as { on_wire_mono_ms: number; barrier_mono_ms: number };
    wire.push(at.on_wire_mono_ms - from);
    barrier.push(at.barrier_mono_ms - from);
    await systemClock.sleep(REST_MS);
  }
  return { onWire: spreadOf(wire)!, barrier: spreadOf(barrier)!, reply: spreadOf(reply)! };
}

/** A net with a port comes, the port moves to another net, and both go: each answered when it is stored. */
async function edit({ pairs }: ManyNetsRig, { port, adminPort }: Daemon) {
  const [ask, admin] = [client(port), client(adminPort)];
  const times: number[] = [];
  const timed = async (work: Promise<Record<string, unknown>>) => {
    const from = systemClock.now();
    const done = await work;
    times.push(systemClock.now() - from);
    await systemClock.sleep(REST_MS);
    return done;
  };
  for (let i = 0; i < 100; i++) {
    const { network } = await timed(ask("POST", "/networks", { network: { name: `more${i}`, type: "data", region: "more" } }));
    const at = { "binding:switch_port": "trunk0", "binding:vlan": 4_001 };
    const { id } = network as { id: string };
    const { port: made } = await timed(admin("POST", "/ports", { port: { name: `more${i}`, network_id: id, ...at } }));
    const path = `/ports/${(made as { id: string }).id}`;
    await timed(admin("PUT", path, { port: { network_id: pairs[i]!.traffic } }));
    await timed(admin("DELETE", path));
    await timed(ask("DELETE", `/networks/${id}`));
  }
  return { edits: spreadOf(times)! };
}

interface Found extends Awaited<ReturnType<typeof move>>, Awaited<ReturnType<typeof edit>> {
  /** From the wire to the barrier, of the same changes from a process that does nothing else. */
  readonly switchAlone: Spread;
  readonly makingMs: number;
  readonly firstMs: number;
  readonly listenMs: number;
  readonly restartMs: number;
  readonly memory: ReturnType<Daemon["memory"]>;
  readonly afterRestart: ReturnType<Daemon["memory"]>;
}

function tell(f: Found): void {
  const row = (what: string, s: Found["barrier"]) => [what, ms(s.p50), ms(s.p99), ms(s.max)];
  const rows = [
    row("bind: request to the wire", f.onWire),
    row("bind: request to the barrier", f.barrier),
    row("bind: request to the answer", f.reply),
    row("the switch alone: the wire to the barrier", f.switchAlone),
    row("nets and ports made, moved, deleted: to the answer", f.edits),
  ];
  console.log(`\n${table(["ms", "p50", "p99", "max"], rows)}`);
  console.log(
    `made in ${f.makingMs.toFixed(2)} ms each; killed and started: listens after ${ms(f.listenMs)}, in step after ${ms(f.restartMs)} ms`,
  );
  const mib = (m: Found["memory"]) => `${m.resident.toFixed(0)} MiB (at most ${m.peak.toFixed(0)})`;
  console.log(`memory ${mib(f.memory)}, after the restart ${mib(f.afterRestart)}`);
}
