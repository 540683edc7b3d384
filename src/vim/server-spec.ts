import { join } from "node:path";
import type { DomainSpec, VnicSpec } from "../hosts/domain-xml.ts";
import type { Server, ServerPort, VimPicture } from "../model/vim-picture.ts";
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
  return {
    uuid: server.id,
    name: domainName(server),
    memoryMiB: server.memoryMiB,
    vcpus: server.vcpus,
    ...boot,
    vnics: ports.map((port) => vnicOf(picture, port)),
    qmpSocket: join(place.runDir, `${server.id}.qmp`),
    consoleLog: join(place.runDir, `${server.id}.console.log`),
    accel: place.accel,
  };
}

function vnicOf(picture: VimPicture, port: ServerPort): VnicSpec {
  const mac = port.mac!; // Every server port has one from its birth.
  if (port.switchPort !== null) return { mac, tap: port.switchPort };
  return { mac, bridge: bridgeOf(picture.nets.get(port.netId!)!).name };
}
