import { parseConfig } from "../../src/config.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { startMano } from "../../src/mano.ts";
import { startVim } from "../../src/vim.ts";

export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  /** The body as JSON; the text where it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: what a server answers is what the test looks at.
  readonly body: any;
}

export interface OpenmanoRig extends AsyncDisposable {
  /** Such as http://127.0.0.1:1234/openmano. */
  readonly url: string;
  readonly manoUrl: string;
  readonly vimUrl: string;
  readonly vimAdminUrl: string;
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
  atVim(method: string, path: string, body?: unknown): Promise<Reply>;
}

/** A MANO with OpenMANO's API, and a VIM that needs neither hosts nor switches. */
export async function openmanoRig(mano: object = {}): Promise<OpenmanoRig> {
  await using undo = new AsyncDisposableStack();
  const config = parseConfig({
    vim: { mode: "test", store: ":memory:", listen: { port: 0, adminPort: 0 } },
    mano: { store: ":memory:", listen: { port: 0 }, ...mano },
  });
  const vim = undo.use(await startVim(config.vim!, { clock: systemClock, log: silent }));
  const running = undo.use(await startMano(config.mano!, { clock: systemClock, log: silent }));
  const vimUrl = `http://127.0.0.1:${vim.port}/openvim`;
  const vimAdminUrl = `http://127.0.0.1:${vim.adminPort}/openvim`;
  const url = `http://127.0.0.1:${running.openmanoPort}/openmano`;
  const cores = Array.from({ length: 64 }, (_, i) => ({ core_id: i, thread_id: i, status: "noteligible" }));
  const numas = [{ numa_socket: 0, memory: 64, hugepages: 0, cores, interfaces: [] }];
  await askAt(`${vimAdminUrl}/hosts`, "POST", { host: { name: "h1", user: "u", ip_name: "h1", numas } });
  const all = undo.move();
  return {
    url,
    manoUrl: `http://127.0.0.1:${running.port}`,
    vimUrl,
    vimAdminUrl,
    ask: (method, path, body, headers) => askAt(`${url}${path}`, method, body, headers),
    atVim: (method, path, body) => askAt(`${vimAdminUrl}${path}`, method, body),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

export async function askAt(url: string, method: string, body?: unknown, headers: Record<string, string> = {}): Promise<Reply> {
  const text = body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body);
  const type = text === null ? {} : { "content-type": "application/json" };
  const reply = await fetch(url, { method, body: text, headers: { ...type, ...headers } });
  const got = await reply.text();
  return { status: reply.status, type: reply.headers.get("content-type") ?? "", text: got, body: parsed(got) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
