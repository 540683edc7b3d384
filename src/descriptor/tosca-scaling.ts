import type { Counts, InstantiationLevel, ScalingAspect, ScalingBlueprint } from "../model/scaling.ts";
import { oneOf } from "./flaw.ts";
import { STEPS_MAX } from "./sol006-scaling.ts";
import { asWritten, type Spot } from "./spot.ts";
import type { Template } from "./tosca-template.ts";

/** What the policies of a SOL001 VNFD say of scaling; undefined: it has neither aspects nor levels. */
export function readToscaScaling(template: Template, vdus: readonly string[]): ScalingBlueprint | undefined {
  const aspects = policiesOf(template, "ScalingAspects").flatMap((p) => p.get("properties").get("aspects").entries("aspects"));
  const [general] = policiesOf(template, "InstantiationLevels");
  if (aspects.length === 0 && general === undefined) return undefined;
  const read = aspects.map(([id, spot]) => readAspect(id, spot, template, vdus));
  const levels = (general?.get("properties").get("levels").entries("levels") ?? []).map(([id, spot]) =>
    readLevel(id, spot, read, template, vdus),
  );
  const initial = general?.get("properties").get("default_level");
  return { aspects: read, levels, initial: initial?.isThere ? asWritten(initial.value) : (levels[0]?.id ?? null) };
}

const policiesOf = (template: Template, type: string): Spot[] =>
  template.policies.filter((p) => p.get("type").value === `tosca.policies.nfv.${type}`);

function readAspect(id: string, spot: Spot, template: Template, vdus: readonly string[]): ScalingAspect {
  const max = spot.object("a scaling aspect").get("max_scale_level");
  if (!max.isThere) spot.refuse("has no max_scale_level", "write how many steps it has");
  const count = max.whole(1, STEPS_MAX, "the number of its steps") ?? 1;
  const names = spot.get("step_deltas").items("names of deltas");
  if (names.length > 1 && names.length !== count)
    spot.get("step_deltas").refuse(`${names.length} deltas for ${count} steps`, "write one for all steps, or one for each");
  return {
    id,
    steps: Array.from({ length: count }, (_, i) => {
      const name = names[names.length === 1 ? 0 : i];
      const counts = vdus.flatMap((vdu) => deltaOf(template, vdu, id, name));
      if (counts.length === 0 && i === 0)
        spot.refuse("no VduScalingAspectDeltas adds anything by it", "write one with this aspect, and the VDU as its target");
      return Object.fromEntries(counts) as Counts;
    }),
  };
}

/** What one step of an aspect adds to a VDU; `name` left out: the only delta that there is. */
function deltaOf(template: Template, vdu: string, aspect: string, name: Spot | undefined): [string, number][] {
  return template.policiesOf(vdu, "VduScalingAspectDeltas").flatMap((policy): [string, number][] => {
    const properties = policy.get("properties");
    if (properties.get("aspect").value !== aspect) return [];
    const deltas = properties.get("deltas");
    const key = name === undefined ? (deltas.keys()[0] ?? "") : asWritten(name.value);
    const delta = deltas.get(key);
    if (!delta.isThere) (name ?? deltas).refuse(`there is no delta ${JSON.stringify(key)}`, oneOf(deltas.keys()));
    return [[vdu, delta.get("number_of_instances").whole(0, STEPS_MAX, "a number of VNFCs") ?? 1]];
  });
}

function readLevel(
  id: string,
  spot: Spot,
  aspects: readonly ScalingAspect[],
  template: Template,
  vdus: readonly string[],
): InstantiationLevel {
  const scaled = spot.get("scale_info").entries("levels of scaling aspects");
  const levels = scaled.map(([name, info]) => {
    const aspect = aspects.find((a) => a.id === name);
    if (!aspect && aspects.length > 0)
      info.refuse(`there is no scaling aspect ${JSON.stringify(name)}`, oneOf(aspects.map((a) => a.id)));
    return [name, info.get("scale_level").whole(0, aspect?.steps.length ?? STEPS_MAX, "a level of the aspect") ?? 0];
  });
  const counts = vdus.flatMap((vdu) => {
    const own = template.policiesOf(vdu, "VduInstantiationLevels")[0]?.get("properties").get("levels").get(id);
    const count = own?.get("number_of_instances").whole(0, STEPS_MAX, "a number of VNFCs") ?? null;
    return count === null ? [] : [[vdu, count]];
  });
  return { id, vdus: Object.fromEntries(counts) as Counts, aspects: Object.fromEntries(levels) as Counts };
}
