import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { Fault } from "../lib/fault.ts";
import type { NetCable } from "../model/net-cable.ts";

// Network namespaces of the VIM's own, each with a cable to a net. Every verb may be repeated.

const run = promisify(execFile);

/** The end of a cable inside of a namespace. */
export const INSIDE = "eth0";

/** What is asked of the switch's database and of the kernel for the other end. */
export interface CablePlugs {
  ensurePort(device: string): Promise<unknown>;
  removePort(device: string): Promise<unknown>;
  ensureBridge(name: string, netns: string | null): Promise<unknown>;
}

/** Namespaces have one list on a machine, which others use too: `what` and a digest of the folder that is theirs. */
export const netnsName = (what: string, dir: string, key: string): string =>
  `${what}-${createHash("sha256").update(join(dir, key)).digest("hex").slice(0, 11)}`;

export const isNetns = (name: string): boolean => existsSync(`/run/netns/${name}`);

export async function ensureNetns(name: string): Promise<void> {
  if (!isNetns(name)) await tool("ip", "netns", "add", name);
}

const at = (netns: string | null): string[] => (netns === null ? [] : ["-n", netns]);

export const hasDevice = (netns: string | null, name: string): Promise<boolean> =>
  run("ip", [...at(netns), "link", "show", "dev", name]).then(
    () => true,
    () => false,
  );

/** One that is not there is no error. */
export const dropDevice = (netns: string | null, name: string): Promise<unknown> =>
  run("ip", [...at(netns), "link", "del", "dev", name]).catch(() => {});

/** A cable from the namespace `own`, where its end is `inside`, to `netns`. */
export async function ensureVeth(own: string, inside: string, netns: string | null, device: string): Promise<void> {
  if (await hasDevice(own, inside)) return;
  await dropDevice(netns, device); // Half of a cable.
  await tool("ip", ...at(netns), "link", "add", "name", device, "type", "veth", "peer", "name", inside, "netns", own);
}

/** The only address that a device has; null: none. `netns`: where it is. */
export async function ensureAddress(netns: string, device: string, address: string | null): Promise<void> {
  const { stdout } = await run("ip", ["-n", netns, "-o", "addr", "show", "dev", device, "scope", "global"]);
  if (address === null ? stdout === "" : stdout.includes(` ${address} `) && !stdout.trim().includes("\n")) return;
  await tool("ip", "-n", netns, "addr", "flush", "dev", device, "scope", "global");
  const how = address?.includes(":") ? ["nodad"] : ["brd", "+"]; // Nobody else can have it.
  if (address !== null) await tool("ip", "-n", netns, "addr", "add", address, "dev", device, ...how);
}

/** The device's end outside becomes a port of a Linux bridge. */
export const plugIntoBridge = (netns: string | null, device: string, bridge: string): Promise<unknown> =>
  tool("ip", ...at(netns), "link", "set", "dev", device, "master", bridge, "up");

/** Brings it about that the namespace `own` is cabled to the net. Throws as `tool`, and what the switch's database refuses. */
export async function ensureCable(own: string, { netns, device, bridge, mac, mtu }: NetCable, plugs: CablePlugs): Promise<void> {
  await ensureNetns(own);
  // A switch stays with the device that it has opened, and sees none of the same name that comes after it.
  if (bridge === null && !(await hasDevice(own, INSIDE))) await plugs.removePort(device);
  await ensureVeth(own, INSIDE, netns, device);
  const size = mtu === null ? [] : ["mtu", String(mtu)];
  await tool("ip", "-n", own, "link", "set", "dev", INSIDE, "address", mac, ...size, "up");
  // The kernel must finish checksums before a userspace switch sees a packet. Without ethtool the switch's own setting suffices.
  await run("ip", ["netns", "exec", own, "ethtool", "-K", INSIDE, "tx", "off"]).catch(() => {});
  if (bridge === null) {
    await tool("ip", ...at(netns), "link", "set", "dev", device, "nomaster", "up"); // It may have been in a bridge of the host before.
    await plugs.ensurePort(device);
    return;
  }
  if (bridge.isOurs) await plugs.ensureBridge(bridge.name, netns);
  await plugIntoBridge(netns, device, bridge.name);
}

/** Whole or not at all. */
export async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

/** What a tool of this machine says. Throws MISSING_PART with its words where it cannot do it. */
export function tool(command: string, ...args: string[]): Promise<string> {
  return toolWith(null, command, ...args);
}

/** The same for one that reads its standard input. */
export async function toolWith(input: string | null, command: string, ...args: string[]): Promise<string> {
  try {
    const running = run(command, args);
    running.child.stdin?.on("error", () => {}).end(input ?? ""); // One that is not there reads nothing.
    return (await running).stdout;
  } catch (cause) {
    const { stderr, code } = cause as { stderr?: string; code?: unknown };
    const words = code === "ENOENT" ? "is not installed" : (stderr?.trim() ?? String(cause));
    throw new Fault("MISSING_PART", `${command} ${args.join(" ")}: ${words}`, {}, { cause });
  }
}
