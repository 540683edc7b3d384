import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseConfig } from "../../src/config.ts";
import { ensureTap } from "../../src/hosts/taps.ts";
import { type PrivateLibvirt, startPrivateLibvirt } from "../../src/lab/private-libvirt.ts";
import { removeAppliances } from "../harness/appliances.ts";
import { seenAs, startTeller } from "../harness/far-end.ts";
import type { Ovs } from "../harness/ovs.ts";
import { startWiredHosts, type WiredHosts } from "./overlay-rig.ts";
import { type Ask, client, type Daemon, nowMs, type Subscriber, startDaemon, subscribe, until } from "./rig.ts";

/** Two hosts, each a network namespace with a switch and a libvirtd of its own: twins live apart, and one serves when the other's host is cut off. */
const IMAGES = ["/etc/passwd", "/etc/group"]; // Of each host its own (private-libvirt.ts).
const undo = new AsyncDisposableStack();
const libvirts: PrivateLibvirt[] = [];
const twins: { readonly id: string; readonly host: number; readonly net: string; readonly tap: string }[] = [];
let dir: string;
let wired: WiredHosts;
let vim: Daemon;
let ask: Ask;
let heard: Subscriber;
let traffic: string;

async function made(path: string, kind: string, body: object) {
  const answer = await ask("POST", path, { [kind]: body });
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body[kind];
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "apart-"));
  undo.defer(() => rmSync(dir, { recursive: true, force: true }));
  undo.defer(() => removeAppliances(dir));
  wired = undo.use(await startWiredHosts(2));
  for (const { netns } of wired.hosts) libvirts.push(undo.use(await startPrivateLibvirt({ netns: netns! })));
  const config = parseConfig({
    vim: {
      listen: { port: 0, adminPort: 0 },
      openflow: { host: "0.0.0.0", port: 0 },
      store: join(dir, "vim.db"),
      ovsdb: wired.ovsdb(0),
      bridge: "br0",
      netns: wired.hosts[0]!.netns,
      tunnelIp: wired.tunnelIp(0),
      runDir: join(dir, "run"),
      accel: "tcg",
      hosts: libvirts.map((libvirt, i) => ({
        ...{ name: `host${i}`, libvirtSocket: libvirt.socketPath, runDir: libvirt.dir, netns: wired.hosts[i]!.netns },
        ...(i > 0 && { ovsdb: wired.ovsdb(i), tunnelIp: wired.tunnelIp(i) }),
      })),
    },
  }).vim!;
  vim = await startDaemon(config);
  undo.defer(() => vim.kill("SIGKILL"));
  ask = client(vim.adminPort);
  heard = await subscribe(vim.port);
  for (const ovs of wired.hosts) await ovs.setControllers(`tcp:${ovs.outside}:${vim.openflowPort}`);
});
afterAll(() => undo.disposeAsync());

test("twins are made on different hosts, each plugged into the switch of its own", async () => {
  const tenant = (await ask("GET", "/tenants?name=default")).body.tenants[0].id;
  const flavorRef = (await made(`/${tenant}/flavors`, "flavor", { name: "tiny", ram: 16, vcpus: 1 })).id;
  for (const [i, path] of IMAGES.entries()) {
    const imageRef = (await made(`/${tenant}/images`, "image", { name: path, path })).id;
    const net = (await made("/networks", "network", { name: `data${i}`, type: "data" })).id;
    const server = { name: `relay${i}`, flavorRef, imageRef, anti_affinity: { group: "twins", policy: "required" } };
    const { id } = await made(`/${tenant}/servers`, "server", { ...server, networks: [{ uuid: net, name: "eth0" }] });
    const seen = await until(`relay${i} runs`, async () => {
      const { server } = (await ask("GET", `/${tenant}/servers/${id}`)).body;
      if (server.status === "ERROR") throw new Error(server.last_error);
      return server.status === "ACTIVE" && server;
    });
    const hosts = (await ask("GET", "/hosts")).body.hosts.map((h: { id: string }) => h.id);
    const [port] = (await ask("GET", `/ports?device_id=${id}`)).body.ports;
    twins.push({ id, host: hosts.indexOf(seen.hostId), net, tap: port["binding:switch_port"] });
  }
  expect(twins.map((t) => t.host).sort()).toEqual([0, 1]);
  for (const { host, tap } of twins) {
    expect((await wired.hosts[host]!.vsctl("list-ports", "br0")).split("\n")).toContain(tap);
    expect((await wired.hosts[1 - host]!.vsctl("list-ports", "br0")).split("\n")).not.toContain(tap);
  }
});

test("a management network reaches all hosts: its servers get their addresses over the tunnels, and find each other", async () => {
  const hostIds = (await ask("GET", "/hosts")).body.hosts.map((h: { id: string }) => h.id);
  const tenant = (await ask("GET", "/tenants?name=default")).body.tenants[0].id;
  const flavorRef = (await made(`/${tenant}/flavors`, "flavor", { name: "small", ram: 16, vcpus: 1 })).id;
  const imageRef = (await ask("GET", `/${tenant}/images`)).body.images[0].id;
  const net = await made("/networks", "network", { name: "oam", type: "bridge_man", cidr: "10.88.0.0/24", enable_dhcp: true });
  expect(net["provider:physical"]).toMatch(/^OVS:/);
  const servers: { id: string; ip: string }[] = [];
  for (const at of [0, 1]) {
    const asked = {
      name: `s${at}`,
      flavorRef,
      imageRef,
      hostId: hostIds[at],
      start: "no",
      networks: [{ uuid: net.id, name: "eth0" }],
    };
    const { id } = await made(`/${tenant}/servers`, "server", asked);
    const [port] = (await ask("GET", `/ports?device_id=${id}`)).body.ports;
    expect(port).toMatchObject({ device_owner: "instance:ovs", "binding:vlan": net["provider:vlan"] });
    servers.push({ id, ip: port.ip_address });
    await plugGuest(wired.hosts[at]!, port["binding:switch_port"], port.mac_address);
    expect(await until("an address is given", () => addressGiven(wired.hosts[at]!))).toBe(port.ip_address);
    await wired.hosts[at]!.inside("ip", "addr", "add", `${port.ip_address}/24`, "dev", "guest");
  }
  const [near, far] = servers as [(typeof servers)[number], (typeof servers)[number]];
  undo.use(await startTeller(wired.hosts[1]!.netns!));
  await until("one reaches the other", async () => (await seenAs(wired.hosts[0]!.netns!, far.ip, 2)) === near.ip);
  for (const { id } of servers) expect((await ask("DELETE", `/${tenant}/servers/${id}?force=true`)).status).toBe(200);
  await until("nothing is led between them", async () => (await seenAs(wired.hosts[0]!.netns!, far.ip, 1)) === null);
  expect((await ask("DELETE", `/networks/${net.id}`)).status).toBe(200);
  await until("its server is gone", () => readdirSync(join(dir, "dhcp")).length === 0);
});

test("when the switch of a host is lost, what is armed fires: the twin on the other host serves", async () => {
  const [near, far] = twins.toSorted((a, b) => a.host - b.host) as [(typeof twins)[number], (typeof twins)[number]];
  await ensureTap("cable", { netns: wired.hosts[0]!.netns! });
  await wired.hosts[0]!.vsctl("add-port", "br0", "cable");
  traffic = (await made("/networks", "network", { name: "traffic", type: "data" })).id;
  await made("/ports", "port", { name: "cable", network_id: traffic, "binding:switch_port": "cable" });
  expect((await ask("PUT", `/networks/${traffic}/${far.net}`)).status).toBe(200);
  const members = [
    { id: "A", name: "far", server_id: far.id, data_net: far.net },
    { id: "B", name: "near", server_id: near.id, data_net: near.net },
  ];
  const plans = [{ failed: "A", moves: [{ net: traffic, to: "B" }], because: ["B is up"] }];
  await ask("PUT", "/protections/twins", { protection: { name: "twins", revision: 1, members, plans } });
  const planOf = async () => (await ask("GET", "/protections/twins")).body.protection.plans[0];
  await until("it can fire", async () => (await planOf()).ready === "all");
  expect((await planOf()).readiness).not.toContain("by itself the switch");
  const tunnels = async () => wired.hosts[0]!.vsctl("--bare", "--columns=bfd_status", "find", "interface", "type=vxlan");
  await until("BFD passes", async () => (await tunnels()).includes("state=up"));
  const at = nowMs();
  await wired.hosts[1]!.stop();
  const bound = await until("the net is led elsewhere", () =>
    heard.events.find((e) => e.type === "net.bound" && e.netId === traffic && e.bindNet === near.net),
  );
  console.log(`traffic led to the other host ${(bound.heardAt - at).toFixed(0)} ms after the switch of one was killed`);
  const leaves = await wired.hosts[0]!.vsctl("get", "interface", near.tap, "ofport");
  expect(await wired.hosts[0]!.ofctl("dump-groups", "br0")).toContain(`output:${leaves.trim()}`);
});

/** In the place of a server's vNIC, as libvirt would plug it: `guest` is what the guest sees of it. */
async function plugGuest({ inside, vsctl }: Ovs, tap: string, mac: string): Promise<void> {
  await inside("ip", "link", "add", tap, "type", "veth", "peer", "name", "guest", "address", mac);
  for (const end of [tap, "guest"]) {
    await inside("ip", "link", "set", "dev", end, "up");
    await inside("ethtool", "-K", end, "tx", "off");
  }
  await vsctl("add-port", "br0", tap);
}

async function addressGiven({ inside, netns }: Ovs): Promise<string | false> {
  const [script, out] = [join(dir, "address.sh"), join(dir, `address-${netns}`)];
  writeFileSync(script, '#!/bin/sh\n[ "$1" = bound ] && echo "$ip" > "$OUT"\nexit 0\n', { mode: 0o755 });
  const asks = ["-i", "guest", "-n", "-q", "-f", "-t", "3", "-T", "1", "-s", script];
  await inside("env", `OUT=${out}`, "busybox", "udhcpc", ...asks).catch(() => {});
  return existsSync(out) && readFileSync(out, "utf8").trim();
}
