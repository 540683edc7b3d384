import { availableParallelism, hostname, totalmem } from "node:os";
import type { Clock } from "../lib/clock.ts";
import type { HostId } from "../model/ids.ts";
import type { Asked, Change, Host } from "../model/vim-picture.ts";
import { deleteHost, saveHost } from "../store/vim-picture.ts";
import { checkUnique, found, given, newId, notFree } from "./asking.ts";
import type { Picture } from "./picture.ts";

/** What the host keeps of its own memory, MiB: the daemons, the switch and the page cache. */
const HOST_MEMORY_MIB = 1_024;
const BYTES_PER_MIB = 2 ** 20;

/** The compute hosts. One is this machine's, whose libvirt the VIM speaks to; others are inventory, as in OpenVIM's test mode. */
export class Inventory {
  readonly #picture: Picture;
  readonly #clock: Clock;

  constructor(picture: Picture, clock: Clock) {
    this.#picture = picture;
    this.#clock = clock;
  }

  createHost(asked: Asked<Host, "name" | "ipName" | "user">): Promise<Host> {
    return this.#picture.change(async () => {
      const { hosts } = this.#picture;
      checkUnique(hosts, undefined, "name", asked.name);
      checkUnique(hosts, undefined, "ipName", asked.ipName, "ip_name");
      return this.#save({ ...this.#bare(), ...given(asked), id: newId(hosts, asked.id) });
    });
  }

  editHost(id: HostId, change: Change<Host>): Promise<Host> {
    return this.#picture.change(async () => {
      const host = found(this.#picture.hosts, id, `host '${id}' not found`);
      checkUnique(this.#picture.hosts, id, "name", change.name);
      checkUnique(this.#picture.hosts, id, "ipName", change.ipName, "ip_name");
      return this.#save({ ...host, ...given(change), id });
    });
  }

  deleteHost(id: HostId): Promise<void> {
    return this.#picture.change(async () => {
      found(this.#picture.hosts, id, `host '${id}' not found`);
      if ([...this.#picture.servers.values()].some((s) => s.hostId === id)) throw notFree("", "instances");
      await deleteHost(this.#picture.db, id);
      this.#picture.hosts.delete(id);
    });
  }

  /** The host this VIM speaks to, made at the first start and found again at every other. */
  async localHost(): Promise<Host> {
    const known = [...this.#picture.hosts.values()].find((h) => h.isLocal);
    if (known) return known;
    const room = {
      isLocal: true,
      memoryMiB: Math.max(0, Math.floor(totalmem() / BYTES_PER_MIB) - HOST_MEMORY_MIB),
      cpus: availableParallelism(),
      description: "the host of this VIM",
    };
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
      isLocal: false,
      memoryMiB: 0,
      cpus: 0,
      numas: [],
      createdAt: this.#clock.wall().toISOString(),
    };
  }

  async #save(host: Host): Promise<Host> {
    await saveHost(this.#picture.db, host);
    this.#picture.hosts.set(host.id, host);
    return host;
  }
}
