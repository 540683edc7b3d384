import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test } from "vitest";
import { migrate } from "../../src/store/database.ts";
import { openStore } from "../../src/store/open.ts";
import { updateRows } from "../../src/store/update-rows.ts";

interface DB {
  acknowledged: { n: number };
}

const dirs: string[] = [];
const freshDir = () => {
  const dir = mkdtempSync(join(tmpdir(), "sempre-store-"));
  dirs.push(dir);
  writeFileSync(join(dir, "0001-first.sql"), "create table acknowledged (n integer primary key) strict;");
  return dir;
};
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

test("rows come back with their types after closing and opening", async () => {
  const dir = freshDir();
  const at = { path: join(dir, "s.db"), migrationsDir: dir };
  const first = await openStore<DB>(at);
  await first.insertInto("acknowledged").values({ n: 7 }).execute();
  await first.destroy();
  await using again = await openStore<DB>(at);
  expect(await again.selectFrom("acknowledged").selectAll().execute()).toEqual([{ n: 7 }]);
});

test("migrations run once, in order, and a failing one changes nothing", () => {
  const dir = freshDir();
  using db = new DatabaseSync(":memory:");
  expect(migrate(db, dir)).toEqual([1]);
  writeFileSync(join(dir, "0002-second.sql"), "create table second (n integer); insert into nonesuch values (1);");
  expect(() => migrate(db, dir)).toThrow(/nonesuch/);
  expect(db.prepare("select count(*) c from sqlite_master where name = 'second'").get()).toEqual({ c: 0 });
  writeFileSync(join(dir, "0002-second.sql"), "create table second (n integer);");
  expect(migrate(db, dir)).toEqual([2]);
  expect(migrate(db, dir)).toEqual([]);
});

test("what a deleted server left is still known in the VIM's store after its table has got another key", () => {
  const sql = join(import.meta.dirname, "../../sql/vim");
  const old = freshDir();
  for (const name of ["0001-picture.sql", "0002-protections.sql"]) copyFileSync(join(sql, name), join(old, name));
  rmSync(join(old, "0001-first.sql"));
  using db = new DatabaseSync(":memory:");
  migrate(db, old);
  db.exec("insert into leftovers values ('s', 'h', '[\"tap1\"]')");
  migrate(db, sql);
  db.exec("insert into leftovers (server_id, host_id, taps_json) values ('s', 'h2', '[]')");
  const left = db.prepare("select server_id, host_id, taps_json from leftovers order by host_id").all();
  expect(left.map((row) => Object.values(row))).toEqual([
    ["s", "h", '["tap1"]'],
    ["s", "h2", "[]"],
  ]);
});

test("a store of a newer program is refused", async () => {
  const dir = freshDir();
  const at = { path: join(dir, "s.db"), migrationsDir: dir };
  await (await openStore<DB>(at)).destroy();
  using db = new DatabaseSync(at.path);
  db.exec("insert into migration (id) values (9)");
  await expect(openStore<DB>(at)).rejects.toMatchObject({ code: "STORE_NEWER", about: { newest: 9, known: 1 } });
});

test("a transaction that fails in the middle leaves nothing", async () => {
  const dir = freshDir();
  await using store = await openStore<DB>({ path: join(dir, "s.db"), migrationsDir: dir });
  const failing = store.transaction().execute(async (tx) => {
    await tx.insertInto("acknowledged").values({ n: 1 }).execute();
    await tx.insertInto("acknowledged").values({ n: 1 }).execute();
  });
  await expect(failing).rejects.toThrow(/UNIQUE/);
  expect(await store.selectFrom("acknowledged").selectAll().execute()).toEqual([]);
});

/** Writes 1, 2, 3, … and says each number on standard output once the store has acknowledged it. */
const WRITER = `
  const { openStore } = await import(process.argv[1]);
  const store = await openStore({ path: process.argv[2], migrationsDir: process.argv[3] });
  for (let n = Number(process.argv[4]); ; n++) {
    await store.insertInto("acknowledged").values({ n }).execute();
    await new Promise((written) => process.stdout.write(n + "\\n", written));
  }`;

async function lastLineBeforeKill(child: ChildProcess, killAfterMs: number): Promise<number> {
  let last = 0;
  child.stdout!.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = chunk.trim().split("\n");
    if (last === 0) setTimeout(() => child.kill("SIGKILL"), killAfterMs);
    last = Number(lines.at(-1));
  });
  await new Promise((ended) => child.once("close", ended));
  return last;
}

test("kill -9 of a writer loses nothing that was acknowledged", async () => {
  const dir = freshDir();
  const at = { path: join(dir, "s.db"), migrationsDir: dir };
  const open = new URL("../../src/store/open.ts", import.meta.url).href;
  let next = 1;
  for (let round = 0; round < 8; round++) {
    const child = spawn(process.execPath, ["--input-type=module", "-e", WRITER, open, at.path, dir, String(next)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const last = await lastLineBeforeKill(child, 10 + round * 13);
    await using store = await openStore<DB>(at);
    const rows = await store.selectFrom("acknowledged").select("n").orderBy("n").execute();
    expect(rows.length).toBeGreaterThanOrEqual(last);
    expect(rows.map((r) => r.n)).toEqual(rows.map((_, i) => i + 1));
    next = rows.length + 1;
  }
});

interface Rows {
  rows: { id: string; n: number | null; t: string | null; u: string };
}

test("many rows are updated in one statement, with their types; one that is not there stays away", async () => {
  const dir = freshDir();
  writeFileSync(join(dir, "0002-rows.sql"), "create table rows (id text primary key, n integer, t text, u text) strict;");
  await using db = await openStore<Rows>({
    path: join(dir, "s.db"),
    migrationsDir: dir,
  });
  const row = (id: string) => ({ id, n: 1, t: "1", u: "kept" });
  await db
    .insertInto("rows")
    .values([row("a"), row("b"), row("c")])
    .execute();
  await updateRows(db, "rows", []);
  const changed = [
    { id: "a", n: 2, t: '{"quoted": "it\'s"}' },
    { id: "b", n: null, t: null },
    { id: "gone", n: 9, t: "9" },
  ];
  await updateRows(db, "rows", changed);
  expect(await db.selectFrom("rows").selectAll().orderBy("id").execute()).toEqual([
    { id: "a", n: 2, t: '{"quoted": "it\'s"}', u: "kept" },
    { id: "b", n: null, t: null, u: "kept" },
    row("c"),
  ]);
});
