import { Fault } from "../lib/fault.ts";
import type { NetId } from "../model/ids.ts";
import type { ServerPort, VimNet } from "../model/vim-picture.ts";
import { addressIn, fits, isServed } from "./addresses.ts";
import { ownPortOf } from "./own-ports.ts";
import type { Picture } from "./picture.ts";

/** All ports of a net but those of the VIM itself (of its DHCP server, of its router), which come and go with the net. */
export const portsOfOthers = (picture: Picture, id: NetId): ServerPort[] =>
  picture.portsIn(id).filter((p) => ownPortOf(p) === null);

/** The address of one more port in the net; chosen now, so that the reply can tell it. Throws as `addressIn`. */
export function ipIn(picture: Picture, net: VimNet, fixed: string | null, siblings: readonly ServerPort[] = []): string | null {
  const others = [...portsOfOthers(picture, net.id), ...siblings.filter((p) => p.netId === net.id)];
  return addressIn(net, fixed, taken(others));
}

/** A port that comes into a net with the address it had elsewhere: kept where nothing says otherwise. `net` null: into none. */
export function ipOfMoved(picture: Picture, port: ServerPort, net: VimNet | null): string | null {
  const was = port.netId === null ? undefined : picture.nets.get(port.netId);
  const given = was !== undefined && isServed(was) ? null : port.ip; // Given by the net that it leaves.
  return net === null || port.mac === null ? given : ipIn(picture, net, given);
}

/**
 * Ports that get an address when their net is as this. Throws NOT_ALLOWED where one has an address that the net has not any more: its guest
 * would go on with it.
 */
export function readdressed(picture: Picture, net: VimNet): ServerPort[] {
  if (!isServed(net)) return [];
  const ports = portsOfOthers(picture, net.id);
  const outside = ports.find((p) => p.ip !== null && !fits(net, p.ip));
  if (outside)
    throw new Fault(
      "NOT_ALLOWED",
      `Can not change cidr of network to ${net.cidr} while having ports attached with other addresses: port '${outside.name}' has ${outside.ip}`,
    );
  const inUse = taken(ports);
  return ports.flatMap((port) => {
    if (port.ip !== null || port.mac === null) return [];
    const ip = addressIn(net, null, inUse);
    inUse.add(ip!);
    return [{ ...port, ip }];
  });
}

const taken = (ports: readonly ServerPort[]): Set<string> => new Set(ports.flatMap((p) => p.ip ?? []));
