import type { ArmedProtection } from "../model/armed.ts";
import type { GroupId, HostId, NetId, ServerId, VimPortId, VnfcId } from "../model/ids.ts";
import type { LinkAddresses } from "../model/link-addresses.ts";
import type { NetKind, WireStatus } from "../model/net.ts";
import type { Path } from "../model/path.ts";
import type { VimCondition } from "../model/vim-condition.ts";
import type { ServerStatus } from "../model/vim-event.ts";
import type { VimLinkPort, VimNet, VimServer } from "./connector.ts";

// OpenVIM's answers (1.4 of its reference), of which we read these members. It leaves out what is null.

export interface WireServer {
  readonly id: string;
  readonly name: string;
  readonly description?: string | null;
  readonly status: ServerStatus;
  readonly last_error?: string | null;
  readonly hostId?: string | null;
  /** Ours; an original OpenVIM leaves these out. */
  readonly host_state?: VimServer["hostState"];
  readonly storage_lost?: string;
  readonly task?: string;
  readonly anti_affinity?: { readonly violated: boolean; readonly shares_host_with: readonly string[] } | null;
}

export interface WireVimNet {
  readonly id: string;
  readonly name: string;
  readonly type: NetKind;
  readonly status: WireStatus;
  readonly bind_net?: string | null;
}

interface WireBfd {
  readonly protected: boolean;
  readonly why?: string;
}

export interface WirePort {
  readonly id: string;
  readonly name: string;
  readonly status: WireStatus;
  readonly network_id?: string | null;
  readonly device_id?: string | null;
  readonly mac_address?: string | null;
  readonly ip_address?: string | null;
  readonly "binding:switch_port"?: string | null;
  /** Ours; an original OpenVIM has no fences and leaves it out. */
  readonly fenced?: boolean | null;
  readonly opinions?: Readonly<Record<string, "answers" | "silent">> | null;
  readonly stale?: boolean | null;
  readonly bfd?: WireBfd | null;
  /** Ours: of the tunnels that lead to the switch of its host. */
  readonly tunnel_bfd?: WireBfd | null;
}

/** As the original has them too. What is left out the VIM chooses. */
export const addressesOut = ({ cidr, gateway, isGiven, pool }: LinkAddresses) => ({
  cidr,
  ...(gateway !== null && { gateway_ip: gateway }),
  ...(isGiven && { enable_dhcp: true }),
  ...(isGiven && pool && { dhcp_first_ip: pool[0], dhcp_last_ip: pool[1] }),
});

/** Ours: what is armed (`/openvim/protections`). */
export interface WireProtection {
  readonly id: string;
  readonly name: string;
  readonly revision: number;
  readonly hold_off_ms: number;
  readonly members: readonly {
    readonly id: string;
    readonly name: string;
    readonly server_id: string | null;
    readonly data_net: string;
    /** Left out by a VIM of before there were pools, and `or_else` too. */
    readonly capacity?: number | null;
  }[];
  readonly plans: readonly {
    readonly failed: string;
    readonly moves: readonly { readonly net: string; readonly to: string; readonly or_else?: readonly string[] }[];
    readonly because: readonly string[];
  }[];
  readonly probe: {
    readonly interval_ms: number;
    readonly misses: number;
    readonly of: number;
    readonly icmp: boolean;
    readonly udp_port: number | null;
    /** Left out by a VIM of before it. */
    readonly tcp_port?: number | null;
    readonly source_ip: string | null;
  } | null;
  /** The next two: left out by a VIM of before them. */
  readonly guest_heartbeat?: { readonly interval_ms: number; readonly misses: number; readonly of: number } | null;
  readonly traffic?: { readonly silent_ms: number } | null;
}

export const protectionOut = (p: ArmedProtection): WireProtection => ({
  id: p.id,
  name: p.name,
  revision: p.revision,
  hold_off_ms: p.holdOffMs,
  members: p.members.map((m) => ({
    id: m.id,
    name: m.name,
    server_id: m.serverId,
    data_net: m.dataNet,
    capacity: m.capacity,
  })),
  plans: p.plans.map((plan) => ({
    failed: plan.failed,
    moves: plan.moves.map((m) => ({ net: m.trafficNet, to: m.to, or_else: m.orElse })),
    because: plan.because,
  })),
  probe: p.probe && {
    interval_ms: p.probe.intervalMs,
    misses: p.probe.misses,
    of: p.probe.of,
    icmp: p.probe.icmp,
    udp_port: p.probe.udpPort,
    tcp_port: p.probe.tcpPort,
    source_ip: p.probe.sourceIp,
  },
  guest_heartbeat: p.guestHeartbeat && {
    interval_ms: p.guestHeartbeat.intervalMs,
    misses: p.guestHeartbeat.misses,
    of: p.guestHeartbeat.of,
  },
  traffic: p.traffic && { silent_ms: p.traffic.silentMs },
});

/** What the VIM shows, back in our words; what it shows beside (state, readiness) is left out. */
export const protectionOf = (w: WireProtection): ArmedProtection => ({
  id: w.id as GroupId,
  name: w.name,
  revision: w.revision,
  holdOffMs: w.hold_off_ms,
  members: w.members.map((m) => ({
    id: m.id as VnfcId,
    name: m.name,
    serverId: m.server_id as ServerId | null,
    dataNet: m.data_net as NetId,
    capacity: m.capacity ?? null,
  })),
  plans: w.plans.map((plan) => ({
    failed: plan.failed as VnfcId,
    moves: plan.moves.map((m) => ({ trafficNet: m.net as NetId, to: m.to as VnfcId, orElse: (m.or_else ?? []) as VnfcId[] })),
    because: plan.because,
  })),
  probe: w.probe && {
    intervalMs: w.probe.interval_ms,
    misses: w.probe.misses,
    of: w.probe.of,
    icmp: w.probe.icmp,
    udpPort: w.probe.udp_port,
    tcpPort: w.probe.tcp_port ?? null,
    sourceIp: w.probe.source_ip,
  },
  guestHeartbeat: w.guest_heartbeat
    ? { intervalMs: w.guest_heartbeat.interval_ms, misses: w.guest_heartbeat.misses, of: w.guest_heartbeat.of }
    : null,
  traffic: w.traffic ? { silentMs: w.traffic.silent_ms } : null,
});

/** Ours: whether packets were seen on the way that a bind leads (`/openvim/paths`). */
export interface WirePath {
  readonly net: string;
  readonly bind_net: string;
  readonly state: Path["state"];
  readonly how: Path["how"];
  readonly why: string;
  readonly at_mono_ms: number | null;
}

/** `ours`: a moment of the VIM's clock, in ours. */
export const pathOf = (w: WirePath, ours: (vimMs: number) => number): Path => ({
  netId: w.net as NetId,
  bindNet: w.bind_net as NetId,
  state: w.state,
  how: w.how,
  why: w.why,
  at: w.at_mono_ms === null ? null : ours(w.at_mono_ms),
});

/** Ours: how the VIM itself is (`/openvim/condition`). */
export interface WireCondition {
  readonly switch: {
    readonly datapath: string | null;
    readonly connected: boolean;
    readonly why: string | null;
    readonly stand_ins: readonly string[];
  } | null;
  readonly store: { readonly writable: boolean; readonly why: string | null };
  readonly suspended: Readonly<Record<string, string>>;
}

export const conditionOf = ({ switch: session, store, suspended }: WireCondition): VimCondition => ({
  switch: session && {
    datapath: session.datapath,
    isConnected: session.connected,
    why: session.why,
    standIns: session.stand_ins,
  },
  store: { isWritable: store.writable, why: store.why },
  suspended,
});

export const serverOf = (w: WireServer): VimServer => ({
  id: w.id as ServerId,
  name: w.name,
  description: w.description ?? null,
  status: w.status,
  lastError: w.last_error ?? null,
  hostId: (w.hostId ?? null) as HostId | null,
  hostState: w.host_state ?? null,
  storageLost: w.storage_lost ?? null,
  task: w.task ?? null,
  antiAffinity: w.anti_affinity
    ? { violated: w.anti_affinity.violated, sharesHostWith: w.anti_affinity.shares_host_with as ServerId[] }
    : null,
});

export const netOf = (w: WireVimNet): VimNet => ({
  id: w.id as NetId,
  name: w.name,
  kind: w.type,
  status: w.status,
  bindNet: (w.bind_net ?? null) as NetId | null,
});

export const linkPortOf = (w: WirePort): VimLinkPort => ({
  id: w.id as VimPortId,
  name: w.name,
  status: w.status,
  netId: (w.network_id ?? null) as NetId | null,
  serverId: (w.device_id ?? null) as ServerId | null,
  mac: w.mac_address ?? null,
  ip: w.ip_address ?? null,
  switchPort: w["binding:switch_port"] ?? null,
  fenced: w.fenced ?? null,
  opinions: w.opinions ?? {},
  stale: w.stale ?? false,
  bfdWhyNot: whyNot(w.bfd) ?? whyNot(w.tunnel_bfd),
});

const whyNot = (bfd: WireBfd | null | undefined): string | null =>
  bfd && !bfd.protected ? (bfd.why ?? "its VIM does not say why") : null;
