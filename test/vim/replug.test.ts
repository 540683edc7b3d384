import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SimulatedHost } from "../../src/hosts/simulated-host.ts";
import { systemClock as clock } from "../../src/lib/clock.ts";
import { silent as log } from "../../src/lib/log.ts";
import type { HostId, ServerId, TenantId } from "../../src/model/ids.ts";
import { openStore } from "../../src/store/open.ts";
import type { VimStore } from "../../src/store/vim-picture.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import { Compute, type Disks, type Plugs } from "../../src/vim/compute.ts";
import { Vim } from "../../src/vim/vim.ts";

/** A VIM over one store, before and after `tunnelIp` is set; of its host nothing is there but states, and what would be plugged. */
let db: VimStore;
let vim: Vim;
let compute: Compute;
let host: SimulatedHost;
let plugged: string[];
let server: ServerId;

async function open(spansHosts: boolean): Promise<void> {
  vim = await Vim.open({ db, clock, log, vlanRange: { first: 100, last: 199 }, spansHosts });
  const plugs: Plugs = {
    ...{ ensureTap: async () => {}, deleteTap: async () => {}, removePort: async () => {}, opened: async () => {} },
    addPorts: async (names) => void plugged.push(...names),
    ensureBridge: async (name) => void plugged.push(name),
  };
  const disks: Disks = { folderOf: (id) => `/nonexistent/${id}`, prepare: async () => {}, remove: async () => {} };
  const { id: hostId } = await vim.inventory.localHost();
  compute = new Compute({
    ...{ hostId: hostId as HostId, picture: vim.picture, facts: vim.facts, host, plugs, disks, clock, log },
    place: { runDir: "/run", accel: "tcg" },
    wake: () => {},
    replug: (id) => vim.servers.replug(id),
  });
}

beforeEach(async () => {
  db = await openStore<VimDb>({ path: ":memory:", migrationsDir: join(import.meta.dirname, "../../sql/vim") });
  host = new SimulatedHost(clock, []);
  plugged = [];
  await open(false);
  const tenantId = (await vim.catalogue.createTenant({ name: "t" })).id as TenantId;
  await vim.inventory.hasRoom((await vim.inventory.localHost()).id, { memoryMiB: 1_000, cpus: 1 });
  const { id: imageId } = await vim.catalogue.createImage({ name: "i", path: "/i" });
  const { id: flavorId } = await vim.catalogue.createFlavor({ name: "f", memoryMiB: 1, vcpus: 1 });
  const { id: netId } = await vim.nets.createNet({ name: "man" });
  server = (
    await vim.servers.createServer({ name: "s", tenantId, imageId, flavorId, start: "yes", vnics: [{ netId, name: "eth0" }] })
  ).id;
  await brought();
  await vim.picture.settled();
  await open(true);
});
afterEach(async () => {
  await vim.picture.settled();
  await vim.events.flush();
  await db.destroy();
});

async function brought(): Promise<void> {
  await compute.pass();
  await compute.idle();
}
const port = () => vim.picture.portsOf(server)[0]!;

test("a vNIC on a bridge of its host becomes a port of the switch at its server's next start, and no sooner", async () => {
  expect([plugged, port().switchPort, port().vlan]).toEqual([["ovim-100"], null, 100]);
  const { mac } = port();
  for (const task of ["pause", "start"] as const) {
    await vim.servers.act(server, task); // It goes on in the same life.
    await brought();
  }
  expect([port().switchPort, vim.picture.servers.get(server)!.status]).toEqual([null, "ACTIVE"]);
  plugged.length = 0;
  await vim.servers.act(server, "reboot");
  await brought();
  expect(port()).toMatchObject({ switchPort: expect.stringMatching(/^tap/), vlan: null, mac, kind: "instance:bridge" });
  expect(plugged).toEqual([port().switchPort]);
  const as = port();
  await vim.picture.settled();
  await open(true);
  expect(port()).toMatchObject({ switchPort: as.switchPort, vlan: null });
});

test("one that is off becomes one when it is started", async () => {
  await vim.servers.act(server, "forceOff");
  await brought();
  expect(port().switchPort).toBeNull();
  await vim.servers.act(server, "start");
  await brought();
  expect(port().switchPort).toMatch(/^tap/);
});
