import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Fault } from "../../src/lib/fault.ts";
import type { Log } from "../../src/lib/log.ts";
import type { Guard, GuardedMember } from "../../src/mano/guard.ts";
import type { GroupId, TenantId, VimAccountId } from "../../src/model/ids.ts";
import type { VimNet } from "../../src/model/vim-picture.ts";
import { insertDescriptors, upsertVimAccount } from "../../src/store/mano-catalogue.ts";
import type { ManoTables } from "../../src/store/mano-schema.ts";
import type { Vim } from "../../src/vim/vim.ts";
import type { Chance } from "./chance.ts";
import { FakeHost, type Guest } from "./fake-host.ts";
import { FakeSwitch } from "./fake-switch.ts";
import { ManoLife } from "./mano-life.ts";
import { ServiceTraffic } from "./service-traffic.ts";
import { Life, SimClock } from "./sim-clock.ts";
import { type Acked, SimConnector, type Wire } from "./sim-connector.ts";
import { DiskFull, SimDisk } from "./sim-store.ts";
import { VimLife } from "./vim-life.ts";

const ROOT = join(import.meta.dirname, "..", "..");
/** Monotonic ms at which a template begins. */
const START_MS = 1_000_000;
/** Of simulated time, for one piece of work. */
const PATIENCE_MS = 30_000;
export const viewerMac = (port: string): string => `02:00:00:00:02:0${port.slice(1)}`;
const DATA_NETS = [0, 1, 2, 3, 4, 5].map((i) => `data_net${i}`);
/** How long a daemon that was killed stays away, and a switch looks for its controller, ms. */
const RESTART_MS = [50, 3_000] as const;
const RECONNECT_MS = [20, 1_500] as const;

/** What differs from run to run beside chance. */
export interface Variant {
  readonly name: string;
  readonly file: string;
  readonly version: "1.0" | "1.3";
  readonly edit: (yaml: string) => string;
  readonly isProbed: boolean;
  readonly isRevertive: boolean;
  /** How many members serve one user at a time: two in the scheme DUPLICATED. */
  readonly owners: 1 | 2;
  /** The member that each user belongs to when nothing is wrong, by name. */
  readonly normal: readonly string[];
}

export interface Violation {
  readonly invariant: string;
  readonly what: string;
}

/** The rows and the world of a service that runs, to begin each run from. */
export interface Template {
  readonly disks: Disks;
  readonly guests: readonly Guest[];
  readonly table: FakeSwitch["table"];
  readonly ports: ReadonlyMap<string, Parameters<FakeSwitch["ports"]["set"]>[1]>;
  readonly nowMs: number;
}

interface Disks {
  readonly vim: SimDisk;
  readonly mano: SimDisk;
}

const emptyDisks = (): Disks => ({ vim: new SimDisk(join(ROOT, "sql", "vim")), mano: new SimDisk(join(ROOT, "sql", "mano")) });

/** One world: a host, a switch, a wire, and the daemons of the moment. */
export class System {
  readonly sim: SimClock;
  readonly chance: Chance;
  readonly variant: Variant;
  readonly fabric: FakeSwitch;
  readonly host: FakeHost;
  readonly disks: Disks;
  readonly wire: Wire = { isSilent: false, slowMs: 0, repeats: 0, streams: new Set() };
  /** Its story is kept, step by step; else only its end counts. */
  readonly isTold: boolean;
  readonly steps: string[] = [];
  readonly violations: Violation[] = [];
  /** Switch ports of users. */
  readonly viewers: readonly string[];
  /** When the VIM last got its session with the switch: it asks no guest before that. */
  connectedAtMs = Number.NEGATIVE_INFINITY;
  vimLife: VimLife | null = null;
  manoLife: ManoLife | null = null;
  vimStarts = 0;
  manoStarts = 0;
  /** Faults that have not ended yet. */
  faultsOpen = 0;
  /** The lockout or forced switch that was taken last, until another command is given. */
  ackedLock: { readonly kind: string; readonly groupId: GroupId } | null = null;
  lastAsked: symbol | null = null;
  /** What the VIM has answered last: of binds, of what is armed (revisions), of fences (the life that was cut off). */
  readonly acked: Acked = { binds: new Map(), armed: new Map(), fences: new Map() };

  constructor(variant: Variant, chance: Chance, template: Template | null, isTold: boolean) {
    this.isTold = isTold;
    this.variant = variant;
    this.viewers = variant.normal.map((_, i) => `v${i}`);
    this.chance = chance;
    this.sim = new SimClock(template?.nowMs ?? START_MS);
    this.fabric = new FakeSwitch(this.sim, chance.branch(), variant.version);
    this.host = new FakeHost({
      sim: this.sim,
      chance: chance.branch(),
      fabric: this.fabric,
      ipOf: () => "10.0.0.100",
      note: (what) => this.note(what),
    });
    this.disks = template?.disks ?? emptyDisks();
    const service = new ServiceTraffic(this.fabric, this.host, new Map(this.viewers.map((v) => [v, viewerMac(v)])));
    this.fabric.flow = () => service.flow();
    if (template === null) for (const port of this.viewers) this.fabric.setPort(port, false);
    else this.#putBack(template);
  }

  get vim(): Vim | null {
    return this.vimLife?.life.isOver ? null : (this.vimLife?.vim ?? null);
  }

  /** The protection groups as the MANO has them; none while it is not up. */
  get guards(): readonly Guard[] {
    return this.manoLife?.life.isOver ? [] : (this.manoLife?.nfvo?.reaction.guards ?? []);
  }

  /** Of all groups, each once. */
  get members(): readonly GuardedMember[] {
    return [...new Set(this.guards.flatMap((g) => g.members))];
  }

  note(what: string): void {
    if (this.isTold) this.steps.push(`${((this.sim.now() - START_MS) / 1_000).toFixed(4)} s  ${what}`);
  }

  violate(invariant: string, what: string): void {
    if (this.violations.length === 0) this.note(`VIOLATION of ${invariant}: ${what}`);
    this.violations.push({ invariant, what });
  }

  startVim(): void {
    this.vimStarts++;
    this.note("the VIM starts");
    const life = new VimLife({
      sim: this.sim,
      disk: this.disks.vim,
      fabric: this.fabric,
      host: this.host,
      log: this.#log(() => life.life),
    });
    this.vimLife = life;
    life.start().then(
      () => this.#connectSwitch(),
      (e: unknown) => this.#notStarted("the VIM", e, () => this.killVim()),
    );
  }

  startMano(): void {
    this.manoStarts++;
    this.note("the MANO starts");
    const connect = (of: Life) =>
      new SimConnector({
        sim: this.sim,
        chance: this.chance.branch(),
        life: of,
        wire: this.wire,
        vim: () => this.vimLife,
        acked: this.acked,
        lifeOf: (server) => this.host.guests.get(server)?.life,
        bug: (e) => this.bug("a request to the VIM failed by a bug", e),
      });
    const life = new ManoLife({
      sim: this.sim,
      disk: this.disks.mano,
      log: this.#log(() => life.life),
      connect,
      note: this.isTold ? (what) => this.note(what) : null,
      violate: (what) => this.violate("1 an unknown never moves traffic", what),
    });
    this.manoLife = life;
    life.start().catch((e: unknown) => this.#notStarted("the MANO", e, () => this.killMano()));
  }

  /** One whose store cannot be written ends, and is started again by who looks after it. */
  #notStarted(who: string, e: unknown, kill: () => void): void {
    if (e instanceof DiskFull) kill();
    else this.bug(`${who} does not start`, e);
  }

  killVim(): void {
    if (this.vimLife === null) return;
    this.note("the VIM is killed");
    this.vimLife.kill();
    this.vimLife = null;
    if (this.fabric.session !== null) this.fabric.cut("the controller is gone");
    this.sim.after(this.chance.between(...RESTART_MS), () => this.startVim());
  }

  killMano(): void {
    if (this.manoLife === null) return;
    this.note("the MANO is killed");
    this.manoLife.kill();
    this.manoLife = null;
    for (const cut of [...this.wire.streams]) cut("the MANO is gone");
    this.sim.after(this.chance.between(...RESTART_MS), () => this.startMano());
  }

  /** The session ends; the switch comes back by itself. */
  cutSwitch(how: "cut" | "restart"): void {
    this.note(how === "cut" ? "the switch session is cut" : "the switch restarts, empty");
    if (how === "cut") this.fabric.cut("cut");
    else this.fabric.restart();
    this.#connectSwitch();
  }

  #connectSwitch(): void {
    const of = this.vimLife;
    this.sim.after(this.chance.between(...RECONNECT_MS), () => {
      if (this.fabric.session !== null || of === null || of !== this.vimLife || of.vim === null) return;
      this.note("the switch connects");
      this.connectedAtMs = this.sim.now();
      of.accept();
    });
  }

  /** Runs until `untilMs` or until `isOver` says so, which is asked after each step. */
  run(untilMs: number, isOver: () => boolean = () => false): Promise<void> {
    return this.sim.run(untilMs, isOver);
  }

  /** Waits for what the system does; time goes on meanwhile. */
  async done<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const end = () => {
      isDone = true;
    };
    work.then(end, end);
    await this.run(this.sim.now() + PATIENCE_MS, () => isDone);
    if (!isDone) throw new Error(`not done within ${PATIENCE_MS} ms of simulated time`);
    return work;
  }

  /** All is over: nothing that was begun in it is kept by anything outside. */
  end(): void {
    this.vimLife?.life.end();
    this.manoLife?.life.end();
  }

  bug(what: string, e: unknown): void {
    this.violate("no bug", `${what}: ${e instanceof Error ? e.stack : String(e)}`);
  }

  keep(): Template {
    const guests = [...this.host.guests.values()];
    const { table, ports } = this.fabric;
    for (const disk of Object.values(this.disks)) disk.keep();
    return {
      disks: this.disks,
      guests,
      table,
      ports: new Map(ports),
      nowMs: this.sim.now() + 60_000,
    };
  }

  #putBack(t: Template): void {
    for (const disk of Object.values(t.disks)) disk.putBack();
    for (const g of t.guests) this.host.guests.set(g.id, { ...g });
    for (const [name, port] of t.ports) this.fabric.ports.set(name, port);
    this.fabric.table = t.table;
  }

  /** What an operator sets up in both daemons before any service. */
  async provision(): Promise<void> {
    this.startVim();
    await this.run(this.sim.now() + 3_000);
    const { catalogue, nets, ports } = this.vim!;
    await this.done(catalogue.createImage({ name: "media-relay", path: process.execPath, checksum: "none" }));
    await this.done(catalogue.createFlavor({ name: "media-relay", memoryMiB: 64, vcpus: 1 }));
    await this.done(
      nets.createNet({ name: "media_net", kind: "bridge_data", provider: "bridge:br-media", shared: true } as Partial<VimNet> & {
        name: string;
      }),
    );
    for (const name of [...DATA_NETS, ...this.viewers.map((_, i) => `traffic_net${i}`)]) {
      const net = await this.done(nets.createNet({ name, kind: "data", shared: true }));
      const viewer = /^traffic_net(\d)$/.exec(name)?.[1];
      if (viewer !== undefined)
        await this.done(
          ports.createPort({ name: `viewer ${viewer}`, netId: net.id, switchPort: `v${viewer}`, mac: viewerMac(`v${viewer}`) }),
        );
    }
    const account = {
      id: "vim-1" as VimAccountId,
      name: "vim1",
      url: "http://vim",
      adminUrl: "http://vim",
      tenant: "default" as TenantId,
    };
    const setUp = new Life("setup", this.sim);
    const manoDb = this.disks.mano.open<ManoTables>(setUp);
    await this.done(upsertVimAccount(manoDb, account, this.sim.wall().toISOString()));
    this.startMano();
    await this.run(this.sim.now() + 1_000);
    const file = this.variant.edit(readFileSync(join(ROOT, "examples", this.variant.file), "utf8"));
    const manoCatalogue = this.manoLife!.nfvo!.catalogue;
    const { outcome, reading } = await this.done(manoCatalogue.read(Buffer.from(file)));
    const { added } = await this.done(manoCatalogue.merge(outcome, reading.form, null));
    await this.done(insertDescriptors(manoDb, added));
    const nsdId = added.find((d) => d.kind === "nsd")!.id;
    const ns = await this.done(this.manoLife!.requests!.createNs({ nsdId, nsName: "media" }));
    await this.done(this.manoLife!.requests!.instantiate(ns.id));
  }

  #log(life: () => Life): Log {
    const heard = (about: unknown, text?: unknown) => {
      const err = (about as { err?: unknown } | null)?.err;
      if (
        life().isOver ||
        !(err instanceof Error) ||
        err instanceof Fault ||
        err instanceof DiskFull ||
        err.name === "AbortError"
      )
        return;
      this.bug(`${life().name} logs "${String(text)}"`, err);
    };
    const quiet = () => {};
    return { info: quiet, debug: heard, trace: quiet, warn: heard, error: heard, fatal: heard, level: "info" } as unknown as Log;
  }
}
