import type { Static } from "typebox";
import { Fault } from "../../lib/fault.ts";
import { artifactsAccess, createInfo, packageModifications, uploadFromUri } from "./package-bodies.ts";
import {
  CONTENT_TYPES,
  giveArtifact,
  giveArtifacts,
  giveContent,
  giveDescriptor,
  giveManifest,
  type PackageDoors,
  packagesShown,
  shownBy,
  TEXT_OR_ZIP,
  takeContentBehind,
} from "./package-calls.ts";
import { Answer, type SolCall, type SolRoute } from "./route.ts";
import { accessConfig, PACKAGE_LIST, packageAt, vnfPkgInfo, vnfPkgInfoOfSol003 } from "./vnf-package-view.ts";

export interface OriginWish {
  readonly uri: string;
  readonly credentials: { readonly clientId: string; readonly clientPassword: string; readonly tokenEndpoint: string } | null;
}

/** As `OriginWish`, of what a manifest names by URL; `overrideUri` null: it is fetched from there. */
export interface AccessWish extends OriginWish {
  readonly overrideUri: string | null;
}

export interface VnfPackageDoors extends PackageDoors {
  /** Resolves when it is sure to be tried. Throws INVALID for what is not downloaded from. */
  fetch(id: string, origin: OriginWish): Promise<void>;
  /** True: it is fetched again with it now; false: it is kept. Throws INVALID, CONFLICT. */
  giveAccess(id: string, access: readonly AccessWish[]): Promise<boolean>;
}

type Call = SolCall<VnfPackageDoors>;

const ALL = "/vnfpkgm/v2/vnf_packages";
const ONE = `${ALL}/:id` as const;
const ON_BOARD = "/vnfpkgm/v2/onboarded_vnf_packages";
const ANY = ["*/*"];
const ZIP = ["application/zip"];
const NAMED = { descriptorId: "vnfdId", state: "onboardingState" };
const ONBOARDED = ["ONBOARDED"];
/** No VNFD has more versions. */
const VERSIONS_MAX = 10_000;

/** VNF package management: SOL005 clause 9, and with it SOL003 clause 10, whose reading side finds a package by its VNFD too. */
export const PACKAGE_ROUTES: readonly SolRoute<VnfPackageDoors>[] = [
  { is: `POST ${ALL}`, gives: 201, body: createInfo, does: (c) => create(c), location: ({ id }) => packageAt(id) },
  { is: `GET ${ALL}`, gives: 200, does: (c) => packagesShown(c, vnfPkgInfo, NAMED), lists: PACKAGE_LIST },
  { is: `GET ${ONE}`, gives: 200, does: shownBy(vnfPkgInfo) },
  { is: `PATCH ${ONE}`, gives: 200, body: packageModifications, does: (c) => modify(c) },
  { is: `DELETE ${ONE}`, gives: 204, does: (c) => c.doors.remove(c.params.id!) },
  { is: `PUT ${ONE}/package_content`, gives: 202, streams: true, takes: CONTENT_TYPES, does: takeContentBehind },
  { is: `POST ${ONE}/package_content/upload_from_uri`, gives: 202, body: uploadFromUri, does: (c) => fetch(c) },
  { is: `GET ${ONE}/ext_artifacts_access`, gives: 200, does: async (c) => accessConfig((await found(c)).access ?? []) },
  { is: `PUT ${ONE}/ext_artifacts_access`, gives: 200, body: artifactsAccess, does: giveAccess },
  ...reading(ONE, (call) => call),
  { is: `GET ${ON_BOARD}`, gives: 200, does: (c) => packagesShown(c, vnfPkgInfoOfSol003, NAMED, ONBOARDED), lists: PACKAGE_LIST },
  { is: `GET ${ON_BOARD}/:vnfdId`, gives: 200, does: async (c) => shownBy(vnfPkgInfoOfSol003)(await ofVnfd(c)) },
  ...reading(`${ON_BOARD}/:vnfdId`, ofVnfd),
];

/** What is read of one package, found by its own id or by that of its VNFD. */
function reading(one: `/${string}`, found: (call: Call) => Call | Promise<Call>): SolRoute<VnfPackageDoors>[] {
  return [
    { is: `GET ${one}/package_content`, gives: 200, offers: TEXT_OR_ZIP, does: async (c) => giveContent(await found(c)) },
    { is: `GET ${one}/vnfd`, gives: 200, offers: TEXT_OR_ZIP, does: async (c) => giveDescriptor(await found(c)) },
    { is: `GET ${one}/manifest`, gives: 200, offers: TEXT_OR_ZIP, does: async (c) => giveManifest(await found(c)) },
    { is: `GET ${one}/artifacts`, gives: 200, offers: ZIP, does: async (c) => giveArtifacts(await found(c)) },
    { is: `GET ${one}/artifacts/*`, gives: 200, offers: ANY, does: async (c) => giveArtifact(await found(c)) },
  ];
}

const create = async ({ doors, body }: Call) =>
  vnfPkgInfo(await doors.create((body as Static<typeof createInfo>).userDefinedData ?? {}));

/** Of several versions the one that came last. Throws NOT_FOUND. */
async function ofVnfd(call: Call): Promise<Call> {
  const { vnfdId } = call.params;
  const asked = { behind: null, limit: VERSIONS_MAX, descriptorIds: [vnfdId!], states: ONBOARDED };
  const found = (await call.doors.list(asked)).at(-1);
  if (found) return { ...call, params: { ...call.params, id: found.id } };
  throw new Fault("NOT_FOUND", `there is no VNF package of VNFD ${vnfdId} on board; GET ${ON_BOARD} lists those there are`);
}

/** Answers what was modified (SOL005 9.5.2.7). */
async function modify({ doors, params, body }: Call) {
  const { operationalState: operational, userDefinedData } = body as Static<typeof packageModifications>;
  if (operational === undefined && userDefinedData === undefined)
    throw new Fault("INVALID", "the body: want operationalState, userDefinedData or both");
  const one = await doors.modify(params.id!, {
    ...(operational && { operational }),
    ...(userDefinedData && { userDefinedData }),
  });
  return {
    ...(operational !== undefined && { operationalState: one.operational }),
    ...(userDefinedData !== undefined && { userDefinedData: one.userDefinedData }),
  };
}

const found = ({ doors, params }: Call) => doors.get(params.id!);

async function giveAccess(call: Call): Promise<Answer | object> {
  const { artifact = [] } = call.body as Static<typeof artifactsAccess>;
  const wishes = [artifact].flat().map((one): AccessWish => {
    const credentials = one.paramsOauth2ClientCredentials ?? null;
    if (one.authType !== undefined && credentials === null)
      throw new Fault("INVALID", "OAUTH2_CLIENT_CREDENTIALS needs paramsOauth2ClientCredentials");
    return { uri: one.artifactUri, overrideUri: one.overrideUri ?? null, credentials };
  });
  const isTried = await call.doors.giveAccess(call.params.id!, wishes);
  return isTried ? new Answer(202, {}) : accessConfig((await found(call)).access ?? []);
}

async function fetch({ doors, params, body }: Call): Promise<void> {
  const { addressInformation: uri, authType, paramsOauth2ClientCredentials } = body as Static<typeof uploadFromUri>;
  const credentials = paramsOauth2ClientCredentials ?? null;
  if (authType !== undefined && credentials === null)
    throw new Fault("INVALID", "OAUTH2_CLIENT_CREDENTIALS needs paramsOauth2ClientCredentials");
  await doors.fetch(params.id!, { uri, credentials });
}
