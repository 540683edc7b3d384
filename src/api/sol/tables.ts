import { NSD_ROUTES } from "./nsd.ts";

/** Every table of ETSI's interfaces. `mano-sol.ts` hands each its doors. */
export const SOL_TABLES = [NSD_ROUTES] as const;
