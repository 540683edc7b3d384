// What is on-boarded: NSDs, PNFDs and VNF packages, in the words of SOL005 5.5 and 9.5.

export type PackageKind = "nsd" | "vnf" | "pnfd";

/** SOL005 5.5.4.5 and 9.5.4.3. UPLOADING: its content comes; PROCESSING: it is looked through; ERROR: `failure` says what is wrong. */
export type OnboardingState = "CREATED" | "UPLOADING" | "PROCESSING" | "ONBOARDED" | "ERROR";
export type OperationalState = "ENABLED" | "DISABLED";

export interface Checksum {
  readonly algorithm: "SHA-256";
  readonly hash: string;
}

/** A file of a package that is neither its descriptor nor its manifest. */
export interface Artifact {
  readonly path: string;
  readonly bytes: number;
  readonly checksum: Checksum;
  /** Where it came from, outside the package; left out: it is in it. */
  readonly uri?: string;
  /** The set of artifacts that are not for the MANO (SOL004 4.3.7) which it is of; left out: of none. */
  readonly set?: string;
}

/** How an artifact that a manifest names by URL is to be fetched (SOL005 9.5.2.10). */
export interface ArtifactAccess {
  readonly uri: string;
  /** Where it is in truth; null: there. */
  readonly overrideUri: string | null;
  /** Client credentials, sealed; null: none are needed. */
  readonly sealedAuth: string | null;
}

/** A disk image that a package carries, as its descriptor describes it (SOL005 9.5.3.2). Sizes in bytes. */
export interface SoftwareImage {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly containerFormat: string;
  readonly diskFormat: string;
  readonly minDisk: number;
  readonly minRam: number;
  readonly bytes: number;
  readonly checksum: Checksum;
  readonly path: string;
  /** Where it came from, outside the package; left out: it is in it. */
  readonly uri?: string;
}

/** RFC 9457, of why it is not on board. */
export interface PackageFailure {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
}

/** Paths in a package of what says what it is. */
export interface PartsOfPackage {
  readonly descriptor: readonly string[];
  readonly manifest: string | null;
  readonly certificate: string | null;
}

/** What its content says of itself. */
export interface PackageContent {
  readonly descriptorId: string;
  readonly version: string;
  readonly name: string;
  /** The designer of an NSD, the provider of a VNF or PNF; null: it does not say. */
  readonly provider: string | null;
  readonly softwareVersion: string | null;
  /** Of the whole content; null where that has not been kept. */
  readonly checksum: Checksum | null;
  readonly artifacts: readonly Artifact[];
  readonly images: readonly SoftwareImage[];
  /** Null: it is one text, and no package. */
  readonly parts: PartsOfPackage | null;
}

/** A content that has come whole and is on the disk. */
export interface Upload {
  readonly type: "application/zip" | "text/plain";
  readonly bytes: number;
  readonly sha256: string;
}

/** Where a content is downloaded from. */
export interface Origin {
  readonly uri: string;
  /** Client credentials, sealed; null: none are needed. */
  readonly sealedAuth: string | null;
}

export interface DescriptorPackage {
  readonly id: string;
  readonly kind: PackageKind;
  readonly onboarding: OnboardingState;
  readonly operational: OperationalState;
  readonly userDefinedData: Readonly<Record<string, unknown>>;
  readonly failure: PackageFailure | null;
  /** Null before it has come, and where it has not been kept. */
  readonly upload: Upload | null;
  readonly origin: Origin | null;
  /** Left out: none was given. */
  readonly access?: readonly ArtifactAccess[];
  /** Null until it is on board. */
  readonly content: PackageContent | null;
  /** Of an NSD: ids of the VNF packages that it refers to. */
  readonly uses: readonly string[];
  readonly createdAt: string;
  readonly modifiedAt: string;
}

/** A package, and whether something runs that was made of it. */
export type PackageView = DescriptorPackage & { readonly isInUse: boolean };

/** What happened to a package, for its subscribers. */
export interface PackageChange {
  readonly change: "onboarded" | "failed" | "operational" | "deleted";
  readonly id: string;
  readonly operational: OperationalState;
  /** Null: its content has not been read. */
  readonly about: Pick<PackageContent, "descriptorId" | "version" | "name" | "provider" | "softwareVersion"> | null;
  readonly failure: PackageFailure | null;
}
