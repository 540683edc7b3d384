import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseConfig, type VimConfig } from "../../src/config.ts";
import { ipv6Text } from "../../src/lib/ipv6.ts";
import { removeAppliances } from "../harness/appliances.ts";
import { type Ovs, startOvs } from "../harness/ovs.ts";
import { type Ask, client, type Daemon, startDaemon, until } from "./rig.ts";

/** Real clients on a real switch ask a real dnsmasq, which the VIM keeps; killed and started again on the way. */
const run = promisify(execFile);
let ovs: Ovs;
let dir: string;
let vim: Daemon;
let ask: Ask;
let netId: string;
const macs: Record<string, string> = {};
const undo = new AsyncDisposableStack();

const config = (openflowPort: number): VimConfig =>
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
    },
  }).vim!;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "dhcp-"));
  undo.defer(() => rmSync(dir, { recursive: true, force: true }));
  undo.defer(() => removeAppliances(dir));
  ovs = undo.use(await startOvs({ datapathType: "netdev", ports: ["va", "vb", "vc"], protocols: ["OpenFlow13"] }));
  for (const port of ["va", "vb", "vc"]) {
    macs[port] = (await ovs.inside("cat", `/sys/class/net/${port}/address`)).trim();
    await ovs.inside("ethtool", "-K", port, "tx", "off").catch(() => {});
  }
  const script = join(dir, "got.sh");
  writeFileSync(script, '#!/bin/sh\n[ "$1" = bound ] && echo "$ip $subnet [$router] [$dns] [$staticroutes]" > "$OUT"\nexit 0\n');
  chmodSync(script, 0o755);
  vim = await startDaemon(config(0));
  ask = client(vim.adminPort);
  await ovs.setControllers(`tcp:${ovs.outside}:${vim.openflowPort}`);
});

afterAll(async () => {
  await vim?.kill("SIGKILL");
  await undo.disposeAsync();
});

/** Of our own servers, by the folder that each was started with. */
async function serversOf(folder: string): Promise<number[]> {
  const pids = readdirSync("/proc").filter((p) => /^\d+$/.test(p));
  return pids.map(Number).filter((pid) => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      return line.startsWith("dnsmasq") && line.includes(folder);
    } catch {
      return false; // Ended meanwhile.
    }
  });
}

/** Network namespaces in which one of our servers runs. */
async function namespaces(): Promise<string[]> {
  const of = await Promise.all((await serversOf(dir)).map((pid) => run("ip", ["netns", "identify", String(pid)])));
  return of.map(({ stdout }) => stdout.trim());
}

/** What a client on this port is given; null: nothing, as often as it asked. */
async function given(port: string, asks = 30): Promise<string | null> {
  const out = join(dir, `got-${port}`);
  rmSync(out, { force: true });
  const args = [
    "udhcpc",
    "-i",
    port,
    "-n",
    "-q",
    "-f",
    "-t",
    String(asks),
    "-T",
    "1",
    "-O",
    "staticroutes",
    "-s",
    join(dir, "got.sh"),
  ];
  return ovs.inside("env", `OUT=${out}`, "busybox", ...args).then(
    () => readFileSync(out, "utf8").trim(),
    () => null,
  );
}

/** The same of IPv6, as RFC 5952 writes it. */
async function given6(port: string, asks = 30): Promise<string | null> {
  const client = join(import.meta.dirname, "../harness/dhcp6-client.ts");
  return ovs.inside(process.execPath, client, port, macs[port]!, String(asks)).then(
    (told) => ipv6Text(told.trim()),
    () => null,
  );
}

const port = async (name: string) => (await ask("GET", `/ports?name=${name}`)).body.ports[0];
const dhcpPort = async () => (await ask("GET", "/ports?name=dhcp")).body.ports[0];
const served = () => until("the DHCP server's port is a member of the net", async () => (await dhcpPort()) !== undefined);

test("a client gets the address that the API has told before, with gateway, name servers and routes", async () => {
  const { status, body } = await ask("POST", "/networks", {
    network: {
      ...{ name: "mgmt", type: "data", cidr: "10.77.0.0/29", enable_dhcp: true, dns: ["10.77.0.1", "9.9.9.9"] },
      routes: { "10.78.0.0/16": "10.77.0.2" },
    },
  });
  expect(status, JSON.stringify(body)).toBe(200);
  netId = body.network.id;
  for (const name of ["va", "vb"]) {
    const made = await ask("POST", "/ports", {
      port: { name, network_id: netId, mac_address: macs[name], "binding:switch_port": name },
    });
    expect(made.status, JSON.stringify(made.body)).toBe(200);
  }
  await served();
  expect(await dhcpPort()).toMatchObject({ network_id: netId, ip_address: "10.77.0.3", device_owner: "external" });
  expect([(await port("va")).ip_address, (await port("vb")).ip_address]).toEqual(["10.77.0.4", "10.77.0.5"]);
  await until("the server answers", async () => (await given("va", 1)) !== null);
  expect(await given("va")).toBe(
    "10.77.0.4 255.255.255.248 [10.77.0.1] [10.77.0.1 9.9.9.9] [10.78.0.0/16 10.77.0.2 0.0.0.0/0 10.77.0.1]",
  );
  expect(await given("vb")).toMatch(/^10\.77\.0\.5 /);
  expect((await ask("GET", `/networks/${netId}`)).body.network).toMatchObject({ status: "ACTIVE" });
});

test("whom the VIM does not know gets nothing; the port of the server is not for others to take", async () => {
  await ask("POST", "/ports", { port: { name: "vc", network_id: netId, "binding:switch_port": "vc" } });
  expect(await given("vc", 2)).toBeNull();
  const { id } = await dhcpPort();
  expect(await ask("DELETE", `/ports/${id}`)).toMatchObject({ status: 403, body: { error: { description: /enable_dhcp/ } } });
  expect((await ask("PUT", `/ports/${id}`, { port: { network_id: null } })).status).toBe(403);
});

test("no address is given twice, and none is left when none is left", async () => {
  const more = (name: string, mac: string) =>
    ask("POST", "/ports", {
      port: { name, network_id: netId, mac_address: mac, "binding:switch_port": "vc", "binding:vlan": 7 },
    });
  expect((await more("last", "52:00:00:00:00:01")).body.port.ip_address).toBe("10.77.0.6");
  expect(await more("none", "52:00:00:00:00:02")).toMatchObject({
    status: 409,
    body: { error: { description: expect.stringMatching(/network 'mgmt': no address is free between 10.77.0.3 and 10.77.0.6/) } },
  });
  expect((await ask("GET", "/ports?name=none")).body.ports).toEqual([]);
  expect((await ask("PUT", `/networks/${netId}`, { network: { cidr: "10.99.0.0/24" } })).body.error.description).toMatch(
    /Can not change cidr .* 10\.77\.0\.\d/,
  );
});

test("one that ends starts again; a VIM that is killed leaves it, and the next one has the same and no other", async () => {
  const [first] = await serversOf(dir);
  process.kill(first!, "SIGKILL");
  await until("another one runs", async () => (await serversOf(dir)).some((pid) => pid !== first));
  expect(await given("va")).toMatch(/^10\.77\.0\.4 /);
  const before = await serversOf(dir);
  await vim.kill("SIGKILL");
  expect(await given("vb")).toMatch(/^10\.77\.0\.5 /); // Nobody is there to be asked but the switch and the server.
  vim = await startDaemon(config(vim.openflowPort));
  ask = client(vim.adminPort);
  await until(
    "the switch is led again",
    async () => Object.keys((await ask("GET", "/networks/openflow/ports")).body.ports ?? {}).length > 0,
  );
  expect(await given("va")).toMatch(/^10\.77\.0\.4 /);
  expect(await serversOf(dir)).toEqual(before);
});

test("when the net is gone nothing of its server is left, whoever was killed in between", async () => {
  const [name] = await namespaces();
  for (const { id, name: called } of (await ask("GET", `/ports?network_id=${netId}`)).body.ports)
    if (called !== "dhcp") expect((await ask("DELETE", `/ports/${id}`)).status).toBe(200);
  expect((await ask("DELETE", `/networks/${netId}`)).status).toBe(200);
  await vim.kill("SIGKILL");
  vim = await startDaemon(config(vim.openflowPort));
  ask = client(vim.adminPort);
  await until(
    "the server is gone",
    async () => (await serversOf(dir)).length === 0 && readdirSync(join(dir, "dhcp")).length === 0,
  );
  expect((await run("ip", ["netns", "list"])).stdout).not.toContain(name);
  expect(await ovs.vsctl("list-ports", "br0")).not.toContain("dhcp");
  expect((await ask("GET", "/ports?name=dhcp")).body.ports).toEqual([]);
});

test("a client of a network of IPv6 gets the address that the API has told, also where it is held to what it may send", async () => {
  const asked = { name: "six", type: "data", cidr: "FD00:0:0:77::/64", enable_dhcp: true, dns: ["fd00:0:0:77::53"] };
  const { status, body } = await ask("POST", "/networks", { network: asked });
  expect(status, JSON.stringify(body)).toBe(200);
  expect(body.network).toMatchObject({ cidr: "fd00:0:0:77::/64", dhcp_first_ip: "fd00:0:0:77::3", dns: asked.dns });
  for (const name of ["va", "vb"]) {
    const cable = { name, network_id: body.network.id, mac_address: macs[name], "binding:switch_port": name };
    const made = await ask("POST", "/ports", { port: { ...cable, port_security: name === "va" } });
    expect(made.status, JSON.stringify(made.body)).toBe(200);
  }
  await served();
  expect((await dhcpPort()).ip_address).toBe("fd00:0:0:77::3");
  await until("the server answers", async () => (await given6("va", 2)) === "fd00:0:0:77::4");
  expect(await given6("vb")).toBe("fd00:0:0:77::5");
  expect((await ask("GET", `/networks/${body.network.id}`)).body.network.status).toBe("ACTIVE");
  // It is told the same again by a server that knows of no lease.
  const [pid] = await serversOf(dir);
  process.kill(pid!, "SIGKILL");
  await until("another one runs", async () => (await serversOf(dir)).some((other) => other !== pid));
  expect(await given6("vb")).toBe("fd00:0:0:77::5");
  for (const { id, name } of (await ask("GET", `/ports?network_id=${body.network.id}`)).body.ports)
    if (name !== "dhcp") expect((await ask("DELETE", `/ports/${id}`)).status).toBe(200);
  expect((await ask("DELETE", `/networks/${body.network.id}`)).status).toBe(200);
  await until(
    "the server is gone",
    async () => (await serversOf(dir)).length === 0 && readdirSync(join(dir, "dhcp")).length === 0,
  );
});
