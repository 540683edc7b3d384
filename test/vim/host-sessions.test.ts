import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findQemu } from "../../src/hosts/qemu-process.ts";
import { type PrivateLibvirt, startPrivateLibvirt } from "../../src/lab/private-libvirt.ts";
import { Authority } from "../harness/certificates.ts";
import { type Ask, client, type Daemon, type Rig, type Subscriber, startDaemon, startRig, subscribe, until } from "./rig.ts";

/*
 * Hosts that are opened by request: a second libvirtd that listens for TLS, as one of another machine does. One story, in order.
 */
const PASSWORD = "a-password-that-nobody-shows";
let authority: Authority;
let rig: Rig;
let node: PrivateLibvirt;
let daemon: Daemon;
let ask: Ask;
let admin: Ask;
let heard: Subscriber;
let tenant: string;
let imageRef: string;
let net: string;
let libvirtTls: object;

async function start(openflowPort: number): Promise<void> {
  daemon = await startDaemon(rig.config(openflowPort, { libvirtTls, heartbeat: { everyMs: 1_000, asks: 2 } }));
  ask = client(daemon.port);
  admin = client(daemon.adminPort);
  heard = await subscribe(daemon.port);
}

beforeAll(async () => {
  authority = new Authority();
  rig = await startRig();
  const us = authority.issue("the-vim");
  libvirtTls = { caFile: authority.certPath, certFile: us.certPath, keyFile: us.keyPath };
  node = await startNode();
  await start(0);
  await rig.ovs.setControllers(`tcp:${rig.ovs.outside}:${daemon.openflowPort}`);
  tenant = (await ask("GET", "/tenants?name=default")).body.tenants[0].id;
  imageRef = (await ask("POST", `/${tenant}/images`, { image: { name: "none", path: "/etc/passwd" } })).body.image.id;
  net = (await ask("POST", "/networks", { network: { name: "data0", type: "data" } })).body.network.id;
  await until("the switch", async () => Object.keys((await ask("GET", "/networks/openflow/ports")).body.ports).length > 0);
});
afterAll(async () => {
  heard?.close();
  await daemon?.kill("SIGKILL");
  await node?.[Symbol.asyncDispose]();
  await rig?.[Symbol.asyncDispose]();
  authority?.[Symbol.dispose]();
});

/** Beside the switch, whose database it finds where libvirt looks for one. */
async function startNode(): Promise<PrivateLibvirt> {
  const { certPath: certFile, keyPath: keyFile } = authority.issue("node2", { names: `IP:${rig.ovs.inner}` });
  const tls = { address: rig.ovs.inner, port: 16_514, caFile: authority.certPath, certFile, keyFile };
  const libvirt = await startPrivateLibvirt({ netns: rig.ovs.netns!, tls });
  mkdirSync(join(libvirt.dir, "run/openvswitch"), { recursive: true });
  symlinkSync(rig.ovs.management.replace(/^unix:(.*)br0.mgmt$/, "$1db.sock"), join(libvirt.dir, "run/openvswitch/db.sock"));
  return libvirt;
}

let host: string;
let server: string;
const HOST = { name: "node2", user: "root", password: PASSWORD, availability_zone: "b", guest_cpus: "1" };
// biome-ignore lint/suspicious/noExplicitAny: as `Answer.body`
const see = async (): Promise<any> => (await ask("GET", `/hosts/${host}`)).body.host;
const hostIs = (state: string) => until(`the host is ${state}`, async () => (await see()).state === state);
const create = async (more: object = {}) => {
  const extended = { numas: [{ threads: 1 }] };
  const flavor = { name: `pinned-${Object.keys(more).length}`, ram: 16, extended };
  const flavorRef = (await ask("POST", `/${tenant}/flavors`, { flavor })).body.flavor.id;
  const body = { name: "far", flavorRef, imageRef, networks: [{ uuid: net, name: "eth0" }], availability_zone: "b", ...more };
  return ask("POST", `/${tenant}/servers`, { server: body });
};
const statusIs = (wanted: string) =>
  until(`the server is ${wanted}`, async () => {
    const { status, last_error } = (await ask("GET", `/${tenant}/servers/${server}`)).body.server;
    if (status === "ERROR" || (last_error && wanted === "ACTIVE")) throw new Error(last_error);
    return status === wanted;
  });

test("what is no host is refused, and nothing is there after", async () => {
  const asked = { ...HOST, ip_name: rig.ovs.inner };
  for (const [port, body, status, says] of [
    [ask, asked, 401, "dmin"],
    [admin, { ...asked, libvirt_uri: "qemu+ssh://node2/system" }, 400, "host:libvirt_uri"],
    [admin, { ...asked, libvirt_uri: "qemu+tls://node2/session" }, 400, "want qemu+tls://HOST[:PORT]/system"],
    [admin, { ...asked, libvirt_uri: "qemu+unix:///system?socket=relative" }, 400, "qemu+unix:///system?socket=PATH"],
    [admin, { ...asked, guest_cpus: "3-1" }, 400, "want threads such as 2-7,10"],
    [admin, { ...asked, guest_cpus: "all" }, 400, "guest_cpus"],
  ] as const) {
    const refused = await port("POST", "/hosts", { host: body });
    expect([refused.status, refused.body.error?.description]).toEqual([status, expect.stringContaining(says)]);
  }
  expect((await ask("GET", "/hosts")).body.hosts).toHaveLength(1);
});

test("with OpenVIM's body it is reached by TLS at its address, and says itself what it has", async () => {
  const made = await admin("POST", "/hosts", { host: { ...HOST, ip_name: rig.ovs.inner } });
  expect([made.status, made.body.error]).toEqual([200, undefined]);
  host = made.body.host.id;
  expect(made.body.host).toMatchObject({
    state: "up",
    libvirt_uri: `qemu+tls://${rig.ovs.inner}/system`,
    availability_zone: "b",
  });
  const { numas, memory_mb, cpus } = await see();
  expect(numas[0]).toMatchObject({ numa_socket: 0, admin_state_up: true, hugepages: expect.any(Number) });
  expect(numas[0].memory).toBeGreaterThan(0);
  const threads: { thread_id: number; status?: string }[] = numas.flatMap((n: { cores: object[] }) => n.cores);
  expect(threads.length).toBeGreaterThan(1);
  expect(threads.filter((t) => t.status === undefined).map((t) => t.thread_id)).toEqual([1]);
  expect([memory_mb > 0, cpus]).toEqual([true, threads.length - 1]);
  expect(JSON.stringify(made.body) + JSON.stringify(await see())).not.toContain(PASSWORD);
  const twice = await admin("POST", "/hosts", {
    host: { ...HOST, name: "node3", ip_name: "node3", libvirt_uri: made.body.host.libvirt_uri },
  });
  expect([twice.status, twice.body.error.description]).toEqual([409, expect.stringContaining("is that of host 'node2'")]);
});

test("a server runs there, on the thread that is for guests; libvirt plugs it into the switch", async () => {
  const made = await create();
  expect([made.status, made.body.error]).toEqual([200, undefined]);
  server = made.body.server.id;
  expect(made.body.server).toMatchObject({ hostId: host, extended: { numas: [{ "threads-source": [1] }] } });
  await statusIs("ACTIVE");
  const port = (await ask("GET", `/ports?device_id=${server}`)).body.ports[0];
  expect((await rig.ovs.vsctl("list-ports", "br0")).split("\n")).toContain(port["binding:switch_port"]);
  await until("its link is up", async () => (await ask("GET", `/ports/${port.id}`)).body.port.status === "ACTIVE");
});

test("its libvirtd is killed: the host is unreachable, its server is not lost, and both are told of", async () => {
  const pid = (await findQemu(server))!.pid;
  heard.events.length = 0;
  node.killLibvirtd();
  await hostIs("unreachable");
  await node.startLibvirtd();
  await hostIs("up");
  expect((await findQemu(server))!.pid).toBe(pid);
  expect((await ask("GET", `/${tenant}/servers/${server}`)).body.server.status).toBe("ACTIVE");
  const told = () => heard.events.flatMap((e) => (e.type === "host.status" && e.hostId === host ? [e.status] : []));
  await until("both were told", () => told().length >= 2);
  expect(told()).toEqual(["unreachable", "up"]);
});

test("its QEMU is killed: libvirt or the switch says so, nobody else can", async () => {
  heard.events.length = 0;
  process.kill((await findQemu(server))!.pid, "SIGKILL");
  await statusIs("INACTIVE");
  await heard.caughtUp();
  const about = heard.events.flatMap((e) => (e.type === "evidence" && e.evidence.about.id === server ? [e.evidence.source] : []));
  expect(new Set(about)).toEqual(new Set(["libvirt"]));
  await ask("POST", `/${tenant}/servers/${server}/action`, { start: null });
  await statusIs("ACTIVE");
});

test("the VIM is killed: the host is connected again by itself, and the store has no password", async () => {
  const port = daemon.openflowPort;
  await daemon.kill("SIGKILL");
  for (const file of ["vim.db", "vim.db-wal"]) expect(readFileSync(join(rig.dir, file), "latin1")).not.toContain(PASSWORD);
  await start(port);
  await hostIs("up");
  expect((await see()).numas[0].cores.length).toBeGreaterThan(1);
  await statusIs("ACTIVE");
});

test("it is changed: down it takes nothing, elsewhere it is not reached and says why", async () => {
  await admin("PUT", `/hosts/${host}`, { host: { admin_state_up: false } });
  const refused = await create({ name: "late" });
  expect(refused.body.error.hosts).toContainEqual({ name: "node2", reason: "its admin_state_up is false" });
  const uri = (await see()).libvirt_uri;
  const moved = await admin("PUT", `/hosts/${host}`, {
    host: { admin_state_up: true, libvirt_uri: `qemu+tls://${rig.ovs.inner}:1/system` },
  });
  expect(moved.body.host).toMatchObject({ state: "unreachable", state_why: expect.stringContaining("nothing listens there") });
  const back = await admin("PUT", `/hosts/${host}`, { host: { libvirt_uri: uri, guest_cpus: "0-1" } });
  expect(back.body.host).toMatchObject({ state: "up", cpus: back.body.host.numas[0].cores.length - 2 });
});

test("it goes when nothing of it is left; the host of the settings does not", async () => {
  const busy = await admin("DELETE", `/hosts/${host}`);
  expect([busy.status, busy.body.error.description]).toEqual([400, expect.stringContaining("Resource is not free")]);
  await ask("DELETE", `/${tenant}/servers/${server}?force=true`);
  await until("it goes", async () => (await admin("DELETE", `/hosts/${host}`)).status === 200);
  expect(await findQemu(server)).toBeNull();
  expect((await ask("GET", `/hosts/${host}`)).status).toBe(404);
  const own = (await ask("GET", "/hosts")).body.hosts[0].id;
  const kept = await admin("DELETE", `/hosts/${own}`);
  expect([kept.status, kept.body.error.description]).toEqual([409, expect.stringContaining("is in this VIM's settings")]);
});

test("a libvirtd of this machine is opened by its socket", async () => {
  const uri = `qemu+unix:///system?socket=${node.socketPath}`;
  const made = await admin("POST", "/hosts", {
    host: { name: "beside", user: "root", ip_name: "beside", libvirt_uri: uri, autodiscover: false },
  });
  expect(made.body.host).toMatchObject({ state: "up", numas: [], libvirt_uri: uri });
  expect(made.body.host.memory_mb).toBeGreaterThan(0);
});
