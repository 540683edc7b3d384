import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Clock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import type { HostId, ServerId } from "../../src/model/ids.ts";
import { type Counted, type ReadUsage, ServerUsages } from "../../src/vim/server-usages.ts";
import { type AccessRig, startAccessRig } from "./access-rig.ts";

/** Stands still until it is moved. */
class HandClock implements Clock {
  ms = 0;
  readonly #due: { readonly atMs: number; wake(): void }[] = [];
  now = () => this.ms;
  wall = () => new Date(this.ms);
  sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((wake, abort) => {
      this.#due.push({ atMs: this.ms + ms, wake });
      signal?.addEventListener("abort", () => abort(new Error("aborted")), { once: true });
    });
  move(ms: number): void {
    this.ms += ms;
    for (const { atMs, wake } of this.#due) if (atMs <= this.ms) wake();
  }
}

const counted = (uuid: string, run: number | null = 1): Counted => ({ uuid, run, cpuMs: run && 7, residentMiB: run && 30 });
const [h1, h2, far] = ["h1", "h2", "far"] as HostId[];

describe("what servers take", () => {
  const server = (id: string, hostId: HostId, more: object = {}) =>
    [id, { id, name: id, hostId, vcpus: 2, memoryMiB: 64, pinned: null, ...more }] as const;
  const pinned = { hugepagesGiB: 1, threads: [{}, {}, {}] };
  const all = [
    server("a", h1!),
    server("b", h1!),
    server("huge", h1!, { vcpus: 0, memoryMiB: 0, pinned }),
    server("c", h2!),
    server("d", far!),
  ];
  const asked: [string, readonly ServerId[]][] = [];
  const usagesOf = (readers: Record<string, ReadUsage>, clock = new HandClock()) => {
    asked.length = 0;
    const readerOf = (host: HostId): ReadUsage | undefined => {
      const read = readers[host];
      if (read === undefined) return undefined;
      return (of) => {
        asked.push([host, of]);
        return read(of);
      };
    };
    const picture = { servers: new Map(all as never) } as never;
    return { usages: new ServerUsages({ picture, clock, log: silent, readerOf }), clock };
  };
  const tells: ReadUsage = async (of) => of.filter((id) => id !== "b").map((id) => counted(id));

  test("one request for all of a host, however many ask; one that it has not got does not run; one of whose host nobody tells is left out", async () => {
    const { usages, clock } = usagesOf({ h1: tells, h2: tells });
    const [first, again] = await Promise.all([usages.list(), usages.list()]);
    expect(again).toEqual(first);
    expect(asked).toEqual([
      ["h1", ["a", "b", "huge"]],
      ["h2", ["c"]],
    ]);
    const plain = { readMs: 0, vcpus: 2, memoryMiB: 64 };
    expect(first).toEqual([
      { serverId: "a", name: "a", run: expect.any(String), cpuMs: 7, residentMiB: 30, ...plain },
      { serverId: "b", name: "b", run: null, cpuMs: null, residentMiB: null, ...plain },
      // Its memory was set aside for it: what is resident says nothing.
      {
        serverId: "huge",
        name: "huge",
        run: expect.any(String),
        cpuMs: 7,
        residentMiB: null,
        readMs: 0,
        vcpus: 3,
        memoryMiB: 1024,
      },
      { serverId: "c", name: "c", run: expect.any(String), cpuMs: 7, residentMiB: 30, ...plain },
    ]);
    clock.move(199);
    await usages.list();
    expect(asked).toHaveLength(2);
    clock.move(1);
    expect((await usages.list())[0]!.readMs).toBe(200);
    expect(asked).toHaveLength(4);
  });

  test("each run has a name of its own", async () => {
    let run: number | null = 1;
    const { usages, clock } = usagesOf({ h1: async () => [counted("a", run)] });
    const names: (string | null)[] = [];
    for (run of [1, 1, 2, null]) {
      names.push((await usages.list())[0]!.run);
      clock.move(200);
    }
    expect(names[0]).toBe(names[1]);
    expect(new Set(names).size).toBe(3);
    expect(names[3]).toBeNull();
  });

  test("a host that hangs holds up the others for a moment once, and is asked no more before it has answered", async () => {
    let answer: (of: Counted[]) => void = () => {};
    const { usages, clock } = usagesOf({ h1: () => new Promise((told) => (answer = told)), h2: tells });
    const ids = async (of = usages.list()) => (await of).map((u) => u.serverId);
    const waiting = ids();
    await new Promise(setImmediate); // h2 has answered.
    clock.move(300);
    expect(await waiting).toEqual(["c"]);
    clock.move(60_000);
    expect(await ids()).toEqual(["c"]); // At once: the clock stands still.
    expect(asked.map(([host]) => host)).toEqual(["h1", "h2", "h2"]);
    answer([counted("a")]);
    await new Promise(setImmediate);
    clock.move(1_000);
    const anew = ids();
    answer([counted("a")]);
    expect(await anew).toEqual(["a", "b", "huge", "c"]);
  });

  test("one that refuses is left out, and asked again", async () => {
    let refuses = true;
    const { usages, clock } = usagesOf({
      h1: async (of) => {
        if (refuses) throw new Error("libvirtd is away");
        return tells(of);
      },
    });
    expect(await usages.list()).toEqual([]);
    refuses = false;
    clock.move(200);
    expect(await usages.list()).toHaveLength(3);
  });
});

describe("over the API", () => {
  let rig: AccessRig;
  beforeAll(async () => {
    rig = await startAccessRig();
    const hosts = new Set([...rig.vim.picture.servers.values()].map((s) => s.hostId));
    for (const host of hosts) rig.vim.usageReaders.set(host, async (of) => of.map((id) => counted(id)));
  });
  afterAll(() => rig?.[Symbol.asyncDispose]());

  test("a tenant sees its own servers', an administrator all", async () => {
    const seen = async (token: string) => {
      const headers = { authorization: `Bearer ${token}` };
      const reply = await rig.ordinary.inject({ method: "GET", url: "/openvim/usage", headers });
      expect(reply.statusCode).toBe(200);
      return JSON.parse(reply.body).usage as { server_id: string; cpu_ms: number; read_mono_ms: number }[];
    };
    const own = await seen(await rig.mint("viewer", rig.things.alpha.tenant));
    expect(own).toMatchObject([
      { server_id: rig.things.alpha.server, cpu_ms: 7, resident_mib: 30, read_mono_ms: expect.any(Number) },
    ]);
    const all = await seen(await rig.mint("admin", null));
    expect(all.length).toBe(rig.vim.picture.servers.size);
    expect(all.length).toBeGreaterThan(1);
  });
});
