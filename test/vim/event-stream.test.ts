import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listenHttp } from "../../src/api/http.ts";
import { serveOpenvim } from "../../src/api/openvim/serve.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { openStore } from "../../src/store/open.ts";
import type { VimStore } from "../../src/store/vim-picture.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import { Vim } from "../../src/vim/vim.ts";
import { client, nowMs, subscribe, until } from "./rig.ts";

let store: VimStore;
let vim: Vim;
let app: ReturnType<typeof serveOpenvim>;
let port: number;
const tell = (why: string) => vim.events.push({ type: "host.status", hostId: "h" as never, status: "unreachable", why });

beforeAll(async () => {
  store = await openStore<VimDb>({ path: ":memory:", migrationsDir: join(import.meta.dirname, "../../sql/vim") });
  vim = await Vim.open({ db: store, clock: systemClock, log: silent, vlanRange: { first: 3000, last: 3010 } });
  app = serveOpenvim(vim, false, { clock: systemClock, log: silent });
  port = await listenHttp(app, { host: "127.0.0.1", port: 0, setting: "x" });
});
afterAll(async () => {
  await app.close();
  await vim.events.flush();
  await store.destroy();
});

test("a subscriber that comes late hears everything once and in order, also what happens while it catches up", async () => {
  for (let i = 0; i < 2_500; i++) tell(`early ${i}`);
  const heard = await subscribe(port, 0);
  for (let i = 0; i < 500; i++) tell(`late ${i}`);
  await until("all events", () => heard.events.length >= 3_000);
  await sleep(50);
  expect(heard.events.map((e) => e.seq)).toEqual(Array.from({ length: 3_000 }, (_, i) => i + 1));
  heard.close();
});

test("without since only what comes is heard, and within a millisecond or so", async () => {
  const heard = await subscribe(port);
  const lags: number[] = [];
  for (let i = 0; i < 200; i++) {
    const at = nowMs();
    tell("now");
    await until("it", () => heard.events.length > i);
    lags.push(heard.events[i]!.heardAt - at);
  }
  lags.sort((a, b) => a - b);
  console.log(`event to a subscriber in the same process: p50 ${lags[100]!.toFixed(2)} p99 ${lags[198]!.toFixed(2)} ms`);
  heard.close();
});

test("JSON for those who do not stream", async () => {
  const { body } = await client(port)("GET", `/events?since=${vim.events.lastSeq - 2}`);
  expect(body.events.map((e: { seq: number }) => e.seq)).toEqual([vim.events.lastSeq - 1, vim.events.lastSeq]);
});

test("a subscriber that does not read is cut and others are served on", async () => {
  const good = await subscribe(port);
  const req = request({ port, path: "/openvim/events", headers: { accept: "text/event-stream" } });
  req.end();
  req.on("error", () => {});
  const [theirs] = (await once(app.server, "connection")) as [Socket];
  const [reply] = (await once(req, "response")) as [IncomingMessage];
  reply.pause().on("error", () => {});
  const long = "x".repeat(10_000);
  for (let i = 0; i < 2_000; i++) {
    tell(long);
    if (i % 20 === 0) await sleep(1);
  }
  await until("the cut", () => theirs.destroyed);
  req.destroy();
  await until("the others", () => good.events.length >= 2_000);
  expect(good.events).toHaveLength(2_000);
  good.close();
});

test("numbers grow over a restart, and leave out what may have been told and not written", async () => {
  await vim.events.flush();
  const again = await Vim.open({ db: store, clock: systemClock, log: silent, vlanRange: { first: 3000, last: 3010 } });
  expect(again.events.lastSeq).toBe(vim.events.lastSeq + 100_000);
});
