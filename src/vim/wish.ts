import type { FlowPhases, FlowTable } from "../model/flow.ts";
import type { NetId } from "../model/ids.ts";
import type { ServerPort, VimNet } from "../model/vim-picture.ts";
import { type AllPhases, allPhases } from "../steer/changes.ts";
import { outsideOf } from "../steer/fabric.ts";
import { GroupIds } from "../steer/group-ids.ts";
import { withoutMissing } from "../steer/missing.ts";
import { reachOf } from "../steer/reach.ts";
import { NO_STAND_INS, type StandIns } from "../steer/stand-ins.ts";
import { unarmed, type Wanted, type WantedPart, wantedTable } from "../steer/wanted.ts";
import type { CookiePart, FlowSwitch, Unlike } from "../switch/flow-switch.ts";
import { Asked } from "./asked.ts";
import { asItStands, type Sketch } from "./draft.ts";
import type { Place } from "./overlay.ts";
import type { Picture } from "./picture.ts";
import { slicesIn } from "./slices.ts";
import { type Tellable, Told } from "./told.ts";

type AskedSwitch = Pick<FlowSwitch, "abilities" | "ports">;

/** Of so many nets at once it is worked out what is wanted, with all that they reach: few enough that what is needed for it dies young. */
const NETS_AT_ONCE = 4;

/** What a change of some nets makes of what the switch is asked for. */
export interface Work {
  readonly phases: AllPhases;
  /** The nets whose entries it may change: whole bind groups. */
  readonly affected: ReadonlySet<NetId>;
  /** These and all others that it follows from. */
  readonly tied: ReadonlySet<NetId>;
  readonly parts: readonly WantedPart[];
  readonly problems: ReadonlyMap<NetId, string>;
  readonly notArmed: ReadonlyMap<NetId, string>;
}

interface Mending extends Work {
  /** What is to be written of nets beside the affected ones, in pieces that are made as they are asked for: where a switch has nothing it is all. */
  readonly others: Iterable<FlowPhases>;
}

type Reasoned = Pick<Wanted, "parts" | "problems" | "notArmed">;

/** What is asked of the switch, from the picture, and why parts of it cannot be had. */
export class Wish {
  readonly #picture: Picture;
  readonly #isMine: (switchPort: string) => boolean;
  readonly #ids = new GroupIds();
  readonly #asked = new Asked();
  readonly #problems = new Map<NetId, string>();
  readonly #notArmed = new Map<NetId, string>();
  standIns: StandIns = NO_STAND_INS;
  /** Where it is one of several bridges that are one switch together; null: it is alone. */
  place: Place | null = null;
  /** Why this switch is not asked for stand-ins: the error it answered to them. */
  refusal: string | null = null;

  /** `isMine`: whether a switch port of this name is one of this switch, there now or not. */
  constructor(picture: Picture, isMine: (switchPort: string) => boolean) {
    this.#picture = picture;
    this.#isMine = isMine;
  }

  /** Nets that the switch cannot carry, and why. */
  get problems(): ReadonlyMap<NetId, string> {
    return this.#problems;
  }

  /** Traffic nets that the switch does not protect by itself as `standIns` asks, and why. */
  get notArmed(): ReadonlyMap<NetId, string> {
    return this.#notArmed;
  }

  /** What was read from the switch: groups that stand keep their numbers. */
  found(table: FlowTable): void {
    this.#ids.found(table);
    this.place?.found(table);
  }

  /** What it was asked for last, by all that was worked out and taken. */
  asked(): FlowTable {
    return this.#asked.all();
  }

  /** How many entries. */
  get size(): number {
    return this.#asked.size;
  }

  /** The same, and no more of it than is in this part, to be told to the switch. */
  askedIn(part: CookiePart): Told {
    return new Told(this.#asked.tellable(part));
  }

  netsIn(part: CookiePart): NetId[] {
    return slicesIn(part).flatMap((slice) => this.#picture.nets.by("slice", slice).map((n) => n.id));
  }

  /** All that is wanted from now on. */
  whole(session: AskedSwitch): FlowTable {
    new Told(this.#begin(session)).tell(() => {});
    return this.#asked.all();
  }

  /** The same, to be told to the switch: worked out as it is told, so that it is never there all at once. */
  telling(session: AskedSwitch): Told {
    return new Told(this.#begin(session));
  }

  *#begin(session: AskedSwitch): Generator<Tellable> {
    const { nets, ports } = this.#picture;
    const isAlone = this.place === null; // Else it is worked out in one piece: keys of tunnels are shared out among all.
    const first = isAlone ? this.#wanted(session, [], []) : this.#wanted(session, [...nets.values()], [...ports.values()]);
    const count = first.parts.reduce((n, p) => n + p.table.entries.length, 0);
    this.#asked.begin(first.table.entries.slice(0, first.table.entries.length - count));
    this.#problems.clear();
    this.#notArmed.clear();
    const { ours } = this.#asked;
    yield { part: ours, entries: () => ours.entries, groups: ours.groups };
    yield* this.#put(first, nets.keys());
    if (isAlone) for (const { work, nets } of this.#pieces(session)) yield* this.#put(work, nets);
    const known = nets as ReadonlyMap<string, VimNet>;
    this.#ids.keepOnly(known);
    this.place?.keepOnly(known);
  }

  /** A few bind groups after the other: what is needed to work them out dies young. */
  *#pieces(session: AskedSwitch): Generator<{ readonly work: Reasoned; readonly nets: readonly NetId[] }> {
    const sketch = asItStands(this.#picture);
    const done = new Set<NetId>();
    const work = (some: readonly NetId[]) => {
      const drawn = this.#drawn(session, some, sketch);
      const nets = [...drawn.affected].filter((id) => !done.has(id)); // What stands in for several is reached from each of them.
      for (const id of nets) done.add(id);
      const its = new Set(nets);
      return { work: { ...drawn, parts: drawn.parts.filter((p) => p.nets.some((id) => its.has(id))) }, nets };
    };
    let some: NetId[] = [];
    for (const id of this.#picture.nets.keys()) {
      if (done.has(id)) continue;
      some.push(id);
      if (some.length < NETS_AT_ONCE) continue;
      yield work(some);
      some = [];
    }
    if (some.length > 0) yield work(some);
  }

  *#put(work: Reasoned, nets: Iterable<NetId>): Generator<Tellable> {
    this.#note(work, nets);
    for (const wanted of work.parts) {
      const part = this.#asked.put(wanted);
      yield { part, entries: () => part.entries, groups: part.groups };
      this.#asked.pack(part.nets);
    }
  }

  /** How far a change of these nets reaches. */
  affectedBy(nets: Iterable<NetId>, sketch: Sketch): ReadonlySet<NetId> {
    return reachOf(nets, this.standIns, sketch).affected;
  }

  /** What these nets ask for alone, against what was asked for them last. Changes nothing. */
  workOut(session: AskedSwitch, nets: Iterable<NetId>, sketch = asItStands(this.#picture)): Work {
    const drawn = this.#drawn(session, nets, sketch);
    return { ...drawn, phases: allPhases(joined(drawn.parts), this.#asked.of(drawn.affected)) };
  }

  /**
   * What makes the switch what is wanted, where it was compared with what it was `told`: `changed`, the nets that have changed since.
   * Groups that stand keep their numbers.
   */
  mend(session: AskedSwitch, told: Told, { missing, found }: Unlike, changed: readonly NetId[]): Mending {
    const isEmpty = found.entries.length + found.groups.length === 0; // Then no number is taken, and nothing is turned or goes.
    const lacking = isEmpty ? [] : told.netsOf(missing);
    this.#ids.forget(new Set<string>(lacking));
    this.#ids.found(found);
    const drawn = this.#drawn(session, [...lacking, ...changed], asItStands(this.#picture));
    const others = told.missingBeside(drawn.affected, missing);
    const stands = both(told.standing(drawn.affected, missing), found);
    if (isEmpty) return { ...drawn, phases: allPhases(joined(drawn.parts), stands), others: added(others) };
    return { ...drawn, phases: allPhases([...others, joined(drawn.parts)].reduce(both), stands), others: [] };
  }

  #drawn(session: AskedSwitch, nets: Iterable<NetId>, sketch: Sketch): Omit<Work, "phases"> {
    const { affected, all: tied } = reachOf(nets, this.standIns, sketch);
    const were = this.#asked.netsWith(affected);
    if (were.some((id) => !affected.has(id))) return this.#drawn(session, [...affected, ...were], sketch);
    const rows = [...tied].flatMap((id) => sketch.net(id) ?? []);
    const wanted = this.#wanted(
      session,
      rows,
      rows.flatMap((n) => sketch.portsIn(n.id)),
    );
    const parts = wanted.parts.filter((p) => p.nets.some((id) => affected.has(id)));
    const are = parts.flatMap((p) => p.nets);
    if (are.some((id) => !affected.has(id))) return this.#drawn(session, [...affected, ...are], sketch);
    const { problems, notArmed } = wanted;
    return { affected, tied, parts, problems, notArmed };
  }

  /** It is on its way to the switch: the last word of these nets is this one. */
  took({ affected, parts, problems, notArmed }: Work): void {
    this.#asked.replace(affected, parts);
    this.#note({ parts, problems, notArmed }, affected);
  }

  /** The same, of much, and where nobody waits for what comes after. */
  tookAtLeisure(work: Work): void {
    this.took(work);
    this.#asked.pack(work.affected);
  }

  /** Of these nets alone: of others that they follow from not all is known. */
  #note({ problems, notArmed }: Reasoned, nets: Iterable<NetId>): void {
    for (const id of nets) {
      note(this.#problems, id, problems.get(id));
      note(this.#notArmed, id, notArmed.get(id));
    }
  }

  #wanted(session: AskedSwitch, askedOfAll: readonly VimNet[], portsOfAll: readonly ServerPort[]): Wanted {
    const its = portsOfAll.filter((p) => p.switchPort === null || this.#isMine(p.switchPort));
    const asked = askedOfAll.map((n) => (this.#isMine(outsideOf(n)?.switchPort ?? "") ? n : { ...n, provider: null }));
    const { nets, ports, missing } = withoutMissing(asked, its, (port) => (this.place ?? session.ports).has(port));
    const standIns = this.refusal === null ? this.standIns : NO_STAND_INS;
    const whole = wantedTable(nets, ports, session.abilities, standIns, this.#ids, this.#picture);
    const wanted = this.place === null ? whole : this.place.here(whole, nets, standIns, this.#ids);
    return {
      ...wanted,
      problems: new Map([...missing, ...wanted.problems]),
      notArmed: this.refusal === null ? wanted.notArmed : unarmed(nets, this.standIns, this.refusal),
    };
  }
}

function note(reasons: Map<NetId, string>, id: NetId, why: string | undefined): void {
  if (why === undefined) reasons.delete(id);
  else reasons.set(id, why);
}

function* added(tables: Iterable<FlowTable>): Generator<FlowPhases> {
  for (const table of tables) yield allPhases(table, NOTHING);
}

const NOTHING: FlowTable = { entries: [], groups: [] };

const joined = (parts: readonly WantedPart[]): FlowTable => ({
  entries: parts.flatMap((p) => p.table.entries),
  groups: parts.flatMap((p) => p.table.groups),
});

const both = (a: FlowTable, b: FlowTable): FlowTable => ({
  entries: [...a.entries, ...b.entries],
  groups: [...a.groups, ...b.groups],
});
