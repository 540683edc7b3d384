import type { NetId, VimPortId } from "../../src/model/ids.ts";
import type { Net, VimPort } from "../../src/model/net.ts";

export { led, NUMBERED, type Sent, walk } from "../../src/lab/led.ts";

/** A net and a port of the VIM's picture, for tests of flow tables. */
export const net = (id: string, bindNet: string | null = null, more: Partial<Net> = {}): Net => ({
  id: id as NetId,
  name: id,
  kind: "data",
  tenantId: null,
  shared: false,
  adminUp: true,
  status: "ACTIVE",
  lastError: null,
  vlan: null,
  provider: null,
  bindNet: bindNet as NetId | null,
  copyNet: null,
  bindVlan: null,
  portSecurity: false,
  createdAt: "2026-01-01T00:00:00",
  ...more,
});

export const port = (netId: string, switchPort: string, mac: string | null, more: Partial<VimPort> = {}): VimPort => ({
  id: `${netId}-${switchPort}-${more.vlan ?? ""}` as VimPortId,
  name: switchPort,
  kind: "external",
  tenantId: null,
  netId: netId as NetId,
  serverId: null,
  mac,
  ip: null,
  switchPort,
  vlan: null,
  bandwidthMbps: null,
  adminUp: true,
  status: "ACTIVE",
  fenced: false,
  portSecurity: null,
  allowedPairs: [],
  ...more,
});
