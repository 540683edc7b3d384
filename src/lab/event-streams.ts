import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "../lib/clock.ts";
import type { ManoEvent } from "../model/mano-event.ts";
import type { VimEvent } from "../model/vim-event.ts";

/** A stream that ended is opened again after this, ms: the daemon may be being killed on purpose. */
const AGAIN_AFTER_MS = 100;

/** What the MANO tells its subscribers, as one of them: `hear` gets each event with the monotonic ms of its arrival. */
export const followMano = (manoUrl: string, hear: (event: ManoEvent, arrivedAt: number) => void): Disposable =>
  follow(`${manoUrl}/mano/v1/events`, hear);

/** The same of the VIM. */
export const followVim = (vimUrl: string, hear: (event: VimEvent, arrivedAt: number) => void): Disposable =>
  follow(`${vimUrl}/events`, hear);

function follow<E extends { readonly seq: number }>(url: string, hear: (event: E, arrivedAt: number) => void): Disposable {
  const ended = new AbortController();
  let last: number | null = null;
  const read = async () => {
    const since = last === null ? "" : `?since=${last}`;
    const response = await fetch(`${url}${since}`, {
      headers: { accept: "text/event-stream" },
      signal: ended.signal,
    });
    for await (const event of eventsOf<E>(response)) {
      last = event.seq;
      hear(event, systemClock.now());
    }
  };
  const follow = async () => {
    while (!ended.signal.aborted) {
      await read().catch(() => {}); // A daemon that is away is told by what it does not say.
      await delay(AGAIN_AFTER_MS, undefined, { signal: ended.signal }).catch(() => {});
    }
  };
  void follow();
  return { [Symbol.dispose]: () => ended.abort() };
}

/** Server-sent events (WHATWG HTML, 9.2): one `data:` line holds one event here. */
async function* eventsOf<E>(response: Response): AsyncGenerator<E> {
  const decoder = new TextDecoder();
  let held = "";
  for await (const chunk of response.body ?? []) {
    held += decoder.decode(chunk as Uint8Array, { stream: true });
    const lines = held.split("\n");
    held = lines.pop() as string;
    for (const line of lines) if (line.startsWith("data:")) yield JSON.parse(line.slice("data:".length)) as E;
  }
}
