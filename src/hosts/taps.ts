import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Fault } from "../lib/fault.ts";

const run = promisify(execFile);

/** IFNAMSIZ less its closing zero; letters, digits and three marks, so that a name is never an option, a path or a word of a shell. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/;

/** Where the tap lives; none means this process's own network namespace. */
export interface TapPlace {
  readonly netns?: string;
}

/**
 * In one process each: to start one holds the thread that leads a switch for milliseconds, and they come one after the other. The kernel must
 * finish checksums before a userspace switch sees a packet; without ethtool the guest's own setting suffices.
 */
const ENSURE = `ip link show dev "$1" > /dev/null 2>&1 || ip tuntap add dev "$1" mode tap
ip link set dev "$1" up
ethtool -K "$1" tx off > /dev/null 2>&1 || true`;
const DELETE = `! ip link show dev "$1" > /dev/null 2>&1 || ip link delete dev "$1"`;

/**
 * Makes a persistent tap and sets it up; one that is there already stays as it is. It outlives QEMU, so the switch port
 * on it keeps its number, and loses its carrier the moment QEMU closes it. Throws INVALID for an impossible name,
 * MISSING_PART where this machine cannot make taps.
 */
export const ensureTap = (name: string, place: TapPlace = {}): Promise<void> => inShell(ENSURE, name, place);

/** Removes the tap; one that is not there is no error. */
export const deleteTap = (name: string, place: TapPlace = {}): Promise<void> => inShell(DELETE, name, place);

async function inShell(script: string, name: string, { netns }: TapPlace): Promise<void> {
  if (!NAME.test(name)) throw new Fault("INVALID", `not a name of a tap: ${JSON.stringify(name)}`);
  const args = ["-e", "-c", script, "sh", name];
  try {
    await (netns === undefined ? run("sh", args) : run("ip", ["netns", "exec", netns, "sh", ...args]));
  } catch (cause) {
    const why = String((cause as { stderr?: string }).stderr || cause).trim();
    throw new Fault("MISSING_PART", `the tap ${name}: ${why}`, {}, { cause });
  }
}
