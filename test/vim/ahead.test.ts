import fc from "fast-check";
import { afterAll, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import type { FlowPhases } from "../../src/model/flow.ts";
import type { DatapathId, NetId, VimPortId } from "../../src/model/ids.ts";
import { ABILITIES, type SwitchPort } from "../../src/model/switch.ts";
import type { ServerPort, VimNet } from "../../src/model/vim-picture.ts";
import { standInsOf } from "../../src/steer/stand-ins.ts";
import { openStore } from "../../src/store/open.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import type { FlowSwitch } from "../../src/switch/flow-switch.ts";
import { writesOf } from "../../src/vim/ahead.ts";
import type { Draft } from "../../src/vim/draft.ts";
import { Fabric } from "../../src/vim/fabric.ts";
import { Picture } from "../../src/vim/picture.ts";
import { net, port } from "../harness/table.ts";

const id = (name: string) => name as NetId;
const NETS = [net("A"), net("B"), net("C"), net("T", "A"), net("U", "B"), net("X"), net("Y", "X")];
const PORTS = NETS.map((n, i) => port(n.id, `p${i}`, `02:00:00:00:00:0${i}`));
const db = await openStore<VimDb>({ path: ":memory:", migrationsDir: new URL("../../sql/vim", import.meta.url).pathname });
afterAll(() => db.destroy());

let picture: Picture;
let fabric: Fabric;
let session: FlowSwitch & { portsVersion: number; readonly ports: Map<string, SwitchPort> };

/** What is asked is how the fabric computes, so this switch only takes what it is given. */
async function connect(): Promise<void> {
  const now = () => systemClock.now();
  session = {
    datapath: "1" as DatapathId,
    abilities: ABILITIES["1.3"],
    ports: new Map([...PORTS.map((p) => p.switchPort as string), "out"].map((name) => [name, {} as SwitchPort])),
    portsVersion: 0,
    encode: () => {},
    read: async () => ({ entries: [], groups: [] }),
    apply: async () => ({ changes: 0, onWireAt: now(), barrierAt: now() }),
    packetOut: () => {},
    inOneWrite: (work) => work(),
    portCounters: async () => new Map(),
  };
  fabric.connected(session);
  await fabric.reconcile();
}

beforeEach(async () => {
  picture = await Picture.load(db, systemClock, silent);
  fabric = new Fabric(picture, systemClock, silent, () => {});
  for (const n of NETS) picture.nets.set(n.id, n as VimNet);
  for (const p of PORTS) picture.ports.set(p.id, p as ServerPort);
  fabric.useStandIns(
    standInsOf(
      new Map([
        [id("T"), [id("B")]],
        [id("U"), [id("A")]],
      ]),
    ),
  );
  await connect();
});

/** A ends: T goes to B, and A's port is closed. */
const draft = (): Draft => ({
  nets: [{ ...(picture.nets.get(id("T")) as VimNet), bindNet: id("B") }],
  ports: picture.portsIn(id("A")).map((p) => ({ ...p, fenced: true })),
});
const edit = (of: number, change: Partial<ServerPort>) => {
  const had = [...picture.ports.values()][of % picture.ports.size];
  if (had) picture.ports.set(had.id, { ...had, ...change });
};
const editNet = (name: string, change: Partial<VimNet>) =>
  picture.nets.set(id(name), { ...(picture.nets.get(id(name)) as VimNet), ...change });

const name = fc.constantFrom(...NETS.map((n) => n.id as string));
const change = fc.oneof(
  fc.tuple(fc.constantFrom("T", "U", "Y"), fc.constantFrom("A", "B", "C", null)).map(
    ([n, to]) =>
      () =>
        editNet(n, { bindNet: to as NetId | null }),
  ),
  fc.tuple(name, fc.boolean()).map(
    ([n, adminUp]) =>
      () =>
        editNet(n, { adminUp }),
  ),
  fc.tuple(name, fc.constantFrom(null, "openflow:out")).map(
    ([n, provider]) =>
      () =>
        editNet(n, { provider }),
  ),
  fc.tuple(name, fc.constantFrom(null, 7)).map(
    ([n, bindVlan]) =>
      () =>
        editNet(n, { bindVlan }),
  ),
  fc.tuple(fc.nat(9), fc.boolean()).map(
    ([of, fenced]) =>
      () =>
        edit(of, { fenced }),
  ),
  fc.tuple(fc.nat(9), name).map(
    ([of, to]) =>
      () =>
        edit(of, { netId: id(to) }),
  ),
  fc.tuple(fc.nat(9), fc.constantFrom(null, 5)).map(
    ([of, vlan]) =>
      () =>
        edit(of, { vlan }),
  ),
  fc.tuple(fc.nat(9), fc.constantFrom("ACTIVE", "DOWN") as fc.Arbitrary<ServerPort["status"]>).map(
    ([of, status]) =>
      () =>
        edit(of, { status }),
  ),
  fc.nat(9).map((of) => () => void picture.ports.delete([...picture.ports.keys()][of] as VimPortId)),
  fc.tuple(name, fc.nat(6)).map(
    ([n, of]) =>
      () =>
        void picture.ports.set(`more-${n}` as VimPortId, port(n, `p${of}`, null) as ServerPort),
  ),
  fc.nat(6).map((of) => () => {
    session.ports.delete(`p${of}`);
    session.portsVersion++;
  }),
  fc.constantFrom("B", "C").map((to) => () => {
    fabric.useStandIns(standInsOf(new Map([[id("T"), [id(to)]]])));
    fabric.follow();
  }),
);

test("whatever has changed since: what was worked out ahead and still counts as good is what would be worked out now", async () => {
  let good = 0;
  await fc.assert(
    fc
      .asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const ahead = fabric.prepare(draft());
        expect(ahead).not.toBeNull();
        for (const make of changes) make();
        if (!fabric.isGood(ahead!)) return;
        good++;
        expect(fabric.prepare(draft())!.phases).toEqual(ahead!.phases);
      })
      .beforeEach(async () => {
        picture.nets.clear();
        picture.ports.clear();
        for (const n of NETS) picture.nets.set(n.id, n as VimNet);
        for (const p of PORTS) picture.ports.set(p.id, p as ServerPort);
        await connect();
      }),
    { numRuns: 1_000 },
  );
  expect(good, "some changes touch nothing that it follows from").toBeGreaterThan(50);
});

test("a net that is led to one of them beside another, as its second, belongs to what it follows from", () => {
  const ahead = fabric.prepare(draft())!;
  expect(fabric.isGood(ahead)).toBe(true);
  editNet("Y", { copyNet: id("B") });
  expect(fabric.isGood(ahead)).toBe(false);
});

test("written from what was worked out ahead, the switch gets what it would have got; and what shares a net with it is worked out anew", async () => {
  const written: string[] = [];
  session.apply = async (phases) => {
    written.push(JSON.stringify(phases, (_, v: unknown) => (typeof v === "bigint" ? String(v) : v)));
    return { changes: phases.flat().length, onWireAt: 0, barrierAt: 0 };
  };
  const back = (): Draft => ({ nets: [picture.nets.get(id("T")) as VimNet], ports: picture.portsIn(id("A")) });
  const was = back();
  const ahead = fabric.prepare(draft())!;
  await fabric.writeAll([{ draft: draft(), ahead }]);
  expect(picture.nets.get(id("T"))?.bindNet).toBe("B");
  expect(fabric.isGood(ahead)).toBe(false);
  await fabric.writeAround(was);
  await fabric.writeAll([{ draft: draft(), ahead }]);
  expect(written[2]).toBe(written[0]);

  // Two at once that share B: the second is not taken from what was worked out before the first.
  await fabric.writeAround(was);
  const [one, two] = [
    fabric.prepare(draft())!,
    fabric.prepare({ nets: [{ ...picture.nets.get(id("U"))!, bindNet: id("C") }], ports: [] })!,
  ];
  await fabric.writeAll([
    { draft: draft(), ahead: one },
    { draft: { nets: [{ ...picture.nets.get(id("U"))!, bindNet: id("C") }], ports: [] }, ahead: two },
  ]);
  expect(written).toHaveLength(6);
  expect([picture.nets.get(id("T"))?.bindNet, picture.nets.get(id("U"))?.bindNet]).toEqual(["B", "C"]);
});

test("what leaves for very many together: all that moves traffic and all that keeps the failed from sending, and only then what clears up; nothing is lost", () => {
  const one = fabric.prepare(draft())!;
  const works = Array.from({ length: 1_000 }, () => one);
  const { moves, rests } = writesOf(works);
  const ops = (phases: FlowPhases) => phases.flat().map(({ op }) => op);
  const moving = moves.flat().flatMap(({ phases }) => ops(phases));
  const clearing = rests.flatMap(ops);
  const each = ops(one.phases);
  expect(moves.length).toBeLessThan(5);
  expect([...moving, ...clearing].sort()).toEqual(works.flatMap(() => each).sort());
  expect(moving.filter((op) => op === "deleteEntry")).toHaveLength(1_000 * each.filter((op) => op === "deleteEntry").length);
  expect(ops([one.phases[1]]).every((op) => moving.includes(op))).toBe(true);
  expect(clearing.length).toBeGreaterThan(0);
  expect(clearing).not.toContain("deleteEntry");
});
