import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Fault } from "../lib/fault.ts";

const run = promisify(execFile);

/** IFNAMSIZ less its closing zero; letters, digits and three marks, so that a name is never an option or a path. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/;

/** Where the tap lives; none means this process's own network namespace. */
export interface TapPlace {
  readonly netns?: string;
}

/**
 * Makes a persistent tap and sets it up; one that is there already stays as it is. It outlives QEMU, so the switch port
 * on it keeps its number, and loses its carrier the moment QEMU closes it. Throws INVALID for an impossible name,
 * MISSING_PART where this machine cannot make taps.
 */
export async function ensureTap(name: string, place: TapPlace = {}): Promise<void> {
  checkName(name);
  if (!(await isThere(name, place))) await ip(place, "tuntap", "add", "dev", name, "mode", "tap");
  await ip(place, "link", "set", "dev", name, "up");
  await offloadOff(name, place);
}

/** Removes the tap; one that is not there is no error. */
export async function deleteTap(name: string, place: TapPlace = {}): Promise<void> {
  checkName(name);
  if (await isThere(name, place)) await ip(place, "link", "delete", "dev", name);
}

function checkName(name: string): void {
  if (!NAME.test(name)) throw new Fault("INVALID", `not a name of a tap: ${JSON.stringify(name)}`);
}

const isThere = (name: string, place: TapPlace): Promise<boolean> =>
  ip(place, "link", "show", "dev", name).then(
    () => true,
    () => false,
  );

async function ip({ netns }: TapPlace, ...args: string[]): Promise<void> {
  try {
    await run("ip", netns === undefined ? args : ["-n", netns, ...args]);
  } catch (cause) {
    throw new Fault(
      "MISSING_PART",
      `ip ${args.join(" ")}: ${String((cause as { stderr?: string }).stderr ?? cause).trim()}`,
      {},
      { cause },
    );
  }
}

/** The kernel must finish checksums before a userspace switch sees a packet. Without ethtool the guest's own setting suffices. */
async function offloadOff(name: string, { netns }: TapPlace): Promise<void> {
  const args = ["-K", name, "tx", "off"];
  await (netns === undefined ? run("ethtool", args) : run("ip", ["netns", "exec", netns, "ethtool", ...args])).catch(() => {});
}
