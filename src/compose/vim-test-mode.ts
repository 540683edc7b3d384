import { SimulatedHost } from "../hosts/simulated-host.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { Loop } from "../lib/loop.ts";
import type { HostId } from "../model/ids.ts";
import type { ServerStatus } from "../model/vim-event.ts";
import type { Host } from "../model/vim-picture.ts";
import { Compute, type Disks, type Plugs } from "../vim/compute.ts";
import { onHost } from "../vim/edges.ts";
import type { Vim } from "../vim/vim.ts";

interface Surroundings {
  readonly clock: Clock;
  readonly log: Log;
}

/** Nothing is plugged in: there is no switch and no kernel to ask. */
const NO_PLUGS: Plugs = {
  ensureTap: async () => {},
  deleteTap: async () => {},
  addPorts: async () => {},
  opened: async () => {},
  removePort: async () => {},
  ensureBridge: async () => {},
};

/** Nor has a server any file. */
const NO_DISKS: Disks = { folderOf: (id) => `/nonexistent/${id}`, prepare: async () => {}, remove: async () => {} };

const STATE_OF = { ACTIVE: "running", PAUSED: "paused" } as const satisfies Partial<Record<ServerStatus, string>>;

/**
 * The world of `mode: test`, as OpenVIM's of that name: every host of the inventory takes servers, and they are states in this process.
 * Answers and events are those of the other modes, for the code above is. `everyMs`: how often a host is compared with its servers.
 */
export function simulateHosts(vim: Vim, everyMs: number, around: Surroundings): AsyncDisposable {
  const ended = new AbortController();
  const running = new Map<HostId, { readonly gone: AbortController; readonly done: Promise<void> }>();

  const open = (host: Host) => {
    const gone = new AbortController();
    const simulated = new SimulatedHost(around.clock, knownOn(vim, host.id));
    const loop = computeLoop(vim, host.id, simulated, around);
    vim.computeLoops.set(host.id, loop);
    const leave = simulated.on(onHost(vim, host.id));
    const done = loop.run(() => everyMs, AbortSignal.any([ended.signal, gone.signal])).finally(leave);
    running.set(host.id, { gone, done });
  };
  const close = (id: HostId) => {
    running.get(id)?.gone.abort();
    running.delete(id);
    vim.computeLoops.delete(id);
  };

  for (const host of vim.picture.hosts.values()) open(host);
  const changed = (id: HostId, host: Host | null) => {
    if (host === null) close(id);
    else if (!running.has(id)) open(host);
  };
  vim.inventory.openBy({ changed, settled: async () => {}, whyNoSwitch: () => null }, { speaksTls: false });
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await Promise.all([...running.values()].map((r) => r.done));
    },
  };
}

const knownOn = (vim: Vim, id: HostId) =>
  [...vim.picture.servers.values()]
    .filter((s) => s.hostId === id && s.status in STATE_OF)
    .map((s) => ({ id: s.id, name: s.name, state: STATE_OF[s.status as keyof typeof STATE_OF] }));

function computeLoop(vim: Vim, hostId: HostId, host: SimulatedHost, { clock, log }: Surroundings): Loop {
  const { picture, facts } = vim;
  const place = { runDir: "/nonexistent", accel: "tcg" } as const;
  const compute = new Compute({
    hostId,
    picture,
    facts,
    host,
    plugs: NO_PLUGS,
    disks: NO_DISKS,
    place,
    clock,
    log,
    wake: () => loop.wake(),
  });
  const pass = async () => {
    vim.hostStates.look(hostId);
    await compute.pass();
  };
  const loop = new Loop(clock, pass, (err) => log.error({ err, host: hostId }, "a simulated host could not be compared"));
  return loop;
}
