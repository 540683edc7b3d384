import { Fault } from "../lib/fault.ts";
import type { NsdFlavour } from "../model/descriptor.ts";
import type { VimAccountId } from "../model/ids.ts";
import type { Ns } from "../model/ns.ts";

/**
 * Where VNFCs of an NS go that do not go where the NS does, in whichever deployment flavour and at whichever size: as it is asked for by VNFC or VDU, else as
 * the NSD says.
 * `vimOf` finds a VIM account by its id or name, or throws. Throws INVALID for a VNFC or VDU that there is not. Pure.
 */
export function placesOf(
  wished: Readonly<Record<string, string>>,
  made: NsdFlavour,
  home: VimAccountId,
  vimOf: (vim: string) => VimAccountId,
): Ns["vimAccounts"] {
  const flavours = [made, ...(made.nsd.others ?? [])];
  const vdus = flavours.flatMap(({ vnfd }) => vnfd.vdus);
  const scaled = flavours.flatMap(({ nsd }) => (nsd.scaling ?? []).flatMap((s) => s.vdus));
  const furtherOf = (vdu: string) => scaled.flatMap((s) => (s.vdu === vdu ? s.further.flat().map((f) => f.vnfc.id) : []));
  const further = new Set(vdus.flatMap((v) => furtherOf(v.id)));
  const all = [...new Set([...vdus.flatMap((vdu) => vdu.vnfcs.map((v) => v.id)), ...further])];
  const asked = Object.entries(wished).flatMap(([name, vim]) => {
    const named = vdus.filter((v) => v.id === name);
    if (named.length === 0 && !all.includes(name))
      throw new Fault("INVALID", `vimAccounts: there is no VNFC or VDU ${name}; there are: ${all.join(", ")}`);
    const ids = named.length === 0 ? [name] : named.flatMap((v) => [...v.vnfcs.map((c) => c.id), ...furtherOf(v.id)]);
    return ids.map((id) => [id, vim] as const);
  });
  const written: Ns["vimAccounts"] = Object.assign({}, ...flavours.toReversed().map(({ nsd }) => nsd.vimAccounts));
  const places = Object.entries({ ...written, ...Object.fromEntries(asked) });
  const ids = places.map(([vnfc, vim]) => [vnfc, vimOf(vim)] as const);
  // One that is made later goes where the fewest are, unless somebody has said where.
  return Object.fromEntries(ids.filter(([vnfc, vim]) => vim !== home || further.has(vnfc)));
}
