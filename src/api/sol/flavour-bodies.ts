import { Type } from "typebox";
import { extManagedVirtualLinks, extVirtualLinks, extVirtualLinksOfNs, pairs, text, vimConnectionInfo } from "./vnf-links.ts";

// What SOL003 and SOL005 say of a VNF that is to become one of another deployment flavour.

const asked = {
  newFlavourId: text("the id of a deployment flavour"),
  instantiationLevelId: Type.Optional(text("the id of an instantiation level")),
  additionalParams: pairs,
  extensions: pairs,
  vnfConfigurableProperties: pairs,
};

/** SOL003 5.5.2.7. */
export const changeFlavourRequest = Type.Object(
  { ...asked, extVirtualLinks: Type.Optional(extVirtualLinks), extManagedVirtualLinks, vimConnectionInfo },
  { description: "an object with newFlavourId" },
);

const ofVnf = Type.Object(
  {
    vnfInstanceId: text("the id of a VNF instance"),
    ...asked,
    extVirtualLinks: Type.Optional(extVirtualLinksOfNs),
    extManagedVirtualLinks: Type.Optional(Type.Array(Type.Unknown(), { maxItems: 64, description: "a list of links" })),
  },
  { description: "an object with vnfInstanceId and newFlavourId" },
);

/** SOL005 6.5.3.14. */
export const changeVnfFlavourData = Type.Optional(
  Type.Array(ofVnf, { minItems: 1, maxItems: 64, description: "a list of objects with vnfInstanceId and newFlavourId" }),
);
