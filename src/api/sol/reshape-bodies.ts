import { Type } from "typebox";
import { extManagedVirtualLinks, extVirtualLinks, extVirtualLinksOfNs, pairs, text, vimConnectionInfo } from "./vnf-links.ts";

// What SOL003 and SOL005 say of a VNF that is to become one of another deployment flavour, or of another package.

const given = { additionalParams: pairs, extensions: pairs, vnfConfigurableProperties: pairs };
const flavour = {
  newFlavourId: text("the id of a deployment flavour"),
  instantiationLevelId: Type.Optional(text("the id of an instantiation level")),
  ...given,
};
const vnfPackage = { vnfdId: text("the id of the VNFD of another VNF package"), ...given };
const links = { extVirtualLinks: Type.Optional(extVirtualLinks), extManagedVirtualLinks, vimConnectionInfo };
const ofVnf = {
  vnfInstanceId: text("the id of a VNF instance"),
  extVirtualLinks: Type.Optional(extVirtualLinksOfNs),
  extManagedVirtualLinks: Type.Optional(Type.Array(Type.Unknown(), { maxItems: 64, description: "a list of links" })),
};

/** SOL003 5.5.2.7. */
export const changeFlavourRequest = Type.Object({ ...flavour, ...links }, { description: "an object with newFlavourId" });

/** SOL003 5.5.2.11a. */
export const changePackageRequest = Type.Object({ ...vnfPackage, ...links }, { description: "an object with vnfdId" });

/** SOL005 6.5.3.14. */
export const changeVnfFlavourData = Type.Optional(
  Type.Array(Type.Object({ ...ofVnf, ...flavour }, { description: "an object with vnfInstanceId and newFlavourId" }), {
    minItems: 1,
    maxItems: 64,
    description: "a list of objects with vnfInstanceId and newFlavourId",
  }),
);

/** SOL005 6.5.3.54. */
export const changeVnfPackageData = Type.Optional(
  Type.Array(Type.Object({ ...ofVnf, ...vnfPackage }, { description: "an object with vnfInstanceId and vnfdId" }), {
    minItems: 1,
    maxItems: 64,
    description: "a list of objects with vnfInstanceId and vnfdId",
  }),
);

/** SOL005 6.5.3.39. */
export const changeNsFlavourData = Type.Optional(
  Type.Object(
    {
      newNsFlavourId: text("the id of a deployment flavour of the NSD"),
      instantiationLevelId: Type.Optional(text("the id of a level of that flavour")),
    },
    { description: "an object with newNsFlavourId" },
  ),
);
