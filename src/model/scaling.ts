import type { NsMember, VnfcProfile } from "./descriptor.ts";
import type { Standby } from "./protection.ts";

// What a VNF may be scaled to, in the nouns of ETSI NFV-IFA 011 (7.1.10, 7.1.8.7). Numbers of VNFCs are those of one VNF.

/** VDU → number of VNFCs. */
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
  /** Of each VNF of the profile, in the order in which they are made. */
  readonly further: readonly (readonly FurtherVnfc[])[];
  /** Of a pool: how many wait where there are so many in all VNFs (the index); null: it is none. */
  readonly spares: readonly number[] | null;
  /** What one that waits is. */
  readonly standby: Standby;
}

/** How the VNFs of a VNF profile scale. */
export interface ProfileScaling extends ScalingBlueprint {
  readonly profile: string;
  readonly vdus: readonly ScaledVdu[];
}

/** How large a VNF is meant to be. */
export interface VnfSize {
  /** Names of its VNFCs. */
  readonly vnfcs: readonly string[];
  /** Scaling aspect → level. */
  readonly scale: Readonly<Record<string, number>>;
}
