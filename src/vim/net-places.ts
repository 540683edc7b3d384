import type { NetId } from "../model/ids.ts";
import { hasOwnBridges } from "../model/net.ts";
import type { NetCable } from "../model/net-cable.ts";
import type { VimNet } from "../model/vim-picture.ts";
import { bridgeOf } from "./bridges.ts";

/** Where nets are to be found. Namespaces: null is this process's own. */
export interface NetPlaces {
  readonly switchNetns: string | null;
  /** Bridges of hosts are one switch. */
  readonly spansHosts: boolean;
  /** Of the compute hosts, each once: a bridge of a host is in its namespace. */
  readonly hostNetns: readonly (string | null)[];
  /** Bytes that nets of the switch carry, where that is less than an Ethernet does. */
  readonly mtu: number | null;
}

export type NetPlace = Pick<NetCable, "key" | "netns" | "bridge" | "mtu">;

/**
 * Where a device of the VIM's own is plugged into the net: into the switch, or at each host that has bridges of its own. Nowhere where a third end has no
 * place (`ptp`), or others look after the net (`default`, `macvtap:`).
 */
export function placesOf(net: VimNet, { switchNetns, spansHosts, hostNetns, mtu }: NetPlaces): NetPlace[] {
  if (net.kind === "ptp") return [];
  if (net.kind === "data" || (spansHosts && hasOwnBridges(net))) return [{ key: net.id, netns: switchNetns, bridge: null, mtu }];
  if (net.provider === "default" || net.provider?.startsWith("macvtap:")) return [];
  const bridge = bridgeOf(net);
  // One that somebody else made may be the same wire on all hosts.
  const at = bridge.isOurs ? hostNetns : hostNetns.slice(0, 1);
  return at.map((netns, i) => ({ key: i === 0 ? net.id : `${net.id}.${i}`, netns, bridge, mtu: null }));
}

/** A net's id is a uuid: what follows it names the place. */
const UUID_LENGTH = 36;
export const netOfKey = (key: string): NetId => key.slice(0, UUID_LENGTH) as NetId;
