import type { VnfBlueprint } from "./blueprint.ts";
import type { Nsd, Vnfd } from "./descriptor.ts";

// OpenMANO's nouns, with its names for their members: what its clients see is what is kept. Times are ISO 8601 of the wall clock.

export interface OmTenant {
  readonly uuid: string;
  readonly name: string;
  readonly description: string | null;
  readonly createdAt: string;
}

/** A VIM that is known by its address; it is used once a tenant is attached to it. */
export interface OmDatacenter {
  readonly uuid: string;
  readonly name: string;
  readonly description: string | null;
  readonly type: string;
  readonly vimUrl: string;
  readonly vimUrlAdmin: string | null;
  readonly config: Readonly<Record<string, unknown>> | null;
  /** Kept for the clients: our VIM has the cables itself. */
  readonly sdnMapping: readonly unknown[];
  readonly createdAt: string;
}

/** A tenant at a datacenter: a VIM account of ours with the same id. */
export interface OmAttachment {
  readonly uuid: string;
  readonly tenantId: string;
  readonly datacenterId: string;
  readonly vimTenantName: string;
  readonly vimTenantId: string;
  /** Whether the VIM's tenant was made for it, and goes with it. */
  readonly isVimTenantOurs: boolean;
  readonly user: string | null;
  readonly config: Readonly<Record<string, unknown>> | null;
  readonly createdAt: string;
}

/** A net of a VIM under the name that scenarios know it by. */
export interface OmNetmap {
  readonly uuid: string;
  readonly datacenterId: string;
  readonly name: string;
  readonly vimNetId: string;
  /** Whose it is; left out: nobody's in particular. */
  readonly tenantId?: string;
  readonly type: "bridge" | "data" | "ptp";
  readonly shared: boolean;
  readonly multipoint: boolean;
  readonly description: string | null;
  readonly createdAt: string;
}

/** As OpenMANO shows it; keys with a "_" where its descriptors have a "-". */
export type OmIpProfile = Readonly<Record<string, unknown>>;

export interface OmInterface {
  readonly uuid: string;
  readonly internalName: string;
  readonly externalName: string | null;
  /** The net inside the VNF that it is on. */
  readonly netId: string | null;
  readonly type: "mgmt" | "bridge" | "data";
  readonly vpci: string | null;
  readonly mac: string | null;
  /** Mbit/s. */
  readonly bw: number | null;
  readonly model: string | null;
  readonly ipAddress: string | null;
  readonly portSecurity: boolean;
  readonly floatingIp: boolean;
}

/** An image by its path (or URL), or one that the VIM has by its name. */
export interface OmImage {
  readonly path: string | null;
  readonly name: string;
  readonly metadata: Readonly<Record<string, unknown>> | null;
}

export interface OmFlavor {
  readonly name: string;
  /** MB. */
  readonly ram: number;
  readonly vcpus: number;
  /** GB. */
  readonly disk: number;
}

export interface OmVm {
  readonly uuid: string;
  readonly name: string;
  readonly description: string | null;
  readonly count: number;
  readonly availabilityZone: string | null;
  readonly bootData: unknown;
  readonly flavorId: string;
  readonly imageId: string;
  readonly flavor: OmFlavor;
  readonly image: OmImage;
  readonly interfaces: readonly OmInterface[];
}

export interface OmVnfNet {
  readonly uuid: string;
  readonly name: string;
  readonly description: string | null;
  readonly type: "bridge" | "data" | "ptp";
  readonly ipProfile: OmIpProfile | null;
}

export interface OmVnf {
  readonly uuid: string;
  readonly tenantId: string;
  readonly name: string;
  readonly description: string | null;
  readonly public: boolean;
  readonly createdAt: string;
  readonly vms: readonly OmVm[];
  readonly nets: readonly OmVnfNet[];
  readonly blueprint: VnfBlueprint;
}

export interface OmSceNet {
  readonly uuid: string;
  readonly name: string;
  readonly type: "bridge" | "data" | "ptp";
  readonly external: boolean;
  readonly description: string | null;
  readonly vimNetworkName: string | null;
  readonly ipProfile: OmIpProfile | null;
}

export interface OmSceVnf {
  readonly uuid: string;
  readonly name: string;
  readonly description: string | null;
  readonly vnfId: string;
  readonly interfaces: readonly {
    readonly uuid: string;
    readonly sceNetId: string;
    readonly interfaceId: string;
    readonly externalName: string;
    readonly ipAddress: string | null;
  }[];
}

export interface OmScenario {
  readonly uuid: string;
  readonly tenantId: string;
  readonly name: string;
  readonly description: string | null;
  readonly public: boolean;
  readonly createdAt: string;
  readonly modifiedAt: string;
  readonly vnfs: readonly OmSceVnf[];
  readonly nets: readonly OmSceNet[];
  /** Compiled: VNFs are `v0`, `v1`, … in the order of `vnfs`, nets have the uuids of this scenario and its VNFs for names. */
  readonly nsd: Nsd;
  readonly vnfd: Vnfd;
}

export interface OmInstanceNet {
  readonly uuid: string;
  readonly sceNetId: string | null;
  readonly vnfNetId: string | null;
  /** The VIM's; chosen before it is asked where `created`. */
  readonly vimNetId: string;
  readonly vimName: string | null;
  readonly created: boolean;
  readonly kind: "bridge_data" | "data" | "ptp";
  readonly ipProfile: OmIpProfile | null;
  /** Its name in the compiled scenario, of one that is no net of the scenario. */
  readonly key: string | null;
}

export interface OmInstanceVm {
  readonly uuid: string;
  readonly vmId: string;
  readonly name: string;
  /** Its VNFC in the NS. */
  readonly vnfc: string;
  readonly vimName: string;
  /** `cp`: its name in the VIM; null: it is on no net. */
  readonly interfaces: readonly {
    readonly internalName: string;
    readonly externalName: string | null;
    readonly type: OmInterface["type"];
    readonly netId: string | null;
    readonly cp: string | null;
  }[];
}

export interface OmInstanceVnf {
  readonly uuid: string;
  readonly vnfId: string;
  readonly vnfName: string;
  readonly sceVnfId: string;
  readonly vms: readonly OmInstanceVm[];
}

/** An instance of a scenario: one of our network services, with what was made for it in the VIM. It stands alone: its scenario may go. */
export interface OmInstance {
  readonly uuid: string;
  readonly tenantId: string;
  readonly name: string;
  readonly description: string | null;
  readonly scenarioId: string;
  readonly scenarioName: string;
  readonly datacenterId: string;
  /** The VIM account. */
  readonly attachmentId: string;
  readonly createdAt: string;
  readonly nets: readonly OmInstanceNet[];
  readonly vnfs: readonly OmInstanceVnf[];
  readonly images: readonly (OmImage & { readonly id: string })[];
  readonly flavors: readonly (OmFlavor & { readonly id: string })[];
  /** The NS, found again by its name. */
  readonly nsName: string;
  readonly nsd: Nsd;
  readonly vnfd: Vnfd;
  /** REMOVED: nobody sees it any more, and what is left of it is being taken away. */
  readonly state: "WANTED" | "REMOVED";
  /** Why it could not be made; null: nothing is wrong. */
  readonly failed: string | null;
  /** Whether its VMs are left off at first (`reserve`). */
  readonly isReserved: boolean;
}

/** What was asked for an instance, and how far it is. */
export interface OmAction {
  readonly uuid: string;
  readonly tenantId: string;
  readonly instanceId: string;
  readonly description: "CREATE" | "DELETE";
  readonly tasks: number;
  readonly done: number;
  readonly failed: number;
  readonly createdAt: string;
  readonly modifiedAt: string;
}

export interface OmSdnController {
  readonly uuid: string;
  readonly tenantId: string;
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>>;
}
