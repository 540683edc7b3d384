import { join } from "node:path";
import { CompiledQuery } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { NS_FAULT_ROUTES, VNF_FAULT_ROUTES } from "../../src/api/sol/fault-management.ts";
import { nsOccurrences, vnfOccurrences } from "../../src/api/sol/lcm-lists.ts";
import { listing } from "../../src/api/sol/list.ts";
import { identified, Members } from "../../src/api/sol/members.ts";
import { NS_OCCURRENCE_LIST, nsOccurrence } from "../../src/api/sol/ns-lcm-view.ts";
import type { SolCall } from "../../src/api/sol/route.ts";
import { VNF_OCCURRENCE_LIST, vnfOccurrence } from "../../src/api/sol/vnf-lcm-view.ts";
import { faultDoors } from "../../src/compose/mano-notify.ts";
import type { Nfvo } from "../../src/mano/nfvo.ts";
import { Scope } from "../../src/mano/scope.ts";
import type { NsId } from "../../src/model/ids.ts";
import type { Alarm } from "../../src/model/mano-event.ts";
import type { Occurrence, VnfPart } from "../../src/model/occurrence.ts";
import { readOccurrences, upsertOccurrence } from "../../src/store/mano-occurrences.ts";
import { insertOwner } from "../../src/store/mano-owners.ts";
import { readAlarmsAsked, readFailovers, upsertAlarm } from "../../src/store/mano-records.ts";
import type { ManoStore, ManoTables } from "../../src/store/mano-schema.ts";
import { openStore, type Store } from "../../src/store/open.ts";

const migrationsDir = join(import.meta.dirname, "..", "..", "sql", "mano");
const COUNT = 130;
const STATES = ["COMPLETED", "FAILED", "FAILED_TEMP", "ROLLED_BACK"] as const;

let db: Store<ManoTables>;
let occurrences: Occurrence[];
let alarms: Alarm[];
beforeAll(async () => {
  db = await openStore<ManoTables>({ path: ":memory:", migrationsDir });
  occurrences = Array.from({ length: COUNT }, (_, i) => occurrenceOf(i)).sort((a, b) =>
    newestFirst(a.startedAt, a, b.startedAt, b),
  );
  alarms = Array.from({ length: COUNT }, (_, i) => alarmOf(i)).sort((a, b) => newestFirst(a.raisedAt, a, b.raisedAt, b));
  for (const o of occurrences.toReversed()) await upsertOccurrence(db, o);
  for (const a of alarms) await upsertAlarm(db, a);
});
afterAll(() => db.destroy());

/** Three of each moment, so that the ids decide. */
const momentOf = (i: number): string => new Date(1_760_000_000_000 + Math.floor(i / 3) * 1_000).toISOString();

function newestFirst(atA: string, a: { id: string }, atB: string, b: { id: string }): number {
  return atA === atB ? (a.id > b.id ? -1 : 1) : atA > atB ? -1 : 1;
}

const partOf = (i: number, n: number): VnfPart => ({
  id: `part-${i}-${n}`,
  vnfId: `vnf-${n}`,
  vnfName: `v${n}`,
  vnfdId: "d",
  profile: "p",
  operation: "HEAL",
  vnfcs: [],
});

const occurrenceOf = (i: number): Occurrence => ({
  id: `o-${(i * 7919) % COUNT}`,
  nsId: `ns-${i % 5}` as NsId,
  operation: "HEAL",
  state: STATES[i % STATES.length]!,
  startedAt: momentOf(i),
  stateEnteredAt: momentOf(i),
  isAutomatic: true,
  cancelMode: null,
  params: {},
  error: null,
  warnings: [],
  vnfs: Array.from({ length: i % 4 }, (_, n) => partOf(i, n)),
});

const alarmOf = (i: number): Alarm => ({
  id: `a-${(i * 7919) % COUNT}`,
  managedObjectId: `thing-${i}`,
  raisedAt: momentOf(i),
  changedAt: null,
  clearedAt: i % 3 === 0 ? null : momentOf(i + 1),
  ackState: i % 2 === 0 ? "ACKNOWLEDGED" : "UNACKNOWLEDGED",
  perceivedSeverity: i % 3 === 0 ? "MAJOR" : "CLEARED",
  eventType: "QOS_ALARM",
  probableCause: i % 5 === 0 ? "SERVICE_DOWN" : "VNFC_DOWN",
  isRootCause: true,
  faultDetails: [],
  ...(i % 4 !== 0 && {
    place: {
      nsId: "ns-1" as NsId,
      nsName: "ns",
      nsdIds: [],
      vnfdIds: [],
      vnf: i % 4 === 1 ? { id: "vnf-1", name: "v1", vnfdId: "d" } : null,
      vnfcIds: [],
    },
  }),
});

/** All pages, and how many rows were read for the longest of them. */
async function walked(all: Members, filter: string | undefined, rules: Parameters<typeof listing>[2], size: number) {
  const found: object[] = [];
  let query: Record<string, unknown> = { all_fields: "", ...(filter !== undefined && { filter }) };
  for (;;) {
    const { items, next } = await listing(all, query, rules, size);
    expect(items.length).toBeLessThanOrEqual(size);
    found.push(...items);
    if (next === null) return found;
    expect(items).toHaveLength(size);
    query = Object.fromEntries(new URLSearchParams(next));
  }
}

/** In this order. */
const inMemory = (all: readonly (object & { id: string })[]) =>
  identified(
    all.map((one, i) => ({ id: one.id, createdAt: momentOf(3 * i), one })),
    ({ one }) => one,
  );

const whole = async (
  all: readonly (object & { id: string })[],
  filter: string | undefined,
  rules: Parameters<typeof listing>[2],
) => (await listing(inMemory(all), { all_fields: "", ...(filter !== undefined && { filter }) }, rules, COUNT * 4)).items;

const FILTERS = [
  undefined,
  "(eq,operationState,FAILED)",
  "(in,operationState,FAILED,COMPLETED);(neq,lcmOperationType,SCALE)",
  `(gt,startTime,${momentOf(90)});(lte,startTime,${momentOf(150)})`,
  `(eq,startTime,${momentOf(90)})`,
  "(cont,id,7)",
  "(eq,id,nobody)",
] as const;

test.for(FILTERS)("operations of an NS, filter %s: a part at a time is the same as all at once", async (filter) => {
  const parts = nsOccurrences((asked) => readOccurrences(db, asked));
  const filters = filter === undefined ? [filter, "(eq,nsInstanceId,ns-3)", "(eq,id,o-17)"] : [filter];
  for (const one of filters)
    for (const size of [3, 100])
      expect(await walked(parts, one, NS_OCCURRENCE_LIST, size)).toEqual(
        await whole(occurrences.map(nsOccurrence), one, NS_OCCURRENCE_LIST),
      );
});

test.for([...FILTERS.filter((f) => f !== "(in,operationState,FAILED,COMPLETED);(neq,lcmOperationType,SCALE)")])(
  "operations of a VNF, filter %s: each VNF's part of each, in order",
  async (filter) => {
    const parts = vnfOccurrences((asked) => readOccurrences(db, asked));
    const shown = occurrences.flatMap((o) => o.vnfs.map((p) => vnfOccurrence(o, p)));
    const filters = filter === undefined ? [filter, "(eq,vnfInstanceId,vnf-2)", "(eq,id,part-7-1)"] : [filter];
    for (const one of filters)
      for (const size of [3, 100])
        expect(await walked(parts, one, VNF_OCCURRENCE_LIST, size)).toEqual(await whole(shown, one, VNF_OCCURRENCE_LIST));
  },
);

test.for([
  undefined,
  "(eq,perceivedSeverity,MAJOR)",
  "(eq,ackState,ACKNOWLEDGED);(in,probableCause,SERVICE_DOWN)",
  `(gte,alarmRaisedTime,${momentOf(60)})`,
  "(eq,faultType,SERVICE_DOWN)",
  "(eq,managedObjectId,ns-1)",
] as const)("alarms, filter %s: the same in parts, of an NS and of a VNF", async (filter) => {
  for (const routes of [NS_FAULT_ROUTES, VNF_FAULT_ROUTES]) {
    const { does, lists } = routes.find((r) => r.lists)!;
    const doors = { listAlarms: (asked: Parameters<typeof readAlarmsAsked>[1]) => readAlarmsAsked(db, asked) };
    const parts = does({ doors } as unknown as SolCall<never>) as Members;
    const all = (await walked(parts, undefined, lists!, 1_000)) as { id: string }[];
    expect(all).toHaveLength(routes === NS_FAULT_ROUTES ? COUNT : alarms.filter((a) => a.place?.vnf != null).length);
    for (const size of [9, 100]) expect(await walked(parts, filter, lists!, size)).toEqual(await whole(all, filter, lists!));
  }
});

test("a page of a long list reads no more rows than it needs, and goes on where rows were added and taken away", async () => {
  const limits: number[] = [];
  const parts = nsOccurrences(async (asked) => {
    limits.push(asked.limit);
    return readOccurrences(db, asked);
  });
  const first = await listing(parts, {}, NS_OCCURRENCE_LIST, 10);
  expect(limits).toEqual([11]);
  const last = first.items.at(-1) as { id: string };
  await db.deleteFrom("occurrence").where("id", "=", last.id).execute();
  const newer = { ...occurrenceOf(0), id: "newer", startedAt: momentOf(COUNT * 3) };
  await upsertOccurrence(db, newer);
  const second = await listing(parts, Object.fromEntries(new URLSearchParams(first.next!)), NS_OCCURRENCE_LIST, 10);
  expect(second.items).toEqual(
    (await whole(occurrences.slice(10, 20).map(nsOccurrence), undefined, NS_OCCURRENCE_LIST)).map((o) =>
      expect.objectContaining({ id: (o as { id: string }).id }),
    ),
  );
  await db.deleteFrom("occurrence").where("id", "=", "newer").execute();
  await upsertOccurrence(db, occurrences.find((o) => o.id === last.id)!);
});

test("of what is in memory only a page is shown; a marker of another list is none", async () => {
  const shown: string[] = [];
  const all = identified(thingsOf(Array.from({ length: 1_000 }, (_, i) => `m${i}`)), ({ id }) => {
    shown.push(id);
    return { id };
  });
  const first = await listing(all, {}, RULES, 5);
  expect(idsOf(first.items)).toEqual(["m0", "m1", "m2", "m3", "m4"]);
  expect(shown.length).toBeLessThanOrEqual(6);
  const ofNobody = vnfOccurrences(async () => []);
  for (const marker of [new URLSearchParams(first.next!).get("nextpage_opaque_marker")!, "", "x", "e30", base64("[3,1,2]")])
    await expect(listing(ofNobody, { nextpage_opaque_marker: marker }, VNF_OCCURRENCE_LIST, 5)).rejects.toThrow(/none of ours/);
});

test.for([
  ["the first are gone", [2, 3, 4, 5, 6]],
  ["the last of the page and those before it are gone", [4, 5, 6]],
  ["all but the last are gone", [6]],
  ["all are gone", []],
] as const)("what is deleted between two pages hides nothing: %s", async ([, left]) => {
  const things = thingsOf(Array.from({ length: 7 }, (_, i) => `m${i}`));
  const first = await listing(identified(things, show), {}, RULES, 4);
  const query = Object.fromEntries(new URLSearchParams(first.next!));
  const second = await listing(
    identified(
      left.map((i) => things[i]!),
      show,
    ),
    query,
    RULES,
    4,
  );
  expect(idsOf(second.items)).toEqual(left.filter((i) => i > 3).map((i) => `m${i}`));
  expect(second.next).toBeNull();
});

test("in memory: every member is on one page, whatever the size, those of one moment too", async () => {
  const ids = Array.from({ length: 7 }, (_, i) => `m${i}`);
  const all = identified(
    ids.toReversed().map((id) => ({ id, createdAt: momentOf(0) })),
    show,
  );
  for (const size of [1, 2, 3, 7, 8]) expect(idsOf(await walked(all, undefined, RULES, size))).toEqual(ids);
});

test("who filters for little is given what was found in some thousand rows, and where to go on", async () => {
  const limits: number[] = [];
  const all = new Members(["number"], async (after, limit) => {
    limits.push(limit);
    const from = after === null ? 0 : (after[0] as number);
    const keys = Array.from({ length: Math.min(limit, 15_000 - from) }, (_, i) => from + i + 1);
    const members = keys.map((n) => ({ key: [n], show: () => ({ id: n === 12_000 ? "wanted" : "another" }) }));
    return { members, next: members.length < limit ? null : members.at(-1)!.key };
  });
  const first = await listing(all, { filter: "(eq,id,wanted)" }, RULES, 5);
  expect(first.items).toEqual([]);
  expect(limits.reduce((sum, n) => sum + n, 0)).toBe(10_000);
  const second = await listing(all, Object.fromEntries(new URLSearchParams(first.next!)), RULES, 5);
  expect(second).toEqual({ items: [{ id: "wanted" }], next: null });
});

test("a filter's list of any length makes the same statement; a page of alarms is not sorted", async () => {
  const asked: CompiledQuery[] = [];
  const seen = db.withPlugin({
    transformQuery: ({ node, queryId }) => {
      asked.push(db.getExecutor().compileQuery(node, queryId));
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  const behind = { raisedAt: momentOf(60), id: "a-1" };
  for (const n of [1, 2, 500]) {
    const list = Array.from({ length: n }, (_, i) => `a-${i}`);
    const ofAlarms = { behind, limit: 5, ids: list, causes: list, severities: list, ackStates: list };
    await readAlarmsAsked(seen, ofAlarms);
    const ofOperations = { behind: null, limit: 5, ids: list, nsIds: list, states: list, vnfIds: list, partIds: list };
    await readOccurrences(seen, ofOperations);
  }
  const whole = asked.map((q) => q.sql).filter((text) => text.startsWith('select "body"')); // Without what stands in them.
  expect(new Set(whole).size).toBe(2);
  asked.length = 0;
  await readAlarmsAsked(seen, { behind, limit: 5, ofVnf: true, severities: ["MAJOR"] });
  const { sql, parameters } = asked[0]!;
  const { rows } = await db.executeQuery<{ detail: string }>(CompiledQuery.raw(`explain query plan ${sql}`, [...parameters]));
  expect(rows[0]!.detail).toMatch(/^SEARCH alarm USING INDEX alarm_by_place/);
  expect(rows.map((r) => r.detail).join()).not.toContain("TEMP B-TREE");
});

test("a tenant's pages are of its own records, and read past nobody else's", async () => {
  const tenant = "gold";
  await insertOwner(db, "ns-late", tenant);
  const own = Array.from({ length: 4 }, (_, i) => ({ ...occurrenceOf(i), id: `own-${i}`, nsId: "ns-late" as NsId, vnfs: [] }));
  const ownAlarms = own.map((o, i) => ({ ...alarmOf(i), id: o.id, managedObjectId: o.id, place: { nsId: o.nsId } }) as Alarm);
  const asked: CompiledQuery[] = [];
  const seen = db.withPlugin({
    transformQuery: ({ node, queryId }) => {
      asked.push(db.getExecutor().compileQuery(node, queryId));
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  try {
    for (const o of own) await upsertOccurrence(db, o);
    for (const a of ownAlarms) await upsertAlarm(db, a);
    const ids = (rows: readonly { readonly id: string }[]) => rows.map((r) => r.id).sort();
    const page = await readOccurrences(seen, { behind: null, limit: 3, tenant });
    const { startedAt, id } = page.at(-1)!;
    const rest = await readOccurrences(seen, { behind: { startedAt, id, isIncluded: false }, limit: 3, tenant });
    expect([page.length, ids([...page, ...rest])]).toEqual([3, ids(own)]);
    expect(ids(await readAlarmsAsked(seen, { behind: null, limit: 10, tenant }))).toEqual(ids(own));
    expect(await readAlarmsAsked(seen, { behind: null, limit: 10, tenant: "another" })).toEqual([]);
    await readFailovers(seen, 10, tenant);
    for (const { sql, parameters } of asked) {
      const { rows } = await db.executeQuery<{ detail: string }>(CompiledQuery.raw(`explain query plan ${sql}`, [...parameters]));
      expect(rows.map((r) => r.detail)).toEqual([expect.stringMatching(/^SEARCH \w+ USING INDEX \w+_by_tenant \(tenant_id=\?/)]);
    }
  } finally {
    for (const { id } of own) {
      await db.deleteFrom("occurrence").where("id", "=", id).execute();
      await db.deleteFrom("alarm").where("id", "=", id).execute();
    }
  }
});

test.for([1, 2])("an active alarm that is written during a listing, behind its read number %i, is in it once", async (at) => {
  const alarm = { ...alarmOf(0), id: "late", managedObjectId: "late", raisedAt: momentOf(COUNT * 3) };
  let reads = 0;
  let writing: Promise<void> | null = null;
  const meanwhile = db.withPlugin({
    transformQuery: ({ node }) => node,
    transformResult: async ({ result }) => {
      if (++reads === at) writing = upsertAlarm(db, alarm); // In the row for the one connection, before the next read.
      return result;
    },
  });
  const writes = { flush: async () => {}, isWaiting: true };
  const nfvo = { writes, alarms: { active: [alarm] } } as unknown as Nfvo;
  const doors = faultDoors(nfvo, meanwhile as ManoStore, new Scope(nfvo, null));
  try {
    const page = await doors.listAlarms({ behind: null, limit: 3 });
    expect(page.map((a) => a.id)).toEqual(["late", ...alarms.slice(0, 2).map((a) => a.id)]);
    expect(reads).toBe(2);
  } finally {
    await writing;
    await db.deleteFrom("alarm").where("id", "=", alarm.id).execute();
  }
});

const RULES = { always: ["id"], complex: [], byDefaultLeftOut: [] };
const thingsOf = (ids: readonly string[]) => ids.map((id, i) => ({ id, createdAt: momentOf(3 * i) }));
const show = ({ id }: { readonly id: string }) => ({ id });
const idsOf = (items: readonly object[]) => items.map((i) => (i as { id: string }).id);
const base64 = (text: string) => Buffer.from(text).toString("base64url");
