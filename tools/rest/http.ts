import { Mistake } from "../recording.ts";
import type { Answer, Asking, Send } from "./exchange.ts";

/** No answer of a VIM takes longer; one that does is no answer. */
const PATIENCE_MS = 30_000;

/** Sends to a running server: to `url`, and what is the administrator's to `admin`. Throws Mistake where nobody answers. */
export function sendOver(url: string, admin: string): Send {
  return async ({ method, path, admin: isAdmin, contentType, accept, body }: Asking): Promise<Answer> => {
    const base = isAdmin ? admin : url;
    const headers = { ...(contentType !== null && { "content-type": contentType }), ...(accept !== null && { accept }) };
    try {
      const signal = AbortSignal.timeout(PATIENCE_MS);
      const reply = await fetch(`${base}${path}`, { method, headers, body, signal });
      const { status, headers: got } = reply;
      return { status, ctype: got.get("content-type"), cors: got.get("access-control-allow-origin"), text: await reply.text() };
    } catch (e) {
      const cause = (e as { cause?: { message?: string } }).cause?.message ?? (e as Error).message;
      throw new Mistake(`${method} ${base}${path}: no answer (${cause}): is the server running, and is this its port?`);
    }
  };
}

/** `http://host:9080` with the path that this recording's server listens below, unless one is given. Throws Mistake for no URL. */
export function baseOf(text: string, option: string, basePath: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new Mistake(`${option}: want a URL such as http://127.0.0.1:9080${basePath}, got ${text}`);
  const path = url.pathname.replace(/\/+$/, "");
  return `${url.origin}${path === "" ? basePath : path}`;
}
