import { join } from "node:path";
import type { CardSpec, VnicSpec } from "../hosts/domain-devices.ts";
import { type DomainSpec, type NumaSpec, WATCHDOG_ACTIONS } from "../hosts/domain-xml.ts";
import { Fault } from "../lib/fault.ts";
import { isOfCard, type Numa, type Pinned } from "../model/numa.ts";
import type { Image, Server, ServerPort, VimPicture } from "../model/vim-picture.ts";
import { bridgeOf } from "./bridges.ts";

export interface SpecPlace {
  readonly runDir: string;
  readonly accel: "kvm" | "tcg";
}

/** libvirt takes any text, but a name is also a file name of its logs. */
const domainName = (server: Server) => `${server.name.replaceAll(/[^A-Za-z0-9._-]/g, "_").slice(0, 40)}-${server.id.slice(0, 8)}`;

/** The rows of a server as a domain. Throws INVALID where a net has no place for a vNIC. */
export function domainSpec(picture: VimPicture, server: Server, ports: readonly ServerPort[], place: SpecPlace): DomainSpec {
  const image = picture.images.get(server.imageId)!;
  const kernel = image.metadata?.kernel;
  const cmdline = [image.metadata?.cmdline, server.kernelCmdline].filter(Boolean).join(" ");
  const boot = kernel
    ? { kernel, initrd: image.path, cmdline }
    : { disks: [{ path: image.path, format: image.path.endsWith(".qcow2") ? ("qcow2" as const) : ("raw" as const) }] };
  const numa = server.pinned === null ? undefined : numaSpec(server.pinned);
  return {
    uuid: server.id,
    name: domainName(server),
    memoryMiB: server.memoryMiB || (server.pinned?.hugepagesGiB ?? 0) * MIB_PER_GIB,
    vcpus: server.vcpus || (numa?.pins.length ?? 0),
    numa,
    cpuset: sharedThreads(picture.hosts.get(server.hostId)?.numas ?? []),
    ...boot,
    vnics: ports.flatMap((port) => nicsOf(picture, server, port)),
    qmpSocket: join(place.runDir, `${server.id}.qmp`),
    agentSocket: join(place.runDir, `${server.id}.qga`),
    consoleLog: join(place.runDir, `${server.id}.console.log`),
    accel: place.accel,
    ...watchdogOf(image.metadata),
  };
}

/** As OpenStack's image property of this name. Throws INVALID with the values there are. */
export function watchdogOf(metadata: Image["metadata"]): Pick<DomainSpec, "watchdog"> {
  const asked = metadata?.hw_watchdog_action ?? "disabled";
  if (asked === "disabled") return {};
  const watchdog = WATCHDOG_ACTIONS.find((action) => action === asked);
  if (watchdog !== undefined) return { watchdog };
  const there = ["disabled", ...WATCHDOG_ACTIONS].join(", ");
  throw new Fault("INVALID", `metadata hw_watchdog_action: '${asked}' is not possible; want one of ${there}`);
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

function nicsOf(picture: VimPicture, server: Server, port: ServerPort): (VnicSpec | CardSpec)[] {
  return isOfCard(port) ? cardOf(server, port) : [vnicOf(picture, port)];
}

function vnicOf(picture: VimPicture, port: ServerPort): VnicSpec {
  const its = { mac: port.mac!, vpci: port.vpci ?? undefined, model: port.model ?? undefined }; // Each has a MAC from its birth.
  if (port.switchPort !== null) return { ...its, tap: port.switchPort };
  return { ...its, bridge: bridgeOf(picture.nets.get(port.netId!)!).name };
}

/** A virtual function on no net yet is not plugged: it would send untagged. */
function cardOf(server: Server, port: ServerPort): CardSpec[] {
  const { pci, dedicated } = server.pinned!.interfaces.find((i) => i.name === port.name)!;
  const vpci = port.vpci ?? undefined;
  if (dedicated === "yes") return [{ pf: pci, vpci }];
  return port.netId === null ? [] : [{ vf: pci, mac: port.mac!, vlan: port.vlan, vpci }];
}
