import type { ArmedProtection } from "../model/armed.ts";
import type { CloudConfig } from "../model/cloud-config.ts";
import type { Source } from "../model/evidence.ts";
import type { HostState } from "../model/host-state.ts";
import type { GroupId, HostId, NetId, ServerId, VimPortId, VnfcId } from "../model/ids.ts";
import type { LinkAddresses } from "../model/link-addresses.ts";
import type { Net, VimPort } from "../model/net.ts";
import type { Path } from "../model/path.ts";
import type { PortCount } from "../model/port-count.ts";
import type { ServerUsage } from "../model/server-usage.ts";
import type { VimCondition } from "../model/vim-condition.ts";
import type { ServerStatus, VimEvent } from "../model/vim-event.ts";

export interface VimServer {
  readonly id: ServerId;
  readonly name: string;
  readonly description: string | null;
  readonly status: ServerStatus;
  readonly lastError: string | null;
  /** The compute host it is on, and whether that can be asked; null: this VIM does not say. */
  readonly hostId: HostId | null;
  readonly hostState: HostState["state"] | null;
  /** What its disk is on that could not be read or written, so that it was paused; as `Evidence.storage`. */
  readonly storageLost?: string | null;
  /** What it was asked to do with it and has not done yet; null: nothing, or this VIM does not say. */
  readonly task?: string | null;
  /** Whether it is kept apart from others as it was asked; null: nothing was asked, or this VIM does not say. */
  readonly antiAffinity: { readonly violated: boolean; readonly sharesHostWith: readonly ServerId[] } | null;
}
export type VimNet = Pick<Net, "id" | "name" | "kind" | "status" | "bindNet">;
export type VimLinkPort = Pick<VimPort, "id" | "name" | "netId" | "serverId" | "mac" | "ip" | "switchPort" | "status"> & {
  /** Closed in the switch; null: this VIM does not say. */
  readonly fenced: boolean | null;
  /** What opinions of the VIM say of it; empty: it does not say, or does not know yet. */
  readonly opinions: Readonly<Partial<Record<Source, "answers" | "silent">>>;
  /** Its status is that of an earlier run of the VIM, which has not heard of its link since; or it waits for an answer, and no switch is there to ask it through. */
  readonly stale: boolean;
  /** Why the BFD that it is to run, or that runs in the tunnels to its host's switch, would not find a loss as fast as it is set to; null: it would, none is to run, or this VIM does not say. */
  readonly bfdWhyNot?: string | null;
};

/** Everything the MANO needs to know of a VIM, as it was at some moment after `startedAt` (monotonic ms). */
export interface Inventory {
  readonly startedAt: number;
  readonly servers: ReadonlyMap<ServerId, VimServer>;
  readonly ports: readonly VimLinkPort[];
  readonly nets: ReadonlyMap<NetId, VimNet>;
  /** Names of the compute hosts it can put servers on, by id; null: it does not say. */
  readonly hosts: ReadonlyMap<HostId, string> | null;
  /** Of the nets that are bound; null: this VIM does not look whether packets pass. */
  readonly paths: ReadonlyMap<NetId, Path> | null;
  /** How the VIM itself is; null: it does not say. */
  readonly condition: VimCondition | null;
  /** What it calls itself, the same by whichever account and address it is asked; left out or null: it does not say. */
  readonly vimId?: string | null;
}

export interface ServerSpec {
  readonly id: ServerId;
  readonly name: string;
  readonly description: string;
  /** Names in the VIM. */
  readonly image: string;
  readonly flavor: string;
  /** Where the VIM has one of this id, that: the MANO has brought it. */
  readonly imageId?: string;
  /** MD5 of that image: one that only has its name, and another checksum, is none. */
  readonly imageMd5?: string;
  readonly flavorId?: string;
  readonly nics: readonly { readonly name: string; readonly netId: NetId; readonly ip: string | null }[];
  readonly kernelCmdline: string | null;
  /** What cloud-init is told at its first boot; left out: nothing. */
  readonly cloudConfig?: CloudConfig;
  /** The zone of the VIM that it is to be in; left out: any. */
  readonly availabilityZone?: string;
  /** Servers of one such group are kept on different hosts where another one fits; null: it goes anywhere. */
  readonly antiAffinityGroup: string | null;
}

/** A net that is made for a network service. */
export interface NetSpec {
  readonly id: NetId;
  readonly name: string;
  /** For its tenant alone; left out: for all. */
  readonly isPrivate?: boolean;
  /** Left out: it gives none. */
  readonly addresses?: LinkAddresses;
}

/** Where a link to another VIM enters the switch, as an outside port of a net: one VLAN of it. */
export interface OutsidePortSpec {
  readonly id: VimPortId;
  readonly name: string;
  readonly netId: NetId;
  readonly switchPort: string;
  readonly vlan: number;
}

/** When the change left for the switch and when the switch confirmed it; `pending`: no switch is connected, the VIM will do it then. */
export type Bound =
  | { readonly pending: false; readonly onWireMs: number; readonly barrierMs: number }
  | { readonly pending: true };

/**
 * What the MANO may ask of a VIM (Or-Vi and Vi-Vnfm). Every verb is safe to repeat. Failures: VIM_UNREACHABLE when no answer
 * came (it may or may not have been done), VIM_REFUSED with the VIM's own words (it was not done).
 */
export interface VimConnector extends Disposable {
  inventory(signal: AbortSignal): Promise<Inventory>;
  /** What its ports have carried until now, all of them by one request; null: it does not say, as the original. */
  portCounts(signal: AbortSignal): Promise<readonly PortCount[] | null>;
  /** What its servers have taken of their hosts until now, likewise. A server whose host does not tell is not among them. */
  serverUsage(signal: AbortSignal): Promise<readonly ServerUsage[] | null>;
  /** Ids of the image and the flavor that a server would be made from. Throws VIM_REFUSED where the VIM has none. */
  sourcesOf(spec: ServerSpec, signal: AbortSignal): Promise<{ readonly imageRef: string; readonly flavorRef: string }>;
  /** Makes those of the servers that are not there yet, in this order: what the VIM is asked before that it is asked for all of them at once. */
  ensureServers(specs: readonly ServerSpec[], signal: AbortSignal): Promise<void>;
  startServer(id: ServerId, signal: AbortSignal): Promise<void>;
  /** Asks its guest to end, or ends it. */
  stopServer(id: ServerId, isForced: boolean, signal: AbortSignal): Promise<void>;
  pauseServer(id: ServerId, signal: AbortSignal): Promise<void>;
  resumeServer(id: ServerId, signal: AbortSignal): Promise<void>;
  /** Forces it off and starts it: a new life, also of a guest that hangs. */
  rebootServer(id: ServerId, signal: AbortSignal): Promise<void>;
  /** Made anew from its image on the host it is on, whatever state it is in. */
  rebuildServer(id: ServerId, signal: AbortSignal): Promise<void>;
  /**
   * Made anew on another host than `from`; it keeps its id, ports and addresses, and its old life is cut off from the switch first.
   * One that is no longer on `from` is left where it is. VIM_REFUSED with a reason for each host when none takes it.
   */
  evacuateServer(id: ServerId, from: HostId, signal: AbortSignal): Promise<void>;
  /** Nothing is asked of its guest: whoever wants that stops it first. No error when it is gone already. */
  deleteServer(id: ServerId, signal: AbortSignal): Promise<void>;
  /** Makes the data net unless one with this id is there already. */
  ensureNet(spec: NetSpec, signal: AbortSignal): Promise<void>;
  /** No error when it is gone already. */
  deleteNet(id: NetId, signal: AbortSignal): Promise<void>;
  /** Plugs a server's port into another net. VIM_REFUSED where its kind has none. */
  movePort(id: VimPortId, netId: NetId, signal: AbortSignal): Promise<void>;
  /** Makes the outside port unless one with this id is there already. */
  ensureOutsidePort(spec: OutsidePortSpec, signal: AbortSignal): Promise<void>;
  /** No error when it is gone already. */
  deleteOutsidePort(id: VimPortId, signal: AbortSignal): Promise<void>;
  /** Leads a traffic net to a data net, or to none; with `copyNet` to two at once, which an OpenVIM as the original is refuses. The request is on its way when this returns: nothing is awaited before. */
  changeBind(trafficNet: NetId, dataNet: NetId | null, copyNet?: NetId | null): Promise<Bound>;
  /**
   * Lays into the VIM what it is to do when a member fails; replaces an older revision. VIM_REFUSED with `about.status` 409 when
   * it has a newer one, 404 when it has no protections at all (an OpenVIM as the original is).
   */
  arm(protection: ArmedProtection, signal: AbortSignal): Promise<void>;
  /** What the VIM has armed under this id; null: nothing, or it has no protections at all. */
  armed(id: GroupId, signal: AbortSignal): Promise<ArmedProtection | null>;
  /** No error when it is gone already. */
  disarm(id: GroupId, signal: AbortSignal): Promise<void>;
  /**
   * Closes a member's service port in the switch and carries out its plan. The VIM tells `fenced` when it is done. `unlessLast`: refused
   * (VIM_REFUSED) where no other member could take over at that moment.
   */
  fence(id: GroupId, member: VnfcId, signal: AbortSignal, options?: { readonly unlessLast: boolean }): Promise<void>;
  /** Opens it again. */
  liftFence(id: GroupId, member: VnfcId, signal: AbortSignal): Promise<void>;
  /** The net behind the switch port that a net is cabled to (dissertation 4.3, request #1). */
  netConnection(net: NetId, signal: AbortSignal): Promise<NetId | null>;
  /** The nets that are bound to this one (dissertation 4.3, request #2). */
  netBind(net: NetId, signal: AbortSignal): Promise<readonly NetId[]>;
  /** Clears and re-installs every flow entry: what the dissertation's VIM did on every change of a bind (7.2). */
  reinstallAll(signal: AbortSignal): Promise<void>;
  /**
   * Hands over events as they arrive, all that one read of the socket brought at once, with nothing awaited in between.
   * `since` null: from now on. `onOpen` is called when the VIM has accepted. Ends only by a Fault or by the signal.
   */
  subscribe(
    since: number | null,
    listener: { onOpen(): void; onEvents(events: readonly VimEvent[]): void },
    signal: AbortSignal,
  ): Promise<void>;
}
