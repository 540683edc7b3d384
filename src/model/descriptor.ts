import type { NsBlueprint, VnfBlueprint } from "./blueprint.ts";
import type { CloudConfig } from "./cloud-config.ts";
import type { LinkAddresses } from "./link-addresses.ts";
import type { ProtectionPolicy, Scheme, Standby } from "./protection.ts";
import type { NsScaling, ProfileScaling } from "./scaling.ts";

/** A connection point of a VDU: where each of its VNFCs meets a net. `ip` is fixed inside the guest, so twins share it. */
export interface Cp {
  readonly id: string;
  readonly ip: string | null;
}

/** One VM to be made from a VDU. `replicated` names its twin, as the dissertation's column does (4.3, Tabela 3). */
export interface VnfcProfile {
  readonly id: string;
  readonly replicated: string | null;
  readonly kernelCmdline: string | null;
  /** A warm spare is no twin: it stands in for any of them. */
  readonly standby: Standby;
}

/** Members of a pool that protect one another; a spare may be in several. */
export interface VduGroup {
  readonly id: string;
  readonly vnfcs: readonly string[];
}

/** The disk image that comes with the package of a VNFD, for a VIM that has none of its name. */
export interface SoftwareOfVdu {
  /** The ids of the VNFD, and of the image in it. */
  readonly vnfd: string;
  readonly image: string;
  /** In the package. */
  readonly path: string;
  readonly sha256: string;
  readonly md5: string;
}

/** One kind of VM. `image` and `flavor` are names in the VIM. */
export interface Vdu {
  readonly id: string;
  readonly image: string;
  readonly flavor: string;
  readonly cps: readonly Cp[];
  /** ETSI NFV-MAN 001 6.3.1.2 `vdu:high_availability`; null: not protected. */
  readonly highAvailability: Scheme | null;
  /** The connection point that the service is reached through; null where nothing is protected. */
  readonly serviceInterface: string | null;
  readonly policy: ProtectionPolicy;
  readonly vnfcs: readonly VnfcProfile[];
  /** Of a pool (N_PLUS_M); none: all its VNFCs are one group. */
  readonly groups: readonly VduGroup[];
  /** Left out: the image is the VIM's. */
  readonly software?: SoftwareOfVdu;
  /** What a flavor of a VIM that has none of this name is made of; left out: the descriptor does not say. */
  readonly compute?: { readonly vcpus: number; readonly memoryMiB: number; readonly diskGiB: number | null };
  /** What cloud-init in its VMs is told at their first boot; left out: nothing. */
  readonly cloudConfig?: CloudConfig;
  /** The zone of the VIM that its VMs are to be in; left out: any. */
  readonly availabilityZone?: string;
}

export interface Vnfd {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly vdus: readonly Vdu[];
  /** As it was written, of one that NSDs are compiled with; left out: it is of the plain form, or made for one NSD. */
  readonly blueprint?: VnfBlueprint;
}

/** Where the service connection point of one VNFC is, and which traffic it serves when nothing is wrong. Nets by name. */
export interface NsMember {
  readonly vnfc: string;
  readonly dataNet: string;
  readonly trafficNets: readonly string[];
  /** How many traffic nets it may carry when others fail; null: any number. */
  readonly capacity: number | null;
}

/** A VNF of an NSD's VNF profile, and its VNFCs by name. */
export interface VnfOfNs {
  readonly profile: string;
  /** The id of its VNFD. */
  readonly vnfd: string;
  readonly vnfcs: readonly string[];
  /** The deployment flavour of its VNFD; left out: the first. */
  readonly vnfFlavour?: string;
}

/** An NSD in one of its deployment flavours, with the VNFD that it is made of then. */
export interface NsdFlavour {
  readonly nsd: Nsd;
  readonly vnfd: Vnfd;
}

export interface Nsd {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly vnfd: string;
  /** Connection point → name of the VIM net, for every connection point that is not a service interface. */
  readonly nets: Readonly<Record<string, string>>;
  /** VNFC → name of the VIM account it goes to; one that is not named goes where the NS does. */
  readonly vimAccounts: Readonly<Record<string, string>>;
  readonly members: readonly NsMember[];
  readonly designer?: string;
  /** The id of its deployment flavour; left out: its form has none, or it was on board before they were kept. */
  readonly flavour?: string;
  /** It in its other deployment flavours; left out: it has none. */
  readonly others?: readonly NsdFlavour[];
  /** Ids of the VNFDs it was compiled with, in any flavour; left out: `vnfd` alone. */
  readonly vnfds?: readonly string[];
  /** Left out: all its VNFCs are of one VNF. */
  readonly vnfs?: readonly VnfOfNs[];
  /** Names of nets that are made for each NS in a VIM that has none of the name; left out: the VIM must have all. */
  readonly ownNets?: readonly string[];
  /** What those of them give that give addresses; left out: none does. */
  readonly netAddresses?: Readonly<Record<string, LinkAddresses>>;
  /** Nets that are meant by their ids in the VIM, by the names that they have here; left out: every net is meant by its name. */
  readonly netIds?: Readonly<Record<string, string>>;
  /** Of the profiles whose VNFs may be scaled, or be more or fewer; left out: none. */
  readonly scaling?: readonly ProfileScaling[];
  /** Left out: it has no levels. */
  readonly nsScaling?: NsScaling;
  /** As it was written, so that it can be compiled anew; left out: it is of the plain form, made for one NS, or was on board before that was kept. */
  readonly written?: NsBlueprint;
}

/** What one descriptor file holds: NSDs and the VNFDs they are made of. */
export interface Descriptor {
  readonly vnfds: readonly Vnfd[];
  readonly nsds: readonly Nsd[];
}
