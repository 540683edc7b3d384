import { Fault } from "../lib/fault.ts";
import type { NetId, VimPortId } from "../model/ids.ts";
import type { VimNet } from "../model/vim-picture.ts";
import { type Outside, outsideOf } from "../steer/fabric.ts";
import type { Picture } from "./picture.ts";

/**
 * Who has a place of the switch: a switch port, and a tag there or none. What comes in at one place has to belong to one net. A net has the
 * places of its ports; and where a net is bound to it by a VLAN, that VLAN on each of its untagged ports.
 */
type Places = Pick<Picture, "netsAt" | "portsIn" | "boundTo"> & { readonly nets: Pick<Picture["nets"], "get"> };

/**
 * Throws CONFLICT where another net has this place of the switch: what comes in there could not be told apart. `beside`: the port that is
 * there and leaves for this net.
 */
export function checkPlace(picture: Places, net: Pick<VimNet, "id">, at: Outside | null, beside: VimPortId | null = null): void {
  if (at === null) return;
  const { switchPort, vlan } = at;
  const holder = otherAt(picture, net.id, at, beside);
  if (holder !== undefined) {
    const tag = vlan === null ? "untagged" : `VLAN ${vlan}`;
    throw new Fault(
      "CONFLICT",
      `switch port '${switchPort}', ${tag}, is taken by network '${holder}': give the port a VLAN of its own`,
    );
  }
  if (vlan === null) {
    for (const bound of picture.boundTo(net.id)) checkBindPlace(picture, bound, picture.nets.get(net.id)!, switchPort, beside);
    return;
  }
  for (const id of picture.netsAt(switchPort, null, beside)) {
    const bound = id === net.id ? undefined : picture.boundTo(id).find((n) => n.bindVlan === vlan);
    if (bound)
      throw new Fault(
        "CONFLICT",
        `switch port '${switchPort}', VLAN ${vlan}, leads from network '${nameOf(picture, id)}' into network '${bound.name}', which is bound to it by that VLAN: give the port another one`,
      );
  }
}

/** Throws CONFLICT where the VLAN of a bind is another net's on a switch port of the net that is bound to: `bound` as it shall be. */
export function checkBindPlaces(picture: Places, bound: VimNet, to: VimNet): void {
  if (bound.bindVlan === null) return;
  const [outside, own] = [outsideOf(to), outsideOf(bound)];
  const untagged = [...picture.portsIn(to.id), ...(outside === null ? [] : [outside])].flatMap((p) =>
    p.vlan === null && p.switchPort !== null ? [p.switchPort] : [],
  );
  for (const switchPort of untagged) {
    const isOwn = own?.switchPort === switchPort && own.vlan === bound.bindVlan; // Not in the picture yet, of a new net.
    if (isOwn) throw taken(bound, to, switchPort, bound.name);
    checkBindPlace(picture, bound, to, switchPort);
  }
}

function checkBindPlace(picture: Places, bound: VimNet, to: VimNet, switchPort: string, beside: VimPortId | null = null): void {
  if (bound.bindVlan === null) return;
  const holder = otherAt(picture, to.id, { switchPort, vlan: bound.bindVlan }, beside);
  if (holder !== undefined) throw taken(bound, to, switchPort, holder);
}

function taken(bound: VimNet, to: VimNet, switchPort: string, holder: string): Fault {
  const place = `switch port '${switchPort}' of network '${to.name}'`;
  return new Fault(
    "CONFLICT",
    `VLAN ${bound.bindVlan}, by which network '${bound.name}' is bound, is taken by network '${holder}' on ${place}: choose another VLAN as bind_type, or for the port there`,
  );
}

/** The name of another net that has something there. */
function otherAt(picture: Places, self: NetId, { switchPort, vlan }: Outside, beside: VimPortId | null): string | undefined {
  const holder = picture.netsAt(switchPort, vlan, beside).find((id) => id !== self);
  return holder && nameOf(picture, holder);
}

const nameOf = (picture: Places, id: NetId): string => picture.nets.get(id)?.name ?? id;
