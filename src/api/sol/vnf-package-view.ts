import type { ArtifactAccess, Checksum, PackageView, SoftwareImage } from "../../model/package.ts";
import { failureDetails } from "./nsd-view.ts";
import type { ListRules } from "./selector.ts";

export const PACKAGE_LIST: ListRules = {
  always: [
    "id",
    "vnfdId",
    "vnfProvider",
    "vnfProductName",
    "vnfSoftwareVersion",
    "vnfdVersion",
    "compatibleSpecificationVersions",
    "packageSecurityOption",
    "signingCertificate",
    "onboardingState",
    "operationalState",
    "usageState",
    "_links",
  ],
  complex: ["checksum", "softwareImages", "additionalArtifacts", "vnfmInfo", "userDefinedData", "onboardingFailureDetails"],
  byDefaultLeftOut: ["softwareImages", "additionalArtifacts", "userDefinedData", "checksum", "onboardingFailureDetails"],
};

export const packageAt = (id: string): string => `/vnfpkgm/v2/vnf_packages/${id}`;

/** SOL005 9.5.2.5 VnfPkgInfo. */
export function vnfPkgInfo(one: PackageView) {
  const { id, content, failure } = one;
  return {
    id,
    ...(content && {
      vnfdId: content.descriptorId,
      ...(content.provider !== null && { vnfProvider: content.provider }),
      vnfProductName: content.name,
      ...(content.softwareVersion !== null && { vnfSoftwareVersion: content.softwareVersion }),
      vnfdVersion: content.version,
      ...(content.checksum && { checksum: content.checksum }),
      softwareImages: content.images.map((image) => imageInfo(image, one)),
      additionalArtifacts: content.artifacts
        .filter((a) => !content.images.some((i) => i.path === a.path))
        .map(({ path, checksum, uri, set }) => ({
          artifactPath: path,
          ...(uri !== undefined && { artifactURI: uri }),
          checksum,
          isEncrypted: false,
          ...(set !== undefined && { nonManoArtifactSetId: set }),
        })),
    }),
    onboardingState: one.onboarding,
    operationalState: one.operational,
    usageState: one.isInUse ? "IN_USE" : "NOT_IN_USE",
    userDefinedData: one.userDefinedData,
    ...(failure && { onboardingFailureDetails: failureDetails(failure) }),
    _links: {
      self: { href: packageAt(id) },
      vnfd: { href: `${packageAt(id)}/vnfd` },
      packageContent: { href: `${packageAt(id)}/package_content` },
    },
  };
}

/** SOL003 10.5.2.2 VnfPkgInfo: its definition has a checksum as a text where SOL005's has an object. */
export function vnfPkgInfoOfSol003(one: PackageView) {
  const { checksum, additionalArtifacts, softwareImages, ...info } = vnfPkgInfo(one);
  const plain = <T extends { readonly checksum: Checksum }>(of: T) => ({ ...of, checksum: of.checksum.hash });
  return {
    ...info,
    ...(checksum && { checksum: checksum.hash }),
    ...(softwareImages && { softwareImages: softwareImages.map(plain) }),
    ...(additionalArtifacts && { additionalArtifacts: additionalArtifacts.map(plain) }),
  };
}

/** SOL005 9.5.3.2 VnfPackageSoftwareImageInfo. */
const imageInfo = (image: SoftwareImage, { content, modifiedAt }: PackageView) => ({
  id: image.id,
  name: image.name,
  provider: content?.provider ?? "",
  version: image.version,
  checksum: image.checksum,
  isEncrypted: false,
  containerFormat: image.containerFormat,
  diskFormat: image.diskFormat,
  createdAt: modifiedAt,
  minDisk: image.minDisk,
  minRam: image.minRam,
  size: image.bytes,
  imagePath: image.path,
  ...(image.uri !== undefined && { imageUri: image.uri }),
});

/** SOL005 9.5.2.10, without credentials: its definition wants the password with them, and forbids to show it. It has one artifact where its table has a list. */
export function accessConfig(access: readonly ArtifactAccess[]) {
  const all = access.map(({ uri, overrideUri, sealedAuth }) => ({
    artifactUri: uri,
    ...(overrideUri !== null && { overrideUri }),
    ...(sealedAuth !== null && { authType: "OAUTH2_CLIENT_CREDENTIALS" }),
  }));
  return all.length === 0 ? {} : { artifact: all.length === 1 ? all[0] : all };
}
