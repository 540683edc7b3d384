import { type Static, Type } from "typebox";
import { Fault } from "../../lib/fault.ts";
import { text } from "./vnf-links.ts";

/** SOL005 6.5.3.19: VNFs that were made without the NS. By its definition the profile must be named, by its text it follows where one alone has the VNFD. */
export const vnfInstanceData = Type.Optional(
  Type.Array(
    Type.Object(
      {
        vnfInstanceId: text("the id of a VNF instance"),
        vnfProfileId: Type.Optional(text("the id of a VNF profile of the NSD")),
      },
      { description: "an object with vnfInstanceId and vnfProfileId" },
    ),
    { minItems: 1, maxItems: 64, description: "a list of objects with vnfInstanceId and vnfProfileId" },
  ),
);

/** A VNF that is to be one of the NS, and of which VNF profile. */
export interface TakenIn {
  readonly vnfId: string;
  readonly profile?: string;
}

/** Each once. Throws INVALID. `name`: of what was given. */
export function takenInOf(name: string, given: Static<typeof vnfInstanceData> | undefined): TakenIn[] {
  if (given === undefined) throw new Fault("INVALID", `${name}: is missing; this wants a list of VNFs there`);
  const twice = given.find((v, i) => given.findIndex((o) => o.vnfInstanceId === v.vnfInstanceId) < i);
  if (twice) throw new Fault("INVALID", `${name}: VNF ${twice.vnfInstanceId} is there twice; name each once`);
  return given.map(({ vnfInstanceId: vnfId, vnfProfileId: profile }) => ({ vnfId, ...(profile !== undefined && { profile }) }));
}
