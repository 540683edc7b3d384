import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { FlowPhases, FlowTable } from "../model/flow.ts";
import type { DatapathId } from "../model/ids.ts";
import type { Abilities, Applied, SwitchEvent, SwitchPort } from "../model/switch.ts";
import { describeChange } from "./describe-change.ts";
import type { CountedPort, FlowSwitch } from "./flow-switch.ts";
import { PortBook } from "./ports.ts";
import type { Look, RestDialect, Standing } from "./rest-dialect.ts";
import { isDone, isGroup, isPut, type Step, stepOf } from "./rest-steps.ts";
import { entryOf, groupOf } from "./rest-words.ts";

/** Requests about single entries that are under way at the same time. */
const TOGETHER = 8;

/** One change, from `apply` to the moment it is seen in the switch or given up. */
interface Turn {
  readonly no: number;
}

/**
 * A switch behind somebody else's controller. What is asked for is validated first, sent in its order, and read back until it is seen; only then is
 * what it replaces taken out. Changes may overlap: a later one does not wait until an earlier one is seen, and what it asks for again is not
 * taken out by the earlier one any more.
 */
export class RestSwitch implements FlowSwitch {
  readonly datapath: DatapathId;
  readonly #dialect: RestDialect;
  readonly #clock: Clock;
  readonly #book = new PortBook();
  readonly #underWay = new Set<Promise<unknown>>();
  /** The last turn that has a word on an entry or group, while there is one under way. */
  readonly #lastWord = new Map<string, Turn>();
  #turns = 0;
  #sending: Promise<unknown> = Promise.resolve();
  #reading: Promise<Standing> | null = null;
  #nextReading: Promise<Standing> | null = null;
  #life: string;
  #endedWhy: string | null = null;
  /** Groups were asked for and did not come about. */
  #noGroups: string | null = null;

  constructor(datapath: DatapathId, dialect: RestDialect, clock: Clock, { ports, life }: Look) {
    this.datapath = datapath;
    this.#dialect = dialect;
    this.#clock = clock;
    this.#life = life;
    for (const port of ports) this.#book.put(port);
  }

  get abilities(): Abilities {
    return this.#noGroups === null ? this.#dialect.abilities : { ...this.#dialect.abilities, noGroups: this.#noGroups };
  }

  get ports(): ReadonlyMap<string, SwitchPort> {
    return this.#book.byName;
  }

  get portsVersion(): number {
    return this.#book.version;
  }

  /** Takes in what the switch looks like now; gives what has changed, for those who watch. */
  look({ ports, life }: Look): SwitchEvent[] {
    const { datapath } = this;
    const seenAt = this.#clock.now();
    const events: SwitchEvent[] = [];
    const told = (reason: "add" | "delete" | "modify", port: SwitchPort) =>
      events.push({ type: "port", datapath, reason, port, seenAt });
    const now = new Map(ports.map((p) => [p.name, p]));
    for (const port of [...this.#book.byName.values()]) {
      if (now.get(port.name)?.no === port.no) continue;
      this.#book.remove(port);
      told("delete", port);
    }
    for (const port of ports) {
      const had = this.#book.byName.get(port.name);
      this.#book.put(port);
      if (had === undefined) told("add", port);
      else if (had.linkDown !== port.linkDown) told("modify", port);
    }
    if (life !== this.#life) events.push({ type: "refused", datapath, error: "the switch has connected to its controller anew" });
    this.#life = life;
    return events;
  }

  end(why: string): void {
    this.#endedWhy ??= why;
  }

  /** Of what is under way the end is waited for: an entry that was just asked for is none that differs. */
  async read(): Promise<FlowTable> {
    await Promise.allSettled(this.#underWay);
    this.#check();
    const { entries, groups } = await this.#freshly();
    if (this.#underWay.size === 0) await this.#dialect.clearUp?.();
    return {
      entries: [...entries.values()].map((e) => entryOf(e, this.#book)),
      groups: [...groups.values()].map((g) => groupOf(g, this.#book)),
    };
  }

  /** With nothing to change: resolves when what was asked for before is over. */
  async apply(phases: FlowPhases): Promise<Applied> {
    this.#check();
    const steps = phases.flat().map((change) => stepOf(change, this.#book, this.datapath));
    if (steps.length === 0) {
      await Promise.allSettled(this.#underWay);
      return { changes: 0, onWireAt: this.#clock.now(), barrierAt: this.#clock.now() };
    }
    const turn: Turn = { no: ++this.#turns };
    for (const { id } of steps) this.#lastWord.set(id, turn);
    const done = this.#carryOut(steps, turn).finally(() => {
      this.#underWay.delete(done);
      for (const { id } of steps) if (this.#lastWord.get(id) === turn) this.#lastWord.delete(id);
    });
    this.#underWay.add(done);
    return done;
  }

  packetOut(): never {
    throw new Fault("SWITCH_REFUSED", "no packet can be sent through a controller of others");
  }

  inOneWrite(send: () => void): void {
    send();
  }

  async portCounters(): Promise<Map<string, CountedPort>> {
    this.#check();
    if (!this.abilities.counters) throw new Fault("SWITCH_REFUSED", `${this.#dialect.product} tells no counters of the moment`);
    const own = { sent: 0, heard: 0 };
    const counted = await this.#dialect.counters();
    return new Map([...counted].map(([no, row]) => [this.#book.nameOf(no), { ...row, own }]));
  }

  async #carryOut(steps: readonly Step[], turn: Turn): Promise<Applied> {
    const [puts, outs] = [steps.filter(isPut), steps.filter((s) => !isPut(s))];
    let onWireAt = 0;
    const send = async (some: readonly Step[]) => {
      await this.#inOrder(() => this.#sendAll(some.filter((s) => isPut(s) || this.#isOpen(s, turn))));
      onWireAt ||= this.#clock.now();
    };
    for (const some of [puts, outs]) {
      if (some.length === 0) continue;
      await send(some);
      await this.#seen(some, turn);
    }
    if (puts.length > 0) await this.#inOrder(async () => this.#dialect.clearUp?.());
    return { changes: steps.length, onWireAt, barrierAt: this.#clock.now() };
  }

  /** Nobody has asked for something else of the same entry since. */
  #isOpen({ id }: Step, turn: Turn): boolean {
    return this.#lastWord.get(id) === turn;
  }

  #inOrder(work: () => Promise<void>): Promise<void> {
    const done = this.#sending.then(work);
    this.#sending = done.catch(() => {});
    return done;
  }

  /** Groups one after the other, as they lead to each other; entries between them together. */
  async #sendAll(steps: readonly Step[]): Promise<void> {
    for (let at = 0; at < steps.length; ) {
      const next = steps.findIndex((s, i) => i >= at && isGroup(s) !== isGroup(steps[at]!));
      const run = steps.slice(at, next === -1 ? steps.length : next);
      await together(run, isGroup(run[0]!) ? 1 : TOGETHER, (step) => this.#send(step));
      at += run.length;
    }
  }

  async #send(step: Step): Promise<void> {
    this.#check();
    try {
      if ("entry" in step) await this.#dialect.putEntry(step.entry.key, step.entry.words);
      else if ("key" in step) await this.#dialect.deleteEntry(step.key);
      else if ("group" in step) await this.#dialect.putGroup(step.group);
      else await this.#dialect.deleteGroup(step.groupId);
    } catch (e) {
      if (!(e instanceof Fault) || e.code !== "CONTROLLER_REFUSED") throw e;
      throw this.#refusal(step, e.message, String(e.about["error"]), e);
    }
  }

  /** Looks until all of it shows in the switch. Throws SWITCH_REFUSED when it does not in time. */
  async #seen(steps: readonly Step[], turn: Turn): Promise<void> {
    const { seenWithinMs, lookEveryMs } = this.#dialect.patience;
    const giveUpAt = this.#clock.now() + seenWithinMs;
    for (;;) {
      const isLast = this.#clock.now() >= giveUpAt;
      const standing = await this.#freshly().catch((e: unknown) => {
        if (isLast) throw e;
        return null;
      });
      const missing = steps.filter((s) => this.#isOpen(s, turn) && (standing === null || !isDone(s, standing)));
      if (missing[0] === undefined) return;
      if (isLast) {
        const what = isPut(missing[0]) ? "is not in the switch" : "is still in the switch";
        const error = `${this.#dialect.product} accepted it, and ${what} after ${seenWithinMs} ms (${missing.length} of ${steps.length})`;
        throw this.#refusal(missing[0], `${error}: ${describeChange(missing[0].change)}`, error);
      }
      await this.#clock.sleep(lookEveryMs);
      this.#check();
    }
  }

  #refusal(step: Step, sentence: string, error: string, cause?: unknown): Fault {
    if (isGroup(step) && isPut(step)) this.#noGroups ??= `groups do not come about in this switch: ${error}`;
    const about = { datapath: this.datapath, change: describeChange(step.change), error };
    return new Fault("SWITCH_REFUSED", sentence, about, { cause });
  }

  /** A reading that begins after this call; those who wait for the same one share it. */
  #freshly(): Promise<Standing> {
    if (this.#reading === null) return this.#startReading();
    this.#nextReading ??= this.#reading
      .catch(() => {})
      .then(() => {
        this.#nextReading = null;
        return this.#startReading();
      });
    return this.#nextReading;
  }

  #startReading(): Promise<Standing> {
    this.#reading = this.#dialect.read().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  #check(): void {
    if (this.#endedWhy !== null) throw new Fault("SWITCH_NOT_CONNECTED", this.#endedWhy);
  }
}

/** Rejects with the first failure, after all that had begun is over. */
async function together<T>(things: readonly T[], atOnce: number, work: (thing: T) => Promise<void>): Promise<void> {
  const left = [...things];
  let failure: { readonly why: unknown } | null = null;
  const worker = async () => {
    for (let next = left.shift(); next !== undefined && failure === null; next = left.shift())
      await work(next).catch((why: unknown) => {
        failure ??= { why };
      });
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, left.length) }, worker));
  if (failure !== null) throw (failure as { readonly why: unknown }).why;
}
