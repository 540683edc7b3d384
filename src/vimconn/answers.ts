import { Fault } from "../lib/fault.ts";
import type { VimEvent } from "../model/vim-event.ts";
import type { Answer } from "./http.ts";
import type { SseCutter } from "./sse.ts";

/** What a chunk of the stream completes; an error where that is no event. */
export function eventsIn(cutter: SseCutter, chunk: string): VimEvent[] | Error {
  try {
    return cutter.push(chunk).map((text) => JSON.parse(text) as VimEvent);
  } catch (e) {
    return e instanceof Error ? e : new Error(String(e));
  }
}

/** The body of an answer that says yes; else VIM_REFUSED with the VIM's own description. */
export function accepted(method: string, path: string, { status, body }: Answer): unknown {
  if (status >= 200 && status < 300) return body;
  const error = (body as { error?: { description?: string; hosts?: readonly { name: string; reason: string }[] } } | null)?.error;
  const perHost = error?.hosts?.map(({ name, reason }) => `${name}: ${reason}`).join("; ");
  const said = error?.description ?? (typeof body === "string" ? body : JSON.stringify(body));
  const words = perHost ? `${said} (${perHost})` : said;
  throw new Fault("VIM_REFUSED", `${method} ${path}: HTTP ${status}: ${words}`, { status });
}
