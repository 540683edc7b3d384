import { XMLParser } from "fast-xml-parser";
import type { HostInterface, Numa, Sriov, Thread } from "../model/numa.ts";

// What a host has, from libvirt's words of it (formatcaps, formatnode). Pure.

/** What libvirt says of a host. */
export interface Topology {
  readonly numas: readonly Numa[];
  /** It can run x86 guests in hardware. */
  readonly hasKvm: boolean;
}

const KIB_PER_GIB = 1_048_576;
/** The two sizes of huge pages of x86, KiB. Where a host has the larger ones, guests are given those, as in OpenVIM. */
const HUGE_PAGES_KIB = [1_048_576, 2_048] as const;
/** What a driver says of a link whose speed it does not know (SPEED_UNKNOWN). */
const SPEED_UNKNOWN = 4_294_967_295;

// biome-ignore lint/suspicious/noExplicitAny: a document of somebody else, read member by member
type Xml = any;

const SEVERAL = new Set(["cell", "cpu", "pages", "guest", "domain", "address", "capability"]);
const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "",
  parseAttributeValue: false,
  parseTagValue: false,
  isArray: (name, path, _leaf, isAttribute) => !isAttribute && SEVERAL.has(name) && path !== "capabilities.host.cpu",
});

/**
 * `guestThreads`: those that are for guests alone; libvirt knows of none, as that is the kernel's `isolcpus` and the operator's choice. The
 * others carry what is not pinned.
 */
export function topologyOf(capabilities: string, devices: readonly string[], guestThreads: ReadonlySet<number>): Topology {
  const { capabilities: all } = parser.parse(capabilities) as Xml;
  const cells: Xml[] = all?.host?.topology?.cells?.cell ?? [];
  const cards = cardsOf(devices.map((xml) => parser.parse(xml)?.device));
  const ids = cells.map((c) => Number(c.id));
  // A card that names no node, or one that is not there, is as near to the first as to any.
  const nodeOf = (node: number | null) => (node !== null && ids.includes(node) ? node : ids[0]);
  return {
    numas: cells.map((cell) => ({
      ...numaOf(cell, guestThreads),
      interfaces: cards.filter((c) => nodeOf(c.node) === Number(cell.id)).map((c) => c.card),
    })),
    hasKvm: (all?.guest ?? []).some(
      (g: Xml) => g.arch?.name === "x86_64" && (g.arch.domain ?? []).some((d: Xml) => d.type === "kvm"),
    ),
  };
}

function numaOf(cell: Xml, guestThreads: ReadonlySet<number>): Omit<Numa, "interfaces"> {
  return {
    numaSocket: Number(cell.id),
    hugepagesGiB: hugepagesGiB(cell.pages ?? []),
    memoryGiB: Math.floor(Number(cell.memory?.["#text"] ?? 0) / KIB_PER_GIB),
    adminUp: true,
    cores: threadsOf(cell.cpus?.cpu ?? [], guestThreads),
  };
}

function hugepagesGiB(pages: readonly Xml[]): number {
  const countOf = (sizeKib: number) => Number(pages.find((p) => Number(p.size) === sizeKib)?.["#text"] ?? 0);
  const sizeKib = HUGE_PAGES_KIB.find((size) => countOf(size) > 0);
  return sizeKib === undefined ? 0 : Math.floor((countOf(sizeKib) * sizeKib) / KIB_PER_GIB);
}

/** Threads of a core name each other as siblings; its number is the kernel's where that is one core's alone, else that of its first thread. */
function threadsOf(cpus: readonly Xml[], guestThreads: ReadonlySet<number>): Thread[] {
  const firstOf = (cpu: Xml) => Number(/^\d+/.exec(cpu.siblings ?? cpu.id)?.[0] ?? cpu.id);
  const coresNamed = Map.groupBy(cpus, (cpu) => Number(cpu.core_id));
  const isAmbiguous = [...coresNamed.values()].some((same) => new Set(same.map(firstOf)).size > 1);
  return cpus.map((cpu) => ({
    coreId: isAmbiguous || cpu.core_id === undefined ? firstOf(cpu) : Number(cpu.core_id),
    threadId: Number(cpu.id),
    status: guestThreads.has(Number(cpu.id)) ? null : "noteligible",
  }));
}

interface Card {
  readonly node: number | null;
  readonly card: HostInterface;
}

/** Network cards on the PCI bus, each with its virtual functions; a virtual function is no card of its own. */
function cardsOf(devices: readonly Xml[]): Card[] {
  const capabilityOf = (device: Xml, type: string) => device?.capability?.find((c: Xml) => c.type === type);
  const pci = new Map<string, Xml>(devices.flatMap((d) => (capabilityOf(d, "pci") ? [[d.name, capabilityOf(d, "pci")]] : [])));
  const nets = devices.flatMap((d) => (capabilityOf(d, "net") ? [{ on: d.parent as string, net: capabilityOf(d, "net") }] : []));
  const macAt = (address: string) =>
    nets.find(({ on }) => pci.has(on) && addressOf(pci.get(on)) === address)?.net.address?.[0] ?? "";
  return nets.flatMap(({ on, net }) => {
    const function_ = pci.get(on);
    if (function_ === undefined || isVirtual(function_)) return [];
    const node = function_.numa?.node === undefined ? null : Number(function_.numa.node);
    const card = {
      sourceName: String(net.interface),
      pci: addressOf(function_),
      mac: String(net.address?.[0] ?? ""),
      mbps: speedOf(net.link),
      ...{ switchPort: null, switchDpid: null, switchMac: null },
      sriovs: virtualFunctionsOf(function_, macAt),
    };
    return [{ node, card }];
  });
}

const isVirtual = (pci: Xml): boolean => (pci.capability ?? []).some((c: Xml) => c.type === "phys_function");

function virtualFunctionsOf(pci: Xml, macAt: (address: string) => string): Sriov[] {
  const functions: Xml[] = (pci.capability ?? []).find((c: Xml) => c.type === "virt_functions")?.address ?? [];
  return functions.map((f, i) => {
    const address = pciAddress(f.domain, f.bus, f.slot, f.function);
    return { pci: address, mac: macAt(address), sourceName: String(i) };
  });
}

const speedOf = (link: Xml): number => {
  const mbps = Number(link?.speed ?? 0);
  return Number.isInteger(mbps) && mbps > 0 && mbps < SPEED_UNKNOWN ? mbps : 0;
};

/** A device's own address is in decimal, one that it names elsewhere is in hex with "0x". */
const addressOf = (pci: Xml): string => pciAddress(pci.domain, pci.bus, pci.slot, pci.function);
const pciAddress = (domain: string, bus: string, slot: string, func: string): string =>
  `${hex(domain, 4)}:${hex(bus, 2)}:${hex(slot, 2)}.${hex(func, 1)}`;
const hex = (text: string, digits: number): string => Number(text).toString(16).padStart(digits, "0");
