import type { Static } from "typebox";
import { Fault } from "../../lib/fault.ts";
import type { scaleNsRequest, scaleVnfRequest, scaleVnfToLevelRequest } from "./lcm-bodies.ts";

/** What is asked for one VNF: steps of an aspect (in: less than 0), a level of its VNFD, or levels of its aspects. */
export type Scaling =
  | { readonly aspect: string; readonly steps: number }
  | { readonly level: string }
  | { readonly aspects: Readonly<Record<string, number>> };

/** SOL003 5.5.2.5. */
export const scalingByStep = ({ type, aspectId, numberOfSteps = 1 }: Static<typeof scaleVnfRequest>): Scaling => ({
  aspect: aspectId,
  steps: type === "SCALE_OUT" ? numberOfSteps : -numberOfSteps,
});

/** SOL003 5.5.2.6. Throws INVALID. */
export const scalingToLevel = ({ instantiationLevelId, scaleInfo }: Static<typeof scaleVnfToLevelRequest>): Scaling =>
  toLevel(instantiationLevelId, scaleInfo, "one of instantiationLevelId and scaleInfo");

type VnfData = NonNullable<Static<typeof scaleNsRequest>["scaleVnfData"]>[number];

/** SOL005 6.5.3.22, of one VNF. Throws INVALID. */
export function scalingOfVnf({ scaleVnfType, scaleByStepData, scaleToLevelData }: VnfData): Scaling {
  if (scaleVnfType === "SCALE_OUT" || scaleVnfType === "SCALE_IN") {
    if (scaleByStepData === undefined || scaleToLevelData !== undefined)
      throw new Fault("INVALID", `scaleVnfData: want scaleByStepData alone for ${scaleVnfType}`);
    return scalingByStep({ type: scaleVnfType, ...scaleByStepData });
  }
  const what = scaleVnfType === "SCALE_TO_INSTANTIATION_LEVEL" ? "vnfInstantiationLevelId" : "vnfScaleInfo";
  if (scaleToLevelData?.[what] === undefined || scaleByStepData !== undefined)
    throw new Fault("INVALID", `scaleVnfData: want scaleToLevelData alone, with ${what}, for ${scaleVnfType}`);
  const { vnfInstantiationLevelId, vnfScaleInfo } = scaleToLevelData;
  return toLevel(vnfInstantiationLevelId, vnfScaleInfo, `scaleToLevelData: ${what} alone`);
}

/** SOL005 6.5.3.38, of the NS. Steps: in, less than 0. */
export type ScalingOfNs =
  | { readonly aspect: string; readonly steps: number }
  | { readonly level: string }
  | { readonly levels: Readonly<Record<string, string>> }
  | { readonly without: readonly string[] };

type NsData = Static<typeof scaleNsRequest>["scaleNsData"];

/** SOL005 6.5.3.38: nothing but VNFs that are there already are to be of the NS. Throws NOT_SUPPORTED where others are to go at once. */
export function isToTakeIn({ vnfInstanceToBeAdded: added, ...rest }: NonNullable<NsData> = {}): boolean {
  if (added === undefined || Object.values(rest).every((v) => v === undefined)) return added !== undefined;
  throw new Fault(
    "NOT_SUPPORTED",
    "scaleNsData/vnfInstanceToBeAdded: is one operation, and what goes is another; ask for it alone",
  );
}

/** SOL005 6.5.3.38. Throws INVALID. */
export function scalingOfNs(data: NsData): ScalingOfNs {
  const { scaleNsByStepsData: steps, scaleNsToLevelData: to, vnfInstanceToBeRemoved: without } = data ?? {};
  if ([steps, to, without].filter((d) => d !== undefined).length !== 1)
    throw new Fault(
      "INVALID",
      "scaleNsData: want exactly one of scaleNsByStepsData, scaleNsToLevelData, vnfInstanceToBeRemoved and vnfInstanceToBeAdded",
    );
  if (without) return { without };
  if (steps) {
    const { scalingDirection, aspectId, numberOfSteps = 1 } = steps;
    return { aspect: aspectId, steps: scalingDirection === "SCALE_OUT" ? numberOfSteps : -numberOfSteps };
  }
  const { nsInstantiationLevel: level, nsScaleInfo: info } = to ?? {};
  if ((level === undefined) === (info === undefined))
    throw new Fault("INVALID", "scaleNsToLevelData: want exactly one of nsInstantiationLevel and nsScaleInfo");
  if (level !== undefined) return { level };
  const all = (info ?? []).map((i) => [i.nsScalingAspectId, i.nsScaleLevelId] as const);
  const twice = all.find(([aspect], i) => all.findIndex(([other]) => other === aspect) < i);
  if (twice) throw new Fault("INVALID", `nsScaleInfo: aspect ${twice[0]} is named twice; ask for one level of it`);
  return { levels: Object.fromEntries(all) };
}

function toLevel(
  level: string | undefined,
  info: readonly { readonly aspectId: string; readonly scaleLevel: number }[] | undefined,
  wanted: string,
): Scaling {
  if ((level === undefined) === (info === undefined)) throw new Fault("INVALID", `want ${wanted}`);
  if (level !== undefined) return { level };
  return { aspects: Object.fromEntries((info ?? []).map((i) => [i.aspectId, i.scaleLevel])) };
}
