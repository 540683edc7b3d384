import { join } from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "../../src/lib/clock.ts";
import { Fault } from "../../src/lib/fault.ts";
import { silent } from "../../src/lib/log.ts";
import { Turns } from "../../src/lib/turns.ts";
import { AlarmBook } from "../../src/mano/alarms.ts";
import type { Deployment } from "../../src/mano/plan.ts";
import { broughtBy, provisionsOf } from "../../src/mano/provisions.ts";
import { ScaleTurns } from "../../src/mano/scale-turns.ts";
import { refuseSharedNets, shownTo } from "../../src/mano/shared-nets.ts";
import { VimNets } from "../../src/mano/vim-nets.ts";
import { WriteQueue } from "../../src/mano/writes.ts";
import type { AlarmPlace } from "../../src/model/mano-event.ts";
import { EventStream } from "../../src/notify/stream.ts";
import type { ManoTables } from "../../src/store/mano-schema.ts";
import { openStore } from "../../src/store/open.ts";

// What belongs to one is not given to another, nor told to it, nor left behind when it is gone.

const VIM = "vim1";
/** An NS whose VNFCs have these data nets, and the traffic net `<id>-traffic`. */
const deployment = (id: string, dataNets: readonly string[]): Deployment => {
  const vnfc = (net: string) => ({ id: `${id}-${net}`, name: net, vimAccountId: VIM, vdu: "relay", status: "ACTIVE" });
  const members = dataNets.map((dataNet, i) => ({ vnfc: dataNet, dataNet, trafficNets: i === 0 ? [`${id}-traffic`] : [] }));
  const vdus = [{ id: "relay", cps: [], vnfcs: dataNets.map((name) => ({ id: name })) }];
  return {
    ns: { id, name: `service-${id}`, vimAccountId: VIM, vimAccounts: {}, state: "INSTANTIATED" },
    nsd: { vnfd: "v", members, nets: {} },
    vnfd: { id: "v", vdus },
    vnfcs: dataNets.map(vnfc),
    vnfs: [],
    stitches: [],
  } as never;
};
const NOT_LOOKED = new VimNets(new Map());
const ownersOf = (all: Record<string, string>) => ({ of: (id: string) => all[id] ?? null });

async function refusalOf(act: () => unknown): Promise<Fault> {
  try {
    await act();
  } catch (e) {
    if (e instanceof Fault) return e;
    throw e;
  }
  throw new Error("it was not refused");
}

test("a net that another NS has is refused, and the other is named to nobody who may not know of it", async () => {
  const [mine, other] = [deployment("a", ["data0"]), deployment("b", ["data0"])];
  const said = async (owners: Record<string, string>) =>
    (await refusalOf(() => refuseSharedNets(mine, [mine, other], ownersOf(owners), NOT_LOOKED))).message;
  expect(await said({})).toContain("service-b has data0 in use");
  expect(await said({ a: "alpha", b: "alpha" })).toContain("service-b has data0 in use");
  for (const owners of [{ a: "alpha", b: "bravo" }, { a: "alpha" }]) {
    const words = await said(owners);
    expect(words).toMatch(/data0: in use by what is not this tenant/);
    expect(words).not.toContain("service-b");
  }
});

test("a net that was made for another tenant's NS is refused to whatever would be attached to it, by name or id", async () => {
  const theirs = { ...deployment("b", []), nsd: { vnfd: "v", members: [], nets: {}, ownNets: ["inner"] } } as never as Deployment;
  const [{ id, vimName }] = broughtBy(theirs, VIM as never).nets as never as [{ id: string; vimName: string }];
  const seen = { nets: new Map([[id, { id, name: vimName }]]), ports: [], servers: [], vimId: null };
  const looked = new VimNets(new Map([[VIM as never, { account: {} as never, lastSeen: seen as never }]]));
  const relay = { ...deployment("a", ["data0"]), vnfd: { id: "v", vdus: [{ id: "relay", vnfcs: [], cps: [{ id: "mgmt" }] }] } };
  const attached = (nets: object, netIds?: object) =>
    ({ ...relay, nsd: { ...relay.nsd, nets, ...(netIds && { netIds }) } }) as never as Deployment;
  const owners = ownersOf({ a: "alpha", b: "bravo" });
  const byId = attached({ mgmt: "theirs" }, { theirs: id });
  for (const [mine, nets] of [
    [attached({ mgmt: vimName }), looked],
    [byId, NOT_LOOKED],
  ] as const) {
    const refused = await refusalOf(() => refuseSharedNets(mine, [mine, theirs], owners, nets));
    expect(refused).toMatchObject({ code: "CONFLICT", message: expect.stringMatching(/in use by what is not this tenant/) });
    expect(() => refuseSharedNets(mine, [mine, theirs], ownersOf({ a: "bravo", b: "bravo" }), nets)).not.toThrow();
    expect(() => refuseSharedNets(mine, [mine, theirs], ownersOf({ b: "bravo" }), nets)).not.toThrow();
  }
});

test("what an NS has brought is known when nothing of it uses it any more, and its nets are not there for other tenants", () => {
  const d = deployment("a", ["data0"]);
  const software = { sha256: "ab", md5: "cd" };
  const vdus = [...d.vnfd.vdus, { id: "removed", image: "image", vnfcs: [], software }];
  const mine = { ...d, nsd: { ...d.nsd, ownNets: ["inner", "data0"] }, vnfd: { ...d.vnfd, vdus } } as never as Deployment;
  const vim = VIM as never;
  expect(provisionsOf(mine, vim, ["data0"])).toMatchObject({ images: [], nets: [{ name: "data0" }] });
  const brought = broughtBy(mine, vim);
  expect(brought).toMatchObject({ images: [{ name: "image" }], nets: [{ name: "inner" }, { name: "data0" }] });

  const ids = [...brought.nets.map((n) => n.id), "id-public"];
  const seen = { nets: new Map(ids.map((id) => [id, { id, name: id }])) } as never;
  const shown = (owner: string | null) =>
    [...shownTo(owner, { all: [mine], owners: ownersOf({ a: "alpha" }) }, vim, seen).nets.keys()] as string[];
  expect([shown("alpha"), shown(null), shown("bravo")]).toEqual([ids, ids, ["id-public"]]);
});

function turnsOf(d: Deployment, all: readonly Deployment[]): ScaleTurns {
  const turns = new Turns();
  const lifecycle = { all, of: () => d, exclusive: (key: string, act: () => Promise<unknown>) => turns.take(key, act) };
  const occurrences = { changed: (o: object, change: object) => ({ ...o, ...change }) };
  const stitchGround = () => ({ links: [], taken: [], nameOf: (vim: string) => vim, newId: () => "new" });
  const known = { owners: ownersOf({}), nets: NOT_LOOKED, stitchGround };
  return new ScaleTurns({ clock: systemClock, lifecycle, occurrences, ...known } as never);
}

test("a scaling that is tried again does not take a net that another NS has by now", async () => {
  const [mine, other] = [deployment("a", ["data0", "data3"]), deployment("b", ["data3"])];
  const again = () => turnsOf(mine, [mine, other]).turn(mine, { vnfs: [] } as never, "to", { state: "PROCESSING" });
  expect(await refusalOf(again)).toMatchObject({ code: "CONFLICT", message: expect.stringMatching(/data3 in use/) });
});

test("an NS is not scaled to where no link leads", async () => {
  const d = deployment("a", ["data0"]);
  const spread = { ...d, vnfcs: d.vnfcs.map((v) => ({ ...v, vimAccountId: "vim2" as never })) };
  const asked = () => turnsOf(spread, [spread]).turn(spread, { vnfs: [] } as never, "to", { state: "PROCESSING" });
  expect(await refusalOf(asked)).toMatchObject({
    code: "NOT_SUPPORTED",
    message: expect.stringMatching(/no link joins the VIMs vim1 and vim2/),
  });
});

test("alarms of what is no more are cleared at the start: the run that took it away was killed before it could", async () => {
  const migrationsDir = join(import.meta.dirname, "..", "..", "sql", "mano");
  const db = await openStore<ManoTables>({ path: ":memory:", migrationsDir });
  const place = (id: string) => (id.startsWith("vim") ? null : ({ nsId: "ns" } as AlarmPlace));
  const book = async (placeOf: (id: string) => AlarmPlace | null) => {
    const writes = new WriteQueue(db, silent, systemClock);
    const opened = await AlarmBook.open(db, new EventStream(writes, systemClock, 0), writes, systemClock);
    opened.placedBy(placeOf);
    return opened;
  };
  const before = await book(place);
  await before.raise("gone", "VNFC_DOWN", ["it is down"]);
  await before.raise("there", "VNFC_DOWN", ["it is down"]);
  await before.raise("vim1", "VIM_UNREACHABLE", ["it does not answer"]);
  const after = await book((id) => (id === "gone" ? null : place(id)));
  after.clearOfGone();
  expect(after.active.map((a) => a.managedObjectId).sort()).toEqual(["there", "vim1"]);
  await db.destroy();
});
