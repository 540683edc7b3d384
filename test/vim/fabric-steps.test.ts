import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { type FlowTable, NO_OWNER } from "../../src/model/flow.ts";
import type { DatapathId, NetId, VimPortId } from "../../src/model/ids.ts";
import { ABILITIES, type SwitchPort } from "../../src/model/switch.ts";
import type { ServerPort, VimNet } from "../../src/model/vim-picture.ts";
import { afterChanges, flowChanges } from "../../src/steer/changes.ts";
import { withoutMissing } from "../../src/steer/missing.ts";
import { standInsOf } from "../../src/steer/stand-ins.ts";
import { wantedTable } from "../../src/steer/wanted.ts";
import { openStore } from "../../src/store/open.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import type { FlowSwitch, Missing, Tell, Unlike } from "../../src/switch/flow-switch.ts";
import { Fabric } from "../../src/vim/fabric.ts";
import { Picture } from "../../src/vim/picture.ts";
import { collidingPair } from "../harness/colliding-nets.ts";
import { net, port } from "../harness/table.ts";

/**
 * Changes of every kind, one after the other, each worked out for what it touches alone: the switch then has what the whole picture asks
 * for, entry by entry. And what a change costs does not grow with how many other nets there are.
 */
const db = await openStore<VimDb>({ path: ":memory:", migrationsDir: new URL("../../sql/vim", import.meta.url).pathname });
afterAll(() => db.destroy());

const id = (n: number) => `n${n}` as NetId;
const portId = (n: number) => `l${n}` as VimPortId;
const NOTHING: FlowTable = { entries: [], groups: [] };

class Rig {
  readonly picture: Picture;
  fabric: Fabric;
  readonly there = new Set(["p0", "p1", "p2", "p3", "p4", "p5"]);
  standIns = new Map<NetId, NetId[]>();
  table = NOTHING;
  messages = 0;

  constructor(picture: Picture) {
    this.picture = picture;
    this.fabric = this.#newFabric();
  }

  #newFabric(): Fabric {
    const fabric = new Fabric(this.picture, systemClock, silent, () => {});
    fabric.useStandIns(this.#asked());
    return fabric;
  }

  /** As the one that is armed: read at each look. */
  #asked() {
    const now = () => standInsOf(this.standIns);
    return {
      get isEmpty() {
        return now().isEmpty;
      },
      of: (n: NetId, serving: NetId) => now().of(n, serving),
      whom: (n: NetId) => now().whom(n),
    };
  }

  async connect(): Promise<this> {
    this.fabric.connected(this.#session());
    await this.fabric.reconcile();
    return this;
  }

  /** The daemon begins anew, at a switch that tells differences; `meanwhile` is done after it has asked for them. Resolves with what it wrote. */
  async restart(meanwhile: () => void): Promise<number> {
    const asked = Promise.withResolvers<void>();
    const compare = async (want: Tell): Promise<Unlike> => {
      const [have, tables] = [this.table, toldBy(want)];
      await asked.promise;
      return { missing: missingOf(tables, have), found: without(have, joined(tables)) };
    };
    this.fabric = this.#newFabric();
    this.fabric.connected({ ...this.#session(), compare });
    const first = this.fabric.reconcile();
    meanwhile();
    const second = this.fabric.reconcile();
    asked.resolve();
    const all = await Promise.all([first, second]);
    return all[0]!.changes;
  }

  #session(): FlowSwitch {
    const { there } = this;
    return {
      datapath: "1" as DatapathId,
      abilities: ABILITIES["1.3"],
      ports: { has: (name: string) => there.has(name) } as unknown as ReadonlyMap<string, SwitchPort>,
      read: async () => this.table,
      apply: async (phases) => {
        this.table = afterChanges(this.table, phases);
        this.messages += phases.flat().length;
        return { changes: phases.flat().length, onWireAt: 0, barrierAt: 0 };
      },
      packetOut: () => {},
      inOneWrite: (work) => work(),
      portCounters: async () => new Map(),
    };
  }

  wanted(): FlowTable {
    const { nets, ports } = this.picture;
    const found = withoutMissing([...nets.values()], [...ports.values()], (p) => this.there.has(p));
    return wantedTable(found.nets, found.ports, ABILITIES["1.3"], standInsOf(this.standIns), undefined, this.picture).table;
  }

  net(n: number): VimNet | undefined {
    return this.picture.nets.get(id(n));
  }

  edit(n: number, change: Partial<VimNet>): void {
    const had = this.net(n);
    if (had) this.fabric.writeUnattended({ nets: [{ ...had, ...change }] });
  }

  editPort(n: number, change: Partial<ServerPort>): void {
    const had = this.picture.ports.get(portId(n));
    if (had) this.fabric.writeUnattended({ ports: [{ ...had, ...change }] });
  }

  isRoot(n: number): boolean {
    return this.net(n)?.bindNet === null;
  }
}

function toldBy(want: Tell): FlowTable[] {
  const tables: FlowTable[] = [];
  want((table) => tables.push(table));
  return tables;
}

const joined = (tables: readonly FlowTable[]): FlowTable => ({
  entries: tables.flatMap((t) => t.entries),
  groups: tables.flatMap((t) => t.groups),
});

function missingOf(tables: readonly FlowTable[], have: FlowTable): Missing[] {
  return tables.flatMap((table, nth) => {
    const { entries, groups } = without(table, have);
    const its = {
      nth,
      entries: entries.map((e) => table.entries.indexOf(e)),
      groups: groups.map((g) => table.groups.indexOf(g)),
    };
    return entries.length + groups.length > 0 ? [its] : [];
  });
}

const exactly = (t: object) => JSON.stringify(t, (_, v) => (typeof v === "bigint" ? `${v}` : v));
function without({ entries, groups }: FlowTable, those: FlowTable): FlowTable {
  const known = new Set([...those.entries, ...those.groups].map(exactly));
  return { entries: entries.filter((e) => !known.has(exactly(e))), groups: groups.filter((g) => !known.has(exactly(g))) };
}

const some = fc.nat(5);
const onPort = some.map((n) => `p${n}`);
const tag = fc.constantFrom(null, null, 7, 8);
const mac = fc.constantFrom(null, "02:00:00:00:00:0a", "02:00:00:00:00:0b");

type Step = (rig: Rig) => void;
const steps: fc.Arbitrary<Step> = fc.oneof(
  some.map((n) => (r: Rig) => {
    if (!r.net(n)) r.fabric.writeUnattended({ nets: [net(id(n)) as VimNet] });
  }),
  some.map((n) => (r: Rig) => {
    const freed = r.picture.boundTo(id(n)).map((b) => ({ ...b, bindNet: null, copyNet: null }));
    const gonePorts = r.picture.portsIn(id(n)).map((p) => p.id);
    if (r.net(n)) r.fabric.writeUnattended({ goneNets: [id(n)], nets: freed, gonePorts });
  }),
  {
    weight: 3,
    arbitrary: fc.tuple(some, fc.option(some)).map(([n, to]) => (r: Rig) => {
      if (to !== null && (to === n || !r.isRoot(to))) return;
      if (r.picture.boundTo(id(n)).length === 0) r.edit(n, { bindNet: to === null ? null : id(to), copyNet: null });
    }),
  },
  fc.tuple(some, fc.option(some)).map(([n, to]) => (r: Rig) => {
    const bound = r.net(n)?.bindNet ?? null;
    if (bound !== null && (to === null || (to !== n && r.isRoot(to) && id(to) !== bound)))
      r.edit(n, { copyNet: to === null ? null : id(to) });
  }),
  // A tag of a bind that a port beside it has too would give one place of the switch to two nets, which nothing refuses yet.
  fc.tuple(some, fc.constantFrom(null, 6, 9)).map(
    ([n, bindVlan]) =>
      (r: Rig) =>
        r.edit(n, { bindVlan }),
  ),
  fc.tuple(some, fc.boolean()).map(
    ([n, adminUp]) =>
      (r: Rig) =>
        r.edit(n, { adminUp }),
  ),
  fc.tuple(some, fc.constantFrom(null, "openflow:p5", "openflow:p4:vlan")).map(
    ([n, provider]) =>
      (r: Rig) =>
        r.edit(n, { provider, vlan: 8 }),
  ),
  {
    weight: 3,
    arbitrary: fc.tuple(fc.nat(9), some, onPort, mac, tag).map(([n, of, on, m, vlan]) => (r: Rig) => {
      if (r.net(of)) r.fabric.writeUnattended({ ports: [port(id(of), on, m, { id: portId(n), vlan }) as ServerPort] });
    }),
  },
  fc.tuple(fc.nat(9), some).map(
    ([n, to]) =>
      (r: Rig) =>
        r.net(to) && r.editPort(n, { netId: id(to) }),
  ),
  fc.tuple(fc.nat(9), tag).map(
    ([n, vlan]) =>
      (r: Rig) =>
        r.editPort(n, { vlan }),
  ),
  fc.tuple(fc.nat(9), fc.boolean()).map(
    ([n, fenced]) =>
      (r: Rig) =>
        r.editPort(n, { fenced }),
  ),
  fc.nat(9).map((n) => (r: Rig) => r.picture.ports.has(portId(n)) && r.fabric.writeUnattended({ gonePorts: [portId(n)] })),
  onPort.map((name) => (r: Rig) => {
    if (!r.there.delete(name)) r.there.add(name);
    r.fabric.followFor(r.picture.netsOn(name));
  }),
  fc.tuple(some, fc.uniqueArray(some, { maxLength: 3 })).map(([n, others]) => (r: Rig) => {
    const list = others.filter((o) => o !== n).map(id);
    const touched = [id(n), ...list, ...(r.standIns.get(id(n)) ?? [])];
    r.standIns = new Map([...r.standIns, [id(n), list] as const].filter(([, l]) => l.length > 0));
    r.fabric.followFor(touched);
  }),
);

test("whatever is changed, the switch has what the whole picture asks for, and a pass finds nothing to do", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 5, maxLength: 40 }), async (list) => {
      const rig = await sixNets();
      for (const step of list) {
        step(rig);
        expect(flowChanges(rig.wanted(), rig.table)).toEqual([]);
      }
      expect((await rig.fabric.reconcile())?.changes).toBe(0);
    }),
    { numRuns: Number(process.env.FABRIC_RUNS ?? 100) },
  );
});

/** One net to each of six ports. */
async function sixNets(): Promise<Rig> {
  const picture = await Picture.load(db, systemClock, silent);
  for (let n = 0; n < 6; n++) picture.nets.set(id(n), net(id(n)) as VimNet);
  for (let n = 0; n < 6; n++) picture.ports.set(portId(n), port(id(n), `p${n}`, null, { id: portId(n) }) as ServerPort);
  return new Rig(picture).connect();
}

/** A stranger's entry, and of all others each n-th gone or turned; 0: none. */
function damaged({ entries, groups }: FlowTable, [gone, turned]: readonly [number, number]): FlowTable {
  const stays = (_: object, i: number) => gone === 0 || i % gone !== 0;
  const isTurned = (i: number) => turned !== 0 && i % turned === 0;
  const stranger = { table: 0, priority: 7, cookie: NO_OWNER | 99n, match: { vlan: 4_000 }, actions: [] };
  return {
    entries: [stranger, ...entries.map((e, i) => (isTurned(i) ? { ...e, actions: [] } : e)).filter(stays)],
    groups: groups.map((g, i) => (isTurned(i) ? { ...g, buckets: [] } : g)).filter(stays),
  };
}

test("a daemon that begins anew at a switch that tells differences mends these alone, and what is changed meanwhile too", async () => {
  const many = fc.array(steps, { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(many, fc.tuple(fc.nat(4), fc.nat(4)), many, async (before, damage, meanwhile) => {
      const rig = await sixNets();
      for (const step of before) step(rig);
      expect(await rig.restart(() => {})).toBe(0);
      rig.table = damaged(rig.table, damage);
      await rig.restart(() => {
        for (const step of meanwhile) step(rig);
      });
      expect(flowChanges(rig.wanted(), rig.table)).toEqual([]);
      expect((await rig.fabric.reconcile())?.changes).toBe(0);
    }),
    { numRuns: Number(process.env.FABRIC_RUNS ?? 100) },
  );
});

test("nets whose groups hash to one number keep theirs, whoever was bound first", async () => {
  const picture = await Picture.load(db, systemClock, silent);
  const [first, second] = collidingPair() as [NetId, NetId];
  for (const [i, n] of [first, second].entries()) {
    picture.nets.set(n, net(n) as VimNet);
    picture.nets.set(id(i), net(id(i)) as VimNet);
    for (const [k, of] of [n, id(i)].entries())
      picture.ports.set(portId(2 * i + k), port(of, `p${2 * i + k}`, null, { id: portId(2 * i + k) }) as ServerPort);
  }
  const rig = await new Rig(picture).connect();
  const bind = (n: NetId, to: NetId) => rig.fabric.writeUnattended({ nets: [{ ...picture.nets.get(n)!, bindNet: to }] });
  bind(second, id(1));
  bind(first, id(0));
  const stood = rig.table;
  expect(new Set(stood.groups.map((g) => g.id)).size).toBe(stood.groups.length);
  expect(await rig.restart(() => {})).toBe(0);
  expect(rig.table).toBe(stood);
});

test("what a bind writes is the same among 20 nets and among 2,000", async () => {
  const costs = [20, 2_000].map(async (count) => {
    const picture = await Picture.load(db, systemClock, silent);
    for (let n = 0; n < count; n++) picture.nets.set(id(n), net(id(n), n >= count / 2 ? id(n - count / 2) : null) as VimNet);
    for (let n = 0; n < count; n++)
      picture.ports.set(portId(n), port(id(n), `p${n % 6}`, null, { id: portId(n), vlan: n < 6 ? null : n }) as ServerPort);
    const rig = await new Rig(picture).connect();
    expect(flowChanges(rig.wanted(), rig.table)).toEqual([]);
    rig.messages = 0;
    rig.edit(count - 1, { bindNet: id(1) });
    expect(flowChanges(rig.wanted(), rig.table)).toEqual([]);
    return rig.messages;
  });
  const [few, many] = await Promise.all(costs);
  expect(many).toBe(few);
});
