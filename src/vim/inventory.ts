import { availableParallelism, hostname, totalmem } from "node:os";
import { parseLibvirtUri, tlsUri } from "../hosts/libvirt-uri.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { HostId } from "../model/ids.ts";
import type { CardChange, HostInterface, Numa, NumaChange } from "../model/numa.ts";
import { threadSet } from "../model/thread-set.ts";
import type { Asked, Change, Host, HostChange, HostSwitchAt } from "../model/vim-picture.ts";
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

type Reached = Partial<Pick<Host, "libvirtUri" | "isLocal" | "discovers">>;

/** Who opens the hosts that are made, changed or deleted at run time. */
export interface HostOpener {
  /** A host was made or changed; null: deleted. */
  changed(id: HostId, host: Host | null): void;
  /** Resolves when the first attempt to reach it has ended, well or not. */
  settled(id: HostId): Promise<void>;
  /** Why a host cannot have this switch of its own; null: it can. */
  whyNoSwitch(id: HostId | null, at: HostSwitchAt): string | null;
}

/**
 * The compute hosts. Those of the settings, and those that say where their libvirt is, are local: the VIM speaks to them. Others are
 * inventory.
 */
export class Inventory {
  readonly #picture: Picture;
  readonly #clock: Clock;
  readonly #speaksToAll: boolean;
  readonly #isUp: (id: HostId) => boolean;
  #opener: HostOpener = { changed: () => {}, settled: async () => {}, whyNoSwitch: () => "no switch is spoken to" };
  #speaksTls = false;
  #named: ReadonlySet<HostId> = new Set();

  /** `speaksToAll`: every host is one that takes servers, as in test mode. `isUp`: it can be asked now. */
  constructor(picture: Picture, clock: Clock, parts: { readonly speaksToAll: boolean; readonly isUp?: (id: HostId) => boolean }) {
    this.#picture = picture;
    this.#clock = clock;
    this.#speaksToAll = parts.speaksToAll;
    this.#isUp = parts.isUp ?? (() => false);
  }

  /** `speaksTls`: a host that does not say where its libvirt is has it at its address, by TLS. */
  openBy(opener: HostOpener, { speaksTls }: { readonly speaksTls: boolean }): void {
    this.#opener = opener;
    this.#speaksTls = speaksTls;
  }

  /** Written, and then reached for: a host that is off now is there all the same, and is connected when it is on. */
  async createHost(asked: Asked<Host, "name" | "ipName" | "user">): Promise<Host> {
    const { id } = await this.#picture.change(async () => {
      const { hosts } = this.#picture;
      checkUnique(hosts, undefined, "name", asked.name);
      checkUnique(hosts, undefined, "ipName", asked.ipName, "ip_name");
      checkNumas(asked.numas ?? []);
      checkThreads(asked.guestThreads);
      const shared = sharedOf(asked.numas ?? []);
      const reached = this.#reached(asked, null);
      this.#checkSwitch({ hostSwitch: null, ...given(asked), ...reached }, null);
      return this.#save({ ...this.#bare(), ...shared, ...given(asked), ...reached, id: newId(hosts, asked.id) });
    });
    return this.#settled(id);
  }

  /** `numas`: what changes at those that are there. Throws INVALID for one, or a card, that is not. */
  async editHost(id: HostId, { numas, ...change }: HostChange): Promise<Host> {
    await this.#picture.change(async () => {
      const host = found(this.#picture.hosts, id, `host '${id}' not found`);
      checkUnique(this.#picture.hosts, id, "name", change.name);
      checkUnique(this.#picture.hosts, id, "ipName", change.ipName, "ip_name");
      checkThreads(change.guestThreads);
      const reached = change.libvirtUri === undefined ? {} : this.#reached(change, host);
      this.#checkSwitch({ ...host, ...given(change), ...reached }, host);
      return this.#save({ ...host, ...given(change), ...reached, numas: changedNumas(host.numas, numas ?? []), id });
    });
    return this.#settled(id);
  }

  async #settled(id: HostId): Promise<Host> {
    await this.#opener.settled(id);
    return found(this.#picture.hosts, id, `host '${id}' not found`);
  }

  /** Where its libvirt is. Throws INVALID for what is no such place, CONFLICT for one that is another host's, or the settings'. */
  #reached({ ipName, libvirtUri: asked, isLocal, discovers, numas }: Change<Host>, host: Host | null): Reached {
    if (host !== null && this.#named.has(host.id))
      throw new Fault("CONFLICT", `host '${host.name}' is in this VIM's settings, and so is where its libvirt is`);
    const byTls = asked === undefined && isLocal === undefined && this.#speaksTls ? tlsUri(ipName!) : null;
    const libvirtUri = asked ?? byTls;
    if (libvirtUri === null) return host === null ? {} : { libvirtUri, isLocal: isLocal ?? this.#speaksToAll };
    parseLibvirtUri(libvirtUri);
    const other = [...this.#picture.hosts.values()].find((h) => h.libvirtUri === libvirtUri && h.id !== host?.id);
    if (other) throw new Fault("CONFLICT", `libvirt_uri ${libvirtUri} is that of host '${other.name}'`);
    return { libvirtUri, isLocal: true, ...(host === null && { discovers: discovers ?? numas === undefined }) };
  }

  /** Throws INVALID or CONFLICT for a switch of its own that it cannot have, or not now. */
  #checkSwitch({ hostSwitch, libvirtUri }: Pick<Change<Host>, "hostSwitch" | "libvirtUri">, host: Host | null): void {
    if (JSON.stringify(hostSwitch ?? null) === JSON.stringify(host?.hostSwitch ?? null)) return;
    if (host !== null && [...this.#picture.servers.values()].some((s) => s.hostId === host.id))
      throw new Fault("CONFLICT", `servers of host '${host.name}' are plugged into its switch: evacuate them first`);
    if (hostSwitch == null) return;
    if (libvirtUri == null)
      throw new Fault("INVALID", "a host with a 'switch' of its own has to be reached: tell its 'libvirt_uri'");
    const why = this.#opener.whyNoSwitch(host?.id ?? null, hostSwitch);
    if (why !== null) throw new Fault("CONFLICT", why);
  }

  deleteHost(id: HostId): Promise<void> {
    return this.#picture.change(async () => {
      const { name } = found(this.#picture.hosts, id, `host '${id}' not found`);
      if (this.#named.has(id)) throw new Fault("CONFLICT", `host '${name}' is in this VIM's settings: take it out of them first`);
      if ([...this.#picture.servers.values()].some((s) => s.hostId === id)) throw notFree("", "instances");
      const isStillThere = [...this.#picture.leftovers.values()].some((l) => l.hostId === id);
      if (isStillThere && this.#isUp(id)) throw notFree("", "instances"); // Deleted, and not ended there yet: nobody else would end them.
      await deleteHost(this.#picture.db, id);
      this.#picture.hosts.delete(id);
      this.#opener.changed(id, null);
      for (const [key, left] of this.#picture.leftovers) if (left.hostId === id) this.#picture.leftovers.delete(key);
    });
  }

  /**
   * The hosts that the settings name, made at the first start and found again by name at every other; in the order of the settings.
   * A host that they name no more keeps its rows and becomes inventory.
   */
  async namedHosts(named: readonly NamedHost[]): Promise<Host[]> {
    for (const host of this.#picture.hosts.values())
      if (isOfSettings(host) && !named.some((n) => n.name === host.name)) await this.editHost(host.id, { isLocal: false });
    const hosts: Host[] = [];
    for (const { name, availabilityZone } of named) {
      const known = [...this.#picture.hosts.values()].find((h) => h.name === name);
      const its = { isLocal: true, libvirtUri: null, ...(availabilityZone !== undefined && { availabilityZone }) };
      hosts.push(
        known
          ? await this.editHost(known.id, its)
          : await this.createHost({ name, ipName: name, user: "root", description: "a host of this VIM's settings", ...its }),
      );
    }
    this.#named = new Set(hosts.map((h) => h.id));
    return hosts;
  }

  /** What the host says it has, or its settings allow; written where it changed. */
  hasRoom(id: HostId, { memoryMiB, cpus }: Room): Promise<void> {
    return this.#picture.change(async () => {
      const host = this.#picture.hosts.get(id);
      if (host && (host.memoryMiB !== memoryMiB || host.cpus !== cpus)) await this.#save({ ...host, memoryMiB, cpus });
    });
  }

  /**
   * What libvirt says that the host has. Where its cards are cabled to, and which numas are down, is the operator's word and stays.
   * Throws INVALID where it contradicts itself.
   */
  async discovered(id: HostId, numas: readonly Numa[], all: Room): Promise<void> {
    checkNumas(numas);
    await this.#picture.change(async () => {
      const host = this.#picture.hosts.get(id);
      if (!host?.discovers) return;
      const shared = { numas: numas.map((n) => withWords(n, host.numas)), ...sharedWithin(all, numas) };
      if (JSON.stringify({ ...host, ...shared }) !== JSON.stringify(host)) await this.#save({ ...host, ...shared });
    });
  }

  /** The host this VIM speaks to, made at the first start and found again at every other. */
  async localHost(): Promise<Host> {
    const host = await this.#oneLocal();
    this.#named = new Set([host.id]);
    return host;
  }

  async #oneLocal(): Promise<Host> {
    const [known, ...others] = [...this.#picture.hosts.values()].filter(isOfSettings);
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
      keyfile: null,
      hypervisors: "kvm",
      adminUp: true,
      status: "ok",
      isLocal: this.#speaksToAll,
      libvirtUri: null,
      discovers: false,
      guestThreads: null,
      hostSwitch: null,
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
    this.#opener.changed(host.id, host);
    return host;
  }
}

const isOfSettings = ({ isLocal, libvirtUri }: Host): boolean => isLocal && libvirtUri === null;

/** The same of a host that says what it has: `all` less its huge pages, and less the threads that are for guests alone. */
export function sharedWithin({ memoryMiB, cpus }: Room, numas: readonly Numa[]): Room {
  const huge = numas.reduce((n, { hugepagesGiB }) => n + hugepagesGiB, 0) * MIB_PER_GIB;
  const alone = numas.flatMap((n) => n.cores).filter((c) => c.status === null).length;
  return { memoryMiB: Math.max(0, memoryMiB - huge), cpus: Math.max(0, cpus - alone) };
}

function withWords(numa: Numa, had: readonly Numa[]): Numa {
  const cards = had.flatMap((n) => n.interfaces);
  const interfaces = numa.interfaces.map((card) => {
    const { switchPort = null, switchDpid = null, switchMac = null } = cards.find((c) => c.pci === card.pci) ?? {};
    return { ...card, switchPort, switchDpid, switchMac };
  });
  return { ...numa, adminUp: had.find((n) => n.numaSocket === numa.numaSocket)?.adminUp ?? true, interfaces };
}

function checkThreads(guestThreads: string | null | undefined): void {
  if (guestThreads != null && threadSet(guestThreads) === null)
    throw new Fault("INVALID", `guest_cpus '${guestThreads}': want threads such as 2-7,10`);
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
