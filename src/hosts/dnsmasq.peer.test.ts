import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { removeAppliances } from "../../test/harness/appliances.ts";
import type { DhcpServer } from "../model/dhcp.ts";
import type { NetId } from "../model/ids.ts";
import { DhcpServers } from "./dnsmasq.ts";

/** A real dnsmasq on a bridge of a host, and a real client behind it. */
const run = promisify(execFile);
const HOST = `dhost-${process.pid}`;
const GUEST = `dguest-${process.pid}`;
const MAC = "52:00:00:00:00:02";
const ip = async (...args: string[]) => void (await run("ip", args));
let dir: string;
let servers: DhcpServers;
let script: string;
let told: string;

const server: DhcpServer = {
  ...{ key: "net", netId: "net" as NetId, netns: HOST, device: "dhcp0", mac: "52:00:00:00:00:01", mtu: 1400 },
  ...{ bridge: { name: "ovim-3000", isOurs: true }, ip: "10.0.0.3", prefix: 24, mask: "255.255.255.0", gatewayIp: null },
  ...{ dns: [], routes: {}, reservations: [{ mac: MAC, ip: "10.0.0.77" }] },
};

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "dnsmasq-"));
  [script, told] = [join(dir, "tell.sh"), join(dir, "told")];
  writeFileSync(script, `#!/bin/sh\n[ "$1" = bound ] && env > ${told}\nexit 0\n`, { mode: 0o755 });
  const ensureBridge = async (name: string, netns: string | null) => {
    await ip("-n", netns!, "link", "add", "name", name, "type", "bridge").catch(() => {});
    await ip("-n", netns!, "link", "set", "dev", name, "up");
  };
  servers = new DhcpServers(join(dir, "dhcp"), { ensurePort: async () => {}, removePort: async () => {}, ensureBridge });
  for (const netns of [HOST, GUEST]) await ip("netns", "add", netns);
});
afterAll(async () => {
  await removeAppliances(dir);
  for (const netns of [HOST, GUEST]) await ip("netns", "del", netns);
  rmSync(dir, { recursive: true, force: true });
});

/** What a client is told, in the words of udhcpc. */
async function asked(): Promise<string> {
  const client = ["busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "30", "-T", "1", "-O", "mtu", "-s", script];
  await run("ip", ["netns", "exec", GUEST, ...client]);
  return readFileSync(told, "utf8");
}

test("a guest on a host's bridge gets the address that is kept for it; every verb twice", async () => {
  for (let twice = 0; twice < 2; twice++) await servers.ensure(server);
  await ip("-n", HOST, "link", "add", "name", "guest", "type", "veth", "peer", "name", "eth0", "netns", GUEST);
  await ip("-n", HOST, "link", "set", "dev", "guest", "master", "ovim-3000", "up");
  await ip("-n", GUEST, "link", "set", "dev", "eth0", "address", MAC, "up");
  const words = await asked();
  expect(words).toMatch(/^ip=10\.0\.0\.77$/m);
  expect(words).toMatch(/^mtu=1400$/m);
  expect(words).not.toMatch(/^router=/m);
});

test("what it is told later counts, though there is a lease that says something else", async () => {
  const later = { ...server, reservations: [{ mac: MAC, ip: "10.0.0.78" }] };
  expect(await servers.isRunning(later)).toBe(false);
  await servers.ensure(later);
  expect(await servers.isRunning(later)).toBe(true);
  expect(await asked()).toMatch(/^ip=10\.0\.0\.78$/m);
});

test("what this machine cannot is told in the words of the tool; what is removed is gone", async () => {
  const nowhere = { ...server, key: "other", device: "dhcp1", bridge: { name: "nobridge", isOurs: false } };
  await expect(servers.ensure(nowhere)).rejects.toMatchObject({
    code: "MISSING_PART",
    message: expect.stringContaining("nobridge"),
  });
  for (let twice = 0; twice < 2; twice++) await servers.remove("other", "dhcp1");
  expect(await servers.keys()).toEqual(["net"]);
  await servers.remove("net", "dhcp0");
  expect(await servers.keys()).toEqual([]);
  expect(existsSync(join(dir, "dhcp", "net"))).toBe(false);
  await expect(run("ip", ["-n", HOST, "link", "show", "dev", "dhcp0"])).rejects.toThrow();
});
