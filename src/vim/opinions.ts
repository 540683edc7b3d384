import type { Verdict } from "../detect/misses.ts";
import { endsSilence } from "../detect/silence.ts";
import type { Evidence, Source } from "../model/evidence.ts";
import type { VimPortId } from "../model/ids.ts";

/** What opinions say of each service port in its present life: the last word of each source, in this run. */
export class Opinions {
  readonly #of = new Map<VimPortId, ReadonlyMap<Source, Verdict>>();

  /** True where one of them calls it silent. */
  isSilent(port: VimPortId): boolean {
    return [...this.of(port).values()].includes("silent");
  }

  of(port: VimPortId): ReadonlyMap<Source, Verdict> {
    return this.#of.get(port) ?? new Map();
  }

  hear({ about, says, source }: Evidence): void {
    if (about.kind !== "port" || (says !== "silent" && says !== "answers")) return;
    const isKept = (by: Source) => by !== source && !(says === "answers" && endsSilence(source, by));
    this.#keep(about.id, isKept);
    if (source !== "arpProbe") this.#of.set(about.id, new Map(this.of(about.id)).set(source, says));
  }

  /** It begins a new life. */
  forget(port: VimPortId): void {
    this.#of.delete(port);
  }

  /** Keeps what somebody would still take back. */
  keepOnly(isTold: (port: VimPortId, by: Source) => boolean): void {
    for (const port of [...this.#of.keys()]) this.#keep(port, (by) => isTold(port, by));
  }

  #keep(port: VimPortId, isKept: (by: Source) => boolean): void {
    const left = new Map([...this.of(port)].filter(([by]) => isKept(by)));
    if (left.size > 0) this.#of.set(port, left);
    else this.#of.delete(port);
  }
}
