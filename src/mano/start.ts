import { Fault } from "../lib/fault.ts";
import type { Occurrence } from "../model/occurrence.ts";
import { deleteOwnDescriptors, hasOwnDescriptors, readNsd, upsertOwnDescriptors } from "../store/mano-catalogue.ts";
import { updateNsVim } from "../store/mano-ns.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import { calledOf, type Deployment } from "./plan.ts";
import { resized } from "./size.ts";

/** How an instantiation is begun. */
export interface Start {
  /** Whatever came of an operation before: one that is FAILED_TEMP is given up for it. */
  readonly supersedes?: boolean;
  /** It is that one, which goes on. */
  readonly retried?: Occurrence;
  /** With descriptors of its own, which are written with it: as a sole VNF is. Throws a Fault where it cannot be as it is then. */
  readonly as?: (d: Deployment) => Deployment;
}

/** Throws CONFLICT where it is there already, or is to be instantiated in another way. */
export function checkMayStart({ ns, vnfcs }: Deployment, { as, retried }: Start): void {
  const { id } = ns;
  const isClean = ns.state === "NOT_INSTANTIATED" || (ns.state === "FAILED" && vnfcs.length === 0);
  if (!isClean)
    throw new Fault("CONFLICT", `${calledOf(ns)} is ${ns.state}; it can be instantiated when it is NOT_INSTANTIATED`, { id });
  if (ns.soleVnf !== undefined && !as && !retried)
    throw new Fault("CONFLICT", `NS ${ns.name} is one VNF: POST /vnflcm/v2/vnf_instances/${ns.soleVnf}/instantiate`, { id });
}

/** What is worked out for one NS alone: the descriptors as they are written, whatever size it begins with. */
export async function writeOwn(tx: ManoStore, d: Deployment): Promise<void> {
  await updateNsVim(tx, d.ns);
  await upsertOwnDescriptors(tx, d.ns.id, d.asWritten ?? d);
}

/** An NS begins as its NSD has it, wherever its VNFs were connected to when it ran before. */
export async function asOnBoard(db: ManoStore, d: Deployment): Promise<Deployment> {
  const made = (await hasOwnDescriptors(db, d.ns.id)) ? await readNsd(db, d.ns.nsdId) : null;
  if (made === null) return d;
  const { asWritten: _, ...rest } = d;
  return resized({ ...rest, ...made });
}

export const forgetOwn = (tx: ManoStore, d: Deployment): Promise<void> => deleteOwnDescriptors(tx, d.ns.id);
