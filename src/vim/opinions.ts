import type { Verdict } from "../detect/misses.ts";
import { endsSilence } from "../detect/silence.ts";
import type { Evidence, Source } from "../model/evidence.ts";
import type { ServerId, VimPortId } from "../model/ids.ts";

type Id = VimPortId | ServerId;

/** What opinions say of each service port, or of a whole server, in its present life: the last word of each source, in this run. */
export class Opinions {
  readonly #of = new Map<Id, ReadonlyMap<Source, Verdict>>();

  /** True where one of them calls it silent. */
  isSilent(of: Id): boolean {
    return [...this.of(of).values()].includes("silent");
  }

  of(of: Id): ReadonlyMap<Source, Verdict> {
    return this.#of.get(of) ?? new Map();
  }

  hear({ about, says, source }: Evidence): void {
    if (says !== "silent" && says !== "answers") return;
    const isKept = (by: Source) => by !== source && !(says === "answers" && endsSilence(source, by));
    this.#keep(about.id, isKept);
    if (source !== "arpProbe") this.#of.set(about.id, new Map(this.of(about.id)).set(source, says));
  }

  /** It begins a new life. */
  forget(of: Id): void {
    this.#of.delete(of);
  }

  /** Keeps what somebody would still take back. */
  keepOnly(isTold: (of: Id, by: Source) => boolean): void {
    for (const of of [...this.#of.keys()]) this.#keep(of, (by) => isTold(of, by));
  }

  #keep(of: Id, isKept: (by: Source) => boolean): void {
    const left = new Map([...this.of(of)].filter(([by]) => isKept(by)));
    if (left.size > 0) this.#of.set(of, left);
    else this.#of.delete(of);
  }
}
