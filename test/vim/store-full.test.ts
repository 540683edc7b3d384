import { join } from "node:path";
import { sql } from "kysely";
import { expect, test, vi } from "vitest";
import { systemClock as clock } from "../../src/lib/clock.ts";
import { silent as log } from "../../src/lib/log.ts";
import type { VimEvent } from "../../src/model/vim-event.ts";
import { openStore } from "../../src/store/open.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import { Vim } from "../../src/vim/vim.ts";

test("a VIM whose disk is full says so, goes on telling, and writes what waits when there is room", async () => {
  const db = await openStore<VimDb>({ path: ":memory:", migrationsDir: join(import.meta.dirname, "../../sql/vim") });
  const vim = await Vim.open({ db, clock, log, vlanRange: { first: 3000, last: 3099 } });
  const told: VimEvent[] = [];
  vim.events.subscribe((e) => told.push(e));
  const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(db);
  await sql.raw(`pragma max_page_count = ${rows[0]!.page_count}`).execute(db);
  vim.events.push({ type: "opinions.suspended", source: "traffic", why: "x".repeat(100_000) });
  await vim.events.flush();
  expect(told.map((e) => e.type)).toEqual(["opinions.suspended", "store.status"]);
  expect(told[1]).toMatchObject({ status: "notWritable", why: expect.stringMatching(/full/) });
  expect(vim.condition.now()).toMatchObject({
    switch: { datapath: null, isConnected: false, why: null, standIns: [] },
    store: { isWritable: false, why: expect.stringMatching(/full/) },
    suspended: { traffic: expect.any(String) },
  });
  vim.events.push({ type: "opinions.counted", source: "traffic" });

  await sql.raw("pragma max_page_count = 1000000").execute(db);
  await vi.waitFor(
    () => expect(vim.condition.now()).toMatchObject({ store: { isWritable: true, why: null }, suspended: {} }),
    60_000,
  );
  expect((await vim.events.since(0, 10)).map((e) => e.type)).toEqual([
    "opinions.suspended",
    "store.status",
    "opinions.counted",
    "store.status",
  ]);
  await vim.events.end();
  await db.destroy();
});
