import type { BfdView, TunnelBfdView } from "../../model/bfd.ts";
import type { TenantId } from "../../model/ids.ts";
import { type AddressPair, hasOwnBridges } from "../../model/net.ts";
import { bandwidthText, type Extended, type ExtendedNuma, mbpsOf } from "../../model/numa.ts";
import { bareName, datapathOf } from "../../model/switch-port-name.ts";
import type { Flavor, Image, ServerPort, Tenant, VimNet } from "../../model/vim-picture.ts";
import { type Wire, withoutNulls } from "../query.ts";
import type { VimDoors } from "./doors.ts";

// Our nouns in the words of OpenVIM's wire (field order as there).

/** `http://host:port/openvim`, as the caller reached us. */
export type BaseUrl = string;

export const bookmark = (href: string) => [{ href, rel: "bookmark" }];
/** OpenVIM's times have whole seconds and no zone. */
export const time = (iso: string | null) => (iso === null ? null : iso.slice(0, 19));
const yesNo = (is: boolean) => (is ? "yes" : "no");

export const tenantOut = (t: Tenant): Wire =>
  withoutNulls({ name: t.name, description: t.description, enabled: t.enabled, id: t.id });

export function flavorOut(f: Flavor, tenant: TenantId | "any", base: BaseUrl): Wire {
  return {
    name: f.name,
    description: f.description,
    ram: f.memoryMiB,
    vcpus: f.vcpus,
    extended: f.extended && withBandwidths(f.extended),
    disk: f.diskGiB,
    public: yesNo(f.isPublic),
    id: f.id,
    links: bookmark(`${base}/${tenant}/flavors/${f.id}`),
  };
}

/** In the original's words, however it was asked for: "1 Gbps" of "1000 Mbps" or "1000". */
function withBandwidths({ numas, ...rest }: Extended): Wire {
  const shown = ({ interfaces, ...numa }: ExtendedNuma) => ({
    ...numa,
    ...(interfaces && { interfaces: interfaces.map((i) => ({ ...i, bandwidth: bandwidthText(mbpsOf(i.bandwidth)) })) }),
  });
  return { ...rest, ...(numas && { numas: numas.map(shown) }) };
}

export function imageOut(i: Image, tenant: TenantId | "any", base: BaseUrl): Wire {
  const row = {
    name: i.name,
    checksum: i.checksum,
    description: i.description,
    progress: i.progress,
    status: i.status,
    path: i.path,
    id: i.id,
    created: time(i.createdAt),
    updated: time(i.updatedAt),
    public: yesNo(i.isPublic),
  };
  const ours = withoutNulls({
    metadata: i.metadata,
    last_error: i.lastError,
    disk_format: i.format,
    virtual_size: i.virtualBytes,
  });
  return { ...row, ...ours, links: bookmark(`${base}/${tenant}/images/${i.id}`) };
}

/** What the switch, the hosts, the DHCP server and the router say of a net counts before what its row says. */
export function networkOut(n: VimNet, doors: VimDoors): Wire {
  const { fabric, senders, dhcp, routers } = doors;
  const problem = [fabric, senders, dhcp, routers].map(({ problems }) => problems.get(n.id)).find((why) => why !== undefined);
  return withoutNulls({
    tenant_id: n.tenantId,
    type: n.kind,
    status: problem === undefined ? n.status : "ERROR",
    last_error: problem ?? n.lastError,
    name: n.name,
    shared: n.shared,
    admin_state_up: n.adminUp,
    region: n.region,
    bind_net: n.bindNet,
    copy_net: n.copyNet,
    bind_type: n.bindVlan === null ? null : `vlan:${n.bindVlan}`,
    cidr: n.cidr,
    enable_dhcp: n.enableDhcp,
    dhcp_first_ip: n.dhcpFirstIp,
    dhcp_last_ip: n.dhcpLastIp,
    gateway_ip: n.gatewayIp,
    dns: n.dns,
    links: n.links,
    routes: n.routes,
    id: n.id,
    "provider:vlan": n.vlan,
    "provider:physical": n.provider,
    port_security: n.portSecurity ? true : null, // Ours, and told where it is asked for.
  });
}

export function networkFull(n: VimNet, doors: VimDoors): Wire {
  const ports = doors.picture.portsIn(n.id).map((p) => ({ port_id: p.id }));
  const flows = doors
    .flowsOf(n.id)
    .map((f) =>
      withoutNulls({ priority: f.priority, vlan_id: f.vlan, ingress_port: f.ingressPort, dst_mac: f.dstMac, actions: f.actions }),
    );
  return { ...networkOut(n, doors), ...(ports.length > 0 ? { ports } : {}), ...(flows.length > 0 ? { flows } : {}) };
}

export const portOut = (p: ServerPort, { picture, protections, facts, bfd }: VimDoors): Wire =>
  withoutNulls({
    name: p.name,
    tenant_id: p.tenantId,
    vpci: p.vpci,
    status: p.status,
    admin_state_up: p.adminUp,
    ip_address: p.ip,
    id: p.id,
    network_id: p.netId,
    mac_address: p.mac,
    device_owner: isOnOverlay(p, picture) ? "instance:ovs" : p.kind,
    device_id: p.serverId,
    "binding:switch_port": p.switchPort && bareName(p.switchPort),
    "binding:switch_dpid": p.switchPort && datapathOf(p.switchPort),
    "binding:vlan": p.vlan ?? (isOnOverlay(p, picture) ? picture.nets.get(p.netId!)!.vlan : null),
    bandwidth: p.bandwidthMbps,
    model: p.model,
    fenced: p.kind === "instance:data" ? p.fenced : null, // Ours, as the next; only such ports can be.
    opinions: opinionsOut(protections.opinionsOf(p.id)),
    stale: p.kind === "instance:data" && facts.isStale(p) ? true : null,
    bfd: bfdOut(bfd.viewOf(p)),
    tunnel_bfd: tunnelBfdOut(bfd.tunnelsTo(p)),
    port_security: p.portSecurity,
    allowed_address_pairs: p.allowedPairs.length === 0 ? null : p.allowedPairs.map(pairOut),
  });

const pairOut = ({ mac, ip }: AddressPair): Wire => withoutNulls({ ip_address: ip, mac_address: mac });

const isOnOverlay = ({ kind, netId }: ServerPort, { nets }: VimDoors["picture"]): boolean =>
  kind === "instance:bridge" && netId !== null && hasOwnBridges(nets.get(netId) ?? { provider: null });

const tunnelBfdOut = (b: TunnelBfdView | null): Wire | null =>
  b &&
  withoutNulls({
    min_tx_ms: b.timers.minTxMs,
    min_rx_ms: b.timers.minRxMs,
    detect_mult: b.timers.detectMult,
    protected: b.isProtecting,
    why: b.why,
  });

const bfdOut = (b: BfdView | null): Wire | null =>
  b && {
    ...withoutNulls({ state: b.status?.state, remote_state: b.status?.remoteState, diagnostic: b.status?.diagnostic }),
    ...tunnelBfdOut(b),
  };

const opinionsOut = (said: ReadonlyMap<string, string>) => (said.size === 0 ? null : Object.fromEntries(said));
