import { randomUUID } from "node:crypto";
import { sized } from "../descriptor/sized.ts";
import type { Vnfc } from "../model/ns.ts";
import type { Occurrence, VnfInstance, VnfPart } from "../model/occurrence.ts";
import type { VnfSize } from "../model/scaling.ts";
import { type Deployment, planVnfcs } from "./plan.ts";
import { resized, wantedNames } from "./size.ts";
import { placesWith } from "./spread.ts";
import { concerned, vnfcsOf } from "./vnf-plan.ts";

/** An NS whose VNFs are meant to be of other sizes, and what of that is to be written. */
export interface Turned {
  readonly d: Deployment;
  readonly vnfs: readonly VnfInstance[];
  /** Those of them that were not there. */
  readonly created: readonly VnfInstance[];
  readonly made: readonly Vnfc[];
  /** They were to go, and are to stay after all. */
  readonly kept: readonly Vnfc[];
}

/** `passing`: VNFs that come into being or go with it. */
export function turnedTo(
  d: Deployment,
  sizes: ReadonlyMap<string, VnfSize>,
  passing: readonly VnfInstance[],
  now: string,
): Turned {
  const before = wantedNames(d);
  const created = passing.filter((p) => !d.vnfs.some((v) => v.id === p.id) && sizes.get(p.id)?.vnfcs.length);
  const isPassing = (id: string) => passing.some((p) => p.id === id);
  const vnfs = [...d.vnfs, ...created].map((vnf) => turnedVnf(d, vnf, sizes.get(vnf.id), isPassing(vnf.id), now));
  const names = new Set(vnfs.flatMap((v) => v.vnfcs));
  const wanted = wantedNames({ vnfs });
  const { vnfd } = sized(d.asWritten ?? d, names, wanted);
  const there = new Set(d.vnfcs.map((v) => v.name));
  const vimAccounts = placesWith(d, vnfd, wanted);
  const made = planVnfcs({ ...d.ns, vimAccounts }, vnfd, randomUUID, now).filter((v) => names.has(v.name) && !there.has(v.name));
  const kept = d.vnfcs.filter((v) => wanted.has(v.name) && !before.has(v.name)).map((v) => asNew(v, now));
  const vnfcs = [...d.vnfcs.map((v) => kept.find((k) => k.id === v.id) ?? v), ...made];
  const isCreated = (id: string) => created.some((c) => c.id === id);
  const changed = vnfs.filter((v) => sizes.has(v.id));
  return {
    d: resized({ ...d, vnfs, vnfcs }),
    vnfs: changed.filter((v) => !isCreated(v.id)),
    created: changed.filter((v) => isCreated(v.id)),
    made,
    kept,
  };
}

/** The VNFs of an operation, with what a turn adds and takes away beside what it did before. */
export const partsAfter = (turned: Turned, { vnfs }: Occurrence): VnfPart[] =>
  vnfs.map((p) => {
    const more = changesOf(turned, p.vnfId).filter((c) => !p.vnfcs.some((had) => had.id === c.id));
    return { ...p, vnfcs: [...p.vnfcs, ...more] };
  });

/** Its machine may be gone by now. */
const asNew = (v: Vnfc, now: string): Vnfc => ({ ...v, status: "BUILD", previousStatus: null, errorMsg: null, modifiedAt: now });

function turnedVnf(d: Deployment, vnf: VnfInstance, size: VnfSize | undefined, isPassing: boolean, now: string): VnfInstance {
  if (size === undefined) return vnf;
  const leaving = vnfcsOf(d, vnf)
    .map((v) => v.name)
    .filter((n) => !size.vnfcs.includes(n));
  const { leaving: _, isGoing: __, ...rest } = vnf;
  return {
    ...rest,
    vnfcs: [...size.vnfcs, ...leaving],
    ...(leaving.length > 0 && { leaving }),
    ...(isPassing && size.vnfcs.length === 0 && { isGoing: true as const }),
    ...((vnf.scale !== undefined || Object.keys(size.scale).length > 0) && { scale: size.scale }),
    modifiedAt: now,
  };
}

/** What the turn adds to a VNF, and what it takes away. */
export function changesOf({ d, made }: Turned, vnfId: string): VnfPart["vnfcs"] {
  const vnf = d.vnfs.find((v) => v.id === vnfId);
  if (!vnf) return [];
  const added = made.filter((v) => vnf.vnfcs.includes(v.name)).map((v) => concerned(v, "ADDED"));
  const removed = vnfcsOf(d, vnf).filter((v) => vnf.leaving?.includes(v.name));
  return [...added, ...removed.map((v) => concerned(v, "REMOVED"))];
}
