import type { MemberBlueprint, VnfBlueprint, VnfUse } from "../model/blueprint.ts";
import type { NsMember, Vdu } from "../model/descriptor.ts";
import type { FurtherVnfc, ProfileScaling, ScaledVdu } from "../model/scaling.ts";
import { type CompiledVdu, mostOf, namesUpTo, writtenAt } from "./compile-vnf.ts";
import { spareCounts, type Use } from "./protect.ts";

/** A VDU of a profile as it was compiled, and as the compiled NSD calls it. */
export interface ScaledPart {
  readonly made: CompiledVdu;
  readonly compiledId: string;
  readonly where: Use;
}

/** What is known of the names and nets of an NS. */
export interface ScalingGround {
  nameOf(vnf: number, vnfc: string): string;
  writtenOf(id: string): MemberBlueprint | undefined;
  netOf(link: string): string;
  /** In its form nets are made that the VIM has not. */
  readonly makesNets: boolean;
}

/** Of a VNFD without aspects. */
const NO_ASPECTS = { aspects: [], levels: [], initial: null };

/** How the VNFs of a profile scale, and how many there may be; null: neither ever changes. Pure. */
export function scalingOf(
  use: VnfUse,
  vnf: VnfBlueprint,
  parts: readonly ScaledPart[],
  ground: ScalingGround,
): ProfileScaling | null {
  const { min, max, initial } = use.instances;
  const hasAspects = vnf.scaling !== undefined && vnf.scaling.aspects.length > 0;
  if (!hasAspects && min === initial && max === initial) return null;
  const ofVnf = hasAspects ? vnf.scaling : NO_ASPECTS;
  const vdus = parts.map((part) => scaledVdu(use, vnf, part, ground));
  return { profile: use.id, ...ofVnf, ...(max > min && { vnfs: { min, max } }), vdus };
}

function scaledVdu(
  use: VnfUse,
  vnf: VnfBlueprint,
  { made: part, compiledId, where }: ScaledPart,
  ground: ScalingGround,
): ScaledVdu {
  const { of, compiled } = part;
  const { min, max, initial } = of.instances;
  const most = mostOf(of, vnf);
  const fixed = whyFixed(part.vdu);
  const names = fixed === null ? namesUpTo(of, most, []) : [];
  const further = Array.from({ length: use.instances.max }, (_, k) => {
    const isFirst = k < use.instances.initial;
    const own = names.slice(isFirst ? initial : 0);
    const at = names.length - own.length;
    const made = own.map((name, i) => furtherVnfc(part, ground.nameOf(k, name), at + i, ground));
    return isFirst ? made : made.map((f) => withOwnNet(f, part, ground));
  });
  const spares = compiled === null || fixed !== null ? null : spareCounts(of, vnf, where, most * use.instances.max);
  return { id: of.id, vdu: compiledId, min, max, fixed, further, spares, standby: compiled?.standby ?? "hot" };
}

/** A pair has two by what it is. */
const whyFixed = ({ id, highAvailability }: Vdu): string | null =>
  highAvailability === null || highAvailability === "N_PLUS_M"
    ? null
    : `VDU ${id} is a redundant pair (${highAvailability}), which has two VNFCs; write high-availability: NPlusM for a pool that can be scaled`;

/** One whose net nobody names as the VIM's. */
function withOwnNet(further: FurtherVnfc, { of }: CompiledVdu, ground: ScalingGround): FurtherVnfc {
  const { member } = further;
  if (member === null || !ground.makesNets) return further;
  const isNamed = of.vnfcs.some((v) => v.dataNet === member.dataNet) || ground.writtenOf(member.vnfc)?.dataNet != null;
  return isNamed ? further : { ...further, ownNet: true };
}

function furtherVnfc({ of, compiled }: CompiledVdu, id: string, i: number, ground: ScalingGround): FurtherVnfc {
  const written = ground.writtenOf(id);
  const vnfc = {
    id,
    replicated: null,
    kernelCmdline: writtenAt(of, i)?.kernelCmdline ?? null,
    standby: writtenAt(of, i)?.standby ?? ("hot" as const),
  };
  return { vnfc, member: compiled === null ? null : memberOf(of, id, i, written, ground) };
}

function memberOf(
  of: CompiledVdu["of"],
  id: string,
  i: number,
  written: MemberBlueprint | undefined,
  ground: ScalingGround,
): NsMember {
  return {
    vnfc: id,
    dataNet: written?.dataNet ?? of.vnfcs[i]?.dataNet ?? `${id}-data`,
    trafficNets: written?.links?.map((l) => ground.netOf(l)) ?? [],
    capacity: written?.capacity ?? null,
  };
}
