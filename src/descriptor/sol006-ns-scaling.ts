import type { Counts, NsLevel, NsScaling, NsScalingAspect } from "../model/scaling.ts";
import { oneOf, quote } from "./flaw.ts";
import { STEPS_MAX } from "./sol006-scaling.ts";
import type { Spot } from "./spot.ts";

/** What the flavour of a SOL006 NSD says of scaling; undefined: it has neither aspects nor levels. `profiles`: ids of its VNF profiles. */
export function readNsScaling(flavour: Spot | undefined, profiles: readonly string[]): NsScaling | undefined {
  const levels = levelsOf(flavour).map((level) => readNsLevel(level, profiles));
  const aspects = flavour?.first("scaling-aspect", "ns-scaling-aspect").items("scaling aspects") ?? [];
  if (flavour === undefined || levels.length + aspects.length === 0) return undefined;
  const read = aspects.map((aspect) => readAspect(aspect, levels, profiles));
  return { aspects: read, levels, initial: initialLevel(flavour)?.get("id").text("an id") ?? null };
}

const levelsOf = (flavour: Spot | undefined): Spot[] => flavour?.get("ns-instantiation-level").items("levels") ?? [];

/** The level that an NS is instantiated at where nobody asks for another: the one that is named, else the first. */
export function initialLevel(flavour: Spot | undefined): Spot | undefined {
  const levels = levelsOf(flavour);
  const named = flavour?.first("default-ns-instantiation-level", "default-ns-instantiation-level-id");
  if (!named?.isThere) return levels[0];
  const found = levels.find((l) => l.get("id").asName === named.asName);
  if (!found)
    named.refuse(`there is no ns-instantiation-level ${named.said}`, oneOf(levels.flatMap((l) => l.get("id").asName ?? [])));
  return found;
}

/** Its levels are those of the NS by their ids, as the YANG has it, or of its own, as IFA 014 has it. */
function readAspect(aspect: Spot, levels: readonly NsLevel[], profiles: readonly string[]): NsScalingAspect {
  const id = aspect.object("a scaling aspect").get("id").text("an id");
  const own = aspect.first("ns-scale-level", "scaling-level", "ns-level").items("levels of the NS, the smallest first", 1);
  const read = own.flatMap((spot): NsLevel[] => {
    if (typeof spot.value === "object") return [readNsLevel(spot, profiles)];
    const found = levels.find((l) => l.id === spot.asName);
    if (!found) spot.refuse(`there is no ns-instantiation-level ${spot.said}`, oneOf(levels.map((l) => l.id)));
    return found ? [found] : [];
  });
  return { id, levels: read };
}

function readNsLevel(level: Spot, profiles: readonly string[]): NsLevel {
  const rows = level.object("a level of the NS").get("vnf-to-level-mapping").items("numbers of VNFs");
  const counts = rows.map((row) => {
    const profile = row.get("vnf-profile-id");
    const id = profile.text("the id of a VNF profile");
    if (id !== "" && !profiles.includes(id)) profile.refuse(`there is no VNF profile ${quote(id)}`, oneOf(profiles));
    return [id, row.get("number-of-instances").whole(0, STEPS_MAX, "a number of VNFs") ?? 1];
  });
  return { id: level.get("id").text("an id"), vnfs: Object.fromEntries(counts) as Counts };
}
