import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseConfig, type VimConfig } from "../../src/config.ts";
import { ensureTap } from "../../src/hosts/taps.ts";
import { removeAppliances } from "../harness/appliances.ts";
import type { Ovs } from "../harness/ovs.ts";
import type { Came } from "../harness/tap-end.ts";
import { startWiredHosts, type WiredHosts } from "./overlay-rig.ts";
import { type Ask, client, type Daemon, startDaemon, until } from "./rig.ts";

/**
 * Three hosts, each a network namespace with a switch of its own, and a wire between them. The viewer is cabled to the first; the members that
 * may serve it are on the second and the third. Real packets go through real tunnels.
 */
const SERVICE = "02:00:00:00:00:64";
const VIEWER = "02:00:00:00:00:0a";
/** Host, mark in the frames, address, to whom it sends. */
const ENDS = {
  x: [0, VIEWER, SERVICE],
  a: [1, SERVICE, VIEWER],
  b: [2, SERVICE, VIEWER],
} as const;
type Name = keyof typeof ENDS;

const undo = new AsyncDisposableStack();
let wired: WiredHosts;
let hosts: readonly Ovs[];
const plugged = new Map<Name, ChildProcess>();
let dir: string;
let vim: Daemon;
let ask: Ask;
const nets: Record<string, string> = {};

const config = (openflowPort: number): VimConfig =>
  parseConfig({
    vim: {
      listen: { port: 0, adminPort: 0 },
      openflow: { host: "0.0.0.0", port: openflowPort },
      store: join(dir, "vim.db"),
      ovsdb: wired.ovsdb(0),
      bridge: "br0",
      netns: hosts[0]!.netns,
      tunnelIp: wired.tunnelIp(0),
      runDir: join(dir, "run"),
      accel: "tcg",
      hosts: hosts.map((ovs, i) => ({
        ...{ name: `host${i}`, libvirtSocket: `/nonexistent/libvirt-${i}`, runDir: join(dir, `run${i}`) },
        ...(i > 0 && { ovsdb: wired.ovsdb(i), bridge: "br0", tunnelIp: wired.tunnelIp(i), netns: ovs.netns }),
      })),
    },
  }).vim!;

async function plug(name: Name): Promise<void> {
  const [host, ...addresses] = ENDS[name];
  const ovs = hosts[host]!;
  await ensureTap(name, { netns: ovs.netns! });
  await ovs.vsctl("--may-exist", "add-port", "br0", name);
  const script = join(import.meta.dirname, "../harness/tap-end.ts");
  const command = ["netns", "exec", ovs.netns!, process.execPath, script, name, name, ...addresses];
  const child = spawn("ip", command, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  undo.defer(() => void child.kill("SIGKILL"));
  plugged.set(name, child);
  await once(child, "message");
}

/** What came to this end since it was last asked. */
async function heard(name: Name): Promise<Came[]> {
  const child = plugged.get(name)!;
  child.send("tell");
  const [came] = (await once(child, "message")) as [Came[]];
  return came;
}

async function reaches(name: Name, from: readonly Name[]): Promise<void> {
  await heard(name);
  await until(`${from} alone is heard by ${name}`, async () => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    return JSON.stringify([...new Set((await heard(name)).map((c) => c.from))].sort()) === JSON.stringify(from);
  });
}

async function made(path: string, kind: string, body: object) {
  const answer = await ask("POST", path, { [kind]: body });
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body[kind];
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "overlay-"));
  undo.defer(() => rmSync(dir, { recursive: true, force: true }));
  undo.defer(() => removeAppliances(dir));
  wired = undo.use(await startWiredHosts(3));
  hosts = wired.hosts;
  vim = await startDaemon(config(0));
  ask = client(vim.adminPort);
  for (const ovs of hosts) await ovs.setControllers(`tcp:${ovs.outside}:${vim.openflowPort}`);
  for (const name of Object.keys(ENDS) as Name[]) await plug(name);
  for (const [net, port] of [
    ["T", "x"],
    ["A", "a"],
    ["B", "b"],
  ] as const) {
    nets[net] = (await made("/networks", "network", { name: net, type: "data" })).id;
    const mac_address = port === "x" ? VIEWER : undefined;
    await made("/ports", "port", { name: port, network_id: nets[net], mac_address, "binding:switch_port": port });
  }
});
afterAll(async () => {
  await vim?.kill("SIGKILL");
  await undo.disposeAsync();
});

const bind = async (net: string) => (await ask("PUT", `/networks/${nets["T"]}/${nets[net]}`)).body;

test("a viewer on one host is served by a member on another, and after the bind by one on a third", async () => {
  await bind("A");
  await reaches("a", ["x"]);
  await reaches("x", ["a"]);
  expect((await bind("B")).applied).toMatchObject({ changes: expect.any(Number) });
  await reaches("b", ["x"]);
  await reaches("x", ["b"]);
  await reaches("a", []);
});

test("what is there already is left as it is when the VIM is killed and comes back", async () => {
  const before = await Promise.all(hosts.map((ovs) => ovs.ofctl("dump-flows", "br0", "--no-stats")));
  await vim.kill("SIGKILL");
  await reaches("b", ["x"]); // Nobody is there to be asked.
  vim = await startDaemon(config(vim.openflowPort));
  ask = client(vim.adminPort);
  await until("all three are led again", async () => {
    const { ports } = (await ask("GET", "/networks/openflow/ports")).body;
    return ["x", "a", "b"].every((port) => port in ports);
  });
  expect(await Promise.all(hosts.map((ovs) => ovs.ofctl("dump-flows", "br0", "--no-stats")))).toEqual(before);
  await bind("A");
  await reaches("x", ["a"]);
});

test("a port says whether the loss of its host would be found in time, and why not: slow timers, no peer that was heard; and then that it would", async () => {
  const tunnelBfd = async (port: string) => (await ask("GET", `/ports?name=${port}`)).body.ports[0].tunnel_bfd;
  const isProtected = async (port: string) => (await tunnelBfd(port)).protected;
  await until("protected", async () => (await isProtected("a")) && (await isProtected("b")));
  expect(await tunnelBfd("a")).toEqual({ min_tx_ms: 100, min_rx_ms: 100, detect_mult: 3, protected: true });
  expect(await tunnelBfd("x")).toBeUndefined(); // It is where the cables are: no tunnel leads there.
  const there = await tunnelTo(1);
  await hosts[0]!.vsctl("set", "interface", there, "bfd:bfd_remote_dst_mac=02:00:00:00:00:01", "bfd:enable=false");
  await until("told", async () => /from the switch of the cables: the switch does not run it/.test((await tunnelBfd("a")).why));
  expect((await tunnelBfd("a")).why).toMatch(/^the tunnel to the switch of host1 from/);
  await until("set again, and protected", async () => isProtected("a"));
});

test("a host whose switch is lost is known by the tunnels that lead there, and its ports are down; it comes back", async () => {
  const status = async () => (await ask("GET", "/ports?name=a")).body.ports[0].status;
  await until("BFD passes", async () =>
    (await hosts[0]!.vsctl("get", "interface", await tunnelTo(1), "bfd_status")).includes("state=up"),
  );
  await hosts[1]!.stop();
  await until("the port there is down", async () => (await status()) === "DOWN");
  await bind("B");
  await reaches("x", ["b"]);
  await hosts[1]!.restart();
  await until("the port there is up", async () => (await status()) === "ACTIVE");
  await bind("A");
  await reaches("x", ["a"]);
});

test("who is held to its addresses is, and the switch alone leads it on: both in one table, over the tunnels", async () => {
  await bind("A");
  const { id: x } = (await ask("GET", "/ports?name=x")).body.ports[0];
  expect((await ask("PUT", `/ports/${x}`, { port: { port_security: true } })).status).toBe(200);
  const members = [
    { id: "A", name: "A", server_id: null, data_net: nets["A"] },
    { id: "B", name: "B", server_id: null, data_net: nets["B"] },
  ];
  const plans = [{ failed: "A", moves: [{ net: nets["T"], to: "B" }] }];
  const armed = await ask("PUT", "/protections/G", { protection: { name: "G", revision: 1, members, plans } });
  expect(armed.status, JSON.stringify(armed.body)).toBe(200);
  const no = (await hosts[1]!.vsctl("get", "interface", "a", "ofport")).trim();
  const inStep = async () => {
    const [flows, groups] = [await hosts[0]!.ofctl("dump-flows", "br0"), await hosts[0]!.ofctl("dump-groups", "br0")];
    const asked = await Promise.all(hosts.map((ovs) => ovs.ofctl("dump-flows", "br0")));
    return (
      flows.split("\n").some((f) => f.includes(`dl_src=${VIEWER}`) && f.includes("group:")) &&
      groups.includes("type=ff") &&
      asked[1]!.split("\n").filter((f) => f.includes("tun_id=")).length > 1 // The way there, and the question whether its port is up.
    );
  };
  await until("the entry that holds the viewer leads through a group", inStep);
  const { plans: told } = (await ask("GET", "/protections/G")).body.protection;
  expect(told[0].readiness).not.toContain("not that");
  await reaches("a", ["x"]);
  await reaches("x", ["a"]);
  await vim.kill("SIGKILL");
  plugged.get("a")!.kill("SIGKILL"); // Its port alone: the host is reached as before.
  await reaches("b", ["x"]);
  await reaches("x", ["b"]);
  await plug("a");
  await reaches("a", ["x"]);
  await reaches("x", ["a"]);
  await reaches("b", []);
  await hosts[1]!.vsctl("del-port", "br0", "a");
  await reaches("b", ["x"]);
  await reaches("x", ["b"]);
  await hosts[1]!.vsctl("add-port", "br0", "a", "--", "set", "interface", "a", `ofport_request=${no}`);
  await reaches("x", ["a"]);
  await hosts[1]!.stop();
  await reaches("b", ["x"]); // By nobody but the switch.
  await reaches("x", ["b"]);
  await hosts[1]!.restart();
  vim = await startDaemon(config(vim.openflowPort));
  ask = client(vim.adminPort);
  await until("its host serves again", async () => (await ask("GET", "/ports?name=a")).body.ports[0].status === "ACTIVE");
  await reaches("x", ["a"]);
  // One that says another address than its own is led nowhere, wherever its way goes.
  const { id: a } = (await ask("GET", "/ports?name=a")).body.ports[0];
  await ask("DELETE", "/protections/G");
  expect((await ask("DELETE", `/ports/${a}`)).status).toBe(200);
  const port = { name: "a", network_id: nets["A"], mac_address: "02:00:00:00:00:65", "binding:switch_port": "a" };
  await made("/ports", "port", { ...port, port_security: true });
  await reaches("a", ["x"]);
  await reaches("x", []);
});

test("a client on another host is given its address by the net's DHCP server, and how much a tunnel carries", async () => {
  const { netns, inside, vsctl } = hosts[2]!;
  await inside("ip", "link", "add", "c0", "type", "veth", "peer", "name", "c1");
  for (const end of ["c0", "c1"]) {
    await inside("ip", "link", "set", "dev", end, "up");
    await inside("ethtool", "-K", end, "tx", "off").catch(() => {});
  }
  await vsctl("add-port", "br0", "c0");
  const mac_address = (await inside("cat", "/sys/class/net/c1/address")).trim();
  const net = { name: "mgmt", type: "data", cidr: "10.77.0.0/24", enable_dhcp: true };
  const { id } = await made("/networks", "network", net);
  const port = await made("/ports", "port", { name: "c", network_id: id, mac_address, "binding:switch_port": "c0" });
  expect(port.ip_address, netns!).toMatch(/^10\.77\.0\.\d+$/);
  const script = join(dir, "got.sh");
  writeFileSync(script, '#!/bin/sh\n[ "$1" = bound ] && echo "$ip $mtu" > "$OUT"\nexit 0\n', { mode: 0o755 });
  const out = join(dir, "got");
  const asks = ["-i", "c1", "-n", "-q", "-f", "-t", "3", "-T", "1", "-O", "mtu", "-s", script];
  const given = async () => {
    await inside("env", `OUT=${out}`, "busybox", "udhcpc", ...asks).catch(() => {});
    return existsSync(out) && readFileSync(out, "utf8").trim();
  };
  expect(await until("an address is given", given)).toBe(`${port.ip_address} 1450`);
  await ask("DELETE", `/ports/${port.id}`);
  expect((await ask("DELETE", `/networks/${id}`)).status).toBe(200);
  await until("its server is gone", () => readdirSync(join(dir, "dhcp")).length === 0);
});

test("a bridge that is set to OpenFlow 1.0 is written nothing, the networks with ports there say what to do; then all is well again", async () => {
  const of = async (net: string) => (await ask("GET", `/networks/${nets[net]}`)).body.network;
  await hosts[2]!.vsctl("set", "bridge", "br0", "protocols=OpenFlow10");
  await until("the network says why", async () => (await of("B")).last_error?.includes("protocols=OpenFlow13"));
  expect((await of("T")).status).toBe("ACTIVE");
  await hosts[2]!.vsctl("set", "bridge", "br0", "protocols=OpenFlow13");
  await until("it is led again", async () => (await of("B")).status === "ACTIVE");
  await bind("B");
  await reaches("b", ["x"]);
});

async function tunnelTo(host: number): Promise<string> {
  const found = await hosts[0]!.vsctl(
    "--bare",
    "--columns=name",
    "find",
    "interface",
    `options:remote_ip=${wired.tunnelIp(host).replaceAll(".", "\\.")}`,
  );
  return found.trim();
}
