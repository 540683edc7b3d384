import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Fault } from "../../src/lib/fault.ts";
import { openStore, type Store } from "../../src/store/open.ts";

interface DB {
  meta: { key: string; value: number };
  record: { n: number; text: string };
}

const SCHEMA = `
  create table meta (key text primary key, value integer not null) strict;
  create table record (n integer primary key, text text not null) strict;`;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "sempre-lead-"));
  writeFileSync(join(dir, "0001-first.sql"), SCHEMA);
});
afterEach(() => rmSync(dir, { recursive: true }));

const open = () => openStore<DB>({ path: join(dir, "s.db"), migrationsDir: dir });
const put = (store: Store<DB>, n: number, text: string) => store.insertInto("record").values({ n, text }).execute();
const records = (store: Store<DB>) => store.selectFrom("record").selectAll().orderBy("n").execute();

test("each leader has an epoch above the last one's, over closing and opening", async () => {
  const epochs: number[] = [];
  for (let i = 0; i < 3; i++) {
    await using store = await open();
    epochs.push(await store.takeLead(() => {}));
  }
  expect(epochs).toEqual([1, 2, 3]);
});

test("the one that leads writes; one that reads is not disturbed", async () => {
  await using store = await open();
  await store.takeLead(() => {});
  await put(store, 1, "a");
  await store.updateTable("record").set({ text: "b" }).where("n", "=", 1).execute();
  await using other = await open();
  expect(await records(other)).toEqual([{ n: 1, text: "b" }]);
});

const WRITES: readonly { readonly what: string; write(store: Store<DB>): Promise<unknown> }[] = [
  { what: "an insert", write: (store) => put(store, 2, "stale") },
  { what: "an update", write: (store) => store.updateTable("record").set({ text: "stale" }).execute() },
  { what: "a delete", write: (store) => store.deleteFrom("record").execute() },
  {
    what: "an insert over a row",
    write: (store) =>
      store
        .insertInto("record")
        .values({ n: 1, text: "stale" })
        .onConflict((c) => c.column("n").doUpdateSet({ text: "stale" }))
        .execute(),
  },
  { what: "its epoch, written anew", write: (store) => store.updateTable("meta").set({ value: 9 }).execute() },
];

describe.each(WRITES)("once another has taken the lead, $what", ({ write }) => {
  test("is refused, told, and leaves nothing, alone or in a transaction", async () => {
    await using older = await open();
    const told: Fault[] = [];
    await older.takeLead((why) => told.push(why));
    await put(older, 1, "mine");
    await using newer = await open();
    await newer.takeLead(() => {});

    await expect(write(older)).rejects.toMatchObject({ code: "STALE_EPOCH", about: { epoch: 1 } });
    const within = older.transaction().execute((tx) => write(tx as unknown as Store<DB>));
    await expect(within).rejects.toMatchObject({ code: "STALE_EPOCH" });
    expect(told.map((f) => f.code)).toEqual(["STALE_EPOCH", "STALE_EPOCH"]);
    expect(await records(newer)).toEqual([{ n: 1, text: "mine" }]);
    expect(await newer.selectFrom("meta").selectAll().execute()).toEqual([{ key: "epoch", value: 2 }]);
    await put(newer, 2, "the new leader's");
  });
});
