import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { HostId, ImageId, ServerId } from "../model/ids.ts";
import { hasOwnBridges } from "../model/net.ts";
import type { Extended } from "../model/numa.ts";
import type { AskedServer, Flavor, Image, Leftover, Server, ServerPort, ServerTask } from "../model/vim-picture.ts";
import { lackOf, type Need, numaNeedOf, plainNeedOf } from "../place/need.ts";
import { deleteServer, insertServer, moveServer, savePort, updateServer } from "../store/vim-picture.ts";
import type { OnBridges } from "./allowed-senders.ts";
import { found, newId } from "./asking.ts";
import { IN_ERROR } from "./catalogue.ts";
import type { Draft } from "./draft.ts";
import { tapsToClose } from "./held-taps.ts";
import { leftoverKey, type Picture } from "./picture.ts";
import { type HostReach, hostFor, sharesHostWith } from "./placement.ts";
import { tapName } from "./ports.ts";
import { asCabled, type Cabling, checkVnics, movedPorts, portsFor, tapsOf } from "./server-ports.ts";

/** Which states an action makes sense in; the original does it in all but ERROR, and so do we. */
const ERROR_TASKS: ReadonlySet<ServerTask> = new Set(["rebuild"]);

/** Where a server is to be made anew, and where it was when that was decided. */
export interface Evacuation {
  readonly from: HostId;
  /** Null: wherever there is room. */
  readonly to: HostId | null;
}

export interface Deletion {
  readonly asksGuest: boolean;
}

export interface ServersParts {
  readonly picture: Picture;
  readonly clock: Clock;
  readonly reach: HostReach;
  /** Only cards that are cabled to the switch are given to servers. */
  readonly onlySwitched: boolean;
  /** Into the picture and the switch; and what is to be done on hosts is begun. */
  readonly changed: (draft: Draft) => void;
  readonly cabledTo: Cabling;
  readonly onBridges: OnBridges;
  /** A server was given another host; its ports are others in the switch. */
  readonly moved: (server: Server, was: HostId) => void;
}

/** Servers as they are asked for. Nothing here touches a hypervisor: it writes what is wanted, and `Compute` brings it about. */
export class Servers {
  readonly #picture: Picture;
  readonly #clock: Clock;
  readonly #reach: HostReach;
  readonly #onlySwitched: boolean;
  readonly #changed: (draft: Draft) => void;
  readonly #cabledTo: Cabling;
  readonly #onBridges: OnBridges;
  readonly #moved: ServersParts["moved"];

  constructor(parts: ServersParts) {
    this.#picture = parts.picture;
    this.#clock = parts.clock;
    this.#reach = parts.reach;
    this.#onlySwitched = parts.onlySwitched;
    this.#cabledTo = parts.cabledTo;
    this.#onBridges = parts.onBridges;
    this.#changed = parts.changed;
    this.#moved = parts.moved;
  }

  /** Rows of the server and its link ports. Throws NOT_FOUND for what it refers to, INVALID for what does not fit together, NO_ROOM. */
  createServer(asked: AskedServer): Promise<Server> {
    return this.#picture.change(async () => {
      const { flavors, images, servers } = this.#picture;
      const flavor = found(flavors, asked.flavorId, `flavor_id ${asked.flavorId} not found`);
      const image = images.get(asked.imageId);
      if (image?.status !== "ACTIVE") throw new Fault("NOT_FOUND", `image_id ${asked.imageId} not found or not ACTIVE`);
      const id = newId(servers, asked.id);
      checkDevices(images, asked.extended ?? flavor.extended);
      checkVnics(asked.vnics, { extended: asked.extended ?? flavor.extended }, this.#picture.nets);
      const server = this.#server(id, asked, flavor);
      const ports = asCabled(server, portsFor(this.#picture, server, asked.vnics, this.#onBridges), this.#cabledTo);
      await insertServer(this.#picture.db, server, ports);
      servers.set(id, server);
      this.#changed({ ports });
      return server;
    });
  }

  /**
   * The server is gone for its owner at once; its domain, taps and switch ports follow, after a crash too. `asksGuest`: its guest has some seconds
   * to end itself, led to by nobody any more.
   */
  deleteServer(id: ServerId, { asksGuest }: Deletion): Promise<void> {
    return this.#picture.change(async () => {
      const server = found(this.#picture.servers, id, `server ${id} not found`);
      const ports = this.#picture.portsOf(id);
      const left = this.#leftBy(server, ports, { asksGuest: asksGuest && isExpectedToEnd(server, ports) });
      await deleteServer(this.#picture.db, left);
      this.#picture.leftovers.set(leftoverKey(left), left);
      this.#picture.servers.delete(id);
      this.#changed({ gonePorts: ports.map((p) => p.id) });
    });
  }

  /**
   * Remembers what to do; of two actions that are not done yet the later one counts. `imageId`: of a rebuild, what it is made from, from now on.
   * Throws NOT_ALLOWED, NOT_FOUND for an image.
   */
  act(id: ServerId, task: ServerTask, imageId?: ImageId): Promise<void> {
    return this.#picture.change(async () => {
      const server = found(this.#picture.servers, id, `server ${id} not found`);
      if (server.status === "ERROR" && !ERROR_TASKS.has(task)) {
        throw new Fault("NOT_ALLOWED", IN_ERROR);
      }
      if (imageId !== undefined && this.#picture.images.get(imageId)?.status !== "ACTIVE")
        throw new Fault("NOT_FOUND", `image_id ${imageId} not found or not ACTIVE`);
      const asked = { task, taskNo: server.taskNo + 1, imageId: imageId ?? server.imageId };
      await updateServer(this.#picture.db, { ...server, ...asked });
      this.#picture.servers.set(id, { ...this.#picture.servers.get(id)!, ...asked });
      this.#changed({});
    });
  }

  /**
   * Makes the server anew on another host. Its ports get other names in the switch, so that no entry leads to its old life or from it,
   * and what is left on the old host is destroyed when that host can be asked. One that is no longer on `from` was moved already.
   * Throws NOT_FOUND, NO_ROOM with a reason per host where none takes it.
   */
  evacuate(id: ServerId, where: Evacuation): Promise<Server> {
    return this.#picture.change(async () => {
      const { servers, ports } = this.#picture;
      const server = found(servers, id, `server ${id} not found`);
      if (server.hostId !== where.from) return server;
      const { hostId, pinned } = hostFor(this.#picture, this.#reach, this.#needOf(server, where), server);
      const taskNo = server.taskNo + 1;
      const placed = { hostId, pinned, hasDisks: false, namesTaps: true, task: "start", taskNo, lastError: null } as const; // No "rebuild": repeated, it would end the new life.
      const had = this.#picture.portsOf(id);
      const left = this.#leftBy(server, had, { asksGuest: false });
      const there = { ...server, ...placed };
      const plugged = asCabled(there, movedPorts(there, had, taskNo), this.#cabledTo);
      await moveServer(this.#picture.db, { ...server, ...placed }, plugged, left);
      this.#picture.leftovers.set(leftoverKey(left), left);
      servers.set(id, { ...servers.get(id)!, ...placed }); // What was seen of it while the rows were written stays.
      this.#changed({ ports: plugged.map(({ id: portId, switchPort, mac }) => ({ ...ports.get(portId)!, switchPort, mac })) }); // Its old life is cut off when that returns: now it may be told.
      this.#moved(servers.get(id)!, where.from);
      return servers.get(id)!;
    });
  }

  /**
   * For a server that begins a new life: vNICs that were made on a bridge of its host, before bridges of hosts were one switch, become ports of that (decision 0113). Before
   * that its guest would lose its link.
   */
  async replug(id: ServerId): Promise<void> {
    const isOld = ({ kind, switchPort, netId }: ServerPort) => {
      const net = netId === null ? undefined : this.#picture.nets.get(netId);
      return (
        this.#onBridges.spansHosts && kind === "instance:bridge" && switchPort === null && net !== undefined && hasOwnBridges(net)
      );
    };
    if (!this.#picture.portsOf(id).some(isOld)) return;
    await this.#picture.change(async () => {
      const ports = this.#picture.portsOf(id).flatMap((p) => (isOld(p) ? { ...p, switchPort: tapName(p.id), vlan: null } : []));
      for (const port of ports) await savePort(this.#picture.db, port);
      this.#changed({ ports });
    });
  }

  /** Servers of its anti-affinity group that share its host: the rule is broken while there is one. */
  sharesHostWith(server: Server): ServerId[] {
    return sharesHostWith(this.#picture, server);
  }

  #server(id: ServerId, asked: AskedServer, flavor: Flavor): Server {
    const { tenantId, availabilityZone = null, antiAffinity = null } = asked;
    const extended = asked.extended ?? flavor.extended;
    const numa = numaNeedOf(extended);
    const plain = plainNeedOf(flavor, numa);
    const lack = lackOf(plain, numa);
    if (lack !== null) throw new Fault("INVALID", lack);
    const member = { id, tenantId, antiAffinity };
    const where = { preferred: asked.hostId ?? null, only: null, leaves: null, availabilityZone, antiAffinity };
    const hypervisor = asked.hypervisor ?? "kvm";
    const need = { ...plain, ...where, numa, hypervisor, onlySwitched: this.#onlySwitched };
    const placed = hostFor(this.#picture, this.#reach, need, member);
    return {
      ...{ id, tenantId, availabilityZone, antiAffinity, extended, ...plain, ...placed },
      name: asked.name,
      description: asked.description ?? null,
      flavorId: flavor.id,
      imageId: asked.imageId,
      status: asked.start === "no" ? "INACTIVE" : "CREATING",
      lastError: null,
      progress: 0,
      diskGiB: flavor.diskGiB,
      cloudConfig: asked.cloudConfig ?? null,
      hasDisks: false,
      namesTaps: true,
      hypervisor,
      osImageType: asked.osImageType ?? "other",
      kernelCmdline: asked.kernelCmdline ?? null,
      task: asked.start === "no" ? null : asked.start === "paused" ? "createPaused" : "create",
      taskNo: 1,
      createdAt: this.#clock.wall().toISOString(),
    };
  }

  #leftBy(server: Server, ports: readonly ServerPort[], { asksGuest }: Deletion): Leftover {
    const { id: serverId, hostId, pinned } = server;
    const bridgeTaps = tapsToClose(this.#picture, server, ports, { asksGuest });
    return { serverId, hostId, taps: tapsOf(ports), bridgeTaps, pinned, asksGuest };
  }

  /** The need of a server that must leave its host. */
  #needOf(server: Server, { from, to }: Evacuation): Need {
    const { memoryMiB, vcpus, extended, availabilityZone, antiAffinity, hypervisor } = server;
    const where = { preferred: null, only: to, leaves: from, availabilityZone, antiAffinity };
    return { memoryMiB, vcpus, numa: numaNeedOf(extended), hypervisor, ...where, onlySwitched: this.#onlySwitched };
  }
}

/** Throws NOT_FOUND for an image, INVALID for a device without one that needs it. */
function checkDevices(images: ReadonlyMap<ImageId, Image>, extended: Extended | null): void {
  for (const { type, imageRef, size, xml } of extended?.devices ?? []) {
    const image = imageRef === undefined ? null : images.get(imageRef as ImageId);
    if (image === undefined || (image !== null && image.status !== "ACTIVE"))
      throw new Fault("NOT_FOUND", `image_id ${imageRef} not found or not ACTIVE`);
    if (type === "cdrom" && image === null) throw new Fault("INVALID", "a device of type cdrom: want its imageRef");
    if (type === "xml" && xml === undefined) throw new Fault("INVALID", "a device of type xml: want its xml");
    if ((type === "disk" || type === "usb") && image === null && size === undefined)
      throw new Fault("INVALID", `a device of type ${type}: want its imageRef, its size in GB, or both`);
  }
}

/** Of one that is not up, or is closed in the switch for its silence, nothing is. */
const isExpectedToEnd = ({ status }: Server, ports: readonly ServerPort[]): boolean =>
  status === "ACTIVE" && !ports.some((p) => p.fenced);
