// What of a compute host a server can have for itself: huge pages, threads, network cards; all of one NUMA node.

/** A NUMA node of a host. */
export interface Numa {
  readonly numaSocket: number;
  /** Memory in huge pages for guests, and all of its memory. */
  readonly hugepagesGiB: number;
  readonly memoryGiB: number;
  readonly adminUp: boolean;
  readonly cores: readonly Thread[];
  readonly interfaces: readonly HostInterface[];
}

/** One hardware thread; `coreId` is shared by the threads of a core. A `status` other than null, and it is not for guests alone. */
export interface Thread {
  readonly coreId: number;
  readonly threadId: number;
  readonly status: string | null;
}

/** A network card of a host (PF); `switchPort` names the OpenFlow port it is cabled to. */
export interface HostInterface {
  readonly sourceName: string;
  readonly pci: string;
  readonly mac: string;
  readonly mbps: number;
  readonly switchPort: string | null;
  readonly switchDpid: string | null;
  readonly switchMac: string | null;
  readonly sriovs: readonly Sriov[];
}

/** A virtual function of a card (VF). */
export interface Sriov {
  readonly pci: string;
  readonly mac: string;
  readonly sourceName: string;
}

/** A change at a NUMA node that is there: up or down, and where its cards are cabled to. */
export interface NumaChange {
  readonly numaSocket: number;
  readonly adminUp?: boolean | undefined;
  readonly interfaces?: readonly CardChange[] | undefined;
}

export interface CardChange {
  readonly sourceName: string;
  readonly switchPort?: string | null | undefined;
  readonly switchDpid?: string | null | undefined;
}

/** A whole card, a virtual function with the net's VLAN, a virtual function of a card that nobody else uses. */
export type Dedicated = "yes" | "no" | "yes:sriov";
export type PinKind = "cores" | "threads" | "paired-threads";

/** OpenVIM's `extended` of a flavor or server, as it was given. */
export interface Extended {
  readonly devices?: readonly ExtendedDevice[];
  readonly numas?: readonly ExtendedNuma[];
  readonly [key: string]: unknown;
}

export interface ExtendedDevice {
  readonly type: "usb" | "disk" | "cdrom" | "xml";
  readonly vpci?: string;
  readonly imageRef?: string;
  readonly xml?: string;
  readonly dev?: string;
  /** GB; of a disk without an image, or one that is to be larger than its image. */
  readonly size?: number;
}

export interface ExtendedNuma {
  /** GB in huge pages. */
  readonly memory?: number;
  readonly cores?: number;
  readonly threads?: number;
  readonly "paired-threads"?: number;
  /** The guest's numbers of its CPUs, in the order in which threads of the host are found for them. */
  readonly "cores-id"?: readonly number[];
  readonly "threads-id"?: readonly number[];
  readonly "paired-threads-id"?: readonly (readonly number[])[];
  readonly interfaces?: readonly ExtendedInterface[];
}

export interface ExtendedInterface {
  readonly name?: string;
  readonly dedicated: Dedicated;
  /** Such as "10 Gbps". */
  readonly bandwidth: string;
  readonly vpci?: string;
  /** Net it is on; of a server only. */
  readonly uuid?: string;
  readonly mac_address?: string;
}

/** What a server has for itself, booked with its row and freed with it. */
export interface Pinned {
  readonly numaSocket: number;
  readonly hugepagesGiB: number;
  /** Null: its CPUs are not pinned. */
  readonly kind: PinKind | null;
  readonly threads: readonly PinnedThread[];
  readonly interfaces: readonly PinnedInterface[];
}

export interface PinnedThread {
  readonly coreId: number;
  readonly threadId: number;
  /** The guest's CPU that runs on it; null: kept idle, as its core is given as a whole. */
  readonly vcpu: number | null;
}

export interface PinnedInterface {
  readonly name: string;
  readonly dedicated: Dedicated;
  /** The function that is passed to the guest, and the card it belongs to. */
  readonly pci: string;
  readonly cardPci: string;
  readonly mac: string;
  /** Booked on the card: all of it where nobody else may use it. */
  readonly mbps: number;
  readonly switchPort: string | null;
}

/** "10 Gbps", "100 Mbps" or "100" in Mbps. */
export function mbpsOf(text: string): number {
  const [, amount = "0", unit] = /^([0-9]+) *([MG])?/.exec(text) ?? [];
  return Number(amount) * (unit === "G" ? 1_000 : 1);
}

/** As OpenVIM shows it. */
export const bandwidthText = (mbps: number): string => (mbps > 0 && mbps % 1_000 === 0 ? `${mbps / 1_000} Gbps` : `${mbps} Mbps`);

/** OpenVIM's word for a link port that is a function of a card, by what its interface was given. */
export const CARD_MODELS = { yes: "PF", no: "VF", "yes:sriov": "VFnotShared" } as const satisfies Record<Dedicated, string>;
export type CardModel = (typeof CARD_MODELS)[Dedicated];

/** Whether a link port is a function of a card: it has no tap, and the switch port it names is where the card is cabled to. */
export const isOfCard = ({ model }: { readonly model: string | null }): boolean =>
  Object.values<string | null>(CARD_MODELS).includes(model);
