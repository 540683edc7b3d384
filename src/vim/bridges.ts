import { Fault } from "../lib/fault.ts";
import type { VimNet } from "../model/vim-picture.ts";
import type { Picture } from "./picture.ts";

/** OpenVIM's name for a bridge of its own begins so, and ends with the VLAN of the net. */
const OWN = "ovim-";

/** The Linux bridge that a vNIC on this net is plugged into. Throws INVALID where the net has none. */
export function bridgeOf(net: VimNet): { readonly name: string; readonly isOurs: boolean } {
  const provider = net.provider ?? "";
  if (provider.startsWith("bridge:")) return { name: provider.slice("bridge:".length), isOurs: false };
  if (provider === "default") return { name: "virbr0", isOurs: false }; // libvirt's network "default".
  if (provider.startsWith("OVS:")) return { name: `${OWN}${net.vlan}`, isOurs: true };
  throw new Fault(
    "INVALID",
    `network '${net.name}' (${provider || "no provider"}) has no bridge that a server can be plugged into`,
  );
}

/** Whether there is a net whose bridge of the VIM's own this is. */
export const isBridgeOfNet = ({ nets }: Pick<Picture, "nets">, name: string): boolean =>
  nets.hasAny("provider", `OVS:${name.slice(OWN.length)}`);

/** The device of the host that vNICs on this net share (macvtap); null: they are plugged into a bridge. */
export const sharedDeviceOf = ({ provider }: Pick<VimNet, "provider">): string | null =>
  /^macvtap:(.+)$/.exec(provider ?? "")?.[1] ?? null;
