import type { Nsd, Vdu } from "../model/descriptor.ts";

/** Rules of warm spares in a descriptor; the other rules are in `rules.ts`. */

export const hotVnfcs = (vdu: Vdu) => vdu.vnfcs.filter((v) => v.standby === "hot");

const isSpare = (vdu: Vdu, vnfc: string) => vdu.vnfcs.some((v) => v.id === vnfc && v.standby === "warm");

/** A spare stands in for protected members; one for twins, any number in a pool; it is no twin; and it must have an address to prove itself at. */
export function rulesOfSpares(vdu: Vdu, at: string): string[] {
  const service = vdu.cps.find((c) => c.id === vdu.serviceInterface);
  const first = vdu.vnfcs.findIndex((v) => v.standby === "warm");
  return vdu.vnfcs.flatMap((vnfc, i) => {
    if (vnfc.standby === "hot") return [];
    const here = `${at}.vnfc[${i}]`;
    const errors: string[] = [];
    if (vdu.highAvailability === null)
      errors.push(`${here}.standby: a spare for a VDU that is not protected; add high_availability or remove it`);
    if (i !== first && vdu.highAvailability !== "N_PLUS_M")
      errors.push(
        `${here}.standby: there is a warm spare already at ${at}.vnfc[${first}]; twins have one, write hot, N_PLUS_M for a pool, or remove it`,
      );
    if (vnfc.replicated !== null)
      errors.push(`${here}.replicated: a warm spare is nobody's twin but stands in for either; remove it, or write standby: hot`);
    if (vdu.highAvailability !== null && service !== undefined && service.ip === null)
      errors.push(
        `${here}.standby: the service interface ${JSON.stringify(service.id)} has no ip, at which a spare must answer before it may rest; write its ip`,
      );
    return errors;
  });
}

/** A spare serves nothing while all is well. */
export function rulesOfSpareMembers(nsd: Nsd, vdus: readonly Vdu[], at: string): string[] {
  return nsd.members.flatMap((m, i) =>
    m.trafficNets.length > 0 && vdus.some((vdu) => isSpare(vdu, m.vnfc))
      ? [
          `${at}.members[${i}].traffic_net: ${JSON.stringify(m.vnfc)} is a warm spare and serves nothing while all is well; write []`,
        ]
      : [],
  );
}
