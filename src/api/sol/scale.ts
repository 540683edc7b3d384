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

function toLevel(
  level: string | undefined,
  info: readonly { readonly aspectId: string; readonly scaleLevel: number }[] | undefined,
  wanted: string,
): Scaling {
  if ((level === undefined) === (info === undefined)) throw new Fault("INVALID", `want ${wanted}`);
  if (level !== undefined) return { level };
  return { aspects: Object.fromEntries((info ?? []).map((i) => [i.aspectId, i.scaleLevel])) };
}
