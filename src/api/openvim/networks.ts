import type { Static } from "typebox";
import type { BfdTimers } from "../../model/bfd.ts";
import type { NetId, OfcId, TenantId, VimPortId } from "../../model/ids.ts";
import type { AddressPair } from "../../model/net.ts";
import { mbpsOf } from "../../model/numa.ts";
import { bareName } from "../../model/switch-port-name.ts";
import type { Asked, Change, VimNet, VimPicture } from "../../model/vim-picture.ts";
import { checked } from "../invalid.ts";
import { listed } from "../query.ts";
import { WireError } from "../wire-error.ts";
import { networkEdit, networkNew, portEdit, portNew } from "./bodies.ts";
import { type Call, needAdmin } from "./call.ts";
import { NETWORKS, PORTS } from "./columns.ts";
import { cidrIn, ipIn, prefixIn } from "./ip-words.ts";
import { networkFull, networkOut, portOut } from "./shapes.ts";

export const listNetworks = (call: Call) => ({
  networks: listed(
    call.doors.picture.nets.values().map((n) => networkOut(n, call.doors)),
    call.query,
    NETWORKS,
  ),
});

export const getNetwork = (call: Call) => ({ network: networkFull(netOf(call, "show_network "), call.doors) });

function netOf(call: Call, prefix = ""): VimNet {
  const id = call.params.id as NetId;
  const net = call.doors.picture.nets.get(id);
  if (!net) throw new WireError(404, `${prefix}network '${id}' not found`);
  return net;
}

export async function postNetwork(call: Call) {
  const { network } = checked(networkNew, call.body());
  const { name, region, id } = network;
  const asked = { ...netChange(network), name, region, id: id as NetId | undefined } satisfies Asked<VimNet, "name">;
  const net = await call.doors.nets.createNet({ ...asked, bindNet: network.bind_net as NetId | null | undefined });
  return { network: networkFull(net, call.doors) };
}

/** The reply is the bare id, as in the original; `GET` tells the rest. A bind that cannot be is refused before anything is changed. */
export async function putNetwork(call: Call) {
  const { network } = checked(networkEdit, call.body());
  const { nets, binds, picture } = call.doors;
  const net = picture.nets.get(call.params.id as NetId);
  if (!net) throw new WireError(404, `network ${call.params.id} not found`);
  const target = network.bind_net == null ? network.bind_net : nets.called(network.bind_net);
  if (target !== undefined) binds.check(net.id, target, bindVlanIn(network.bind_type));
  await nets.editNet(net.id, netChange(network));
  if (target !== undefined) await binds.changeBind(net.id, target);
  return net.id;
}

export async function deleteNetwork(call: Call) {
  await call.doors.nets.deleteNet(call.params.id as NetId);
  return { result: null };
}

const netChange = (n: Static<typeof networkEdit>["network"]): Change<VimNet> => ({
  name: n.name,
  kind: n.type,
  tenantId: n.tenant_id as TenantId | null | undefined,
  shared: n.shared,
  adminUp: n.admin_state_up,
  vlan: n["provider:vlan"],
  provider: n["provider:physical"],
  cidr: n.cidr && cidrIn(n.cidr),
  enableDhcp: n.enable_dhcp,
  dhcpFirstIp: n.dhcp_first_ip && ipIn(n.dhcp_first_ip),
  dhcpLastIp: n.dhcp_last_ip && ipIn(n.dhcp_last_ip),
  dns: n.dns?.map(ipIn),
  links: n.links,
  routes:
    n.routes && Object.fromEntries(Object.entries(n.routes).map(([to, hop]) => [to === "default" ? to : cidrIn(to), ipIn(hop)])),
  bindVlan: bindVlanIn(n.bind_type),
  portSecurity: n.port_security,
});

function bindVlanIn(type: string | null | undefined): number | null | undefined {
  if (type === undefined || type === null) return type;
  const vlan = Number(type.slice("vlan:".length));
  if (vlan < 1 || vlan > 4095)
    throw new WireError(400, "bad format for 'bind_type', must be 'vlan:<tag>' with a tag between 1 and 4095");
  return vlan;
}

/** The dissertation's listing 7.2: the nets that are bound to this one. */
export function getBind(call: Call) {
  const net = netOf(call);
  const bound = call.doors.picture.boundTo(net.id);
  return { bind_id: bound.map((n) => ({ uuid: n.id })) };
}

/**
 * The dissertation's `get_net_id_connection`: the net on the switch that this one is cabled to. A net over a host's card
 * (`macvtap:<card>`) leads to the switch port of that card; a net that has ports on the switch itself is its own connection.
 */
export function getConnection(call: Call) {
  const net = netOf(call);
  const ports = [...call.doors.picture.ports.values()];
  const card = /^macvtap:(.+)$/.exec(net.provider ?? "")?.[1] ?? /macvtap:(.+)$/.exec(net.name)?.[1];
  const cabled = card === undefined ? null : switchPortOf(call.doors.picture, card);
  const connected = ports.filter((p) =>
    cabled === null ? p.netId === net.id && p.switchPort !== null : p.switchPort === cabled,
  );
  const ids = new Set(connected.map((p) => p.netId).filter((id) => id !== null));
  return { net_conn: [...ids].map((id) => ({ net_id: id })) };
}

function switchPortOf(picture: VimPicture, card: string): string | null {
  const cards = [...picture.hosts.values()].flatMap((h) => h.numas.flatMap((n) => n.interfaces));
  return cards.find((c) => c.sourceName === card)?.switchPort ?? null;
}

/** The switch-over itself; with a second net, which OpenVIM does not have, the net is led into both at once (1+1). `applied` tells when the change was on the wire and confirmed; null: no switch is connected. */
export async function putBind(call: Call) {
  const target = call.params.bindId as NetId;
  const copy = call.params.copyId as NetId | undefined;
  const applied = await call.doors.binds.changeBind(call.params.id as NetId, target, copy);
  const times = applied && { changes: applied.changes, on_wire_mono_ms: applied.onWireAt, barrier_mono_ms: applied.barrierAt };
  return { network: networkOut(netOf(call), call.doors), applied: times };
}

/** Unbinds, whatever stands in the place of the other net (the dissertation writes `delete` there). */
export async function deleteBind(call: Call) {
  await call.doors.binds.changeBind(call.params.id as NetId, null);
  return { network: networkOut(netOf(call), call.doors) };
}

export function getOpenflow(call: Call) {
  const flows = call.doors.flowsOf(call.params.id === "all" ? null : netOf(call).id);
  const counters = new Map<string, number>();
  const rules = flows.map((f) => {
    const n = counters.get(f.netId) ?? 0;
    counters.set(f.netId, n + 1);
    return {
      name: `${f.netId}.${n}`,
      net_id: f.netId,
      ofc_id: null,
      priority: f.priority,
      vlan_id: f.vlan,
      ingress_port: f.ingressPort,
      src_mac: null,
      dst_mac: f.dstMac,
      actions: f.actions,
    };
  });
  return { "openflow-rules": rules };
}

/** The whole switch is compared, for one net too: a net's entries alone say nothing of those that should not be there. */
export async function putOpenflow(call: Call) {
  needAdmin(call);
  const isSwitched = (n: VimNet) => n.kind === "data" || n.kind === "ptp";
  const count = call.params.id === "all" ? [...call.doors.picture.nets.values()].filter(isSwitched).length : netOf(call) && 1;
  await call.doors.fabric.reinstall();
  return { result: `${count} nets updates` };
}

/** With a controller, of its switch only. */
export async function clearOpenflow(call: Call) {
  needAdmin(call);
  await switchOf(call)?.clear();
  return { result: " Clearing openflow rules in process" };
}

export const openflowPorts = (call: Call) => ({
  ports: Object.fromEntries([...(switchOf(call)?.session?.ports.values() ?? [])].map((p) => [bareName(p.name), String(p.no)])),
});

/** That of the controller in the path, where there is one. */
function switchOf({ doors, params }: Call) {
  return params.ofc === undefined ? doors.fabric : doors.fabric.at(doors.controllers.get(params.ofc as OfcId).datapath);
}

export const listPorts = (call: Call) => ({
  ports: listed(
    call.doors.picture.ports.values().map((p) => portOut(p, call.doors)),
    call.query,
    PORTS,
  ),
});

export function getPort(call: Call) {
  const id = call.params.id as VimPortId;
  const port = call.doors.picture.ports.get(id);
  if (!port) throw new WireError(404, `port ${id} not found`);
  return { port: portOut(port, call.doors) };
}

export async function postPort(call: Call) {
  needAdmin(call);
  const { port } = checked(portNew, call.body());
  const made = await call.doors.ports.createPort({
    name: port.name,
    id: port.id as VimPortId | undefined,
    netId: port.network_id as NetId | null | undefined,
    tenantId: port.tenant_id as TenantId | null | undefined,
    mac: port.mac_address?.toLowerCase(),
    adminUp: port.admin_state_up,
    bandwidthMbps: port.bandwidth === undefined ? undefined : mbpsOf(port.bandwidth),
    switchPort: switchPortIn(call, port["binding:switch_port"], port["binding:switch_dpid"]),
    vlan: port["binding:vlan"],
    ...securityIn(port),
  });
  return { port: portOut(made, call.doors) };
}

const switchPortIn = (call: Call, name: string | null | undefined, dpid: string | null | undefined) =>
  name == null || dpid == null ? name : call.doors.controllers.portAt(name, dpid);

export async function putPort(call: Call) {
  const id = call.params.id as VimPortId;
  const { port: change } = checked(portEdit, call.body());
  const port = call.doors.picture.ports.get(id);
  if (!port) throw new WireError(404, `Port '${id}' not found`);
  if (port.kind === "external" || change.bfd !== undefined) needAdmin(call); // BFD takes the switch's time.
  const { name, network_id: netId, bfd } = change;
  const edited = await call.doors.ports.editPort(id, {
    name,
    netId: netId as NetId | null | undefined,
    bfd: bfd && bfdIn(bfd),
    ...securityIn(change),
  });
  return { port: portOut(edited, call.doors) };
}

type SecurityIn = Pick<Static<typeof portEdit>["port"], "port_security" | "allowed_address_pairs">;

export const securityIn = ({ port_security, allowed_address_pairs }: SecurityIn) => ({
  portSecurity: port_security,
  allowedPairs: allowed_address_pairs?.map(
    (p): AddressPair => ({ mac: p.mac_address?.toLowerCase() ?? null, ip: prefixIn(p.ip_address) }),
  ),
});

/** RFC 5880's usual multiplier, and the switch's own. */
const DETECT_MULT = 3;
type BfdIn = NonNullable<Static<typeof portEdit>["port"]["bfd"]>;
const bfdIn = (b: BfdIn): BfdTimers => ({
  minTxMs: b.min_tx_ms,
  minRxMs: b.min_rx_ms,
  detectMult: b.detect_mult ?? DETECT_MULT,
});

export async function deletePort(call: Call) {
  needAdmin(call);
  const id = call.params.id as VimPortId;
  await call.doors.ports.deletePort(id);
  return { result: `port '${id}' deleted` };
}
