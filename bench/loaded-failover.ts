import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { serveOpenvim } from "../src/api/openvim/serve.ts";
import { ms, table } from "../src/cli/table.ts";
import { openProcessExit, type ProcessExit } from "../src/hosts/process-exit.ts";
import { readProcess } from "../src/hosts/qemu-process.ts";
import { type Spread, spreadOf } from "../src/lab/stats.ts";
import { systemClock } from "../src/lib/clock.ts";
import { silent } from "../src/lib/log.ts";
import type { Fired } from "../src/model/armed.ts";
import type { VimEvent } from "../src/model/vim-event.ts";
import type { HttpLoad, HttpLoadResult } from "./http-load.ts";
import { CORES, startLoad } from "./load-process.ts";
import { armed, comesUp, type Pair, startThousandRig, type ThousandRig } from "./thousand-rig.ts";

/** Pairs that exist; one of them fails each time. */
const PAIRS = 10;
/** Until stand-ins and plans follow what was armed anew. */
const REST_MS = 200;
const GIVE_UP_MS = 5_000;

/** Kills what it is told to a little later, in a moment that nobody here has chosen, and says when. */
const KILLER = `
  require("node:readline").createInterface({ input: process.stdin }).on("line", (pid) => setTimeout(() => {
    const at = process.hrtime.bigint();
    process.kill(Number(pid), "SIGKILL");
    console.log(String(Number(at) / 1e6));
  }, Math.random() * 20));`;

export interface LoadedFailovers {
  readonly figures: Readonly<Record<string, object>>;
  readonly shown: string;
  /** Failovers that did not come. */
  readonly missed: number;
}

/**
 * A process that stands for a member's QEMU is killed, the kernel tells, the armed plan fires, and a real switch confirms: with the API
 * idle, and with clients that ask as fast as it answers. The VIM has one core for itself, and everything else the other.
 */
export async function failoversUnderLoad({ clients, runs }: { clients: number; runs: number }): Promise<LoadedFailovers> {
  await using undo = new AsyncDisposableStack();
  const rig = undo.use(await startThousandRig(PAIRS));
  const exits = await openProcessExit({ clock: systemClock, log: silent });
  if (exits === null) throw new Error("the kernel's process connector is needed: run this as root, outside of containers");
  undo.use(exits);
  const killer = undo.adopt(
    spawn(process.execPath, ["-e", KILLER], { stdio: ["pipe", "pipe", "inherit"] }),
    (c) => void c.kill(),
  );
  const app = undo.adopt(serveOpenvim(rig.vim, true, { clock: systemClock, log: silent }), (a) => a.close());
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.addresses()[0] as AddressInfo;
  for (const [pid, core] of [
    [process.pid, CORES.daemon],
    [killer.pid!, CORES.others],
  ])
    execFileSync("taskset", ["-acp", String(core), String(pid)]);
  undo.defer(() => void execFileSync("taskset", ["-acp", `0-${Math.max(CORES.daemon, CORES.others)}`, String(process.pid)]));

  const course = new Course(rig, exits, killer);
  const oneNet = `/openvim/networks/${rig.pairs[0]!.members[0].traffic.id}`;
  const loads: Readonly<Record<string, Pick<HttpLoad, "method" | "path" | "body"> | null>> = {
    idle: null,
    "GET one network": { method: "GET", path: oneNet },
    "PUT network": { method: "PUT", path: oneNet, body: '{"network":{"name":"n#"}}' },
  };
  await course.fail(Math.min(runs, 20)); // Code that ran never is slow the first time.
  const figures: Record<string, { wire: Spread; barrier: Spread; n: number; load: HttpLoadResult | null }> = {};
  for (const [what, load] of Object.entries(loads)) {
    const asking = load && startLoad({ ...load, clients, port });
    if (asking) await systemClock.sleep(1_000);
    const done = await course.fail(runs);
    asking?.end();
    const [wire, barrier] = [spreadOf(done.map((d) => d.wire))!, spreadOf(done.map((d) => d.barrier))!];
    figures[what] = { wire, barrier, n: done.length, load: (await asking?.done) ?? null };
  }
  return { figures, shown: shown(figures), missed: course.missed };
}

const three = (s: Spread) => [ms(s.p50), ms(s.p99), ms(s.max)];

function shown(figures: Record<string, { wire: Spread; barrier: Spread; n: number; load: HttpLoadResult | null }>): string {
  const rows = Object.entries(figures).map(([what, { wire, barrier, n, load }]) => [
    what,
    load === null ? "-" : String(load.perSecond),
    ...[String(n), ...three(wire), ...three(barrier)],
  ]);
  const heading = ["API meanwhile", "per s", "n", "kill → wire p50", "p99", "max", "kill → barrier p50", "p99", "max"];
  return table(heading, rows);
}

/** Failovers one after the other, of one pair after the other. */
class Course {
  readonly #rig: ThousandRig;
  readonly #exits: ProcessExit;
  readonly #killer: ChildProcess;
  readonly #killed: AsyncIterator<string>;
  #revision = 1;
  #next = 0;
  missed = 0;

  constructor(rig: ThousandRig, exits: ProcessExit, killer: ChildProcess) {
    [this.#rig, this.#exits, this.#killer] = [rig, exits, killer];
    this.#killed = createInterface({ input: killer.stdout! })[Symbol.asyncIterator]();
  }

  async fail(count: number): Promise<{ readonly wire: number; readonly barrier: number }[]> {
    const done = [];
    for (let i = 0; i < count; i++) {
      const pair = this.#rig.pairs[this.#next++ % this.#rig.pairs.length]!;
      const found = await this.#failOne(pair);
      if (found === null) this.missed++;
      else done.push(found);
      await this.#restore(pair);
    }
    return done;
  }

  async #failOne({ id, members: [a] }: Pair): Promise<{ wire: number; barrier: number } | null> {
    const { vim, host } = this.#rig;
    const victim = spawn("sleep", ["3600"], { stdio: "ignore" });
    await once(victim, "spawn");
    const about = { kind: "server", id: a.server.id } as const;
    const unwatch = this.#exits.watch((await readProcess(victim.pid!))!, ({ seenAt }) =>
      host({ type: "evidence", evidence: { about, says: "stopped", source: "processExit", seenAt } }),
    );
    const confirmed = Promise.withResolvers<Fired>();
    const unsubscribe = vim.events.subscribe((e: VimEvent) => {
      if (e.type === "protection.confirmed" && e.fired.protectionId === id) confirmed.resolve(e.fired);
    });
    this.#killer.stdin!.write(`${victim.pid}\n`);
    const killedAt = Number((await this.#killed.next()).value);
    const fired = await Promise.race([confirmed.promise, systemClock.sleep(GIVE_UP_MS).then(() => null)]);
    unsubscribe();
    unwatch();
    const { onWireAt, barrierAt } = fired ?? {};
    return onWireAt && barrierAt ? { wire: onWireAt - killedAt, barrier: barrierAt - killedAt } : null;
  }

  async #restore(pair: Pair): Promise<void> {
    const { vim } = this.#rig;
    const [a] = pair.members;
    comesUp(vim, a.server);
    await vim.binds.changeBind(a.traffic.id, a.data.id);
    await vim.protections.arm(armed(pair, ++this.#revision));
    await vim.picture.settled();
    await systemClock.sleep(REST_MS);
  }
}
