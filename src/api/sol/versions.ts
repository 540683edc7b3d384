import { Fault } from "../../lib/fault.ts";

/** The interfaces of SOL003 and SOL005 that we serve, and the version of each that is ours (V3.7.1 of both). */
export const API_VERSIONS = {
  nsd: "2.3.0",
  vnfpkgm: "2.4.0",
  nslcm: "2.3.0",
  vnflcm: "2.3.0",
  nsfm: "1.3.0",
  vnffm: "1.5.0",
  nspm: "2.3.0",
  vnfpm: "2.2.0",
} as const;

export type ApiName = keyof typeof API_VERSIONS;

export const isApiName = (name: string): name is ApiName => Object.hasOwn(API_VERSIONS, name);

/** `v2` in `/nsd/v2/…`. */
export const majorOf = (api: ApiName): number => Number(API_VERSIONS[api].split(".")[0]);

/** Those that are understood, the newest first: a minor version only adds to the one before (SOL013 4.6.1). */
export function versionsOf(api: ApiName): string[] {
  const [major, minor] = API_VERSIONS[api].split(".").map(Number) as [number, number];
  return Array.from({ length: minor + 1 }, (_, i) => `${major}.${minor - i}.0`);
}

/** SOL013 9.3.4 ApiVersionInformation. `apiRoot` ends without a slash. */
export const apiVersionInformation = (api: ApiName, apiRoot: string) => ({
  uriPrefix: `${apiRoot}/${api}/v${majorOf(api)}/`,
  apiVersions: versionsOf(api).map((version) => ({ version, isDeprecated: false })),
});

/**
 * The version that a request is answered in: the one its `Version` header asks for, whatever implementation it names
 * (`2.3.0-impl:example.com:client:1`). Throws INVALID where there is none, NOT_ACCEPTABLE for one that is not understood (SOL013 4.6.2).
 */
export function versionFor(api: ApiName, asked: string | undefined): string {
  const known = versionsOf(api);
  if (asked === undefined || asked.trim() === "")
    throw new Fault("INVALID", `the header Version is missing; send Version: ${known[0]}`);
  const [, version] = /^\s*(\d+\.\d+\.\d+)(?:-impl:\S+)?\s*$/.exec(asked) ?? [];
  if (version !== undefined && known.includes(version)) return version;
  throw new Fault("NOT_ACCEPTABLE", `Version: ${asked.trim().slice(0, 80)} is not served here; send one of ${known.join(", ")}`);
}
