import { compile, knownOf } from "../descriptor/compile.ts";
import { flavourIds, inFlavour } from "../descriptor/flavours.ts";
import type { Flaw } from "../descriptor/flaw.ts";
import { namesWhenMade } from "../descriptor/sized.ts";
import type { NsBlueprint, VnfBlueprint } from "../model/blueprint.ts";
import type { NsdFlavour } from "../model/descriptor.ts";
import type { VnfInstance } from "../model/occurrence.ts";
import { countIn, type VnfSize } from "../model/scaling.ts";
import { notHere } from "./asked-links.ts";
import { trafficNetNames } from "./plan.ts";
import { placed, vnfsIn } from "./vnf-plan.ts";

// What an NS is compiled into when VNFs of it are to be something else. Pure.

/** What the VNFs of a profile are to be: of which VNFD, in which of its flavours, and at which of its levels (left out: the one that it begins with). */
export interface ProfileWish {
  readonly profile: string;
  readonly vnfd: VnfBlueprint;
  readonly flavour: string | undefined;
  readonly level?: string | undefined;
}

/** Throws NOT_SUPPORTED for a flavour or a level that a VNFD has not. */
export function checkFlavour(vnfd: VnfBlueprint, flavour: string, level: string | undefined): VnfBlueprint {
  const found = inFlavour(vnfd, flavour);
  if (!found)
    throw notHere(`newFlavourId: VNFD ${vnfd.id} has no deployment flavour ${flavour}; it has ${flavourIds(vnfd).join(", ")}`);
  const levels = found.scaling?.levels.map((l) => l.id) ?? found.flavour?.levels ?? [];
  if (level === undefined || levels.includes(level)) return found;
  const there = levels.join(", ") || "none that has a name";
  throw notHere(`instantiationLevelId: flavour ${flavour} of VNFD ${vnfd.id} has no level ${level}; it has ${there}`);
}

/** The NSD with VNFs of these profiles as they are wished, and the others as it has them, compiled. Throws NOT_SUPPORTED with what keeps it from being so. */
export function compiledWith(
  { others: _others, ...written }: NsBlueprint,
  wishes: readonly ProfileWish[],
  known: readonly VnfBlueprint[],
): NsdFlavour {
  const uses = written.uses.map((use) => {
    const wish = wishes.find((w) => w.profile === use.id);
    if (!wish) return use;
    const { vnfLevel: _, vnfFlavour: __, ...rest } = use;
    const named = {
      ...(wish.flavour !== undefined && { vnfFlavour: wish.flavour }),
      ...(wish.level !== undefined && { vnfLevel: wish.level }),
    };
    return { ...rest, vnfd: wish.vnfd.id, ...named };
  });
  const flaws: Flaw[] = [];
  const made = compile({ vnfs: [], nss: [{ ...written, uses }] }, knownOf([...wishes.map((w) => w.vnfd), ...known]), flaws);
  const nsd = made?.descriptor.nsds[0];
  const vnfd = made?.descriptor.vnfds.find((v) => v.id === nsd?.vnfd);
  if (!nsd || !vnfd) throw notHere(flaws.map(({ what, remedy }) => `${what}; ${remedy}`).join("\n"));
  const { written: _, ...bare } = nsd;
  return { nsd: bare, vnfd };
}

/** The size that a VNF is made with. */
export function sizeMade(made: NsdFlavour, { profile }: VnfInstance, ordinal: number): VnfSize {
  const first = placed(vnfsIn(made.nsd, made.vnfd)).find((v) => v.profile === profile && v.ordinal === ordinal);
  const scaling = made.nsd.scaling?.find((s) => s.profile === profile);
  const at = scaling?.levels.find((l) => l.id === scaling.initial)?.aspects ?? {};
  const scale = Object.fromEntries((scaling?.aspects ?? []).map(({ id }) => [id, countIn(at, id) ?? 0]));
  return { vnfcs: first?.vnfcs ?? (scaling ? namesWhenMade(made, scaling, ordinal) : []), scale };
}

/** Where an NS is connected to is what it was compiled with: nobody has connected it otherwise since. */
export function isConnectedAs(now: NsdFlavour, compiled: NsdFlavour): boolean {
  const of = ({ nsd }: NsdFlavour) =>
    JSON.stringify([
      Object.entries(nsd.nets).toSorted(),
      Object.entries(nsd.netIds ?? {}).toSorted(),
      trafficNetNames(nsd).toSorted(),
    ]);
  return of(now) === of(compiled);
}
