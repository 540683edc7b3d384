import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Clock } from "../lib/clock.ts";
import { silent } from "../lib/log.ts";
import type { HostId, ServerId } from "../model/ids.ts";
import type { VimEvent } from "../model/vim-event.ts";
import { openStore } from "../store/open.ts";
import type { VimDb } from "../store/vim-schema.ts";
import { type BeatTarget, BeatWatch } from "./beat-watch.ts";
import { Vim } from "./vim.ts";

const POLICY = { intervalMs: 1_000, misses: 3, of: 3 };

/** Time goes from one wait to the next, as fast as it can. */
class FastClock implements Clock {
  ms = 0;
  readonly #waiting: { readonly atMs: number; readonly wake: () => void }[] = [];
  now = () => this.ms;
  wall = () => new Date(this.ms);
  sleep = (ms: number, signal?: AbortSignal) =>
    new Promise<void>((wake) => {
      this.#waiting.push({ atMs: this.ms + ms, wake });
      signal?.addEventListener("abort", () => wake());
    });
  /** A step of all: `stillMs` later than it would be, as if we had stood still. */
  async pass(forMs: number, stillMs = 0): Promise<void> {
    for (const endMs = this.ms + forMs; ; ) {
      const next = this.#waiting.sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || next.atMs > endMs) break;
      this.#waiting.shift();
      this.ms = Math.max(this.ms, next.atMs + stillMs);
      next.wake();
      for (let i = 0; i < 3; i++) await new Promise(setImmediate);
    }
  }
}

let clock: FastClock;
let vim: Vim;
let watch: BeatWatch;
let told: string[];
let targets: BeatTarget[];
/** Whose agents answer; those that refuse say why. */
const agents = new Map<ServerId, "answers" | "silent" | string>();
/** The life of each channel. */
const lives = new Map<ServerId, number | null>();
let ended: AbortController;
let running: Promise<void>;

async function servers(names: readonly string[], hosts = ["h"]): Promise<void> {
  const tenant = [...vim.picture.tenants.values()][0] ?? (await vim.catalogue.createTenant({ name: "t" }));
  const image = await vim.catalogue.createImage({ name: "i", path: "/dev/null" });
  const flavor = await vim.catalogue.createFlavor({ name: "f", memoryMiB: 1, vcpus: 1 });
  for (const [i, name] of names.entries()) {
    const net = await vim.nets.createNet({ name, kind: "data" });
    const { id } = await vim.servers.createServer({
      name,
      tenantId: tenant.id,
      flavorId: flavor.id,
      imageId: image.id,
      start: "yes",
      vnics: [{ netId: net.id, name: "eth0" }],
    });
    vim.facts.setServer(id, { status: "ACTIVE", task: null });
    agents.set(id, "answers");
    lives.set(id, 1);
    targets.push({ serverId: id, hostId: hosts[i % hosts.length] as HostId, policy: POLICY });
  }
  await clock.pass(3_000);
  told = [];
}
const idOf = (name: string) => [...vim.picture.servers.values()].find((s) => s.name === name)!.id;
const is = (name: string, what: string) => agents.set(idOf(name), what);

beforeEach(async () => {
  clock = new FastClock();
  const db = await openStore<VimDb>({ path: ":memory:", migrationsDir: join(import.meta.dirname, "../../sql/vim") });
  vim = await Vim.open({ db, clock, log: silent, vlanRange: { first: 3000, last: 3099 } });
  await vim.inventory.localHost();
  [told, targets] = [[], []];
  vim.events.subscribe((e) => told.push(...wordsOf(e)));
  watch = new BeatWatch({ facts: vim.facts, events: vim.events, clock, log: silent }, () => targets, ask);
  ended = new AbortController();
  running = watch.run(ended.signal);
});
afterEach(async () => {
  ended.abort();
  await running;
  agents.clear();
});

function ask({ serverId }: BeatTarget, request: number): number | null {
  const [life, what] = [lives.get(serverId) ?? null, agents.get(serverId)];
  if (life === null || what === "silent") return life;
  const answer = what === "answers" ? { request } : { refuses: what! };
  setImmediate(() => watch.heard({ id: serverId, life, answer, seenAt: clock.now() }));
  return life;
}

function wordsOf(e: VimEvent): string[] {
  if (e.type === "opinions.suspended" || e.type === "opinions.counted") return [`${e.source} ${e.type}`];
  if (e.type !== "evidence") return [];
  const { about, says, detail } = e.evidence;
  return [`${vim.picture.servers.get(about.id as ServerId)!.name} ${says}${detail ? `: ${detail}` : ""}`];
}

describe("one of several", () => {
  test("silent after three misses, and told once; it answers again", async () => {
    await servers(["a", "b", "c"]);
    is("a", "silent");
    await clock.pass(10_000);
    const silence = "a silent: 3 of the last 3 requests to its guest's agent, one every 1000 ms, were not answered";
    expect(told).toEqual([silence]);
    is("a", "answers");
    await clock.pass(2_000);
    expect(told).toEqual([silence, "a answers"]);
  });

  test("its agent says that it is not well: in its own words, however many say so", async () => {
    await servers(["a", "b"]);
    is("a", "the relay does not run");
    is("b", "no space left");
    await clock.pass(5_000);
    expect(told.sort()).toEqual([
      "a silent: its guest's agent says: the relay does not run",
      "b silent: its guest's agent says: no space left",
    ]);
  });

  test("one that stops is asked no more, and must answer anew before its silence means anything", async () => {
    await servers(["a", "b", "c"]);
    is("a", "silent");
    vim.facts.evidence({ about: { kind: "server", id: idOf("a") }, says: "stopped", source: "qmp", seenAt: clock.now() });
    vim.facts.evidence({ about: { kind: "server", id: idOf("a") }, says: "running", source: "qmp", seenAt: clock.now() });
    await clock.pass(20_000);
    expect(told).toEqual(["a stopped", "a running"]);
  });

  test("QEMU's next life, and a channel that is gone, say nothing", async () => {
    await servers(["a", "b", "c"]);
    is("a", "silent");
    lives.set(idOf("a"), null);
    await clock.pass(5_000);
    lives.set(idOf("a"), 2);
    await clock.pass(20_000);
    expect(told).toEqual([]);
  });
});

describe("whose fault it is", () => {
  test("a standstill of ours is no silence of theirs", async () => {
    await servers(["a", "b", "c"]);
    for (let i = 0; i < 5; i++) await clock.pass(1, 4_000);
    await clock.pass(3_000);
    expect(told).toEqual([]);
  });

  test("most at once: nobody is blamed, it is told, and ends when they answer", async () => {
    await servers(["a", "b", "c"]);
    is("a", "silent");
    is("b", "silent");
    await clock.pass(10_000);
    expect(told).toEqual(["guestHeartbeat opinions.suspended"]);
    is("a", "answers");
    is("b", "answers");
    await clock.pass(5_000);
    expect(told).toEqual(["guestHeartbeat opinions.suspended", "guestHeartbeat opinions.counted"]);
  });

  test("all on one host, while those on another answer: it is theirs", async () => {
    await servers(["a", "b", "c", "d"], ["h1", "h2"]);
    for (const name of ["a", "c"]) is(name, "silent");
    await clock.pass(6_000);
    expect(told.map((t) => t.slice(0, 8)).sort()).toEqual(["a silent", "c silent"]);
  });

  test("the last that answered", async () => {
    await servers(["a", "b"]);
    is("a", "silent");
    await clock.pass(6_000);
    expect(told.map((t) => t.slice(0, 8))).toEqual(["a silent"]);
    is("b", "silent");
    await clock.pass(6_000);
    expect(told.slice(1)).toEqual(["guestHeartbeat opinions.suspended"]);
  });
});
