import type { CloudConfig } from "./cloud-config.ts";
import type { LinkAddresses } from "./link-addresses.ts";
import type { Scheme, Standby } from "./protection.ts";
import type { NsScaling, ScalingBlueprint } from "./scaling.ts";

// What the authors of VNFDs and NSDs wrote, in whichever form, before it is known what protects what: the nouns of ETSI NFV-IFA 011 and 014 as
// far as they are used. A VNFD keeps its blueprint, so that an NSD that comes later can be compiled with it.

/** Where something stands in a file. Line and column count from 1; null where the form has none. */
export interface Place {
  readonly file: string;
  readonly line: number | null;
  readonly column: number | null;
  /** As people write it: `vnfd[0].vdu[1].id`. */
  readonly path: string;
}

/** Left out of what is stored: where it stood in its file is no part of its content. */
interface Placed {
  readonly at?: Place;
}

/** How many are made: at least, at most, and at first (IFA 011 7.1.8.3, IFA 014 6.3.3). */
export interface Instances {
  readonly min: number;
  readonly max: number;
  readonly initial: number;
}

/** What a VDU needs of a host; null: it does not say. */
export interface Needs {
  readonly memoryMiB: number | null;
  readonly vcpus: number | null;
  readonly diskGiB: number | null;
}

/** How soon a failure is to be found; each stands for intervals (docs/how-to/write-a-descriptor.md). */
export type DetectionClass = "fast" | "standard" | "relaxed" | "none";

/** What is asked for in so many words (extension); null: it follows from the level. Times in ms. */
export interface ProtectionWish {
  readonly scheme: Scheme | null;
  readonly serviceCp: string | null;
  readonly revertive: boolean | null;
  readonly holdOffMs: number | null;
  readonly waitToRestoreMs: number | null;
  readonly detection: DetectionClass | null;
  readonly level: number | null;
}

/** IFA 011 7.1.8.17 NfviMaintenanceInfo, of one size of group or of any. Times in ms. */
export interface Maintenance {
  readonly maxInterruptionMs: number | null;
  readonly recoveryMs: number | null;
  readonly maxImpacted: number | null;
  readonly minPreserved: number | null;
}

export interface CpBlueprint extends Placed {
  readonly id: string;
  readonly ip: string | null;
  /** The internal virtual link it is on; null: it is reached from outside, or on none. */
  readonly link: string | null;
  /** Where it is on none in an NS it is left out of the VMs, as OpenMANO does; else that is a flaw. */
  readonly mayBeOpen?: true;
}

export interface VnfcBlueprint extends Placed {
  readonly id: string;
  readonly standby: Standby | null;
  readonly kernelCmdline: string | null;
  /** The VIM's net that it is reached over; null: it follows from its name, or from the NS. */
  readonly dataNet: string | null;
}

/** A disk image that a VNFD describes with the artifact that it is (IFA 011 7.1.6.5 SwImageDesc). Sizes in bytes. */
export interface SwImageBlueprint extends Placed {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** Null: it does not say. */
  readonly checksum: { readonly algorithm: string; readonly hash: string } | null;
  /** In the words of SOL005 9.5.3.2. */
  readonly containerFormat: string;
  readonly diskFormat: string;
  readonly minDisk: number;
  readonly minRam: number;
  /** A path in the package, or a URL. */
  readonly artifact: string;
  /** What the package has there; left out: nothing yet. */
  readonly file?: CarriedFile;
}

/** A file that came with a package. The MD5 tells files apart, as OpenVIM does, and protects nothing. */
export interface CarriedFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly md5: string;
}

export interface VduBlueprint extends Placed {
  readonly id: string;
  /** Names of an image and a flavor in the VIM. */
  readonly image: string;
  readonly flavor: string;
  /** Of `images` of its VNFD; left out: the VIM has the image. */
  readonly imageId?: string;
  readonly needs: Needs;
  readonly cps: readonly CpBlueprint[];
  readonly instances: Instances;
  /** Those that are named; more get names of their own. */
  readonly vnfcs: readonly VnfcBlueprint[];
  readonly isKeptApart: boolean;
  readonly maintenance: Maintenance | null;
  readonly wish: ProtectionWish;
  /** Left out: it is told nothing. */
  readonly cloudConfig?: CloudConfig;
  /** The zone of the VIM that it is to be in; left out: any. */
  readonly availabilityZone?: string;
}

/** An external connection point: of one VDU, or of an internal link with all that is on it. */
export interface ExtCpBlueprint extends Placed {
  readonly id: string;
  readonly vdu: string | null;
  readonly cp: string | null;
  readonly link: string | null;
  /** The VNFC that it is of, where a form says so; left out: of each of its VDU. */
  readonly vnfc?: string;
  /** On what kind of net it must be; left out: on any. OpenMANO's mgmt and bridge are one kind. */
  readonly kind?: "bridge" | "data";
}

/** IFA 011 7.1.17 VipCpd. */
export interface VipBlueprint extends Placed {
  readonly id: string;
  readonly serves: "HIGH_AVAILABILITY" | "LOAD_BALANCING" | null;
  readonly cps: readonly string[];
  readonly ip: string | null;
}

/** What of a VNFD differs from deployment flavour to deployment flavour (IFA 011 7.1.8 VnfDf). */
export interface FlavourBlueprint {
  readonly vdus: readonly VduBlueprint[];
  readonly extCps: readonly ExtCpBlueprint[];
  readonly vips: readonly VipBlueprint[];
  /** Internal virtual links that give addresses; left out: none does. */
  readonly links?: readonly { readonly id: string; readonly addresses: LinkAddresses }[];
  /** Its id, and its instantiation levels, the one that it begins at first; left out: its form has none. */
  readonly flavour?: { readonly id: string; readonly levels: readonly string[] };
  /** Left out: it has neither scaling aspects nor instantiation levels. Without aspects it is as its level says, and cannot be scaled. */
  readonly scaling?: ScalingBlueprint;
}

/** A VNFD in its first deployment flavour, which is meant where nobody names one. */
export interface VnfBlueprint extends FlavourBlueprint, Placed {
  readonly id: string;
  readonly version: string;
  readonly name: string;
  readonly provider: string | null;
  readonly softwareVersion: string | null;
  /** Those that come with its package; left out: none does. */
  readonly images?: readonly SwImageBlueprint[];
  /** Its other deployment flavours; left out: it has none. */
  readonly others?: readonly FlavourBlueprint[];
  /** Left out: it says nothing of what it may be changed from and to. */
  readonly packageChanges?: readonly PackageChange[];
}

/** IFA 011 7.1.15 VnfPackageChangeInfo: a VNF of one VNFD, in one of its flavours, may become one of another. Ids. */
export interface PackageChange {
  readonly from: string;
  readonly fromFlavour: string;
  readonly to: string;
  readonly toFlavour: string;
}

/** A virtual link of an NS, and the VIM's net that it is. */
export interface LinkBlueprint extends Placed {
  readonly id: string;
  readonly net: string;
  /** The net is named as one that the VIM has; left out: its name is only the link's. */
  readonly isOfVim?: true;
  /** What it gives where its net is made; left out: nothing. */
  readonly addresses?: LinkAddresses;
}

/** Where an external connection point is connected to. */
export interface ConnectionBlueprint extends Placed {
  readonly link: string;
  readonly extCp: string;
}

/** Where a member is and what it serves (extension); `links` null: it follows from the scheme. */
export interface MemberBlueprint extends Placed {
  readonly vnfc: string;
  readonly dataNet: string | null;
  readonly links: readonly string[] | null;
  readonly capacity: number | null;
  readonly vimAccount: string | null;
}

/** IFA 014 6.3.3 VnfProfile. */
export interface VnfUse extends Placed {
  readonly id: string;
  /** The id of its VNFD. */
  readonly vnfd: string;
  /** The instantiation level of its VNFD that its VNFs are made at; left out: the VNFD's own. */
  readonly vnfLevel?: string;
  /** The deployment flavour of its VNFD that its VNFs are of; left out: the first. */
  readonly vnfFlavour?: string;
  readonly instances: Instances;
  /** Its VNFs are numbered in their VNFCs' names also where there is one: in another flavour of the NSD there are several. */
  readonly isNumbered?: true;
  readonly isKeptApart: boolean;
  readonly level: number | null;
  readonly connections: readonly ConnectionBlueprint[];
  readonly members: readonly MemberBlueprint[];
}

/** How a position of a forwarding path leads traffic to those of a group of connection points (IFA 014 6.4.5, SOL005 `CpGroupInfo`). */
export interface SteeringBlueprint extends Placed {
  readonly use: string;
  readonly extCp: string | null;
  readonly behaviour: "ALL" | "LB";
  /** Such as CHAINED_FAILOVER or SOURCE_IP_HASH. */
  readonly algorithm: string | null;
}

export interface NsBlueprint extends Placed {
  readonly id: string;
  readonly version: string;
  readonly name: string;
  readonly designer: string | null;
  /** The id of its first deployment flavour, which is what this is; left out: its form has none. */
  readonly flavour?: string;
  /** It in its other deployment flavours; left out: it has none. */
  readonly others?: readonly NsBlueprint[];
  readonly level: number | null;
  readonly uses: readonly VnfUse[];
  readonly links: readonly LinkBlueprint[];
  readonly steering: readonly SteeringBlueprint[];
  /** Left out: it has no levels. */
  readonly scaling?: NsScaling;
  /** VNFCs have the profile in their names also where there is one profile: another flavour of the NSD has several. */
  readonly isNamedByUse?: true;
  /** In its form a virtual link is a thing of the NS, not the name of a net: one that the VIM has not is made. */
  readonly makesNets?: true;
}
