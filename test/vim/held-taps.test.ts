import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock as clock } from "../../src/lib/clock.ts";
import { silent as log } from "../../src/lib/log.ts";
import type { HeldTap } from "../../src/model/held-tap.ts";
import type { HostId, ServerId, TenantId } from "../../src/model/ids.ts";
import { openStore } from "../../src/store/open.ts";
import type { VimStore } from "../../src/store/vim-picture.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import { bridgeTapName } from "../../src/vim/ports.ts";
import { Vim } from "../../src/vim/vim.ts";

/** Who on a bridge of a host is to be held there, and who cannot be. With a kernel: sender-table.test.ts; with a guest: bridge-senders.test.ts. */
let db: VimStore;
let vim: Vim;
let host: HostId;
let held: readonly HeldTap[];
let made = 0;
const edge = {
  hold: async (taps: readonly HeldTap[]) => {
    held = taps;
  },
};

beforeEach(async () => {
  db = await openStore<VimDb>({ path: ":memory:", migrationsDir: join(import.meta.dirname, "../../sql/vim") });
  vim = await Vim.open({ db, clock, log, vlanRange: { first: 100, last: 199 } });
  host = (await vim.inventory.localHost()).id;
  await vim.inventory.hasRoom(host, { memoryMiB: 1_000, cpus: 9 });
  held = [];
  vim.senders.edges.set(host, edge);
});
afterEach(async () => {
  await vim.picture.settled();
  await vim.events.flush();
  await db.destroy();
});

async function server(netId: string, more: object = {}): Promise<ServerId> {
  const tenantId = ([...vim.picture.tenants.keys()][0] ?? (await vim.catalogue.createTenant({ name: "t" })).id) as TenantId;
  const { id: imageId } = await vim.catalogue.createImage({ name: "i", path: `/i${++made}` });
  const { id: flavorId } = await vim.catalogue.createFlavor({ name: "f", memoryMiB: 1, vcpus: 1 });
  const vnics = [{ netId: netId as never, name: "eth0", ...more }];
  return (await vim.servers.createServer({ name: "s", tenantId, imageId, flavorId, start: "yes", vnics })).id;
}
const portOf = (id: ServerId) => vim.picture.portsOf(id)[0]!;
const tapOf = (id: ServerId) => bridgeTapName(portOf(id).id, host);
const heldNow = async () => {
  await vim.senders.pass();
  return held.map(({ tap }) => tap);
};

test("a port is held as its net or itself asks, on its host, and not on the switch's nets", async () => {
  const { id: man } = await vim.nets.createNet({ name: "man", portSecurity: true });
  const { id: data } = await vim.nets.createNet({ name: "data", kind: "data", portSecurity: true });
  const [a, b] = [await server(man), await server(man, { portSecurity: false })];
  await server(data);
  expect(await heldNow()).toEqual([tapOf(a)]);
  await vim.ports.editPort(portOf(b).id, { portSecurity: true, allowedPairs: [{ mac: null, ip: "10.0.0.7" }] });
  expect(await heldNow()).toEqual([tapOf(a), tapOf(b)]);
  expect(held[0]!.allowed).toEqual([{ ethSrc: portOf(a).mac }]); // No address of it is known.
  expect(held[1]!.allowed).toContainEqual({ ethSrc: portOf(b).mac, ipv4Src: "10.0.0.7" });
  await vim.nets.editNet(man, { portSecurity: false });
  expect(await heldNow()).toEqual([tapOf(b)]);
});

test("of a server that is gone all is closed until it is off, where it was held or has the time to end", async () => {
  const { id: man } = await vim.nets.createNet({ name: "man", portSecurity: true });
  const { id: open } = await vim.nets.createNet({ name: "open" });
  const [a, b, c] = [await server(man), await server(open), await server(open)];
  const taps = [tapOf(a), tapOf(b)];
  vim.facts.setServer(b, { status: "ACTIVE" });
  await vim.servers.deleteServer(a, { asksGuest: false });
  await vim.servers.deleteServer(b, { asksGuest: true });
  await vim.servers.deleteServer(c, { asksGuest: false });
  expect(await heldNow()).toEqual(taps);
  expect(held.map(({ allowed }) => allowed)).toEqual([[], []]);
  await vim.picture.settled();
  vim = await Vim.open({ db, clock, log, vlanRange: { first: 100, last: 199 } });
  vim.senders.edges.set(host, edge);
  expect(await heldNow()).toEqual(taps);
  vim.picture.leftovers.clear();
  expect(await heldNow()).toEqual([]);
});

test("a server that is back on a host before what it left there is gone: its tap is closed until then, and is there once", async () => {
  const { id: man } = await vim.nets.createNet({ name: "man", portSecurity: true });
  const back = await server(man);
  const left = { serverId: back, hostId: host, taps: [], bridgeTaps: [tapOf(back)], pinned: null, asksGuest: false };
  vim.picture.leftovers.set("left", left);
  expect(await heldNow()).toEqual([tapOf(back)]);
  expect(held[0]!.allowed).toEqual([]);
  vim.picture.leftovers.clear();
  expect(await heldNow()).toEqual([tapOf(back)]);
  expect(held[0]!.allowed).not.toEqual([]);
});

test("a server that runs since before its tap had a name is not held until its next life, and that is said", async () => {
  const { id: man } = await vim.nets.createNet({ name: "man" });
  const old = await server(man);
  vim.picture.patchServer(old, { namesTaps: false });
  const refused = {
    code: "INVALID",
    message: expect.stringMatching(/port 'eth0' is on a bridge .*: .*made before.* reboot that first/),
  };
  await expect(vim.nets.editNet(man, { portSecurity: true })).rejects.toMatchObject(refused);
  await expect(vim.ports.editPort(portOf(old).id, { portSecurity: true })).rejects.toMatchObject(refused);
  expect((await vim.ports.editPort(portOf(old).id, { portSecurity: false })).portSecurity).toBe(false);
  // A version before this one has taken it.
  vim.picture.nets.set(man, { ...vim.picture.nets.get(man)!, portSecurity: true });
  vim.picture.patchPort(portOf(old).id, { portSecurity: null });
  await vim.senders.pass();
  expect(vim.senders.problems.get(man)).toMatch(/^port 'eth0' is not held to what it may send: .*made before/);
  vim.picture.patchServer(old, { namesTaps: true });
  await vim.senders.pass();
  expect(vim.senders.problems.size).toBe(0);
});

test("on another machine, or beside a device of the host, nobody is; a host that cannot holds up no start but of who is to be held", async () => {
  const { id: man } = await vim.nets.createNet({ name: "man", portSecurity: true });
  const { id: open } = await vim.nets.createNet({ name: "open" });
  const { id: wire } = await vim.nets.createNet({ name: "wire", provider: "macvtap:eth9" });
  const row = vim.picture.hosts.get(host)!;
  vim.picture.hosts.set(host, { ...row, libvirtUri: "qemu+tls://node9/system" });
  await expect(server(man)).rejects.toMatchObject({ message: expect.stringContaining("is another machine") });
  vim.picture.hosts.set(host, row);
  await expect(server(wire, { portSecurity: true })).rejects.toMatchObject({
    message: expect.stringContaining("eth9 (macvtap)"),
  });

  const free = await server(open);
  vim.senders.edges.delete(host);
  await vim.senders.hold(host, free);
  const a = await server(man);
  vim.picture.hosts.set(host, { ...row, libvirtUri: "qemu+tls://node9/system" });
  await vim.senders.hold(host, free);
  await expect(vim.senders.hold(host, a)).rejects.toMatchObject({
    code: "MISSING_PART",
    message: expect.stringMatching(/port_security: .*another machine/),
  });
  vim.picture.hosts.set(host, row);
  vim.senders.edges.set(host, { hold: () => Promise.reject(new Error("nft: no")) });
  await expect(vim.senders.hold(host, free)).rejects.toThrow("nft: no");
  await vim.senders.pass();
  expect(vim.senders.problems).toEqual(
    new Map([[man, `port '${portOf(a).name}' is not held to what it may send: Error: nft: no`]]),
  );
});
