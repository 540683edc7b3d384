import type { NetId, ServerId, VimPortId } from "../model/ids.ts";
import type { NetKind, WireStatus } from "../model/net.ts";
import type { ServerStatus } from "../model/vim-event.ts";
import type { VimLinkPort, VimNet, VimServer } from "./connector.ts";

// OpenVIM's answers (1.4 of its reference), of which we read these members. It leaves out what is null.

export interface WireServer {
  readonly id: string;
  readonly name: string;
  readonly description?: string | null;
  readonly status: ServerStatus;
  readonly last_error?: string | null;
}

export interface WireVimNet {
  readonly id: string;
  readonly name: string;
  readonly type: NetKind;
  readonly status: WireStatus;
  readonly bind_net?: string | null;
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
}

export const serverOf = (w: WireServer): VimServer => ({
  id: w.id as ServerId,
  name: w.name,
  description: w.description ?? null,
  status: w.status,
  lastError: w.last_error ?? null,
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
});
