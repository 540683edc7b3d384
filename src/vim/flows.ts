import type { NetId } from "../model/ids.ts";
import type { VimNet, VimPicture } from "../model/vim-picture.ts";
import { actionsOf, bindGroups, type FabricEntry, fabricEntries, fabricNet } from "../steer/fabric.ts";

/** A flow entry of a net as OpenVIM tells it. */
export interface FlowText {
  readonly netId: NetId;
  readonly priority: number;
  readonly vlan: number | null;
  readonly ingressPort: string;
  readonly dstMac: string | null;
  /** Such as `vlan=None,out=p1`. */
  readonly actions: string;
}

/** The entries that the nets' state asks for, of one net or of all, by OpenVIM's rule. */
export function flowsOf(picture: VimPicture, netId: NetId | null): FlowText[] {
  const asked = netId === null ? [...picture.nets.values()] : groupOf(picture, netId);
  const nets = asked.filter((n) => n.kind === "data" || n.kind === "ptp");
  const entries = bindGroups(nets.map((n) => fabricNet(n, picture.portsIn(n.id)))).flatMap(fabricEntries);
  return entries.filter((e) => netId === null || e.netId === netId).map(textOf);
}

/** The net with all that its entries follow from: its bind group, or the two that a net of it is led into. */
function groupOf(picture: VimPicture, netId: NetId): VimNet[] {
  const group = new Set([picture.nets.get(netId)?.bindNet ?? netId, netId]);
  for (const id of group) {
    // A set's walk comes to what is added meanwhile.
    for (const bound of picture.boundTo(id)) group.add(bound.id);
    for (const to of [picture.nets.get(id)?.bindNet, picture.nets.get(id)?.copyNet]) if (to) group.add(to);
  }
  return [...group].flatMap((id) => picture.nets.get(id) ?? []);
}

const BROADCAST = "ff:ff:ff:ff:ff:ff";

const textOf = (e: FabricEntry): FlowText => ({
  netId: e.netId as NetId,
  priority: e.priority,
  vlan: e.vlan,
  ingressPort: e.inPort,
  dstMac: e.ethDst,
  actions: actionsText(e),
});

/** As the original writes it: where a packet leaves by one port the tag is told though the packet has it already. */
function actionsText({ vlan, ethDst, out }: FabricEntry): string {
  const [only, ...more] = out;
  if (only?.vlan != null && more.length === 0 && ethDst !== BROADCAST) return `vlan=${only.vlan},out=${only.port}`;
  return actionsOf(vlan, out)
    .map((a) => (a.do === "output" ? `out=${a.port}` : a.do === "setVlan" ? `vlan=${a.vlan}` : "vlan=None"))
    .join(",");
}
