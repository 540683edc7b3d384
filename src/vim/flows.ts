import type { NetId } from "../model/ids.ts";
import type { VimPicture } from "../model/vim-picture.ts";
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

/** The entries that the nets' state asks for, of one net or of all. */
export function flowsOf(picture: VimPicture, netId: NetId | null): FlowText[] {
  const nets = [...picture.nets.values()].filter((n) => n.kind === "data" || n.kind === "ptp");
  const entries = bindGroups(nets.map((n) => fabricNet(n, picture.portsIn(n.id)))).flatMap(fabricEntries);
  return entries.filter((e) => netId === null || e.netId === netId).map(textOf);
}

const textOf = (e: FabricEntry): FlowText => ({
  netId: e.netId as NetId,
  priority: e.priority,
  vlan: e.vlan,
  ingressPort: e.inPort,
  dstMac: e.ethDst,
  actions: actionsOf(e.vlan, e.out)
    .map((a) => (a.do === "output" ? `out=${a.port}` : a.do === "setVlan" ? `vlan=${a.vlan}` : "vlan=None"))
    .join(","),
});
