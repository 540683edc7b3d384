import type { CpBlueprint, ExtCpBlueprint, Needs, VduBlueprint, VipBlueprint, VnfBlueprint } from "../model/blueprint.ts";
import { oneOf, quote } from "./flaw.ts";
import { readScaling } from "./sol006-scaling.ts";
import { asWritten, type Spot } from "./spot.ts";
import { swImageOf } from "./sw-images.ts";
import { gigabytes } from "./units.ts";
import { instancesOf, maintenanceOf, VDU_EXTENSIONS, vnfcsOf, wishOf } from "./wishes.ts";

// A VNFD in the words of ETSI GS NFV-SOL 006 (YANG, as YAML or JSON), of OSM's dialect of it too. Keys that are not used are let through: a
// standard descriptor says much that concerns nobody here.

/** Keys of a VDU in SOL006 and OSM that a misspelt extension must not be taken for. */
const VDU_KEYS = [
  "id",
  "name",
  "description",
  "int-cpd",
  "boot-data",
  "boot-order",
  "monitoring-parameter",
  "logical-node",
  "cloud-init",
];

export function readVnfd(vnfd: Spot): VnfBlueprint {
  vnfd.object("a VNFD");
  const flavour = vnfd.get("df").items("deployment flavours", 1)[0];
  const vdus = vnfd
    .get("vdu")
    .items("VDUs", 1)
    .map((vdu) => readVdu(vdu, vnfd, flavour));
  const scaling = readScaling(
    flavour,
    vdus.map((v) => v.id),
  );
  const blueprint: VnfBlueprint = {
    id: vnfd.get("id").text("the VNFD's id"),
    version: vnfd.get("version").text('the VNFD\'s version, such as "1.0"'),
    name: vnfd.first("product-name", "product-info-name", "id").text("the product's name"),
    provider: vnfd.get("provider").textOr(null, "the provider's name"),
    softwareVersion: vnfd.get("software-version").textOr(null, "a version"),
    vdus,
    extCps: vnfd
      .get("ext-cpd")
      .items("external connection points")
      .map((cp) => readExtCp(cp, vnfd, vdus)),
    vips: vnfd
      .get("vip-cpd")
      .items("virtual IP connection points")
      .map((vip) => readVip(vip, vdus)),
    images: vnfd
      .get("sw-image-desc")
      .items("images")
      .flatMap((image) => swImageOf(image) ?? []),
    ...flavourOf(flavour),
    ...(scaling && { scaling }),
    at: vnfd.at,
  };
  refuseRepeated(vnfd.get("vdu").items("VDUs"), "vdu");
  refuseRepeated(vnfd.get("ext-cpd").items("external connection points"), "ext-cpd");
  return blueprint;
}

/** The flavour that is used, and its levels. */
function flavourOf(flavour: Spot | undefined): Pick<VnfBlueprint, "flavour"> {
  const id = flavour?.get("id");
  if (flavour === undefined || !id?.isThere) return {};
  const first = flavour.first("default-instantiation-level", "default-instantiation-level-id");
  const levels = flavour
    .get("instantiation-level")
    .items("instantiation levels")
    .map((l) => asWritten(l.get("id").value));
  return {
    flavour: { id: asWritten(id.value), levels: [...new Set([...(first.isThere ? [asWritten(first.value)] : []), ...levels])] },
  };
}

/** Ids that stand a second time in one list. */
export function refuseRepeated(spots: readonly Spot[], what: string): void {
  const seen = new Set<unknown>();
  for (const spot of spots) {
    const id = spot.get("id");
    if (id.isThere && seen.has(id.value)) id.refuse(`${id.said} is the id of another ${what}`, "write another one");
    seen.add(id.value);
  }
}

function readVdu(vdu: Spot, vnfd: Spot, flavour: Spot | undefined): VduBlueprint {
  vdu.object("a VDU").misspelt([...VDU_EXTENSIONS, ...VDU_KEYS]);
  const id = vdu.get("id").name("a name for the VDU");
  const profile = flavour
    ?.get("vdu-profile")
    .items("VDU profiles")
    .find((p) => p.get("id").value === id || p.get("vdu-id").value === id);
  const nowhere = vdu.get("\0");
  const instances = instancesOf(
    profile?.get("min-number-of-instances") ?? nowhere,
    profile?.get("max-number-of-instances") ?? nowhere,
    flavour === undefined ? nowhere : levelCount(flavour, id, nowhere),
  );
  const compute = named(vdu.get("virtual-compute-desc"), vnfd.get("virtual-compute-desc"), "virtual-compute-desc");
  const image = named(vdu.get("sw-image-desc"), vnfd.get("sw-image-desc"), "sw-image-desc");
  if (!vdu.get("virtual-compute-desc").isThere)
    vdu.get("virtual-compute-desc").text("the id of a virtual-compute-desc, which is the name of a flavor in the VIM");
  if (!vdu.get("sw-image-desc").isThere) vdu.get("sw-image-desc").text("the id of a sw-image-desc");
  return {
    id,
    image: image?.first("name", "image", "id").text("the name of an image in the VIM") ?? "",
    flavor: compute?.get("id").text("an id") ?? "",
    ...(image && { imageId: asWritten(image.get("id").value) }),
    needs: needsOf(vdu, vnfd, compute),
    cps: cpsOf(vdu, vnfd),
    instances,
    vnfcs: vnfcsOf(vdu),
    isKeptApart: profile !== undefined && isKeptApart(profile, flavour!),
    maintenance: maintenanceOf(profile?.get("nfvi-maintenance-info") ?? nowhere, instances.initial),
    wish: wishOf(vdu),
    at: vdu.at,
  };
}

/** What an id refers to in a list; refuses one that is not in it. */
export function named(reference: Spot, list: Spot, what: string): Spot | undefined {
  if (!reference.isThere) return undefined;
  const there = list.items(what);
  const found = there.find((s) => s.get("id").value === reference.value);
  if (!found) reference.refuse(`there is no ${what} ${reference.said}`, oneOf(there.flatMap((s) => s.get("id").asName ?? [])));
  return found;
}

function levelCount(flavour: Spot, vdu: string, nowhere: Spot): Spot {
  const levels = flavour.get("instantiation-level").items("instantiation levels");
  const wanted = flavour.first("default-instantiation-level", "default-instantiation-level-id");
  const level = wanted.isThere ? named(wanted, flavour.get("instantiation-level"), "instantiation-level") : levels[0];
  const row = level
    ?.get("vdu-level")
    .items("numbers of VNFCs")
    .find((r) => r.get("vdu-id").value === vdu);
  return row?.get("number-of-instances") ?? nowhere;
}

const KINDS = { affinity: "affinity", "anti-affinity": "anti-affinity" } as const;

/** Whether a profile, by its own rule or by a group of its flavour, keeps its instances on different hosts, or further from each other. */
export function isKeptApart(profile: Spot, flavour: Spot): boolean {
  const kindOf = (spot: Spot) => spot.word<"affinity" | "anti-affinity">(KINDS, "a kind of rule");
  const rules = profile.get("local-affinity-or-anti-affinity-rule").items("rules");
  const groups = profile
    .first("affinity-or-anti-affinity-group-id", "affinity-or-anti-affinity-group")
    .items("groups")
    .flatMap((g) => {
      const reference = g.get("id").isThere ? g.get("id") : g;
      return named(reference, flavour.get("affinity-or-anti-affinity-group"), "affinity-or-anti-affinity-group") ?? [];
    });
  return [...rules, ...groups]
    .map((r) => kindOf(r.first("type", "affinityorAntiaffinity", "affinity-type")))
    .includes("anti-affinity");
}

function needsOf(vdu: Spot, vnfd: Spot, compute: Spot | undefined): Needs {
  const memory = compute?.get("virtual-memory").get("size");
  const memoryGb = memory === undefined ? null : gigabytes(memory, "the memory");
  const disks = vdu
    .get("virtual-storage-desc")
    .items("virtual-storage-desc")
    .map((s) => {
      const storage = named(s, vnfd.get("virtual-storage-desc"), "virtual-storage-desc");
      const data = storage?.get("block-storage-data");
      const size = data?.isThere ? data.get("size-of-storage") : storage?.get("size-of-storage");
      return size === undefined ? null : gigabytes(size, "the size of the disk", 1_000_000);
    });
  return {
    memoryMiB: memoryGb === null ? null : Math.round(memoryGb * 1024),
    vcpus: compute?.get("virtual-cpu").get("num-virtual-cpu").whole(1, 1024, "a number of CPUs") ?? null,
    diskGiB: disks[0] ?? null,
  };
}

function cpsOf(vdu: Spot, vnfd: Spot): CpBlueprint[] {
  const spots = vdu.get("int-cpd").items("connection points", 1);
  refuseRepeated(spots, "int-cpd");
  return spots.map((cp) => {
    named(cp.get("int-virtual-link-desc"), vnfd.get("int-virtual-link-desc"), "int-virtual-link-desc");
    return {
      id: cp.get("id").name("a vNIC name such as eth0"),
      ip: fixedIp(cp),
      link: cp.get("int-virtual-link-desc").textOr(null, "the id of an int-virtual-link-desc"),
      at: cp.at,
    };
  });
}

/** The first fixed address of a CPD. */
function fixedIp(cp: Spot): string | null {
  for (const protocol of cp.get("protocol").items("protocols"))
    for (const address of protocol.get("address-data").items("addresses")) {
      const ip = address.get("l3-address-data").get("fixed-ip-address").ipv4("its fixed address");
      if (ip !== null) return ip;
    }
  return cp.get("ip-address").ipv4("its fixed address"); // OSM's.
}

function readExtCp(cp: Spot, vnfd: Spot, vdus: readonly VduBlueprint[]): ExtCpBlueprint {
  const id = cp.object("an external connection point").get("id").text("an id");
  const place = { id, at: cp.at };
  const internal = cp.get("int-cpd");
  const link = cp.get("int-virtual-link-desc");
  const vip = named(cp.get("vip-cpd"), vnfd.get("vip-cpd"), "vip-cpd");
  if (internal.isThere) return { ...place, ...vduCp(internal, vdus), link: null };
  if (link.isThere) {
    named(link, vnfd.get("int-virtual-link-desc"), "int-virtual-link-desc");
    return { ...place, vdu: null, cp: null, link: link.text("the id of an internal link") };
  }
  const behind = vip?.get("int-cpd").items("connection points")[0];
  if (behind !== undefined) return { ...place, ...vduCp(behind, vdus), link: null };
  if (!vip) cp.refuse("leads to no VDU", "write int-cpd { vdu-id, cpd }, vip-cpd or int-virtual-link-desc");
  return { ...place, vdu: null, cp: null, link: null };
}

/** `{ vdu-id, cpd }`, or the id of a CPD that only one VDU has. */
function vduCp(spot: Spot, vdus: readonly VduBlueprint[]): { vdu: string | null; cp: string | null } {
  const isPair = spot.get("cpd").isThere || spot.get("vdu-id").isThere;
  const cp = (isPair ? spot.get("cpd") : spot).text("the id of an int-cpd");
  const vduSpot = spot.get("vdu-id");
  const owners = vdus.filter((v) => v.cps.some((c) => c.id === cp));
  if (!isPair || !vduSpot.isThere) {
    if (cp !== "" && owners.length !== 1)
      spot.refuse(
        owners.length === 0 ? `no VDU has an int-cpd ${quote(cp)}` : `several VDUs have an int-cpd ${quote(cp)}`,
        "write { vdu-id, cpd } of one that there is",
      );
    return { vdu: owners[0]?.id ?? null, cp: owners.length > 0 ? cp : null };
  }
  const vdu = vdus.find((v) => v.id === vduSpot.value);
  if (!vdu) vduSpot.refuse(`there is no vdu ${vduSpot.said}`, oneOf(vdus.map((v) => v.id)));
  else if (cp !== "" && !vdu.cps.some((c) => c.id === cp))
    spot.get("cpd").refuse(`VDU ${quote(vdu.id)} has no int-cpd ${quote(cp)}`, oneOf(vdu.cps.map((c) => c.id)));
  return { vdu: vdu?.id ?? null, cp };
}

const VIP_FUNCTIONS = {
  "high-availability": "HIGH_AVAILABILITY",
  "load-balancing": "LOAD_BALANCING",
  "load-balance": "LOAD_BALANCING",
} as const;

function readVip(vip: Spot, vdus: readonly VduBlueprint[]): VipBlueprint {
  const cps = vip
    .object("a VipCpd")
    .get("int-cpd")
    .items("connection points", 1)
    .map((s) => vduCp(s, vdus));
  return {
    id: vip.get("id").text("an id"),
    serves: vip.get("vip-function").word<"HIGH_AVAILABILITY" | "LOAD_BALANCING">(VIP_FUNCTIONS, "its function"),
    cps: cps.flatMap(({ vdu, cp }) => (vdu !== null && cp !== null ? [`${vdu}/${cp}`] : [])),
    ip: fixedIp(vip),
    at: vip.at,
  };
}
