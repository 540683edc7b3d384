import type { VimAccountId } from "../model/ids.ts";
import type { Occurrence } from "../model/occurrence.ts";
import { insertVnfcs } from "../store/mano-ns.ts";
import { insertVnfInstances, updateVnfInstance } from "../store/mano-occurrences.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Occurrences } from "./occurrences.ts";
import type { Outbox } from "./outbox.ts";
import { vimsOf } from "./plan.ts";
import type { Turned } from "./turned.ts";
import { vnfsCreated } from "./vnf-plan.ts";

export interface TurnWriting {
  readonly db: ManoStore;
  readonly lifecycle: Pick<Lifecycle, "resize">;
  readonly occurrences: Pick<Occurrences, "write" | "tell">;
  readonly outbox: Outbox;
  wake(vim: VimAccountId): void;
}

/** Writes what an NS is turned to with the operation that turns it, and tells of it when that is on the disk. `more`: what else is of that transaction. */
export async function writeTurn(
  { db, lifecycle, occurrences, outbox, wake }: TurnWriting,
  { d, vnfs, created, made }: Turned,
  o: Occurrence,
  more: (tx: ManoStore) => Promise<void>,
): Promise<Occurrence> {
  const untold = await db.transaction().execute(async (tx) => {
    await insertVnfcs(tx, made);
    for (const vnf of vnfs) await updateVnfInstance(tx, vnf);
    await insertVnfInstances(tx, created);
    await more(tx);
    const told = await outbox.put(tx, vnfsCreated(d.ns, created));
    await occurrences.write(tx, o);
    return told;
  });
  lifecycle.resize(d);
  outbox.tell(untold);
  occurrences.tell(o);
  for (const vim of vimsOf(d)) wake(vim);
  return o;
}
