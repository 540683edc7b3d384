import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { SimulatedHost } from "../../src/hosts/simulated-host.ts";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { Fault } from "../../src/lib/fault.ts";
import { silent as log } from "../../src/lib/log.ts";
import type { HostId, ServerId, TenantId } from "../../src/model/ids.ts";
import type { ServerTask } from "../../src/model/vim-picture.ts";
import { openStore } from "../../src/store/open.ts";
import type { VimStore } from "../../src/store/vim-picture.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import { Compute, type Disks, type Plugs } from "../../src/vim/compute.ts";
import { onHost } from "../../src/vim/edges.ts";
import { Vim } from "../../src/vim/vim.ts";

/** A guest that is asked to end itself, in a time that passes when it is waited for; with real ones: guests-end.test.ts. */
let nowMs: number;
const clock: Clock = {
  now: () => nowMs,
  wall: systemClock.wall,
  sleep: async (ms) => {
    nowMs += ms;
    await turn();
  },
};

/** What is asked of the host, with the time since the task began. */
let asked: string[];
let begunMs: number;
/** What the guest does when its power button is pressed. */
let pressed: (id: ServerId) => void;

class Guests extends SimulatedHost {
  override async shutdown(id: ServerId): Promise<void> {
    note("button");
    pressed(id);
  }
  override async destroy(id: ServerId): Promise<void> {
    note("kill");
    await super.destroy(id);
  }
  override async ensureGone(id: ServerId): Promise<void> {
    note("gone");
    await super.ensureGone(id);
  }
  /** By itself. */
  off = (id: ServerId) => super.destroy(id);
  override async ensureRunning(spec: { uuid: string; name: string }, how = {}) {
    const state = await super.ensureRunning(spec, how);
    note("start");
    return state;
  }
}
const note = (what: string) => asked.push(`${what} ${Math.round((nowMs - begunMs) / 1_000)}`);

let db: VimStore;
let vim: Vim;
let host: Guests;
let compute: Compute;
let server: ServerId;
let leave: () => void;

async function open(): Promise<void> {
  vim = await Vim.open({ db, clock, log, vlanRange: { first: 100, last: 199 } });
  const none = async () => {};
  const plugs: Plugs = {
    ensureTap: none,
    deleteTap: none,
    addPorts: none,
    opened: none,
    removePort: none,
    ensureBridge: none,
  };
  const disks: Disks = { folderOf: (id) => `/nonexistent/${id}`, prepare: none, remove: none };
  const { id: hostId } = await vim.inventory.localHost();
  const place = { runDir: "/run", accel: "tcg" } as const;
  const parts = { hostId: hostId as HostId, picture: vim.picture, facts: vim.facts, host, plugs, disks, place, clock, log };
  compute = new Compute({ ...parts, wake: () => {} });
  leave = host.on(onHost(vim, hostId));
}

beforeEach(async () => {
  nowMs = begunMs = 1_000_000;
  asked = [];
  pressed = () => {};
  db = await openStore<VimDb>({ path: ":memory:", migrationsDir: join(import.meta.dirname, "../../sql/vim") });
  host = new Guests(clock, []);
  await open();
  await vim.inventory.hasRoom((await vim.inventory.localHost()).id, { memoryMiB: 1_000, cpus: 9 });
  server = await made();
  await brought();
  asked = [];
  begunMs = nowMs += 10_000;
});
afterEach(async () => {
  await vim.picture.settled();
  await vim.events.flush();
  await db.destroy();
});

async function made(id?: ServerId): Promise<ServerId> {
  const tenantId = ([...vim.picture.tenants.keys()][0] ?? (await vim.catalogue.createTenant({ name: "t" })).id) as TenantId;
  const { id: imageId } = await vim.catalogue.createImage({ name: "i", path: `/i${vim.picture.images.size}` });
  const { id: flavorId } = await vim.catalogue.createFlavor({ name: "f", memoryMiB: 1, vcpus: 1 });
  const { id: netId } = [...vim.picture.nets.values()][0] ?? (await vim.nets.createNet({ name: "n", kind: "data" }));
  const vnics = [{ netId, name: "eth0" }];
  return (await vim.servers.createServer({ id, name: "s", tenantId, imageId, flavorId, start: "yes", vnics })).id;
}

async function brought(): Promise<void> {
  await compute.pass();
  await compute.idle();
}
async function does(task: ServerTask): Promise<void> {
  await vim.servers.act(server, task);
  await brought();
}
const see = () => vim.picture.servers.get(server)!;

test("a reboot: the guest ends itself and is started; nobody is killed who runs", async () => {
  pressed = (id) => void host.off(id);
  await does("reboot");
  expect(asked).toEqual(["button 0", "kill 0", "start 0"]); // The kill is of nobody: libvirt may take its time to know of the end.
  expect(see()).toMatchObject({ status: "ACTIVE", task: null, lastError: null });
});

test("a guest that does not listen is asked again, and switched off and on after two minutes", async () => {
  await does("reboot");
  expect(asked).toEqual([...Array.from({ length: 12 }, (_, i) => `button ${i * 10}`), "kill 120", "start 120"]);
  expect(see().status).toBe("ACTIVE");
});

test("one that takes its power button for a restart has had it", async () => {
  const about = { kind: "server", id: server } as const;
  pressed = () => {
    nowMs += 500;
    for (const says of ["stopped", "running"] as const)
      vim.facts.evidence({ about, says, source: "qmp", seenAt: nowMs, detail: "RESET guest-reset" });
  };
  await does("reboot");
  expect([asked, see()]).toMatchObject([["button 0"], { status: "ACTIVE", task: null }]);
});

test.each([
  ["one that stands still", () => does("pause"), ["kill 0", "start 0"]],
  ["one that is off", () => does("forceOff"), ["kill 0", "start 0"]],
  [
    "one that is closed in the switch for its silence",
    () => vim.picture.patchPort(vim.picture.portsOf(server)[0]!.id, { fenced: true }),
    ["kill 0", "start 0"],
  ],
  [
    "one whose host refuses to ask it",
    () => {
      pressed = () => {
        throw new Fault("HOST_REFUSED", "it has no power button");
      };
    },
    ["button 0", "kill 0", "start 0"],
  ],
])("%s is not waited for", async (_, become, does_) => {
  await become();
  asked = [];
  await does("reboot");
  expect([asked, see().status]).toEqual([does_, "ACTIVE"]);
});

test("a host that cannot be asked now is asked in the next pass", async () => {
  pressed = () => {
    throw new Fault("HOST_UNREACHABLE", "away");
  };
  await does("reboot");
  expect([asked, see().task]).toEqual([["button 0"], "reboot"]);
  pressed = (id) => void host.off(id);
  await brought();
  expect([asked, see().task]).toEqual([["button 0", "button 0", "kill 0", "start 0"], null]);
});

test("what is asked meanwhile counts, and need not wait; a start is what comes of it anyway", async () => {
  pressed = () => void (nowMs - begunMs > 25_000 && vim.servers.act(server, "forceOff"));
  await does("reboot");
  await brought();
  expect([asked, see().status]).toEqual([["button 0", "button 10", "button 20", "button 30", "kill 30"], "INACTIVE"]);
  await does("start");
  begunMs = nowMs;
  asked = [];
  let presses = 0;
  pressed = (id) => void (++presses === 1 ? vim.servers.act(server, "start") : host.off(id));
  await does("reboot");
  await brought();
  expect([asked.slice(0, 4), see().status]).toEqual([["button 0", "button 10", "kill 10", "start 10"], "ACTIVE"]);
});

test("powerCycle asks nobody", async () => {
  await does("powerCycle");
  expect(asked).toEqual(["kill 0", "start 0"]);
});

test("one whose guest has ended and which libvirt is still at is started when that is over", async () => {
  await host.off(server);
  expect(see().status).toBe("INACTIVE");
  vi.spyOn(host, "stateOf").mockResolvedValueOnce("shutdown" as never); // libvirt's word until its QEMU is gone: a start would be refused.
  await does("start");
  expect([asked, see().status]).toEqual([["kill 0", "start 0"], "ACTIVE"]);
});

test("a deletion asks the guest once, for ten seconds; the server is gone at once", async () => {
  await vim.servers.deleteServer(server, { asksGuest: true });
  expect([vim.picture.servers.has(server), vim.picture.portsOf(server)]).toEqual([false, []]);
  await brought();
  expect(asked).toEqual(["button 0", "gone 10"]);
  expect(vim.picture.leftovers.size).toBe(0);
});

test("libvirt is asked often at first, and then less and less: of many that are deleted at once it is not asked a hundred times", async () => {
  let looks = 0;
  const { stateOf } = host;
  host.stateOf = (id) => {
    looks++;
    return stateOf.call(host, id);
  };
  await vim.servers.deleteServer(server, { asksGuest: true });
  await brought();
  expect(looks).toBeLessThan(40);
  expect(looks).toBeGreaterThan(10);
});

test("one that ends is gone with that; one that is forced, or stands still, or is closed, is asked nothing", async () => {
  pressed = (id) => void host.off(id);
  await vim.servers.deleteServer(server, { asksGuest: true });
  await brought();
  expect(asked).toEqual(["button 0", "gone 0"]);
  for (const [become, asksGuest] of [
    [async () => {}, false],
    [() => does("pause"), true],
    [async () => vim.picture.patchPort(vim.picture.portsOf(server)[0]!.id, { fenced: true }), true],
  ] as const) {
    server = await made();
    await brought();
    await become();
    asked = [];
    await vim.servers.deleteServer(server, { asksGuest });
    await brought();
    expect(asked.map((a) => a.split(" ")[0])).toEqual(["gone"]);
  }
});

test("after a restart of the VIM the guest still has its time; a server of the same id does not wait for it", async () => {
  await vim.servers.deleteServer(server, { asksGuest: true });
  await vim.picture.settled();
  leave();
  await open();
  pressed = () => void made(server);
  await brought();
  expect(asked[0]).toBe("button 0");
  expect(Number(asked[1]?.replace(/^gone /, ""))).toBeLessThan(10);
  await brought();
  expect([asked.at(-1)?.split(" ")[0], see().status]).toEqual(["start", "ACTIVE"]);
});
