import type { HeldTap } from "../model/held-tap.ts";
import type { HostId } from "../model/ids.ts";
import { isOfCard } from "../model/numa.ts";
import type { Leftover, Server, ServerPort, VimNet, VimPicture } from "../model/vim-picture.ts";
import { advertisedBy, barredFrom, sendersOf, sentBy } from "../steer/port-security.ts";
import { sharedDeviceOf } from "./bridges.ts";
import { bridgeTapName } from "./ports.ts";

// Guests on Linux bridges of hosts, where no flow entry of ours stands: the same rules as in the switch. Pure.

/** A port that is to be held, and how. */
export interface Held extends HeldTap {
  readonly port: ServerPort;
  readonly net: VimNet;
  readonly server: Server;
}

/** By host; `only`: of this one. Looks at each port there is, and works out what is to be held alone. */
export function heldTaps(picture: VimPicture, only?: HostId): Map<HostId, Held[]> {
  const held = new Map<HostId, Held[]>();
  for (const port of picture.ports.values()) {
    if (port.kind !== "instance:bridge" || port.switchPort !== null) continue;
    const server = port.serverId === null ? undefined : picture.servers.get(port.serverId);
    const net = port.netId === null ? undefined : picture.nets.get(port.netId);
    if (server === undefined || net === undefined || (only ?? server.hostId) !== server.hostId) continue;
    const one = heldTap(server, port, net);
    if (one === null) continue;
    const there = held.get(server.hostId);
    if (there === undefined) held.set(server.hostId, [one]);
    else there.push(one);
  }
  return held;
}

function heldTap(server: Server, port: ServerPort, net: VimNet): Held | null {
  const senders = isOnBridge(port, net) ? sendersOf(net, port) : null;
  if (senders === null) return null;
  const [advertised, barred, allowed] = [advertisedBy(senders), barredFrom(senders), sentBy(senders, true)];
  return { tap: bridgeTapName(port.id, server.hostId), advertised, barred, allowed, port, net, server };
}

/** Of a server that is gone: what its guest still says on bridges of its host, where it is to be held or has the time to say more. */
export function tapsToClose(
  picture: VimPicture,
  { hostId }: Pick<Server, "hostId">,
  ports: readonly ServerPort[],
  { asksGuest }: Pick<Leftover, "asksGuest">,
): string[] {
  return ports.flatMap((port) => {
    const net = port.netId === null ? undefined : picture.nets.get(port.netId);
    const isClosed = net !== undefined && isOnBridge(port, net) && (asksGuest || sendersOf(net, port) !== null);
    return isClosed ? bridgeTapName(port.id, hostId) : [];
  });
}

/** Of those of this host. */
export const closedTaps = (leftovers: Iterable<Leftover>, hostId: HostId): HeldTap[] =>
  [...leftovers].flatMap((left) =>
    left.hostId === hostId ? left.bridgeTaps.map((tap) => ({ tap, advertised: [], barred: [], allowed: [] })) : [],
  );

/** Plugged into a Linux bridge of its host, and not beside a device of the host on its wire. */
const isOnBridge = (port: ServerPort, net: VimNet): boolean =>
  port.switchPort === null && port.kind === "instance:bridge" && !isOfCard(port) && sharedDeviceOf(net) === null;

/** Why a port of a server cannot be held to what it may send on this net, on a bridge of its host; null: it can. */
export function whyNotHeld({ hosts }: Pick<VimPicture, "hosts">, server: Server, net: VimNet): string | null {
  if (sharedDeviceOf(net) !== null) return `it is on the wire beside ${sharedDeviceOf(net)} (macvtap)`;
  const host = hosts.get(server.hostId);
  if (host?.libvirtUri?.startsWith("qemu+tls:"))
    return `its host '${host.name}' is another machine, of which nothing but libvirt is reached`;
  return server.namesTaps ? null : "its server was made before this VIM could hold it: reboot that first";
}
