import { NS_FAULT_ROUTES, VNF_FAULT_ROUTES } from "./fault-management.ts";
import { NS_LCM_ROUTES } from "./ns-lcm.ts";
import { NSD_ROUTES } from "./nsd.ts";
import { PM_ROUTES } from "./pm.ts";
import { PNFD_ROUTES } from "./pnfd.ts";
import { SUBSCRIPTION_ROUTES } from "./subscriptions.ts";
import { VNF_LCM_ROUTES } from "./vnf-lcm.ts";
import { PACKAGE_ROUTES } from "./vnf-packages.ts";
import { SNAPSHOT_ROUTES } from "./vnf-snapshots.ts";

/** Every table of ETSI's interfaces. `mano-sol.ts` hands each its doors. */
export const SOL_TABLES = [
  NSD_ROUTES,
  PNFD_ROUTES,
  PACKAGE_ROUTES,
  NS_LCM_ROUTES,
  VNF_LCM_ROUTES,
  SNAPSHOT_ROUTES,
  NS_FAULT_ROUTES,
  VNF_FAULT_ROUTES,
  SUBSCRIPTION_ROUTES,
  PM_ROUTES,
] as const;
