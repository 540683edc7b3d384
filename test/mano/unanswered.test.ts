import { describe, expect, test } from "vitest";
import type { Clock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import type { AlarmBook } from "../../src/mano/alarms.ts";
import type { FailoverBook } from "../../src/mano/failover-book.ts";
import { Fences } from "../../src/mano/fences.ts";
import { Guard } from "../../src/mano/guard.ts";
import { Reaction } from "../../src/mano/reaction.ts";
import type { GroupId, NetId, NsId, ServerId, VimAccountId, VimPortId, VnfcId } from "../../src/model/ids.ts";
import type { WireStatus } from "../../src/model/net.ts";
import type { ProtectionGroup } from "../../src/model/protection.ts";
import type { EventStream } from "../../src/notify/stream.ts";
import type { Inventory, VimConnector, VimLinkPort, VimServer } from "../../src/vimconn/connector.ts";

const [a, b] = ["a", "b"] as VnfcId[] as [VnfcId, VnfcId];
const nets = ["t0", "t1"] as NetId[] as [NetId, NetId];
const member = (vnfcId: VnfcId) => ({
  vnfcId,
  name: vnfcId,
  vimAccountId: "v" as VimAccountId,
  dataNet: `d-${vnfcId}` as NetId,
  capacity: null,
  standby: "hot" as const,
});
const group: ProtectionGroup = {
  id: "g" as GroupId,
  nsId: "ns" as NsId,
  name: "relay",
  scheme: "ACTIVE_ACTIVE",
  members: [member(a), member(b)],
  trafficNets: [
    { netId: nets[0], name: "t0", normal: a },
    { netId: nets[1], name: "t1", normal: b },
  ],
  policy: { revertive: true, holdOffMs: 0, waitToRestoreMs: 0, probe: null, guestHeartbeat: null, traffic: null },
};
const START_MS = 1_000;

/** A pair of which each serves a net; both run, as their VIM has it in each pass. */
class Pair {
  ms = START_MS;
  readonly fenced: string[] = [];
  readonly raised: string[] = [];
  readonly healed = new Set<VnfcId>();
  readonly guard = new Guard(group, new Map([a, b].map((v) => [v, `s-${v}` as ServerId])));
  readonly ports: Record<string, { status: WireStatus; stale: boolean; fenced: boolean }> = {
    a: { status: "BUILD", stale: false, fenced: false },
    b: { status: "BUILD", stale: false, fenced: false },
  };
  readonly #clock: Clock = { now: () => this.ms, wall: () => new Date(this.ms), sleep: () => new Promise<void>(() => {}) };
  readonly #connector = {
    fence: async (_, vnfc) => void this.fenced.push(vnfc),
  } as Partial<VimConnector> as VimConnector;
  readonly #fences = new Fences({
    clock: this.#clock,
    log: silent,
    connectorOf: () => this.#connector,
    suspended: () => new Map(),
    isGivenUp: () => false,
    isBeingHealed: (vnfc) => this.healed.has(vnfc),
  });
  readonly #reaction = new Reaction({
    clock: this.#clock,
    log: silent,
    mode: "push",
    stream: { push: () => {} } as Partial<EventStream> as EventStream,
    alarms: {
      isRaised: () => false,
      raise: async (_, cause) => void this.raised.push(cause),
      clear: () => {},
    } as Partial<AlarmBook> as AlarmBook,
    book: { isUp: () => {}, refresh: () => {} } as Partial<FailoverBook> as FailoverBook,
    connectorOf: () => this.#connector,
    wake: () => {},
    wakeSpares: () => {},
    onDecided: (guard) => this.#fences.look(guard),
    onFired: () => {},
  });

  constructor() {
    this.guard.isWatched = true;
    this.#reaction.add(this.guard);
  }

  #seen(): Inventory {
    const server = (v: VnfcId) => ({ id: `s-${v}`, status: "ACTIVE", hostState: "up" }) as VimServer;
    const port = (v: VnfcId) =>
      ({ id: `p-${v}` as VimPortId, netId: `d-${v}`, serverId: `s-${v}`, opinions: {}, ...this.ports[v] }) as VimLinkPort;
    return {
      startedAt: this.ms,
      servers: new Map([a, b].map((v) => [`s-${v}` as ServerId, server(v)])),
      ports: [port(a), port(b)],
      nets: new Map(nets.map((n, i) => [n, { id: n, bindNet: `d-${[a, b][i]}` } as never])),
      hosts: null,
      paths: null,
      condition: null,
    };
  }

  /** Passes every 5 s until then, as the slow loop makes them. */
  async until(ms: number): Promise<void> {
    while (this.ms < START_MS + ms) {
      this.guard.observe(this.#seen());
      this.#reaction.decideNow(this.guard, "poll", this.ms);
      await new Promise((r) => setImmediate(r));
      this.ms += 5_000;
    }
  }
}

describe("both twins run and have not answered since their VIM was started anew, so nobody is probed and nobody called silent", () => {
  test("after a minute the service is said to be down, and one of them is given a new life", async () => {
    const pair = new Pair();
    await pair.until(60_000);
    expect([pair.raised, pair.fenced]).toEqual([[], []]); // So long a guest may boot.
    await pair.until(65_000);
    expect([pair.raised, pair.fenced]).toEqual([["REDUNDANCY_LOST", "SERVICE_DOWN"], ["a"]]);
  });

  test("one whose new life is waited for is not ended again: the other is", async () => {
    const pair = new Pair();
    pair.healed.add(a);
    await pair.until(65_000);
    expect(pair.fenced).toEqual(["b"]);
  });

  test("nobody is fenced while there is no switch to ask them through, and their time begins when there is", async () => {
    const pair = new Pair();
    for (const port of Object.values(pair.ports)) port.stale = true;
    await pair.until(300_000);
    expect([new Set(pair.raised), pair.fenced]).toEqual([new Set(["REDUNDANCY_LOST"]), []]);
    for (const port of Object.values(pair.ports)) port.stale = false;
    await pair.until(355_000);
    expect(pair.fenced).toEqual([]);
    await pair.until(365_000);
    expect(pair.fenced).toEqual(["a"]);
  });

  test("one that answers takes over, and the other is fenced", async () => {
    const pair = new Pair();
    await pair.until(30_000);
    Object.assign(pair.ports.b!, { status: "ACTIVE" });
    await pair.until(65_000);
    expect([pair.guard.memberOf(b)?.health.state, pair.fenced]).toEqual(["up", ["a"]]);
  });
});
