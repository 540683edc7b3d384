import { readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findQemu, type QemuProcess } from "../../src/hosts/qemu-process.ts";
import type { PrivateLibvirt } from "../../src/lab/private-libvirt.ts";
import {
  type Answer,
  type Ask,
  client,
  type Daemon,
  type Rig,
  type Subscriber,
  startDaemon,
  startRig,
  subscribe,
  until,
} from "./rig.ts";

/*
 * Two libvirtds on this machine are two compute hosts. One story, in order: each test begins where the one before has ended.
 */
/** Two files that each host has its own of (private-libvirt.ts), as it has its own copy of an image: a QEMU locks its disk. */
const IMAGES = ["/etc/passwd", "/etc/group"];
const images: string[] = [];
let rig: Rig;
let daemon: Daemon;
let ask: Ask;
let heard: Subscriber;
let tenant: string;
let flavorRef: string;
let net: string;
const hostIds: string[] = [];

async function start(openflowPort: number): Promise<void> {
  daemon = await startDaemon(rig.config(openflowPort));
  ask = client(daemon.port);
  heard = await subscribe(daemon.port);
}

beforeAll(async () => {
  rig = await startRig({ hosts: 2 });
  await start(0);
  await rig.ovs.setControllers(`tcp:${rig.ovs.outside}:${daemon.openflowPort}`);
  tenant = (await ask("GET", "/tenants?name=default")).body.tenants[0].id;
  flavorRef = (await ask("POST", `/${tenant}/flavors`, { flavor: { name: "tiny", ram: 16, vcpus: 1 } })).body.flavor.id;
  for (const path of IMAGES) images.push((await ask("POST", `/${tenant}/images`, { image: { name: path, path } })).body.image.id);
  net = (await ask("POST", "/networks", { network: { name: "data0", type: "data" } })).body.network.id;
  await until("the switch", async () => Object.keys((await ask("GET", "/networks/openflow/ports")).body.ports).length > 0);
});
afterAll(async () => {
  await daemon?.kill("SIGKILL");
  await rig?.[Symbol.asyncDispose]();
});

const create = (name: string, more: object = {}, image = 0): Promise<Answer> => {
  const networks = [{ uuid: net, name: "eth0" }];
  return ask("POST", `/${tenant}/servers`, { server: { name, flavorRef, imageRef: images[image], networks, ...more } });
};
const apart = (policy: "required" | "preferred") => ({ anti_affinity: { group: "twins", policy } });
// biome-ignore lint/suspicious/noExplicitAny: as `Answer.body`
const see = async (id: string): Promise<any> => (await ask("GET", `/${tenant}/servers/${id}`)).body.server;
const act = (id: string, action: object) => ask("POST", `/${tenant}/servers/${id}/action`, action);
const statusIs = (id: string, wanted: string) =>
  until(`status ${wanted}`, async () => {
    const { status, last_error } = await see(id);
    if (status === "ERROR") throw new Error(last_error);
    return status === wanted;
  });
const stateIs = async (host: number, wanted: string) => {
  await until(`host${host} is ${wanted}`, async () => (await ask("GET", `/hosts/${hostIds[host]}`)).body.host.state === wanted);
  await heard.caughtUp();
};
const tapOf = async (id: string): Promise<string> =>
  (await ask("GET", `/ports?device_id=${id}`)).body.ports[0]["binding:switch_port"];
/** The QEMU of a server on one of the hosts, while the other may run one too. */
const qemuOn = (host: number, id: string): Promise<QemuProcess | null> =>
  findQemu(
    id,
    rig.hosts.filter((_, i) => i !== host).map((h) => h.dir),
  );
const saying = (id: string, source: string) =>
  heard.events.flatMap((e) =>
    e.type === "evidence" && e.evidence.about.id === id && e.evidence.source === source ? [e.evidence.says] : [],
  );

/** The libvirtd of a host, found as a descendant of the host's first process. */
function libvirtdOf({ pid }: PrivateLibvirt): number {
  const stat = (p: number) => readFileSync(`/proc/${p}/stat`, "utf8");
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const processes = all.flatMap((name) => {
    try {
      const [, comm, parent] = /\((.*)\) \S (\d+)/.exec(stat(Number(name)))!;
      return [{ pid: Number(name), comm, parent: Number(parent) }];
    } catch {
      return []; // It ended in between.
    }
  });
  const isUnder = (p: number): boolean => p === pid || (p > 1 && isUnder(processes.find((x) => x.pid === p)?.parent ?? 0));
  return processes.find((p) => p.comm === "libvirtd" && isUnder(p.parent))!.pid;
}

let a: string;
let b: string;

test("both hosts are there, with what they have", async () => {
  const { hosts } = (await ask("GET", "/hosts")).body;
  expect(hosts).toMatchObject([
    { name: "host0", status: "ok", state: "up" },
    { name: "host1", status: "ok", state: "up" },
  ]);
  hostIds.push(...hosts.map((h: { id: string }) => h.id));
  const one = (await ask("GET", `/hosts/${hostIds[1]}`)).body.host;
  expect(one.memory_mb).toBeGreaterThan(0);
  expect(one.cpus).toBeGreaterThan(0);
});

test("twins run on different hosts; a third finds no host, and each host says why", async () => {
  a = (await create("relay-a", apart("required"))).body.server.id;
  b = (await create("relay-b", apart("required"))).body.server.id;
  await statusIs(a, "ACTIVE");
  await statusIs(b, "ACTIVE");
  const [seenA, seenB] = [await see(a), await see(b)];
  expect([seenA.hostId, seenB.hostId].sort()).toEqual([...hostIds].sort());
  expect(seenA).toMatchObject({ host_state: "up", anti_affinity: { violated: false, shares_host_with: [] } });
  for (const [id, { hostId }] of [
    [a, seenA],
    [b, seenB],
  ] as const)
    expect(dirname((await findQemu(id))!.qmpSocket!)).toBe(rig.hosts[hostIds.indexOf(hostId)]!.dir);
  if (seenA.hostId !== hostIds[0]) [a, b] = [b, a]; // From here on a is on host0, b on host1.

  const third = await create("relay-c", apart("required"));
  expect(third.status).toBe(400);
  expect(third.body.error).toMatchObject({
    description: "No room at data center. Cannot find a host that may take the server",
    hosts: ["host0", "host1"].map((name) => ({
      name,
      reason: expect.stringMatching(/^anti-affinity group twins: relay-. is there$/),
    })),
  });
  expect((await ask("GET", `/${tenant}/servers`)).body.servers).toHaveLength(2);
});

test("who only prefers to be apart is placed, and shown as violating", async () => {
  const made = (await create("relay-c", apart("preferred"), 1)).body.server;
  const { policy, violated, shares_host_with } = made.anti_affinity;
  expect([policy, violated, shares_host_with.length]).toEqual(["preferred", true, 1]);
  await statusIs(made.id, "ACTIVE");
  const row = (await ask("GET", `/${tenant}/servers?name=relay-c`)).body.servers[0];
  expect(row.anti_affinity).toEqual(made.anti_affinity);
  await ask("DELETE", `/${tenant}/servers/${made.id}?force=true`);
});

test("a libvirtd that is killed: the host is unreachable, an opinion about its servers, and none is lost", async () => {
  heard.events.length = 0;
  rig.hosts[1]!.killLibvirtd();
  await stateIs(1, "unreachable");
  expect((await see(b)).host_state).toBe("unreachable");
  expect(saying(b, "hostHeartbeat")).toEqual(["silent"]);
  expect(saying(a, "hostHeartbeat")).toEqual([]);
  await rig.hosts[1]!.startLibvirtd();
  await stateIs(1, "up");
  expect(saying(b, "hostHeartbeat")).toEqual(["silent", "answers"]);
  expect((await see(b)).status).toBe("ACTIVE");
  await heard.caughtUp();
  const told = heard.events.filter((e) => e.type === "evidence" && ["stopped", "paused", "linkDown"].includes(e.evidence.says));
  expect(told).toEqual([]);
  expect(heard.events.flatMap((e) => (e.type === "host.status" ? [e.status] : []))).toEqual(["unreachable", "up"]);
});

test("a libvirtd that stands still misses its keepalives; its server is made anew elsewhere, and its old life is cut off", async () => {
  const stopped = libvirtdOf(rig.hosts[1]!);
  process.kill(stopped, "SIGSTOP");
  await stateIs(1, "unreachable");
  expect((await ask("GET", `/hosts/${hostIds[1]}`)).body.host.state_why).toMatch(/2 keepalives in a row/);
  const oldTap = await tapOf(b);

  const kept = await act(b, { evacuate: { from: hostIds[1] } });
  expect(kept.status).toBe(400);
  expect(kept.body.error.hosts).toMatchObject([
    { name: "host0", reason: expect.stringMatching(/^anti-affinity group twins: relay-/) },
    { name: "host1", reason: "the server is to leave it" },
  ]);
  await ask("DELETE", `/${tenant}/servers/${a}?force=true`);

  heard.events.length = 0;
  const moved = await act(b, { evacuate: { from: hostIds[1] } });
  expect([moved.status, moved.body.server?.hostId]).toEqual([200, hostIds[0]]);
  await until("it is told", () => saying(b, "evacuation").length > 0);
  await heard.caughtUp();
  expect(heard.events.find((e) => e.type === "server.placed")).toMatchObject({
    serverId: b,
    hostId: hostIds[0],
    was: hostIds[1],
  });
  await statusIs(b, "ACTIVE");
  const newTap = await tapOf(b);
  expect(newTap).not.toBe(oldTap);
  const plugged = (await rig.ovs.vsctl("list-ports", "br0")).trim().split("\n");
  expect([plugged.includes(oldTap), plugged.includes(newTap)]).toEqual([false, true]);
  expect(await qemuOn(0, b)).not.toBeNull();
  expect(await qemuOn(1, b)).not.toBeNull(); // Its old life still runs, and nothing of it reaches the switch.

  const again = await act(b, { evacuate: { from: hostIds[1] } });
  expect([again.status, again.body.server?.hostId]).toEqual([200, hostIds[0]]);
  expect(await tapOf(b)).toBe(newTap);
});

test("the VIM is killed meanwhile; when the old host is back, the stale life is destroyed before anything else is done there", async () => {
  const port = daemon.openflowPort;
  await daemon.kill("SIGKILL");
  const starting = start(port);
  const young = await starting.then(() => create("young", { hostId: hostIds[1], start: "no" }, 1));
  expect(young.status).toBe(200);
  await act(young.body.server.id, { start: null });
  heard.events.length = 0;
  process.kill(libvirtdOf(rig.hosts[1]!), "SIGCONT");
  await stateIs(1, "up");
  await statusIs(young.body.server.id, "ACTIVE");
  expect(await qemuOn(1, b)).toBeNull();
  expect(await qemuOn(0, b)).not.toBeNull();
  expect(await see(b)).toMatchObject({ status: "ACTIVE", hostId: hostIds[0], host_state: "up" });
  expect(saying(b, "libvirt").filter((says) => says !== "running")).toEqual([]); // The old life's end is not the new one's.
});

test("a host that loses its power is gone, says the switch; its server runs on the other", async () => {
  const id = (await ask("GET", `/${tenant}/servers?name=young`)).body.servers[0].id;
  await until("its link is up", async () => (await ask("GET", `/ports?device_id=${id}`)).body.ports[0].status === "ACTIVE");
  heard.events.length = 0;
  await rig.hosts[1]!.powerOff();
  await stateIs(1, "gone");
  expect(heard.events.flatMap((e) => (e.type === "host.status" ? [e.status] : []))).toContain("gone");
  expect((await act(id, { evacuate: { from: hostIds[1] } })).body.server.hostId).toBe(hostIds[0]);
  await statusIs(id, "ACTIVE");
  expect(await qemuOn(0, id)).not.toBeNull();
});

test("a host that is gone takes no server; who prefers it is placed on another", async () => {
  const { body } = await create("late", { hostId: hostIds[1] });
  expect(body.server.hostId).toBe(hostIds[0]);
  const refused = await act(body.server.id, { evacuate: { from: hostIds[0], hostId: hostIds[1] } });
  expect(refused.body.error.hosts[1]).toEqual({
    name: "host1",
    reason: expect.stringMatching(/^it cannot be asked: .*none has one/),
  });
  await ask("DELETE", `/${tenant}/servers/${body.server.id}?force=true`);
});
