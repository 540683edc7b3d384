import type { FlowTable } from "../model/flow.ts";
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

type AskedSwitch = Pick<FlowSwitch, "abilities" | "ports">;

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

  askedIn(part: CookiePart): FlowTable {
    return this.#asked.in(part);
  }

  netsIn(part: CookiePart): NetId[] {
    return slicesIn(part).flatMap((slice) => this.#picture.nets.by("slice", slice).map((n) => n.id));
  }

  /** All that is wanted from now on. */
  whole(session: AskedSwitch): FlowTable {
    const wanted = this.#wanted(session, [...this.#picture.nets.values()], [...this.#picture.ports.values()]);
    this.#asked.begin(wanted);
    this.#problems.clear();
    this.#notArmed.clear();
    this.#note(wanted);
    const known = this.#picture.nets as ReadonlyMap<string, VimNet>;
    this.#ids.keepOnly(known);
    this.place?.keepOnly(known);
    return wanted.table;
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
   * What makes the switch what is wanted, where it was compared with what `whole` asked for: `changed`, the nets that have changed since.
   * Groups that stand keep their numbers.
   */
  mend(session: AskedSwitch, { missing, found }: Unlike, changed: readonly NetId[]): Work {
    const lacking = this.#asked.netsAskedFor(found.entries.length + found.groups.length > 0 ? missing : NOTHING);
    this.#ids.forget(new Set<string>(lacking));
    this.#ids.found(found);
    const drawn = this.#drawn(session, [...lacking, ...changed], asItStands(this.#picture));
    const were = this.#asked.of(drawn.affected);
    const stands = both(without(were, missing), found);
    return { ...drawn, phases: allPhases(both(without(missing, were), joined(drawn.parts)), stands) };
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
    for (const id of affected) {
      this.#problems.delete(id);
      this.#notArmed.delete(id);
      const [problem, unarmed] = [problems.get(id), notArmed.get(id)];
      if (problem !== undefined) this.#problems.set(id, problem);
      if (unarmed !== undefined) this.#notArmed.set(id, unarmed);
    }
  }

  #note({ problems, notArmed }: Wanted): void {
    for (const [id, why] of problems) this.#problems.set(id, why);
    for (const [id, why] of notArmed) this.#notArmed.set(id, why);
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

const NOTHING: FlowTable = { entries: [], groups: [] };

const joined = (parts: readonly WantedPart[]): FlowTable => ({
  entries: parts.flatMap((p) => p.table.entries),
  groups: parts.flatMap((p) => p.table.groups),
});

const both = (a: FlowTable, b: FlowTable): FlowTable => ({
  entries: [...a.entries, ...b.entries],
  groups: [...a.groups, ...b.groups],
});

/** These very entries and groups taken out. */
function without(table: FlowTable, those: FlowTable): FlowTable {
  const gone = new Set<object>([...those.entries, ...those.groups]);
  return { entries: table.entries.filter((e) => !gone.has(e)), groups: table.groups.filter((g) => !gone.has(g)) };
}
