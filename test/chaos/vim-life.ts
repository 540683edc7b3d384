import type { Log } from "../../src/lib/log.ts";
import { Loop } from "../../src/lib/loop.ts";
import { PROBE_MAC } from "../../src/model/flow.ts";
import type { SwitchEvent } from "../../src/model/switch.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import { Compute } from "../../src/vim/compute.ts";
import { onHost, onSwitch } from "../../src/vim/edges.ts";
import { Probe } from "../../src/vim/probe.ts";
import { TrafficWatch } from "../../src/vim/traffic-watch.ts";
import { Vim } from "../../src/vim/vim.ts";
import { probeFrames } from "../../src/wire/probe-frames.ts";
import type { FakeHost } from "./fake-host.ts";
import type { FakeSwitch } from "./fake-switch.ts";
import { Life, type SimClock } from "./sim-clock.ts";
import type { SimDisk } from "./sim-store.ts";

const PASS_EVERY_MS = 30_000;

/** One run of the VIM daemon, from its start to its kill: the parts of src/vim.ts over edges that are simulated. */
export class VimLife {
  readonly life: Life;
  readonly #log: Log;
  readonly #disk: SimDisk;
  readonly #fabric: FakeSwitch;
  readonly #host: FakeHost;
  readonly #ended = new AbortController();
  /** null until its API listens. */
  vim: Vim | null = null;
  #heardSwitch: ((e: SwitchEvent) => void) | null = null;
  /** Connections to it: called with the reason when it is killed. */
  readonly connections = new Set<(why: string) => void>();

  constructor(parts: { sim: SimClock; disk: SimDisk; fabric: FakeSwitch; host: FakeHost; log: Log }) {
    this.life = new Life("vim", parts.sim);
    this.#disk = parts.disk;
    this.#fabric = parts.fabric;
    this.#host = parts.host;
    this.#log = parts.log;
  }

  async start(): Promise<void> {
    const { clock } = this.life;
    const log = this.#log;
    const db = this.#disk.open<VimDb>(this.life);
    const vim = await Vim.open({ db, clock, log, vlanRange: { first: 3_000, last: 3_100 } });
    vim.events.push({ type: "vim.started", version: "chaos" });
    if (vim.picture.tenants.size === 0) await vim.catalogue.createTenant({ name: "default" });
    const local = await vim.inventory.localHost();
    const { fabric, facts } = vim;
    const frames = probeFrames(PROBE_MAC);
    const probe = new Probe({ fabric, facts, clock, log, frames }, () => vim.protections.probed(), [vim.paths]);
    this.#heardSwitch = onSwitch(vim, probe, () => this.#fabric.session!);
    const compute = new Compute({
      hostId: local.id,
      picture: vim.picture,
      facts,
      host: this.#host.verbs(this.life),
      plugs: this.#host.plugs(this.life),
      disks: { folderOf: () => "/disks", prepare: async () => {}, remove: async () => {} }, // Its images have none.
      place: { runDir: "/run", accel: "kvm" },
      clock,
      log,
      wake: () => computeLoop.wake(),
      isLedAround: (id) => vim.protections.isLedAround(id),
    });
    const pass = async () => {
      vim.hostStates.look(local.id);
      await compute.pass();
    };
    const computeLoop = new Loop(clock, pass, (err) => log.warn({ err }, "the host could not be compared with the servers"));
    vim.computeLoops.set(local.id, computeLoop);
    this.#host.watch(this.life, onHost(vim, local.id));
    const { signal } = this.#ended;
    void vim.fabricLoop.run(() => PASS_EVERY_MS, signal);
    void computeLoop.run(() => PASS_EVERY_MS, signal);
    void probe.run(signal);
    void vim.paths.run(frames, signal);
    void new TrafficWatch({ fabric, facts, clock, log }, () => vim.protections.watched()).run(signal);
    this.vim = vim;
  }

  /** The switch finds its controller, if it listens already. */
  accept(): void {
    if (this.#heardSwitch !== null && !this.life.isOver) this.#fabric.connect(this.life, this.#heardSwitch);
  }

  /** As kill -9. */
  kill(): void {
    this.life.end();
    for (const cut of [...this.connections]) cut("the VIM was killed");
  }
}
