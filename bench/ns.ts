import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ms, table } from "../src/cli/table.ts";
import { HEAP_MIB_MAX, NODE_ENV, NODE_FLAGS } from "../src/lab/node-flags.ts";
import { spreadOf } from "../src/lab/stats.ts";
import { systemClock } from "../src/lib/clock.ts";
import { freePort } from "../test/harness/free-port.ts";
import { ManoDaemon } from "../test/mano/daemon.ts";
import { until } from "../test/mano/rig.ts";
import { ToyVim } from "../test/mano/toy-vim.ts";
import { keepLine } from "./kept.ts";

/** What issue 5 asks for. */
const INSTANTIATION_P95_MS = 50;
const LIST_P99_MS = 50;
const MEMORY_MIB = 256;
/** A MANO that is built up that far may take it, with a VIM that is a toy in this process. */
const WAIT_MS = 60_000;
/** Network services that come up while the next one is asked for. */
const COMING_UP_MAX = 16;
const LOOK_EVERY_MS = 250;
const TELL_EVERY = 50;
const LISTS = 200;

/**
 * A MANO with many network services, each with a protection group, over a VIM that answers at once. Our share of an instantiation: from its
 * request until the VIM was asked for the last machine. Then how long lists take, and the memory of the MANO.
 */
export async function benchNs({ root, runs }: { readonly root: string; readonly runs: number }): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), "sempre-bench-"));
  try {
    const names = Array.from({ length: runs }, (_, n) => `n${n}`);
    await using vim = await new ToyVim(["media_net", ...names.flatMap(netsOf)]).start();
    const port = await freePort();
    const config = join(dir, "mano.json");
    const vims = [{ name: "vim1", url: vim.url, adminUrl: vim.url }];
    writeFileSync(config, JSON.stringify({ mano: { listen: { port }, store: join(dir, "mano.db"), vims } }));
    await using mano = new ManoDaemon(config, {
      flags: [...NODE_FLAGS, HEAP_MIB_MAX, ...(process.env["XFLAGS"]?.split(" ") ?? [])],
      env: NODE_ENV,
    });
    await until("the MANO is up", () => ask(port, "GET", "/mano/v1/vims").catch(() => null), WAIT_MS);
    const plain = readFileSync(join(root, "examples", "media-relay.yaml"), "utf8");
    const begunAt = systemClock.now();
    const shares: number[] = [];
    const comingUp = new Set<Promise<void>>();
    for (const name of names) {
      const { id, share } = await instantiated(port, vim, name, plain);
      shares.push(share);
      const up = comesUp(port, vim, name, id).finally(() => comingUp.delete(up));
      comingUp.add(up);
      if (comingUp.size >= COMING_UP_MAX) await Promise.race(comingUp);
      if (shares.length % TELL_EVERY === 0) tell(shares.length, runs, begunAt, mano.process.pid!);
    }
    await Promise.all(comingUp);
    const lists: number[] = [];
    for (let n = 0; n < LISTS; n++) lists.push(await timed(() => ask(port, "GET", "/nslcm/v2/ns_instances")));
    return told(root, runs, shares, lists, residentMiB(mano.process.pid!));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const netsOf = (name: string): string[] => ["data_net0", "data_net1", "traffic_net0", "traffic_net1"].map((n) => `${name}_${n}`);

/** Gives our share of it, ms. */
async function instantiated(
  port: number,
  vim: ToyVim,
  name: string,
  plain: string,
): Promise<{ readonly id: string; readonly share: number }> {
  const file = plain
    .replaceAll(/(data|traffic)_net([01])/g, `${name}_$1_net$2`)
    .replaceAll(/(id|vnfd|name): media(-relay)?$/gm, (m) => m.replace("media", `${name}-media`));
  await ask(port, "POST", "/mano/v1/descriptors", file, "application/yaml");
  const wish = { nsdId: `${name}-media`, nsName: name, nsDescription: "" };
  const { id } = (await ask(port, "POST", "/nslcm/v2/ns_instances", JSON.stringify(wish))) as { id: string };
  const left = new Set(serversOf(name));
  const { promise: allAsked, resolve } = Promise.withResolvers<void>();
  vim.made = (server) => {
    left.delete(server.name);
    if (left.size === 0) resolve();
  };
  const share = await timed(async () => {
    await ask(port, "POST", `/nslcm/v2/ns_instances/${id}/instantiate`, JSON.stringify({ nsFlavourId: "default" }));
    await allAsked;
  });
  return { id, share };
}

const serversOf = (name: string): string[] => [`${name}-relay-a`, `${name}-relay-b`];

/** Its guests answer; resolves when it can fail over. */
async function comesUp(port: number, vim: ToyVim, name: string, id: string): Promise<void> {
  for (const server of serversOf(name)) vim.up(server);
  const end = systemClock.now() + WAIT_MS;
  for (;;) {
    const { underWay } = (await ask(port, "GET", `/mano/v1/ns_instances/${id}`)) as { underWay: object | null };
    if (underWay === null) return;
    if (systemClock.now() > end) throw new Error(`${name} cannot fail over within ${WAIT_MS} ms: ${JSON.stringify(underWay)}`);
    await systemClock.sleep(LOOK_EVERY_MS);
  }
}

function tell(done: number, runs: number, begunAt: number, pid: number): void {
  const seconds = (systemClock.now() - begunAt) / 1_000;
  const leftSeconds = (seconds / done) * (runs - done);
  console.log(
    `${done} of ${runs} network services after ${seconds.toFixed(0)} s, about ${leftSeconds.toFixed(0)} s left; MANO ${residentMiB(pid).toFixed(0)} MiB`,
  );
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const from = systemClock.now();
  await act();
  return systemClock.now() - from;
}

async function ask(port: number, method: string, path: string, body?: string, type = "application/json"): Promise<unknown> {
  const headers = { version: "2.3.0", ...(body !== undefined && { "content-type": type }) };
  const res = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers, ...(body !== undefined && { body }) });
  const text = await res.text();
  if (!res.ok) throw new Error(`${method} ${path}: ${res.status} ${text}`);
  return text === "" ? null : JSON.parse(text);
}

const residentMiB = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;

function told(root: string, count: number, shares: readonly number[], lists: readonly number[], memoryMiB: number): number {
  const [share, list] = [spreadOf(shares)!, spreadOf(lists)!];
  const p95 = [...shares].sort((a, b) => a - b)[Math.ceil(shares.length * 0.95) - 1]!;
  console.log(
    table(
      [`${count} network services, ms`, "p50", "p95", "p99", "max"],
      [
        ["our share of an instantiation", ms(share.p50), ms(p95), ms(share.p99), ms(share.max)],
        ["a list of them", ms(list.p50), "", ms(list.p99), ms(list.max)],
      ],
    ),
  );
  console.log(`memory of the MANO: ${memoryMiB.toFixed(0)} MiB`);
  keepLine(root, "ns", { count, instantiation: { ...share, p95 }, list, memoryMiB });
  return p95 <= INSTANTIATION_P95_MS && list.p99 <= LIST_P99_MS && memoryMiB <= MEMORY_MIB ? 0 : 1;
}
