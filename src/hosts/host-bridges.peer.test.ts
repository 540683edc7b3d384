import { afterAll, beforeAll, expect, test } from "vitest";
import { ip, namespaces } from "../../test/harness/far-end.ts";
import { HostBridges } from "./host-bridges.ts";

/** Real bridges of a real kernel, in a namespace of the test's own. */
const HOST = `hb-${process.pid}`;
const undo = new AsyncDisposableStack();

beforeAll(() => namespaces([HOST], undo));
afterAll(() => undo.disposeAsync());

const there = async () =>
  (JSON.parse((await ip("-n", HOST, "-j", "link", "show", "type", "bridge")) || "[]") as { ifname?: string }[])
    .flatMap((l) => l.ifname ?? [])
    .sort();

test("one that nobody needs goes when nothing is plugged in, after a restart too; another's stays", async () => {
  const bridges = new HostBridges("/one");
  await ip("-n", HOST, "link", "add", "name", "ovim-9", "type", "bridge");
  for (const name of ["ovim-1", "ovim-2", "ovim-3", "ovim-9"])
    for (let twice = 0; twice < 2; twice++) await bridges.ensure(name, HOST);
  await new HostBridges("/two").ensure("ovim-8", HOST);
  await ip("-n", HOST, "link", "add", "name", "plug", "type", "veth", "peer", "name", "far");
  await ip("-n", HOST, "link", "set", "dev", "plug", "master", "ovim-2");

  const needs =
    (...names: string[]) =>
    (name: string) =>
      names.includes(name);
  await bridges.sweep(HOST, needs("ovim-1", "ovim-3"));
  expect(await there()).toEqual(["ovim-1", "ovim-2", "ovim-3", "ovim-8", "ovim-9"]);
  await bridges.sweep(HOST, needs("ovim-1"));
  expect(await there()).toEqual(["ovim-1", "ovim-2", "ovim-8", "ovim-9"]);
  await ip("-n", HOST, "link", "del", "dev", "plug");
  await new HostBridges("/one").sweep(HOST, needs("ovim-1"));
  expect(await there()).toEqual(["ovim-1", "ovim-8", "ovim-9"]);
  await bridges.sweep(HOST, needs());
  expect(await there()).toEqual(["ovim-8", "ovim-9"]);
});

test("one that is asked for while it is swept is there after", async () => {
  const bridges = new HostBridges("/one");
  await bridges.ensure("ovim-4", HOST);
  await Promise.all([bridges.sweep(HOST, () => false), bridges.ensure("ovim-4", HOST)]);
  expect(await there()).toContain("ovim-4");
});

test("what this machine cannot is told in the words of the tool", async () => {
  await expect(new HostBridges("/one").ensure("a-name-that-is-too-long", HOST)).rejects.toMatchObject({ code: "MISSING_PART" });
});
