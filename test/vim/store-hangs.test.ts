import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { systemClock as clock } from "../../src/lib/clock.ts";
import { silent as log } from "../../src/lib/log.ts";
import { openStore } from "../../src/store/open.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import { Vim } from "../../src/vim/vim.ts";
import { ArmedRig } from "./armed-rig.ts";
import { until } from "./rig.ts";

/*
 * A store that hangs, as on a disk that does not answer: its write lock is held, by this very thread, for as long as a test likes. Whatever here
 * waited for the store with its thread would wait in vain.
 */
function hanging(path: string): Disposable {
  const holder = new DatabaseSync(path);
  holder.exec("begin immediate");
  return {
    [Symbol.dispose]: () => {
      holder.exec("rollback");
      holder.close();
    },
  };
}

test("who waits for a store that hangs waits, and nobody else; it is told, the VIM says so of itself, and it is over when it answers", async () => {
  const dir = mkdtempSync(join(tmpdir(), "sh-"));
  const path = join(dir, "vim.db");
  const migrationsDir = join(import.meta.dirname, "../../sql/vim");
  const db = await openStore<VimDb>({ path, migrationsDir, busyTimeoutMs: 60_000, silentAfterMs: 500 });
  const told: (string | null)[] = [];
  const vim = await Vim.open({ db, clock, log, vlanRange: { first: 3000, last: 3100 } });
  await vim.events.flush();
  db.onSilence((why) => {
    told.push(why);
    vim.events.storeSilent(why);
  });
  let isMade = false;
  {
    using _ = hanging(path);
    void vim.catalogue.createTenant({ name: "late" }).then(() => {
      isMade = true;
    });
    await until("told", () => told.length > 0);
    expect(told).toEqual([expect.stringMatching(/^it has not answered for 0\.5 s: the disk hangs, or/)]);
    expect(vim.condition.now().store).toEqual({ isWritable: false, why: told[0] });
    await db.dataVersion(); // Who asks whether tokens have changed is not held up.
    expect(isMade).toBe(false);
  }
  await until("it answers", () => isMade && told.at(-1) === null);
  await until("written, and said so", () => vim.condition.now().store.isWritable);
  expect((await db.selectFrom("tenants").select("name").execute()).map((t) => t.name)).toContain("late");
  await vim.events.end();
  await db.destroy();
  rmSync(dir, { recursive: true, force: true });
});

test("a plan fires, and a commanded bind is carried out, while the store hangs; both are on the disk after", async () => {
  await using rig = await ArmedRig.start();
  await rig.vim.protections.arm(rig.armed());
  await rig.vim.picture.settled();
  await rig.vim.events.flush();
  const tap = rig.portOf(rig.b).switchPort!;
  let bound: Promise<unknown>;
  {
    using _ = hanging(join(rig.dir, "vim.db"));
    rig.server(rig.a, "stopped", "processExit");
    await until("confirmed by the switch", () => rig.told().includes("protection.confirmed"));
    expect(await rig.leavesAt("va")).toBe(tap);
    bound = rig.vim.binds.changeBind(rig.nets.traffic1!.id, null);
    await until("carried out", async () => (await rig.leavesAt("vb")) === "drop");
  }
  await bound;
  await rig.close();
  await rig.open();
  expect([rig.boundTo("traffic0"), rig.boundTo("traffic1"), rig.portOf(rig.a).fenced]).toEqual(["data1", undefined, true]);
});
