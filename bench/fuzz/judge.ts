import type { TSchema } from "typebox";
import { Compile, type Validator } from "typebox/compile";
import { parse as parseYaml } from "yaml";
import { roleFor } from "../../src/api/openvim/access.ts";
import { error as errorSchema } from "../../src/api/openvim/replies.ts";
import { ROUTES } from "../../src/api/openvim/routes.ts";
import { mayAs } from "../../src/model/token.ts";
import { closedOf } from "../../test/harness/closed-schema.ts";
import type { Holder } from "./holders.ts";
import type { Fuzzed } from "./requests.ts";

/** Statuses of 500 and more that are the original's own answers to what it cannot do, and are said in words. */
const SAID: Readonly<Record<number, RegExp>> = {
  501: /not supported yet/,
  503: /in this version/,
};

/** A path that is no URL, or too long; a body too large. */
const NO_URL: ReadonlySet<number> = new Set([400, 413, 414, 431]);

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

/** Looks at answers, and keeps what is wrong, each with the request that showed it. */
export class Judge {
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
    if (status !== 200) this.say(asked, `${status}: ${text.slice(0, 600)}`);
    else if (gives && !asked.url.includes("field=") && !gives.Check(body)) {
      const [flaw] = gives.Errors(body);
      this.say(asked, `not as its schema says (${flaw?.instancePath} ${flaw?.message}): ${text.slice(0, 600)}`);
    }
  }

  /** Of a port behind the gate: who is not let in gets nothing but to hear so, and nobody more than the role allows. */
  lookAtGate(asked: Fuzzed, { role }: Holder, { status }: Answer): void {
    if (asked.method === "OPTIONS" || /^\/openvim\/?(\?|$)/.test(asked.url)) return;
    if (NO_URL.has(status)) return; // Refused before anybody is looked at.
    if (role === null) {
      if (status !== 401 && status !== 429) this.say(asked, `${status} to a stranger`);
      return;
    }
    if (status === 401 || status === 429) this.say(asked, `${status} to a good token`);
    const [, path] = asked.operation?.split(" ") ?? [];
    const needed = roleFor(`${asked.method} ${path?.replace(/\{(\w+)\}/g, ":$1")}`, asked.admin);
    if (asked.operation !== null && status === 200 && !mayAs(role, needed))
      this.say(asked, `200 to a ${role}, where ${needed} is needed`);
  }

  /** What a tenant was answered, and what it changed: its own, and nothing of others. */
  lookAtTenant(
    asked: Fuzzed,
    { tenantId }: Holder,
    { status, text }: Answer,
    others: readonly string[],
    changed: readonly string[],
  ): void {
    const request = `${asked.url} ${asked.body}`;
    const leaked = status === 200 ? others.filter((id) => text.includes(id) && !request.includes(id)) : [];
    for (const id of leaked.slice(0, 1)) {
      const at = text.indexOf(id);
      this.say(asked, `tenant ${tenantId} is told of ${id}: ${text.slice(Math.max(0, at - 400), at + 300)}`);
    }
    // What was its own is so too when it has given it up: a flavor of two tenants that one of them detaches.
    const wereOwn = changed.filter((row) => row.startsWith("-") && row.includes(tenantId as string)).map(idIn);
    const foreign = changed.filter(
      (row) => !row.includes(tenantId as string) && !(row.startsWith("+") && wereOwn.includes(idIn(row))),
    );
    if (foreign.length > 0) this.say(asked, `tenant ${tenantId} changed what is not its own:\n      ${foreign.join("\n      ")}`);
  }

  say({ method, url, headers, body }: Fuzzed, what: string): void {
    this.findings.push(`${method} ${url} ${JSON.stringify(headers)} ${body?.slice(0, 600) ?? ""}\n    → ${what}`);
  }
}

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const idIn = (row: string): string | undefined => /"id":"([^"]+)"/.exec(row)?.[1];
