import type { Static } from "typebox";
import { Fault } from "../../lib/fault.ts";
import { NSD_LIST, nsdAt, nsdInfo } from "./nsd-view.ts";
import { createInfo, nsdModifications } from "./package-bodies.ts";
import {
  CONTENT_TYPES,
  giveArtifact,
  giveContent,
  giveDescriptor,
  giveManifest,
  type PackageDoors,
  packagesShown,
  shownBy,
  TEXT_OR_ZIP,
  takeContent,
} from "./package-calls.ts";
import type { SolCall, SolRoute } from "./route.ts";

const ALL = "/nsd/v2/ns_descriptors";
const ONE = `${ALL}/:id` as const;
const ANY = ["*/*"];
const NAMED = { descriptorId: "nsdId", state: "nsdOnboardingState" };

/** NSD management, SOL005 clause 5, as far as it is about NSDs. */
export const NSD_ROUTES: readonly SolRoute<PackageDoors>[] = [
  { is: `POST ${ALL}`, gives: 201, body: createInfo, does: (c) => create(c), location: ({ id }) => nsdAt(id) },
  { is: `GET ${ALL}`, gives: 200, does: (c) => packagesShown(c, nsdInfo, NAMED), lists: NSD_LIST },
  { is: `GET ${ONE}`, gives: 200, does: shownBy(nsdInfo) },
  { is: `PATCH ${ONE}`, gives: 200, body: nsdModifications, does: (c) => modify(c) },
  { is: `DELETE ${ONE}`, gives: 204, does: (c) => c.doors.remove(c.params.id!) },
  { is: `PUT ${ONE}/nsd_content`, gives: 202, streams: true, takes: CONTENT_TYPES, does: takeContent },
  { is: `GET ${ONE}/nsd_content`, gives: 200, offers: TEXT_OR_ZIP, does: giveContent },
  { is: `GET ${ONE}/nsd`, gives: 200, offers: TEXT_OR_ZIP, does: giveDescriptor },
  { is: `GET ${ONE}/manifest`, gives: 200, offers: TEXT_OR_ZIP, does: giveManifest },
  { is: `GET ${ONE}/artifacts/*`, gives: 200, offers: ANY, does: giveArtifact },
];

const create = async ({ doors, body }: SolCall<PackageDoors>) =>
  nsdInfo(await doors.create((body as Static<typeof createInfo>).userDefinedData ?? {}));

/** Answers what was modified, in the shape of the request (SOL005 5.4.3.3.4). */
async function modify({ doors, params, body }: SolCall<PackageDoors>) {
  const { nsdOperationalState: operational, userDefinedData: data } = body as Static<typeof nsdModifications>;
  if ((operational === undefined) === (data === undefined))
    throw new Fault("INVALID", "the body: want nsdOperationalState or userDefinedData, one of them");
  const pairs = Array.isArray(data) ? Object.assign({}, ...data) : data;
  const nsd = await doors.modify(params.id!, { ...(operational && { operational }), ...(pairs && { userDefinedData: pairs }) });
  return operational === undefined ? { userDefinedData: [nsd.userDefinedData] } : { nsdOperationalState: nsd.operational };
}
