import { Fault } from "../lib/fault.ts";
import { esc } from "./xml-text.ts";

// Devices of a server as libvirt's domain XML. Pure.

interface Plugged {
  /** Where the guest sees it on its PCI bus, as "0000:00:10.0"; where libvirt puts it, if not given. */
  readonly vpci?: string | undefined;
}

/**
 * A virtual network interface: on a persistent tap that exists already, on one that libvirt makes and plugs into a bridge of OVS, on a Linux
 * bridge, or beside a device of the host on its wire (macvtap, mode `bridge`).
 */
export type VnicSpec = Plugged & {
  readonly mac: string;
  /** QEMU's name of the card that the guest sees; virtio unless told. */
  readonly model?: string | undefined;
} & (
    | { readonly tap: string; readonly ovsBridge?: string }
    | { readonly bridge: string; readonly tap?: string }
    | { readonly device: string }
  );

/** A function of the host's card that the guest drives itself: a whole card (PF), or a virtual function (VF) that tags its packets. */
export type CardSpec = Plugged &
  ({ readonly pf: string } | { readonly vf: string; readonly mac: string; readonly vlan: number | null });

export type DiskBus = "virtio" | "ide" | "usb";

/** A disk or a CD-ROM. */
export type DiskSpec = Plugged & {
  readonly path: string;
  readonly format: "raw" | "qcow2";
  readonly bus: DiskBus;
  readonly device: "disk" | "cdrom";
  readonly readOnly?: boolean;
};

/** The guest's names of disks begin with these, counted on for each. */
const PREFIX: Readonly<Record<DiskBus, string>> = { virtio: "vd", ide: "hd", usb: "sd" };

/** The guest's names of its disks, in their order. */
export function devNames(disks: readonly DiskSpec[]): string[] {
  const count = { virtio: 0, ide: 0, usb: 0 };
  return disks.map(({ bus }) => `${PREFIX[bus]}${String.fromCharCode("a".charCodeAt(0) + count[bus]++)}`);
}

export function disksXml(disks: readonly DiskSpec[]): string[] {
  const names = devNames(disks);
  return disks.map((disk, i) => diskXml(disk, names[i]!));
}

function diskXml({ path, format, bus, device, readOnly, vpci }: DiskSpec, dev: string): string {
  const end = readOnly || device === "cdrom" ? "<readonly/>" : "";
  const at = bus === "virtio" ? vpciXml({ vpci }) : "";
  return `<disk type='file' device='${device}'><driver name='qemu' type='${format}'/><source file='${esc(path)}'/><target dev='${dev}' bus='${bus}'/>${end}${at}</disk>`;
}

const OFFLOAD_OFF = "csum='off' tso4='off' tso6='off' ecn='off' ufo='off'";
const VIRTIO = `<model type='virtio'/><driver><host ${OFFLOAD_OFF} gso='off'/><guest ${OFFLOAD_OFF}/></driver>`;

export function nicXml(nic: VnicSpec | CardSpec): string {
  if ("pf" in nic)
    return `<hostdev mode='subsystem' type='pci' managed='yes'><source>${pciXml(nic.pf)}</source>${vpciXml(nic)}</hostdev>`;
  if ("vf" in nic) {
    const vlan = nic.vlan === null ? "" : `<vlan><tag id='${nic.vlan}'/></vlan>`;
    const source = `<source>${pciXml(nic.vf, "pci")}</source>`;
    return `<interface type='hostdev' managed='yes'><mac address='${esc(nic.mac)}'/>${source}${vlan}${vpciXml(nic)}</interface>`;
  }
  const { model = "virtio" } = nic;
  const card = model === "virtio" ? VIRTIO : `<model type='${esc(model)}'/>`;
  const { type, to } = pluggedXml(nic);
  return `<interface type='${type}'><mac address='${esc(nic.mac)}'/>${to}${card}${vpciXml(nic)}</interface>`;
}

function pluggedXml(nic: VnicSpec): { readonly type: "ethernet" | "bridge" | "direct"; readonly to: string } {
  if ("bridge" in nic) return { type: "bridge", to: `<source bridge='${esc(nic.bridge)}'/>${targetXml(nic)}` };
  if ("device" in nic) return { type: "direct", to: `<source dev='${esc(nic.device)}' mode='bridge'/>` };
  const { tap, ovsBridge } = nic;
  // managed='no': the tap is there before the server and stays after it, so the switch port keeps its number.
  if (ovsBridge === undefined) return { type: "ethernet", to: `<target dev='${esc(tap)}' managed='no'/>` };
  return {
    type: "bridge",
    to: `<source bridge='${esc(ovsBridge)}'/><virtualport type='openvswitch'/><target dev='${esc(tap)}'/>`,
  };
}

/** Without it libvirt names the tap, and takes it for its own to name where it begins with `vnet`. */
const targetXml = ({ tap }: { readonly tap?: string }): string => (tap === undefined ? "" : `<target dev='${esc(tap)}'/>`);

const vpciXml = ({ vpci }: Plugged): string => (vpci === undefined ? "" : pciXml(vpci, "pci"));

/** Throws INVALID for what is no PCI address. */
function pciXml(pci: string, type?: "pci"): string {
  const parts = /^([0-9a-f]{4}):([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])$/i.exec(pci);
  if (!parts) throw new Fault("INVALID", `'${pci}' is no PCI address: want one such as 0000:04:00.1`);
  const [, domain, bus, slot, func] = parts;
  return `<address${type ? ` type='${type}'` : ""} domain='0x${domain}' bus='0x${bus}' slot='0x${slot}' function='0x${func}'/>`;
}
