import type { Static } from "typebox";
import { createInfo, pnfdModifications } from "./package-bodies.ts";
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
import { PNFD_LIST, pnfdAt, pnfdInfo } from "./pnfd-view.ts";
import type { SolRoute } from "./route.ts";

const ALL = "/nsd/v2/pnf_descriptors";
const ONE = `${ALL}/:id` as const;
const ANY = ["*/*"];

/** NSD management, SOL005 clause 5, as far as it is about PNFDs. */
export const PNFD_ROUTES: readonly SolRoute<PackageDoors>[] = [
  {
    is: `POST ${ALL}`,
    gives: 201,
    body: createInfo,
    does: async ({ doors, body }) => pnfdInfo(await doors.create((body as Static<typeof createInfo>).userDefinedData ?? {})),
    location: ({ id }) => pnfdAt(id),
  },
  { is: `GET ${ALL}`, gives: 200, does: (c) => packagesShown(c, pnfdInfo, { descriptorId: "pnfdId" }), lists: PNFD_LIST },
  { is: `GET ${ONE}`, gives: 200, does: shownBy(pnfdInfo) },
  {
    is: `PATCH ${ONE}`,
    gives: 200,
    body: pnfdModifications,
    does: async ({ doors, params, body }) => {
      const { userDefinedData } = body as Static<typeof pnfdModifications>;
      return { userDefinedData: (await doors.modify(params.id!, { userDefinedData })).userDefinedData };
    },
  },
  { is: `DELETE ${ONE}`, gives: 204, does: (c) => c.doors.remove(c.params.id!) },
  { is: `PUT ${ONE}/pnfd_content`, gives: 202, streams: true, takes: CONTENT_TYPES, does: takeContent },
  { is: `GET ${ONE}/pnfd_content`, gives: 200, offers: TEXT_OR_ZIP, does: giveContent },
  { is: `GET ${ONE}/pnfd`, gives: 200, offers: TEXT_OR_ZIP, does: giveDescriptor },
  { is: `GET ${ONE}/manifest`, gives: 200, offers: TEXT_OR_ZIP, does: giveManifest },
  { is: `GET ${ONE}/artifacts/*`, gives: 200, offers: ANY, does: giveArtifact },
];
