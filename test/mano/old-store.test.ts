import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, expect, test } from "vitest";
import { migrate } from "../../src/store/database.ts";

const dir = mkdtempSync(join(tmpdir(), "sempre-old-store-"));
afterAll(() => rmSync(dir, { recursive: true }));

/** Migrations as a program had them that knew those up to `last`. */
function upTo(kind: "mano" | "vim", last: string): string {
  const to = join(dir, `${kind}-${last}`);
  const all = sqlOf(kind);
  for (const name of readdirSync(all)) if (name.slice(0, 4) <= last) cpSync(join(all, name), join(to, name));
  return to;
}
const sqlOf = (kind: "mano" | "vim") => join(import.meta.dirname, "../../sql", kind);

test.each(["mano", "vim"] as const)("a %s store of every earlier version is brought to this one", (kind) => {
  const versions = readdirSync(sqlOf(kind)).map((name) => name.slice(0, 4));
  const shape = (db: DatabaseSync) => db.prepare("select sql from sqlite_schema where sql is not null order by sql").all();
  const fresh = new DatabaseSync(":memory:");
  migrate(fresh, sqlOf(kind));
  for (const version of versions) {
    const old = new DatabaseSync(":memory:");
    migrate(old, upTo(kind, version));
    migrate(old, sqlOf(kind));
    expect(shape(old)).toEqual(shape(fresh));
  }
});

test("records of before are the tenant's whose network service they are of, and nobody's where nobody has it", () => {
  const db = new DatabaseSync(":memory:");
  migrate(db, upTo("mano", "0027"));
  db.exec("insert into owner (id, tenant_id) values ('ns-a', 'alpha'), ('ns-b', 'bravo')");
  for (const ns of ["ns-a", "ns-b", "ns-admins"]) {
    const occurrence = JSON.stringify({ isAutomatic: false });
    db.prepare("insert into occurrence (id, ns_id, state, started_at, body) values (?, ?, 'COMPLETED', '2026', ?)").run(
      `o ${ns}`,
      ns,
      occurrence,
    );
    const alarm = JSON.stringify({ place: { nsId: ns } });
    db.prepare(
      "insert into alarm (id, managed_object_id, probable_cause, raised_at, body) values (?, ?, 'MEMBER_DOWN', '2026', ?)",
    ).run(`a ${ns}`, ns, alarm);
    const failover = JSON.stringify({ nsId: ns });
    db.prepare("insert into failover (id, group_id, state, opened_at, body) values (?, 'g', 'closed', '2026', ?)").run(
      `f ${ns}`,
      failover,
    );
  }
  migrate(db, sqlOf("mano"));
  for (const [table, kind] of [
    ["occurrence", "o"],
    ["alarm", "a"],
    ["failover", "f"],
  ]) {
    const owned = db.prepare(`select id, tenant_id as tenant from ${table} order by id`).all();
    expect(owned.map((row) => ({ ...row }))).toEqual([
      { id: `${kind} ns-a`, tenant: "alpha" },
      { id: `${kind} ns-admins`, tenant: null },
      { id: `${kind} ns-b`, tenant: "bravo" },
    ]);
  }
});
