import { API_VERSIONS, isApiName } from "../../src/api/sol/versions.ts";
import { Chance } from "../../test/chaos/chance.ts";
import { EtsiDefinitions, oneOfTwo } from "../../test/harness/etsi-schema.ts";
import { example, Rig } from "../../test/mano/rig.ts";
import { parsed } from "./judge.ts";
import { type ManoFuzzed, ManoRequests } from "./mano-requests.ts";

export interface ManoFuzzResult {
  /** How often each status was answered. */
  readonly statuses: ReadonlyMap<number, number>;
  /** What is wrong, with the request that showed it; at most so many as one reads. */
  readonly findings: readonly string[];
  readonly longestMs: number;
  /** Whether ETSI's definitions are there: without them replies are held against the shape of errors alone. */
  readonly isByEtsi: boolean;
}

export interface ManoFuzzOptions {
  readonly seed: number;
  readonly requests: number;
  readonly progress?: (done: number) => void;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

const FINDINGS_MAX = 20;
/** What the course was told of is deleted now and then, and made anew: else each list would cost more than the one before. */
const BEGIN_EVERY = 500;
/** What a member's machine in the VIM does by itself: after so many requests those that were started are up. */
const UP_EVERY = 25;
const ANSWER_WITHIN_MS = 60_000;
/** On-boarded, and uploaded now and then. */
const CONTENTS = ["media-relay.yaml", "sol006/media-service.yaml", "sol006/single.yaml"];

/**
 * Sends requests made from ETSI's definitions and from our own tables, good and spoiled, to a MANO of its own over a toy VIM. No answer may
 * be a 500, and each fits what ETSI says of it.
 */
export async function fuzzMano({ seed, requests: count, progress }: ManoFuzzOptions): Promise<ManoFuzzResult> {
  const etsi = EtsiDefinitions.load();
  await using rig = await Rig.start();
  const course = new ManoRequests(etsi?.operations() ?? [], new Chance(seed), CONTENTS.map(example));
  const run = new Run(rig, course, etsi);
  for (let i = 0; i < count && run.findings.length < FINDINGS_MAX; i++) {
    if (i % BEGIN_EVERY === 0) await run.beginAnew();
    if (i % UP_EVERY === 0) for (const { name } of rig.vim.servers.values()) rig.vim.up(name);
    await run.ask(course.next());
    progress?.(i + 1);
  }
  return { ...run, isByEtsi: etsi !== null };
}

class Run {
  readonly statuses = new Map<number, number>();
  readonly findings: string[] = [];
  longestMs = 0;
  readonly #rig: Rig;
  readonly #course: ManoRequests;
  readonly #etsi: EtsiDefinitions | null;

  constructor(rig: Rig, course: ManoRequests, etsi: EtsiDefinitions | null) {
    [this.#rig, this.#course, this.#etsi] = [rig, course, etsi];
  }

  async ask(asked: ManoFuzzed): Promise<void> {
    const at = performance.now();
    const answer = await this.#send(asked);
    this.longestMs = Math.max(this.longestMs, performance.now() - at);
    this.statuses.set(answer.status, (this.statuses.get(answer.status) ?? 0) + 1);
    for (const flaw of this.#flawsOf(asked, answer)) this.#say(asked, flaw, answer);
    if (answer.status === 200 || answer.status === 201) this.#course.learn(asked.path, parsed(answer.text));
  }

  /** Ends what there is, and makes something of each kind. */
  async beginAnew(): Promise<void> {
    const ns = "/mano/v1/ns_instances";
    for (const { id } of (await this.#rig.ask("GET", ns)).body) {
      await this.#rig.ask("POST", `${ns}/${id}/terminate`);
      await this.#rig.ask("DELETE", `${ns}/${id}`);
    }
    for (const path of this.#course.lists().filter((l) => l.endsWith("/subscriptions"))) await this.#endAll(path);
    for (const file of CONTENTS) await this.#rig.onboard(example(file));
    for (const path of this.#course.lists()) await this.ask(plain("GET", path));
    for (const name of ["a", "b"]) {
      const body = { nsdId: "media", nsName: `${name}${performance.now().toString(36).replace(".", "")}`, nsDescription: "" };
      await this.ask(plain("POST", "/nslcm/v2/ns_instances", body));
    }
  }

  async #endAll(path: string): Promise<void> {
    const things = parsed((await this.#send(plain("GET", path))).text);
    if (!Array.isArray(things)) return;
    for (const { id } of things) await this.#send(plain("DELETE", `${path}/${id}`));
  }

  async #send({ method, path, headers, body }: ManoFuzzed): Promise<Answer> {
    try {
      const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
      const sent = body !== null && method !== "GET" && method !== "HEAD" ? { body } : {};
      const reply = await fetch(`${this.#rig.url}${path}`, { method, headers, redirect: "manual", signal, ...sent });
      return { status: reply.status, headers: reply.headers, text: await reply.text() };
    } catch (e) {
      return { status: 599, headers: new Headers(), text: `no answer: ${String(e)} ${String((e as Error).cause ?? "")}` };
    }
  }

  #flawsOf(asked: ManoFuzzed, { status, headers, text }: Answer): string[] {
    if (status >= 500) return [String(status)];
    if (asked.method === "HEAD") return [];
    const isProblem = headers.get("content-type")?.startsWith("application/problem+json") === true;
    if (status >= 400 && !isProblem) return [`${status} as ${headers.get("content-type")}`];
    if (status >= 400 && !isProblemOf(status, parsed(text))) return [`${status} is told otherwise in the body`];
    const path = asked.path.split("?")[0]!;
    if (status === 304 || this.#etsi === null || NO_PATH.test(path)) return [];
    const only = oneOfTwo(path) ?? "SOL00";
    if (!this.#etsi.has(path, only)) return [];
    const isJson = /json/.test(headers.get("content-type") ?? "");
    const exchange = { method: asked.method, path: asked.path, status, headers, body: text === "" || isJson ? text : null };
    return this.#etsi.violations(exchange, only).filter((v) => !(status >= 400 && NEVER_REACHED.test(v)));
  }

  #say({ method, path, headers, body }: ManoFuzzed, flaw: string, { text }: Answer): void {
    this.findings.push(
      `${method} ${path} ${JSON.stringify(headers)} ${body?.slice(0, 500) ?? ""}\n    → ${flaw}\n      ${text.slice(0, 500)}`,
    );
  }
}

/** What no route has looked at, because it is no path. */
const NO_PATH = /%zz|%00|%2e|\/more$/i;
/** Of what is refused before any interface is chosen, and because no definition has it: only then no definition says how. */
const NEVER_REACHED = /no Version in the reply|no such operation/;

const isProblemOf = (status: number, body: unknown): boolean => {
  const { status: said, detail } = (body ?? {}) as { status?: unknown; detail?: unknown };
  return said === status && typeof detail === "string" && detail !== "";
};

function plain(method: string, path: string, body?: object): ManoFuzzed {
  const api = path.split("/")[1]!;
  const headers = { version: isApiName(api) ? API_VERSIONS[api] : "1.0.0", ...(body && { "content-type": "application/json" }) };
  return { operation: `${method} ${path}`, method, path, headers, body: body === undefined ? null : JSON.stringify(body) };
}
