import { createHash } from "node:crypto";
import type { VimConfig } from "../config.ts";
import { connectOvsdb, type Ovsdb } from "../hosts/ovsdb.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { Loop } from "../lib/loop.ts";
import type { BfdTimers, TunnelBfdView } from "../model/bfd.ts";
import type { DatapathId, HostId } from "../model/ids.ts";
import type { HostSwitchAt } from "../model/vim-picture.ts";
import type { SwitchSession } from "../switch/session.ts";
import type { TunnelBfd } from "../vim/bfd.ts";
import { onOvsdb } from "../vim/edges.ts";
import type { Fabric } from "../vim/fabric.ts";
import { Overlay } from "../vim/overlay.ts";
import type { Vim } from "../vim/vim.ts";

interface Surroundings {
  readonly clock: Clock;
  readonly log: Log;
}

/** A bridge that hosts plug into, and the database of its switch. */
export interface HostSwitch {
  readonly ovsdb: Ovsdb;
  readonly bridge: string;
}

/** The switches of the hosts: one for all, or several with tunnels between them (decision 0079). */
export interface HostSwitches extends AsyncDisposable {
  /** The first is that of the cables. */
  readonly all: readonly HostSwitch[];
  /** That of the host of this name. */
  of(host: string): HostSwitch;
  /** Why a host that is opened at run time cannot have this one; null: it can. */
  whyNot(host: HostId | null, at: HostSwitchAt): string | null;
  /** From now on it is one of them. Resolves after the first attempt to reach its database. */
  join(host: HostId, name: string, at: HostSwitchAt): Promise<HostSwitch>;
  /** It is none of them any more: no tunnel leads there, and what we gave it is taken away where it can be. */
  leave(host: HostId): Promise<void>;
  /** Whether a switch that connects is one of them; null where there is one for all, which may be any. */
  isOurs(datapath: DatapathId): boolean | null;
  run(signal: AbortSignal): Promise<void>;
}

/** What a tunnel takes of the 1,500 bytes that an Ethernet carries: outer IPv4 and UDP, VXLAN, the inner frame's header (RFC 7348, 5). */
const VXLAN_BYTES = 50;
export const OVERLAY_MTU = 1_500 - VXLAN_BYTES;
/** A host whose power is cut is known to be cut off after three of these. */
const TUNNEL_BFD: BfdTimers = { minTxMs: 100, minRxMs: 100, detectMult: 3 };
/** How long all bridges are waited for at the start before those that are there are written to; and between two looks until then, ms. */
const PATIENCE_MS = 15_000;
const LOOK_EVERY_MS = 200;
const TUNNEL = /^vx[0-9a-f]{12}$/;
const tunnelName = (from: string, to: string): string =>
  `vx${createHash("sha256").update(`${from}>${to}`).digest("hex").slice(0, 12)}`;

interface Site extends HostSwitch {
  readonly name: string;
  /** Null: of the settings. */
  readonly host: HostId | null;
  readonly tunnelIp: string;
  /** As OpenFlow calls its bridge; null: not known yet. */
  datapath: DatapathId | null;
}

type Opening = Surroundings & {
  readonly everyMs: number;
  /** Of a bridge that speaks with us already. */
  readonly sessionOf: (bridge: DatapathId) => SwitchSession | undefined;
};

/** `main`: the database of the switch that cables and, where nothing else is said, hosts are plugged into. `everyMs`: between two passes. */
export async function openHostSwitches(
  config: VimConfig,
  vim: Vim,
  main: Ovsdb,
  { everyMs, sessionOf, clock, log }: Opening,
): Promise<HostSwitches> {
  await using undo = new AsyncDisposableStack();
  const first: Site = {
    name: "the cables",
    host: null,
    ovsdb: main,
    bridge: config.bridge,
    tunnelIp: config.tunnelIp ?? "",
    datapath: null,
  };
  const sites = [first];
  for (const { name, ovsdb: address, bridge = config.bridge, tunnelIp = "" } of config.hosts) {
    if (address === undefined) continue;
    const ovsdb = undo.use(await connectOvsdb({ address, clock, log }));
    undo.defer(ovsdb.on(onOvsdb(vim)));
    sites.push({ name, host: null, ovsdb, bridge, tunnelIp, datapath: null });
  }
  // With an address for tunnels there may be hosts with switches of their own at any time.
  const overlay = config.tunnelIp === undefined ? null : new Tunnels(vim, sites, { everyMs, sessionOf, clock, log });
  if (overlay !== null) for (const site of sites) undo.defer(overlay.listenTo(site));
  if (overlay !== null) vim.bfd.useTunnels(overlay);
  const ends = undo.move();
  return {
    all: sites,
    of: (host) => sites.find((s) => s.host === null && s !== first && s.name === host) ?? first,
    whyNot: (host, at) => (overlay === null ? NO_TUNNELS : whyNot(vim, config, host, at)),
    join: async (host, name, at) => {
      if (overlay === null) throw new Fault("CONFLICT", NO_TUNNELS);
      return overlay.join(host, name, at);
    },
    leave: async (host) => overlay?.leave(host),
    isOurs: (datapath) => overlay && sites.some((s) => s.datapath === datapath),
    run: async (signal) => overlay?.run(signal),
    async [Symbol.asyncDispose]() {
      await overlay?.end();
      await ends.disposeAsync();
    },
  };
}

const NO_TUNNELS =
  "this VIM's switch has no address for tunnels, so no host can have a 'switch' of its own: set config.vim.tunnelIp, and start the VIM again";

/** As the settings are checked (`config.ts`): tunnels have two ends, and no two switches one. */
function whyNot(vim: Vim, config: VimConfig, host: HostId | null, at: HostSwitchAt): string | null {
  const used = [
    { name: "the cables", ovsdb: config.ovsdb, tunnelIp: config.tunnelIp },
    ...config.hosts,
    ...[...vim.picture.hosts.values()].flatMap((h) => (h.hostSwitch && h.id !== host ? [{ name: h.name, ...h.hostSwitch }] : [])),
  ];
  const [sameSwitch, sameIp] = [used.find((u) => u.ovsdb === at.ovsdb), used.find((u) => u.tunnelIp === at.tunnelIp)];
  if (sameSwitch) return `the switch at ${at.ovsdb} is that of ${sameSwitch.name}`;
  return sameIp ? `tunnel_ip ${at.tunnelIp} is that of ${sameIp.name}` : null;
}

/** Makes one switch of the bridges: finds out what they are called, keeps tunnels between them, and sees which hosts are cut off. */
class Tunnels implements TunnelBfd {
  readonly #vim: Vim;
  readonly #sites: Site[];
  readonly #everyMs: number;
  readonly #sessionOf: Opening["sessionOf"];
  readonly #joined = new Map<HostId, AsyncDisposableStack>();
  readonly #leading = new Map<
    DatapathId,
    { readonly fabric: Fabric; readonly end: AbortController; readonly done: Promise<void> }
  >();
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #overlay = new Overlay();
  readonly #cutOff = new Set<DatapathId>();
  readonly #loop: Loop;
  #ended = new AbortController().signal;
  #areKnown = false;
  #patienceOverMs = 0;

  /** `sites`: grows and shrinks with the hosts. */
  constructor(vim: Vim, sites: Site[], { everyMs, sessionOf, clock, log }: Opening) {
    this.#vim = vim;
    this.#sessionOf = sessionOf;
    this.#sites = sites;
    this.#everyMs = everyMs;
    this.#clock = clock;
    this.#log = log;
    this.#loop = new Loop(
      clock,
      () => this.#pass(),
      (err) => log.warn({ err }, "the tunnels between hosts could not be looked after; the next pass tries again"),
    );
    this.#overlay.onReach(() => {
      this.#look();
      this.#loop.wake();
    });
  }

  listenTo(site: Site): () => void {
    return site.ovsdb.on((e) => {
      if (e.type === "up") this.#loop.wake();
      if (e.type !== "bfd" || site.datapath === null) return;
      this.#overlay.heard(site.datapath, e.port, e.status);
      if (e.status === null && TUNNEL.test(e.port)) this.#loop.wake(); // Somebody has taken it off: it is put back.
      this.#look();
    });
  }

  viewOf(switchPort: string): TunnelBfdView | null {
    const bridge = this.#overlay.bridgeOf(switchPort);
    if (bridge === null || bridge === this.#sites[0]?.datapath) return null;
    const nameOf = (at: DatapathId) => this.#sites.find((s) => s.datapath === at)?.name ?? at;
    const slow = this.#overlay.slowTo(bridge).map(({ from, why }) => `from the switch of ${nameOf(from)}: ${why}`);
    const why = slow.length === 0 ? null : `the tunnel to the switch of ${nameOf(bridge)} ${slow.join("; ")}`;
    return { timers: TUNNEL_BFD, isProtecting: why === null, why };
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#ended = signal;
    this.#patienceOverMs = this.#clock.now() + PATIENCE_MS;
    await this.#loop.run(() => (this.#isPatient ? LOOK_EVERY_MS : this.#everyMs), signal);
    await Promise.all([...this.#leading.values()].map((l) => l.done));
  }

  async join(host: HostId, name: string, { ovsdb: address, bridge, tunnelIp }: HostSwitchAt): Promise<HostSwitch> {
    await using undo = new AsyncDisposableStack();
    const ovsdb = undo.use(await connectOvsdb({ address, clock: this.#clock, log: this.#log }));
    const site: Site = { name, host, ovsdb, bridge, tunnelIp, datapath: null };
    undo.defer(ovsdb.on(onOvsdb(this.#vim)));
    undo.defer(this.listenTo(site));
    this.#sites.push(site);
    this.#joined.set(host, undo.move());
    this.#loop.wake();
    return site;
  }

  /** All hosts with switches of their own have joined: before, tunnels to those that have not seem to be nobody's. */
  get #areAllHere(): boolean {
    const hosts = [...this.#vim.picture.hosts.values()];
    return hosts.every((h) => h.hostSwitch === null || this.#sites.some((s) => s.host === h.id));
  }

  async leave(host: HostId): Promise<void> {
    const at = this.#sites.findIndex((s) => s.host === host);
    const [site] = at < 0 ? [] : this.#sites.splice(at, 1);
    if (site === undefined) return;
    if (site.datapath !== null) await this.#letGo(site, site.datapath);
    await this.#joined.get(host)?.disposeAsync();
    this.#joined.delete(host);
    this.#loop.wake(); // The tunnels of the others that led there go.
  }

  /** What cannot be taken away there leads nowhere: its tunnels have no other end. */
  async #letGo({ name, ovsdb, bridge }: Site, datapath: DatapathId): Promise<void> {
    const led = this.#leading.get(datapath);
    this.#leading.delete(datapath);
    led?.end.abort();
    await led?.done;
    this.#vim.fabric.removePeer(datapath);
    try {
      await led?.fabric.clear();
      if (ovsdb.connected)
        for (const port of await ovsdb.ports(bridge)) if (TUNNEL.test(port.name)) await ovsdb.removePort(bridge, port.name);
    } catch (err) {
      this.#log.warn({ err, host: name }, "not all could be taken away from the switch of a host that is ours no more");
    }
    this.#overlay.leave(datapath);
    this.#cutOff.delete(datapath);
    this.#sessionOf(datapath)?.close("its host is ours no more");
    this.#vim.fabric.placesChanged();
  }

  async end(): Promise<void> {
    for (const joined of this.#joined.values()) await joined.disposeAsync();
  }

  /** A host that is away at the start holds the others up only so long: what leads to it is taken away then, until it is back. */
  get #isPatient(): boolean {
    return !this.#areKnown && this.#clock.now() < this.#patienceOverMs;
  }

  #know(): void {
    const isWhole = this.#areAllHere && this.#overlay.isWhole(this.#sites.length);
    if (this.#areKnown || (this.#isPatient && !isWhole)) return;
    this.#areKnown = true;
    this.#vim.fabric.placesKnown();
  }

  async #pass(): Promise<void> {
    await this.#keepAll().finally(() => this.#know());
  }

  async #keepAll(): Promise<void> {
    for (const site of [...this.#sites]) if (!(await this.#isKnown(site)) && site === this.#sites[0]) return; // The others are something only beside it.
    const known = this.#sites.filter((s) => s.datapath !== null);
    for (const from of known) {
      await this.#keepTunnels(from, known).catch((err: unknown) => {
        this.#log.warn({ err, host: from.name }, "the tunnels of a host could not be looked after; the next pass tries again");
      });
    }
  }

  async #isKnown(site: Site): Promise<boolean> {
    if (site.datapath !== null || !site.ovsdb.connected) return site.datapath !== null;
    try {
      site.datapath = (await site.ovsdb.datapathOf(site.bridge)) as DatapathId;
    } catch (err) {
      this.#log.warn({ err, host: site.name }, "the bridge of a host is not there; the next pass looks again");
      return false;
    }
    if (!this.#sites.includes(site)) return false; // It has left meanwhile.
    this.#overlay.join(site.datapath);
    if (site === this.#sites[0]) this.#vim.fabric.useOverlay(this.#overlay, site.datapath);
    else this.#lead(site.datapath, site.name);
    return true;
  }

  /** Each with a loop of its own: a host that is slow or gone holds up no other. */
  #lead(datapath: DatapathId, host: string): void {
    const fabric = this.#vim.fabric.addPeer(this.#overlay, datapath, () => loop.wake());
    const loop = new Loop(
      this.#clock,
      async () => void (await fabric.reconcile()),
      (err) =>
        this.#log.warn({ err, host }, "the switch of a host could not be compared with the picture; the next pass tries again"),
    );
    const end = new AbortController();
    const done = loop.run(() => this.#everyMs, AbortSignal.any([this.#ended, end.signal]));
    this.#leading.set(datapath, { fabric, end, done });
    const session = this.#sessionOf(datapath);
    if (session !== undefined) this.#vim.fabric.connected(session);
  }

  async #keepTunnels(from: Site, known: readonly Site[]): Promise<void> {
    if (!from.ovsdb.connected) return;
    const { ovsdb, bridge, tunnelIp: localIp } = from;
    const wanted = new Set<string>();
    for (const to of known) {
      if (to === from) continue;
      const name = tunnelName(from.datapath!, to.datapath!);
      wanted.add(name);
      await ovsdb.ensureTunnel(bridge, name, { localIp, remoteIp: to.tunnelIp, bfd: TUNNEL_BFD });
      this.#overlay.leads(from.datapath!, to.datapath!, name);
      const status = ovsdb.bfdOf(name)?.status ?? null;
      if (status !== null) this.#overlay.heard(from.datapath!, name, status);
    }
    if (this.#overlay.tookTunnels()) this.#vim.fabric.placesChanged();
    const all = this.#areAllHere && known.length === this.#sites.length;
    for (const { name } of all ? await ovsdb.ports(bridge) : [])
      if (TUNNEL.test(name) && !wanted.has(name)) await ovsdb.removePort(bridge, name);
    this.#look();
  }

  /** What is behind a host that nobody reaches serves nobody, whatever its links are: they are told to be down. */
  #look(): void {
    for (const bridge of this.#overlay.bridges) {
      const isCutOff = this.#overlay.isCutOff(bridge);
      if (isCutOff === this.#cutOff.has(bridge)) continue;
      const host = this.#sites.find((s) => s.datapath === bridge)?.name;
      this.#log.warn(
        { host, isCutOff },
        isCutOff ? "no other host reaches the switch of this one" : "the switch of a host is reached again",
      );
      if (isCutOff) this.#cutOff.add(bridge);
      else this.#cutOff.delete(bridge);
      this.#tellLinks(bridge, isCutOff);
    }
  }

  #tellLinks(bridge: DatapathId, areDown: boolean): void {
    const { facts } = this.#vim;
    const seenAt = this.#clock.now();
    facts.gather();
    for (const { name } of this.#overlay.portsOf(bridge))
      if (areDown) facts.link("bfd", name, false, seenAt, "no other host reaches the switch of this port");
      else facts.unwatched("bfd", name, seenAt);
  }
}
