import type { PackageFailure, PackageView } from "../../model/package.ts";
import type { ListRules } from "./selector.ts";

export const NSD_LIST: ListRules = {
  always: [
    "id",
    "nsdId",
    "nsdName",
    "nsdVersion",
    "nsdDesigner",
    "nsdInvariantId",
    "vnfPkgIds",
    "archiveSecurityOption",
    "signingCertificate",
    "nsdOnboardingState",
    "nsdOperationalState",
    "nsdUsageState",
    "_links",
  ],
  complex: ["pnfdInfoIds", "nestedNsdInfoIds", "artifacts", "onboardingFailureDetails", "userDefinedData"],
  byDefaultLeftOut: ["onboardingFailureDetails", "userDefinedData"],
};

export const nsdAt = (id: string): string => `/nsd/v2/ns_descriptors/${id}`;

/** SOL005 5.5.2.2 NsdInfo. */
export function nsdInfo(nsd: PackageView) {
  const { id, content, failure } = nsd;
  return {
    id,
    ...(content && {
      nsdId: content.descriptorId,
      nsdName: content.name,
      nsdVersion: content.version,
      ...(content.provider !== null && { nsdDesigner: content.provider }),
      nsdInvariantId: content.descriptorId,
      artifacts: content.artifacts.map(({ path, checksum }) => ({ artifactPath: path, checksum })),
    }),
    vnfPkgIds: nsd.uses,
    nsdOnboardingState: nsd.onboarding,
    ...(failure && { onboardingFailureDetails: failureDetails(failure) }),
    nsdOperationalState: nsd.operational,
    nsdUsageState: nsd.isInUse ? "IN_USE" : "NOT_IN_USE",
    userDefinedData: nsd.userDefinedData,
    _links: { self: { href: nsdAt(id) }, nsd_content: { href: `${nsdAt(id)}/nsd_content` } },
  };
}

export const failureDetails = ({ status, title, detail }: PackageFailure) => ({ title, status, detail });
