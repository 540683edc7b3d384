import { once } from "node:events";
import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { parseConfig } from "../../src/config.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { type RunningVim, startVim } from "../../src/vim.ts";

/** A VIM of its own in this process, without hosts and switch. */
export function startTestVim(store = ":memory:"): Promise<RunningVim> {
  const config = parseConfig({ vim: { mode: "test", store, listen: { port: 0, adminPort: 0 } } }).vim!;
  return startVim(config, { clock: systemClock, log: silent });
}

export interface Raw {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects to be there.
  readonly body: any;
}

export interface Asked {
  readonly method?: string;
  /** Below the base path; one that begins with `//` is whole. */
  readonly path: string;
  /** An object is sent as JSON. */
  readonly body?: unknown;
  readonly type?: string;
  readonly accept?: string;
}

/** Asks one port for anything, well-formed or not. `body` of the answer is null where it is no JSON. */
export async function askRaw(port: number, { method = "GET", path, body, type, accept }: Asked): Promise<Raw> {
  const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
  const contentType = type ?? (text === undefined ? undefined : "application/json");
  const req = request({
    ...{ host: "127.0.0.1", port, method, path: path.startsWith("//") ? path.slice(1) : `/openvim${path}`, agent: false },
    headers: { ...(contentType && { "content-type": contentType }), ...(accept && { accept }) },
  });
  const replied = once(req, "response");
  req.on("error", () => {}); // After the answer, of a body that was refused before it was read to its end.
  req.end(text);
  const [reply] = (await replied) as [IncomingMessage];
  let answer = "";
  for await (const chunk of reply.setEncoding("utf8")) answer += chunk;
  return { status: reply.statusCode!, headers: reply.headers, text: answer, body: parsed(answer) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
