import { expect } from "vitest";
import { EtsiDefinitions, oneOfTwo } from "../harness/etsi-schema.ts";

/** ETSI's definitions, read once for a test file. Null: they are not there, and the replies are held against our own expectations only. */
const etsi = EtsiDefinitions.load();
if (etsi === null) console.warn("ETSI's definitions are not beside the repository: replies are not held against them");

/** The version that is asked for, by the interface in a path. */
const VERSIONS: Readonly<Record<string, string>> = {
  nsd: "2.3.0",
  vnfpkgm: "2.4.0",
  nslcm: "2.3.0",
  vnflcm: "2.3.0",
  nsfm: "1.3.0",
  vnffm: "1.5.0",
  nspm: "2.3.0",
  vnfpm: "2.2.0",
};

export interface SolAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers of an API, looked into by tests.
  readonly body: any;
  readonly headers: Headers;
  readonly bytes: Buffer;
}

/** Asks as a client of SOL003 and SOL005 does, and holds every reply against ETSI's definitions. */
export class SolClient {
  readonly #at: { readonly url: string };
  readonly #only: string;

  /** `only`: of which specification the replies are, where two have the path, such as "SOL003". */
  constructor(at: { readonly url: string }, only?: string) {
    this.#at = at;
    this.#only = only ?? "SOL00";
  }

  get url(): string {
    return this.#at.url;
  }

  /** An object is sent as JSON, bytes as they are. A header of "" is left out. */
  async ask(
    method: string,
    path: string,
    body?: object | string | Uint8Array,
    headers: Record<string, string> = {},
  ): Promise<SolAnswer> {
    const answer = await this.askUnchecked(method, path, body, headers);
    const isJson = /json/.test(answer.headers.get("content-type") ?? "");
    const text = answer.bytes.length === 0 ? "" : isJson ? answer.bytes.toString() : null;
    const { status } = answer;
    const only = oneOfTwo(path) ?? this.#only;
    expect(etsi?.violations({ method, path, status, headers: answer.headers, body: text }, only) ?? []).toEqual([]);
    return answer;
  }

  /** For what no definition has. */
  async askUnchecked(
    method: string,
    path: string,
    body?: object | string | Uint8Array,
    headers: Record<string, string> = {},
  ): Promise<SolAnswer> {
    const isRaw = body === undefined || typeof body === "string" || body instanceof Uint8Array;
    const byDefault = {
      version: VERSIONS[path.split("/")[1]!] ?? "1.0.0",
      ...(!isRaw && { "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json" }),
    };
    const sent = Object.fromEntries(Object.entries({ ...byDefault, ...headers }).filter(([, v]) => v !== ""));
    const payload = body === undefined ? {} : { body: isRaw ? (body as string) : JSON.stringify(body) };
    const res = await fetch(`${this.#at.url}${path}`, { method, headers: sent, redirect: "manual", ...payload });
    const bytes = Buffer.from(await res.arrayBuffer());
    const isJson = /json/.test(res.headers.get("content-type") ?? "");
    return {
      status: res.status,
      body: isJson && bytes.length > 0 ? JSON.parse(bytes.toString()) : null,
      headers: res.headers,
      bytes,
    };
  }

  /** What is wrong with a structure that was sent to a callback. */
  static structure(definition: string, schema: string, value: unknown): string[] {
    return etsi?.structure(definition, schema, value) ?? [];
  }
}
