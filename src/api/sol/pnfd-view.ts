import type { PackageView } from "../../model/package.ts";
import { failureDetails } from "./nsd-view.ts";
import type { ListRules } from "./selector.ts";

export const PNFD_LIST: ListRules = {
  always: [
    "id",
    "pnfdId",
    "pnfdName",
    "pnfdersion",
    "pnfdVersion",
    "pnfdProvider",
    "pnfdInvariantId",
    "archiveSecurityOption",
    "signingCertificate",
    "pnfdOnboardingState",
    "pnfdUsageState",
    "_links",
  ],
  complex: ["artifacts", "onboardingFailureDetails", "userDefinedData"],
  byDefaultLeftOut: ["onboardingFailureDetails", "userDefinedData"],
};

export const pnfdAt = (id: string): string => `/nsd/v2/pnf_descriptors/${id}`;

/** SOL005 5.5.2.5 PnfdInfo. Its definition calls the state of one that is on board ONBOARDING, and the version `pnfdersion`: so it is here, and by its right name too. */
export function pnfdInfo({ id, content, onboarding, failure, userDefinedData }: PackageView) {
  return {
    id,
    ...(content && {
      pnfdId: content.descriptorId,
      pnfdName: content.name,
      pnfdersion: content.version,
      pnfdVersion: content.version,
      ...(content.provider !== null && { pnfdProvider: content.provider }),
      pnfdInvariantId: content.descriptorId,
      artifacts: content.artifacts.map(({ path, checksum }) => ({ artifactPath: path, checksum })),
    }),
    pnfdOnboardingState: onboarding === "ONBOARDED" ? "ONBOARDING" : onboarding,
    ...(failure && { onboardingFailureDetails: failureDetails(failure) }),
    pnfdUsageState: "NOT_IN_USE",
    userDefinedData,
    _links: { self: { href: pnfdAt(id) }, pnfd_content: { href: `${pnfdAt(id)}/pnfd_content` } },
  };
}
