import { join } from "node:path";
import type { CardSpec, VnicSpec } from "../hosts/domain-devices.ts";
import { type DomainSpec, type NumaSpec, SCREEN_CARDS, WATCHDOG_ACTIONS } from "../hosts/domain-xml.ts";
import { Fault } from "../lib/fault.ts";
import type { ServerId } from "../model/ids.ts";
import { isOfCard, type Numa, type Pinned } from "../model/numa.ts";
import type { Image, Server, ServerPort, VimPicture } from "../model/vim-picture.ts";
import { bridgeOf, sharedDeviceOf } from "./bridges.ts";
import type { DiskPlan } from "./disk-plan.ts";
import { bridgeTapName } from "./ports.ts";

export interface SpecPlace {
  /** Null: the host is another machine, where nobody listens to a guest but its libvirt. */
  readonly runDir: string | null;
  readonly accel: "kvm" | "tcg";
  /** Where libvirt itself makes the taps: the OVS bridge of the host that it plugs them into. */
  readonly ovsBridge?: string;
}

/** libvirt takes any text, but a name is also a file name of its logs. */
const domainName = (server: Server) => `${server.name.replaceAll(/[^A-Za-z0-9._-]/g, "_").slice(0, 40)}-${server.id.slice(0, 8)}`;

/** The rows of a server as a domain. Throws INVALID where a net has no place for a vNIC, or the image's topology none for the CPUs. */
export function domainSpec(
  picture: VimPicture,
  server: Server,
  ports: readonly ServerPort[],
  place: SpecPlace,
  { disks, rawDevices }: Pick<DiskPlan, "disks" | "rawDevices">,
): DomainSpec {
  const image = picture.images.get(server.imageId)!;
  const numa = server.pinned === null ? undefined : numaSpec(server.pinned);
  const vcpus = server.vcpus || (numa?.pins.length ?? 0);
  return {
    uuid: server.id,
    name: domainName(server),
    memoryMiB: server.memoryMiB || (server.pinned?.hugepagesGiB ?? 0) * MIB_PER_GIB,
    vcpus,
    numa,
    cpuset: sharedThreads(picture.hosts.get(server.hostId)?.numas ?? []),
    threadsPerCore: threadsPerCore(image, vcpus),
    ...kernelOf(image, server),
    restartsItself: image.metadata?.kernel === undefined, // As OpenVIM. One without firmware knows no way but this to end itself quickly.
    disks,
    rawDevices,
    vnics: ports.flatMap((port) => nicsOf(picture, server, port, place)),
    ...(place.runDir === null ? {} : filesIn(place.runDir, server)),
    accel: place.accel,
    ...watchdogOf(image.metadata),
    ...screenOf(image.metadata, place, server),
  };
}

/** Where the screen of a server is, if it has one. */
export const screenSocket = (runDir: string, id: ServerId): string => join(runDir, `${id}.vnc`);

/** As OpenStack's image property `hw_video_model`. Throws INVALID with the values there are. On another machine nobody could look at it. */
export function screenOf(
  metadata: Image["metadata"],
  { runDir }: Pick<SpecPlace, "runDir">,
  { id }: Pick<Server, "id">,
): Pick<DomainSpec, "screen"> {
  const asked = metadata?.hw_video_model ?? "none";
  if (asked === "none" || runDir === null) return {};
  const card = SCREEN_CARDS.find((c) => c === asked);
  if (card !== undefined) return { screen: { socket: screenSocket(runDir, id), card } };
  throw new Fault("INVALID", `metadata hw_video_model: '${asked}' is not possible; want one of none, ${SCREEN_CARDS.join(", ")}`);
}

const filesIn = (runDir: string, { id }: Server) => ({
  qmpSocket: join(runDir, `${id}.qmp`),
  agentSocket: join(runDir, `${id}.qga`),
  consoleLog: join(runDir, `${id}.console.log`),
});

/** As OpenStack's image property of this name. Throws INVALID with the values there are. */
export function watchdogOf(metadata: Image["metadata"]): Pick<DomainSpec, "watchdog"> {
  const asked = metadata?.hw_watchdog_action ?? "disabled";
  if (asked === "disabled") return {};
  const watchdog = WATCHDOG_ACTIONS.find((action) => action === asked);
  if (watchdog !== undefined) return { watchdog };
  const there = ["disabled", ...WATCHDOG_ACTIONS].join(", ");
  throw new Fault("INVALID", `metadata hw_watchdog_action: '${asked}' is not possible; want one of ${there}`);
}

/** For an image that is booted without firmware. */
function kernelOf(image: Image, server: Server) {
  const { kernel, initrd = image.path, cmdline } = image.metadata ?? {};
  return kernel === undefined ? {} : { kernel, initrd, cmdline: [cmdline, server.kernelCmdline].filter(Boolean).join(" ") };
}

/** OpenVIM's `topology` of an image. */
function threadsPerCore({ metadata }: Image, vcpus: number): 1 | 2 | undefined {
  if (metadata?.topology === "oneSocket" || (metadata?.topology === undefined && metadata?.os_type?.toLowerCase() === "windows"))
    return 1;
  if (metadata?.topology !== "oneSocket:hyperthreading") return undefined;
  if (vcpus % 2 !== 0) throw new Fault("INVALID", "Cannot expose hyperthreading with an odd number of vcpus");
  return 2;
}

const MIB_PER_GIB = 1_024;

function numaSpec({ numaSocket, hugepagesGiB, threads }: Pinned): NumaSpec {
  const pins = threads.flatMap(({ vcpu, threadId }) => (vcpu === null ? [] : [{ vcpu, thread: threadId }]));
  return { node: numaSocket, hasHugepages: hugepagesGiB > 0, pins: pins.sort((a, b) => a.vcpu - b.vcpu) };
}

/** Where some threads are for guests alone, who has none of these stays off all of them. */
function sharedThreads(numas: readonly Numa[]): string | undefined {
  const all = numas.flatMap((n) => n.cores);
  const shared = all.filter((c) => c.status === "noteligible").map((c) => c.threadId);
  return shared.length === 0 || shared.length === all.length ? undefined : shared.sort((a, b) => a - b).join();
}

function nicsOf(picture: VimPicture, server: Server, port: ServerPort, place: SpecPlace): (VnicSpec | CardSpec)[] {
  return isOfCard(port) ? cardOf(server, port) : [vnicOf(picture, server, port, place)];
}

function vnicOf(picture: VimPicture, { hostId }: Server, port: ServerPort, { ovsBridge }: SpecPlace): VnicSpec {
  const its = { mac: port.mac!, vpci: port.vpci ?? undefined, model: port.model ?? undefined }; // Each has a MAC from its birth.
  if (port.switchPort !== null && ovsBridge !== undefined) return { ...its, ovsBridge, tap: port.switchPort };
  if (port.switchPort !== null) return { ...its, tap: port.switchPort };
  const net = picture.nets.get(port.netId!)!;
  const device = sharedDeviceOf(net);
  return device === null ? { ...its, bridge: bridgeOf(net).name, tap: bridgeTapName(port.id, hostId) } : { ...its, device };
}

/** A virtual function on no net yet is not plugged: it would send untagged. */
function cardOf(server: Server, port: ServerPort): CardSpec[] {
  const { pci, dedicated } = server.pinned!.interfaces.find((i) => i.name === port.name)!;
  const vpci = port.vpci ?? undefined;
  if (dedicated === "yes") return [{ pf: pci, vpci }];
  return port.netId === null ? [] : [{ vf: pci, mac: port.mac!, vlan: port.vlan, vpci }];
}
