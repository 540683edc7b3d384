import { availableParallelism, hostname, totalmem } from "node:os";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { HostId } from "../model/ids.ts";
import type { CardChange, HostInterface, Numa, NumaChange } from "../model/numa.ts";
import type { Asked, Host, HostChange } from "../model/vim-picture.ts";
import { deleteHost, saveHost } from "../store/vim-picture.ts";
import { checkUnique, found, given, newId, notFree } from "./asking.ts";
import type { Picture } from "./picture.ts";

/** What the host keeps of its own memory, MiB: the daemons, the switch and the page cache. */
const HOST_MEMORY_MIB = 1_024;
const BYTES_PER_MIB = 2 ** 20;
const MIB_PER_GIB = 1_024;

/** Of a host's memory, what guests may have. */
export const forGuests = (memoryMiB: number): number => Math.max(0, memoryMiB - HOST_MEMORY_MIB);

/** A compute host as the settings name it. */
export interface NamedHost {
  readonly name: string;
  readonly availabilityZone?: string | undefined;
}

/** What a host has for guests. */
export interface Room {
  readonly memoryMiB: number;
  readonly cpus: number;
}

/** The compute hosts. Those of the settings are local, the VIM speaks to their libvirt; others are inventory, as in OpenVIM's test mode. */
export class Inventory {
  readonly #picture: Picture;
  readonly #clock: Clock;
  readonly #speaksToAll: boolean;
  #tellHost: (id: HostId, host: Host | null) => void = () => {};

  /** `speaksToAll`: every host is one that takes servers, as in test mode; else those of the settings. */
  constructor(picture: Picture, clock: Clock, { speaksToAll }: { readonly speaksToAll: boolean }) {
    this.#picture = picture;
    this.#clock = clock;
    this.#speaksToAll = speaksToAll;
  }

  /** Who is told of each host that was made or changed; null: deleted. One listener. */
  onHosts(listener: (id: HostId, host: Host | null) => void): void {
    this.#tellHost = listener;
  }

  createHost(asked: Asked<Host, "name" | "ipName" | "user">): Promise<Host> {
    return this.#picture.change(async () => {
      const { hosts } = this.#picture;
      checkUnique(hosts, undefined, "name", asked.name);
      checkUnique(hosts, undefined, "ipName", asked.ipName, "ip_name");
      checkNumas(asked.numas ?? []);
      const shared = sharedOf(asked.numas ?? []);
      return this.#save({ ...this.#bare(), ...shared, ...given(asked), id: newId(hosts, asked.id) });
    });
  }

  /** `numas`: what changes at those that are there. Throws INVALID for one, or a card, that is not. */
  editHost(id: HostId, { numas, ...change }: HostChange): Promise<Host> {
    return this.#picture.change(async () => {
      const host = found(this.#picture.hosts, id, `host '${id}' not found`);
      checkUnique(this.#picture.hosts, id, "name", change.name);
      checkUnique(this.#picture.hosts, id, "ipName", change.ipName, "ip_name");
      return this.#save({ ...host, ...given(change), numas: changedNumas(host.numas, numas ?? []), id });
    });
  }

  deleteHost(id: HostId): Promise<void> {
    return this.#picture.change(async () => {
      found(this.#picture.hosts, id, `host '${id}' not found`);
      if ([...this.#picture.servers.values()].some((s) => s.hostId === id)) throw notFree("", "instances");
      await deleteHost(this.#picture.db, id);
      this.#picture.hosts.delete(id);
      this.#tellHost(id, null);
      for (const [key, left] of this.#picture.leftovers) if (left.hostId === id) this.#picture.leftovers.delete(key);
    });
  }

  /**
   * The hosts that the settings name, made at the first start and found again by name at every other; in the order of the settings.
   * A host that they name no more keeps its rows and becomes inventory.
   */
  async namedHosts(named: readonly NamedHost[]): Promise<Host[]> {
    for (const host of this.#picture.hosts.values())
      if (host.isLocal && !named.some((n) => n.name === host.name)) await this.editHost(host.id, { isLocal: false });
    const hosts: Host[] = [];
    for (const { name, availabilityZone = null } of named) {
      const known = [...this.#picture.hosts.values()].find((h) => h.name === name);
      const its = { isLocal: true, availabilityZone };
      hosts.push(
        known
          ? await this.editHost(known.id, its)
          : await this.createHost({ name, ipName: name, user: "root", description: "a host of this VIM's settings", ...its }),
      );
    }
    return hosts;
  }

  /** What the host says it has, or its settings allow; written where it changed. */
  async hasRoom(id: HostId, { memoryMiB, cpus }: Room): Promise<void> {
    const host = this.#picture.hosts.get(id);
    if (host && (host.memoryMiB !== memoryMiB || host.cpus !== cpus)) await this.editHost(id, { memoryMiB, cpus });
  }

  /** The host this VIM speaks to, made at the first start and found again at every other. */
  async localHost(): Promise<Host> {
    const [known, ...others] = [...this.#picture.hosts.values()].filter((h) => h.isLocal);
    for (const { id } of others) await this.editHost(id, { isLocal: false });
    if (known) return known;
    const memoryMiB = forGuests(Math.floor(totalmem() / BYTES_PER_MIB));
    const room = { isLocal: true, memoryMiB, cpus: availableParallelism(), description: "the host of this VIM" };
    return this.createHost({ name: hostname(), ipName: "localhost", user: "root", ...room });
  }

  #bare(): Omit<Host, "id" | "name" | "ipName" | "user"> {
    return {
      description: null,
      ranking: null,
      features: null,
      hypervisors: "kvm",
      adminUp: true,
      status: "ok",
      isLocal: this.#speaksToAll,
      memoryMiB: 0,
      cpus: 0,
      availabilityZone: null,
      numas: [],
      createdAt: this.#clock.wall().toISOString(),
    };
  }

  async #save(host: Host): Promise<Host> {
    await saveHost(this.#picture.db, host);
    this.#picture.hosts.set(host.id, host);
    this.#tellHost(host.id, host);
    return host;
  }
}

/** What servers without huge pages and without pinning may have, by OpenVIM's rule: the rest of the memory, the threads kept from guests. */
export function sharedOf(numas: readonly Numa[]): Room {
  const gib = numas.reduce((n, { memoryGiB, hugepagesGiB }) => n + Math.max(0, memoryGiB - hugepagesGiB), 0);
  return { memoryMiB: gib * MIB_PER_GIB, cpus: numas.flatMap((n) => n.cores).filter((c) => c.status === "noteligible").length };
}

/** Each thread, and each function of a card, once: else two servers were given the same. Throws INVALID. */
function checkNumas(numas: readonly Numa[]): void {
  const all = {
    numa_socket: numas.map((n) => n.numaSocket),
    thread_id: numas.flatMap((n) => n.cores.map((c) => c.threadId)),
    source_name: numas.flatMap((n) => n.interfaces.map((i) => i.sourceName)),
    pci: numas.flatMap((n) => n.interfaces.flatMap((i) => [i.pci, ...i.sriovs.map((v) => v.pci)])).filter((pci) => pci !== ""),
  };
  for (const [what, values] of Object.entries(all)) {
    const twice = (values as unknown[]).find((value, i) => (values as unknown[]).indexOf(value) !== i);
    if (twice !== undefined) throw new Fault("INVALID", `${what} ${twice} is there twice: want each once in all numas of a host`);
  }
}

function changedNumas(numas: readonly Numa[], changes: readonly NumaChange[]): Numa[] {
  const stray = changes.find((c) => !numas.some((n) => n.numaSocket === c.numaSocket));
  if (stray) throw new Fault("INVALID", `numa_socket ${stray.numaSocket} not found`);
  return numas.map((numa) => {
    const change = changes.findLast((c) => c.numaSocket === numa.numaSocket);
    if (change === undefined) return numa;
    return { ...numa, adminUp: change.adminUp ?? numa.adminUp, interfaces: changedCards(numa, change.interfaces ?? []) };
  });
}

function changedCards({ numaSocket, interfaces }: Numa, changes: readonly CardChange[]): HostInterface[] {
  const stray = changes.find((c) => !interfaces.some((i) => i.sourceName === c.sourceName));
  if (stray) throw new Fault("INVALID", `Interface source_name='${stray.sourceName}' from numa_socket='${numaSocket}' not found`);
  return interfaces.map((card) => ({ ...card, ...given(changes.findLast((c) => c.sourceName === card.sourceName) ?? {}) }));
}
