import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import type { TSchema } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { parse as parseYaml } from "yaml";
import { listenHttp } from "../../src/api/http.ts";
import { openApi } from "../../src/api/openvim/openapi.ts";
import { error as errorSchema } from "../../src/api/openvim/replies.ts";
import { ROUTES } from "../../src/api/openvim/routes.ts";
import { serveOpenvim } from "../../src/api/openvim/serve.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { openStore } from "../../src/store/open.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import { Vim } from "../../src/vim/vim.ts";
import { simulateHosts } from "../../src/vim-test-mode.ts";
import { Chance } from "../../test/chaos/chance.ts";
import { closedOf } from "../../test/harness/closed-schema.ts";
import { invariantsOf, stateOf } from "./invariants.ts";
import { type Fuzzed, Requests } from "./requests.ts";

export interface FuzzResult {
  /** How often each status was answered. */
  readonly statuses: ReadonlyMap<number, number>;
  /** What is wrong, with the request that showed it; at most so many as one reads. */
  readonly findings: readonly string[];
  readonly longestMs: number;
}

export interface FuzzOptions {
  readonly seed: number;
  readonly requests: number;
  /** Of so many refused requests one is looked behind: it must have changed nothing. */
  readonly lookEvery: number;
  readonly progress?: (done: number) => void;
}

const FINDINGS_MAX = 20;
/** A course deletes what it began with: after so many requests there is some of each kind anew. */
const POPULATE_EVERY = 1_000;
const MIGRATIONS = join(import.meta.dirname, "../../sql/vim");

/** Statuses of 500 and more that are the original's own answers to what it cannot do, and are said in words. */
const SAID: Readonly<Record<number, RegExp>> = {
  501: /not supported yet/,
  503: /in this version/,
};

/** Sends requests to a VIM of its own in test mode, and looks at each answer and at what is left. */
export async function fuzz({ seed, requests: count, lookEvery, progress }: FuzzOptions): Promise<FuzzResult> {
  await using undo = new AsyncDisposableStack();
  const path = ":memory:";
  const db = await openStore<VimDb>({ path, migrationsDir: MIGRATIONS });
  undo.defer(() => db.destroy());
  const vim = await Vim.open({ db, clock: systemClock, log: silent, vlanRange: { first: 3_000, last: 4_094 }, mode: "test" });
  undo.defer(async () => {
    await vim.picture.settled();
    await vim.events.flush();
  });
  undo.use(vim.subscriptions);
  undo.use(vim.protections);
  undo.use(simulateHosts(vim, 60_000, { clock: systemClock, log: silent }));
  const serve = async (isAdmin: boolean): Promise<number> => {
    const app: FastifyInstance = undo.adopt(serveOpenvim(vim, isAdmin, { clock: systemClock, log: silent }), (a) => a.close());
    return listenHttp(app, { host: "127.0.0.1", port: 0, setting: "-" });
  };
  const ports = [await serve(false), await serve(true)] as const;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  undo.defer(() => agent.destroy());

  const course = new Requests(openApi({ url: "http://127.0.0.1", isAdmin: false, isGuarded: false }), new Chance(seed));
  const judge = new Judge();
  const statuses = new Map<number, number>();
  let [refused, longestMs] = [0, 0];
  for (let i = 0; i < count && judge.findings.length < FINDINGS_MAX; i++) {
    if (i % POPULATE_EVERY === 0) await populate(course, i / POPULATE_EVERY, (wanted) => send(wanted, ports[1], agent));
    const asked = course.next();
    const before = refused % lookEvery === 0 ? stateOf(vim) : null;
    const at = performance.now();
    const answer = await send(asked, ports[asked.admin ? 1 : 0], agent);
    longestMs = Math.max(longestMs, performance.now() - at);
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    judge.look(asked, answer);
    if (answer.status === 200) learn(course, asked, answer.text);
    else {
      refused++;
      const changed = before === null ? [] : changedRows(before, stateOf(vim));
      if (changed.length > 0) judge.say(asked, `${answer.status}, but something was changed:\n      ${changed.join("\n      ")}`);
    }
    progress?.(i + 1);
  }
  await vim.picture.settled();
  judge.findings.push(...invariantsOf(vim.picture).map((what) => `after all of it: ${what}`));
  const again = await Vim.open({ db, clock: systemClock, log: silent, vlanRange: { first: 3_000, last: 4_094 }, mode: "test" });
  const kept = new Set(stateOf(again).split("\n"));
  for (const row of stateOf(vim).split("\n"))
    if (!kept.has(row)) judge.findings.push(`the store holds it otherwise, or not: ${row}`);
  await again.subscriptions[Symbol.asyncDispose]();
  return { statuses, findings: judge.findings, longestMs };
}

/** Rows that are in one only, before or after. */
function changedRows(before: string, after: string): string[] {
  if (before === after) return [];
  const [was, is] = [new Set(before.split("\n")), new Set(after.split("\n"))];
  return [
    ...[...was].filter((row) => !is.has(row)).map((row) => `- ${row}`),
    ...[...is].filter((row) => !was.has(row)).map((row) => `+ ${row}`),
  ];
}

/** Something of each kind, so that requests find what they are about; names are those of the round. */
async function populate(course: Requests, round: number, ask: (asked: Fuzzed) => Promise<Answer>): Promise<void> {
  const make = async (path: string, body: object): Promise<string> => {
    const asked: Fuzzed = {
      ...{ operation: `POST ${path}`, method: "POST", url: `/openvim${path}`, admin: true },
      ...{ headers: { "content-type": "application/json" }, body: JSON.stringify(body) },
    };
    const { text } = await ask(asked);
    learn(course, asked, text);
    return (Object.values(JSON.parse(text) as object)[0] as { id: string }).id;
  };
  const tenant = await make("/tenants", { tenant: { name: `t0-${round}` } });
  for (const name of [`t1-${round}`, `t2-${round}`]) await make("/tenants", { tenant: { name } });
  const cores = Array.from({ length: 64 }, (_, n) => ({
    core_id: n >> 1,
    thread_id: n,
    ...(n < 4 && { status: "noteligible" }),
  }));
  const numas = [{ numa_socket: 0, hugepages: 32, memory: 64, cores }];
  await make("/hosts", { host: { name: `h${round}`, ip_name: `h${round}`, user: "u", numas } });
  await make("/networks", { network: { name: "n0", type: "data", shared: true } });
  const imageRef = await make(`/${tenant}/images`, { image: { name: "i0", path: `/images/${round}.qcow2` } });
  const flavorRef = await make(`/${tenant}/flavors`, { flavor: { name: "f0", ram: 64, vcpus: 1 } });
  for (const name of ["s0", "s1"]) await make(`/${tenant}/servers`, { server: { name, imageRef, flavorRef } });
}

/** What a success made is asked about from now on, what it deleted no more. */
function learn(course: Requests, { method, operation, url }: Fuzzed, text: string): void {
  if (operation === null) return;
  if (method === "DELETE") course.forget(url.split("/").at(-2)!, url.split("/").at(-1)!);
  if (method !== "POST") return;
  const body = parsed(text) as Record<string, { id?: unknown } | undefined> | null;
  const kind = operation.split("/").findLast((w) => w !== "" && !w.startsWith("{"))!;
  const id = body?.[kind.slice(0, -1)]?.id;
  if (typeof id === "string") course.learn(kind, id);
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

async function send({ method, url, headers, body }: Fuzzed, port: number, agent: Agent): Promise<Answer> {
  const length = body === null ? {} : { "content-length": Buffer.byteLength(body) };
  const req = request({ host: "127.0.0.1", port, method, path: url, headers: { ...headers, ...length }, agent });
  req.end(body ?? undefined);
  const reply = await once(req, "response").then(
    ([r]) => r as IncomingMessage,
    (e: Error) => e,
  );
  if (reply instanceof Error) return { status: 599, type: "", text: `no answer: ${reply.message}` };
  let text = "";
  for await (const chunk of reply.setEncoding("utf8")) text += chunk;
  return { status: reply.statusCode!, type: reply.headers["content-type"] ?? "", text };
}

class Judge {
  readonly findings: string[] = [];
  readonly #gives = new Map<string, Validator>();
  readonly #error = Compile(closedOf(errorSchema));

  constructor() {
    for (const { is, gives } of ROUTES) this.#gives.set(is.replace(/:(\w+)/g, "{$1}"), Compile(closedOf(gives) as TSchema));
  }

  look(asked: Fuzzed, { status, type, text }: Answer): void {
    if (asked.method === "HEAD" || asked.method === "OPTIONS") {
      if (status >= 500) this.say(asked, String(status));
      return;
    }
    const body = type.includes("yaml") ? parseYaml(text) : parsed(text);
    if (status >= 500 && !SAID[status]?.test(text.replaceAll(/\s+/g, " "))) this.say(asked, `${status}: ${text.slice(0, 300)}`);
    else if (status >= 400) this.#refusal(asked, { status, text }, body);
    else this.#success(asked, { status, text }, body);
  }

  #refusal(asked: Fuzzed, { status, text }: Pick<Answer, "status" | "text">, body: unknown): void {
    if (!this.#error.Check(body)) this.say(asked, `${status} without the envelope of errors: ${text.slice(0, 300)}`);
    else if ((body as { error: { code: number } }).error.code !== status)
      this.say(asked, `${status} with another code in it: ${text.slice(0, 300)}`);
  }

  #success(asked: Fuzzed, { status, text }: Pick<Answer, "status" | "text">, body: unknown): void {
    const gives = asked.operation === null ? undefined : this.#gives.get(asked.operation);
    if (status !== 200 || (gives && !asked.url.includes("field=") && !gives.Check(body)))
      this.say(asked, `${status}, not as its schema says: ${text.slice(0, 600)}`);
  }

  say({ method, url, headers, body }: Fuzzed, what: string): void {
    this.findings.push(`${method} ${url} ${JSON.stringify(headers)} ${body?.slice(0, 600) ?? ""}\n    → ${what}`);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
