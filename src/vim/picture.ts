import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { KeptProtection } from "../model/armed.ts";
import type { FlavorId, GroupId, HostId, ImageId, NetId, ServerId, TenantId, VimPortId } from "../model/ids.ts";
import type { Flavor, Host, Image, Leftover, Server, ServerPort, Tenant, VimNet, VimPicture } from "../model/vim-picture.ts";
import { type Attachments, placeKey } from "../steer/attachments.ts";
import { type Outside, outsideOf } from "../steer/fabric.ts";
import { readPicture, updateStates, type VimStore } from "../store/vim-picture.ts";
import { FlowVersions } from "./flow-versions.ts";
import { IndexedMap } from "./indexed-map.ts";
import { sliceOf } from "./slices.ts";

/** What nets and ports are looked for by. Waiting: for their first answer. */
const NET_LOOKUPS = {
  boundTo: (n: VimNet) => n.bindNet,
  copiedTo: (n: VimNet) => n.copyNet,
  outside: (n: VimNet) => outsidePlace(n)?.key ?? null,
  trunk: (n: VimNet) => outsidePlace(n)?.trunk ?? null,
  switchPort: (n: VimNet) => outsideOf(n)?.switchPort ?? null,
  provider: (n: VimNet) => n.provider,
  vlan: (n: VimNet) => (n.region === null || n.vlan === null ? null : vlanKey(n.region, n.vlan)),
  slice: (n: VimNet) => sliceOf(n.id),
};
const PORT_LOOKUPS = {
  server: (p: ServerPort) => p.serverId,
  net: (p: ServerPort) => p.netId,
  switchPort: (p: ServerPort) => p.switchPort,
  place: (p: ServerPort) => (p.switchPort === null || p.netId === null ? null : placeKey(p.switchPort, p.vlan)),
  trunk: (p: ServerPort) => (p.vlan === null ? null : p.switchPort),
  mac: (p: ServerPort) => p.mac,
  bfd: (p: ServerPort) => (p.bfd === null ? null : true),
  waiting: (p: ServerPort) => (p.status === "BUILD" ? true : null),
};

/** A VLAN number stands for one net in each region. */
export const vlanKey = (region: string, vlan: number): string => `${vlan}@${region}`;

/** Where a net's provider ties it to the switch. */
function outsidePlace(net: VimNet): { readonly key: string; readonly trunk: string | null } | null {
  const outside = outsideOf(net);
  if (outside === null) return null;
  return { key: placeKey(outside.switchPort, outside.vlan), trunk: outside.vlan === null ? null : outside.switchPort };
}

/** How long a state waits to be written: a write holds this thread for as long as the disk takes, and a switch-over comes first. */
export const RECORD_DELAY_MS = 50;

/**
 * What the VIM knows, in memory, and the way it reaches the store. Everything here but a bind in the making is what the store
 * holds or is about to hold: a request is answered only after its rows are written.
 */
export class Picture implements VimPicture, Attachments {
  readonly flowVersions = new FlowVersions(
    (at) => this.neighboursAt(at),
    (net) => this.#tellChange(net),
  );
  #tellChange: (net: NetId) => void = () => {};
  readonly tenants = new Map<TenantId, Tenant>();
  readonly hosts = new Map<HostId, Host>();
  readonly images = new Map<ImageId, Image>();
  readonly flavors = new Map<FlavorId, Flavor>();
  readonly servers = new Map<ServerId, Server>();
  readonly nets = new IndexedMap<NetId, VimNet, typeof NET_LOOKUPS>(NET_LOOKUPS, (had, now) => {
    this.flowVersions.netChanged(had, now);
    this.#tellChange((now ?? had)!.id);
  });
  readonly ports = new IndexedMap<VimPortId, ServerPort, typeof PORT_LOOKUPS>(PORT_LOOKUPS, (had, now) => {
    this.flowVersions.portChanged(had, now);
    for (const netId of new Set([had?.netId ?? null, now?.netId ?? null])) if (netId !== null) this.#tellChange(netId);
  });
  readonly protections = new Map<GroupId, KeptProtection>();
  /** By server and host: a server leaves something on each host it was on. */
  readonly leftovers = new Map<string, Leftover>();
  readonly db: VimStore;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #dirtyServers = new Set<ServerId>();
  readonly #dirtyPorts = new Set<VimPortId>();
  #later: Promise<void> | null = null;
  #last: Promise<unknown> = Promise.resolve();
  /** A change was begun since sockets were last read. */
  #isTurnTaken = false;

  private constructor(db: VimStore, clock: Clock, log: Log) {
    this.db = db;
    this.#clock = clock;
    this.#log = log;
  }

  static async load(db: VimStore, clock: Clock, log: Log): Promise<Picture> {
    const picture = new Picture(db, clock, log);
    const { leftovers, nets, ports, ...rows } = await readPicture(db);
    for (const [name, things] of Object.entries(rows)) {
      const map = picture[name as keyof typeof rows] as Map<string, { id: string }>;
      for (const thing of things) map.set(thing.id, thing);
    }
    for (const net of nets) picture.nets.load(net.id, net);
    for (const port of ports) picture.ports.load(port.id, port);
    picture.flowVersions.touch(nets.map((net) => net.id)); // Who has seen nothing yet finds all of them changed.
    for (const left of leftovers) picture.leftovers.set(leftoverKey(left), left);
    return picture;
  }

  /** Who is told that a net, a port in it or what leads into it was set or taken away. One listener; it must be short. */
  onChange(listener: (net: NetId) => void): void {
    this.#tellChange = listener;
  }

  /** One change at a time, in the order of the calls: what a change checked still holds when it is written. */
  change<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(() => this.#inItsTurn(work));
    this.#last = done.catch(() => {});
    return done;
  }

  /**
   * A change holds this thread for as long as the disk takes, and the next one would follow without anything between: evidence that has come
   * meanwhile waits for one of them, and not for all that are asked for.
   */
  async #inItsTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isTurnTaken) await new Promise(setImmediate);
    this.#isTurnTaken = true;
    setImmediate(() => {
      this.#isTurnTaken = false;
    });
    return work();
  }

  /** Resolves when every change asked for until now is written or refused. */
  async settled(): Promise<void> {
    while (this.#later !== null) await this.#later;
    await this.#last;
  }

  portsOf(serverId: ServerId): ServerPort[] {
    return this.ports.by("server", serverId);
  }

  portsIn(netId: NetId): ServerPort[] {
    return this.ports.by("net", netId);
  }

  portsOn(switchPort: string): ServerPort[] {
    return this.ports.by("switchPort", switchPort);
  }

  isTrunk(switchPort: string): boolean {
    return this.ports.hasAny("trunk", switchPort) || this.nets.hasAny("trunk", switchPort);
  }

  holderOf(switchPort: string, vlan: number | null): NetId | null {
    const [first = null, ...more] = this.netsAt(switchPort, vlan);
    return more.reduce((a, b) => (this.nets.placeOf(b) < this.nets.placeOf(a as NetId) ? b : a), first);
  }

  /** The nets that have something at this place of a switch, beside one of the ports: commonly one, or none. */
  netsAt(switchPort: string, vlan: number | null, beside: VimPortId | null = null): NetId[] {
    const key = placeKey(switchPort, vlan);
    const ports = this.ports.by("place", key);
    const outside = this.nets.by("outside", key);
    if (outside.length === 0 && ports.length < 2) return ports.flatMap((p) => (p.id === beside ? [] : (p.netId as NetId)));
    const others = ports.filter((p) => p.id !== beside);
    return [...new Set([...outside.map((n) => n.id), ...others.map((p) => p.netId as NetId)])];
  }

  /** The nets that have anything on this port of the switch. */
  netsOn(switchPort: string): NetId[] {
    const ids = [...this.nets.by("switchPort", switchPort).map((n) => n.id), ...this.portsOn(switchPort).map((p) => p.netId)];
    return [...new Set(ids.filter((id) => id !== null))];
  }

  /** The nets whose entries depend on who is at this place: those that are there, and whoever is untagged on a port with tags. */
  neighboursAt({ switchPort, vlan }: Outside): NetId[] {
    const there = this.netsAt(switchPort, vlan);
    return vlan === null ? there : [...there, ...this.netsAt(switchPort, null)];
  }

  /** Ports that wait for their first answer. */
  waitingPorts(): ServerPort[] {
    return this.ports.by("waiting", true);
  }

  /** Nets that are led into this one, alone or beside another. */
  boundTo(netId: NetId): VimNet[] {
    return [...this.nets.by("boundTo", netId), ...this.nets.by("copiedTo", netId)];
  }

  /**
   * Shows the new state at once and writes it a little later: for what was seen or done, which nobody waits to have
   * acknowledged, and which the first pass after a crash finds again. The moment it is seen is the moment to react.
   */
  patchServer(id: ServerId, patch: Partial<Server>): void {
    const server = this.servers.get(id);
    if (!server) return;
    this.servers.set(id, { ...server, ...patch });
    this.#dirtyServers.add(id);
    this.#writeLater();
  }

  patchPort(id: VimPortId, patch: Partial<ServerPort>): void {
    const port = this.ports.get(id);
    if (!port) return;
    this.ports.set(id, { ...port, ...patch });
    this.#dirtyPorts.add(id);
    this.#writeLater();
  }

  #writeLater(): void {
    this.#later ??= this.#writeDirty();
  }

  /** Things as they stand when their turn comes, so that the last write of a row is always the newest state. */
  async #writeDirty(): Promise<void> {
    await new Promise(setImmediate); // What is being reacted to comes first, and a timer takes longer to set than a write to be prepared.
    await this.#clock.sleep(RECORD_DELAY_MS);
    this.#later = null;
    const write = async () => {
      const servers = [...take(this.#dirtyServers)].map((id) => this.servers.get(id));
      const ports = [...take(this.#dirtyPorts)].map((id) => this.ports.get(id));
      await updateStates(this.db, present(servers), present(ports));
    };
    await this.change(write).catch((err: unknown) => {
      this.#log.error({ err }, "states could not be written; the next pass after a restart finds them again");
    });
  }
}

export const leftoverKey = ({ serverId, hostId }: Pick<Leftover, "serverId" | "hostId">): string => `${serverId} ${hostId}`;

function take<T>(set: Set<T>): Set<T> {
  const taken = new Set(set);
  set.clear();
  return taken;
}

const present = <T>(things: readonly (T | undefined)[]): T[] => things.filter((t) => t !== undefined);
