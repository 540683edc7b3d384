import { createHash } from "node:crypto";
import type { CpBlueprint, ExtCpBlueprint, Needs, VduBlueprint, VnfBlueprint, VnfcBlueprint } from "../model/blueprint.ts";
import { readOpenmanoBoot } from "./boot-data.ts";
import { oneOf, quote } from "./flaw.ts";
import { asWritten, type Spot } from "./spot.ts";
import { megabits } from "./units.ts";
import { wishOf } from "./wishes.ts";

// OpenMANO's VNFD 0.1 and 0.2 (openmano_schemas.py of releases ONE to SIX). The fields for redundancy, which the dissertation has in its tables, stand
// at `vnf:`: there the original lets unknown keys through, so one file goes to both.

const NAME_CHARS_MAX = 255;
/** Where the original refuses every key that it does not know. */
const VNFC_KEYS = [
  ...["name", "description", "count", "VNFC image", "image name", "image checksum", "image metadata", "processor", "hypervisor"],
  ...["ram", "vcpus", "disk", "numas", "bridge-ifaces", "devices", "availability_zone", "boot-data", "cloud-config"],
];
const EXTENSIONS = [
  "high_availability",
  "service_interface",
  "replicated",
  "protection",
  "service_ip",
  "data_net",
  "kernel_cmdline",
];
const TOP_KEYS = [
  "name",
  "description",
  "class",
  "public",
  "physical",
  "tenant_id",
  "external-connections",
  "internal-connections",
  "VNFC",
  ...EXTENSIONS,
];
const CONNECTION_TYPES = { mgmt: "bridge", bridge: "bridge", data: "data" } as const;
const COUNT_MAX = 64;

/** Names that people write become names of servers: what these may not have is a "-". */
export const plainName = (name: string): string => name.replaceAll(/[^A-Za-z0-9._-]/g, "-").replace(/^[^A-Za-z0-9]+/, "");

/** These have no version: the same content is the same one, any other is another. */
export const versionOf = (value: unknown): string =>
  createHash("sha256")
    .update(JSON.stringify(value) ?? "")
    .digest("hex")
    .slice(0, 8);

export function readOpenmanoVnf(root: Spot): VnfBlueprint {
  const vnf = root.get("vnf").object("a VNF");
  vnf.misspelt(TOP_KEYS);
  const name = nameOf(vnf.get("name"), "the VNF's name");
  const external = vnf.get("external-connections").items("external connections", 1);
  const version = root.get("schema_version");
  const links = readInternal(vnf, version.isThere && asWritten(version.value) !== "0.1");
  const vnfcs = vnf
    .get("VNFC")
    .items("VNFCs", 1)
    .map((v) => readVnfc(v, name, links));
  for (const [i, v] of vnfcs.entries())
    if (vnfcs.findIndex((o) => o.id === v.id) < i)
      vnf.get("VNFC").refuse(`there are two VNFCs named ${quote(v.id)}`, "give each its own name");
  const vdus = paired(vnf, vnfcs);
  checkInternal(vnf, vnfcs);
  return {
    id: name,
    version: versionOf(root.value),
    name,
    provider: null,
    softwareVersion: null,
    vdus,
    extCps: external.map((e) => readExternal(e, vnfcs, vdus)),
    vips: [],
    at: vnf.at,
  };
}

/** The original forbids , ; ( ) ' and " in names. */
export function nameOf(spot: Spot, what: string): string {
  const text = spot.text(what);
  if (text.length > NAME_CHARS_MAX || /[,;()'"]/.test(text))
    spot.refuse(`${quote(text)} is not possible here`, "write a name without , ; ( ) ' and \"");
  return text;
}

/** `VNFC/interface` → the internal link it is on, and its address there. */
type Internal = ReadonlyMap<string, { readonly link: string; readonly ip: string | null }>;

function readInternal(vnf: Spot, isSecond: boolean): Internal {
  const on = new Map<string, { link: string; ip: string | null }>();
  for (const link of vnf.get("internal-connections").items("internal connections")) {
    const name = link.get("name").text("a name");
    if (isSecond) link.get("type").word({ "e-line": "e-line", "e-lan": "e-lan" }, "its type");
    else link.get("type").word({ bridge: "bridge", data: "data", ptp: "ptp" }, "its type");
    const elements = link.get("elements").items("interfaces", isSecond ? 1 : 2);
    const isPair = link.get("type").value === "ptp" || link.get("type").value === "e-line";
    if (isPair && elements.length > 2)
      link
        .get("type")
        .refuse(`${quote(name)} joins two, and has ${elements.length} elements`, isSecond ? "write e-lan" : "write data");
    for (const e of elements) {
      const key = `${e.get("VNFC").text("the name of a VNFC")}/${e.get("local_iface_name").text("the name of an interface")}`;
      if (on.has(key)) e.refuse(`interface ${key} is on ${quote(on.get(key)!.link)} already`, "leave one of the two");
      on.set(key, { link: name, ip: e.get("ip_address").ipv4("its address") });
    }
  }
  return on;
}

/** Elements name VNFCs and interfaces that there are. */
function checkInternal(vnf: Spot, vnfcs: readonly VduBlueprint[]): void {
  for (const link of vnf.get("internal-connections").items("internal connections"))
    for (const e of link.get("elements").items("interfaces")) checkInterface(e, vnfcs);
}

function checkInterface(spot: Spot, vnfcs: readonly VduBlueprint[]): VduBlueprint | undefined {
  const vnfc = vnfcs.find((v) => v.id === plainName(asWritten(spot.get("VNFC").value)));
  const iface = spot.get("local_iface_name");
  if (!vnfc && spot.get("VNFC").isThere)
    spot.get("VNFC").refuse(`there is no VNFC ${spot.get("VNFC").said}`, oneOf(vnfcs.map((v) => v.id)));
  else if (vnfc && iface.isThere && !vnfc.cps.some((c) => c.id === asWritten(iface.value)))
    iface.refuse(`VNFC ${quote(vnfc.id)} has no interface ${iface.said}`, oneOf(vnfc.cps.map((c) => c.id)));
  return vnfc;
}

function readVnfc(vnfc: Spot, vnf: string, internal: Internal): VduBlueprint {
  vnfc.object("a VNFC").only(VNFC_KEYS);
  const written = nameOf(vnfc.get("name"), "the VNFC's name");
  const id = plainName(written);
  const image = vnfc.get("image name");
  if (!image.isThere) vnfc.get("VNFC image").text('the path of an image, or "image name"');
  else if (vnfc.get("VNFC image").isThere) image.refuse('stands beside "VNFC image"', "write one of the two");
  const count = vnfc.get("count").whole(1, COUNT_MAX, "a number of VMs") ?? 1;
  const told = readOpenmanoBoot(vnfc.first("boot-data", "cloud-config"));
  const zone = vnfc.get("availability_zone").textOr(null, "an availability zone of the VIM");
  return {
    id,
    image: image.isThere ? image.text("the name of an image") : `${vnf}-${written}-img`, // As the original names what it makes.
    flavor: `${vnf}-${written}-flv`,
    needs: needsOf(vnfc),
    cps: interfacesOf(vnfc, written, internal),
    instances: { min: count, max: count, initial: count },
    vnfcs: count === 1 ? [{ id, standby: null, kernelCmdline: null, dataNet: null, at: vnfc.at }] : [],
    isKeptApart: false,
    maintenance: null,
    wish: wishOf(vnfc.get("\0")),
    ...(told && { cloudConfig: told }),
    ...(zone !== null && { availabilityZone: zone }),
    at: vnfc.at,
  };
}

function needsOf(vnfc: Spot): Needs {
  const numas = vnfc.get("numas").items("NUMA nodes");
  const memory = numas.map((n) => n.get("memory").whole(0, 24_576, "huge pages in GB") ?? 0).reduce((a, b) => a + b, 0);
  const threads = numas
    .map((n) =>
      ["cores", "threads", "paired-threads"]
        .map((k) => (n.get(k).whole(0, 1024, "how many") ?? 0) * (k === "paired-threads" ? 2 : 1))
        .reduce((a, b) => a + b, 0),
    )
    .reduce((a, b) => a + b, 0);
  const ram = vnfc.get("ram").whole(0, 24_576 * 1024, "memory in MB");
  return {
    memoryMiB: ram ?? (memory > 0 ? memory * 1024 : null),
    vcpus: vnfc.get("vcpus").whole(0, 1024, "a number of CPUs") ?? (threads > 0 ? threads : null),
    diskGiB: vnfc.get("disk").whole(0, 1_000_000, "the disk in GB"),
  };
}

function interfacesOf(vnfc: Spot, name: string, internal: Internal): CpBlueprint[] {
  const spots = [
    ...vnfc.get("bridge-ifaces").items("interfaces"),
    ...vnfc
      .get("numas")
      .items("NUMA nodes")
      .flatMap((n) => n.get("interfaces").items("interfaces")),
  ];
  const seen = new Set<string>();
  return spots.map((spot) => {
    const id = nameOf(spot.get("name"), "the interface's name");
    if (seen.has(id)) spot.get("name").refuse(`${quote(id)} is another interface's name`, "write another one");
    seen.add(id);
    if (spot.get("bandwidth").isThere) megabits(spot.get("bandwidth"));
    const on = internal.get(`${name}/${id}`);
    return { id, ip: on?.ip ?? null, link: on?.link ?? null, mayBeOpen: true as const, at: spot.at };
  });
}

/** VNFCs as VDUs; those that protect each other are one. */
function paired(vnf: Spot, vnfcs: readonly VduBlueprint[]): VduBlueprint[] {
  const wish = wishOf(vnf);
  const extra = (key: string, vnfc: string): string | null => vnf.get(key).get(vnfc).textOr(null, "a text");
  const named = vnfcs.map((v) => ({
    ...v,
    vnfcs: v.vnfcs.map((c) => ({
      ...c,
      dataNet: extra("data_net", v.id),
      kernelCmdline: vnf.get("kernel_cmdline").get(v.id).isThere
        ? vnf.get("kernel_cmdline").get(v.id).words("words for the kernel")
        : null,
    })),
  }));
  if (wish.scheme === null) {
    for (const key of EXTENSIONS.slice(1, 5))
      if (vnf.get(key).isThere) vnf.get(key).refuse("nothing is protected", "write high_availability beside it, or remove it");
    return named;
  }
  const group = protectedOf(vnf, named, wish.serviceCp);
  const [first] = group;
  if (first === undefined) return named;
  for (const other of group.slice(1)) checkTwin(vnf, first, other);
  const isOne = group.length === 1;
  const count = isOne ? Math.max(2, first.instances.initial) : group.length;
  const members: VnfcBlueprint[] = isOne ? [] : group.flatMap((v) => v.vnfcs);
  const ip = vnf.get("service_ip").ipv4("the service's address");
  const cps = first.cps.map((c) => (c.id === wish.serviceCp && ip !== null ? { ...c, ip } : c));
  const vdu = { ...first, cps, instances: { min: count, max: count, initial: count }, vnfcs: members, isKeptApart: true, wish };
  return [vdu, ...named.filter((v) => !group.includes(v))];
}

/** As `replicated` says (VNFC: twin); else those that have the service interface. */
function protectedOf(vnf: Spot, vnfcs: readonly VduBlueprint[], service: string | null): VduBlueprint[] {
  const replicated = vnf.get("replicated");
  if (service === null) vnf.get("service_interface").text("the name of the interface that the service is at");
  if (!replicated.isThere) {
    const having = vnfcs.filter((v) => v.cps.some((c) => c.id === service));
    if (service !== null && having.length === 0)
      vnf
        .get("service_interface")
        .refuse(`no VNFC has an interface ${quote(service)}`, oneOf([...new Set(vnfcs.flatMap((v) => v.cps.map((c) => c.id)))]));
    return having;
  }
  const pairs = replicated.entries("VNFC: its twin");
  const ids = [...new Set(pairs.flatMap(([a, b]) => [plainName(a), plainName(b.text("the name of its twin"))]))];
  for (const [a, b] of pairs)
    for (const name of [plainName(a), plainName(asWritten(b.value))])
      if (!vnfcs.some((v) => v.id === name)) b.refuse(`there is no VNFC ${quote(name)}`, oneOf(vnfcs.map((v) => v.id)));
  if (ids.length === 1) replicated.refuse(`${quote(ids[0]!)} is its own twin`, "name another VNFC");
  return ids.flatMap((id) => vnfcs.find((v) => v.id === id) ?? []);
}

/** Twins are interchangeable (decision 0013): the same interfaces, and an image each that may differ in name only where the original makes it. */
function checkTwin(vnf: Spot, a: VduBlueprint, b: VduBlueprint): void {
  const names = (v: VduBlueprint) => v.cps.map((c) => c.id).join(", ");
  if (names(a) !== names(b))
    vnf.get("VNFC").refuse(`${a.id} has the interfaces ${names(a)}, its twin ${b.id} ${names(b)}`, "give twins the same");
  if (JSON.stringify(a.needs) !== JSON.stringify(b.needs))
    vnf.get("VNFC").refuse(`${a.id} and its twin ${b.id} differ in ram, vcpus, disk or numas`, "give twins the same");
}

function readExternal(external: Spot, vnfcs: readonly VduBlueprint[], vdus: readonly VduBlueprint[]): ExtCpBlueprint {
  const id = nameOf(external.object("an external connection").get("name"), "a name");
  const kind = external.get("type").word<"bridge" | "data">(CONNECTION_TYPES, "its type");
  if (!external.get("type").isThere) external.get("type").text("its type: mgmt, bridge or data");
  if (!external.get("VNFC").isThere) external.get("VNFC").text("the name of a VNFC");
  if (!external.get("local_iface_name").isThere) external.get("local_iface_name").text("the name of an interface");
  const vnfc = checkInterface(external, vnfcs);
  const vdu = vdus.find((v) => v.id === vnfc?.id || v.vnfcs.some((c) => c.id === vnfc?.id));
  const isOneOfSeveral = (vdu?.vnfcs.length ?? 0) > 1;
  return {
    id,
    vdu: vdu?.id ?? null,
    cp: external.get("local_iface_name").textOr(null, "the name of an interface"),
    link: null,
    ...(isOneOfSeveral && vnfc && { vnfc: vnfc.id }),
    ...(kind !== null && { kind }),
    at: external.at,
  };
}
