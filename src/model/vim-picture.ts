import type { BfdTimers } from "./bfd.ts";
import type { CloudConfig } from "./cloud-config.ts";
import type { FlavorId, HostId, ImageId, NetId, ServerId, TenantId, VimPortId } from "./ids.ts";
import type { AddressPair, Net, VimPort } from "./net.ts";
import type { CardModel, Extended, Numa, NumaChange, Pinned } from "./numa.ts";
import type { NetLink } from "./router.ts";
import type { ImageStatus, ServerStatus } from "./vim-event.ts";

// What the VIM owns beside nets and link ports. Times are ISO 8601 of the wall clock, for people.

export interface Tenant {
  readonly id: TenantId;
  readonly name: string;
  readonly description: string | null;
  readonly enabled: boolean;
}

/** A compute host. `isLocal`: this VIM speaks to its libvirt; the others are inventory. */
/** A switch of a host's own. */
export interface HostSwitchAt {
  /** Its database, `unix:PATH` or `tcp:HOST:PORT`. */
  readonly ovsdb: string;
  readonly bridge: string;
  /** The IPv4 address by which the switches of other hosts reach it. */
  readonly tunnelIp: string;
}

export interface Host {
  readonly id: HostId;
  readonly name: string;
  readonly ipName: string;
  readonly description: string | null;
  readonly user: string;
  /** Kept for who reads it; this VIM shows certificates. */
  readonly keyfile: string | null;
  readonly ranking: number | null;
  readonly features: string | null;
  readonly hypervisors: string;
  readonly adminUp: boolean;
  readonly status: "ok" | "error" | "notused";
  readonly isLocal: boolean;
  /** Where its libvirt is, of one that was opened at run time; null: in the settings, or nowhere. */
  readonly libvirtUri: string | null;
  /** Its numas are what libvirt says, each time it is connected. */
  readonly discovers: boolean;
  /** Threads for guests alone, as "2-7,10"; null: those that the kernel keeps from others, where that can be seen. */
  readonly guestThreads: string | null;
  /** The switch that its guests are plugged into, of one that was opened at run time with its own; null: that of the cables, or of the settings. */
  readonly hostSwitch: HostSwitchAt | null;
  /** Memory for guests without huge pages, MiB, and threads for guests without pinning. */
  readonly memoryMiB: number;
  readonly cpus: number;
  /** Where the host stands, in the operator's words; servers may ask for a zone. */
  readonly availabilityZone: string | null;
  readonly numas: readonly Numa[];
  readonly createdAt: string;
}

export type DiskFormat = "raw" | "qcow2";

/** Keys of an image's metadata that this VIM reads. Others are kept as they are. */
type ImageKey =
  | ("architecture" | "os_distro" | "os_type" | "os_version" | "bus" | "vpci" | "topology" | "use_incremental")
  | ("sha256" | "kernel" | "initrd" | "cmdline" | "hw_video_model" | "hw_watchdog_action");
export type ImageMetadata = { readonly [K in ImageKey]?: string } & { readonly [key: string]: unknown };

export interface Image {
  readonly id: ImageId;
  readonly name: string;
  /** An absolute path of the hosts, or the URL it is downloaded from. */
  readonly path: string;
  /** The file with its content; null: not there yet. */
  readonly file: string | null;
  /** Null: it is no disk, but the initial RAM disk of a kernel. */
  readonly format: DiskFormat | null;
  /** Size of the disk that a guest sees; null: as `format`. */
  readonly virtualBytes: number | null;
  /** What it is a copy of; null: nothing of this VIM. */
  readonly source: ImageSource | null;
  readonly description: string | null;
  readonly checksum: string | null;
  readonly isPublic: boolean;
  readonly status: ImageStatus;
  readonly progress: number;
  readonly lastError: string | null;
  /**
   * OpenVIM's keys, and ours: `kernel` and `initrd`, paths, for direct boot; with a kernel alone the image itself is the initial RAM disk.
   * `sha256`: what a download must have; it is told of every download.
   */
  readonly metadata: ImageMetadata | null;
  /** Tenants that see it though it is not public. */
  readonly tenants: readonly TenantId[];
  readonly createdAt: string;
  readonly updatedAt: string | null;
}

/** A disk of a server, by the name of its file: `root` is its first. */
export interface ImageSource {
  readonly serverId: ServerId;
  readonly disk: string;
}

export interface Flavor {
  readonly id: FlavorId;
  readonly name: string;
  readonly description: string | null;
  readonly memoryMiB: number;
  readonly vcpus: number;
  readonly diskGiB: number | null;
  /** OpenVIM's `extended` (huge pages, pinned cores, PCI interfaces), as it was given. */
  readonly extended: Extended | null;
  readonly isPublic: boolean;
  readonly tenants: readonly TenantId[];
}

/**
 * Servers of one tenant that name the same group are kept on different hosts. `preferred`: placed together where nothing else is
 * left, and shown as violated.
 */
export interface AntiAffinity {
  readonly group: string;
  readonly policy: "required" | "preferred";
}

/**
 * What was acknowledged for a server and is not done yet; the loop finishes it, after a crash too. `reboot` asks the guest first, `powerCycle` and
 * `forceOff` nobody.
 */
export type ServerTask =
  | "create"
  | "createPaused"
  | "start"
  | "pause"
  | "resume"
  | "shutdown"
  | "forceOff"
  | "rebuild"
  | "reboot"
  | "powerCycle";

export interface Server {
  readonly id: ServerId;
  readonly name: string;
  readonly description: string | null;
  readonly tenantId: TenantId;
  readonly flavorId: FlavorId;
  readonly imageId: ImageId;
  readonly hostId: HostId;
  readonly status: ServerStatus;
  readonly lastError: string | null;
  readonly progress: number;
  /** Without huge pages, and CPUs without pinning; 0 where it has the other. */
  readonly memoryMiB: number;
  readonly vcpus: number;
  /** What it was asked for beside these, its flavor's or its own, and what of its host it has for itself; null: nothing. */
  readonly extended: Extended | null;
  readonly pinned: Pinned | null;
  /** Its first disk is at least this large, GiB; null: as large as its image. */
  readonly diskGiB: number | null;
  readonly cloudConfig: CloudConfig | null;
  /** Its disks were made on the host where it is. */
  readonly hasDisks: boolean;
  /** Its life has begun since this VIM names the taps on bridges of its host, and so can hold them to what they may send. */
  readonly namesTaps: boolean;
  /** What its host must have, by OpenVIM's words for both. */
  readonly hypervisor: string;
  readonly osImageType: string;
  /** Appended to the kernel's command line of an image that boots directly. */
  readonly kernelCmdline: string | null;
  /** The zone it was asked for; null: any. */
  readonly availabilityZone: string | null;
  readonly antiAffinity: AntiAffinity | null;
  readonly task: ServerTask | null;
  /** Grows with every task, so that one that ends does not take a newer one of the same name with it. */
  readonly taskNo: number;
  readonly createdAt: string;
}

/** Addresses of a net (OpenVIM's cidr, dhcp, dns, links, routes) and the region its VLAN number is unique in. */
export interface NetAddressing {
  readonly region: string | null;
  readonly cidr: string | null;
  readonly enableDhcp: boolean;
  readonly dhcpFirstIp: string | null;
  readonly dhcpLastIp: string | null;
  readonly gatewayIp: string | null;
  readonly dns: readonly string[] | null;
  readonly links: readonly NetLink[] | null;
  readonly routes: Readonly<Record<string, string>> | null;
}

export type VimNet = Net & NetAddressing;

/** A vNIC's own settings, beside what every link port has. */
export type ServerPort = VimPort & {
  readonly vpci: string | null;
  readonly model: string | null;
  /** BFD that the switch is to run on this port; null: none. */
  readonly bfd: BfdTimers | null;
};

/** What a server left on a host and is not gone yet: it was deleted for its owner, or made anew on another host. */
export interface Leftover {
  readonly serverId: ServerId;
  readonly hostId: HostId;
  readonly taps: readonly string[];
  /** On bridges of the host, of which nothing goes on any more. */
  readonly bridgeTaps: readonly string[];
  /** What it had for itself: the QEMU that is still there has it until it is gone. */
  readonly pinned: Pinned | null;
  /** Its guest is to have the time to end itself, before it is switched off. */
  readonly asksGuest: boolean;
}

/** Everything the VIM knows, for reading. */
export interface VimPicture {
  readonly tenants: ReadonlyMap<TenantId, Tenant>;
  readonly hosts: ReadonlyMap<HostId, Host>;
  readonly images: ReadonlyMap<ImageId, Image>;
  readonly flavors: ReadonlyMap<FlavorId, Flavor>;
  readonly servers: ReadonlyMap<ServerId, Server>;
  readonly nets: ReadonlyMap<NetId, VimNet>;
  readonly ports: ReadonlyMap<VimPortId, ServerPort>;
  portsOf(server: ServerId): ServerPort[];
  portsIn(net: NetId): ServerPort[];
  /** Commonly one: a switch port carries one link port of each VLAN. */
  portsOn(switchPort: string): ServerPort[];
  /** The nets whose `bindNet` it is. */
  boundTo(net: NetId): VimNet[];
}

/** What somebody asks for: some members given, the rest left to the VIM. */
export type Asked<T, Given extends keyof T> = Pick<T, Given> & { readonly [K in keyof T]?: T[K] | undefined };
export type Change<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** Of a host's numas only what changes. */
export type HostChange = Change<Omit<Host, "numas">> & { readonly numas?: readonly NumaChange[] | undefined };

/** What is asked for a vNIC of a new server. */
export interface AskedVnic {
  readonly netId: NetId;
  readonly name: string;
  /** A function of a card, which `extended` describes under the same name; without it a virtual one. */
  readonly type?: CardModel | undefined;
  readonly mac?: string | undefined;
  readonly ip?: string | undefined;
  readonly vpci?: string | undefined;
  readonly model?: string | undefined;
  readonly bandwidthMbps?: number | undefined;
  readonly portSecurity?: boolean | null | undefined;
  readonly allowedPairs?: readonly AddressPair[] | undefined;
}

export interface AskedServer {
  readonly id?: ServerId | undefined;
  readonly name: string;
  readonly description?: string | null | undefined;
  readonly tenantId: TenantId;
  readonly flavorId: FlavorId;
  readonly imageId: ImageId;
  /** Taken before other hosts where it has room. */
  readonly hostId?: HostId | undefined;
  readonly hypervisor?: string | undefined;
  readonly osImageType?: string | undefined;
  readonly availabilityZone?: string | undefined;
  readonly antiAffinity?: AntiAffinity | undefined;
  readonly kernelCmdline?: string | undefined;
  readonly cloudConfig?: CloudConfig | undefined;
  /** Instead of the flavor's. */
  readonly extended?: Extended | undefined;
  readonly start: "yes" | "no" | "paused";
  readonly vnics: readonly AskedVnic[];
}
