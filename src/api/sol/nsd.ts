import type { PackageView } from "../../model/package.ts";
import { NSD_LIST, nsdInfo } from "./nsd-view.ts";
import { Dated, type SolRoute } from "./route.ts";

/** What NSD management may ask for. Each throws a Fault; what changes something resolves when that is on the disk. */
export interface NsdDoors {
  listNsds(): Promise<readonly PackageView[]>;
  /** Throws NOT_FOUND. */
  getNsd(id: string): Promise<PackageView>;
}

/** NSD management, SOL005 clause 5. */
export const NSD_ROUTES: readonly SolRoute<NsdDoors>[] = [
  {
    is: "GET /nsd/v2/ns_descriptors",
    gives: 200,
    does: async ({ doors }) => (await doors.listNsds()).map(nsdInfo),
    lists: NSD_LIST,
  },
  {
    is: "GET /nsd/v2/ns_descriptors/:id",
    gives: 200,
    does: async ({ doors, params }) => {
      const nsd = await doors.getNsd(params.id!);
      return new Dated(nsdInfo(nsd), nsd.modifiedAt);
    },
  },
];
