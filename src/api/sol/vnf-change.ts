import { Fault } from "../../lib/fault.ts";
import type { ExternalLinkAsked } from "./vnf-links.ts";

/** What is written of a VNF, and may be written anew (SOL003 5.5.2.12, SOL005 6.5.3.30). */
export interface VnfChange {
  readonly name?: string;
  readonly description?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** As ETSI has it. */
interface Asked {
  readonly vnfInstanceName?: string;
  readonly vnfInstanceDescription?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export const changeOf = ({ vnfInstanceName: name, vnfInstanceDescription: description, metadata }: Asked): VnfChange => ({
  ...(name !== undefined && { name }),
  ...(description !== undefined && { description }),
  ...(metadata !== undefined && { metadata }),
});

/** What else ETSI has, and no VNF here lets be changed. */
const FIXED = ["vnfdId", "extensions", "vnfConfigurableProperties", "vimConnectionInfo"];

/** The same. Throws NOT_SUPPORTED where anything else is to be changed. `called`: the VNF, as people know it. */
export function changeAlone(asked: Asked, called: string): VnfChange {
  const other = Object.keys(asked).find((key) => FIXED.includes(key));
  if (other === undefined) return changeOf(asked);
  const can = "vnfInstanceName, vnfInstanceDescription and metadata can";
  throw new Fault("NOT_SUPPORTED", `${other} of VNF ${called} cannot be changed; ${can}`);
}

/** SOL003 5.5.2.7. */
export interface VnfFlavour {
  readonly flavour: string;
  /** Left out: the one that the flavour begins with. */
  readonly level?: string;
  readonly external: readonly ExternalLinkAsked[];
}

/** SOL003 5.5.2.11a. */
export interface VnfPackage {
  readonly vnfdId: string;
  readonly external: readonly ExternalLinkAsked[];
}

/** What a VNF is to be of, as ETSI has it in both of its interfaces. */
interface FlavourBody extends ReshapeBody {
  readonly newFlavourId: string;
  readonly instantiationLevelId?: string;
}

/** The same of another flavour as of another package. */
interface ReshapeBody {
  readonly extManagedVirtualLinks?: readonly unknown[];
  readonly extensions?: Readonly<Record<string, unknown>>;
  readonly vnfConfigurableProperties?: Readonly<Record<string, unknown>>;
}

/** SOL003 5.5.2.7, SOL005 6.5.3.14, without the nets. Throws NOT_SUPPORTED for what no VNF here has. */
export function flavourIn({ newFlavourId: flavour, instantiationLevelId: level, ...more }: FlavourBody) {
  refuseMore(more);
  return { flavour, ...(level !== undefined && { level }) };
}

/** SOL003 5.5.2.11a, SOL005 6.5.3.54, without the nets. Throws NOT_SUPPORTED for what no VNF here has. */
export function packageIn({ vnfdId, ...more }: ReshapeBody & { readonly vnfdId: string }) {
  refuseMore(more);
  return { vnfdId };
}

function refuseMore(asked: ReshapeBody): void {
  refuseProperties(asked);
  if ((asked.extManagedVirtualLinks ?? []).length > 0)
    throw new Fault(
      "NOT_SUPPORTED",
      "extManagedVirtualLinks: those that it has stay, and others are made for it; leave them out",
    );
}

/** Throws NOT_SUPPORTED: no VNFD declares any. */
export function refuseProperties(asked: Pick<ReshapeBody, "extensions" | "vnfConfigurableProperties">): void {
  for (const name of ["extensions", "vnfConfigurableProperties"] as const)
    if (Object.keys(asked[name] ?? {}).length > 0)
      throw new Fault("NOT_SUPPORTED", `${name}: no VNFD here has any, so ${Object.keys(asked[name]!)[0]} is none`);
}

/** What a VNF is asked to be: running, or stopped. */
export interface OperateAsked {
  readonly isStopped: boolean;
  /** For its guests to end by themselves; null: they are switched off. */
  readonly graceMs: number | null;
}

/** Where nobody says how long. */
const GRACE_S = 30;

/** SOL003 5.5.2.8, SOL005 6.5.3.62: an end is forceful where nothing else is said. Ms for guests to end by themselves; null: none. */
export const graceIn = (asked: {
  readonly terminationType?: "FORCEFUL" | "GRACEFUL";
  readonly gracefulTerminationTimeout?: number;
}): number | null => (asked.terminationType === "GRACEFUL" ? (asked.gracefulTerminationTimeout ?? GRACE_S) * 1_000 : null);

/** SOL003 5.5.2.10, SOL005 6.5.3.31: a stop is forceful where nothing else is said. */
export const operateOf = (asked: {
  readonly changeStateTo: "STARTED" | "STOPPED";
  readonly stopType?: "FORCEFUL" | "GRACEFUL";
  readonly gracefulStopTimeout?: number;
}): OperateAsked => ({
  isStopped: asked.changeStateTo === "STOPPED",
  graceMs: asked.stopType === "GRACEFUL" ? (asked.gracefulStopTimeout ?? GRACE_S) * 1_000 : null,
});
