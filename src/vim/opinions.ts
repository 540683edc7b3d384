import type { Verdict } from "../detect/misses.ts";
import { endsSilence } from "../detect/silence.ts";
import type { Evidence, Source } from "../model/evidence.ts";
import type { ServerId, VimPortId } from "../model/ids.ts";

type Id = VimPortId | ServerId;
type Opinion = Evidence & { readonly says: Verdict };

const isOpinion = (evidence: Evidence): evidence is Opinion => evidence.says === "silent" || evidence.says === "answers";

/** What opinions say of each service port, or of a whole server, in its present life: the last word of each source, in this run. */
export class Opinions {
  readonly #of = new Map<Id, ReadonlyMap<Source, Opinion>>();
  /** When a port began to be believed: its first answer of a life, since its link came up, or after a silence; monotonic ms. */
  readonly #firstAnswerMs = new Map<Id, number>();
  /** Since when its probe has had no answer, monotonic ms. */
  readonly #silentSinceMs = new Map<Id, number>();

  /** True where one of them calls it silent. */
  isSilent(of: Id): boolean {
    return this.silenceOf(of) !== null;
  }

  /**
   * Since when it has answered no probe, monotonic ms; null: it does. What others say counts here only as far as it ends that: an agent that died in a
   * guest that answers is no member that serves nobody.
   */
  silentSinceMs(of: Id): number | null {
    return this.#silentSinceMs.get(of) ?? null;
  }

  of(of: Id): ReadonlyMap<Source, Verdict> {
    return new Map([...this.#wordsOf(of)].map(([by, { says }]) => [by, says]));
  }

  /** Since when it is believed, monotonic ms; -Infinity: since before this run. */
  believedSinceMs(of: Id): number {
    return this.#firstAnswerMs.get(of) ?? Number.NEGATIVE_INFINITY;
  }

  /** What calls it silent; null: nothing does. */
  silenceOf(of: Id): Opinion | null {
    return [...this.#wordsOf(of).values()].find((w) => w.says === "silent") ?? null;
  }

  hear(evidence: Evidence): void {
    if (!isOpinion(evidence)) return;
    const { about, says, source, seenAt } = evidence;
    const wasSilent = this.isSilent(about.id);
    const isKept = (by: Source) => by !== source && !(says === "answers" && endsSilence(source, by));
    this.#keep(about.id, isKept);
    if (source !== "arpProbe") this.#of.set(about.id, new Map(this.#wordsOf(about.id)).set(source, evidence));
    if (says === "answers" && (source === "arpProbe" || (wasSilent && !this.isSilent(about.id))))
      this.#firstAnswerMs.set(about.id, seenAt);
    if (!this.#isUnanswered(about.id)) this.#silentSinceMs.delete(about.id);
    else if (!this.#silentSinceMs.has(about.id)) this.#silentSinceMs.set(about.id, seenAt);
  }

  /** It begins a new life. */
  forget(of: Id): void {
    this.#of.delete(of);
    this.#silentSinceMs.delete(of);
  }

  /** Keeps what somebody would still take back. */
  keepOnly(isTold: (of: Id, by: Source) => boolean): void {
    for (const of of [...this.#of.keys()]) this.#keep(of, (by) => isTold(of, by));
    for (const of of [...this.#silentSinceMs.keys()]) if (!this.#isUnanswered(of)) this.#silentSinceMs.delete(of);
    for (const of of [...this.#firstAnswerMs.keys()]) if (!isTold(of, "arpProbe")) this.#firstAnswerMs.delete(of);
  }

  #wordsOf(of: Id): ReadonlyMap<Source, Opinion> {
    return this.#of.get(of) ?? new Map();
  }

  #isUnanswered(of: Id): boolean {
    return this.#wordsOf(of).get("probe")?.says === "silent";
  }

  #keep(of: Id, isKept: (by: Source) => boolean): void {
    const left = new Map([...this.#wordsOf(of)].filter(([by]) => isKept(by)));
    if (left.size > 0) this.#of.set(of, left);
    else this.#of.delete(of);
  }
}
