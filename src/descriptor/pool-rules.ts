import type { NsMember, Vdu } from "../model/descriptor.ts";

/** Rules of pools (N_PLUS_M) in a descriptor; the other rules are in `rules.ts`. */

export const isPool = (vdu: Vdu): boolean => vdu.highAvailability === "N_PLUS_M";

/** The groups of a pool: those that are written, or one of all its VNFCs. */
const groupsOf = (vdu: Vdu) => (vdu.groups.length > 0 ? vdu.groups : [{ id: vdu.id, vnfcs: vdu.vnfcs.map((v) => v.id) }]);

/** Groups are of a pool, have names of their own, and leave no VNFC out. */
export function rulesOfGroups(vdu: Vdu, at: string): string[] {
  const { groups, vnfcs } = vdu;
  if (groups.length === 0) return [];
  if (!isPool(vdu))
    return [`${at}.protection_group: only a pool is divided into groups; write high_availability: N_PLUS_M or remove it`];
  const names = vnfcs.map((v) => v.id).filter((id) => id !== "");
  return [
    ...groups.flatMap(({ id, vnfcs: own }, g) => [
      ...(id !== "" && groups.findIndex((other) => other.id === id) < g
        ? [`${at}.protection_group[${g}].id: ${quote(id)} is already there; write another one`]
        : []),
      ...own.flatMap((vnfc, i) => {
        const here = `${at}.protection_group[${g}].vnfc[${i}]`;
        if (vnfc === "") return [];
        if (!names.includes(vnfc))
          return [`${here}: there is no VNFC ${quote(vnfc)} in this VDU; write one of ${names.join(", ")}`];
        return own.indexOf(vnfc) < i ? [`${here}: ${quote(vnfc)} is in this group already; remove it`] : [];
      }),
    ]),
    ...names
      .filter((id) => !groups.some((g) => g.vnfcs.includes(id)))
      .map((id) => `${at}.protection_group: VNFC ${quote(id)} is in no group, so nothing would protect it; add it to one`),
  ];
}

/** In each group somebody serves and somebody is spare; only a spare is in several groups: a traffic net has one group. */
export function rulesOfPoolMembers(vdu: Vdu, members: readonly NsMember[], at: string): string[] {
  const own = members.flatMap((m, i) => (vdu.vnfcs.some((v) => v.id === m.vnfc) ? [{ ...m, at: `${at}.members[${i}]` }] : []));
  if (own.length < vdu.vnfcs.length) return []; // Told as such; who is left out may be the spare.
  const serves = (vnfc: string) => own.some((m) => m.vnfc === vnfc && m.trafficNets.length > 0);
  return [
    ...groupsOf(vdu).flatMap(({ id, vnfcs }) => {
      const where = vdu.groups.length > 0 ? `group ${quote(id)}` : `VDU ${quote(vdu.id)}`;
      if (!vnfcs.some(serves))
        return [`${at}.members: no member of ${where} has a traffic_net, so nothing would be protected; list at least one`];
      if (vnfcs.every(serves))
        return [
          `${at}.members: every member of ${where} has a traffic_net, so there is no spare; give one [], or write ACTIVE_ACTIVE for twins`,
        ];
      return [];
    }),
    ...own.flatMap((m) => {
      const inGroups = vdu.groups.filter((g) => g.vnfcs.includes(m.vnfc)).map((g) => g.id);
      return m.trafficNets.length > 0 && inGroups.length > 1
        ? [
            `${m.at}.traffic_net: ${quote(m.vnfc)} is in the groups ${inGroups.join(" and ")}, and only a spare may be in several; write [], or leave it in one`,
          ]
        : [];
    }),
  ];
}

const quote = (name: string) => JSON.stringify(name);
