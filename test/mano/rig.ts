import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseConfig } from "../../src/config.ts";
import { type Clock, systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { type RunningMano, startMano } from "../../src/mano.ts";
import type { Failover, ManoEvent } from "../../src/model/mano-event.ts";
import type { NsView } from "../../src/model/ns.ts";
import { ToyVim } from "./toy-vim.ts";

export const NETS = ["media_net", "data_net0", "data_net1", "data_net2", "traffic_net0", "traffic_net1"];
export const example = (name: string): string => readFileSync(new URL(`../../examples/${name}`, import.meta.url), "utf8");

export async function until<T>(what: string, look: () => T | Promise<T>, limitMs = 60_000): Promise<NonNullable<T>> {
  const end = Date.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((r) => setTimeout(r, 10));
  }
}

/** A MANO in this process over a toy VIM, with its store in a temporary folder. */
export class Rig implements AsyncDisposable {
  readonly vim: ToyVim;
  readonly dir = mkdtempSync(join(tmpdir(), "sempre-mano-"));
  /** Of the MANO, from its next start on. */
  clock: Clock = systemClock;
  #mano: RunningMano | null = null;
  #settings: object;

  constructor(vim: ToyVim, settings: object = {}) {
    this.vim = vim;
    this.#settings = settings;
  }

  static async start(settings: object = {}, nets: readonly string[] = NETS, clock: ToyVim["clock"] = null): Promise<Rig> {
    return Rig.#started(settings, nets, { clock });
  }

  /** Over a VIM that looks whether packets pass, and has seen none. What a VIM does not have is not asked for again at once, so it has it first. */
  static async overVimThatLooks(settings: object = {}): Promise<Rig> {
    return Rig.#started(settings, NETS, { paths: new Map() });
  }

  static async #started(settings: object, nets: readonly string[], vim: Partial<ToyVim>): Promise<Rig> {
    const rig = new Rig(await new ToyVim(nets).start(), settings);
    Object.assign(rig.vim, vim);
    await rig.startMano();
    return rig;
  }

  config(): object {
    const vims = [{ name: "vim1", url: this.vim.url, adminUrl: this.vim.url, tenant: "default" }];
    return { mano: { listen: { port: 0 }, store: join(this.dir, "mano.db"), vims, ...this.#settings } };
  }

  /** For the next start. */
  setSettings(settings: object): void {
    this.#settings = settings;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#mano!.port}`;
  }

  async startMano(): Promise<void> {
    this.#mano = await startMano(parseConfig(this.config()).mano!, { clock: this.clock, log: silent });
  }

  async stopMano(): Promise<void> {
    await this.#mano?.[Symbol.asyncDispose]();
    this.#mano = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopMano();
    await this.vim[Symbol.asyncDispose]();
    rmSync(this.dir, { recursive: true });
  }

  // biome-ignore lint/suspicious/noExplicitAny: answers of an API, looked into by tests.
  async ask(method: string, path: string, body?: unknown): Promise<{ status: number; body: any; headers: Headers }> {
    const text = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
    const res = await fetch(`http://127.0.0.1:${this.#mano!.port}${path}`, { method, ...text });
    const answer = await res.text();
    return { status: res.status, body: answer === "" ? null : JSON.parse(answer), headers: res.headers };
  }

  async ns(): Promise<NsView> {
    return (await this.ask("GET", "/mano/v1/ns_instances")).body[0];
  }

  async failovers(): Promise<Failover[]> {
    return (await this.ask("GET", "/mano/v1/failovers")).body;
  }

  async events(): Promise<ManoEvent[]> {
    return (await this.ask("GET", "/mano/v1/events?since=0")).body.events;
  }

  /** Causes of the alarms that are active, sorted. */
  async alarms(): Promise<string[]> {
    const { body } = await this.ask("GET", "/mano/v1/alarms");
    return body
      .filter((a: { clearedAt: string | null }) => a.clearedAt === null)
      .map((a: { probableCause: string }) => a.probableCause)
      .sort();
  }

  /** A descriptor file of any form. */
  // biome-ignore lint/suspicious/noExplicitAny: an answer of an API.
  onboard(file: string): Promise<{ status: number; body: any }> {
    return this.ask("POST", "/mano/v1/descriptors", file);
  }

  async create(file = example("media-relay.yaml"), where: object = {}): Promise<string> {
    const onboarded = await this.onboard(file);
    const nsd = onboarded.body.find((d: { kind: string }) => d.kind === "nsd");
    const made = await this.ask("POST", "/mano/v1/ns_instances", { nsdId: nsd.id, nsName: "media", ...where });
    if (made.status !== 201) throw new Error(`not created: ${JSON.stringify(made.body)}`);
    return made.body.id;
  }

  /** The example, instantiated and protected. */
  async deploy(file = example("media-relay.yaml")): Promise<string> {
    const id = await this.create(file);
    await this.ask("POST", `/mano/v1/ns_instances/${id}/instantiate`);
    const count = (await this.ns()).vnfcs.length;
    await until(`${count} servers`, () => this.vim.servers.size === count);
    for (const { name } of this.vim.servers.values()) this.vim.up(name);
    await until("INSTANTIATED", async () => (await this.ns()).state === "INSTANTIATED");
    await until("all up", async () => (await this.ns()).vnfcs.every((v) => v.health?.state === "up"));
    // A toy that looks at ways says what a test has it say.
    if (this.vim.paths === null) await until("it can fail over", async () => (await this.ns()).underWay === null);
    return id;
  }
}
