import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { Disk } from "./disk.ts";
import { openStore, type Store } from "./open.ts";

interface Things {
  readonly thing: { readonly id: number; readonly name: string };
}

async function withStore(act: (db: Store<Things>) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), "sempre-store-"));
  writeFileSync(join(dir, "0001-things.sql"), "create table thing (id integer primary key, name text not null unique) strict");
  const db = await openStore<Things>({ path: join(dir, "things.db"), migrationsDir: dir });
  try {
    await act(db);
  } finally {
    await db.destroy();
    rmSync(dir, { recursive: true });
  }
}

const add = (db: Pick<Store<Things>, "insertInto">, id: number, name = `t${id}`) =>
  db.insertInto("thing").values({ id, name }).execute();
const ids = async (db: Pick<Store<Things>, "selectFrom">) =>
  (await db.selectFrom("thing").select("id").orderBy("id").execute()).map((t) => t.id);

afterEach(() => void vi.restoreAllMocks());

test("a transaction that only writes is one message to the disk's thread, and its answer is the commit's", () =>
  withStore(async (db) => {
    const run = vi.spyOn(Disk.prototype, "run");
    await db.transaction().execute(async (tx) => {
      await add(tx, 1);
      await add(tx, 2);
      expect(run).not.toHaveBeenCalled();
    });
    expect(run.mock.calls.map(([statements]) => statements.map((s) => s.sql.split(" ")[0]))).toEqual([
      ["begin", "insert", "insert", "commit"],
    ]);
    expect(await ids(db)).toEqual([1, 2]);
  }));

test("what a transaction reads has what it wrote before, in the same message", () =>
  withStore(async (db) => {
    const run = vi.spyOn(Disk.prototype, "run");
    await db.transaction().execute(async (tx) => {
      await add(tx, 1);
      expect(await ids(tx)).toEqual([1]);
      expect(await tx.insertInto("thing").values({ id: 2, name: "t2" }).returning("name").execute()).toEqual([{ name: "t2" }]);
    });
    expect(run).toHaveBeenCalledTimes(3);
  }));

test("a transaction that asks for nothing asks nothing of the disk", () =>
  withStore(async (db) => {
    const run = vi.spyOn(Disk.prototype, "run");
    expect(await db.transaction().execute(async () => "nothing")).toBe("nothing");
    await expect(
      db.transaction().execute(async (tx) => {
        await add(tx, 1);
        throw new Error("not wanted after all");
      }),
    ).rejects.toThrow("not wanted after all");
    expect(run).not.toHaveBeenCalled();
    expect(await ids(db)).toEqual([]);
  }));

test("a refused write fails its transaction, of which nothing stays; what others ask for in the same moment stays", () =>
  withStore(async (db) => {
    await add(db, 1);
    const refused = db.transaction().execute(async (tx) => {
      await add(tx, 2);
      await add(tx, 3, "t1");
      await add(tx, 4);
    });
    const others = [add(db, 5), db.transaction().execute((tx) => add(tx, 6)), add(db, 7)];
    await expect(refused).rejects.toThrow("UNIQUE constraint failed: thing.name");
    await Promise.all(others);
    expect(await ids(db)).toEqual([1, 5, 6, 7]);
  }));

test("who goes on after a refusal commits nothing", () =>
  withStore(async (db) => {
    await add(db, 1);
    const swallowed = db.transaction().execute(async (tx) => {
      await add(tx, 2, "t1");
      await ids(tx).catch(() => {});
      await add(tx, 3);
    });
    await expect(swallowed).rejects.toThrow("UNIQUE constraint failed: thing.name");
    await db.transaction().execute((tx) => add(tx, 4));
    expect(await ids(db)).toEqual([1, 4]);
  }));

test("many writes go in several messages, and stay together all the same", () =>
  withStore(async (db) => {
    const run = vi.spyOn(Disk.prototype, "run");
    const many = (last: string) =>
      db.transaction().execute(async (tx) => {
        for (let id = 1; id <= 100; id++) await add(tx, id);
        await add(tx, 101, last);
      });
    await expect(many("t1")).rejects.toThrow("UNIQUE constraint failed: thing.name");
    expect(await ids(db)).toEqual([]);
    await many("t101");
    expect(await ids(db)).toHaveLength(101);
    expect(Math.max(...run.mock.calls.map(([statements]) => statements.length))).toBeLessThan(50);
  }));
