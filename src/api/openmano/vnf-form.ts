import { createHash, randomUUID } from "node:crypto";
import type { VnfBlueprint } from "../../model/blueprint.ts";
import type { OmFlavor, OmImage, OmInterface, OmIpProfile, OmVm, OmVnf, OmVnfNet } from "../../model/openmano.ts";

// OpenMANO's VNFD 0.1 and 0.2 as its API shows them. What is wrong in one the descriptor's reader has refused before.

type Row = Readonly<Record<string, unknown>>;
const rows = (value: unknown): readonly Row[] => (Array.isArray(value) ? (value as Row[]) : []);
const textOr = (value: unknown): string | null => (value === undefined || value === null ? null : String(value));
const numberOf = (value: unknown): number => (typeof value === "number" ? value : 0);

/** The same uuid for the same text, wherever it is asked for: what two VNFs have in common is one thing in the VIM. */
export function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export interface VnfMade {
  readonly uuid: string;
  readonly tenantId: string;
  readonly blueprint: VnfBlueprint;
  readonly now: string;
}

export function vnfOf(body: unknown, made: VnfMade): OmVnf {
  const { vnf, schema_version } = body as { vnf: Row; schema_version?: unknown };
  const nets = rows(vnf["internal-connections"]).map((net) => netOf(net, String(schema_version ?? "0.1") !== "0.1"));
  const name = String(vnf.name);
  return {
    uuid: made.uuid,
    tenantId: made.tenantId,
    name,
    description: textOr(vnf.description) ?? name,
    public: vnf.public === true,
    createdAt: made.now,
    vms: rows(vnf.VNFC).map((vnfc) => vmOf(vnfc, vnf, nets)),
    nets: nets.map((n) => n.net),
    blueprint: made.blueprint,
  };
}

interface NetOfVnf {
  readonly net: OmVnfNet;
  readonly elements: readonly Row[];
}

function netOf(net: Row, isSecond: boolean): NetOfVnf {
  const name = String(net.name);
  const isPair = net.type === "e-line" || net.type === "ptp";
  const first = net.type as OmVnfNet["type"];
  const second = net.implementation === "underlay" ? (isPair ? "ptp" : "data") : "bridge";
  return {
    net: {
      uuid: randomUUID(),
      name,
      description: textOr(net.description),
      type: isSecond ? second : first,
      ipProfile: ipProfileOf(net["ip-profile"]),
    },
    elements: rows(net.elements),
  };
}

/** With the names it has in replies. */
export function ipProfileOf(profile: unknown): OmIpProfile | null {
  if (typeof profile !== "object" || profile === null) return null;
  const { dhcp, ...rest } = profile as Row;
  const told = Object.entries(rest).map(([key, value]) => [key.replaceAll("-", "_"), value] as const);
  const { enabled, "start-address": start, count } = (dhcp ?? {}) as Row;
  return {
    ip_version: "IPv4",
    ...Object.fromEntries(told),
    ...(enabled !== undefined && { dhcp_enabled: String(enabled) }),
    ...(start !== undefined && { dhcp_start_address: start }),
    ...(count !== undefined && { dhcp_count: count }),
  };
}

function vmOf(vnfc: Row, vnf: Row, nets: readonly NetOfVnf[]): OmVm {
  const name = String(vnfc.name);
  const flavor = flavorOf(vnfc, `${String(vnf.name)}-${name}-flv`);
  const image = imageOf(vnfc, `${String(vnf.name)}-${name}-img`);
  const { name: _, ...needs } = flavor;
  return {
    uuid: randomUUID(),
    name,
    description: textOr(vnfc.description) ?? name,
    count: typeof vnfc.count === "number" ? vnfc.count : 1,
    availabilityZone: textOr(vnfc.availability_zone),
    bootData: vnfc["boot-data"] ?? null,
    flavorId: uuidOf(`flavor ${JSON.stringify(needs)}`),
    imageId: uuidOf(`image ${image.path ?? image.name}`),
    flavor,
    image,
    interfaces: interfacesOf(vnfc, vnf, nets),
  };
}

/** A VM that does not say is a small one. MB of RAM are those of its huge pages where it has only these. */
function flavorOf(vnfc: Row, name: string): OmFlavor {
  const numas = rows(vnfc.numas);
  const sum = (of: (numa: Row) => number) => numas.map(of).reduce((a, b) => a + b, 0);
  const threads = sum((n) => numberOf(n.threads) + numberOf(n.cores) + 2 * numberOf(n["paired-threads"]));
  const ram = numberOf(vnfc.ram) || 1_024 * sum((n) => numberOf(n.memory));
  return { name, ram: ram || 512, vcpus: numberOf(vnfc.vcpus) || threads || 1, disk: numberOf(vnfc.disk) };
}

function imageOf(vnfc: Row, name: string): OmImage {
  const metadata = (vnfc["image metadata"] ?? null) as OmImage["metadata"];
  const path = textOr(vnfc["VNFC image"]);
  return { path, name: path === null ? String(vnfc["image name"]) : name, metadata };
}

const MODELS: Readonly<Record<string, string>> = { yes: "PF", no: "VF", "yes:sriov": "VFnotShared" };

function interfacesOf(vnfc: Row, vnf: Row, nets: readonly NetOfVnf[]): OmInterface[] {
  const isOf = (e: Row, iface: Row) => String(e.VNFC) === String(vnfc.name) && String(e.local_iface_name) === String(iface.name);
  const externals = rows(vnf["external-connections"]);
  const one = (iface: Row, type: OmInterface["type"], model: string | null): OmInterface => {
    const external = externals.find((e) => isOf(e, iface));
    const on = nets.find((n) => n.elements.some((e) => isOf(e, iface)));
    const element = on?.elements.find((e) => isOf(e, iface));
    return {
      uuid: randomUUID(),
      internalName: String(iface.name),
      externalName: external === undefined ? null : String(external.name),
      netId: on?.net.uuid ?? null,
      type: (external?.type ?? type) as OmInterface["type"],
      vpci: textOr(iface.vpci),
      mac: textOr(iface.mac_address),
      bw: megabitsOf(iface.bandwidth),
      model,
      ipAddress: textOr(element?.ip_address),
      portSecurity: iface["port-security"] !== false,
      floatingIp: iface["floating-ip"] === true,
    };
  };
  return [
    ...rows(vnfc["bridge-ifaces"]).map((i) => one(i, "bridge", textOr(i.model))),
    ...rows(vnfc.numas)
      .flatMap((n) => rows(n.interfaces))
      .map((i) => one(i, "data", MODELS[String(i.dedicated)] ?? null)),
  ];
}

const UNITS: Readonly<Record<string, number>> = { gbps: 1_000, mbps: 1, kbps: 0.001, bps: 0.000_001 };

/** `10 Gbps` → 10000; null where nothing is said. */
function megabitsOf(text: unknown): number | null {
  const [, amount, unit = ""] = /^\s*([0-9.]+)\s*([A-Za-z]+)\s*$/.exec(textOr(text) ?? "") ?? [];
  const factor = UNITS[unit.toLowerCase()];
  return amount === undefined || factor === undefined ? null : Math.round(Number(amount) * factor);
}
