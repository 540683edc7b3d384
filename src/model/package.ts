// What is on-boarded: NSDs, PNFDs and VNF packages, in the words of SOL005 5.5 and 9.5.

export type PackageKind = "nsd" | "vnf" | "pnfd";

/** SOL005 5.5.4.5 and 9.5.4.3. UPLOADING: its content comes; PROCESSING: it is looked through; ERROR: `failure` says what is wrong. */
export type OnboardingState = "CREATED" | "UPLOADING" | "PROCESSING" | "ONBOARDED" | "ERROR";
export type OperationalState = "ENABLED" | "DISABLED";

export interface Checksum {
  readonly algorithm: "SHA-256" | "SHA-512";
  readonly hash: string;
}

/** A file of a package that is neither its descriptor nor its manifest. */
export interface Artifact {
  readonly path: string;
  readonly checksum: Checksum;
}

/** RFC 9457, of why it is not on board. */
export interface PackageFailure {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
}

/** What its content says of itself. */
export interface PackageContent {
  readonly descriptorId: string;
  readonly version: string;
  readonly name: string;
  /** The designer of an NSD, the provider of a VNF or PNF; null: it does not say. */
  readonly provider: string | null;
  readonly softwareVersion: string | null;
  /** Of the whole content; null where it has not been kept (it came before contents were). */
  readonly checksum: Checksum | null;
  readonly artifacts: readonly Artifact[];
}

export interface DescriptorPackage {
  readonly id: string;
  readonly kind: PackageKind;
  readonly onboarding: OnboardingState;
  readonly operational: OperationalState;
  readonly userDefinedData: Readonly<Record<string, unknown>>;
  readonly failure: PackageFailure | null;
  /** Null until it is on board. */
  readonly content: PackageContent | null;
  /** Of an NSD: ids of the VNF packages that it refers to. */
  readonly uses: readonly string[];
  readonly createdAt: string;
  readonly modifiedAt: string;
}

/** A package, and whether something runs that was made of it. */
export type PackageView = DescriptorPackage & { readonly isInUse: boolean };
