import type { NetId, NsId, VimAccountId, VimPortId } from "./ids.ts";

/** A cable, patch or tunnel between the switches of two VIMs, as the operator has laid it. */
export interface VimLink {
  readonly ends: readonly [LinkEnd, LinkEnd];
  /** The VLANs of it that are ours, both included. */
  readonly vlans: { readonly first: number; readonly last: number };
}

export interface LinkEnd {
  readonly vimAccountId: VimAccountId;
  /** The port of that VIM's switch that the link is plugged into. */
  readonly switchPort: string;
}

/** A link by its two ends, whichever way round. */
export const linkKey = (a: LinkEnd, b: LinkEnd): string =>
  [a, b]
    .map((end) => `${end.vimAccountId}/${end.switchPort}`)
    .sort()
    .join(" ");

/** One VLAN of a link, which makes a net of one VIM and a net of another one L2. */
export interface Stitch {
  readonly id: string;
  readonly nsId: NsId;
  /** `member`: the way from where traffic enters to the service connection point of a VNFC; `net`: a net that VNFCs of both VIMs are on. */
  readonly joins: { readonly kind: "member" | "net"; readonly name: string };
  readonly vlan: number;
  /** In the VIM of the NS, where its traffic enters. */
  readonly near: StitchEnd;
  readonly far: StitchEnd;
}

export interface StitchEnd extends LinkEnd {
  /** The outside port that is made; chosen before the VIM is asked, so that asking twice makes one. */
  readonly portId: VimPortId;
  /** The net it is a port of, by name; made under this id where its VIM has none of that name. */
  readonly net: string;
  readonly netId: NetId;
}
