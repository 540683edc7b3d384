import { Fault } from "../lib/fault.ts";
import { epochXml } from "./epoch.ts";

/** A vNIC on a persistent tap that exists already, or on a Linux bridge. */
export type VnicSpec = { readonly mac: string; readonly tap: string } | { readonly mac: string; readonly bridge: string };

export interface DiskSpec {
  readonly path: string;
  readonly format: "raw" | "qcow2";
  readonly readOnly?: boolean;
}

/** Everything libvirt needs to know of a server. Paths are of the compute host. */
export interface DomainSpec {
  readonly uuid: string;
  readonly name: string;
  readonly memoryMiB: number;
  readonly vcpus: number;
  /** Direct kernel boot; without it the firmware looks for a disk. */
  readonly kernel?: string;
  readonly initrd?: string;
  readonly cmdline?: string;
  readonly disks?: readonly DiskSpec[];
  readonly vnics: readonly VnicSpec[];
  /** Where QEMU listens for our own monitor, beside libvirt's. At most 107 bytes, as every UNIX socket. */
  readonly qmpSocket: string;
  readonly accel: "kvm" | "tcg";
  /** File for the serial console. Never a socket: one that nobody reads blocks the guest. */
  readonly consoleLog?: string;
}

/** Name of our monitor's character device on QEMU's command line; `qemu-process.ts` finds the socket by it. */
export const QMP_CHARDEV = "sempreqmp";

/**
 * libvirt's domain XML for a server. Pure. A value XML cannot carry (a control character) is refused as INVALID.
 *
 * Off on purpose: checksum and segmentation offload (packets between a tap and a userspace switch would carry unfinished
 * checksums), balloon, USB and graphics (memory and CPU for nothing). A guest that panics or powers off is gone: what
 * follows is decided by the MANO, not by libvirt. `epoch`: of the VIM that defines it (`epoch.ts`).
 */
export function domainXml(spec: DomainSpec, epoch: number | null = null): string {
  const kvm = spec.accel === "kvm";
  const lines = [
    `<domain type='${kvm ? "kvm" : "qemu"}' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>`,
    element("name", spec.name) + element("uuid", spec.uuid) + (epoch === null ? "" : epochXml(epoch)),
    `<memory unit='MiB'>${spec.memoryMiB}</memory><vcpu>${spec.vcpus}</vcpu>`,
    `<os><type arch='x86_64' machine='pc'>hvm</type>${element("kernel", spec.kernel)}${element("initrd", spec.initrd)}${element("cmdline", spec.cmdline)}</os>`,
    `<features><acpi/><apic/>${kvm ? "" : TRANSLATION_CACHE}</features>${kvm ? "<cpu mode='host-passthrough'/>" : ""}<clock offset='utc'/>`,
    "<on_poweroff>destroy</on_poweroff><on_reboot>destroy</on_reboot><on_crash>destroy</on_crash>",
    "<devices>",
    ...(spec.disks ?? []).map(diskXml),
    ...spec.vnics.map(vnicXml),
    ...(spec.consoleLog === undefined
      ? []
      : [`<serial type='file'><source path='${esc(spec.consoleLog)}'/><target port='0'/></serial>`]),
    "<controller type='usb' model='none'/><memballoon model='none'/><panic model='isa'/>",
    "</devices>",
    "<qemu:commandline>",
    qemuArgs(["-chardev", `socket,id=${QMP_CHARDEV},path=${optionValue(spec.qmpSocket)},server=on,wait=off`]),
    qemuArgs(["-mon", `chardev=${QMP_CHARDEV},mode=control`]),
    "</qemu:commandline>",
    "</domain>",
  ];
  return `${lines.join("\n")}\n`;
}

/**
 * Translated code of an emulated guest. QEMU's own choice grows to hundreds of MiB, all of which the kernel must give back before a
 * killed QEMU is gone: time that the twin on the same cores does not get.
 */
const TRANSLATION_CACHE = "<tcg><tb-cache unit='MiB'>32</tb-cache></tcg>";

const element = (name: string, value: string | undefined): string =>
  value === undefined ? "" : `<${name}>${esc(value)}</${name}>`;

function diskXml({ path, format, readOnly }: DiskSpec, i: number): string {
  const dev = `vd${String.fromCharCode("a".charCodeAt(0) + i)}`;
  return `<disk type='file' device='disk'><driver name='qemu' type='${format}'/><source file='${esc(path)}'/><target dev='${dev}' bus='virtio'/>${readOnly ? "<readonly/>" : ""}</disk>`;
}

const OFFLOAD_OFF = "csum='off' tso4='off' tso6='off' ecn='off' ufo='off'";

function vnicXml(vnic: VnicSpec): string {
  const onTap = "tap" in vnic;
  // managed='no': the tap is there before the server and stays after it, so the switch port keeps its number.
  const to = onTap ? `<target dev='${esc(vnic.tap)}' managed='no'/>` : `<source bridge='${esc(vnic.bridge)}'/>`;
  return `<interface type='${onTap ? "ethernet" : "bridge"}'><mac address='${esc(vnic.mac)}'/>${to}<model type='virtio'/><driver><host ${OFFLOAD_OFF} gso='off'/><guest ${OFFLOAD_OFF}/></driver></interface>`;
}

const qemuArgs = (args: readonly string[]): string => args.map((value) => `<qemu:arg value='${esc(value)}'/>`).join("");

/** In a QEMU option string a comma separates; two stand for one. */
const optionValue = (value: string): string => value.replaceAll(",", ",,");

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&apos;", '"': "&quot;" };

/** Text for an element or an attribute. */
function esc(value: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML 1.0 (2.2) cannot carry
  if (/[\u0000-\u001f\ufffe\uffff]/.test(value)) throw new Fault("INVALID", "a control character in a server's description");
  return value.replace(/[&<>'"]/g, (c) => ENTITIES[c]!);
}
