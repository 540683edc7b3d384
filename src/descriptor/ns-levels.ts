import type { NsBlueprint, VnfBlueprint, VnfUse } from "../model/blueprint.ts";
import { countIn, type NsLevel } from "../model/scaling.ts";
import { flawAt } from "./compile-vnf.ts";
import { type Flaw, oneOf, quote } from "./flaw.ts";

// The levels that an NSD names, of its VNFs and of itself. Pure.

/** A VNFD as it is at the instantiation level that a profile names (IFA 014 6.3.3 `instantiationLevel`). Of a VNFD without levels none can be meant. */
export function atLevel(vnf: VnfBlueprint, use: VnfUse, flaws: Flaw[]): VnfBlueprint {
  const { vnfLevel } = use;
  const levels = vnf.scaling?.levels ?? [];
  if (vnfLevel === undefined || vnf.scaling === undefined || levels.length === 0) return vnf;
  const level = levels.find((l) => l.id === vnfLevel);
  if (level === undefined) {
    flawAt(use, flaws, `VNFD ${quote(vnf.id)} has no instantiation level ${quote(vnfLevel)}`, oneOf(levels.map((l) => l.id)));
    return vnf;
  }
  const vdus = vnf.vdus.map((vdu) => {
    const { min, max, initial } = vdu.instances;
    const count = Math.max(countIn(level.vdus, vdu.id) ?? initial, 1);
    if (count < min || count > max)
      flawAt(
        use,
        flaws,
        `level ${quote(level.id)} of VNFD ${quote(vnf.id)} has ${count} VNFCs of VDU ${vdu.id}, and its profile has ${min}..${max}`,
        "name another level, or mend the VNFD",
      );
    return { ...vdu, instances: { min, max, initial: count } };
  });
  return { ...vnf, vdus, scaling: { ...vnf.scaling, initial: level.id } };
}

type Say = (what: string, remedy: string) => void;

/** The numbers of VNFs at each level must be such as their profiles have, and a step must lead to one that is larger. */
export function refuseLevels(ns: NsBlueprint, flaws: Flaw[]): void {
  if (ns.scaling === undefined) return;
  const { aspects, levels } = ns.scaling;
  const say: Say = (what, remedy) => flawAt(ns, flaws, what, remedy);
  for (const level of new Set([...levels, ...aspects.flatMap((a) => a.levels)])) refuseOutside(level, ns.uses, say);
  for (const { id, levels: own } of aspects)
    for (const [i, level] of own.entries()) if (i > 0) refuseFall(id, own[i - 1]!, level, say);
  for (const { id } of ns.uses) {
    const scaledBy = aspects.filter((a) => a.levels.some((l) => countIn(l.vnfs, id) !== undefined));
    if (scaledBy.length > 1)
      say(
        `the scaling aspects ${scaledBy.map((a) => quote(a.id)).join(" and ")} both say how many VNFs of profile ${quote(id)} there are`,
        "name a profile in one aspect only",
      );
  }
}

function refuseOutside(level: NsLevel, uses: readonly VnfUse[], say: Say): void {
  for (const { id, instances } of uses) {
    const count = countIn(level.vnfs, id);
    if (count !== undefined && (count < instances.min || count > instances.max))
      say(
        `level ${quote(level.id)} has ${count} VNFs of profile ${quote(id)}, and the profile has ${instances.min}..${instances.max}`,
        "write a number inside the profile's",
      );
  }
}

function refuseFall(aspect: string, before: NsLevel, level: NsLevel, say: Say): void {
  const isFewer = Object.keys(before.vnfs).some((p) => (countIn(level.vnfs, p) ?? 0) < before.vnfs[p]!);
  const isMore = Object.keys(level.vnfs).some((p) => level.vnfs[p]! > (countIn(before.vnfs, p) ?? 0));
  if (isFewer || !isMore)
    say(
      `scaling aspect ${quote(aspect)}: level ${quote(level.id)} is not larger than ${quote(before.id)}, which stands before it`,
      "write its levels from the smallest to the largest, each with a number for the same profiles",
    );
}
