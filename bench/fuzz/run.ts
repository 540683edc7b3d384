import { openApi } from "../../src/api/openvim/openapi.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { Vim } from "../../src/vim/vim.ts";
import { Chance } from "../../test/chaos/chance.ts";
import type { Holder } from "./holders.ts";
import { changedRows, invariantsOf, stateOf } from "./invariants.ts";
import { type Answer, Judge, parsed } from "./judge.ts";
import { type Fuzzed, Requests } from "./requests.ts";
import { type FuzzRig, startFuzzRig, VLANS } from "./rig.ts";

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
  /** The gate is closed: each request shows some token, or none. */
  readonly tokens?: boolean;
  /** So many are under way together (1): then nobody can tell whose change it was, and what holds at the end is what is looked at. */
  readonly atOnce?: number;
  readonly progress?: (done: number) => void;
}

const FINDINGS_MAX = 20;
/**
 * A course deletes what it began with, and makes more than it deletes: after so many requests what it has forgotten is swept away, and there is
 * some of each kind anew. So request 100,000 costs what request 1,000 does.
 */
const POPULATE_EVERY = 1_000;

/** Sends requests to a VIM of its own in test mode, and looks at each answer and at what is left. */
export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const { seed, requests: count, lookEvery, tokens = false, atOnce = 1, progress } = options;
  await using rig = await startFuzzRig(tokens ? new Chance(seed).branch() : null);
  const served = { url: "http://127.0.0.1", isAdmin: false, isGuarded: tokens };
  const run = new Run(rig, new Requests(openApi(served), new Chance(seed)), atOnce > 1 ? null : lookEvery);
  for (let i = 0; i < count && run.judge.findings.length < FINDINGS_MAX; i += atOnce) {
    if (i % POPULATE_EVERY < atOnce) await run.sweep();
    if (i % POPULATE_EVERY < atOnce) await populate(Math.floor(i / POPULATE_EVERY), (wanted) => run.make(wanted));
    await Promise.all(Array.from({ length: Math.min(atOnce, count - i) }, () => run.ask()));
    progress?.(Math.min(i + atOnce, count));
  }
  return { statuses: run.statuses, findings: [...run.judge.findings, ...(await left(rig))], longestMs: run.longestMs };
}

/** What does not fit when all is over: the rows among each other, and those in memory with those of the store. */
async function left({ vim, db }: FuzzRig): Promise<string[]> {
  await vim.picture.settled();
  const again = await Vim.open({ db, clock: systemClock, log: silent, vlanRange: VLANS, mode: "test" });
  const kept = new Set(stateOf(again).split("\n"));
  await again.subscriptions[Symbol.asyncDispose]();
  const others = stateOf(vim)
    .split("\n")
    .filter((row) => !kept.has(row));
  return [
    ...invariantsOf(vim.picture).map((what) => `after all of it: ${what}`),
    ...others.map((row) => `the store holds it otherwise, or not: ${row}`),
  ];
}

class Run {
  readonly judge = new Judge();
  /** How often each status was answered. */
  readonly statuses = new Map<number, number>();
  longestMs = 0;
  readonly #rig: FuzzRig;
  readonly #course: Requests;
  readonly #lookEvery: number | null;
  #refused = 0;

  /** `lookEvery` null: nothing is looked behind. */
  constructor(rig: FuzzRig, course: Requests, lookEvery: number | null) {
    [this.#rig, this.#course, this.#lookEvery] = [rig, course, lookEvery];
  }

  /** As the administrator. */
  async make(asked: Fuzzed): Promise<Answer> {
    const answer = await this.#rig.send(asked, (await this.#rig.holders?.admin()) ?? null);
    learn(this.#course, asked, answer.text);
    return answer;
  }

  /** Deletes, as the administrator, what no request will be about any more. What is still in use goes another time. */
  async sweep(): Promise<void> {
    const { servers, ports, nets, images, flavors, hosts, tenants } = this.#rig.vim.picture;
    const kinds: readonly (readonly [kind: string, path: string, things: ReadonlyMap<string, unknown>])[] = [
      ["servers", "/any/servers", servers],
      ["ports", "/ports", ports],
      ["networks", "/networks", nets],
      ["images", "/any/images", images],
      ["flavors", "/any/flavors", flavors],
      ["hosts", "/hosts", hosts],
      ["tenants", "/tenants", tenants],
    ];
    const holder = (await this.#rig.holders?.admin()) ?? null;
    for (const [kind, path, things] of kinds)
      for (const id of [...things.keys()].filter((id) => !this.#course.knows(kind, id))) {
        const deleted = { operation: `DELETE ${path}/{id}`, method: "DELETE", url: `/openvim${path}/${encodeURIComponent(id)}` };
        const asked = { ...deleted, admin: true, headers: {}, body: null };
        const { status, text } = await this.#rig.send(asked, holder);
        if (status >= 500) this.judge.say(asked, `${status}: ${text.slice(0, 300)}`);
      }
  }

  async ask(): Promise<void> {
    const asked = this.#course.next();
    const holder = (await this.#rig.holders?.next()) ?? null;
    const before = this.#isLooked(asked, holder) ? stateOf(this.#rig.vim) : null;
    const at = performance.now();
    const answer = await this.#rig.send(asked, holder);
    this.longestMs = Math.max(this.longestMs, performance.now() - at);
    this.statuses.set(answer.status, (this.statuses.get(answer.status) ?? 0) + 1);
    this.judge.look(asked, answer);
    const changed = before === null ? [] : changedRows(before, stateOf(this.#rig.vim));
    if (holder !== null) this.judge.lookAtGate(asked, holder, answer);
    if (holder?.tenantId) this.judge.lookAtTenant(asked, holder, answer, this.#othersOf(asked, holder), changed);
    if (answer.status === 200) learn(this.#course, asked, answer.text);
    else {
      this.#refused++;
      if (changed.length > 0)
        this.judge.say(asked, `${answer.status}, but something was changed:\n      ${changed.join("\n      ")}`);
    }
  }

  #isLooked(asked: Fuzzed, holder: Holder | null): boolean {
    if (this.#lookEvery === null) return false;
    return this.#refused % this.#lookEvery === 0 || holder?.role === "viewer" || isTenantsChange(asked, holder);
  }

  /** Ids that a tenant is to hear nothing of: of other tenants, and of their servers. Whoever makes a thing may give it an id, so one may be of several, or, in the journal, have been its own once. */
  #othersOf({ url }: Fuzzed, { tenantId }: Holder): string[] {
    const { tenants, servers, nets, ports, flavors, images } = this.#rig.vim.picture;
    const isOfOne = (id: string) =>
      [tenants, servers, nets, ports, flavors, images].filter((m: ReadonlyMap<string, unknown>) => m.has(id)).length === 1;
    const isJournal = url.startsWith("/openvim/events");
    const foreign = isJournal ? [] : [...servers.values()].filter((s) => s.tenantId !== tenantId).map((s) => s.id);
    return [...tenants.keys(), ...foreign].filter((id) => id !== tenantId && isOfOne(id));
  }
}

const isTenantsChange = ({ method }: Fuzzed, holder: Holder | null): boolean =>
  holder?.tenantId != null && !["GET", "HEAD", "OPTIONS"].includes(method);

/** Something of each kind, so that requests find what they are about; names are those of the round. */
async function populate(round: number, ask: (asked: Fuzzed) => Promise<Answer>): Promise<void> {
  const make = async (path: string, body: object): Promise<string> => {
    const asked: Fuzzed = {
      ...{ operation: `POST ${path}`, method: "POST", url: `/openvim${path}`, admin: true },
      ...{ headers: { "content-type": "application/json" }, body: JSON.stringify(body) },
    };
    const { text } = await ask(asked);
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
