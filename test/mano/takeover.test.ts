import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { freePort } from "../harness/free-port.ts";
import { ManoDaemon } from "./daemon.ts";
import { example, NETS, until } from "./rig.ts";
import { ToyVim } from "./toy-vim.ts";

const dir = mkdtempSync(join(tmpdir(), "sempre-takeover-"));
afterAll(() => rmSync(dir, { recursive: true }));

const isUp = (port: number) =>
  fetch(`http://127.0.0.1:${port}/mano/v1/failovers`).then(
    (res) => res.ok,
    () => false,
  );

const post = (port: number, path: string, body: string) => fetch(`http://127.0.0.1:${port}${path}`, { method: "POST", body });
const createNs = (port: number, nsdId: string, nsName: string) =>
  post(port, "/mano/v1/ns_instances", JSON.stringify({ nsdId, nsName }));

function settings(name: string, port: number, vim: ToyVim): string {
  const path = join(dir, `${name}.json`);
  const vims = [{ name: "vim1", url: vim.url, adminUrl: vim.url }];
  writeFileSync(path, JSON.stringify({ mano: { listen: { port }, store: join(dir, "mano.db"), vims } }));
  return path;
}

test("a second MANO on the same store takes over, and the first ends by itself; one that cannot listen takes nothing", async () => {
  await using vim = await new ToyVim(NETS).start();
  const [port, otherPort] = [await freePort(), await freePort()];
  await using first = new ManoDaemon(settings("first", port, vim));
  await until("the first is up", () => isUp(port));

  await using refused = new ManoDaemon(settings("refused", port, vim));
  await until("the refused one has ended", () => refused.process.exitCode !== null);
  expect(refused.log).toContain(String(port));
  const made = (await (await post(port, "/mano/v1/descriptors", example("media-relay.yaml"))).json()) as {
    kind: string;
    id: string;
  }[];
  const nsdId = made.find((d) => d.kind === "nsd")!.id;
  expect((await createNs(port, nsdId, "one")).status).toBe(201);
  expect(first.process.exitCode).toBeNull();

  await using _second = new ManoDaemon(settings("second", otherPort, vim));
  await until("the second is up", () => isUp(otherPort));
  const late = await createNs(port, nsdId, "two").catch(() => null); // It may be gone before it can answer.
  expect(late?.ok ?? false).toBe(false);
  await until("the first has ended", () => first.process.exitCode !== null);
  expect(first.process.exitCode).toBe(75);
  expect(first.log).toContain("another daemon has taken over");
  const seen = (await (await fetch(`http://127.0.0.1:${otherPort}/mano/v1/ns_instances`)).json()) as { name: string }[];
  expect(seen.map((ns) => ns.name)).toEqual(["one"]);
});
