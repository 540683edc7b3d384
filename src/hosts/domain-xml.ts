import { AGENT_PORT } from "../wire/guest-agent.ts";
import { type CardSpec, type DiskSpec, disksXml, nicXml, type VnicSpec } from "./domain-devices.ts";
import { epochXml } from "./epoch.ts";
import { element, esc } from "./xml-text.ts";

/** libvirt's `<watchdog action>`, in OpenStack's choice of them (`hw_watchdog_action`). */
export const WATCHDOG_ACTIONS = ["poweroff", "reset", "pause", "none"] as const;
export type WatchdogAction = (typeof WATCHDOG_ACTIONS)[number];

/** libvirt's `<video><model type>`, those that any guest has a driver for, in OpenStack's name of the property (`hw_video_model`). */
export const SCREEN_CARDS = ["vga", "cirrus", "virtio"] as const;
export type ScreenCard = (typeof SCREEN_CARDS)[number];

/** Everything libvirt needs to know of a server. Paths are of the compute host. */
export interface DomainSpec {
  readonly uuid: string;
  readonly name: string;
  readonly memoryMiB: number;
  readonly vcpus: number;
  readonly numa?: NumaSpec | undefined;
  /** The host's threads for CPUs that are not pinned, as "0-3,8"; without it all of them. */
  readonly cpuset?: string | undefined;
  /** Direct kernel boot; without it the firmware looks for a disk. */
  readonly kernel?: string;
  readonly initrd?: string;
  readonly cmdline?: string;
  readonly disks?: readonly DiskSpec[];
  /** Devices as libvirt's XML, as an administrator wrote them. */
  readonly rawDevices?: readonly string[];
  /** All CPUs in one socket, with so many threads to a core; without it a socket for each. */
  readonly threadsPerCore?: 1 | 2 | undefined;
  /** A guest that restarts itself goes on where it is; without it, it ends there, as one that powers off. */
  readonly restartsItself?: boolean;
  /** In the order in which the guest finds them. */
  readonly vnics: readonly (VnicSpec | CardSpec)[];
  /** Where QEMU listens for our own monitor, beside libvirt's; at most 107 bytes, as every UNIX socket. None: we are on another machine. */
  readonly qmpSocket?: string;
  /** Where QEMU listens for whoever speaks to the guest's agent; none: the guest has no such channel. */
  readonly agentSocket?: string;
  readonly accel: "kvm" | "tcg";
  /** What a watchdog that the guest has set and not fed does; none: the guest has no such device. */
  readonly watchdog?: WatchdogAction;
  /** File that all is written to that the guest says on its serial console; none: nobody keeps it. */
  readonly consoleLog?: string;
  /** Socket of its screen (VNC), and the card that it sees; none: it has no screen. */
  readonly screen?: { readonly socket: string; readonly card: ScreenCard };
}

/** The NUMA node that memory comes from, and which of its threads each CPU of the guest has. */
export interface NumaSpec {
  readonly node: number;
  readonly hasHugepages: boolean;
  readonly pins: readonly { readonly vcpu: number; readonly thread: number }[];
}

/** Name of our monitor's character device on QEMU's command line; `qemu-process.ts` finds the socket by it. */
export const QMP_CHARDEV = "sempreqmp";
/** The same for the channel of the guest agent. Past libvirt, which would take it for itself and would be asked nothing while it restarts. */
export const AGENT_CHARDEV = "sempreagent";

/**
 * libvirt's domain XML for a server. Pure. A value XML cannot carry (a control character) is refused as INVALID.
 *
 * Off on purpose: checksum and segmentation offload (packets between a tap and a userspace switch would carry unfinished
 * checksums), balloon, USB, and a screen unless one is asked for (memory and CPU for nothing). A guest that panics or powers off is gone: what
 * follows is decided by the MANO, not by libvirt. One that restarts itself does what its owner wants of it. `epoch`: of the VIM that defines it (`epoch.ts`).
 */
export function domainXml(spec: DomainSpec, epoch: number | null = null): string {
  const kvm = spec.accel === "kvm";
  const lines = [
    `<domain type='${kvm ? "kvm" : "qemu"}' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>`,
    element("name", spec.name) + element("uuid", spec.uuid) + (epoch === null ? "" : epochXml(epoch)),
    `<memory unit='MiB'>${spec.memoryMiB}</memory>${numaXml(spec)}`,
    `<os><type arch='x86_64' machine='pc'>hvm</type>${element("kernel", spec.kernel)}${element("initrd", spec.initrd)}${element("cmdline", spec.cmdline)}${bootXml(spec)}</os>`,
    `<features><acpi/><apic/>${kvm ? "" : TRANSLATION_CACHE}</features>${cpuXml(spec)}<clock offset='utc'/>`,
    `<on_poweroff>destroy</on_poweroff><on_reboot>${spec.restartsItself ? "restart" : "destroy"}</on_reboot><on_crash>destroy</on_crash>`,
    "<devices>",
    ...disksXml(spec.disks ?? []),
    ...spec.vnics.map(nicXml),
    ...(spec.rawDevices ?? []),
    serialXml(spec),
    ...(spec.screen === undefined ? [] : [screenXml(spec.screen)]),
    ...(spec.watchdog === undefined ? [] : [`<watchdog model='i6300esb' action='${spec.watchdog}'/>`]),
    ...(spec.agentSocket === undefined ? [] : ["<controller type='virtio-serial' index='0'/>"]),
    `<controller type='usb' model='${spec.disks?.some((d) => d.bus === "usb") ? "piix3-uhci" : "none"}'/><memballoon model='none'/><panic model='isa'/>`,
    "</devices>",
    "<qemu:commandline>",
    ...(spec.qmpSocket === undefined ? [] : [qemuArgs(monitorArgs(spec.qmpSocket))]),
    ...(spec.agentSocket === undefined ? [] : [qemuArgs(agentArgs(spec.agentSocket))]),
    "</qemu:commandline>",
    "</domain>",
  ];
  return `${lines.join("\n")}\n`;
}

/** Memory and CPUs of one NUMA node (libvirt's formatdomain, "CPU Tuning", "NUMA Node Tuning", "Memory Backing"). */
function numaXml({ vcpus, numa, cpuset }: DomainSpec): string {
  const pins = numa?.pins ?? [];
  const shared = pins.length === 0 && cpuset !== undefined ? ` cpuset='${esc(cpuset)}'` : "";
  const vcpuPins = pins.map((p) => `<vcpupin vcpu='${p.vcpu}' cpuset='${p.thread}'/>`).join("");
  return [
    numa?.hasHugepages ? "<memoryBacking><hugepages/></memoryBacking>" : "",
    `<vcpu placement='static'${shared}>${vcpus}</vcpu>`,
    vcpuPins && `<cputune>${vcpuPins}</cputune>`,
    numa === undefined ? "" : `<numatune><memory mode='strict' nodeset='${numa.node}'/></numatune>`,
  ].join("");
}

/**
 * A pseudo terminal, which libvirt opens for whoever asks. While nobody has it open QEMU throws away what is written to it; a socket that nobody
 * reads would block the guest.
 */
const serialXml = ({ consoleLog }: DomainSpec): string => {
  const log = consoleLog === undefined ? "" : `<log file='${esc(consoleLog)}' append='off'/>`;
  return `<serial type='pty'>${log}<target port='0'/></serial>`;
};

/** On a socket that its owner alone can open: who may see it is decided where they come in. */
const screenXml = ({ socket, card }: { readonly socket: string; readonly card: ScreenCard }): string =>
  `<graphics type='vnc' socket='${esc(socket)}'/><video><model type='${card}'/></video>`;

/** A CD-ROM first, as somebody put it in to be booted; a kernel of the host's knows no order. */
function bootXml({ kernel, disks = [] }: DomainSpec): string {
  if (kernel !== undefined || disks.length === 0) return "";
  return disks.some((d) => d.device === "cdrom") ? "<boot dev='cdrom'/><boot dev='hd'/>" : "<boot dev='hd'/>";
}

/**
 * Of an emulated CPU the one that QEMU has by itself, and a source of random numbers (RDRAND): a kernel that trusts it (`random.trust_cpu=on`) need not
 * wait up to a second of its boot, at full load, until it has gathered some.
 */
function cpuXml({ accel, vcpus, threadsPerCore: threads }: DomainSpec): string {
  const topology = threads ? `<topology sockets='1' cores='${vcpus / threads}' threads='${threads}'/>` : "";
  if (accel === "kvm") return `<cpu mode='host-passthrough'>${topology}</cpu>`;
  return `<cpu mode='custom' match='exact' check='none'><model>qemu64</model>${topology}<feature policy='require' name='rdrand'/></cpu>`;
}

/**
 * Translated code of an emulated guest. QEMU's own choice grows to hundreds of MiB, all of which the kernel must give back before a
 * killed QEMU is gone: time that the twin on the same cores does not get.
 */
const TRANSLATION_CACHE = "<tcg><tb-cache unit='MiB'>32</tb-cache></tcg>";

const listening = (chardev: string, path: string): string => `socket,id=${chardev},path=${optionValue(path)},server=on,wait=off`;

const monitorArgs = (path: string): string[] => [
  "-chardev",
  listening(QMP_CHARDEV, path),
  "-mon",
  `chardev=${QMP_CHARDEV},mode=control`,
];

/** The device as JSON, as libvirt writes its own: QEMU makes those that are written the old way first, and there would be no bus yet. */
const agentArgs = (path: string): string[] => [
  "-chardev",
  listening(AGENT_CHARDEV, path),
  "-device",
  JSON.stringify({ driver: "virtserialport", bus: "virtio-serial0.0", chardev: AGENT_CHARDEV, name: AGENT_PORT }),
];

const qemuArgs = (args: readonly string[]): string => args.map((value) => `<qemu:arg value='${esc(value)}'/>`).join("");

/** In a QEMU option string a comma separates; two stand for one. */
const optionValue = (value: string): string => value.replaceAll(",", ",,");
