import { createHash } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { HostId, ServerId, VimPortId } from "../model/ids.ts";
import type { AskedServer, AskedVnic, Flavor, Leftover, Server, ServerPort, ServerTask, VimNet } from "../model/vim-picture.ts";
import { deleteServer, insertServer, moveServer, updateServer } from "../store/vim-picture.ts";
import { freeIp } from "./addresses.ts";
import { checkUnique, found, newId } from "./asking.ts";
import { leftoverKey, type Picture } from "./picture.ts";
import { type GroupMember, type HostReach, hostFor, sharesHostWith } from "./placement.ts";
import { barePort, checkRoom, movedTapName, newMac, tapName } from "./ports.ts";

/** Which states an action makes sense in; the original does it in all but ERROR, and so do we. */
const ERROR_TASKS: ReadonlySet<ServerTask> = new Set(["rebuild"]);

/** Where a server is to be made anew, and where it was when that was decided. */
export interface Evacuation {
  readonly from: HostId;
  /** Null: wherever there is room. */
  readonly to: HostId | null;
}

export interface ServersParts {
  readonly picture: Picture;
  readonly clock: Clock;
  readonly reach: HostReach;
  readonly changed: () => void;
  /** A server was given another host; its ports are others in the switch. */
  readonly moved: (server: Server, was: HostId) => void;
}

/** Servers as they are asked for. Nothing here touches a hypervisor: it writes what is wanted, and `Compute` brings it about. */
export class Servers {
  readonly #picture: Picture;
  readonly #clock: Clock;
  readonly #reach: HostReach;
  readonly #changed: () => void;
  readonly #moved: ServersParts["moved"];

  constructor(parts: ServersParts) {
    this.#picture = parts.picture;
    this.#clock = parts.clock;
    this.#reach = parts.reach;
    this.#changed = parts.changed;
    this.#moved = parts.moved;
  }

  /** Rows of the server and its link ports. Throws NOT_FOUND for what it refers to, INVALID when no host has room. */
  createServer(asked: AskedServer): Promise<Server> {
    return this.#picture.change(async () => {
      const { flavors, images, servers } = this.#picture;
      const flavor = found(flavors, asked.flavorId, `flavor_id ${asked.flavorId} not found`);
      const image = images.get(asked.imageId);
      if (image?.status !== "ACTIVE") throw new Fault("NOT_FOUND", `image_id ${asked.imageId} not found or not ACTIVE`);
      const id = newId(servers, asked.id);
      const server = this.#server(id, asked, flavor);
      const ports = this.#portsFor(server, asked.vnics);
      await insertServer(this.#picture.db, server, ports);
      servers.set(id, server);
      for (const port of ports) this.#picture.ports.set(port.id, port);
      this.#changed();
      return server;
    });
  }

  /** The server is gone for its owner at once; its domain, taps and switch ports follow, after a crash too. */
  deleteServer(id: ServerId): Promise<void> {
    return this.#picture.change(async () => {
      const server = found(this.#picture.servers, id, `server ${id} not found`);
      const ports = this.#picture.portsOf(id);
      const left = leftBy(server, ports);
      await deleteServer(this.#picture.db, left);
      this.#picture.leftovers.set(leftoverKey(left), left);
      this.#picture.servers.delete(id);
      for (const port of ports) this.#picture.ports.delete(port.id);
      this.#changed();
    });
  }

  /** Remembers what to do; of two actions that are not done yet the later one counts. Throws NOT_ALLOWED. */
  act(id: ServerId, task: ServerTask): Promise<void> {
    return this.#picture.change(async () => {
      const server = found(this.#picture.servers, id, `server ${id} not found`);
      if (server.status === "ERROR" && !ERROR_TASKS.has(task)) {
        throw new Fault("NOT_ALLOWED", `Server is in ERROR status, allowed actions are: terminate, rebuild`);
      }
      const asked = { task, taskNo: server.taskNo + 1 };
      await updateServer(this.#picture.db, { ...server, ...asked });
      this.#picture.servers.set(id, { ...this.#picture.servers.get(id)!, ...asked });
      this.#changed();
    });
  }

  /**
   * Makes the server anew on another host. Its ports get other names in the switch, so that no entry leads to its old life or from it,
   * and what is left on the old host is destroyed when that host can be asked. One that is no longer on `from` was moved already.
   * Throws NOT_FOUND, INVALID with a reason per host where none takes it.
   */
  evacuate(id: ServerId, { from, to }: Evacuation): Promise<Server> {
    return this.#picture.change(async () => {
      const { servers, ports } = this.#picture;
      const server = found(servers, id, `server ${id} not found`);
      if (server.hostId !== from) return server;
      const need = { ...server, numa: null, hostId: to, leaves: from };
      const hostId = hostFor(this.#picture, this.#reach, need, server);
      const taskNo = server.taskNo + 1;
      const placed = { hostId, task: "start", taskNo, lastError: null } as const; // No "rebuild": repeated, it would end the new life.
      const had = this.#picture.portsOf(id);
      const left = leftBy(server, had);
      const plugged = had.map((p) => ({ ...p, switchPort: p.switchPort && movedTapName(p.id, taskNo) }));
      await moveServer(this.#picture.db, { ...server, ...placed }, plugged, left);
      this.#picture.leftovers.set(leftoverKey(left), left);
      servers.set(id, { ...servers.get(id)!, ...placed }); // What was seen of it while the rows were written stays.
      for (const { id: portId, switchPort } of plugged) ports.set(portId, { ...ports.get(portId)!, switchPort });
      this.#changed(); // Its old life is cut off when that returns: now it may be told.
      this.#moved(servers.get(id)!, from);
      return servers.get(id)!;
    });
  }

  /** Servers of its anti-affinity group that share its host: the rule is broken while there is one. */
  sharesHostWith(server: Server): ServerId[] {
    return sharesHostWith(this.#picture, server);
  }

  #server(id: ServerId, asked: AskedServer, flavor: Flavor): Server {
    const { tenantId, availabilityZone = null, antiAffinity = null } = asked;
    const hostId = this.#placeFor(asked, flavor, { id, tenantId, antiAffinity, availabilityZone });
    return {
      id,
      name: asked.name,
      description: asked.description ?? null,
      tenantId,
      flavorId: flavor.id,
      imageId: asked.imageId,
      hostId,
      status: asked.start === "no" ? "INACTIVE" : "CREATING",
      lastError: null,
      progress: 0,
      memoryMiB: flavor.memoryMiB,
      vcpus: flavor.vcpus,
      kernelCmdline: asked.kernelCmdline ?? null,
      availabilityZone,
      antiAffinity,
      task: asked.start === "no" ? null : asked.start === "paused" ? "createPaused" : "create",
      taskNo: 1,
      createdAt: this.#clock.wall().toISOString(),
    };
  }

  #placeFor(asked: AskedServer, flavor: Flavor, server: GroupMember & Pick<Server, "availabilityZone">): HostId {
    const { memoryMiB, vcpus, name } = flavor;
    const numa = (asked.extended ?? flavor.extended)?.numas?.[0] ?? null;
    if (numa === null && (memoryMiB === 0 || vcpus === 0))
      throw new Fault("INVALID", `flavor '${name}' has ${memoryMiB} MB of ram and ${vcpus} vcpus: a server needs some of both`);
    const need = { ...server, memoryMiB, vcpus, numa, hostId: asked.hostId ?? null, leaves: null };
    return hostFor(this.#picture, this.#reach, need, server);
  }

  #portsFor(server: Server, vnics: readonly AskedVnic[]): ServerPort[] {
    const ports: ServerPort[] = [];
    vnics.forEach((vnic, i) => {
      const net = found(this.#picture.nets, vnic.netId, `network '${vnic.netId}' not found`);
      ports.push(this.#portFor(server, vnic, net, i, ports));
    });
    return ports;
  }

  #portFor(server: Server, vnic: AskedVnic, net: VimNet, index: number, siblings: readonly ServerPort[]): ServerPort {
    const isSwitched = net.kind === "data" || net.kind === "ptp";
    if (isSwitched) checkRoom(this.#picture, net, 1 + siblings.filter((p) => p.netId === net.id).length);
    checkUnique(this.#picture.ports, undefined, "mac", vnic.mac, "mac");
    const macs = new Set([...this.#picture.ports.values(), ...siblings].map((p) => p.mac));
    const id = portId(server.id, index);
    return {
      ...barePort(vnic.name),
      id,
      kind: isSwitched ? "instance:data" : "instance:bridge",
      tenantId: isSwitched ? server.tenantId : null,
      netId: net.id,
      serverId: server.id,
      mac: vnic.mac ?? newMac((mac) => macs.has(mac)),
      ip: vnic.ip ?? this.#ipIn(net, siblings),
      switchPort: isSwitched ? tapName(id) : null,
      bandwidthMbps: vnic.bandwidthMbps ?? null,
      status: "DOWN",
      vpci: vnic.vpci ?? null,
      model: vnic.model ?? null,
    };
  }

  /** Where the net gives addresses, this vNIC's is chosen now, so that the reply can tell it. */
  #ipIn(net: VimNet, siblings: readonly ServerPort[]): string | null {
    if (!net.enableDhcp || net.dhcpFirstIp === null || net.dhcpLastIp === null) return null;
    const taken = [...this.#picture.portsIn(net.id), ...siblings.filter((p) => p.netId === net.id)].map((p) => p.ip ?? "");
    return freeIp(net.dhcpFirstIp, net.dhcpLastIp, new Set(taken));
  }
}

const leftBy = (server: Server, ports: readonly ServerPort[]): Leftover => ({
  serverId: server.id,
  hostId: server.hostId,
  taps: ports.flatMap((p) => p.switchPort ?? []),
});

/** From the server's id, so that a repeated request (same id) has the same ports and taps. Shaped as a version-8 uuid (RFC 9562). */
function portId(serverId: ServerId, index: number): VimPortId {
  const hex = createHash("sha256").update(`${serverId}/${index}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}` as VimPortId;
}
