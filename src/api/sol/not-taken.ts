import { Fault } from "../../lib/fault.ts";

// What ETSI's bodies have and nobody here acts upon. Kept with an operation as if it were done, each would be a promise that nobody keeps: it is refused, with
// what to do instead. `additionalParams` of any kind are no promise: they are for scripts, which no descriptor here has.

type Why = Readonly<Record<string, string>>;

const MADE_WITHOUT = "an NS begins with nothing that was made without it; leave it out";
const NO_NESTED = "no NS here has another one in it; leave it out";

/** Of an NS that is made, or grows: SOL005 6.5.2.11, 6.5.3.22. */
const OF_NS: Why = {
  locationConstraints:
    "no VIM here says where it is; write an availability_zone in the VNFD, or name VIMs by vimAccounts when the NS is made",
  nestedNsLocationConstraints: NO_NESTED,
  additionalParamsForNestedNs: NO_NESTED,
};

/** SOL005 6.5.2.11. */
const OF_INSTANTIATION: Why = {
  ...OF_NS,
  vnfInstanceData: `${MADE_WITHOUT}, and ask for the update ADD_VNF then`,
  nestedNsInstanceData: MADE_WITHOUT,
  additionalAffinityOrAntiAffinityRule:
    "rules are read from descriptors; write an affinity-or-anti-affinity-group in the VNFD or the NSD",
  sapData: "no SAP is made here: the NSD says from which networks users come, and the VIM which ports those have; leave it out",
  addpnfData: "nothing is made of a PNF here; cable it to a port of a network in the VIM, and leave it out",
  wanConnectionData: "ways between VIMs are links in the MANO's settings, and made by these; leave it out",
};

/** SOL005 6.5.3.13. */
const OF_FURTHER_VNF: Why = {
  extVirtualLinks: "the NSD's VNF profile says which networks its VNFs are on; leave them out",
  extManagedVirtualLinks: "the NSD's VNF profile says which networks its VNFs are on; leave them out",
  locationConstraints: "no VIM here says where it is; write an availability_zone in the VNFD",
  localizationLanguage: "no VNF of an NS is told one; leave it out",
};

const AFTERWARDS = "ask for it when the NS is instantiated: an update with updateType MODIFY_VNF_INFORMATION";

/** SOL005 6.5.3.24, of each VNF profile. */
const OF_PROFILE: Why = {
  vnfInstanceName: AFTERWARDS,
  vnfInstanceDescription: AFTERWARDS,
  metadata: AFTERWARDS,
  extensions: "no VNFD here has any; leave it out",
  vnfConfigurableProperties: "no VNFD here has any; leave it out",
};

/** Throws NOT_SUPPORTED. */
export function refuseOfInstantiation(asked: object): void {
  refuseOf(OF_INSTANTIATION, asked);
  refuseOfProfiles(asked);
}

/** Of `scaleNsData`. Throws NOT_SUPPORTED. */
export function refuseOfScaling(asked: object = {}): void {
  refuseOf(OF_NS, asked, "scaleNsData/");
  refuseOfProfiles(asked, "scaleNsData/");
}

/** Of each of `instantiateVnfData`. Throws NOT_SUPPORTED. */
export const refuseOfFurtherVnf = (asked: object): void => refuseOf(OF_FURTHER_VNF, asked, "instantiateVnfData/");

function refuseOfProfiles(asked: object, at = ""): void {
  const { additionalParamsForVnf: profiles } = asked as { readonly additionalParamsForVnf?: unknown };
  if (!Array.isArray(profiles)) return;
  for (const one of profiles)
    if (typeof one === "object" && one !== null) refuseOf(OF_PROFILE, one, `${at}additionalParamsForVnf/`);
}

function refuseOf(table: Why, asked: object, at = ""): void {
  for (const [name, why] of Object.entries(table))
    if (Object.hasOwn(asked, name) && !isEmpty((asked as Readonly<Record<string, unknown>>)[name]))
      throw new Fault("NOT_SUPPORTED", `${at}${name}: ${why}`);
}

/** It asks for nothing. */
const isEmpty = (value: unknown): boolean =>
  value === null || value === undefined || (typeof value === "object" && Object.keys(value).length === 0);
