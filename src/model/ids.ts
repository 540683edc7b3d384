declare const brand: unique symbol;
type Branded<T, B extends string> = T & { readonly [brand]: B };

// VIM side
export type TenantId = Branded<string, "TenantId">;
export type HostId = Branded<string, "HostId">;
export type ImageId = Branded<string, "ImageId">;
export type FlavorId = Branded<string, "FlavorId">;
export type ServerId = Branded<string, "ServerId">;
export type NetId = Branded<string, "NetId">;
export type VimPortId = Branded<string, "VimPortId">;
export type OfcId = Branded<string, "OfcId">;
export type PortMappingId = Branded<string, "PortMappingId">;
// MANO side
export type VimAccountId = Branded<string, "VimAccountId">;
export type NsdId = Branded<string, "NsdId">;
export type NsId = Branded<string, "NsId">;
export type VnfcId = Branded<string, "VnfcId">;
export type GroupId = Branded<string, "GroupId">;
// Switch side
/** A datapath as 16 hex digits, as in `ovs-vsctl get bridge br datapath_id`. */
export type DatapathId = Branded<string, "DatapathId">;
export type PortNo = Branded<number, "PortNo">;

/** OFPP_MAX of OpenFlow 1.3 (7.2.1): above it stand the reserved ports, which no network can be tied to. */
const PORT_NO_MAX = 0xffffff00;

/** A port that can exist. Throws RangeError for a reserved or impossible number. */
export function portNo(n: number): PortNo {
  if (!Number.isInteger(n) || n < 1 || n > PORT_NO_MAX) throw new RangeError(`not an OpenFlow port: ${n}`);
  return n as PortNo;
}

/** A datapath id from the 64 bits of OFPT_FEATURES_REPLY. */
export const datapathId = (bits: bigint): DatapathId => bits.toString(16).padStart(16, "0") as DatapathId;
