import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Fault } from "../lib/fault.ts";
import type { VimNet } from "../model/vim-picture.ts";

const run = promisify(execFile);

/** The Linux bridge that a vNIC on this net is plugged into. Throws INVALID where the net has none. */
export function bridgeOf(net: VimNet): { readonly name: string; readonly isOurs: boolean } {
  const provider = net.provider ?? "";
  if (provider.startsWith("bridge:")) return { name: provider.slice("bridge:".length), isOurs: false };
  if (provider === "default") return { name: "virbr0", isOurs: false }; // libvirt's network "default".
  if (provider.startsWith("OVS:")) return { name: `ovim-${net.vlan}`, isOurs: true }; // OpenVIM's name for it.
  throw new Fault(
    "INVALID",
    `network '${net.name}' (${provider || "no provider"}) has no bridge that a server can be plugged into`,
  );
}

/** The device of the host that vNICs on this net share (macvtap); null: they are plugged into a bridge. */
export const sharedDeviceOf = ({ provider }: Pick<VimNet, "provider">): string | null =>
  /^macvtap:(.+)$/.exec(provider ?? "")?.[1] ?? null;

/** Makes a bridge of ours, for a net whose provider nobody named. Throws MISSING_PART where this machine cannot. */
export async function ensureBridge(name: string, netns: string | undefined): Promise<void> {
  const ip = (...args: string[]) => run("ip", netns === undefined ? args : ["-n", netns, ...args]);
  const isThere = await ip("link", "show", "dev", name).then(
    () => true,
    () => false,
  );
  try {
    if (!isThere) await ip("link", "add", "name", name, "type", "bridge");
    await ip("link", "set", "dev", name, "up");
  } catch (cause) {
    throw new Fault(
      "MISSING_PART",
      `bridge ${name} cannot be made: ${(cause as { stderr?: string }).stderr ?? String(cause)}`,
      {},
      { cause },
    );
  }
}
