import type { FabricNet } from "./fabric.ts";

/** Who is attached where, of all nets: what entries of a few depend on beside those few. */
export interface Attachments {
  /** A link port with a VLAN tag is on this switch port. */
  isTrunk(switchPort: string): boolean;
  /** The net that has this place where several ask for it: a switch port and a tag, or with null untagged. Null: nobody. */
  holderOf(switchPort: string, vlan: number | null): string | null;
}

/** A switch port and a tag on it. */
export const placeKey = (switchPort: string, vlan: number | null): string => `${vlan ?? "-"}@${switchPort}`;

/** Of nets that are all there are. Who comes first has a place. */
export function attachmentsOf(nets: readonly FabricNet[]): Attachments {
  const holders = new Map<string, string>();
  const trunks = new Set<string>();
  for (const net of nets) {
    for (const { switchPort, vlan } of net.ports) {
      const key = placeKey(switchPort, vlan);
      if (!holders.has(key)) holders.set(key, net.id);
      if (vlan !== null) trunks.add(switchPort);
    }
  }
  return {
    isTrunk: (switchPort) => trunks.has(switchPort),
    holderOf: (switchPort, vlan) => holders.get(placeKey(switchPort, vlan)) ?? null,
  };
}

/** A net with those of its ports whose place it has; `lost`: the first that another net has. */
export function placed(net: FabricNet, attachments: Attachments): { readonly net: FabricNet; readonly lost: string | null } {
  const isHeld = (p: FabricNet["ports"][number]) => (attachments.holderOf(p.switchPort, p.vlan) ?? net.id) === net.id;
  const lost = net.ports.find((p) => !isHeld(p));
  if (lost === undefined) return { net, lost: null };
  const place = `switch port ${lost.switchPort}, ${lost.vlan === null ? "untagged" : `VLAN ${lost.vlan}`}`;
  const why = `${place}, is taken by network ${attachments.holderOf(lost.switchPort, lost.vlan)}`;
  return { net: { ...net, ports: net.ports.filter(isHeld) }, lost: why };
}
