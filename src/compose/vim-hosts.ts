import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { VimConfig } from "../config.ts";
import { probeAccel } from "../hosts/accel.ts";
import { type Host, openHost } from "../hosts/host.ts";
import type { HostBridges } from "../hosts/host-bridges.ts";
import type { LibvirtAt, LibvirtTlsFiles } from "../hosts/libvirt-stream.ts";
import { libvirtAt, parseLibvirtUri } from "../hosts/libvirt-uri.ts";
import { openProcessExit, type ProcessExit } from "../hosts/process-exit.ts";
import { openScreen } from "../hosts/screen.ts";
import { SenderTable } from "../hosts/sender-table.ts";
import { ServerDisks } from "../hosts/server-disks.ts";
import { deleteTap, ensureTap } from "../hosts/taps.ts";
import type { Topology } from "../hosts/topology.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import { Loop } from "../lib/loop.ts";
import type { HostId } from "../model/ids.ts";
import { threadSet } from "../model/thread-set.ts";
import type { Host as HostRow, HostSwitchAt } from "../model/vim-picture.ts";
import { isBridgeOfNet } from "../vim/bridges.ts";
import { Compute, type Plugs } from "../vim/compute.ts";
import type { ConsoleHost } from "../vim/consoles.ts";
import { onHost } from "../vim/edges.ts";
import { forGuests, type HostOpener, sharedWithin } from "../vim/inventory.ts";
import { type SpecPlace, screenSocket } from "../vim/server-spec.ts";
import type { Vim } from "../vim/vim.ts";
import type { HostSwitch, HostSwitches } from "./vim-overlay.ts";

interface Surroundings {
  readonly clock: Clock;
  readonly log: Log;
}

/** `epoch`: under which this VIM leads the hosts. `bridges`: of the VIM's own on this machine's. */
type Leading = Surroundings & { readonly epoch: number; readonly bridges: HostBridges };

/** A host to be spoken to. */
interface Site {
  readonly row: HostRow;
  readonly at: LibvirtAt;
  /** Null: it is another machine, and nothing but its libvirt is reached. */
  readonly runDir: string | null;
  readonly disksDir: string;
  readonly netns: string | undefined;
  /** What its taps are plugged into; a switch of its own is joined when the host is opened. */
  readonly plugged: HostSwitch;
  readonly ownSwitch?: HostSwitchAt | null;
  /** Given by the settings; else the host is asked. */
  readonly memoryMiB?: number | undefined;
  readonly cpus?: number | undefined;
}

/** A host that is spoken to, and how that ends. */
interface Session extends AsyncDisposable {
  readonly site: Site;
  readonly loop: Loop;
  /** Asks it anew what it has, where it can be asked. */
  learn(): Promise<void>;
}

/** The compute hosts of this VIM: those of the settings, and those that were opened by request, from then on and after each restart. */
export interface Hosts extends AsyncDisposable {
  /** Runs the loops of all, those that come later as well. Settled when all have ended. */
  run(everyMs: number, signal: AbortSignal): Promise<void>;
}

/**
 * Opens every compute host: its libvirt session, what watches its servers, and the loop that brings about what is asked for them. A host of
 * the settings that does not answer keeps none of the others waiting for more than the first attempt, one of the others nobody.
 */
export async function openHosts(config: VimConfig, vim: Vim, switches: HostSwitches, around: Leading): Promise<Hosts> {
  await using undo = new AsyncDisposableStack();
  const processExit = await openProcessExit(around);
  if (processExit) undo.use(processExit);
  const accel = config.accel ?? (await probeAccel(around.log));
  const settings = await sitesOf(config, vim, switches);
  const hosts = undo.use(new OpenHosts({ config, vim, switches, processExit, accel, ...around }));
  vim.inventory.openBy(hosts, { speaksTls: config.libvirtTls !== undefined });
  for (const row of vim.picture.hosts.values()) if (row.libvirtUri !== null) hosts.changed(row.id, row);
  await Promise.all(settings.map((site) => hosts.open(site)));
  const ends = undo.move();
  return { run: (everyMs, signal) => hosts.run(everyMs, signal), [Symbol.asyncDispose]: () => ends.disposeAsync() };
}

async function sitesOf(config: VimConfig, vim: Vim, switches: HostSwitches): Promise<Site[]> {
  const { hosts, libvirtSocket, runDir, netns } = config;
  const disksDir = disksOf(config);
  if (hosts.length === 0) {
    const row = await vim.inventory.localHost();
    const { memoryMiB, cpus } = row;
    return [{ row, at: { socketPath: libvirtSocket }, runDir, disksDir, netns, plugged: switches.of(row.name), memoryMiB, cpus }];
  }
  const rows = await vim.inventory.namedHosts(hosts);
  return hosts.map(({ libvirtSocket: socketPath, ...host }, i) => ({
    ...{ netns, disksDir: join(disksDir, host.name) },
    ...host,
    at: { socketPath },
    plugged: switches.of(host.name),
    row: rows[i]!,
  }));
}

const disksOf = (config: VimConfig): string => config.disksDir ?? besideStore(config, "disks");

/** Of a host that says itself where it is. Its folders are named by its id, which no other has and no request changes. */
function siteAt(config: VimConfig, row: HostRow, switches: HostSwitches): Site {
  const uri = parseLibvirtUri(row.libvirtUri!);
  const runDir = uri.kind === "unix" ? join(config.runDir, row.id.slice(0, SHORT_ID)) : null; // Sockets in it have room for 107 bytes.
  const disksDir = join(disksOf(config), row.id);
  return {
    row,
    at: libvirtAt(uri, config.libvirtTls ?? LIBVIRT_CLIENT),
    runDir,
    disksDir,
    netns: config.netns,
    plugged: switches.of(row.name),
    ownSwitch: row.hostSwitch,
  };
}

const SHORT_ID = 8;
/** Where libvirt's own clients have them (libvirt, "TLS transport"). */
const LIBVIRT_CLIENT: LibvirtTlsFiles = {
  caFile: "/etc/pki/CA/cacert.pem",
  certFile: "/etc/pki/libvirt/clientcert.pem",
  keyFile: "/etc/pki/libvirt/private/clientkey.pem",
};

type OpeningParts = Leading & {
  readonly config: VimConfig;
  readonly vim: Vim;
  readonly switches: HostSwitches;
  readonly processExit: ProcessExit | null;
  /** Of this machine. */
  readonly accel: "kvm" | "tcg";
};

/** The hosts that are spoken to now. What is to become of one host is done in turn. */
class OpenHosts implements HostOpener, AsyncDisposable {
  readonly #parts: OpeningParts;
  readonly #sessions = new Map<HostId, Session>();
  /** What each is to be by now. */
  readonly #rows = new Map<HostId, HostRow>();
  /** Before they are opened: whose run folder is whose must be known to the first. */
  readonly #sites = new Map<HostId, Site>();
  readonly #turns = new Map<HostId, Promise<void>>();
  readonly #loops = new Map<HostId, { readonly end: AbortController; readonly done: Promise<void> }>();
  #running: { readonly everyMs: number; readonly signal: AbortSignal } | null = null;
  #isOver = false;

  constructor(parts: OpeningParts) {
    this.#parts = parts;
  }

  async run(everyMs: number, signal: AbortSignal): Promise<void> {
    this.#running = { everyMs, signal };
    for (const session of this.#sessions.values()) this.#runLoop(session);
    if (!signal.aborted) await new Promise((over) => signal.addEventListener("abort", over, { once: true }));
    await Promise.all([...this.#loops.values()].map((l) => l.done));
  }

  /** One of the settings. */
  open(site: Site): Promise<void> {
    this.#rows.set(site.row.id, site.row);
    this.#sites.set(site.row.id, site);
    return this.#turn(site.row.id, () => this.#open(site));
  }

  changed(id: HostId, row: HostRow | null): void {
    const was = this.#rows.get(id);
    if (row === null) this.#rows.delete(id);
    else this.#rows.set(id, row);
    const [from, to] = [reachedAt(was), reachedAt(row)];
    if (from !== to) {
      const site = to === null ? null : siteAt(this.#parts.config, row!, this.#parts.switches);
      if (site === null) this.#sites.delete(id);
      else this.#sites.set(id, site);
      void this.#turn(id, async () => {
        if (from !== null) await this.#close(id);
        if (site !== null) await this.#open(site);
      });
    } else if (row !== null && (was?.guestThreads !== row.guestThreads || was?.discovers !== row.discovers))
      void this.#turn(id, async () => this.#sessions.get(id)?.learn());
  }

  async settled(id: HostId): Promise<void> {
    await this.#turns.get(id);
  }

  whyNoSwitch(id: HostId | null, at: HostSwitchAt): string | null {
    return this.#parts.switches.whyNot(id, at);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#turns.values());
    await Promise.all([...this.#sessions.keys()].map((id) => this.#close(id)));
  }

  #turn(id: HostId, work: () => Promise<void>): Promise<void> {
    const { log } = this.#parts;
    const before = this.#turns.get(id) ?? Promise.resolve();
    const turn = before.then(work).catch((err: unknown) => log.error({ err, host: id }, "a compute host could not be opened"));
    this.#turns.set(id, turn);
    return turn;
  }

  async #open(site: Site): Promise<void> {
    if (this.#isOver) return;
    const { vim } = this.#parts;
    const { id } = site.row;
    const others = () => [...this.#sites.values()].flatMap((s) => (s.row.id === id ? [] : (s.runDir ?? [])));
    const plugged = site.ownSwitch ? await this.#parts.switches.join(id, site.row.name, site.ownSwitch) : site.plugged;
    const session = await openSession({ ...site, plugged }, { ...this.#parts, otherRunDirs: others });
    this.#sessions.set(id, session);
    vim.computeLoops.set(id, session.loop);
    this.#runLoop(session);
  }

  #runLoop({ site, loop }: Session): void {
    if (this.#running === null || this.#loops.has(site.row.id)) return;
    const { everyMs, signal } = this.#running;
    const end = new AbortController();
    const done = loop.run(() => everyMs, AbortSignal.any([signal, end.signal]));
    this.#loops.set(site.row.id, { end, done });
  }

  /** What runs there runs on. */
  async #close(id: HostId): Promise<void> {
    const { vim } = this.#parts;
    const [session, running] = [this.#sessions.get(id), this.#loops.get(id)];
    this.#sessions.delete(id);
    this.#loops.delete(id);
    const { computeLoops, computes, agents, threads, diskLooks, usageReaders, consoles } = vim;
    const { edges } = vim.senders;
    for (const known of [computeLoops, computes, agents, threads, diskLooks, usageReaders, consoles.hosts, edges])
      known.delete(id);
    running?.end.abort();
    await session?.[Symbol.asyncDispose]();
    await running?.done;
    if (session?.site.ownSwitch && !this.#isOver) await this.#parts.switches.leave(id);
    vim.hostStates.forget(id);
  }
}

/** Where a host is reached and plugged in, of one that says so itself. */
const reachedAt = (row: HostRow | null | undefined): string | null =>
  row?.libvirtUri == null ? null : JSON.stringify([row.libvirtUri, row.hostSwitch]);

type SessionParts = OpeningParts & { readonly otherRunDirs: () => readonly string[] };

/** Resolves after the first attempt to connect; where that went well, when it is known what room there is: else the first server finds none. */
async function openSession(site: Site, parts: SessionParts): Promise<Session> {
  const { config, vim, switches, processExit, clock, log, epoch, otherRunDirs } = parts;
  const { id } = site.row;
  if (site.runDir !== null) mkdirSync(site.runDir, { recursive: true });
  const host = await openHost({ ...site.at, clock, log, epoch, processExit, patience: config.heartbeat, otherRunDirs });
  await using undo = new AsyncDisposableStack();
  undo.use(host);
  const isElsewhere = site.runDir === null;
  const place: { -readonly [K in keyof SpecPlace]: SpecPlace[K] } = {
    ...{ runDir: site.runDir, accel: parts.accel },
    ...(isElsewhere && { ovsBridge: site.plugged.bridge, accel: config.accel ?? "tcg" }), // Until the host has said what it can.
  };
  let learned: Promise<void> = Promise.resolve();
  const learn = () => {
    learned = learnHost(vim, site, host, log).then((topology) => {
      if (isElsewhere && topology !== null) place.accel = config.accel ?? (topology.hasKvm ? "kvm" : "tcg");
    });
    return learned;
  };
  const plugs = isElsewhere ? PLUGGED_BY_LIBVIRT : plugsOf(site, switches, parts.bridges);
  const sweep = () => parts.bridges.sweep(site.netns ?? null, (name) => isBridgeOfNet(vim.picture, name));
  const loop = computeLoop(vim, site, host, { plugs, place, before: () => (isElsewhere ? learned : sweep()), clock, log });
  if (!isElsewhere) {
    vim.senders.edges.set(id, new SenderTable(`${besideStore(config, "senders")}/${id}`, site.netns ?? null));
    vim.agents.set(id, ({ serverId }, request) => host.askGuest(serverId, request));
    vim.threads.set(id, (of) => host.processOf(of)?.threads() ?? null);
    vim.diskLooks.set(id, async (of) => (await host.processOf(of)?.hungDisk()) ?? null);
  }
  vim.usageReaders.set(id, (of) => host.usage(of));
  vim.consoles.hosts.set(id, consolesOf(host, site));
  undo.defer(host.on(onHost(vim, id)));
  undo.defer(host.on((e) => void (e.type === "host" && e.status === "up" && learn())));
  await learned;
  const ends = undo.move();
  return {
    site,
    loop,
    learn: async () => void (host.status === "up" && (await learn())),
    [Symbol.asyncDispose]: () => ends.disposeAsync(),
  };
}

/** A store in memory is nothing to stay; neither is what belongs to it. */
export const besideStore = ({ store, runDir }: VimConfig, folder: string): string =>
  join(store === ":memory:" ? runDir : dirname(resolve(store)), folder);

/** What a server left on another host leaves the bridge there; one that cannot be asked has no entry that leads to it any more. */
function plugsOf({ netns, plugged }: Site, { all }: HostSwitches, bridges: HostBridges): Plugs {
  const { ovsdb, bridge } = plugged;
  const where = netns === undefined ? {} : { netns };
  return {
    ensureTap: (name) => ensureTap(name, where),
    deleteTap: (name) => deleteTap(name, where),
    addPorts: (names) => ovsdb.addPorts(bridge, names),
    opened: (name) => ovsdb.opened(name),
    removePort: async (name) => {
      await ovsdb.removePort(bridge, name);
      for (const other of all)
        if (other.ovsdb !== ovsdb && other.ovsdb.connected) await other.ovsdb.removePort(other.bridge, name);
    },
    ensureBridge: (name) => bridges.ensure(name, netns ?? null),
  };
}

/** A screen is a socket, which another machine has not for us. */
const consolesOf =
  (host: Host, { runDir }: Site): ConsoleHost =>
  async (id, kind, side) => {
    if (kind === "serial") return host.openConsole(id, side);
    if (runDir === null) throw new Fault("HOST_REFUSED", "screens of servers on another machine are not reached; ask for serial");
    return openScreen(screenSocket(runDir, id), side);
  };

/** On another machine libvirt makes the taps and plugs them in, and takes them away again. */
const PLUGGED_BY_LIBVIRT: Plugs = {
  ensureTap: async () => {},
  deleteTap: async () => {},
  addPorts: async () => {},
  opened: async () => {},
  removePort: async () => {},
  ensureBridge: async () => {},
};

interface LoopParts extends Surroundings {
  readonly plugs: Plugs;
  readonly place: SpecPlace;
  /** What comes before a pass. */
  readonly before: () => Promise<void>;
}

function computeLoop(vim: Vim, { row, disksDir }: Site, host: Host, { plugs, place, before, clock, log }: LoopParts): Loop {
  const compute = new Compute({
    hostId: row.id,
    picture: vim.picture,
    facts: vim.facts,
    host,
    plugs,
    disks: new ServerDisks(disksDir),
    place,
    clock,
    log,
    wake: () => loop.wake(),
    isLedAround: (id) => vim.protections.isLedAround(id),
    replug: (id) => vim.servers.replug(id),
    hold: (id) => vim.senders.hold(row.id, id),
  });
  vim.computes.set(row.id, compute);
  const pass = async () => {
    await before();
    vim.hostStates.look(row.id);
    await compute.pass();
  };
  const unreachable = (err: unknown) =>
    log.warn({ err, host: row.name }, "the host could not be compared with the servers; the next pass tries again");
  const loop = new Loop(clock, pass, unreachable);
  return loop;
}

/** What the settings do not say of a host it says itself: its room at once, and what it has within where that is wanted. */
async function learnHost(vim: Vim, { row, memoryMiB, cpus, runDir }: Site, host: Host, log: Log): Promise<Topology | null> {
  try {
    const has = memoryMiB !== undefined && cpus !== undefined ? null : await host.capacity();
    const room = { memoryMiB: memoryMiB ?? forGuests(has!.memoryMiB), cpus: cpus ?? has!.cpus };
    const now = vim.picture.hosts.get(row.id);
    if (!now?.discovers) {
      await vim.inventory.hasRoom(row.id, has === null ? room : sharedWithin(room, now?.numas ?? []));
      if (runDir !== null) return null;
    }
    const topology = await host.topology(guestThreads(now?.guestThreads ?? null, runDir !== null));
    if (now?.discovers) await vim.inventory.discovered(row.id, topology.numas, room);
    return topology;
  } catch (err) {
    log.warn({ err, host: row.name }, "the host did not say what it has; what is known of it counts until it connects again");
    return null;
  }
}

/** Those that the operator named; else those that this machine's kernel keeps from others (isolcpus). */
function guestThreads(named: string | null, isHere: boolean): ReadonlySet<number> {
  const isolated = isHere && existsSync(ISOLATED) ? readFileSync(ISOLATED, "utf8").trim() : "";
  return threadSet(named ?? isolated) ?? new Set();
}

const ISOLATED = "/sys/devices/system/cpu/isolated";
