import type { ArmedProtection, ProtectionView } from "../../model/armed.ts";
import type { BfdView, TunnelBfdView } from "../../model/bfd.ts";
import type { ConsoleKind, ConsoleSide, ConsoleTicket, OpenConsole } from "../../model/console.ts";
import type { Source } from "../../model/evidence.ts";
import type { HostState } from "../../model/host-state.ts";
import type {
  DatapathId,
  FlavorId,
  GroupId,
  HostId,
  ImageId,
  NetId,
  OfcId,
  ServerId,
  TenantId,
  VimPortId,
  VnfcId,
} from "../../model/ids.ts";
import type { Path } from "../../model/path.ts";
import type { PortCount } from "../../model/port-count.ts";
import type { AskedController, ControllerState, PortMapping, SdnController } from "../../model/sdn-controller.ts";
import type { ServerUsage } from "../../model/server-usage.ts";
import type { Applied, SwitchPort } from "../../model/switch.ts";
import type { VimCondition } from "../../model/vim-condition.ts";
import type { ApiChange, VimEvent } from "../../model/vim-event.ts";
import type {
  Asked,
  AskedServer,
  Change,
  Flavor,
  Host,
  HostChange,
  Image,
  Server,
  ServerPort,
  ServerTask,
  Tenant,
  VimNet,
  VimPicture,
} from "../../model/vim-picture.ts";
import type { AskedVimSubscription, VimSubscription } from "../../model/vim-subscription.ts";
import type { EventSource } from "../event-stream.ts";

/** What the composition root hands to this dialect: everything it can read, and every wish it can pass on. It cannot act. */
export interface VimDoors {
  /** What this VIM calls itself. Every reply says it. */
  readonly identity: string;
  readonly picture: VimPicture;
  readonly events: EventSource<VimEvent>;
  readonly catalogue: {
    createTenant(asked: Asked<Tenant, "name">): Promise<Tenant>;
    editTenant(id: TenantId, change: Change<Tenant>): Promise<Tenant>;
    deleteTenant(id: TenantId): Promise<void>;
    createFlavor(asked: Asked<Flavor, "name">): Promise<Flavor>;
    editFlavor(id: FlavorId, change: Change<Flavor>): Promise<Flavor>;
    deleteFlavor(id: FlavorId): Promise<void>;
    linkFlavor(id: FlavorId, tenant: TenantId): Promise<Flavor>;
    unlinkFlavor(id: FlavorId, tenant: TenantId): Promise<"deleted" | "unlinked">;
    createImage(asked: Asked<Image, "name" | "path">): Promise<Image>;
    createImageOf(
      id: ServerId,
      disk: { readonly dev?: string | null | undefined; readonly imageRef?: string | undefined },
      asked: Pick<Image, "name"> & Change<Pick<Image, "id" | "path" | "description" | "metadata" | "tenants">>,
    ): Promise<Image>;
    editImage(id: ImageId, change: Change<Image>): Promise<Image>;
    deleteImage(id: ImageId): Promise<void>;
    linkImage(id: ImageId, tenant: TenantId): Promise<Image>;
    unlinkImage(id: ImageId, tenant: TenantId): Promise<"deleted" | "unlinked">;
  };
  readonly inventory: {
    createHost(asked: Asked<Host, "name" | "ipName" | "user">): Promise<Host>;
    editHost(id: HostId, change: HostChange): Promise<Host>;
    deleteHost(id: HostId): Promise<void>;
  };
  readonly nets: {
    createNet(asked: Asked<VimNet, "name">): Promise<VimNet>;
    editNet(id: NetId, change: Change<VimNet>): Promise<VimNet>;
    deleteNet(id: NetId): Promise<void>;
    called(nameOrId: string): NetId;
  };
  readonly ports: {
    createPort(asked: Asked<ServerPort, "name">): Promise<ServerPort>;
    editPort(id: VimPortId, change: PortChange): Promise<ServerPort>;
    deletePort(id: VimPortId): Promise<void>;
  };
  readonly servers: {
    createServer(asked: AskedServer): Promise<Server>;
    deleteServer(id: ServerId, how: { readonly asksGuest: boolean }): Promise<void>;
    act(id: ServerId, task: ServerTask, imageId?: ImageId): Promise<void>;
    evacuate(id: ServerId, where: { readonly from: HostId; readonly to: HostId | null }): Promise<Server>;
    sharesHostWith(server: Server): readonly ServerId[];
  };
  readonly consoles: {
    give(id: ServerId, kind: ConsoleKind): ConsoleTicket;
    open(ticket: string, side: ConsoleSide): Promise<OpenConsole>;
  };
  readonly bfd: { viewOf(port: ServerPort): BfdView | null; tunnelsTo(port: ServerPort): TunnelBfdView | null };
  readonly hostStates: { of(id: HostId): HostState | null };
  readonly binds: {
    check(netId: NetId, target: NetId | null, bindVlan?: number | null): void;
    changeBind(netId: NetId, target: NetId | null, copy?: NetId): Promise<Applied | null>;
  };
  readonly protections: {
    list(): readonly ProtectionView[];
    get(id: GroupId): ProtectionView;
    arm(asked: ArmedProtection): Promise<ProtectionView>;
    disarm(id: GroupId): Promise<void>;
    fence(id: GroupId, memberId: VnfcId, when?: "always" | "unlessLast"): Promise<ProtectionView>;
    lift(id: GroupId, memberId: VnfcId): Promise<ProtectionView>;
    opinionsOf(id: VimPortId): ReadonlyMap<Source, "answers" | "silent">;
  };
  readonly subscriptions: {
    list(owner: TenantId | null): readonly VimSubscription[];
    get(id: string, owner: TenantId | null): VimSubscription;
    create(asked: AskedVimSubscription): Promise<VimSubscription>;
    delete(id: string, owner: TenantId | null): Promise<void>;
  };
  /** Who changed what, for the record. */
  readonly audit: { changed(what: ApiChange): void };
  readonly facts: { isStale(port: ServerPort): boolean; storageLostBy(id: ServerId): string | null };
  readonly paths: { list(): readonly Path[] };
  readonly counters: { list(): Promise<readonly PortCount[]> };
  readonly usages: { list(): Promise<readonly ServerUsage[]> };
  readonly condition: { now(): VimCondition };
  readonly dhcp: { readonly problems: ReadonlyMap<NetId, string> };
  readonly routers: { readonly problems: ReadonlyMap<NetId, string> };
  readonly senders: { readonly problems: ReadonlyMap<NetId, string> };
  readonly controllers: {
    list(): readonly SdnController[];
    get(id: OfcId): SdnController;
    stateOf(id: OfcId): ControllerState;
    create(asked: AskedController): Promise<SdnController>;
    edit(id: OfcId, asked: AskedController): Promise<SdnController>;
    delete(id: OfcId): Promise<void>;
    mappings(): readonly PortMapping[];
    map(asked: readonly Omit<PortMapping, "id">[]): Promise<readonly PortMapping[]>;
    unmap(region: string): Promise<number>;
    portAt(name: string, dpid: string): string;
  };
  readonly fabric: LedSwitch & {
    readonly problems: ReadonlyMap<NetId, string>;
    /** Of a switch behind somebody else's controller; undefined where none is led. */
    at(datapath: DatapathId): LedSwitch | undefined;
    reinstall(): Promise<Applied | null>;
  };
  flowsOf(netId: NetId | null): readonly FlowView[];
}

type PortChange = Pick<Change<ServerPort>, "name" | "netId" | "bfd" | "portSecurity" | "allowedPairs">;

interface LedSwitch {
  readonly session: { readonly ports: ReadonlyMap<string, SwitchPort> } | null;
  clear(): Promise<void>;
}

export interface FlowView {
  readonly netId: NetId;
  readonly priority: number;
  readonly vlan: number | null;
  readonly ingressPort: string;
  readonly dstMac: string | null;
  readonly actions: string;
}
