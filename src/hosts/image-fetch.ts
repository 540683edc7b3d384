import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";

/*
 * Downloads one file: a program of its own (`image-files.ts` starts it), for hashing and writing gigabytes is no work for a daemon that has to
 * react within a millisecond. It reads a FetchOrder from its standard input and prints a FetchWord as JSON on each line.
 */
export interface FetchOrder {
  readonly url: string;
  readonly to: string;
  readonly bytesMax: number;
  /** A download that breaks off goes on after so long, ms: after the first time, the second in a row without a further byte, and so on; then it has failed. */
  readonly againAfterMs: readonly number[];
}
export type FetchWord =
  | { readonly progress: number }
  | { readonly bytes: number; readonly md5: string; readonly sha256: string }
  | { readonly refused: string };

const REDIRECTS_MAX = 5;
/** For the first byte of an answer, and between any two, ms. */
const SILENCE_MS_MAX = 60_000;
const BYTES_PER_MIB = 2 ** 20;

/** Asked again it would be the same. */
class Refused extends Error {}
const say = (word: FetchWord) => console.log(JSON.stringify(word));

/** Follows redirects itself: a bounded number, never to another kind of URL and never out of TLS. */
async function answerOf(order: FetchOrder, headers: Record<string, string>, stalled: AbortController): Promise<Response> {
  let url = new URL(order.url);
  for (let hops = 0; hops <= REDIRECTS_MAX; hops++) {
    const answer = await fetch(url, { redirect: "manual", signal: stalled.signal, headers: { accept: "*/*", ...headers } });
    const to = answer.headers.get("location");
    if (answer.status < 300 || answer.status > 399 || to === null) return answer;
    await answer.body?.cancel();
    const next = new URL(to, url);
    if (next.protocol !== "https:" && next.protocol !== url.protocol)
      throw new Refused(`${url.origin} sends to a ${next.protocol} URL: want one that is as safe`);
    url = next;
  }
  throw new Refused(`more than ${REDIRECTS_MAX} redirects`);
}

async function download(order: FetchOrder): Promise<FetchWord> {
  await using file = await open(order.to, "wx", 0o644);
  const part = new Part(file, order);
  for (let [failures, most] = [0, 0]; ; ) {
    try {
      await part.fetch();
      await file.sync();
      return part.sums();
    } catch (e) {
      if (part.bytes > most) [failures, most] = [0, part.bytes];
      const waitMs = order.againAfterMs[failures++];
      if (e instanceof Refused || !part.hasBegun || waitMs === undefined) throw e;
      await delay(waitMs);
    }
  }
}

/** What has come so far. */
class Part {
  readonly #file: FileHandle;
  readonly #order: FetchOrder;
  readonly #told: (bytes: number, length: number | null) => void = progress();
  #hashes = newHashes();
  /** By which the server knows that the rest is of the same file (RFC 9110, 8.8.3); null: it cannot be asked for the rest. */
  #etag: string | null = null;
  #bytes = 0;
  #hasBegun = false;

  constructor(file: FileHandle, order: FetchOrder) {
    this.#file = file;
    this.#order = order;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Something that was an image's beginning has come: that there is an image is known. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  sums(): Extract<FetchWord, { md5: string }> {
    const { md5, sha256 } = this.#hashes;
    return { bytes: this.#bytes, md5: md5.digest("hex"), sha256: sha256.digest("hex") };
  }

  /** All that is to come, or the rest of it. */
  async fetch(): Promise<void> {
    const stalled = new AbortController();
    const timer = setTimeout(() => stalled.abort(new Error(`nothing came for ${SILENCE_MS_MAX / 1_000} s`)), SILENCE_MS_MAX);
    try {
      const rest = this.#etag === null ? {} : { range: `bytes=${this.#bytes}-`, "if-range": this.#etag };
      const answer = await answerOf(this.#order, rest, stalled);
      const isRest = answer.status === 206 && answer.headers.get("content-range")?.startsWith(`bytes ${this.#bytes}-`) === true;
      if (!isRest) await this.#beginAnew(answer.headers);
      const comes = lengthOf(answer, this.#order);
      const length = comes === null ? null : this.#bytes + comes;
      if (length !== null && length > this.#order.bytesMax) throw tooLarge(this.#order);
      for await (const chunk of answer.body!) {
        timer.refresh();
        await this.#take(chunk);
        this.#told(this.#bytes, length);
      }
      if (length !== null && this.#bytes !== length) throw new Error(`${this.#bytes} of ${length} bytes came`);
    } finally {
      clearTimeout(timer);
    }
  }

  async #beginAnew(headers: Headers): Promise<void> {
    const etag = headers.get("etag");
    this.#bytes = 0;
    this.#hashes = newHashes();
    this.#etag = etag === null || etag.startsWith("W/") || headers.has("content-encoding") ? null : etag;
    await this.#file.truncate(0);
  }

  async #take(chunk: Uint8Array): Promise<void> {
    const at = this.#bytes;
    if (at + chunk.length > this.#order.bytesMax) throw tooLarge(this.#order);
    await this.#file.write(chunk, 0, chunk.length, at).catch((e: unknown) => Promise.reject(new Refused(reasonOf(e))));
    for (const hash of Object.values(this.#hashes)) hash.update(chunk);
    this.#bytes += chunk.length;
    this.#hasBegun = true;
  }
}

const newHashes = () => ({ md5: createHash("md5"), sha256: createHash("sha256") });

/** The server has too much to do or is being restarted, or has no such rest of it (416). */
const mayPass = (status: number): boolean => status >= 500 || [408, 416, 429].includes(status);

/** How much comes with this answer, or null where the server does not say. Throws Refused for an answer that is no image. */
function lengthOf({ ok, status, statusText, headers }: Response, order: FetchOrder): number | null {
  if (!ok) throw new (mayPass(status) ? Error : Refused)(`the server answers ${status} ${statusText}`.trim());
  if (headers.get("content-type")?.startsWith("text/html"))
    throw new Refused("the server answers with a page for people (text/html)");
  const length = headers.has("content-encoding") ? null : Number(headers.get("content-length")) || null;
  if (length !== null && length > order.bytesMax) throw tooLarge(order);
  return length;
}

const tooLarge = ({ bytesMax }: FetchOrder) =>
  new Refused(`it is larger than ${Math.floor(bytesMax / BYTES_PER_MIB)} MiB, which the setting vim.images.mibMax allows`);

/** Tells each further hundredth. 100 is said by who has looked at the file and put it in its place. */
function progress(): (bytes: number, length: number | null) => void {
  let told = 0;
  return (bytes, length) => {
    const progress = length === null ? 0 : Math.floor((99 * bytes) / length);
    if (progress <= told) return;
    told = progress;
    say({ progress });
  };
}

/** The reason under the reason: fetch itself only says that it failed. */
function reasonOf(e: unknown): string {
  const cause = (e as { cause?: unknown }).cause;
  return cause instanceof Error ? cause.message : e instanceof Error ? e.message : String(e);
}

say(await download(JSON.parse(await text(process.stdin)) as FetchOrder).catch((e: unknown) => ({ refused: reasonOf(e) })));
process.exit(0); // A connection that is kept for a next request has none.
