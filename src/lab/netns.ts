import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { run } from "./run.ts";

/** Longest name of a network device (IFNAMSIZ less its NUL). */
const DEVICE_NAME_MAX = 15;
/** Every namespace, device and folder of a lab starts with this, so that what is left of one can be told from anything else. */
export const LAB_PREFIX = "sempre-";

/** The name of something of lab `labId`. For a network device: `deviceName`. */
export const labName = (labId: string, suffix: string): string => `${LAB_PREFIX}${labId}-${suffix}`;

/** As `labName`, for a network device. Throws RangeError where the kernel would refuse the length. */
export function deviceName(labId: string, suffix: string): string {
  const name = labName(labId, suffix);
  if (name.length > DEVICE_NAME_MAX) throw new RangeError(`longer than ${DEVICE_NAME_MAX} characters: ${name}`);
  return name;
}

/** Where a device is: its name and its network namespace; without one it is where this process is. */
export interface Device {
  readonly name: string;
  readonly netns?: string;
  /** Its MAC address, where the kernel's choice will not do. */
  readonly mac?: string;
}

const ip = (netns: string | undefined, ...args: string[]): Promise<string> => run("ip", netns ? ["-n", netns, ...args] : args);

/** Runs a command to its end inside a namespace; gives its standard output. Faults as `run`. */
export const inNetns = (netns: string, command: string, ...args: string[]): Promise<string> =>
  run("ip", ["netns", "exec", netns, command, ...args]);

/** Starts a program inside a namespace. `ip netns exec` replaces itself, so the child's pid is the program's own. */
export const spawnInNetns = (netns: string, command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess =>
  spawn("ip", ["netns", "exec", netns, command, ...args], options);

/** A new network namespace with its loopback up. */
export async function makeNetns(netns: string): Promise<void> {
  await run("ip", ["netns", "add", netns]);
  await ip(netns, "link", "set", "lo", "up");
}

export const listNetns = async (): Promise<string[]> => {
  const lines = (await run("ip", ["netns", "list"])).split("\n");
  return lines.map((line) => line.split(" ")[0]!).filter(Boolean);
};

/** Removes a namespace and with it every device in it. One that is not there is no error. */
export async function deleteNetns(netns: string): Promise<void> {
  if ((await listNetns()).includes(netns)) await run("ip", ["netns", "delete", netns]);
}

/** Pids that run inside a namespace now. */
export async function pidsIn(netns: string): Promise<number[]> {
  return (await run("ip", ["netns", "pids", netns])).split("\n").filter(Boolean).map(Number);
}

/** A cable: two devices, each in its own namespace, both up, offloads off. */
export async function makeVeth(a: Device, b: Device): Promise<void> {
  const end = (d: Device) => ["name", d.name, ...(d.mac ? ["address", d.mac] : []), ...(d.netns ? ["netns", d.netns] : [])];
  await run("ip", ["link", "add", ...end(a), "type", "veth", "peer", ...end(b)]);
  for (const device of [a, b]) {
    await offloadsOff(device);
    await setUp(device);
  }
}

/** Without this the kernel leaves checksums to hardware that a userspace switch or an emulated vNIC does not have. */
export async function offloadsOff({ name, netns }: Device): Promise<void> {
  const args = ["-K", name, "tx", "off", "rx", "off", "tso", "off", "gso", "off", "gro", "off"];
  await (netns ? inNetns(netns, "ethtool", ...args) : run("ethtool", args));
}

export const setUp = ({ name, netns }: Device): Promise<string> => ip(netns, "link", "set", "dev", name, "up");
export const deleteDevice = ({ name, netns }: Device): Promise<string> => ip(netns, "link", "delete", "dev", name);

/**
 * A Linux bridge that is up. It floods multicast (no snooping: there is no querier here, and a VNFC that has just booted must
 * not wait for one) and forwards at once (no forwarding delay).
 */
export async function makeBridge({ name, netns }: Device): Promise<void> {
  await ip(netns, "link", "add", "name", name, "type", "bridge", "mcast_snooping", "0", "forward_delay", "0");
  await setUp({ name, ...(netns ? { netns } : {}) });
}

/** Plugs a device into a bridge of the same namespace. */
export const joinBridge = ({ name, netns }: Device, bridge: string): Promise<string> =>
  ip(netns, "link", "set", "dev", name, "master", bridge);

/** Gives a device an address with prefix length ("10.61.0.1/24"), its broadcast address included. */
export const addAddress = ({ name, netns }: Device, address: string): Promise<string> =>
  ip(netns, "address", "add", address, "broadcast", "+", "dev", name);

/** Sends a multicast group out of a device, which has no default route. */
export const routeMulticast = ({ name, netns }: Device, group: string): Promise<string> =>
  ip(netns, "route", "add", `${group}/32`, "dev", name);
