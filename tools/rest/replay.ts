import { isDeepStrictEqual } from "node:util";
import { parse as parseYaml } from "yaml";
import type { Numbered } from "../recording.ts";
import type { Finding, Listed, Outcome, Skipped } from "../report.ts";
import { compare, type Difference, idOf } from "./compare.ts";
import { type Answer, type Asking, contentTypeOf, descriptionOf, type Exchange, type Send } from "./exchange.ts";
import type { Gap } from "./gaps.ts";
import { listedDifference, parsed, saysTheSame, unwrapped } from "./listed.ts";
import { COMMON_LISTS, RowsBefore } from "./rows-before.ts";
import { isLagging, ServerStates } from "./server-states.ts";
import { isUuid, Tokens, uuidsIn } from "./tokens.ts";
import type { VimBehind } from "./vim-behind.ts";

export interface ReplayOptions {
  readonly send: Send;
  /** Exchanges that the recording takes for granted. */
  readonly gaps: readonly Gap[];
  /** How long a state may take to become what was recorded, ms. */
  readonly settleMs: number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly progress?: (done: number) => void;
  /** What is behind the server. */
  readonly vim?: VimBehind;
}

const ASK_AGAIN_MS = 100;
/** Sends the exchanges in order and holds each answer against the recorded one. Throws where the server cannot be reached. */
export async function replay(exchanges: readonly Numbered<Exchange>[], options: ReplayOptions): Promise<Outcome> {
  const run = new Replay(exchanges, options);
  return run.all();
}

class Replay {
  readonly #exchanges: readonly Numbered<Exchange>[];
  readonly #options: ReplayOptions;
  readonly #gaps: readonly Gap[];
  readonly #tokens = new Tokens();
  readonly #before = new RowsBefore();
  /** Recorded ids that some exchange brings into being. */
  readonly #made: ReadonlySet<string>;
  readonly #asked = new Set<string>();
  readonly #states = new ServerStates();
  readonly #done: Exchange[] = [];
  #same = 0;
  readonly #mismatches: Finding[] = [];
  readonly #listed: Listed[] = [];
  readonly #skipped: Skipped[] = [];

  constructor(exchanges: readonly Numbered<Exchange>[], options: ReplayOptions) {
    this.#exchanges = exchanges;
    this.#options = options;
    this.#gaps = options.gaps.filter((gap) => isOf(exchanges, gap));
    const makers = [...exchanges.map((e) => e.value), ...this.#gaps].filter((e) => e.method === "POST" && e.status < 300);
    for (const [recorded, ours] of options.vim?.known ?? []) this.#tokens.learn(recorded, ours);
    this.#before.sawIds(options.vim?.before ?? []);
    this.#made = new Set(makers.flatMap((e) => uuidsIn(JSON.stringify(e.response) ?? "")));
  }

  async all(): Promise<Outcome> {
    await this.#lookAround();
    for (const [i, { line, value }] of this.#exchanges.entries()) {
      for (const gap of this.#gaps) if (gap.before === value.tag && this.#isMissing(gap)) await this.#fill(gap);
      await this.#one(`line ${line} ${value.tag}: ${value.method} ${value.path}`, value);
      this.#done.push(value);
      this.#options.progress?.(i + 1);
    }
    return { same: this.#same, mismatches: this.#mismatches, listed: this.#listed, skipped: this.#skipped };
  }

  async #lookAround(): Promise<void> {
    for (const path of COMMON_LISTS) {
      const answer = await this.#options.send(this.#asking({ method: "GET", path: `${path}?limit=1000000`, request: null }));
      this.#before.saw(path, bodyOf(answer));
    }
  }

  /** A gap is none where the recording itself has it, at an earlier line: made the same thing, in whatever words, or asked for the same. */
  #isMissing(gap: Gap): boolean {
    const made = uuidsIn(JSON.stringify(gap.response));
    const isSame = (e: Exchange) =>
      made.length > 0
        ? e.method === "POST" && made.every((id) => JSON.stringify(e.response)?.includes(id))
        : e.method === gap.method && e.path === gap.path && isDeepStrictEqual(e.request, gap.request);
    return !this.#done.some((e) => e.status < 300 && isSame(e));
  }

  /** Done once, and not counted: it is no recorded exchange. One that fails shows in what follows. */
  async #fill(gap: Gap): Promise<void> {
    const answer = await this.#options.send(this.#asking(gap));
    this.#done.push(gap);
    this.#remember(gap);
    compare(gap.response, bodyOf(answer), this.#around());
  }

  async #one(title: string, e: Exchange): Promise<void> {
    const unknown = this.#unknownIds(e);
    if (unknown.length > 0) {
      this.#skipped.push({ title, why: `it is about ${unknown.join(", ")}, which nothing before it has made` });
      return;
    }
    this.#remember(e);
    const [answer, differences] = await this.#settled(e);
    this.#states.seen(e);
    const erred = listedDifference(e, answer);
    if (erred?.isRight) this.#listed.push({ title, decision: erred.decision, why: erred.why });
    else this.#judge(title, e, answer, differences);
  }

  #judge(title: string, e: Exchange, answer: Answer, differences: readonly Difference[]): void {
    const onPurpose = differences.filter((d) => d.decision !== null);
    if (differences.length > onPurpose.length) {
      const differs = differences.map((d) => `${d.at}: ${d.what}${d.decision === null ? "" : ` (on purpose: ${d.decision})`}`);
      const recorded = { status: e.status, response: e.response };
      const input = { method: e.method, path: e.path, admin: e.admin ?? false, request: e.request };
      this.#mismatches.push({ title, input, differs, recorded, ours: { status: answer.status, response: bodyOf(answer) } });
    } else if (onPurpose[0]) this.#listed.push({ title, decision: onPurpose[0].decision!, why: onPurpose[0].what });
    else this.#same++;
  }

  /** Ids in the request that nothing stands for. An answer that says "not found" may well be about such. */
  #unknownIds(e: Exchange): string[] {
    if (e.status === 404 || unwrapped(e).status === 404) return [];
    const asked = `${e.path} ${JSON.stringify(e.request ?? null)}`;
    const own = new Set(
      e.method === "POST" ? Object.values((e.request as Record<string, { id?: unknown }>) ?? {}).map((v) => v?.id) : [],
    );
    return [...new Set(uuidsIn(asked))].filter((id) => !this.#tokens.knows(id) && !own.has(id));
  }

  /** Asks, and where only a state is not yet as recorded asks again. */
  async #settled(e: Exchange): Promise<[Answer, readonly Difference[]]> {
    const { send, sleep, settleMs } = this.#options;
    for (let waited = 0; ; waited += ASK_AGAIN_MS) {
      const answer = await send(this.#asking(e));
      const all = this.#differences(e, answer);
      const differences = all.filter((d) => !isLagging(d, e, answer, this.#states));
      const isOver =
        e.method !== "GET" || waited >= settleMs || !differences.some((d) => /\bstatus$/.test(d.at) && d.at !== "status");
      if (isOver) return [answer, differences];
      await sleep(ASK_AGAIN_MS);
    }
  }

  #differences(recorded: Exchange, answer: Answer): Difference[] {
    const e = unwrapped(recorded);
    const body = this.#before.withoutThem(e.path, bodyOf(answer));
    const found: Difference[] = [];
    if (e.status !== answer.status) found.push(difference("status", `want ${e.status}, got ${answer.status}`));
    if (e.cors === "*" && answer.cors !== "*")
      found.push(difference("Access-Control-Allow-Origin", `want *, got ${answer.cors}`));
    const [want, got] = [mediaType(e.ctype ?? null), mediaType(answer.ctype)];
    if (want !== null && recorded.method !== "OPTIONS" && want !== got)
      found.push(difference("Content-Type", `want ${want}, got ${got}`));
    if (found.length > 0 || e.status >= 400) return [...found, ...errorDifferences(e, body, this.#tokens)];
    const isYaml = want === "application/yaml" && typeof e.response === "string";
    return compare(isYaml ? parseYaml(e.response as string) : e.response, body, this.#around());
  }

  #around() {
    const isForeign = (row: unknown) => {
      const id = idOf(row);
      return this.#before.has(row) || (id !== null && !this.#made.has(id) && !this.#tokens.knows(id) && this.#isRecorded(id));
    };
    return { tokens: this.#tokens, asked: this.#asked, isForeign };
  }

  /** An id of the recording's own. */
  #isRecorded(id: string): boolean {
    return this.#exchanges.some(({ value }) => JSON.stringify(value.response)?.includes(id));
  }

  #remember({ path, request }: Pick<Exchange, "path" | "request">): void {
    if (path === "/hosts") return; // Its cards are what a placement chooses from.
    for (const text of textsIn(request)) if (!isUuid(text)) this.#asked.add(text);
  }

  #asking(e: Pick<Exchange, "method" | "path" | "request" | "admin"> & Partial<Exchange>): Asking {
    const request = this.#tokens.value(e.request);
    return {
      method: e.method,
      path: this.#before.withRoom(this.#tokens.text(e.path)),
      admin: e.admin ?? false,
      contentType: contentTypeOf({ response: null, ...e } as Exchange),
      accept: e.ctype?.includes("yaml") && e.method !== "OPTIONS" ? "application/yaml" : null,
      body: request === null || request === undefined ? null : typeof request === "string" ? request : JSON.stringify(request),
    };
  }
}

/** Another recording has other ids, and takes nothing of this for granted. */
function isOf(exchanges: readonly Numbered<Exchange>[], { path, response }: Gap): boolean {
  const spoken = exchanges.map(({ value }) => `${value.path} ${JSON.stringify([value.request, value.response])}`);
  return uuidsIn(`${path} ${JSON.stringify(response)}`).every((id) => spoken.some((text) => text.includes(id)));
}

const difference = (at: string, what: string): Difference => ({ at, what, decision: null });

function errorDifferences(e: Exchange, body: unknown, tokens: Tokens): Difference[] {
  if (e.status < 400) return [];
  const [theirs, ours] = [tokens.text(descriptionOf(e.response) ?? ""), descriptionOf(body)];
  if (ours === null) return [difference("error.description", "ours has none")];
  const { code, type } = (e.response as { error: { code: unknown; type: unknown } }).error;
  const own = (body as { error: { code: unknown; type: unknown } }).error;
  return [
    ...(code === own.code ? [] : [difference("error.code", `want ${code}, got ${own.code}`)]),
    ...(type === own.type ? [] : [difference("error.type", `want ${type}, got ${own.type}`)]),
    ...(saysTheSame(theirs, ours) ? [] : [difference("error.description", `want ${theirs}, got ${ours}`)]),
  ];
}

const mediaType = (ctype: string | null): string | null => ctype?.split(";")[0]?.trim().toLowerCase() ?? null;

function bodyOf({ ctype, text }: Answer): unknown {
  if (mediaType(ctype) === "application/yaml") return parseYaml(text);
  return mediaType(ctype) === "application/json" ? parsed(text) : text;
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}
