import type { NetId, VnfcId } from "../model/ids.ts";
import type { ProtectionGroup } from "../model/protection.ts";
import { readFailoversOfGroup } from "../store/mano-records.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { FailoverBook } from "./failover-book.ts";
import type { Guard } from "./guard.ts";

/** Records of one group that are looked at after a restart: the last move of each traffic net is among them. */
const RECORDS_LOOKED_AT = 200;

/** Since when each traffic net is where it is, by the records of earlier runs: RFC 3339. */
export type SinceByNet = Map<NetId, string>;

/** Goes on with the records of a group that are open, and notes in `since` what its records say. */
export async function takeUpRecords(db: ManoStore, book: FailoverBook, group: ProtectionGroup, since: SinceByNet): Promise<void> {
  for (const record of await readFailoversOfGroup(db, group.id, RECORDS_LOOKED_AT)) {
    book.resume(record);
    const isOfNow = (to: VnfcId) => group.members.some((m) => m.vnfcId === to); // And not of an earlier instantiation of the same NS.
    for (const move of record.moves) if (isOfNow(move.to)) since.set(move.trafficNet, record.openedAt);
  }
}

/** A net that has never moved is where it is since its NS was deployed. */
export function setSince(guard: Guard, byRecord: SinceByNet, deployedAt: string | undefined): void {
  for (const { netId } of guard.group.trafficNets) {
    const since = byRecord.get(netId) ?? deployedAt;
    if (since !== undefined) guard.setSince(netId, since);
  }
}
