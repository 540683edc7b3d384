import type { Counts, InstantiationLevel, ScalingAspect, ScalingBlueprint } from "../model/scaling.ts";
import { oneOf, quote } from "./flaw.ts";
import type { Spot } from "./spot.ts";

/** Steps of an aspect, and VNFCs that one of them adds. */
export const STEPS_MAX = 64;

/** What the flavour of a SOL006 VNFD says of scaling, or of OSM's dialect; undefined: it has neither aspects nor levels. */
export function readScaling(flavour: Spot | undefined, vdus: readonly string[]): ScalingBlueprint | undefined {
  const aspects = flavour?.get("scaling-aspect").items("scaling aspects") ?? [];
  const ofFlavour = flavour?.get("instantiation-level").items("instantiation levels") ?? [];
  if (flavour === undefined || aspects.length + ofFlavour.length === 0) return undefined;
  const read = aspects.map((aspect) => readAspect(aspect, vdus));
  const levels = ofFlavour.map((level) => readLevel(level, read));
  const initial = flavour.first("default-instantiation-level", "default-instantiation-level-id");
  return { aspects: read, levels, initial: initial.isThere ? initial.text("a level's id") : (levels[0]?.id ?? null) };
}

function readAspect(aspect: Spot, vdus: readonly string[]): ScalingAspect {
  const id = aspect.object("a scaling aspect").get("id").text("an id");
  const details = aspect.get("aspect-delta-details");
  const spots = details.get("deltas").items("deltas", 1);
  const deltas = new Map(spots.map((delta) => [delta.get("id").text("an id"), readDelta(delta, vdus)]));
  const levels = aspect.get("max-scale-level");
  if (!levels.isThere) aspect.refuse("has no max-scale-level", "write how many steps it has");
  const count = levels.whole(1, STEPS_MAX, "the number of its steps") ?? 1;
  const ids = details.get("uniform-delta").isThere
    ? [details.get("uniform-delta")]
    : details.get("step-deltas").items("ids of deltas, one for each step");
  const named = ids.map((spot) => ({ spot, id: spot.text("the id of a delta") }));
  for (const { spot, id: delta } of named)
    if (delta !== "" && !deltas.has(delta)) spot.refuse(`there is no delta ${quote(delta)}`, oneOf([...deltas.keys()]));
  const wanted = named.length > 0 ? named.map((n) => deltas.get(n.id) ?? {}) : [...deltas.values()];
  if (wanted.length !== 1 && wanted.length !== count)
    details.refuse(`${wanted.length} deltas for ${count} steps`, "write one for all steps, or one for each");
  return { id, steps: Array.from({ length: count }, (_, i) => wanted[wanted.length === 1 ? 0 : i] ?? {}) };
}

function readDelta(delta: Spot, vdus: readonly string[]): Counts {
  const rows = delta.get("vdu-delta").items("numbers of VNFCs", 1);
  return Object.fromEntries(
    rows.map((row) => {
      const vdu = row.first("id", "vdu-id");
      const id = vdu.text("the id of a VDU");
      if (id !== "" && !vdus.includes(id)) vdu.refuse(`there is no VDU ${quote(id)}`, oneOf(vdus));
      return [id, row.get("number-of-instances").whole(0, STEPS_MAX, "a number of VNFCs") ?? 1];
    }),
  );
}

function readLevel(level: Spot, aspects: readonly ScalingAspect[]): InstantiationLevel {
  const counts = level
    .get("vdu-level")
    .items("numbers of VNFCs")
    .map((row) => [
      row.get("vdu-id").text("the id of a VDU"),
      row.get("number-of-instances").whole(0, STEPS_MAX, "a number of VNFCs") ?? 1,
    ]);
  const scaled = level
    .get("scaling-info")
    .items("levels of scaling aspects")
    .map((row) => {
      const reference = row.first("scaling-aspect-id", "aspect-id", "id");
      const id = reference.text("the id of a scaling aspect");
      const aspect = aspects.find((a) => a.id === id);
      if (!aspect && id !== "" && aspects.length > 0)
        reference.refuse(`there is no scaling aspect ${quote(id)}`, oneOf(aspects.map((a) => a.id)));
      const reached = row.get("scale-level").whole(0, aspect?.steps.length ?? STEPS_MAX, "a level of the aspect") ?? 0;
      return [id, reached];
    });
  return {
    id: level.get("id").text("an id"),
    vdus: Object.fromEntries(counts) as Counts,
    aspects: Object.fromEntries(scaled) as Counts,
  };
}
