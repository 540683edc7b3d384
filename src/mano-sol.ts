import { NS_FAULT_ROUTES, VNF_FAULT_ROUTES } from "./api/sol/fault-management.ts";
import { NSD_ROUTES, type NsdDoors } from "./api/sol/nsd.ts";
import { type BoundRoute, bound } from "./api/sol/route.ts";
import { notFound } from "./api/sol/serve.ts";
import { SUBSCRIPTION_ROUTES } from "./api/sol/subscriptions.ts";
import type { Nfvo } from "./mano/nfvo.ts";
import type { Operations } from "./mano/operations.ts";
import type { Requests } from "./mano/requests.ts";
import type { SolSubscriptions } from "./mano/sol-subscriptions.ts";
import { lcmRoutes } from "./mano-lcm.ts";
import { faultDoors } from "./mano-notify.ts";
import type { Nsd } from "./model/descriptor.ts";
import type { PackageView } from "./model/package.ts";
import type { ManoStore } from "./store/mano-schema.ts";

/** What stands behind the tables, beside the MANO itself. */
export interface SolParts {
  readonly requests: Requests;
  readonly operations: Operations;
  readonly subscriptions: SolSubscriptions;
  readonly db: ManoStore;
}

/** Every table of ETSI's interfaces, with the doors that its routes go through. */
export const solRoutes = (nfvo: Nfvo, { requests, operations, subscriptions, db }: SolParts): BoundRoute[] => [
  ...bound(NSD_ROUTES, nsdDoors(nfvo)),
  ...lcmRoutes(nfvo, requests, operations),
  ...bound([...NS_FAULT_ROUTES, ...VNF_FAULT_ROUTES], faultDoors(nfvo, db)),
  ...bound(SUBSCRIPTION_ROUTES, subscriptions),
];

function nsdDoors(nfvo: Nfvo): NsdDoors {
  const all = async () => (await nfvo.catalogue.all()).filter((r) => r.kind === "nsd").map(viewOf);
  const viewOf = ({ id, body, vnfdRecordId, createdAt }: Awaited<ReturnType<Nfvo["catalogue"]["get"]>>): PackageView => ({
    id,
    kind: "nsd",
    onboarding: "ONBOARDED",
    operational: "ENABLED",
    userDefinedData: {},
    failure: null,
    content: {
      descriptorId: body.id,
      version: body.version,
      name: body.name,
      provider: (body as Nsd).designer ?? null,
      softwareVersion: null,
      checksum: null,
      artifacts: [],
    },
    uses: [vnfdRecordId!],
    createdAt,
    modifiedAt: createdAt,
    isInUse: nfvo.lifecycle.all.some((d) => d.ns.nsdId === id),
  });
  return {
    listNsds: all,
    getNsd: async (id) => (await all()).find((n) => n.id === id) ?? notFound("NSD", id, "/nsd/v2/ns_descriptors"),
  };
}
