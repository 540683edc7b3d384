import { isIpv6 } from "../lib/ipv6.ts";
import type { Descriptor, Nsd, NsMember, Vdu, Vnfd } from "../model/descriptor.ts";
import { probedIp } from "../model/net.ts";
import { isPool, rulesOfGroups, rulesOfPoolMembers } from "./pool-rules.ts";
import { hotVnfcs, rulesOfSpareMembers, rulesOfSpares } from "./spare-rules.ts";

/** A twin is one other VNFC: linear protection with two members (the dissertation's `replicated` holds one id). */
const TWINS = 2;

/** What is wrong between the fields of a descriptor whose fields may each be right. Blank fields are left to the shape check. */
export function brokenRules(descriptor: Descriptor): string[] {
  return [
    ...repeated(
      descriptor.vnfds.map((v) => v.id),
      "vnfd",
      "id",
    ),
    ...repeated(
      descriptor.nsds.map((n) => n.id),
      "nsd",
      "id",
    ),
    ...descriptor.vnfds.flatMap((vnfd, i) => rulesOfVnfd(vnfd, `vnfd[${i}]`)),
    ...descriptor.nsds.flatMap((nsd, i) => rulesOfNsd(nsd, descriptor.vnfds, `nsd[${i}]`)),
  ];
}

/** Names that stand a second time in one list. */
function repeated(names: readonly string[], at: string, key: string): string[] {
  return names.flatMap((name, i) =>
    name !== "" && names.indexOf(name) < i
      ? [`${at}[${i}]${key && `.${key}`}: ${quote(name)} is already at ${at}[${names.indexOf(name)}]; write another one`]
      : [],
  );
}

const quote = (name: string) => JSON.stringify(name);
const oneOf = (names: readonly string[]) => {
  const there = names.filter((n) => n !== "");
  return there.length > 0 ? `write one of ${there.join(", ")}` : "there is none to choose from";
};

function rulesOfVnfd(vnfd: Vnfd, at: string): string[] {
  const vnfcIds = vnfd.vdus.flatMap((vdu) => vdu.vnfcs.map((v) => v.id));
  return [
    ...repeated(
      vnfd.vdus.map((v) => v.id),
      `${at}.vdu`,
      "id",
    ),
    ...vnfd.vdus.flatMap((vdu, i) => [
      ...repeated(
        vdu.cps.map((c) => c.id),
        `${at}.vdu[${i}].cp`,
        "id",
      ),
      ...vdu.cps.flatMap(({ ip }, k) =>
        ip?.includes(":") && !isIpv6(ip)
          ? [`${at}.vdu[${i}].cp[${k}].ip: ${quote(ip)} is no IPv6 address; write one such as fd00:0:0:1::100`]
          : [],
      ),
      ...rulesOfProtection(vdu, `${at}.vdu[${i}]`),
      ...rulesOfSpares(vdu, `${at}.vdu[${i}]`),
      ...rulesOfGroups(vdu, `${at}.vdu[${i}]`),
      ...vdu.vnfcs.flatMap((_, v) => rulesOfTwin(vdu, v, `${at}.vdu[${i}]`)),
      ...vdu.vnfcs.flatMap((vnfc, v) => {
        const times = vnfcIds.filter((other) => other === vnfc.id).length;
        return vnfc.id !== "" && times > 1
          ? [`${at}.vdu[${i}].vnfc[${v}].id: ${quote(vnfc.id)} is used ${times} times in this vnfd; give every VNFC its own`]
          : [];
      }),
    ]),
  ];
}

/** `high_availability`, `service_interface`, `protection` and the number of twins belong together. */
function rulesOfProtection(vdu: Vdu, at: string): string[] {
  const cps = vdu.cps.map((c) => c.id);
  const service = vdu.serviceInterface;
  const errors: string[] = [];
  if (service !== null && !cps.includes(service)) {
    errors.push(`${at}.service_interface: there is no cp ${quote(service)} in this VDU; ${oneOf(cps)}`);
  }
  if (vdu.highAvailability === null) {
    if (service !== null) {
      errors.push(
        `${at}.service_interface: says which cp to protect, but nothing is protected; add high_availability or remove it`,
      );
    }
    return errors;
  }
  errors.push(...rulesOfProbe(vdu, at), ...rulesOfHeartbeat(vdu, at));
  if (service === null) errors.push(`${at}.service_interface: is missing beside high_availability; ${oneOf(cps)}`);
  const twins = hotVnfcs(vdu).length;
  if (!isPool(vdu) && twins !== TWINS && vdu.vnfcs.length > 0) {
    const spares = vdu.vnfcs.length > twins ? " beside its warm spare" : "";
    errors.push(
      `${at}.vnfc: high_availability needs exactly two VNFCs${spares}, there are ${twins}; write two that name each other, or N_PLUS_M for a pool`,
    );
  }
  return errors;
}

/** A probe asks the service address, and can miss no more requests than it looks back on. */
function rulesOfProbe({ policy: { probe }, cps, serviceInterface }: Vdu, at: string): string[] {
  if (probe === null) return [];
  const errors: string[] = [];
  if (probe.misses > probe.of)
    errors.push(
      `${at}.protection.probe.misses: ${probe.misses} of ${probe.of} requests cannot be missed; write at most ${probe.of}`,
    );
  if ((probe.icmp || probe.udpPort !== null || probe.tcpPort !== null) && probe.sourceIp === null)
    errors.push(
      `${at}.protection.probe.source_ip: is missing beside icmp, udp_port or tcp_port; write a free address of the members' subnet`,
    );
  const cp = cps.find((c) => c.id === serviceInterface);
  if (cp !== undefined && probedIp(cp) === null) {
    const why = cp.ip === null ? "has no ip to ask; write its ip" : `has an IPv6 address, and probes ask IPv4; write one of IPv4`;
    errors.push(`${at}.protection.probe: the service interface ${quote(cp.id)} ${why}, or remove the probe`);
  }
  return errors;
}

function rulesOfHeartbeat({ policy: { guestHeartbeat: beat } }: Vdu, at: string): string[] {
  if (beat === null || beat.misses <= beat.of) return [];
  return [
    `${at}.protection.guest_heartbeat.misses: ${beat.misses} of ${beat.of} requests cannot be missed; write at most ${beat.of}`,
  ];
}

/** Twins name each other. */
function rulesOfTwin(vdu: Vdu, index: number, vduAt: string): string[] {
  const vnfc = vdu.vnfcs[index]!;
  const at = `${vduAt}.vnfc[${index}].replicated`;
  if (vnfc.standby === "warm") return [];
  if (isPool(vdu))
    return vnfc.replicated === null ? [] : [`${at}: a pool (N_PLUS_M) has no twins, any spare stands in; remove it`];
  const others = hotVnfcs(vdu)
    .filter((v) => v !== vnfc)
    .map((v) => v.id);
  if (vnfc.replicated === null) {
    return vdu.highAvailability === null ? [] : [`${at}: is missing beside high_availability; ${oneOf(others)}`];
  }
  if (vdu.highAvailability === null) {
    return [`${at}: names a twin, but the VDU has no high_availability; add high_availability or remove it`];
  }
  if (vnfc.replicated === vnfc.id) return [`${at}: ${quote(vnfc.id)} names itself; ${oneOf(others)}`];
  const twin = hotVnfcs(vdu).find((v) => v.id === vnfc.replicated);
  if (!twin) return [`${at}: there is no VNFC ${quote(vnfc.replicated)} in this VDU; ${oneOf(others)}`];
  if (twin.replicated !== null && twin.replicated !== twin.id && twin.replicated !== vnfc.id) {
    return [
      `${at}: ${quote(twin.id)} does not name ${quote(vnfc.id)} back but ${quote(twin.replicated)}; twins must name each other`,
    ];
  }
  return [];
}

function rulesOfNsd(nsd: Nsd, vnfds: readonly Vnfd[], at: string): string[] {
  const vnfd = vnfds.find((v) => v.id === nsd.vnfd);
  if (!vnfd) {
    return nsd.vnfd === ""
      ? []
      : [`${at}.vnfd: there is no vnfd ${quote(nsd.vnfd)} in this file; ${oneOf(vnfds.map((v) => v.id))}`];
  }
  return [
    ...rulesOfNets(nsd, vnfd, at),
    ...rulesOfVims(nsd, vnfd, at),
    ...rulesOfMembers(nsd, vnfd, at),
    ...rulesOfTraffic(nsd, vnfd, at),
  ];
}

/** Every connection point that is not a service interface has a net; a service interface gets its member's data net. */
function rulesOfNets(nsd: Nsd, vnfd: Vnfd, at: string): string[] {
  const service = new Set(vnfd.vdus.flatMap((v) => (v.highAvailability && v.serviceInterface ? [v.serviceInterface] : [])));
  const all = new Set(vnfd.vdus.flatMap((v) => v.cps.map((c) => c.id)));
  const plain = new Set(
    vnfd.vdus.flatMap((v) => v.cps.map((c) => c.id).filter((c) => !(v.highAvailability && c === v.serviceInterface))),
  );
  const missing = [...plain].filter((cp) => cp !== "" && !(cp in nsd.nets));
  return [
    ...missing.map((cp) => `${at}.nets.${cp}: is missing; write the name of the VIM net that cp ${quote(cp)} is on`),
    ...Object.keys(nsd.nets).flatMap((cp) => {
      if (!all.has(cp)) return [`${at}.nets.${cp}: vnfd ${quote(vnfd.id)} has no cp ${quote(cp)}; ${oneOf([...plain])}`];
      if (!plain.has(cp) && service.has(cp)) {
        return [`${at}.nets.${cp}: is a service interface, whose net is its member's data_net; remove it here`];
      }
      return [];
    }),
  ];
}

function rulesOfVims(nsd: Nsd, vnfd: Vnfd, at: string): string[] {
  const further = (nsd.scaling ?? []).flatMap((s) => s.vdus.flatMap((v) => v.further.flat().map((f) => f.vnfc.id)));
  const atFirst = (nsd.vnfs ?? []).flatMap((v) => v.vnfcs); // It may have been scaled in since.
  const vnfcs = [...new Set([...vnfd.vdus.flatMap((v) => v.vnfcs.map((c) => c.id)), ...atFirst, ...further])];
  const strangers = Object.keys(nsd.vimAccounts).filter((id) => !vnfcs.includes(id));
  return strangers.map(
    (id) => `${at}.vim_accounts.${id}: there is no VNFC ${quote(id)} in vnfd ${quote(vnfd.id)}; ${oneOf(vnfcs)}`,
  );
}

/** Exactly one member entry for each protected VNFC. */
function rulesOfMembers(nsd: Nsd, vnfd: Vnfd, at: string): string[] {
  const isProtected = vnfd.vdus.filter((v) => v.highAvailability !== null).flatMap((v) => v.vnfcs.map((c) => c.id));
  const listed = nsd.members.map((m) => m.vnfc);
  const inVain = vnfd.vdus.filter((v) => v.highAvailability === null).flatMap((v) => v.vnfcs.map((c) => c.id));
  return [
    ...repeated(listed, `${at}.members`, "vnfc"),
    ...isProtected
      .filter((id) => id !== "" && !listed.includes(id))
      .map((id) => `${at}.members: has no entry for VNFC ${quote(id)}; add { vnfc: ${id}, data_net: …, traffic_net: […] }`),
    ...nsd.members.flatMap((member, i) => {
      if (member.vnfc === "" || isProtected.includes(member.vnfc)) return [];
      if (inVain.includes(member.vnfc)) {
        return [
          `${at}.members[${i}].vnfc: ${quote(member.vnfc)} is not protected; add high_availability to its VDU or remove this entry`,
        ];
      }
      return [
        `${at}.members[${i}].vnfc: there is no VNFC ${quote(member.vnfc)} in vnfd ${quote(vnfd.id)}; ${oneOf(isProtected)}`,
      ];
    }),
  ];
}

/** A traffic net is served by exactly one member (invariant 2), and a data net belongs to exactly one. */
function rulesOfTraffic(nsd: Nsd, vnfd: Vnfd, at: string): string[] {
  const traffic = nsd.members.flatMap((m, i) =>
    m.trafficNets.map((net, t) => ({ net, at: `${at}.members[${i}].traffic_net[${t}]` })),
  );
  const data = nsd.members.map((m, i) => ({ net: m.dataNet, at: `${at}.members[${i}].data_net` }));
  const attached = Object.entries(nsd.nets).map(([cp, net]) => ({ net, at: `${at}.nets.${cp}` }));
  return [
    ...nsd.members.flatMap((m, i) =>
      m.capacity !== null && m.trafficNets.length > m.capacity
        ? [`${at}.members[${i}].capacity: ${m.capacity} is less than its own ${m.trafficNets.length} traffic_net; write more`]
        : [],
    ),
    ...usedBefore(traffic, traffic, "a traffic net is served by one member at a time; list it once"),
    ...usedBefore(data, data, "every member needs a data net of its own; write another one"),
    ...usedBefore(traffic, data, "a net cannot be traffic net and data net; write another one"),
    ...usedBefore([...traffic, ...data], attached, "that net is attached to a cp; a service net must be another one"),
    ...rulesOfSpareMembers(nsd, vnfd.vdus, at),
    ...vnfd.vdus.flatMap((vdu) => rulesOfScheme(vdu, nsd.members, at)),
  ];
}

interface NetUse {
  readonly net: string;
  readonly at: string;
}

/** Uses of a net that is already used in `others`; a use is not compared with itself nor told twice. */
function usedBefore(uses: readonly NetUse[], others: readonly NetUse[], why: string): string[] {
  return uses.flatMap((use, i) => {
    const earlier = (uses === others ? uses.slice(0, i) : others).find((o) => o.net === use.net);
    return use.net !== "" && earlier ? [`${use.at}: ${quote(use.net)} is already at ${earlier.at}; ${why}`] : [];
  });
}

/** ACTIVE_PASSIVE: one member serves all. Both schemes: somebody must serve something, or nothing is protected. */
function rulesOfScheme(vdu: Vdu, members: readonly NsMember[], at: string): string[] {
  if (vdu.highAvailability === null) return [];
  if (isPool(vdu)) return rulesOfPoolMembers(vdu, members, at);
  const own = members.filter((m) => hotVnfcs(vdu).some((v) => v.id === m.vnfc));
  const serving = own.filter((m) => m.trafficNets.length > 0);
  if (own.length > 0 && serving.length === 0) {
    return [
      `${at}.members: no member of VDU ${quote(vdu.id)} has a traffic_net, so nothing would be protected; list at least one`,
    ];
  }
  if (vdu.highAvailability === "DUPLICATED") return rulesOfDuplicated(vdu, members, at);
  if (vdu.highAvailability === "ACTIVE_PASSIVE" && serving.length > 1) {
    const names = serving.map((m) => m.vnfc).join(" and ");
    return [
      `${at}.members: VDU ${quote(vdu.id)} is ACTIVE_PASSIVE but ${names} both have a traffic_net; list all under one member, [] under the other, or write ACTIVE_ACTIVE`,
    ];
  }
  if (vdu.highAvailability === "ACTIVE_ACTIVE" && own.length === TWINS && serving.length === 1) {
    const idle = own.find((m) => m.trafficNets.length === 0)!.vnfc;
    return [
      `${at}.members: VDU ${quote(vdu.id)} is ACTIVE_ACTIVE but ${idle} has no traffic_net; give it one, or write ACTIVE_PASSIVE`,
    ];
  }
  return [];
}

/** DUPLICATED: both members carry everything at once, so there is nothing to rest and nothing to limit. */
function rulesOfDuplicated(vdu: Vdu, members: readonly NsMember[], at: string): string[] {
  const spare = vdu.vnfcs.find((v) => v.standby === "warm");
  const own = members.flatMap((m, i) => (vdu.vnfcs.some((v) => v.id === m.vnfc) ? [{ ...m, at: `${at}.members[${i}]` }] : []));
  return [
    ...(spare
      ? [
          `${at}.members: VDU ${quote(vdu.id)} is DUPLICATED, so both members serve all the time and ${quote(spare.id)} would wait for ever; remove the warm spare, or write ACTIVE_PASSIVE`,
        ]
      : []),
    ...own
      .filter((m) => m.capacity !== null)
      .map(
        (m) =>
          `${m.at}.capacity: VDU ${quote(vdu.id)} is DUPLICATED, so each member carries every traffic_net; remove the capacity`,
      ),
  ];
}
