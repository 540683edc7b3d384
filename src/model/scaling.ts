import type { NsMember, VnfcProfile } from "./descriptor.ts";
import type { Standby } from "./protection.ts";

// What VNFs and NSs may be scaled to, in the nouns of ETSI NFV-IFA 011 (7.1.10, 7.1.8.7) and IFA 014 (6.3.4, 6.3.8). Numbers of VNFCs are those of one VNF.

/** VDU → number of VNFCs, or VNF profile → number of VNFs. */
export type Counts = Readonly<Record<string, number>>;

/** An id may be the name of something that every object has. */
export const countIn = (counts: Counts, id: string): number | undefined => (Object.hasOwn(counts, id) ? counts[id] : undefined);

/** An aspect that is scaled by steps: `steps[i]` is what the step from level i to level i+1 adds. */
export interface ScalingAspect {
  readonly id: string;
  readonly steps: readonly Counts[];
}

/** A named size of the VNF: its numbers of VNFCs, and the level that each aspect has then; one that is not named is at level 0. */
export interface InstantiationLevel {
  readonly id: string;
  readonly vdus: Counts;
  readonly aspects: Readonly<Record<string, number>>;
}

/** What a VNFD says of scaling. Its `initial` level is the one that it is instantiated at. */
export interface ScalingBlueprint {
  readonly aspects: readonly ScalingAspect[];
  readonly levels: readonly InstantiationLevel[];
  /** Null: it names no level. */
  readonly initial: string | null;
}

/** A VNFC that is made when the VNF has so many, with where it is reached; `member` null: nothing protects it. */
export interface FurtherVnfc {
  readonly vnfc: VnfcProfile;
  readonly member: NsMember | null;
  /** Its data net is made with it where the VIM has none of the name, as `Nsd.ownNets` has it of the others. */
  readonly ownNet?: true;
}

/** A VDU of the VNFs of a profile. */
export interface ScaledVdu {
  /** Its id in the VNFD, and in what the NSD was compiled into. */
  readonly id: string;
  readonly vdu: string;
  /** Of one VNF. */
  readonly min: number;
  readonly max: number;
  /** Why its number never changes; null: it may. */
  readonly fixed: string | null;
  /** Of each VNF of the profile, in the order in which they are made: beyond its first ones, and of a VNF that is itself further all. */
  readonly further: readonly (readonly FurtherVnfc[])[];
  /** Of a pool: how many wait where there are so many in all VNFs (the index); null: it is none. */
  readonly spares: readonly number[] | null;
  /** What one that waits is. */
  readonly standby: Standby;
}

/** How the VNFs of a VNF profile scale, and how many there may be of it. */
export interface ProfileScaling extends ScalingBlueprint {
  readonly profile: string;
  /** Left out: always as many as at first. */
  readonly vnfs?: { readonly min: number; readonly max: number };
  readonly vdus: readonly ScaledVdu[];
}

/** How large a VNF is meant to be. */
export interface VnfSize {
  /** Names of its VNFCs. */
  readonly vnfcs: readonly string[];
  /** Scaling aspect → level. */
  readonly scale: Readonly<Record<string, number>>;
}

/** A named size of an NS: numbers of VNFs; of a profile that it does not name there are as many as there were. */
export interface NsLevel {
  readonly id: string;
  readonly vnfs: Counts;
}

/** A step goes from one of its levels to the next. */
export interface NsScalingAspect {
  readonly id: string;
  readonly levels: readonly NsLevel[];
}

/** What an NSD says of scaling. Its `initial` level is the one that it is instantiated at where nobody asks for another. */
export interface NsScaling {
  readonly aspects: readonly NsScalingAspect[];
  readonly levels: readonly NsLevel[];
  /** Null: it names no level. */
  readonly initial: string | null;
}
