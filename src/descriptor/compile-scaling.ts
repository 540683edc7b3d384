import type { MemberBlueprint, VnfBlueprint, VnfUse } from "../model/blueprint.ts";
import type { NsMember, Vdu } from "../model/descriptor.ts";
import type { FurtherVnfc, ProfileScaling, ScaledVdu } from "../model/scaling.ts";
import { type CompiledVdu, flawAt, mostOf, namesUpTo, writtenAt } from "./compile-vnf.ts";
import type { Flaw } from "./flaw.ts";
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
}

/** How the VNFs of a profile scale; null: their VNFD does not say. Pure. */
export function scalingOf(
  use: VnfUse,
  vnf: VnfBlueprint,
  parts: readonly ScaledPart[],
  ground: ScalingGround,
  flaws: Flaw[],
): ProfileScaling | null {
  if (vnf.scaling === undefined) return null;
  return { profile: use.id, ...vnf.scaling, vdus: parts.map((part) => scaledVdu(use, vnf, part, ground, flaws)) };
}

function scaledVdu(
  use: VnfUse,
  vnf: VnfBlueprint,
  { made, compiledId, where }: ScaledPart,
  ground: ScalingGround,
  flaws: Flaw[],
): ScaledVdu {
  const { of, compiled } = made;
  const { min, max, initial } = of.instances;
  const vnfs = use.instances.initial;
  const most = mostOf(of, vnf);
  const fixed = whyFixed(made.vdu);
  const names = fixed === null ? namesUpTo(of, most, []).slice(initial) : [];
  const further = Array.from({ length: vnfs }, (_, k) =>
    names.map((name, i) => furtherVnfc(made, ground.nameOf(k, name), initial + i, ground, flaws)),
  );
  const spares = compiled === null || fixed !== null ? null : spareCounts(of, vnf, where, most * vnfs);
  return { id: of.id, vdu: compiledId, min, max, fixed, further, spares, standby: compiled?.standby ?? "hot" };
}

/** A pair has two by what it is. */
const whyFixed = ({ id, highAvailability }: Vdu): string | null =>
  highAvailability === null || highAvailability === "N_PLUS_M"
    ? null
    : `VDU ${id} is a redundant pair (${highAvailability}), which has two VNFCs; write high-availability: NPlusM for a pool that can be scaled`;

function furtherVnfc({ of, compiled }: CompiledVdu, id: string, i: number, ground: ScalingGround, flaws: Flaw[]): FurtherVnfc {
  const written = ground.writtenOf(id);
  if (written !== undefined && written.vimAccount !== null)
    flawAt(written, flaws, `${id} is made when its VNF is scaled, in the VIM of its NS`, "remove its vim-account");
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
