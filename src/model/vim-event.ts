import type { Fired } from "./armed.ts";
import type { Evidence, Source } from "./evidence.ts";
import type { HostState } from "./host-state.ts";
import type { HostId, ImageId, NetId, ServerId, TenantId, VimPortId } from "./ids.ts";
import type { WireStatus } from "./net.ts";
import type { Path } from "./path.ts";

/** OpenVIM's states of a server (`instances.status`). Not health: health is judged from evidence. */
export type ServerStatus = "CREATING" | "ACTIVE" | "PAUSED" | "INACTIVE" | "ERROR" | "DELETING";
/** OpenVIM's states of an image: BUILD while its content is on its way. */
export type ImageStatus = "ACTIVE" | "DOWN" | "BUILD" | "ERROR";

/** A request that was answered with success and changed something. */
export interface ApiChange {
  /** The name and id of the caller's token; where no token is asked for, the port it came in by and its address. */
  readonly by: string;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly status: number;
  /** The caller's; left out where it is an administrator's or nobody's. */
  readonly tenantId?: TenantId;
}

/**
 * What the VIM pushes. `vim.started` opens every run of the daemon: a subscriber that sees it re-reads everything,
 * because what the VIM saw in the instant before a kill -9 may not have reached the disk.
 */
export type VimEventBody =
  | { readonly type: "vim.started"; readonly version: string }
  /** In place of events that were kept no more when a subscriber's turn came: it too re-reads everything. */
  | { readonly type: "events.lost"; readonly from: number; readonly to: number }
  /** Somebody has changed something through the API. */
  | ({ readonly type: "api.changed" } & ApiChange)
  | { readonly type: "evidence"; readonly evidence: Evidence }
  | {
      readonly type: "server.status";
      readonly serverId: ServerId;
      readonly status: ServerStatus;
      readonly was: ServerStatus | null;
      readonly lastError?: string;
    }
  | {
      readonly type: "port.status";
      readonly portId: VimPortId;
      readonly netId: NetId | null;
      readonly serverId: ServerId | null;
      readonly status: WireStatus;
      readonly was: WireStatus;
    }
  | {
      readonly type: "net.bound";
      readonly netId: NetId;
      readonly bindNet: NetId | null;
      readonly was: NetId | null;
      readonly copyNet?: NetId;
    }
  /** A plan of an armed protection was carried out: once when it was written, once more when the switch has confirmed. */
  | { readonly type: "protection.fired" | "protection.confirmed"; readonly fired: Fired }
  /** What was found of the way that a bind leads, each time it is found otherwise. */
  | { readonly type: "path.verified" | "path.unverified" | "path.unseen"; readonly path: Path }
  /** The switch has refused it: everything was taken back, and the plan is armed again. */
  | { readonly type: "protection.refused"; readonly fired: Fired; readonly why: string }
  /** What this source of opinions sees may be the VIM's own fault: nobody is called silent by it until this ends. `source` left out by 0.1: the probe. */
  | { readonly type: "opinions.suspended"; readonly source?: Source; readonly why: string }
  | { readonly type: "opinions.counted"; readonly source?: Source }
  /** It is made anew on another host. */
  | { readonly type: "server.placed"; readonly serverId: ServerId; readonly hostId: HostId; readonly was: HostId }
  /** A download has ended, well or not. */
  | { readonly type: "image.status"; readonly imageId: ImageId; readonly status: ImageStatus; readonly lastError?: string }
  | { readonly type: "host.status"; readonly hostId: HostId; readonly status: HostState["state"]; readonly why?: string }
  /** `why`: only of a session that ended. */
  | {
      readonly type: "switch.status";
      readonly datapath: string;
      readonly status: "connected" | "disconnected";
      readonly why?: string;
    }
  /** Its own store takes what is written, or does not: then it goes on, and nothing of what it learns survives a restart. */
  | { readonly type: "store.status"; readonly status: "writable" | "notWritable"; readonly why?: string };

/**
 * `seq` only grows, across restarts too; gaps are allowed. `monoMs` is CLOCK_MONOTONIC of the VIM's machine. `tenantId`: whose thing it is
 * about; left out where it is nobody's.
 */
export type VimEvent = {
  readonly seq: number;
  readonly at: string;
  readonly monoMs: number;
  readonly tenantId?: TenantId;
} & VimEventBody;

export type VimEventType = VimEventBody["type"];

const TYPES: Readonly<Record<VimEventType, true>> = {
  "vim.started": true,
  "events.lost": true,
  "api.changed": true,
  evidence: true,
  "server.status": true,
  "server.placed": true,
  "port.status": true,
  "net.bound": true,
  "protection.fired": true,
  "protection.confirmed": true,
  "protection.refused": true,
  "path.verified": true,
  "path.unverified": true,
  "path.unseen": true,
  "opinions.suspended": true,
  "opinions.counted": true,
  "image.status": true,
  "host.status": true,
  "switch.status": true,
  "store.status": true,
};
/** All of them, for those who choose. */
export const VIM_EVENT_TYPES = Object.keys(TYPES) as readonly VimEventType[];

/** Ids of what an event is about: servers, link ports, nets, hosts, protections. */
export function objectsOf(event: VimEventBody): readonly string[] {
  switch (event.type) {
    case "evidence":
      return [event.evidence.about.id];
    case "server.status":
      return [event.serverId];
    case "server.placed":
      return [event.serverId, event.hostId, event.was];
    case "port.status":
      return [event.portId, event.netId, event.serverId].filter((id) => id !== null);
    case "net.bound":
      return [event.netId, event.bindNet, event.was, event.copyNet ?? null].filter((id) => id !== null);
    case "protection.fired":
    case "protection.confirmed":
    case "protection.refused":
      return [event.fired.protectionId, event.fired.failed, ...event.fired.moves.map((m) => m.trafficNet)];
    case "path.verified":
    case "path.unverified":
    case "path.unseen":
      return [event.path.netId, event.path.bindNet];
    case "image.status":
      return [event.imageId];
    case "host.status":
      return [event.hostId];
    case "switch.status":
      return [event.datapath];
    case "vim.started":
    case "events.lost":
    case "api.changed":
    case "opinions.suspended":
    case "opinions.counted":
    case "store.status":
      return [];
  }
}
