import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseConfig, type VimConfig } from "../../src/config.ts";
import { isNetns, netnsName } from "../../src/hosts/net-cable.ts";
import { removeAppliances } from "../harness/appliances.ts";
import { ip, namespaces, seenAs, startTeller } from "../harness/far-end.ts";
import { type Ovs, startOvs } from "../harness/ovs.ts";
import { type Ask, client, type Daemon, startDaemon, until } from "./rig.ts";

/** A guest on a network of a real switch, a bridge in the switch's namespace, and somebody outside behind it. */
const [GUEST, OUT] = ["g", "o"].map((name) => `l${name}-${process.pid}`) as [string, string];
const undo = new AsyncDisposableStack();
let ovs: Ovs;
let dir: string;
let vim: Daemon;
let ask: Ask;
let netId: string | undefined;
const links = [{ iface: "br-ext", nat: "192.0.2.2/24" }];

const config = (openflowPort: number, linkBridges: string[]): VimConfig =>
  parseConfig({
    vim: {
      listen: { port: 0, adminPort: 0 },
      openflow: { host: "0.0.0.0", port: openflowPort },
      store: join(dir, "vim.db"),
      libvirtSocket: "/nonexistent/libvirt-sock",
      ovsdb: ovs.management.replace("br0.mgmt", "db.sock"),
      bridge: "br0",
      runDir: join(dir, "run"),
      netns: ovs.netns,
      accel: "tcg",
      linkBridges,
    },
  }).vim!;

async function start(linkBridges: string[]): Promise<void> {
  vim = await startDaemon(config(vim?.openflowPort ?? 0, linkBridges));
  ask = client(vim.adminPort);
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "links-"));
  undo.defer(() => rmSync(dir, { recursive: true, force: true }));
  undo.defer(() => removeAppliances(dir));
  ovs = undo.use(await startOvs({ datapathType: "netdev", ports: [], protocols: ["OpenFlow13"] }));
  await namespaces([GUEST, OUT], undo);
  for (const [end, netns] of [
    ["guest", GUEST],
    ["out", OUT],
  ] as const) {
    await ip("-n", ovs.netns!, "link", "add", "name", end, "type", "veth", "peer", "name", "eth0", "netns", netns);
    await ip("-n", ovs.netns!, "link", "set", "dev", end, "up");
    await ip("-n", netns, "link", "set", "dev", "eth0", "up");
    await ip("netns", "exec", netns, "ethtool", "-K", "eth0", "tx", "off");
  }
  await ip("-n", ovs.netns!, "link", "add", "name", "br-ext", "type", "bridge");
  await ip("-n", ovs.netns!, "link", "set", "dev", "br-ext", "up");
  await ip("-n", ovs.netns!, "link", "set", "dev", "out", "master", "br-ext");
  await ip("-n", OUT, "addr", "add", "192.0.2.1/24", "dev", "eth0");
  await ovs.vsctl("add-port", "br0", "guest");
  undo.use(await startTeller(OUT));
  await start([]);
  await ovs.setControllers(`tcp:${ovs.outside}:${vim.openflowPort}`);
});

afterAll(async () => {
  await vim?.kill("SIGKILL");
  await undo.disposeAsync();
});

const own = () => netnsName("router", join(dir, "routers"), netId!);
const isThere = () => netId !== undefined && isNetns(own());

const net = { name: "mgmt", type: "data", cidr: "10.77.0.0/24", enable_dhcp: true, links, routes: { default: "192.0.2.1" } };
const network = async () => (await ask("GET", `/networks/${netId}`)).body.network;
const routerPort = async () => (await ask("GET", "/ports?name=router")).body.ports[0];
const isLed = () => until("the guest is seen outside", async () => (await seenAs(GUEST, "192.0.2.1", 2)) === "192.0.2.2");

test("without the setting nothing leads out, and nothing is made", async () => {
  const refused = await ask("POST", "/networks", { network: net });
  expect(refused).toMatchObject({
    status: 403,
    body: { error: { description: expect.stringContaining("config.vim.linkBridges") } },
  });
  expect((await ask("GET", "/networks")).body.networks).toEqual([]);
  await vim.kill("SIGTERM");
  await start(["br-ext"]);
  for (const [wrong, words] of [
    [{ iface: "br0" }, /'br0'/],
    [{ iface: "br-ext", nat: true }, /want ip too/],
  ] as const) {
    const answer = await ask("POST", "/networks", { network: { ...net, links: [wrong] } });
    expect([answer.status, answer.body.error.description]).toEqual([
      expect.toSatisfy((s) => s === 400 || s === 403),
      expect.stringMatching(words),
    ]);
  }
});

test("a guest of a network with nat is seen outside by the router's address, and gets there by its gateway", async () => {
  const made = await ask("POST", "/networks", { network: net });
  expect(made.status, JSON.stringify(made.body)).toBe(200);
  netId = made.body.network.id;
  expect(made.body.network).toMatchObject({ links, gateway_ip: "10.77.0.1", status: "ACTIVE" });
  const mac_address = /ether (\S+)/.exec(await ip("-n", GUEST, "link", "show", "dev", "eth0"))![1];
  const port = await ask("POST", "/ports", {
    port: { name: "guest", network_id: netId, mac_address, "binding:switch_port": "guest" },
  });
  expect(port.status, JSON.stringify(port.body)).toBe(200);
  await ip("-n", GUEST, "addr", "add", `${port.body.port.ip_address}/24`, "dev", "eth0");
  await ip("-n", GUEST, "route", "add", "default", "via", "10.77.0.1");
  await isLed();
  expect(await routerPort()).toMatchObject({ network_id: netId, ip_address: "10.77.0.1", device_owner: "external" });
  const { id } = await routerPort();
  expect(await ask("DELETE", `/ports/${id}`)).toMatchObject({ status: 403, body: { error: { description: /links/ } } });
  expect((await network()).status).toBe("ACTIVE");
});

test("a VIM that is killed leaves it, the next one makes again what is gone meanwhile", async () => {
  await vim.kill("SIGKILL");
  expect(await seenAs(GUEST, "192.0.2.1")).toBe("192.0.2.2"); // Nobody is there to be asked but the switch and the kernel.
  await ip("netns", "del", own());
  await start(["br-ext"]);
  await isLed();
});

test("where the setting is taken back the way is closed, and the network says why; with the network all of it goes", async () => {
  await vim.kill("SIGTERM");
  await start([]);
  await until("there is no router", async () => !isThere() && (await routerPort()) === undefined);
  expect(await network()).toMatchObject({ status: "ERROR", last_error: expect.stringContaining("config.vim.linkBridges") });
  expect(await seenAs(GUEST, "192.0.2.1", 1)).toBeNull();
  expect((await ask("PUT", `/networks/${netId}`, { network: { name: "renamed" } })).status).toBe(200);
  await vim.kill("SIGKILL");
  await start(["br-ext"]);
  await isLed();
  for (const { id, name } of (await ask("GET", `/ports?network_id=${netId}`)).body.ports)
    if (name === "guest") expect((await ask("DELETE", `/ports/${id}`)).status).toBe(200);
  expect((await ask("DELETE", `/networks/${netId}`)).status).toBe(200);
  await vim.kill("SIGKILL"); // Whoever was killed in between.
  await start(["br-ext"]);
  const folders = () => ["dhcp", "routers"].flatMap((folder) => readdirSync(join(dir, folder)));
  await until("all of it is gone", () => !isThere() && folders().length === 0);
  expect(await ovs.vsctl("list-ports", "br0")).not.toContain("rtr");
});
