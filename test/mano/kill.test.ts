import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { NsView } from "../../src/model/ns.ts";
import { freePort } from "../harness/free-port.ts";
import { ManoDaemon } from "./daemon.ts";
import { example, NETS, until } from "./rig.ts";
import { ToyVim } from "./toy-vim.ts";

const dir = mkdtempSync(join(tmpdir(), "sempre-kill-"));
afterAll(() => rmSync(dir, { recursive: true }));

async function ask<T>(port: number, method: string, path: string, body?: string): Promise<T | null> {
  try {
    const res = await fetch(`http://127.0.0.1:${port}${path}`, { method, ...(body !== undefined && { body }) });
    return (await res.json()) as T;
  } catch {
    return null; // Not up yet, or just killed.
  }
}

/** Kill -9 while the VIM is asked for the Nth change of an instantiation: before it has done it, and after. */
for (const [nth, when] of [
  [1, "before"],
  [1, "after"],
  [2, "before"],
  [2, "after"],
  [3, "before"],
  [3, "after"],
] as const) {
  test(`killed ${when} request ${nth} of an instantiation is done: the next run finishes it, each server once`, async () => {
    await using vim = await new ToyVim(NETS).start();
    const port = await freePort();
    const config = join(dir, `${nth}-${when}.json`);
    const vims = [{ name: "vim1", url: vim.url, adminUrl: vim.url }];
    writeFileSync(config, JSON.stringify({ mano: { listen: { port }, store: join(dir, `${nth}-${when}.db`), vims } }));
    await using first = new ManoDaemon(config);
    const onboard = () => ask<{ kind: string; id: string }[]>(port, "POST", "/mano/v1/descriptors", example("media-relay.yaml"));
    const nsd = await until("the MANO is up", onboard);
    const nsdId = nsd.find((d) => d.kind === "nsd")!.id;
    const ns = (await ask<NsView>(port, "POST", "/mano/v1/ns_instances", JSON.stringify({ nsdId, nsName: "media" })))!;

    vim.intercept = () => {
      if (vim.asked.length < nth) return true;
      first.process.kill("SIGKILL");
      vim.intercept = () => true;
      return when === "after";
    };
    await ask(port, "POST", `/mano/v1/ns_instances/${ns.id}/instantiate`);
    const boot = setInterval(() => {
      for (const s of vim.servers.values()) if (s.status === "CREATING") vim.up(s.name);
    }, 100);
    await until("it is dead", () => first.process.signalCode !== null);

    await using second = new ManoDaemon(config);
    const seen = () => ask<NsView>(port, "GET", `/mano/v1/ns_instances/${ns.id}`);
    await until("INSTANTIATED", async () => (await seen())?.state === "INSTANTIATED").finally(() => clearInterval(boot));
    expect([...vim.servers.values()].map((s) => s.name).sort()).toEqual(["media-relay-a", "media-relay-b"]);
    expect([vim.boundTo("traffic_net0"), vim.boundTo("traffic_net1")]).toEqual(["data_net0", "data_net1"]);
    expect(await ask(port, "GET", "/mano/v1/failovers")).toEqual([]);

    await second.kill("SIGTERM");
    expect(second.log).not.toContain('"level":60');
  });
}

test("what it has compiled is on the disk while it runs: the start after a kill need not compile it again", async () => {
  const [config, cache] = [join(dir, "alone.json"), join(dir, "compiled")];
  mkdirSync(cache);
  writeFileSync(config, JSON.stringify({ mano: { listen: { port: await freePort() }, store: join(dir, "alone.db"), vims: [] } }));
  await using _ = new ManoDaemon(config, { env: { NODE_COMPILE_CACHE: cache } });
  const kept = () => readdirSync(cache, { recursive: true }).length;
  await until("modules are kept", () => kept() > 100);
});
