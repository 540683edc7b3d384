import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { text } from "node:stream/consumers";

/*
 * Downloads one file: a program of its own (`image-files.ts` starts it), for hashing and writing gigabytes is no work for a daemon that has to
 * react within a millisecond. It reads a FetchOrder from its standard input and prints a FetchWord as JSON on each line.
 */
export interface FetchOrder {
  readonly url: string;
  readonly to: string;
  readonly bytesMax: number;
}
export type FetchWord =
  | { readonly progress: number }
  | { readonly bytes: number; readonly md5: string; readonly sha256: string }
  | { readonly refused: string };

const REDIRECTS_MAX = 5;
/** For the first byte of an answer, and between any two, ms. */
const SILENCE_MS_MAX = 60_000;
const BYTES_PER_MIB = 2 ** 20;

class Refused extends Error {}
const say = (word: FetchWord) => console.log(JSON.stringify(word));

/** Follows redirects itself: a bounded number, never to another kind of URL and never out of TLS. */
async function answerOf(order: FetchOrder, stalled: AbortController): Promise<Response> {
  let url = new URL(order.url);
  for (let hops = 0; hops <= REDIRECTS_MAX; hops++) {
    const answer = await fetch(url, { redirect: "manual", signal: stalled.signal, headers: { accept: "*/*" } });
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
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(new Refused(`nothing came for ${SILENCE_MS_MAX / 1_000} s`)), SILENCE_MS_MAX);
  const answer = await answerOf(order, stalled);
  const length = lengthOf(answer, order);
  await using file = await open(order.to, "wx", 0o644);
  const [md5, sha256] = [createHash("md5"), createHash("sha256")];
  const told = progressOf(length);
  let bytes = 0;
  for await (const chunk of answer.body!) {
    timer.refresh();
    bytes += chunk.length;
    if (bytes > order.bytesMax) throw tooLarge(order);
    md5.update(chunk);
    sha256.update(chunk);
    await file.write(chunk);
    told(bytes);
  }
  clearTimeout(timer);
  if (length !== null && bytes !== length) throw new Refused(`${bytes} of ${length} bytes came`);
  await file.sync();
  return { bytes, md5: md5.digest("hex"), sha256: sha256.digest("hex") };
}

/** What is to come, or null where the server does not say. Throws Refused for an answer that is no image. */
function lengthOf({ ok, status, statusText, headers }: Response, order: FetchOrder): number | null {
  if (!ok) throw new Refused(`the server answers ${status} ${statusText}`.trim());
  if (headers.get("content-type")?.startsWith("text/html"))
    throw new Refused("the server answers with a page for people (text/html)");
  const length = headers.has("content-encoding") ? null : Number(headers.get("content-length")) || null;
  if (length !== null && length > order.bytesMax) throw tooLarge(order);
  return length;
}

const tooLarge = ({ bytesMax }: FetchOrder) =>
  new Refused(`it is larger than ${Math.floor(bytesMax / BYTES_PER_MIB)} MiB, which the setting vim.images.mibMax allows`);

/** Tells each further hundredth. 100 is said by who has looked at the file and put it in its place. */
function progressOf(length: number | null): (bytes: number) => void {
  let told = 0;
  return (bytes) => {
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
