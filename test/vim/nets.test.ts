import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import type { NetId } from "../../src/model/ids.ts";
import { openStore } from "../../src/store/open.ts";
import type { VimStore } from "../../src/store/vim-picture.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import { Vim } from "../../src/vim/vim.ts";

const migrationsDir = join(import.meta.dirname, "../../sql/vim");
let db: VimStore;
let vim: Vim;
const open = () => Vim.open({ db, clock: systemClock, log: silent, vlanRange: { first: 100, last: 103 } });

beforeEach(async () => {
  db = await openStore<VimDb>({ path: ":memory:", migrationsDir });
  vim = await open();
});
afterEach(async () => {
  await vim.events.flush();
  await db.destroy();
});

const data = (name: string) => vim.nets.createNet({ name, kind: "data" });

describe("VLAN numbers", () => {
  test("go round: one that became free is given again last, after a restart too", async () => {
    const made = [await data("a"), await data("b"), await data("c")];
    expect(made.map((n) => n.vlan)).toEqual([100, 101, 102]);
    await vim.nets.deleteNet(made[0]!.id);
    await vim.picture.settled();
    vim = await open();
    expect((await data("d")).vlan).toBe(103);
    expect((await data("e")).vlan).toBe(100);
  });

  test("are those of a region: each has all of them", async () => {
    const [overlay, named] = [
      await vim.nets.createNet({ name: "m" }),
      await vim.nets.createNet({ name: "r", kind: "data", region: "east" }),
    ];
    expect([(await data("a")).vlan, overlay.vlan, overlay.provider, overlay.region, named.vlan]).toEqual([
      100,
      100,
      "OVS:100",
      "__OVS__",
      100,
    ]);
  });

  test("used up: refused, and nothing is made", async () => {
    for (const name of ["a", "b", "c", "d"]) await data(name);
    await expect(data("e")).rejects.toMatchObject({
      code: "CONFLICT",
      message: expect.stringMatching(/100 and 103 in region __DATA__/),
    });
    expect(vim.picture.nets.size).toBe(4);
  });

  test("asked for: one net has it, and none is one that no tag can have", async () => {
    await vim.nets.createNet({ name: "a", kind: "data", vlan: 7 });
    await expect(vim.nets.createNet({ name: "b", kind: "data", vlan: 7 })).rejects.toMatchObject({ code: "CONFLICT" });
    await expect(vim.nets.createNet({ name: "b", kind: "data", vlan: 4095 })).rejects.toMatchObject({ code: "INVALID" });
    await expect(vim.nets.createNet({ name: "b", kind: "data", bindVlan: 4095 })).rejects.toMatchObject({ code: "INVALID" });
    const b = await data("b");
    await expect(vim.nets.editNet(b.id, { vlan: 7 })).rejects.toMatchObject({ code: "CONFLICT" });
    expect(vim.picture.nets.get(b.id)?.vlan).toBe(100);
  });
});

describe("a place of the switch is one net's", () => {
  const cable = (name: string, netId: NetId | null, vlan: number | null = null) =>
    vim.ports.createPort({ name, netId, switchPort: "p1", vlan });

  test("of several ports of that net, and of other nets with tags of their own", async () => {
    const [a, b] = [await data("a"), await data("b")];
    await cable("one", a.id);
    await cable("another", a.id);
    await cable("tagged", b.id, 7);
    await expect(cable("third", b.id)).rejects.toMatchObject({
      code: "CONFLICT",
      message: /'p1', untagged, is taken by network 'a'/,
    });
    const idle = await cable("idle", null);
    await expect(vim.ports.editPort(idle.id, { netId: b.id })).rejects.toMatchObject({ code: "CONFLICT" });
    expect(vim.picture.ports.get(idle.id)?.netId).toBeNull();
  });

  test("a net that names it as its provider has it too", async () => {
    const outside = await vim.nets.createNet({ name: "out", provider: "openflow:p1" });
    const b = await data("b");
    expect(outside.kind).toBe("data");
    await expect(cable("one", b.id)).rejects.toMatchObject({ code: "CONFLICT" });
    await cable("tagged", b.id, 7);
    await expect(vim.nets.createNet({ name: "v", vlan: 7, provider: "openflow:p1:vlan" })).rejects.toMatchObject({
      code: "CONFLICT",
    });
    await vim.nets.createNet({ name: "v", vlan: 8, provider: "openflow:p1:vlan" });
    await vim.nets.editNet(outside.id, { provider: null });
    await cable("one", b.id);
  });
});

test("an address is one port's, and never that of our own probes", async () => {
  const mac = "02:00:00:00:00:01";
  await vim.ports.createPort({ name: "one", mac });
  await expect(vim.ports.createPort({ name: "two", mac })).rejects.toMatchObject({ code: "CONFLICT" });
  await expect(vim.ports.createPort({ name: "two", mac: "0e:53:4d:50:52:01" })).rejects.toMatchObject({ code: "INVALID" });
});

test("a port moves between networks, tagged or not, and not to where its place is another's", async () => {
  const [a, b] = [await data("a"), await data("b")];
  for (const at of [{ switchPort: "p7" }, { switchPort: "p8", vlan: 5 }]) {
    const { id } = await vim.ports.createPort({ name: "moves", netId: a.id, ...at });
    expect((await vim.ports.editPort(id, { netId: b.id })).netId).toBe(b.id);
    expect((await vim.ports.editPort(id, { netId: a.id })).netId).toBe(a.id);
    expect((await vim.ports.editPort(id, { netId: null })).netId).toBe(null);
    await vim.ports.createPort({ name: "came meanwhile", netId: a.id, ...at });
    await expect(vim.ports.editPort(id, { netId: b.id })).rejects.toMatchObject({ code: "CONFLICT" });
  }
});

test("port_security is taken where it is kept, and nowhere else", async () => {
  const asked = { name: "held", portSecurity: true };
  const refused = (why: RegExp) => ({ code: "INVALID", message: expect.stringMatching(why) });
  const unable = { whyNoSenders: "nft: is not installed" };
  const parts = { db, clock: systemClock, log: silent, vlanRange: { first: 100, last: 103 } };
  expect((await vim.nets.createNet(asked)).portSecurity).toBe(true);
  const wire = { ...asked, name: "wire", provider: "macvtap:eth9" };
  await expect(vim.nets.createNet(wire)).rejects.toMatchObject(refused(/over macvtap:eth9/));

  for (const n of vim.picture.nets.keys()) await vim.nets.deleteNet(n);
  vim = await Vim.open({ ...parts, ...unable });
  const words = /bridge of each host.*\(nft: is not installed\).*config\.vim\.tunnelIp/;
  await expect(vim.nets.createNet(asked)).rejects.toMatchObject(refused(words));
  const { id } = await vim.nets.createNet({ name: "open" });
  await expect(vim.nets.editNet(id, { portSecurity: true })).rejects.toMatchObject(refused(/tunnelIp/));
  expect([vim.picture.nets.size, vim.picture.nets.get(id)!.portSecurity]).toEqual([1, false]);
  const switched = await vim.nets.createNet({ ...asked, kind: "data" });
  await expect(vim.nets.editNet(switched.id, { kind: "bridge_man" })).rejects.toMatchObject(refused(/'held'/));

  vim = await Vim.open({ ...parts, ...unable, spansHosts: true });
  expect((await vim.nets.editNet(id, { portSecurity: true })).portSecurity).toBe(true);
  const over = { ...asked, provider: "bridge:br-ext" };
  await expect(vim.nets.createNet(over)).rejects.toMatchObject(refused(/bridge of each host/));
});
