import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../harness/free-port.ts";
import { ManoDaemon } from "./daemon.ts";
import { until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";
import { ToyVim } from "./toy-vim.ts";

const NS = "/nslcm/v2/ns_instances";
const OCCURRENCES = "/nslcm/v2/ns_lcm_op_occs";
const VNFS = "/vnflcm/v2/vnf_instances";
const VNF_OCCURRENCES = "/vnflcm/v2/vnf_lcm_op_occs";

/** A MANO as a process of its own over a toy VIM, that is killed while it asks for a change, and started anew on what it has left. */
export class KillBed implements AsyncDisposable {
  readonly vim: ToyVim;
  /** The VIM that a link joins it to; null: there is one. */
  readonly other: ToyVim | null;
  readonly sol: SolClient;
  readonly #dir: string;
  readonly #config: string;
  readonly #boots: NodeJS.Timeout;
  #daemon: ManoDaemon | null = null;
  /** The path of the NS, or of the VNF without one, that it is about. */
  #about = "";

  private constructor(vim: ToyVim, other: ToyVim | null, dir: string, port: number) {
    this.vim = vim;
    this.other = other;
    this.sol = new SolClient({ url: `http://127.0.0.1:${port}` });
    this.#dir = dir;
    this.#config = join(dir, "mano.json");
    const vims = this.#vims.map(({ url }, i) => ({ name: `vim${i + 1}`, url, adminUrl: url }));
    const ends = vims.map(({ name }) => ({ vim: name, switchPort: "trunk" }));
    const links = other === null ? {} : { links: [{ ends, vlans: { first: 100, last: 199 } }] };
    writeFileSync(this.#config, JSON.stringify({ mano: { listen: { port }, store: join(dir, "mano.db"), vims, ...links } }));
    this.#boots = setInterval(() => this.#bootAll(), 50);
  }

  /** With this descriptor on board, and an NS of it that is instantiated. */
  static async deployed(nets: readonly string[], file: string, nsdId: string): Promise<KillBed> {
    const bed = await KillBed.#with(nets, file);
    const made = await bed.sol.ask("POST", NS, { nsdId, nsName: "media", nsDescription: "" });
    bed.#about = `${NS}/${made.body.id}`;
    await bed.instantiate();
    return bed;
  }

  /** With a VNF that has no NS, and is not instantiated. */
  static async sole(nets: readonly string[], file: string, vnfdId: string): Promise<KillBed> {
    const bed = await KillBed.#with(nets, file);
    bed.#about = `${VNFS}/${(await bed.sol.ask("POST", VNFS, { vnfdId })).body.id}`;
    return bed;
  }

  /** The same over two VIMs: its traffic enters the first. */
  static async overTwo(nets: readonly string[], others: readonly string[], file: string): Promise<KillBed> {
    const bed = await KillBed.#with(nets, file, others);
    const own = (path: string, body: object) => bed.sol.askUnchecked("POST", path, body, { version: "" });
    const [{ id: nsdId }] = (await bed.get("/mano/v1/descriptors")).filter((r: { kind: string }) => r.kind === "nsd");
    const { body } = await own("/mano/v1/ns_instances", { nsdId, nsName: "media", vimAccountId: "vim1" });
    bed.#about = `${NS}/${body.id}`;
    await bed.instantiate();
    return bed;
  }

  static async #with(nets: readonly string[], file: string, others: readonly string[] | null = null): Promise<KillBed> {
    const dir = mkdtempSync(join(tmpdir(), "sempre-killed-"));
    const other = others === null ? null : await new ToyVim(others).start();
    const bed = new KillBed(await new ToyVim(nets).start(), other, dir, await freePort());
    await bed.start();
    await bed.sol.askUnchecked("POST", "/mano/v1/descriptors", file, { version: "" });
    return bed;
  }

  async start(): Promise<void> {
    this.#daemon = new ManoDaemon(this.#config);
    await until("the MANO is up", () => this.sol.askUnchecked("GET", NS).catch(() => null));
  }

  async instantiate(): Promise<void> {
    await this.sol.ask("POST", `${this.#about}/instantiate`, { nsFlavourId: "default" });
    await this.ended("INSTANTIATE", "COMPLETED");
  }

  get #vims(): readonly ToyVim[] {
    return this.other === null ? [this.vim] : [this.vim, this.other];
  }

  /** Changes that its VIMs were asked for. */
  get #changes(): number {
    return this.#vims.reduce((sum, { asked }) => sum + asked.length, 0);
  }

  /** Asks for it, and kills the MANO when a VIM is asked for the nth change: before it has done it, or after. Then the MANO is started anew. */
  async killedAt(nth: number, when: "before" | "after", path: string, body: object): Promise<void> {
    const had = await this.#asked();
    const base = this.#changes;
    const { process } = this.#daemon!;
    const kill = () => {
      if (this.#changes - base < nth) return true;
      for (const vim of this.#vims) vim.intercept = () => true;
      process.kill("SIGKILL");
      return when === "after";
    };
    for (const vim of this.#vims) vim.intercept = kill;
    // It may be dead before it has answered.
    await this.ask(path, body).catch(() => null);
    await until("it is dead", () => process.signalCode !== null);
    await this.start();
    // A net that returned home by then was a change too: where the operation is not on the disk, it is asked for now.
    if ((await this.#asked()) === had) await this.sol.ask("POST", `${this.#about}${path}`, body);
  }

  /** Asks it for something, whatever comes of that. */
  ask(path: string, body: object) {
    return this.sol.askUnchecked("POST", `${this.#about}${path}`, body);
  }

  /** Ids of the operations that somebody asked for. */
  async #asked(): Promise<string> {
    const list = this.#about.startsWith(NS) ? OCCURRENCES : VNF_OCCURRENCES;
    const { body } = await this.sol.ask("GET", `${list}?filter=(eq,isAutomaticInvocation,false)`);
    return body.map((o: { id: string }) => o.id).join();
  }

  /** Killed whatever it does, and started anew. */
  async restarted(): Promise<void> {
    await this.#daemon!.kill("SIGKILL");
    await this.start();
  }

  /** The last operation of this kind that somebody asked for, once it is in this state. */
  ended(operation: string, state: string) {
    return until(`${operation} is ${state}`, async () => {
      const [list, name] = this.#about.startsWith(NS) ? [OCCURRENCES, "lcmOperationType"] : [VNF_OCCURRENCES, "operation"];
      const query = `filter=(eq,${name},${operation});(eq,isAutomaticInvocation,false)&all_fields`;
      const [last] = (await this.sol.ask("GET", `${list}?${query}`)).body;
      return last?.operationState === state && last;
    });
  }

  async vnfs() {
    return (await this.sol.ask("GET", "/vnflcm/v2/vnf_instances?all_fields")).body;
  }

  async get(path: string) {
    return (await this.sol.askUnchecked("GET", path, undefined, { version: "" })).body;
  }

  /** Last letters of the machines that a VIM has. */
  machines(vim = this.vim): string {
    return [...vim.servers.values()]
      .map((s) => s.name.slice(-1))
      .sort()
      .join("");
  }

  get log(): string {
    return this.#daemon!.log;
  }

  #bootAll(): void {
    for (const vim of this.#vims) for (const s of vim.servers.values()) if (s.status === "CREATING") vim.up(s.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#boots);
    await this.#daemon?.kill("SIGKILL");
    for (const vim of this.#vims) await vim[Symbol.asyncDispose]();
    rmSync(this.#dir, { recursive: true });
  }
}
