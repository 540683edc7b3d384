import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseConfig, type VimConfig } from "../../src/config.ts";
import { ensureTap } from "../../src/hosts/taps.ts";
import { startWiredHosts, type WiredHosts } from "./overlay-rig.ts";
import { type Ask, client, type Daemon, startDaemon, until } from "./rig.ts";

/** A host that is opened while the VIM runs and has a switch of its own; its libvirt is not there, which its switch does not ask for. */
const undo = new AsyncDisposableStack();
let dir: string;
let wired: WiredHosts;
let vim: Daemon;
let ask: Ask;
let host: string;

const config = (openflowPort: number): VimConfig =>
  parseConfig({
    vim: {
      listen: { port: 0, adminPort: 0 },
      openflow: { host: "0.0.0.0", port: openflowPort },
      store: join(dir, "vim.db"),
      libvirtSocket: "/nonexistent/libvirt",
      ovsdb: wired.ovsdb(0),
      bridge: "br0",
      netns: wired.hosts[0]!.netns,
      tunnelIp: wired.tunnelIp(0),
      runDir: join(dir, "run"),
      accel: "tcg",
    },
  }).vim!;

const own = () => ({ ovsdb: wired.ovsdb(1), bridge: "br0", tunnel_ip: wired.tunnelIp(1) });
const NODE2 = { name: "node2", user: "root", ip_name: "node2", libvirt_uri: "qemu+unix:///system?socket=/nonexistent/node2" };

async function made(path: string, kind: string, body: object) {
  const answer = await ask("POST", path, { [kind]: body });
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return answer.body[kind];
}

const tunnels = async (at: number) =>
  (await wired.hosts[at]!.vsctl("--bare", "--columns=name", "find", "interface", "type=vxlan")).split("\n").filter(Boolean);
const flows = (at: number) => wired.hosts[at]!.ofctl("dump-flows", "br0");
const areOne = async () => (await flows(0)).includes("->tun_id") && (await flows(1)).includes("->tun_id");

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "host-switches-"));
  undo.defer(() => rmSync(dir, { recursive: true, force: true }));
  wired = undo.use(await startWiredHosts(2));
  vim = await startDaemon(config(0));
  ask = client(vim.adminPort);
  for (const [i, port] of ["x", "a"].entries()) {
    const ovs = wired.hosts[i]!;
    await ensureTap(port, { netns: ovs.netns! });
    await ovs.vsctl("add-port", "br0", port);
    await ovs.setControllers(`tcp:${ovs.outside}:${vim.openflowPort}`);
  }
});
afterAll(async () => {
  await vim?.kill("SIGKILL");
  await undo.disposeAsync();
});

test("a switch that it cannot have is refused with the reason, and no host is made", async () => {
  const refusals: [object, number, string][] = [
    [{ ...NODE2, switch: { ...own(), ovsdb: wired.ovsdb(0) } }, 409, "is that of the cables"],
    [{ ...NODE2, switch: { ...own(), tunnel_ip: wired.tunnelIp(0) } }, 409, "is that of the cables"],
    [{ ...NODE2, libvirt_uri: undefined, switch: own() }, 400, "libvirt_uri"],
    [{ ...NODE2, switch: { ...own(), ovsdb: "ssh:node2" } }, 400, "ovsdb"],
    [{ ...NODE2, switch: { bridge: "br0" } }, 400, "switch"],
  ];
  for (const [body, status, words] of refusals) {
    const answer = await ask("POST", "/hosts", { host: body });
    expect(answer.status, JSON.stringify(answer.body)).toBe(status);
    expect(JSON.stringify(answer.body)).toContain(words);
  }
  expect((await ask("GET", "/hosts")).body.hosts).toHaveLength(1);
});

test("its switch is one with the others: tunnels, and ways from port to port", async () => {
  const made2 = await made("/hosts", "host", { ...NODE2, switch: own() });
  expect(made2.switch).toEqual(own());
  host = made2.id;
  const net = (await made("/networks", "network", { name: "net", type: "data" })).id;
  for (const port of ["x", "a"]) await made("/ports", "port", { name: port, network_id: net, "binding:switch_port": port });
  await until("the two bridges are one", areOne);
  for (const at of [0, 1]) expect(await tunnels(at)).toHaveLength(1);
});

test("over a kill -9 it stays one of them", async () => {
  await vim.kill("SIGKILL");
  const before = await Promise.all([flows(0), flows(1)]);
  const times = /duration=\S+ |n_\w+=\d+, /g;
  vim = await startDaemon(config(vim.openflowPort));
  ask = client(vim.adminPort);
  await until("both are led again", async () => {
    const { ports } = (await ask("GET", "/networks/openflow/ports")).body;
    return "x" in ports && "a" in ports;
  });
  const after = await Promise.all([flows(0), flows(1)]);
  expect(after.map((f) => f.replace(times, ""))).toEqual(before.map((f) => f.replace(times, "")));
});

test("with the host goes all that was made for its switch, on both sides", async () => {
  const answer = await ask("DELETE", `/hosts/${host}`);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  await until("no tunnel is left", async () => (await tunnels(0)).length === 0 && (await tunnels(1)).length === 0);
  await until("no entry is left there", async () => !(await flows(1)).includes("priority"));
  await until("nothing leads there", async () => !(await flows(0)).includes("->tun_id"));
  // And may come again.
  host = (await made("/hosts", "host", { ...NODE2, switch: own() })).id;
  await until("the two bridges are one again", areOne);
});
