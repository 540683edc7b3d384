import type {
  CpBlueprint,
  ExtCpBlueprint,
  FlavourBlueprint,
  Needs,
  ProtectionWish,
  VduBlueprint,
  VipBlueprint,
  VnfBlueprint,
  VnfcBlueprint,
} from "../model/blueprint.ts";
import { readBootData } from "./boot-data.ts";
import { oneOf, quote } from "./flaw.ts";
import { DASHES, linkAddresses } from "./link-addresses.ts";
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

/** Keys of a VDU profile that are ours: they are of its VDU in one deployment flavour, over what the VDU says itself. */
const PROFILE_EXTENSIONS = [...VDU_EXTENSIONS, "virtual-compute-desc", "sw-image-desc"];
const PROFILE_KEYS = [
  ...["id", "vdu-id", "min-number-of-instances", "max-number-of-instances", "nfvi-maintenance-info"],
  ...["local-affinity-or-anti-affinity-rule", "affinity-or-anti-affinity-group", "affinity-or-anti-affinity-group-id"],
];

export function readVnfd(vnfd: Spot): VnfBlueprint {
  vnfd.object("a VNFD");
  const flavours = vnfd.get("df").items("deployment flavours", 1);
  if (flavours.length > 1) refuseUnnamed(flavours);
  refuseRepeated(flavours, "df");
  const [first, ...others] = (flavours.length === 0 ? [undefined] : flavours).map((f) =>
    readFlavour(vnfd, f, flavours.length > 1),
  );
  const { vdus, extCps, vips, flavour, links, scaling } = first!;
  const blueprint: VnfBlueprint = {
    id: vnfd.get("id").text("the VNFD's id"),
    version: vnfd.get("version").text('the VNFD\'s version, such as "1.0"'),
    name: vnfd.first("product-name", "product-info-name", "id").text("the product's name"),
    provider: vnfd.get("provider").textOr(null, "the provider's name"),
    softwareVersion: vnfd.get("software-version").textOr(null, "a version"),
    vdus,
    extCps,
    vips,
    images: vnfd
      .get("sw-image-desc")
      .items("images")
      .flatMap((image) => swImageOf(image) ?? []),
    ...(flavour && { flavour }),
    ...(links && { links }),
    ...(scaling && { scaling }),
    ...(others.length > 0 && { others }),
    at: vnfd.at,
  };
  refuseRepeated(vnfd.get("vdu").items("VDUs"), "vdu");
  refuseRepeated(vnfd.get("ext-cpd").items("external connection points"), "ext-cpd");
  if (others.length > 0) refuseUnused(vnfd, [first!, ...others]);
  return blueprint;
}

/** What the VNFD is in one deployment flavour. `isOneOfSeveral`: then a flavour has the VDUs that it has profiles for, where it has any. */
function readFlavour(vnfd: Spot, flavour: Spot | undefined, isOneOfSeveral: boolean): FlavourBlueprint {
  const all = vnfd.get("vdu").items("VDUs", 1);
  const profiles = flavour?.get("vdu-profile").items("VDU profiles") ?? [];
  const isMeant = (vdu: Spot) => profiles.length === 0 || profiles.some((p) => isProfileOf(p, vdu.get("id").value));
  const vdus = all.filter((vdu) => !isOneOfSeveral || isMeant(vdu)).map((vdu) => readVdu(vdu, vnfd, flavour, isOneOfSeveral));
  for (const profile of isOneOfSeveral ? profiles : []) refuseStranger(profile, all);
  const elsewhere = new Set(all.map((vdu) => vdu.get("id").value).filter((id) => !vdus.some((v) => v.id === id)));
  const scaling = readScaling(
    flavour,
    vdus.map((v) => v.id),
  );
  const isHere = (reference: Spot) => !elsewhere.has(vduNamedBy(reference, all));
  return {
    vdus,
    extCps: vnfd
      .get("ext-cpd")
      .items("external connection points")
      .filter((cp) => isHere(cp.get("int-cpd")) && isHere(behindVip(cp, vnfd)))
      .map((cp) => readExtCp(cp, vnfd, vdus)),
    vips: vnfd
      .get("vip-cpd")
      .items("virtual IP connection points")
      .filter((vip) => isHere(vip.get("int-cpd").items("connection points")[0] ?? vip.get("int-cpd")))
      .map((vip) => readVip(vip, vdus)),
    ...flavourOf(flavour),
    ...linksOf(flavour),
    ...(scaling && { scaling }),
  };
}

const isProfileOf = (profile: Spot, vdu: unknown): boolean =>
  profile.get("id").value === vdu || profile.get("vdu-id").value === vdu;

/** The VDU that `{ vdu-id, cpd }` is about, or the only one with a connection point of that name. */
function vduNamedBy(reference: Spot, vdus: readonly Spot[]): unknown {
  const named = reference.get("vdu-id");
  if (named.isThere) return named.value;
  const cpd = reference.get("cpd").isThere ? reference.get("cpd").value : reference.value;
  const isOn = (vdu: Spot) =>
    vdu
      .get("int-cpd")
      .items("connection points")
      .some((c) => c.get("id").value === cpd);
  const owners = vdus.filter(isOn);
  return owners.length === 1 ? owners[0]!.get("id").value : undefined;
}

/** The connection point of a VDU that an external one leads to by way of a virtual IP. */
function behindVip(cp: Spot, vnfd: Spot): Spot {
  const vip = vnfd
    .get("vip-cpd")
    .items("virtual IP connection points")
    .find((v) => cp.get("vip-cpd").isThere && v.get("id").value === cp.get("vip-cpd").value);
  return vip?.get("int-cpd").items("connection points")[0] ?? cp.get("\0");
}

/** Of several each is chosen by its id. */
export function refuseUnnamed(flavours: readonly Spot[]): void {
  for (const flavour of flavours)
    if (!flavour.object("a deployment flavour").get("id").isThere) flavour.get("id").text("an id, by which it is chosen");
}

function refuseStranger(profile: Spot, vdus: readonly Spot[]): void {
  if (vdus.some((vdu) => isProfileOf(profile, vdu.get("id").value))) return;
  const reference = profile.first("id", "vdu-id");
  reference.refuse(`there is no vdu ${reference.said}`, oneOf(vdus.flatMap((v) => v.get("id").asName ?? [])));
}

/** A VDU that no flavour has is a mistake of whoever wrote the flavours. */
function refuseUnused(vnfd: Spot, flavours: readonly FlavourBlueprint[]): void {
  for (const vdu of vnfd.get("vdu").items("VDUs"))
    if (!flavours.some((f) => f.vdus.some((v) => v.id === vdu.get("id").value)))
      vdu.refuse("no deployment flavour has it", "write a vdu-profile for it in a df, or remove it");
}

/** Internal links whose profile has addresses. */
function linksOf(flavour: Spot | undefined): Pick<FlavourBlueprint, "links"> {
  const links = (flavour?.get("virtual-link-profile").items("virtual link profiles") ?? []).flatMap((profile) => {
    const addresses = linkAddresses(profile.get("virtual-link-protocol-data"), DASHES);
    return addresses === null ? [] : [{ id: asWritten(profile.first("vnf-virtual-link-desc-id", "id").value), addresses }];
  });
  return links.length === 0 ? {} : { links };
}

/** The flavour's name, and its levels. */
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

function readVdu(vdu: Spot, vnfd: Spot, flavour: Spot | undefined, isInSeveral: boolean): VduBlueprint {
  vdu.object("a VDU").misspelt([...VDU_EXTENSIONS, ...VDU_KEYS]);
  const id = vdu.get("id").name("a name for the VDU");
  const profile = flavour
    ?.get("vdu-profile")
    .items("VDU profiles")
    .find((p) => isProfileOf(p, id));
  profile?.object("a VDU profile").misspelt([...PROFILE_EXTENSIONS, ...PROFILE_KEYS]);
  const nowhere = vdu.get("\0");
  const ofBoth = (key: string) => (profile?.get(key).isThere ? profile.get(key) : vdu.get(key));
  const instances = instancesOf(
    profile?.get("min-number-of-instances") ?? nowhere,
    profile?.get("max-number-of-instances") ?? nowhere,
    flavour === undefined ? nowhere : levelCount(flavour, id, nowhere),
  );
  const computeId = ofBoth("virtual-compute-desc");
  const imageId = ofBoth("sw-image-desc");
  const compute = named(computeId, vnfd.get("virtual-compute-desc"), "virtual-compute-desc");
  const image = named(imageId, vnfd.get("sw-image-desc"), "sw-image-desc");
  if (!computeId.isThere) computeId.text("the id of a virtual-compute-desc, which is the name of a flavor in the VIM");
  if (!imageId.isThere) imageId.text("the id of a sw-image-desc");
  const told = readBootData(vdu);
  return {
    id,
    image: image?.first("name", "image", "id").text("the name of an image in the VIM") ?? "",
    flavor: compute?.get("id").text("an id") ?? "",
    ...(image && { imageId: asWritten(image.get("id").value) }),
    needs: needsOf(vdu, vnfd, compute),
    cps: cpsOf(vdu, vnfd),
    instances,
    vnfcs: vnfcsIn(vdu, profile, isInSeveral ? mostIn(flavour, instances) : null),
    isKeptApart: profile !== undefined && isKeptApart(profile, flavour!),
    maintenance: maintenanceOf(profile?.get("nfvi-maintenance-info") ?? nowhere, instances.initial),
    wish: profile === undefined ? wishOf(vdu) : overriding(wishOf(profile), wishOf(vdu)),
    ...(told && { cloudConfig: told }),
    at: vdu.at,
  };
}

/** Those of the profile, else of the VDU; a flavour of several has no more of these than it can have instances. */
function vnfcsIn(vdu: Spot, profile: Spot | undefined, most: number | null): VnfcBlueprint[] {
  const own = profile === undefined ? [] : vnfcsOf(profile);
  if (own.length > 0) return own;
  const all = vnfcsOf(vdu);
  return most === null ? all : all.slice(0, most);
}

const mostIn = (flavour: Spot | undefined, { initial, max }: VduBlueprint["instances"]): number =>
  flavour?.get("scaling-aspect").isThere ? max : initial;

/** What the profile asks for, and else what the VDU does. */
function overriding(profile: ProtectionWish, vdu: ProtectionWish): ProtectionWish {
  const asked = Object.entries(profile).filter(([, v]) => v !== null);
  return { ...vdu, ...Object.fromEntries(asked) };
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
    for (const address of protocol.get("address-data").items("addresses"))
      for (const fixed of address.get("l3-address-data").get("fixed-ip-address").items("addresses")) {
        const ip = fixed.ip("its fixed address");
        if (ip !== null) return ip;
      }
  return cp.get("ip-address").ip("its fixed address"); // OSM's.
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
