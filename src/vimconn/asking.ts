import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { accepted } from "./answers.ts";
import type { Answer, VimHttp } from "./http.ts";

/** An ordinary question to a VIM that is well takes milliseconds; a whole inventory of a large one some hundreds. */
export const ASK_TIMEOUT_MS = 5_000;
/** A VIM without a resource gets it with an upgrade, not by being asked every pass. */
const UNSUPPORTED_REST_MS = 60_000;
/** The original answers lists with at most 100 rows unless asked for more. */
const ROWS_MAX = 100_000;

/** How one VIM is asked: what an answer means that is none, and what it has not got. Paths are those below its address. */
export class Asking {
  readonly #http: VimHttp;
  readonly #url: string;
  readonly #clock: Clock;
  /** When what is ours is asked for again of a VIM that has not got it. */
  readonly #againMs = new Map<string, number>();

  constructor(http: VimHttp, url: string, clock: Clock) {
    this.#http = http;
    this.#url = url;
    this.#clock = clock;
  }

  /** Throws VIM_REFUSED with its words. */
  async ask(method: string, path: string, body: unknown, signal: AbortSignal): Promise<unknown> {
    return accepted(method, path, await this.send(method, path, body, signal));
  }

  send(method: string, path: string, body: unknown, signal: AbortSignal): Promise<Answer> {
    return this.#http.ask(method, new URL(`${this.#url}/${path}`), body, ASK_TIMEOUT_MS, signal);
  }

  async list<T>(path: string, key: string, fields: readonly string[], signal: AbortSignal): Promise<T[]> {
    const rows: T[] = [];
    await this.each<T>(path, key, fields, (row) => rows.push(row), signal);
    return rows;
  }

  /** The same, each row as it comes. Throws where not all came. */
  async each<W>(
    path: string,
    key: string,
    fields: readonly string[],
    take: (row: W) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const query = [...fields.map((f) => `field=${f}`), `limit=${ROWS_MAX}`].join("&");
    await this.#rows(`${path}?${query}`, key, take, signal);
  }

  /** Null from a VIM that has no such resource, as the original, or does not show it to us; it is asked for it again after a while. */
  ours<T>(what: string, signal: AbortSignal): Promise<T | null> {
    return this.#where(what, async () => (await this.ask("GET", what, undefined, signal)) as T);
  }

  /** A list of that kind; `key` is its path. False: as null above. */
  async eachOfOurs<W>(key: string, take: (row: W) => void, signal: AbortSignal): Promise<boolean> {
    return (await this.#where(key, () => this.#rows(key, key, take, signal).then(() => true))) ?? false;
  }

  async #rows<W>(path: string, key: string, take: (row: W) => void, signal: AbortSignal): Promise<void> {
    const url = new URL(`${this.#url}/${path}`);
    const answer = await this.#http.list(url, key, (row) => take(row as W), ASK_TIMEOUT_MS, signal);
    const [name] = path.split("?");
    accepted("GET", name!, answer);
    if (!answer.isList) throw new Fault("VIM_REFUSED", `GET ${name}: the answer has no list ${JSON.stringify(key)}`);
  }

  async #where<T>(what: string, ask: () => Promise<T>): Promise<T | null> {
    if (this.#clock.now() < (this.#againMs.get(what) ?? Number.NEGATIVE_INFINITY)) return null;
    try {
      return await ask();
    } catch (e) {
      if (!(e instanceof Fault) || (e.about.status !== 404 && e.about.status !== 403)) throw e;
      this.#againMs.set(what, this.#clock.now() + UNSUPPORTED_REST_MS);
      return null;
    }
  }
}
