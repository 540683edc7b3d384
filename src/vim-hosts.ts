import { mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { VimConfig } from "./config.ts";
import { probeAccel } from "./hosts/accel.ts";
import { type Host, openHost } from "./hosts/host.ts";
import type { Ovsdb } from "./hosts/ovsdb.ts";
import { openProcessExit } from "./hosts/process-exit.ts";
import { ServerDisks } from "./hosts/server-disks.ts";
import { deleteTap, ensureTap } from "./hosts/taps.ts";
import type { Clock } from "./lib/clock.ts";
import type { Log } from "./lib/log.ts";
import { Loop } from "./lib/loop.ts";
import type { Host as HostRow } from "./model/vim-picture.ts";
import { ensureBridge } from "./vim/bridges.ts";
import { Compute, type Plugs } from "./vim/compute.ts";
import { onHost } from "./vim/edges.ts";
import { forGuests } from "./vim/inventory.ts";
import type { Vim } from "./vim/vim.ts";

interface Surroundings {
  readonly clock: Clock;
  readonly log: Log;
}

/** `epoch`: under which this VIM leads the hosts. */
type Leading = Surroundings & { readonly epoch: number };

/** A host of the settings and its row. */
interface Site {
  readonly row: HostRow;
  readonly libvirtSocket: string;
  readonly runDir: string;
  readonly disksDir: string;
  readonly netns: string | undefined;
  /** Given by the settings; else the host is asked. */
  readonly memoryMiB?: number | undefined;
  readonly cpus?: number | undefined;
}

/**
 * Opens every compute host of the settings: its libvirt session, what watches its servers, and the loop that brings about what is asked
 * for them. All plug into the one bridge. A host that does not answer keeps none of the others waiting for more than the first attempt.
 */
export async function openHosts(config: VimConfig, vim: Vim, ovsdb: Ovsdb, around: Leading): Promise<AsyncDisposable> {
  await using undo = new AsyncDisposableStack();
  const sites = await sitesOf(config, vim);
  for (const { runDir } of sites) mkdirSync(runDir, { recursive: true });
  const processExit = await openProcessExit(around);
  if (processExit) undo.use(processExit);
  const accel = config.accel ?? (await probeAccel(around.log));
  const open = async (site: Site) => {
    const otherRunDirs = () => sites.filter((s) => s !== site).map((s) => s.runDir);
    const { libvirtSocket: socketPath } = site;
    const host = await openHost({ ...around, socketPath, processExit, patience: config.heartbeat, otherRunDirs });
    undo.use(host);
    vim.computeLoops.set(site.row.id, computeLoop(vim, site, host, { plugs: plugsOf(config, site, ovsdb), accel, ...around }));
    vim.agents.set(site.row.id, ({ serverId }, request) => host.askGuest(serverId, request));
    undo.defer(host.on(onHost(vim, site.row.id)));
    let learned: Promise<void> | undefined;
    undo.defer(
      host.on((e) => {
        if (e.type === "host" && e.status === "up") learned = learnRoom(vim, site, host, around.log);
      }),
    );
    await learned; // Else the first server finds no room on a host that is up.
  };
  await Promise.all(sites.map(open));
  return undo.move();
}

async function sitesOf(config: VimConfig, vim: Vim): Promise<Site[]> {
  const { hosts, libvirtSocket, runDir, netns } = config;
  const disksDir = config.disksDir ?? besideStore(config, "disks");
  if (hosts.length === 0) {
    const row = await vim.inventory.localHost();
    return [{ row, libvirtSocket, runDir, disksDir, netns, memoryMiB: row.memoryMiB, cpus: row.cpus }];
  }
  const rows = await vim.inventory.namedHosts(hosts);
  return hosts.map((host, i) => ({ netns, disksDir: join(disksDir, host.name), ...host, row: rows[i]! }));
}

/** A store in memory is nothing to stay; neither is what belongs to it. */
export const besideStore = ({ store, runDir }: VimConfig, folder: string): string =>
  join(store === ":memory:" ? runDir : dirname(resolve(store)), folder);

function plugsOf({ bridge }: VimConfig, { netns }: Site, ovsdb: Ovsdb): Plugs {
  const where = netns === undefined ? {} : { netns };
  return {
    ensureTap: (name) => ensureTap(name, where),
    deleteTap: (name) => deleteTap(name, where),
    ensurePort: (name) => ovsdb.ensurePort(bridge, name),
    removePort: (name) => ovsdb.removePort(bridge, name),
    ensureBridge: (name) => ensureBridge(name, netns),
  };
}

function computeLoop(
  vim: Vim,
  { row, runDir, disksDir }: Site,
  host: Host,
  { plugs, accel, clock, log }: Surroundings & { plugs: Plugs; accel: "kvm" | "tcg" },
): Loop {
  const compute = new Compute({
    hostId: row.id,
    picture: vim.picture,
    facts: vim.facts,
    host,
    plugs,
    disks: new ServerDisks(disksDir),
    place: { runDir, accel },
    clock,
    log,
    wake: () => loop.wake(),
    isLedAround: (id) => vim.protections.isLedAround(id),
  });
  vim.computes.set(row.id, compute);
  const pass = async () => {
    vim.hostStates.look(row.id);
    await compute.pass();
  };
  const unreachable = (err: unknown) =>
    log.warn({ err, host: row.name }, "the host could not be compared with the servers; the next pass tries again");
  const loop = new Loop(clock, pass, unreachable);
  return loop;
}

/** What the settings do not say of a host it says itself. */
async function learnRoom(vim: Vim, { row, memoryMiB, cpus }: Site, host: Host, log: Log): Promise<void> {
  try {
    const has = memoryMiB !== undefined && cpus !== undefined ? null : await host.capacity();
    const room = { memoryMiB: memoryMiB ?? forGuests(has!.memoryMiB), cpus: cpus ?? has!.cpus };
    await vim.inventory.hasRoom(row.id, room);
  } catch (err) {
    log.warn(
      { err, host: row.name },
      "the host did not say what room it has; what is known of it counts until it connects again",
    );
  }
}
