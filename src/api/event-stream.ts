import type { FastifyReply, FastifyRequest } from "fastify";

/** A comment this often shows both ends that the stream lives; a subscriber calls it lost after missing some. */
const HEARTBEAT_MS = 1_000;
/**
 * What may wait for a subscriber that does not read. More, and it is cut: it comes back with its last number and misses nothing. A thousand
 * members that fail at once make 3 MiB.
 */
const BEHIND_BYTES_MAX = 8 * 2 ** 20;
/** Events of one answer or one step of catching up. */
const PAGE_MAX = 1_000;

interface Numbered {
  readonly seq: number;
}

/** Events with numbers that only grow, kept for those who come later. */
export interface EventSource<E extends Numbered> {
  since(seq: number, limit: number): Promise<E[]>;
  subscribe(listener: (event: E) => void): () => void;
  readonly lastSeq: number;
}

const wholeNumber = (text: unknown): number | null => (typeof text === "string" && /^\d{1,15}$/.test(text) ? Number(text) : null);

/** `since` of the query, or where a broken stream left off (`Last-Event-ID`); null: from now on. */
export function sinceOf(request: FastifyRequest): number | null {
  return wholeNumber(request.headers["last-event-id"]) ?? wholeNumber((request.query as Record<string, unknown>).since);
}

export const wantsStream = (request: FastifyRequest): boolean => (request.headers.accept ?? "").includes("text/event-stream");

/** One page of events, for those who ask again and again. */
export const eventPage = <E extends Numbered>(source: EventSource<E>, since: number | null): Promise<E[]> =>
  source.since(startOf(source, since) ?? 0, PAGE_MAX);

/** A number that was never told is one of a store that is no more: to that subscriber everything is news. */
const startOf = <E extends Numbered>(source: EventSource<E>, since: number | null): number | null =>
  since !== null && since > source.lastSeq ? 0 : since;

/**
 * Answers with server-sent events (WHATWG HTML, 9.2): what came after `since`, then everything as it happens, each exactly
 * once and in order. Ends when the subscriber goes, is cut for not reading, or may listen no more, as `isStillGood` says with each heartbeat.
 */
export async function streamEvents<E extends Numbered>(
  reply: FastifyReply,
  source: EventSource<E>,
  since: number | null,
  isStillGood: () => Promise<boolean> = async () => true,
): Promise<void> {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store", "access-control-allow-origin": "*" });
  raw.socket?.setNoDelay(true);
  raw.write(": open\n\n");

  const from = startOf(source, since);
  let last = from ?? source.lastSeq;
  let waiting: E[] | null = [];
  let unsent: E[] = [];
  /** What came in one tick leaves in one write, and after what was done about it. */
  const flush = () => {
    const text = unsent.map(textOf).join("");
    unsent = [];
    if (raw.destroyed) return;
    raw.write(text);
    if (raw.writableLength > BEHIND_BYTES_MAX) raw.destroy();
  };
  const send = (event: E) => {
    if (event.seq <= last) return;
    last = event.seq;
    if (unsent.push(event) === 1) queueMicrotask(flush);
  };
  const unsubscribe = source.subscribe((event) => (waiting ? waiting.push(event) : send(event)));
  const heartbeat = setInterval(() => void beat().catch(() => raw.destroy()), HEARTBEAT_MS);
  const beat = async () => {
    if (!(await isStillGood())) raw.destroy();
    else if (!raw.destroyed) raw.write(": alive\n\n");
  };
  raw.once("close", () => {
    clearInterval(heartbeat);
    unsubscribe();
  });

  try {
    if (from !== null)
      await catchUp(
        source,
        () => last,
        send,
        () => raw.destroyed,
      );
  } catch {
    raw.destroy(); // The subscriber comes back and asks again; the source has logged why.
  }
  for (const event of waiting) send(event);
  waiting = null;
}

const textOf = (event: Numbered): string => `id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`;

async function catchUp<E extends Numbered>(
  source: EventSource<E>,
  last: () => number,
  send: (event: E) => void,
  isOver: () => boolean,
): Promise<void> {
  for (;;) {
    const page = await source.since(last(), PAGE_MAX);
    for (const event of page) send(event);
    if (page.length < PAGE_MAX || isOver()) return;
  }
}
