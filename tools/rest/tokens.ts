/** A version-4 uuid, or of any other version: both sides make them as they like. */
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
const ONE_UUID = new RegExp(`^${UUID.source}$`, "i");
export const isUuid = (value: unknown): value is string => typeof value === "string" && ONE_UUID.test(value);
export const uuidsIn = (text: string): string[] => text.match(UUID) ?? [];

/**
 * What the recorded server chose, and what ours chose in its place: ids, generated addresses, ports of a placement. Learned from answers in
 * the order of the recording; what is known is put into requests and expected in answers.
 */
export class Tokens {
  readonly #ours = new Map<string, string>();

  learn(recorded: string, ours: string): void {
    this.#ours.set(recorded, ours);
  }

  knows(recorded: string): boolean {
    return this.#ours.has(recorded);
  }

  /** In a text every id, elsewhere only whole values: a short name may stand inside another. */
  text(recorded: string): string {
    const whole = this.#ours.get(recorded);
    if (whole !== undefined) return whole;
    return recorded
      .replace(UUID, (id) => this.#ours.get(id) ?? id)
      .replace(/(?<=out=)[^,]+/g, (port) => this.#ours.get(port) ?? port);
  }

  value<T>(recorded: T): T {
    if (typeof recorded === "string") return this.text(recorded) as T;
    if (Array.isArray(recorded)) return recorded.map((v) => this.value(v)) as T;
    if (typeof recorded !== "object" || recorded === null) return recorded;
    return Object.fromEntries(Object.entries(recorded).map(([k, v]) => [this.text(k), this.value(v)])) as T;
  }
}
