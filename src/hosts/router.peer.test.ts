import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { removeAppliances } from "../../test/harness/appliances.ts";
import { ip, namespaces, seenAs, startTeller } from "../../test/harness/far-end.ts";
import type { NetId } from "../model/ids.ts";
import type { Router, RouterWay } from "../model/router.ts";
import { isNetns, netnsName } from "./net-cable.ts";
import { Routers } from "./router.ts";

/** A guest on a bridge of a host, another bridge there, and somebody outside behind it: all in namespaces. Real packets, a real kernel. */
const [HOST, GUEST, OUT] = ["h", "g", "o"].map((name) => `r${name}-${process.pid}`) as [string, string, string];
const run = promisify(execFile);
const undo = new AsyncDisposableStack();
let dir: string;
let routers: Routers;

const way: RouterWay = {
  ...{ device: "lnk0", iface: "br-ext", vlan: null, mac: "52:00:00:00:00:02" },
  ...{ address: "192.0.2.2/24", isHidden: true },
};
const router: Router = {
  ...{ key: "net", netId: "net" as NetId, netns: HOST, device: "rtr0", mac: "52:00:00:00:00:01", mtu: 1400 },
  ...{ bridge: { name: "ovim-3000", isOurs: true }, inside: { ip: "10.0.0.1", prefix: 24, cidr: "10.0.0.0/24" } },
  ...{ ways: [way], routes: { default: "192.0.2.1", "203.0.113.0/24": "192.0.2.9" } },
};

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), "router-"));
  dir = join(folder, "routers");
  undo.defer(() => rmSync(folder, { recursive: true, force: true }));
  await namespaces([HOST, GUEST, OUT], undo);
  const ensureBridge = async (name: string, netns: string | null) => {
    await ip("-n", netns!, "link", "add", "name", name, "type", "bridge").catch(() => {});
    await ip("-n", netns!, "link", "set", "dev", name, "up");
  };
  routers = new Routers(dir, { ensurePort: async () => {}, removePort: async () => {}, ensureBridge });
  undo.defer(() => removeAppliances(folder));
  for (const [bridge, netns, end, address] of [
    ["ovim-3000", GUEST, "guest", "10.0.0.5/24"],
    ["br-ext", OUT, "out", "192.0.2.1/24"],
  ] as const) {
    await ensureBridge(bridge, HOST);
    await ip("-n", HOST, "link", "add", "name", end, "type", "veth", "peer", "name", "eth0", "netns", netns);
    await ip("-n", HOST, "link", "set", "dev", end, "master", bridge, "up");
    await ip("-n", netns, "addr", "add", address, "dev", "eth0");
    await ip("-n", netns, "link", "set", "dev", "eth0", "up");
  }
  await ip("-n", GUEST, "route", "add", "default", "via", "10.0.0.1");
  for (const netns of [GUEST, OUT]) undo.use(await startTeller(netns));
});
afterAll(() => undo.disposeAsync());

/** 8021q is a module that some kernels are without. */
const hasTags = await run("unshare", [
  "-n",
  "sh",
  "-c",
  "ip link add a type veth peer name b && ip link add link a name a.7 type vlan id 7",
]).then(
  () => true,
  () => false,
);

test("a guest is led out, is seen by the router's address and by nobody called; every verb twice", async () => {
  for (let twice = 0; twice < 2; twice++) await routers.ensure(router);
  expect(await routers.isRunning(router)).toBe(true);
  expect(await seenAs(GUEST, "192.0.2.1")).toBe("192.0.2.2");
  await ip("-n", OUT, "route", "add", "10.0.0.0/24", "via", "192.0.2.2");
  expect(await seenAs(OUT, "10.0.0.5", 1)).toBeNull();
  // Who says another address than one of the net is not led out.
  await ip("-n", GUEST, "addr", "add", "10.9.9.9/32", "dev", "eth0");
  await ip("-n", GUEST, "route", "replace", "192.0.2.1", "via", "10.0.0.1", "src", "10.9.9.9");
  expect(await seenAs(GUEST, "192.0.2.1", 1)).toBeNull();
  await ip("-n", GUEST, "route", "del", "192.0.2.1");
  expect(await seenAs(GUEST, "192.0.2.1")).toBe("192.0.2.2");
});

test("without nat both find each other by their own addresses", async () => {
  const open = { ...router, ways: [{ ...way, isHidden: false }] };
  expect(await routers.isRunning(open)).toBe(false);
  await routers.ensure(open);
  expect(await routers.isRunning(open)).toBe(true);
  expect(await seenAs(GUEST, "192.0.2.1")).toBe("10.0.0.5");
  expect(await seenAs(OUT, "10.0.0.5")).toBe("192.0.2.1");
  await ip("-n", OUT, "route", "del", "10.0.0.0/24");
});

test("what leaves by a link with a tag carries it; a kernel that knows no tags says so", async () => {
  const tagged = { ...router, ways: [{ ...way, vlan: 7 }] };
  if (!hasTags)
    return expect(routers.ensure(tagged)).rejects.toMatchObject({
      code: "MISSING_PART",
      message: expect.stringContaining("vlan"),
    });
  await routers.ensure(tagged);
  expect(await seenAs(GUEST, "192.0.2.1", 1)).toBeNull();
  await ip("-n", OUT, "addr", "flush", "dev", "eth0");
  await ip("-n", OUT, "link", "add", "link", "eth0", "name", "eth0.7", "type", "vlan", "id", "7");
  await ip("-n", OUT, "link", "set", "dev", "eth0.7", "up");
  await ip("-n", OUT, "addr", "add", "192.0.2.1/24", "dev", "eth0.7");
  expect(await seenAs(GUEST, "192.0.2.1")).toBe("192.0.2.2");
  await ip("-n", OUT, "link", "del", "dev", "eth0.7");
  await ip("-n", OUT, "addr", "add", "192.0.2.1/24", "dev", "eth0");
});

/** Somebody outside who says a letter to whoever calls, again and again, and a guest who calls and only listens. */
async function listenWithin(): Promise<{ heard: () => number } & AsyncDisposable> {
  const sayer = `require("net").createServer((s) => { s.on("error", () => {}); setInterval(() => s.write("x"), 20); }).listen(9, "192.0.2.1", () => console.log("ready"));`;
  const server = spawn("ip", ["netns", "exec", OUT, process.execPath, "-e", sayer], { stdio: ["ignore", "pipe", "inherit"] });
  await once(server.stdout, "data");
  const caller = spawn("ip", ["netns", "exec", GUEST, "busybox", "nc", "192.0.2.1", "9"], { stdio: ["pipe", "pipe", "inherit"] });
  let heard = 0;
  caller.stdout.on("data", (bytes: Buffer) => (heard += bytes.length));
  return {
    heard: () => heard,
    async [Symbol.asyncDispose]() {
      for (const child of [caller, server]) {
        child.kill("SIGKILL");
        if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      }
    },
  };
}

async function until(what: string, met: () => boolean): Promise<void> {
  for (const giveUpAt = performance.now() + 60_000; !met(); await delay(10))
    if (performance.now() > giveUpAt) throw new Error(`never: ${what}`);
}

test("what passes by a way passes on while others come and go, one that cannot be opened too, and routes and addresses change", async () => {
  await routers.ensure(router);
  await ip("-n", HOST, "link", "add", "name", "br-beside", "type", "bridge");
  await using guest = await listenWithin();
  await until("the guest hears", () => guest.heard() > 0);
  const beside = { ...way, device: "lnk2", iface: "br-beside", mac: "52:00:00:00:00:04", address: "198.51.100.2/24" };
  const passesOn = async () => {
    const before = guest.heard();
    await until("the guest hears on", () => guest.heard() > before + 5);
  };
  const routes = { ...router.routes, "203.0.113.128/25": "198.51.100.9" };
  await routers.ensure({ ...router, ways: [beside, way], routes });
  await passesOn();
  const own = netnsName("router", dir, "net");
  const shown = async () => (await ip("-n", own, "route")) + (await ip("-n", own, "-o", "addr"));
  expect(await shown()).toMatch(/203\.0\.113\.128\/25 via 198\.51\.100\.9/);
  const nowhere = { ...beside, iface: "nobridge" };
  const failing = { ...router, ways: [nowhere, way] };
  for (let twice = 0; twice < 2; twice++)
    await expect(routers.ensure(failing)).rejects.toMatchObject({ message: expect.stringContaining("nobridge") });
  expect(await routers.isRunning(failing)).toBe(false);
  await passesOn();
  const readdressed = { ...router, ways: [way, { ...beside, address: "198.51.100.3/24" }] };
  await routers.ensure(readdressed);
  await passesOn();
  expect(await shown()).toContain("198.51.100.3/24");
  await routers.ensure(router);
  await passesOn();
  expect(await shown()).not.toMatch(/198\.51\.100|203\.0\.113\.128/);
  expect(await routers.isRunning(router)).toBe(true);
});

test("one that was being told otherwise when its VIM was killed is made anew", async () => {
  writeFileSync(join(dir, "net", "told"), "");
  await ip("-n", netnsName("router", dir, "net"), "route", "add", "203.0.113.0/25", "via", "192.0.2.7");
  await routers.ensure(router);
  expect(await ip("-n", netnsName("router", dir, "net"), "route")).not.toContain("203.0.113.0/25");
  expect(await seenAs(GUEST, "192.0.2.1")).toBe("192.0.2.2");
});

test("a link without an address is one Ethernet with the net, and another beside it is routed", async () => {
  await ip("-n", OUT, "addr", "flush", "dev", "eth0");
  await ip("-n", OUT, "addr", "add", "10.0.0.9/24", "dev", "eth0");
  await routers.ensure({ ...router, inside: null, ways: [{ ...way, address: null, isHidden: false }], routes: {} });
  expect(await seenAs(GUEST, "10.0.0.9")).toBe("10.0.0.5");
  expect(await seenAs(OUT, "10.0.0.5")).toBe("10.0.0.9");
  await ip("-n", HOST, "link", "add", "name", "br-two", "type", "bridge");
  await ip("-n", HOST, "link", "set", "dev", "br-two", "up");
  await ip("-n", HOST, "link", "add", "name", "two", "type", "veth", "peer", "name", "eth1", "netns", OUT);
  await ip("-n", HOST, "link", "set", "dev", "two", "master", "br-two", "up");
  await ip("-n", OUT, "link", "set", "dev", "eth1", "up");
  await ip("-n", OUT, "addr", "add", "192.0.2.1/24", "dev", "eth1");
  const ways = [
    { ...way, address: null, isHidden: false },
    { ...way, device: "lnk1", iface: "br-two", mac: "52:00:00:00:00:03" },
  ];
  await routers.ensure({ ...router, ways });
  expect(await seenAs(GUEST, "10.0.0.9")).toBe("10.0.0.5");
  expect(await seenAs(GUEST, "192.0.2.1")).toBe("192.0.2.2");
});

test("one whose namespace is gone is made again; what this machine cannot is told in the words of the tool", async () => {
  const own = netnsName("router", dir, "net");
  await ip("netns", "del", own);
  expect(await routers.isRunning(router)).toBe(false);
  await ip("-n", OUT, "addr", "flush", "dev", "eth1");
  await ip("-n", OUT, "addr", "flush", "dev", "eth0");
  await ip("-n", OUT, "addr", "add", "192.0.2.1/24", "dev", "eth0");
  await routers.ensure(router);
  expect(await seenAs(GUEST, "192.0.2.1")).toBe("192.0.2.2");
  const nowhere = { ...router, key: "other", device: "rtr1", ways: [{ ...way, device: "lnk9", iface: "nobridge" }] };
  await expect(routers.ensure(nowhere)).rejects.toMatchObject({
    code: "MISSING_PART",
    message: expect.stringContaining("nobridge"),
  });
  expect(await routers.isRunning(nowhere)).toBe(false);
  for (let twice = 0; twice < 2; twice++) await routers.remove("other", "rtr1");
  expect(await routers.keys()).toEqual(["net"]);
  await routers.remove("net", "rtr0");
  expect(await routers.keys()).toEqual([]);
  expect(isNetns(own)).toBe(false);
  expect(await seenAs(GUEST, "192.0.2.1", 1)).toBeNull();
});
