import { readFileSync } from "node:fs";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { WebSocket } from "ws";
import { Fault } from "../lib/fault.ts";

export interface ConsoleOptions {
  /** The VIM's API, such as http://127.0.0.1:9080/openvim. */
  readonly vim: string;
  /** Name or id. */
  readonly tenant: string;
  readonly tokenFile?: string;
  readonly ca?: string;
}

/** Where keys come from and what the guest says goes to. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown };
  readonly output: NodeJS.WritableStream;
  /** For our own words. */
  say(words: string): void;
}

/** Ctrl-], as in virsh and telnet. */
const LEAVE = 0x1d;
const ANSWER_TIMEOUT_MS = 10_000;

/** Ties the terminal to a server's serial console until either side ends it. Throws a Fault in words. */
export async function openConsole(wanted: string, options: ConsoleOptions, terminal: Terminal): Promise<void> {
  if (options.ca !== undefined) setDefaultCACertificates([...getCACertificates(), readFileSync(options.ca, "utf8")]);
  const tenant = await tenantOf(options);
  const server = await serverOf(options, tenant, wanted);
  const path = `/${tenant}/servers/${server.id}/action`;
  const { console } = (await ask(options, "POST", path, { console: "serial" })) as { console: { url: string } };
  await joined(console.url, server.name, terminal);
}

interface Named {
  readonly id: string;
  readonly name: string;
}

async function tenantOf(options: ConsoleOptions): Promise<string> {
  const { tenants } = (await ask(options, "GET", "/tenants")) as { tenants: Named[] };
  return chosen(tenants, options.tenant, "tenant").id;
}

async function serverOf(options: ConsoleOptions, tenant: string, wanted: string): Promise<Named> {
  const { servers } = (await ask(options, "GET", `/${tenant}/servers?limit=100000`)) as { servers: Named[] };
  return chosen(servers, wanted, "server");
}

/** By id, by name, or by the beginning of either where that is one only. */
function chosen(things: readonly Named[], wanted: string, kind: string): Named {
  const exact = things.filter((t) => t.id === wanted || t.name === wanted);
  const found = exact.length > 0 ? exact : things.filter((t) => t.id.startsWith(wanted) || t.name.startsWith(wanted));
  if (found.length === 1) return found[0]!;
  const there = things.map((t) => t.name).join(", ") || "none";
  if (found.length === 0) throw new Fault("NOT_FOUND", `there is no ${kind} ${wanted}; there are: ${there}`);
  throw new Fault("INVALID", `${wanted} may be ${found.map((t) => `${t.name} (${t.id})`).join(" or ")}; write more of it`);
}

async function ask({ vim, tokenFile }: ConsoleOptions, method: string, path: string, body?: object): Promise<unknown> {
  const headers = {
    "content-type": "application/json",
    ...(tokenFile !== undefined && { authorization: `Bearer ${readFileSync(tokenFile, "utf8").trim()}` }),
  };
  let reply: Response;
  try {
    const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    reply = await fetch(`${vim.replace(/\/$/, "")}${path}`, {
      method,
      headers,
      signal,
      ...(body && { body: JSON.stringify(body) }),
    });
  } catch (e) {
    const cause = e instanceof Error && e.cause instanceof Error ? e.cause : e;
    const why = cause instanceof Error ? cause.message || cause.name : String(cause);
    throw new Fault("TIMEOUT", `no VIM answers at ${vim} (${why}): start it, or name its address with --vim`, {}, { cause: e });
  }
  const answer = (await reply.json().catch(() => null)) as { error?: { description?: string } } | null;
  if (reply.ok) return answer;
  throw new Fault(
    reply.status === 404 ? "NOT_FOUND" : "NOT_ALLOWED",
    answer?.error?.description ?? `the VIM answered ${reply.status}`,
  );
}

/** A terminal is handed over key by key; of a pipe the session ends with its end. */
async function joined(url: string, name: string, { input, output, say }: Terminal): Promise<void> {
  const socket = new WebSocket(url);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const typed = (bytes: Buffer | string) => {
    const keys = Buffer.from(bytes as Buffer);
    const leaveAt = input.isTTY ? keys.indexOf(LEAVE) : -1;
    socket.send(leaveAt < 0 ? keys : keys.subarray(0, leaveAt));
    if (leaveAt >= 0) resolve("left");
  };
  socket.on("open", () => {
    say(`console of ${name}${input.isTTY ? ": Ctrl-] leaves it" : ""}`);
    input.setRawMode?.(true);
    input.on("data", typed);
    input.on("end", () => resolve("the input ended"));
    input.resume();
  });
  socket.on("message", (data: Buffer) => void output.write(data));
  socket.on("error", (e) =>
    reject(new Fault("TIMEOUT", `the console at the VIM was not opened: ${e.message}`, {}, { cause: e })),
  );
  socket.on("close", (_code, reason) => resolve(reason.toString() || "the VIM closed it"));
  try {
    say(`\nconsole of ${name}: ${await promise}`);
  } finally {
    input.setRawMode?.(false);
    input.off("data", typed);
    input.pause();
    socket.close();
  }
}
