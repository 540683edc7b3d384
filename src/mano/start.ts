import { nsFlavourIds, nsInFlavour } from "../descriptor/flavours.ts";
import { Fault } from "../lib/fault.ts";
import type { NsdFlavour } from "../model/descriptor.ts";
import type { NsId } from "../model/ids.ts";
import type { Occurrence, VnfInstance } from "../model/occurrence.ts";
import { deleteOwnDescriptors, hasOwnDescriptors, readNsd, upsertOwnDescriptors } from "../store/mano-catalogue.ts";
import { updateNsVim } from "../store/mano-ns.ts";
import type { ManoStore } from "../store/mano-schema.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { busy, type Occurrences } from "./occurrences.ts";
import { calledOf, type Deployment, vimsOf } from "./plan.ts";
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

/** What is asked of an NS or a VNF: that it comes into being or goes, or anything of one that is instantiated. */
export type Task = "instantiate" | "terminate" | "change";

/** Throws CONFLICT where its state lets nothing of the kind begin, whatever is asked for: that is told before what is wrong with a request. */
export function checkMayBegin({ ns, vnfcs }: Deployment, running: Occurrence | undefined, task: Task): void {
  const say = (why: string) => new Fault("CONFLICT", `${calledOf(ns)} is ${ns.state}; ${why}`, { id: ns.id });
  const isGone = ns.state === "NOT_INSTANTIATED" || (ns.state === "FAILED" && vnfcs.length === 0);
  if (task === "change" && ns.state !== "INSTANTIATED") throw say("that is possible when it is INSTANTIATED");
  if (task === "instantiate" && !isGone) throw say("it can be instantiated when it is NOT_INSTANTIATED");
  if (task === "terminate" && isGone && !running) throw say("there is nothing to terminate");
  if (running) throw busy(ns, running);
}

/** The NS, where something of it may be changed now. Throws NOT_FOUND, and CONFLICT as `checkMayBegin`. */
export function changeable(
  id: NsId,
  { lifecycle, occurrences }: { readonly lifecycle: Pick<Lifecycle, "of">; readonly occurrences: Pick<Occurrences, "runningOf"> },
): Deployment {
  const d = lifecycle.of(id);
  if (!d) throw new Fault("NOT_FOUND", `there is no NS ${id}`, { id });
  checkMayBegin(d, occurrences.runningOf(id), "change");
  return d;
}

/** Throws NOT_SUPPORTED, also where nothing joins its parts: what is elsewhere is neither seen nor reached from here. `what`: it cannot do so there. */
export function checkInOneVim(d: Deployment, what: string): void {
  if (d.stitches.length === 0 && vimsOf(d).length === 1) return;
  const why = `NS ${d.ns.name} is spread over several VIMs; only one that is in one VIM can ${what}`;
  throw new Fault("NOT_SUPPORTED", why, { id: d.ns.id });
}

/** Throws NOT_FOUND. */
export function vnfIn({ vnfs }: Deployment, id: string): VnfInstance {
  const vnf = vnfs.find((v) => v.id === id);
  if (!vnf) throw new Fault("NOT_FOUND", `there is no VNF ${id}`, { id });
  return vnf;
}

/** Throws NOT_SUPPORTED for a flavour that the NSD has not. One from before flavours were kept is taken at its word. */
export function inNsFlavour(made: NsdFlavour, asked: string, at = "nsFlavourId"): NsdFlavour {
  const { id, flavour, vnfs } = made.nsd;
  if (flavour === undefined && vnfs !== undefined) return made;
  const found = nsInFlavour(made, asked);
  if (found) return found;
  const there = nsFlavourIds(made.nsd).join(", ");
  throw new Fault("NOT_SUPPORTED", `${at}: NSD ${id} has no deployment flavour ${asked} here; it has ${there}`);
}

/** What is worked out for one NS alone: the descriptors as they are written, whatever size it begins with. */
export async function writeOwn(tx: ManoStore, d: Deployment): Promise<void> {
  await updateNsVim(tx, d.ns);
  await upsertOwnDescriptors(tx, d.ns.id, d.asWritten ?? d);
}

/**
 * An NS begins as its NSD has it in the flavour that is asked for, or in the first, wherever its VNFs were connected to when it ran before. `isOther`: in
 * another than the first, so that its descriptors are its own. Throws NOT_SUPPORTED for a flavour that its NSD has not.
 */
export async function asOnBoard(
  db: ManoStore,
  d: Deployment,
  { nsFlavourId: asked }: Occurrence["params"],
): Promise<{ readonly d: Deployment; readonly isOther: boolean }> {
  const own = (await hasOwnDescriptors(db, d.ns.id)) ? await readNsd(db, d.ns.nsdId) : null;
  const made: NsdFlavour = own ?? d.asWritten ?? d;
  const meant = typeof asked === "string" ? inNsFlavour(made, asked) : made;
  const isOther = meant !== made;
  if (own === null && !isOther) return { d, isOther };
  const { asWritten: _, formerly: __, ...rest } = d;
  return { d: resized({ ...rest, nsd: meant.nsd, vnfd: meant.vnfd }), isOther };
}

export const forgetOwn = (tx: ManoStore, d: Deployment): Promise<void> => deleteOwnDescriptors(tx, d.ns.id);
