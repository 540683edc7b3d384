import type { Counts, NsLevel, NsScaling, NsScalingAspect } from "../model/scaling.ts";
import { oneOf } from "./flaw.ts";
import { STEPS_MAX } from "./sol006-scaling.ts";
import { asWritten, type Spot } from "./spot.ts";
import type { Template } from "./tosca-template.ts";

/** What the policies of a SOL001 NSD say of scaling; undefined: it has neither aspects nor levels. `profiles`: names of the nodes of its VNFs. */
export function readToscaNsScaling(template: Template, profiles: readonly string[]): NsScaling | undefined {
  const aspects = policiesOf(template, "NsScalingAspects").flatMap((p) => p.get("properties").get("aspects").entries("aspects"));
  const named = levelsOf(template);
  if (aspects.length + named.length === 0) return undefined;
  const levels = named.map(([id]): NsLevel => ({ id, vnfs: countsOf(template, "VnfToInstantiationLevelMapping", profiles, id) }));
  const read = aspects.map(([id, spot]) => readAspect(id, spot, template, profiles));
  return { aspects: read, levels, initial: initialNsLevel(template) };
}

const policiesOf = (template: Template, type: string): Spot[] =>
  template.policies.filter((p) => p.get("type").value === `tosca.policies.nfv.${type}`);

const levelsOf = (template: Template): [string, Spot][] =>
  policiesOf(template, "NsInstantiationLevels").flatMap((p) =>
    p.get("properties").first("ns_levels", "levels").entries("levels of the NS"),
  );

/** The level that an NS is instantiated at where nobody asks for another: the one that is named, else the first; null: there is none. */
export function initialNsLevel(template: Template): string | null {
  const ids = levelsOf(template).map(([id]) => id);
  const named = policiesOf(template, "NsInstantiationLevels")[0]?.get("properties").get("default_level");
  if (!named?.isThere) return ids[0] ?? null;
  if (!ids.includes(asWritten(named.value))) named.refuse(`there is no level ${named.said}`, oneOf(ids));
  return asWritten(named.value);
}

/** How many VNFs of a profile there are at that level; undefined: nothing says. */
export const toscaCountAt = (template: Template, profile: string, level: string): Spot | undefined =>
  template
    .policiesOf(profile, "VnfToInstantiationLevelMapping")
    .map((p) => p.get("properties").get("number_of_instances").get(level))
    .find((s) => s.isThere);

/** Its levels have numbers, from the smallest on. */
function readAspect(id: string, spot: Spot, template: Template, profiles: readonly string[]): NsScalingAspect {
  const levels = spot.object("a scaling aspect").get("ns_scale_levels");
  const keys = levels.keys().toSorted((a, b) => Number(a) - Number(b));
  if (keys.length === 0) spot.refuse("has no ns_scale_levels", "write its levels, such as 0: { description: smallest }");
  const read = keys.map((key): NsLevel => ({ id: key, vnfs: countsOf(template, "VnfToLevelMapping", profiles, key, id) }));
  if (keys.length > 0 && read.every((l) => Object.keys(l.vnfs).length === 0))
    spot.refuse("no VnfToLevelMapping says how many VNFs there are", "write one with this aspect, and the VNF as its target");
  return { id, levels: read };
}

function countsOf(template: Template, type: string, profiles: readonly string[], level: string, aspect?: string): Counts {
  const counts = profiles.flatMap((profile) =>
    template.policiesOf(profile, type).flatMap((policy) => {
      const properties = policy.get("properties");
      if (aspect !== undefined && properties.get("aspect").value !== aspect) return [];
      const numbers = properties.get("number_of_instances");
      const number = numbers.get(level);
      if (!number.isThere) numbers.refuse(`there is no number for level ${JSON.stringify(level)}`, "write one for each level");
      return [[profile, number.whole(0, STEPS_MAX, "a number of VNFs") ?? 1]];
    }),
  );
  return Object.fromEntries(counts) as Counts;
}
