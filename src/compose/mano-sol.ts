import { NS_FAULT_ROUTES, VNF_FAULT_ROUTES } from "../api/sol/fault-management.ts";
import { NSD_ROUTES } from "../api/sol/nsd.ts";
import { PNFD_ROUTES } from "../api/sol/pnfd.ts";
import { type BoundRoute, bound, boundFor } from "../api/sol/route.ts";
import { SUBSCRIPTION_ROUTES } from "../api/sol/subscriptions.ts";
import { PACKAGE_ROUTES } from "../api/sol/vnf-packages.ts";
import type { Nfvo } from "../mano/nfvo.ts";
import type { Performance } from "../mano/performance.ts";
import { Scope } from "../mano/scope.ts";
import type { SolSubscriptions } from "../mano/sol-subscriptions.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import { type LcmParts, lcmRoutes } from "./mano-lcm.ts";
import { faultDoors } from "./mano-notify.ts";
import { type Onboarding, packageDoors, vnfPackageDoors } from "./mano-onboarding.ts";
import { pmRoutes } from "./mano-pm.ts";

/** What stands behind the tables, beside the MANO itself. */
export interface SolParts extends LcmParts {
  readonly subscriptions: SolSubscriptions;
  readonly performance: Performance;
  readonly onboarding: Onboarding;
  readonly db: ManoStore;
}

/** Every table of ETSI's interfaces, with the doors that its routes go through. */
export const solRoutes = (nfvo: Nfvo, { subscriptions, performance, onboarding, db, ...lcm }: SolParts): BoundRoute[] => [
  ...boundFor(NSD_ROUTES, (tenant) => packageDoors(onboarding, "nsd", new Scope(nfvo, tenant))),
  ...boundFor(PNFD_ROUTES, (tenant) => packageDoors(onboarding, "pnfd", new Scope(nfvo, tenant))),
  ...boundFor(PACKAGE_ROUTES, (tenant) => vnfPackageDoors(onboarding, new Scope(nfvo, tenant))),
  ...lcmRoutes(nfvo, lcm),
  ...boundFor([...NS_FAULT_ROUTES, ...VNF_FAULT_ROUTES], (tenant) => faultDoors(nfvo, db, new Scope(nfvo, tenant))),
  ...bound(SUBSCRIPTION_ROUTES, subscriptions),
  ...pmRoutes(performance),
];
