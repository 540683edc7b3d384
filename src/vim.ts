import { join, resolve } from "node:path";
import type { FastifyInstance } from "fastify";
import { openDoorway } from "./api/doorway.ts";
import { listenHttp } from "./api/http.ts";
import { openAppliances } from "./compose/vim-appliances.ts";
import { openControllers } from "./compose/vim-controllers.ts";
import { besideStore, openHosts } from "./compose/vim-hosts.ts";
import { type HostSwitches, OVERLAY_MTU, openHostSwitches } from "./compose/vim-overlay.ts";
import { simulateHosts } from "./compose/vim-test-mode.ts";
import type { VimConfig } from "./config.ts";
import { HostBridges } from "./hosts/host-bridges.ts";
import { ImageFiles } from "./hosts/image-files.ts";
import { connectOvsdb } from "./hosts/ovsdb.ts";
import { whyNoSenderTables } from "./hosts/sender-table.ts";
import type { Clock } from "./lib/clock.ts";
import { Fault } from "./lib/fault.ts";
import type { Log } from "./lib/log.ts";
import { isLoopback } from "./lib/loopback.ts";
import { Seal } from "./lib/seal.ts";
import { VERSION } from "./lib/version.ts";
import { PROBE_MAC } from "./model/flow.ts";
import type { DatapathId } from "./model/ids.ts";
import type { CallbackRules } from "./notify/callback-policy.ts";
import { openStore } from "./store/open.ts";
import type { VimDb } from "./store/vim-schema.ts";
import { Door } from "./switch/door.ts";
import { listenAt, type SwitchListener } from "./switch/listen.ts";
import { APPLIANCES_EVERY_MS } from "./vim/appliances.ts";
import { SENDERS_EVERY_MS } from "./vim/bridge-senders.ts";
import { onOvsdb, onSwitch } from "./vim/edges.ts";
import { ImageMaking, type ImageMakingParts } from "./vim/image-making.ts";
import { Probe } from "./vim/probe.ts";
import type { ProbeTarget } from "./vim/probe-targets.ts";
import { TrafficWatch } from "./vim/traffic-watch.ts";
import { Vim } from "./vim/vim.ts";
import { probeFrames } from "./wire/probe-frames.ts";

const MIGRATIONS = join(import.meta.dirname, "..", "sql", "vim");
/** Everything is compared anew this often, for what nobody pushed. */
const PASS_EVERY_MS = 30_000;

export interface RunningVim extends AsyncDisposable {
  readonly port: number;
  readonly adminPort: number;
  readonly openflowPort: number;
  /** Settled when a later daemon has taken the lead over its store: it can write nothing more, and must end. */
  readonly lost: Promise<Fault>;
  /** Reads its certificates again; where they are wrong the old ones stay, and the log says why. */
  reload(): void;
}

/**
 * Starts the VIM daemon: its store, its edges and its API. Disposing it ends it within a second and touches neither servers
 * nor flow entries. Throws CONFIG for a port that is taken, STORE_NEWER for a store of a newer program.
 */
export async function startVim(config: VimConfig, { clock, log }: { clock: Clock; log: Log }): Promise<RunningVim> {
  await using undo = new AsyncDisposableStack();
  const noSenders = config.mode === "test" ? null : whyNoSenderTables(); // Tried while the store is opened.
  const door =
    config.mode === "test"
      ? null
      : undo.use(await Door.open({ host: config.openflow.host, tcpPort: config.openflow.port, clock, log }));
  // The store's thread opens its file while this one loads what answers requests.
  const opening = openStore<VimDb>({ path: config.store, migrationsDir: MIGRATIONS });
  const [db, { serveOpenvim }] = await Promise.all([opening, import("./api/openvim/serve.ts")]);
  undo.defer(() => db.destroy());
  const ownPorts: number[] = [];
  const seal = Seal.open(config.store === ":memory:" ? null : `${config.store}.key`);
  const callbacks = callbackRules(config, () => ownPorts);
  const { vlanRange, linkBridges, mode } = config;
  const spansHosts = config.tunnelIp !== undefined;
  const whyNoSenders = await noSenders;
  const vim = await Vim.open({ db, clock, log, vlanRange, linkBridges, spansHosts, whyNoSenders, mode, callbacks, seal });
  undo.defer(async () => {
    await vim.picture.settled();
    await vim.events.end();
  });
  db.onSilence((why) => vim.events.storeSilent(why));
  undo.use(vim.subscriptions);
  undo.use(vim.protections);
  vim.events.push({ type: "vim.started", version: VERSION });
  if (vim.picture.tenants.size === 0)
    await vim.catalogue.createTenant({ name: "default", description: "made at the first start" });

  const ended = new AbortController();
  const running: Promise<void>[] = [];
  undo.defer(async () => {
    ended.abort();
    await Promise.all(running);
  });

  const lost = Promise.withResolvers<Fault>();
  const lead = () => db.takeLead(lost.resolve);
  const around = { clock, log };
  const world = door === null ? await openTestWorld(vim, lead, around) : await openWorld(config, vim, door, lead, around);
  undo.use(world);
  running.push(
    vim.fabricLoop.run(() => PASS_EVERY_MS, ended.signal),
    vim.bfdLoop.run(() => PASS_EVERY_MS, ended.signal),
    ...world.run(ended.signal),
  );

  const { listen: at } = config;
  const doorway = openDoorway({
    realm: "openvim",
    db,
    auth: config.auth,
    tls: at.tls,
    setting: "config.vim.listen.tls",
    clock,
    log,
  });
  const api = (isAdmin: boolean, host: string): FastifyInstance => {
    const app = undo.adopt(serveOpenvim(vim, isAdmin, { clock, log }, doorway.guarding(host)), (app) => app.close());
    doorway.add(app);
    return app;
  };
  const port = await listenHttp(api(false, at.host), { host: at.host, port: at.port, setting: "config.vim.listen.port" });
  const adminPort = await listenHttp(api(true, at.adminHost), {
    host: at.adminHost,
    port: at.adminPort,
    setting: "config.vim.listen.adminPort",
  });
  ownPorts.push(port, adminPort, world.openflowPort);
  vim.subscriptions.start();
  log.info({ port, adminPort, openflow: world.openflowPort, mode: config.mode }, "VIM started");

  const ends = undo.move();
  return {
    port,
    adminPort,
    openflowPort: world.openflowPort,
    lost: lost.promise,
    reload: () => doorway.reload(),
    [Symbol.asyncDispose]: () => ends.disposeAsync(),
  };
}

/** This machine may be called only where nobody from elsewhere can subscribe: else they would reach through us what trusts this machine. */
function callbackRules({ callbacks, listen: at }: VimConfig, ownPorts: () => readonly number[]): CallbackRules {
  const thisMachine = isLoopback(at.host) && isLoopback(at.adminHost);
  return { allow: callbacks.allow, thisMachine, ownPorts, secretsInClear: callbacks.secretsOverHttp };
}

interface Surroundings {
  readonly clock: Clock;
  readonly log: Log;
}

/** What the VIM acts upon. */
interface World extends AsyncDisposable {
  /** 0: no switch can connect. */
  readonly openflowPort: number;
  /** Begins all that goes on beside requests; settled when it has ended. */
  run(signal: AbortSignal): Promise<void>[];
}

/** What was asked of images and not done when the last daemon ended is begun anew. */
async function openImages(config: VimConfig, vim: Vim, { clock, log }: Surroundings): Promise<AsyncDisposable> {
  const { dir = besideStore(config, "images"), folders, mibMax } = config.images;
  const files = new ImageFiles({ dir: resolve(dir), folders, bytesMax: mibMax * 2 ** 20 });
  const { picture, events } = vim;
  const copyDisk: ImageMakingParts["copyDisk"] = async (source, to, options) => {
    const server = picture.servers.get(source.serverId);
    const compute = server && vim.computes.get(server.hostId);
    if (!compute) throw new Fault("NOT_FOUND", `server ${source.serverId} is gone, and its disk with it`);
    await compute.copyDisk(source, to, options);
  };
  const images = new ImageMaking({ picture, files, events, clock, log, copyDisk });
  vim.images = images;
  await images.start();
  return images;
}

/** `lead`: takes the lead over the store and answers the epoch; asked when nothing can fail any more that is another daemon's. */
async function openWorld(
  config: VimConfig,
  vim: Vim,
  door: Door,
  lead: () => Promise<number>,
  around: Surroundings,
): Promise<World> {
  await using undo = new AsyncDisposableStack();
  let epoch = 0;
  const leads = async () => {
    epoch = await lead();
    return BigInt(epoch);
  };
  const isSeveral = config.tunnelIp !== undefined;
  let isOurs: HostSwitches["isOurs"] = () => (isSeveral ? false : null);
  const switches = undo.use(await listenForSwitches(door, vim, (d) => isOurs(d), { ...around, epoch: leads }));
  const { fabric, facts } = vim;
  const frames = probeFrames(PROBE_MAC);
  const threadsOf = ({ hostId, serverId }: ProbeTarget) =>
    hostId === null || serverId === null ? null : (vim.threads.get(hostId)?.(serverId) ?? null);
  const probe = new Probe({ fabric, facts, ...around, frames, threadsOf }, () => vim.protections.probed(), [vim.paths]);
  const traffic = new TrafficWatch({ fabric, facts, ...around }, () => vim.protections.watched());
  undo.defer(switches.on(onSwitch(vim, probe, (datapath) => switches.sessions.get(datapath)!)));

  const ovsdb = undo.use(await connectOvsdb({ address: config.ovsdb, ...around }));
  const hostSwitches = undo.use(
    await openHostSwitches(config, vim, ovsdb, {
      ...around,
      everyMs: PASS_EVERY_MS,
      sessionOf: (bridge) => switches.sessions.get(bridge),
    }),
  );
  isOurs = (datapath) => hostSwitches.isOurs(datapath);
  const bridges = new HostBridges(besideStore(config, "bridges"));
  const hosts = undo.use(await openHosts(config, vim, hostSwitches, { ...around, epoch, bridges }));
  openAppliances(config, vim, { ovsdb, bridges, mtu: () => (hostSwitches.all.length > 1 ? OVERLAY_MTU : null) });
  undo.use(await openImages(config, vim, around));
  undo.defer(ovsdb.on(onOvsdb(vim)));
  vim.bfd.use(ovsdb);
  undo.use(openControllers(vim, PASS_EVERY_MS, around));

  const ends = undo.move();
  return {
    openflowPort: switches.tcpPort,
    run: (signal) => [
      hosts.run(PASS_EVERY_MS, signal),
      hostSwitches.run(signal),
      vim.dhcp.loop.run(() => APPLIANCES_EVERY_MS, signal),
      vim.routers.loop.run(() => APPLIANCES_EVERY_MS, signal),
      vim.senders.loop.run(() => SENDERS_EVERY_MS, signal),
      probe.run(signal),
      traffic.run(signal),
      vim.paths.run(frames, signal),
      vim.beats.run(signal),
    ],
    [Symbol.asyncDispose]: () => ends.disposeAsync(),
  };
}

async function openTestWorld(vim: Vim, lead: () => Promise<number>, around: Surroundings): Promise<World> {
  await lead();
  vim.condition.leadsSwitch = false;
  const hosts = simulateHosts(vim, PASS_EVERY_MS, around);
  around.log.warn("TEST MODE: no host and no switch is contacted, servers are states in this process and nothing runs");
  return { openflowPort: 0, run: () => [], [Symbol.asyncDispose]: () => hosts[Symbol.asyncDispose]() };
}

/**
 * One switch is led by a session of our own: another one that connects while it is up is refused, so that two never carry the same nets,
 * and so is one that is led through somebody else's controller.
 */
async function listenForSwitches(
  door: Door,
  vim: Vim,
  isOurs: HostSwitches["isOurs"],
  around: Surroundings & { epoch: () => Promise<bigint> },
): Promise<SwitchListener> {
  const isFree = () => vim.fabric.session === null;
  const accept = (datapath: DatapathId) =>
    isOurs(datapath) ?? ((isFree() || vim.fabric.session?.datapath === datapath) && vim.fabric.at(datapath) === undefined);
  return listenAt(door, { accept, ...around });
}
