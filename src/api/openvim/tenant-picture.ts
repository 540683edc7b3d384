import type { NetId, ServerId, TenantId } from "../../model/ids.ts";
import type { Flavor, Image, Server, ServerPort, VimNet, VimPicture } from "../../model/vim-picture.ts";

/** Some of a map's things, as they stand when they are looked for. */
class Some<K, V> implements ReadonlyMap<K, V> {
  readonly #all: ReadonlyMap<K, V>;
  readonly #is: (value: V) => boolean;

  constructor(all: ReadonlyMap<K, V>, is: (value: V) => boolean) {
    this.#all = all;
    this.#is = is;
  }

  get size(): number {
    return [...this.values()].length;
  }

  get(key: K): V | undefined {
    const value = this.#all.get(key);
    return value !== undefined && this.#is(value) ? value : undefined;
  }

  has(key: K): boolean {
    return this.get(key) !== undefined;
  }

  entries(): MapIterator<[K, V]> {
    return this.#all.entries().filter(([, value]) => this.#is(value)) as MapIterator<[K, V]>;
  }

  keys(): MapIterator<K> {
    return this.entries().map(([key]) => key) as MapIterator<K>;
  }

  values(): MapIterator<V> {
    return this.entries().map(([, value]) => value) as MapIterator<V>;
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }

  forEach(tell: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this) tell(value, key, this);
  }
}

/** What is a tenant's own, and what it sees beside that. */
export class TenantView {
  readonly tenant: TenantId;
  readonly #all: VimPicture;

  constructor(tenant: TenantId, all: VimPicture) {
    this.tenant = tenant;
    this.#all = all;
  }

  ownsServer = (s: Server): boolean => s.tenantId === this.tenant;
  ownsNet = (n: VimNet): boolean => n.tenantId === this.tenant;
  /** A vNIC on a bridge has no tenant of its own: it is its server's. */
  ownsPort = (p: ServerPort): boolean => p.tenantId === this.tenant || this.#isOfOwnServer(p.serverId);
  seesNet = (n: VimNet): boolean => n.shared || this.ownsNet(n);
  seesPort = (p: ServerPort): boolean => this.ownsPort(p) || this.#isInOwnNet(p.netId);
  sees = (thing: Flavor | Image): boolean => thing.isPublic || thing.tenants.includes(this.tenant);
  /** Nobody else has a part in it. */
  ownsAlone = (thing: Flavor | Image): boolean => !thing.isPublic && thing.tenants.every((t) => t === this.tenant);

  /** The picture with only what it sees: what is not there is not found, as if it did not exist. */
  get picture(): VimPicture {
    const all = this.#all;
    return {
      tenants: new Some(all.tenants, (t) => t.id === this.tenant),
      hosts: new Map(),
      images: new Some(all.images, this.sees),
      flavors: new Some(all.flavors, this.sees),
      servers: new Some(all.servers, this.ownsServer),
      nets: new Some(all.nets, this.seesNet),
      ports: new Some(all.ports, this.seesPort),
      portsOf: (id) => all.portsOf(id).filter(this.seesPort),
      portsIn: (id) => all.portsIn(id).filter(this.seesPort),
      portsOn: (name) => all.portsOn(name).filter(this.seesPort),
      boundTo: (id) => all.boundTo(id).filter(this.seesNet),
    };
  }

  #isOfOwnServer(id: ServerId | null): boolean {
    return id !== null && this.#all.servers.get(id)?.tenantId === this.tenant;
  }

  #isInOwnNet(id: NetId | null): boolean {
    return id !== null && this.#all.nets.get(id)?.tenantId === this.tenant;
  }
}
