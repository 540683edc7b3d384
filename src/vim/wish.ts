import type { FlowTable } from "../model/flow.ts";
import type { NetId } from "../model/ids.ts";
import type { ServerPort, VimNet } from "../model/vim-picture.ts";
import { GroupIds } from "../steer/group-ids.ts";
import { withoutMissing } from "../steer/missing.ts";
import { NO_STAND_INS, type StandIns } from "../steer/stand-ins.ts";
import { unarmed, type Wanted, wantedTable } from "../steer/wanted.ts";
import type { FlowSwitch } from "../switch/flow-switch.ts";
import type { Sketch } from "./draft.ts";
import type { Picture } from "./picture.ts";

type Asked = Pick<FlowSwitch, "abilities" | "ports">;

/** What is asked of the switch, from the picture, and why parts of it cannot be had. */
export class Wish {
  readonly #picture: Picture;
  readonly #ids = new GroupIds();
  readonly #problems = new Map<NetId, string>();
  readonly #notArmed = new Map<NetId, string>();
  standIns: StandIns = NO_STAND_INS;
  /** Why this switch is not asked for stand-ins: the error it answered to them. */
  refusal: string | null = null;

  constructor(picture: Picture) {
    this.#picture = picture;
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
  }

  /** All that is wanted. */
  whole(session: Asked): FlowTable {
    const nets = [...this.#picture.nets.values()];
    const wanted = this.#wanted(session, nets, [...this.#picture.ports.values()]);
    this.#problems.clear();
    this.#notArmed.clear();
    this.#note(wanted);
    this.#ids.keepOnly(this.#picture.nets as ReadonlyMap<string, VimNet>);
    return wanted.table;
  }

  /** What these nets ask for alone. */
  part(session: Asked, sketch: Sketch, only: ReadonlySet<NetId>): Wanted {
    const nets = [...only].flatMap((id) => sketch.net(id) ?? []);
    return this.#wanted(
      session,
      nets,
      nets.flatMap((n) => sketch.portsIn(n.id)),
    );
  }

  /** Of these nets the last word is this one. */
  notePart(nets: ReadonlySet<NetId>, wanted: Wanted): void {
    for (const id of nets) {
      this.#problems.delete(id);
      this.#notArmed.delete(id);
    }
    this.#note(wanted);
  }

  #note({ problems, notArmed }: Wanted): void {
    for (const [id, why] of problems) this.#problems.set(id, why);
    for (const [id, why] of notArmed) this.#notArmed.set(id, why);
  }

  #wanted(session: Asked, asked: readonly VimNet[], portsOfAll: readonly ServerPort[]): Wanted {
    const { nets, ports, missing } = withoutMissing(asked, portsOfAll, (port) => session.ports.has(port));
    const standIns = this.refusal === null ? this.standIns : NO_STAND_INS;
    const { table, problems, notArmed } = wantedTable(nets, ports, session.abilities, standIns, this.#ids, this.#picture);
    return {
      table,
      problems: new Map([...missing, ...problems]),
      notArmed: this.refusal === null ? notArmed : unarmed(nets, this.standIns, this.refusal),
    };
  }
}
