import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HEAP_MIB_MAX, NODE_ENV, NODE_FLAGS } from "../src/lab/node-flags.ts";
import { systemClock } from "../src/lib/clock.ts";
import { freePort } from "../test/harness/free-port.ts";
import { ManoDaemon } from "../test/mano/daemon.ts";
import { until } from "../test/mano/rig.ts";
import { ToyVim } from "../test/mano/toy-vim.ts";

/** A MANO that is built up that far may take it, with a VIM that is a toy in this process. */
export const WAIT_MS = 60_000;
const LOOK_EVERY_MS = 250;

/** For Node, beside what `docs/how-to/run-the-daemons.md` has: a profile, say, for which the daemon must end by itself. */
const MORE_FLAGS = process.env["XFLAGS"]?.split(" ") ?? [];

/** A MANO as it runs, a process of its own, over a VIM that is a toy in this one and answers at once. Network services are made by name. */
export class NsBed implements AsyncDisposable {
  readonly vim: ToyVim;
  readonly #dir: string;
  readonly #port: number;
  readonly #mano: ManoDaemon;
  readonly #descriptor: string;

  private constructor(vim: ToyVim, dir: string, port: number, mano: ManoDaemon, descriptor: string) {
    this.vim = vim;
    this.#dir = dir;
    this.#port = port;
    this.#mano = mano;
    this.#descriptor = descriptor;
  }

  /** `names`: of the network services that there will be. */
  static async start(root: string, names: readonly string[]): Promise<NsBed> {
    const dir = mkdtempSync(join(tmpdir(), "sempre-bench-"));
    const vim = await new ToyVim(["media_net", ...names.flatMap(netsOf)]).start();
    const port = await freePort();
    const config = join(dir, "mano.json");
    const vims = [{ name: "vim1", url: vim.url, adminUrl: vim.url }];
    writeFileSync(config, JSON.stringify({ mano: { listen: { port }, store: join(dir, "mano.db"), vims } }));
    const mano = new ManoDaemon(config, { flags: [...NODE_FLAGS, HEAP_MIB_MAX, ...MORE_FLAGS], env: NODE_ENV });
    const descriptor = readFileSync(join(root, "examples", "media-relay.yaml"), "utf8");
    const bed = new NsBed(vim, dir, port, mano, descriptor.replace(/wait_to_restore_ms: \d+/, "wait_to_restore_ms: 0"));
    await until("the MANO is up", () => bed.ask("GET", "/mano/v1/vims").catch(() => null), WAIT_MS);
    return bed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mano.kill(MORE_FLAGS.length > 0 ? "SIGTERM" : "SIGKILL");
    await this.vim[Symbol.asyncDispose]();
    rmSync(this.#dir, { recursive: true });
  }

  get residentMiB(): number {
    const status = readFileSync(`/proc/${this.#mano.process.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)![1]) / 1024;
  }

  async ask(method: string, path: string, body?: string, type = "application/json"): Promise<unknown> {
    const headers = { version: versionOf(path), ...(body !== undefined && { "content-type": type }) };
    const res = await fetch(`http://127.0.0.1:${this.#port}${path}`, { method, headers, ...(body !== undefined && { body }) });
    const text = await res.text();
    if (!res.ok) throw new Error(`${method} ${path}: ${res.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  }

  /** From the request to instantiate until the VIM was asked for the last machine is our share of it, ms. */
  async instantiated(name: string): Promise<{ readonly id: string; readonly share: number }> {
    const file = this.#descriptor
      .replaceAll(/(data|traffic)_net([01])/g, `${name}_$1_net$2`)
      .replaceAll(/(id|vnfd|name): media(-relay)?$/gm, (m) => m.replace("media", `${name}-media`));
    await this.ask("POST", "/mano/v1/descriptors", file, "application/yaml");
    const wish = { nsdId: `${name}-media`, nsName: name, nsDescription: "" };
    const { id } = (await this.ask("POST", "/nslcm/v2/ns_instances", JSON.stringify(wish))) as { id: string };
    const left = new Set(serversOf(name));
    const { promise: allAsked, resolve } = Promise.withResolvers<void>();
    this.vim.made = (server) => {
      left.delete(server.name);
      if (left.size === 0) resolve();
    };
    const share = await timed(async () => {
      await this.ask("POST", `/nslcm/v2/ns_instances/${id}/instantiate`, JSON.stringify({ nsFlavourId: "default" }));
      await allAsked;
    });
    return { id, share };
  }

  /** Its guests answer; resolves when it can fail over. */
  async comesUp(name: string, id: string): Promise<void> {
    for (const server of serversOf(name)) this.vim.up(server);
    const end = systemClock.now() + WAIT_MS;
    for (;;) {
      const { underWay } = (await this.ask("GET", `/mano/v1/ns_instances/${id}`)) as { underWay: object | null };
      if (underWay === null) return;
      if (systemClock.now() > end) throw new Error(`${name} cannot fail over within ${WAIT_MS} ms: ${JSON.stringify(underWay)}`);
      await systemClock.sleep(LOOK_EVERY_MS);
    }
  }
}

export const serversOf = (name: string): [string, string] => [`${name}-relay-a`, `${name}-relay-b`];

const netsOf = (name: string): string[] => ["data_net0", "data_net1", "traffic_net0", "traffic_net1"].map((n) => `${name}_${n}`);

const versionOf = (path: string): string => (path.startsWith("/nsfm/") ? "1.3.0" : "2.3.0");

export async function timed(act: () => Promise<unknown>): Promise<number> {
  const from = systemClock.now();
  await act();
  return systemClock.now() - from;
}
