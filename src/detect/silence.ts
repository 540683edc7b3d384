import type { Source } from "../model/evidence.ts";

/**
 * Which word of an opinion ends a silence that `by` told. Each source takes back only what it said itself: a kernel that answers ARP is no
 * application that serves. The first answer of a port that was not believed before (`arpProbe`) is the beginning of a new trust.
 */
export const endsSilence = (answered: Source, by: Source): boolean => answered === by || answered === "arpProbe";
