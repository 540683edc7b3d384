import { join } from "node:path";
import type { Kysely } from "kysely";
import { describe, expect, test } from "vitest";
import type { Clock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { Retention } from "../../src/mano/retention.ts";
import type { ManoTables } from "../../src/store/mano-schema.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import { deleteRecords, type LookedThrough, type RecordPlace } from "../../src/store/retention.ts";

const migrationsDir = join(import.meta.dirname, "..", "..", "sql", "mano");
const NOW_MS = Date.UTC(2026, 10, 26);
const clock: Clock = { now: () => NOW_MS, wall: () => new Date(NOW_MS), sleep: async () => {} };
const ago = (days: number): string => new Date(NOW_MS - days * 86_400_000).toISOString();
const never = new AbortController().signal;

async function store(): Promise<Store<ManoTables>> {
  return openStore<ManoTables>({ path: ":memory:", migrationsDir });
}

const pass = (db: Store<ManoTables>, days: number, records: number) =>
  new Retention({ db, clock, log: silent, keeping: { days, records } }).pass(never);

const idsOf = async (db: Store<ManoTables>, table: "occurrence" | "failover" | "incident" | "alarm" | "protection_command") =>
  (await db.selectFrom(table).select("id").execute()).map((r) => r.id).sort();

/** Begun so many days ago, and in its state since `ended` days. */
const occurrence = (db: Kysely<ManoTables>, id: string, state: string, days: number, ended = days) =>
  db
    .insertInto("occurrence")
    .values({
      id,
      ns_id: id,
      state,
      started_at: ago(days),
      body: JSON.stringify({ id, state, isAutomatic: true, stateEnteredAt: ago(ended) }),
    })
    .execute();

const failover = (db: Store<ManoTables>, id: string, state: string, days: number, group = "gone", closed = days) =>
  db
    .insertInto("failover")
    .values({
      id,
      group_id: group,
      state,
      opened_at: ago(days),
      closed_at: state === "closed" ? ago(closed) : null,
      body: JSON.stringify({ id }),
    })
    .execute();

const incident = (db: Store<ManoTables>, id: string, state: string, days: number, more: object = {}) =>
  db
    .insertInto("incident")
    .values({ id, state, opened_at: ago(days), body: JSON.stringify({ id, alarmId: null, failovers: [], ...more }) })
    .execute();

const alarm = (db: Store<ManoTables>, id: string, cleared: number | null, correlatedAlarmIds?: string[]) =>
  db
    .insertInto("alarm")
    .values({
      id,
      managed_object_id: id,
      probable_cause: "VNFC_DOWN",
      raised_at: ago(900),
      cleared_at: cleared === null ? null : ago(cleared),
      body: JSON.stringify({ id, correlatedAlarmIds }),
    })
    .execute();

test("what is over goes by its age, with what is of it; what is open stays however old it is", async () => {
  await using db = await opened();
  for (const state of ["COMPLETED", "FAILED", "ROLLED_BACK", "PROCESSING", "FAILED_TEMP", "ROLLING_BACK"])
    await occurrence(db, `old-${state}`, state, 40);
  await occurrence(db, "young", "COMPLETED", 20);
  await db.insertInto("vnf_occurrence").values({ id: "part", vnf_id: "v", occurrence_id: "old-COMPLETED" }).execute();
  await failover(db, "old", "closed", 40);
  await failover(db, "stuck", "stuck", 40);
  await failover(db, "open", "open", 40);
  await failover(db, "young", "closed", 20);
  await alarm(db, "active", null);
  await alarm(db, "long-over", 40);
  await alarm(db, "just-over", 1);
  const command = {
    group_id: "g",
    kind: "lockout",
    target: null,
    traffic_nets: null,
    given_by: "me",
    given_at: ago(90),
  } as const;
  await db
    .insertInto("protection_command")
    .values({ ...command, id: "ended", ended_at: ago(40), ended_because: "x" })
    .execute();
  await db
    .insertInto("protection_command")
    .values({ ...command, id: "in-place", ended_at: null, ended_because: null })
    .execute();
  expect(await pass(db, 30, 1_000)).toBe(6);
  expect(await idsOf(db, "occurrence")).toEqual(["old-FAILED_TEMP", "old-PROCESSING", "old-ROLLING_BACK", "young"]);
  expect(await db.selectFrom("vnf_occurrence").selectAll().execute()).toEqual([]);
  expect(await idsOf(db, "failover")).toEqual(["open", "stuck", "young"]);
  expect(await idsOf(db, "alarm")).toEqual(["active", "just-over"]);
  expect(await idsOf(db, "protection_command")).toEqual(["in-place"]);
  expect(await pass(db, 30, 1_000)).toBe(0);
});

test("what lasted for long stays for as long after its end as anything else", async () => {
  await using db = await opened();
  await occurrence(db, "given-up-today", "FAILED", 400, 0);
  await occurrence(db, "given-up-long-ago", "FAILED", 400, 40);
  await failover(db, "healed-today", "closed", 400, "gone", 0);
  await failover(db, "healed-long-ago", "closed", 400, "gone", 40);
  await incident(db, "over-today", "closed", 400, { closedAt: ago(0) });
  await incident(db, "over-long-ago", "closed", 400, { closedAt: ago(40) });
  expect(await pass(db, 30, 1_000)).toBe(3);
  expect(await idsOf(db, "occurrence")).toEqual(["given-up-today"]);
  expect(await idsOf(db, "failover")).toEqual(["healed-today"]);
  expect(await idsOf(db, "incident")).toEqual(["over-today"]);
});

test("each step looks at few records, also where all of them stay, and comes to those behind them", async () => {
  await using db = await opened();
  const before = ago(30);
  for (let n = 0; n < 25; n++) await failover(db, `stuck-${n}`, "stuck", 60);
  for (let n = 0; n < 5; n++) await failover(db, `over-${n}`, "closed", 50);
  const gone: number[] = [];
  for (let behind: RecordPlace | null = null; gone.length < 10; ) {
    const looked: LookedThrough = await deleteRecords(db, "failovers", before, 10, behind);
    gone.push(looked.gone);
    behind = looked.to;
    if (behind === null) break;
  }
  expect(gone.slice(0, 3)).toEqual([0, 0, 5]);
  expect((await idsOf(db, "failover")).every((id) => id.startsWith("stuck"))).toBe(true);
});

test("of each kind the newest stay, in however many steps the others go", async () => {
  await using db = await opened();
  const COUNT = 350;
  await db.transaction().execute(async (tx) => {
    for (let n = 0; n < COUNT; n++) await occurrence(tx, `o-${n}`, "COMPLETED", n / 1_000);
  });
  expect(await pass(db, 30, 100)).toBe(COUNT - 100);
  const left = await idsOf(db, "occurrence");
  expect(left).toEqual(Array.from({ length: 100 }, (_, n) => `o-${n}`).sort());
});

test("what something open needs stays: the cause of an active alarm, what an open incident is of, the last failovers of a group that there is", async () => {
  await using db = await opened();
  await alarm(db, "root", 40);
  await alarm(db, "explained", null, ["root"]);
  await alarm(db, "of-incident", 40);
  await alarm(db, "free", 40);
  await failover(db, "of-incident", "closed", 40);
  await failover(db, "free", "closed", 40);
  await incident(db, "open", "open", 40, { alarmId: "of-incident", failovers: ["of-incident"] });
  await incident(db, "over", "closed", 40, { failovers: ["free"] });
  await db
    .insertInto("vim_account")
    .values({ id: "v", name: "v", url: "u", admin_url: "u", tenant: "t", access_json: null, cursor: null, created_at: ago(90) })
    .execute();
  await db
    .insertInto("descriptor")
    .values({ id: "d", kind: "nsd", ref: "d", version: "1", name: "d", vnfd_id: null, body: "{}", created_at: ago(90) })
    .execute();
  const ns = { id: "ns", name: "ns", description: "", nsd_id: "d", vim_account_id: "v", vim_accounts: "{}", detail: null };
  await db
    .insertInto("ns")
    .values({ ...ns, state: "INSTANTIATED", created_at: ago(90), modified_at: ago(90) })
    .execute();
  await db.insertInto("protection_group").values({ id: "g", ns_id: "ns", body: "{}" }).execute();
  for (let n = 0; n < 205; n++) await failover(db, `g-${n}`, "closed", 400 - n, "g");
  await pass(db, 30, 1_000);
  expect(await idsOf(db, "alarm")).toEqual(["explained", "of-incident", "root"]);
  expect(await idsOf(db, "incident")).toEqual(["open"]); // The failover of the other went first, so it could.
  const left = await idsOf(db, "failover");
  expect(left).toContain("of-incident");
  expect(left).not.toContain("free");
  expect(left.filter((id) => id.startsWith("g-"))).toHaveLength(200);
  for (let n = 0; n < 5; n++) expect(left).not.toContain(`g-${n}`);
});

async function opened() {
  const db = await store();
  return Object.assign(db, { [Symbol.asyncDispose]: () => db.destroy() });
}

describe("a wall clock that is wrong", () => {
  const DAY_MS = 86_400_000;
  /** A machine that runs since 1000 days by its own count; `setBy`: so many days its wall clock is wrong. */
  class Machine implements Clock {
    days = 1_000;
    setBy = 0;
    now = () => this.days * DAY_MS;
    wall = () => new Date(NOW_MS + (this.days - 1_000 + this.setBy) * DAY_MS);
    sleep = async () => {};
  }
  const machine = new Machine();
  const GIVEN = { group_id: "g", kind: "clear", target: null, traffic_nets: null, given_by: "me", ended_because: "x" };
  const starting = (db: Store<ManoTables>) =>
    new Retention({ db, clock: machine, log: silent, keeping: { days: 30, records: 1_000 } });
  const ids = (db: Store<ManoTables>) => idsOf(db, "protection_command");
  const command = (db: Store<ManoTables>, id: string) =>
    db
      .insertInto("protection_command")
      .values({ ...GIVEN, id, given_at: machine.wall().toISOString(), ended_at: machine.wall().toISOString() })
      .execute();
  /** It runs on, with a pass each day. */
  const runs = async (retention: Retention, days: number) => {
    for (let i = 0; i < days; i++) {
      machine.days++;
      await retention.pass(never);
    }
  };

  test.for([
    ["a year ahead", 365],
    ["a year behind", -365],
  ] as const)(
    "%s, for a day and over a restart: nothing goes before its time, and all that is due goes after it",
    async ([, off]) => {
      Object.assign(machine, { days: 1_000, setBy: 0 });
      await using db = await opened();
      const first = starting(db);
      await first.pass(never);
      await command(db, "before");
      await runs(first, 10);
      machine.setBy = off;
      await first.pass(never);
      await command(db, "meanwhile");
      await runs(first, 1);
      const again = starting(db);
      await again.pass(never);
      expect(await ids(db)).toEqual(["before", "meanwhile"]);
      machine.setBy = 0;
      await runs(again, 10);
      await command(db, "after");
      expect(await ids(db)).toEqual(["after", "before", "meanwhile"]);
      await runs(again, 8);
      expect(await ids(db)).toEqual(["after", "before", "meanwhile"]);
      // What was stamped a year ahead is due in a year; what was stamped behind keeps the others until its own time is over.
      await runs(again, 25);
      expect(await ids(db)).toEqual(off > 0 ? ["meanwhile"] : []);
    },
  );

  test("set ahead while it did not run, and for good: what is due by the time that it has run goes, as it has run so long", async () => {
    Object.assign(machine, { days: 1_000, setBy: 0 });
    await using db = await opened();
    await starting(db).pass(never);
    await command(db, "before");
    machine.setBy = 365;
    const again = starting(db);
    await runs(again, 29);
    expect(await ids(db)).toEqual(["before"]);
    await runs(again, 3);
    expect(await ids(db)).toEqual([]);
  });
});
