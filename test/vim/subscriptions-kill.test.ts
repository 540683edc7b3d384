import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, test } from "vitest";
import { Receiver } from "../harness/receiver.ts";
import { client, until } from "./rig.ts";

// The VIM's journal, subscriptions and API in a process of their own, so that it can be killed. It tells an event every millisecond.
const PROGRAM = `
  const src = process.argv[1];
  const [{ listenHttp }, { serveOpenvim }, { systemClock }, { makeLog }, { Seal }, { openStore }, { Vim }] = await Promise.all(
    ["api/http.ts", "api/openvim/serve.ts", "lib/clock.ts", "lib/log.ts", "lib/seal.ts", "store/open.ts", "vim/vim.ts"].map((f) => import(src + f)));
  const path = process.argv[2];
  const db = await openStore({ path, migrationsDir: new URL("../sql/vim", src).pathname });
  const log = makeLog("vim");
  const vim = await Vim.open({ db, clock: systemClock, log, vlanRange: { first: 3000, last: 3010 }, seal: Seal.open(path + ".key") });
  vim.events.push({ type: "vim.started", version: "test" });
  vim.subscriptions.start();
  const app = serveOpenvim(vim, true, { clock: systemClock, log });
  console.log(await listenHttp(app, { host: "127.0.0.1", port: 0, setting: "x" }));
  let n = 0;
  setInterval(() => vim.events.push({ type: "host.status", hostId: "h", status: "up", why: String(n++) }), 1);`;

const dir = mkdtempSync(join(tmpdir(), "sempre-subs-"));
afterAll(() => rmSync(dir, { recursive: true }));
let log = "";

async function start(store: string): Promise<{ process: ChildProcess; port: number }> {
  const src = new URL("../../src/", import.meta.url).href;
  const child = spawn(process.execPath, ["--input-type=module", "-e", PROGRAM, src, store], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stderr.on("data", (chunk) => (log += chunk));
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return { process: child, port: Number(line) };
}

async function kill({ process: child }: { process: ChildProcess }): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

const gapsIn = (seqs: readonly number[]) => seqs.filter((seq, i) => i > 0 && seq !== seqs[i - 1]! + 1);

/** How far the subscriber came, as the store has it. */
function notedIn(store: string): number {
  using db = new DatabaseSync(store, { readOnly: true });
  return (db.prepare("select cursor from subscriptions").get() as { cursor: number }).cursor;
}

test("killed again and again, also between a delivery and the note of it: nothing that was written is lost, and nothing that was noted comes twice", async () => {
  const store = join(dir, "vim.db");
  await using receiver = await Receiver.start();
  const authentication = { authType: "BEARER", paramsBearer: { token: "a-Secret-of-the-receiver" } };
  let vim = await start(store);
  // All that this program tells, so that a number which is missing is an event that is missing: the record of this very request is told while others are.
  const filter = { event_types: ["vim.started", "host.status", "store.status", "api.changed"] };
  const made = await client(vim.port)("POST", "/subscriptions", {
    subscription: { callback: receiver.url, authentication, filter },
  });
  expect(made.status).toBe(200);
  let [repeats, noted] = [0, 0];
  for (let run = 0; run < 4; run++) {
    await until("some", () => receiver.events.length > (run + 1) * 150);
    await until("it is noted how far it came", () => notedIn(store) > noted);
    // At once when a notification arrives: it is accepted, and nobody is left to note it.
    const running = vim;
    const killed = new Promise<void>((done) => {
      receiver.onNotification = () => {
        receiver.onNotification = () => {};
        if (run % 2 === 0) void kill(running).then(done);
        else
          void sleep(run * 20)
            .then(() => kill(running))
            .then(done);
      };
    });
    await killed;
    const had = receiver.events.length;
    noted = notedIn(store);
    vim = await start(store);
    const newest = receiver.seqs.at(-1)!;
    await until("the first of the next run", () => receiver.events.some((e) => e.seq > newest + 50_000));
    const again = receiver.events.slice(had).filter((e) => e.seq <= newest);
    expect(again.filter((e) => e.seq <= noted)).toEqual([]);
    repeats += again.length;
  }
  receiver.reply = () => ({ status: 500 });
  await kill(vim);
  expect(receiver.requests.every((r) => r.headers.authorization === "Bearer a-Secret-of-the-receiver")).toBe(true);
  // What was sent is without gaps but for where a run ended: there a number is left out on purpose.
  const sorted = [...receiver.seqs].sort((a, b) => a - b);
  expect(gapsIn(sorted).every((seq) => seq % 100_000 !== 1)).toBe(true);
  expect(gapsIn(sorted)).toHaveLength(4);
  const first = receiver.events.filter((e) => e.type === "vim.started");
  expect(new Set(first.map((e) => e.seq)).size).toBe(4); // The one before the subscription was not for it.
  expect(receiver.seqs).toEqual(sorted); // First sights are in order.
  console.log(`${receiver.seqs.length} events over 4 kills, ${repeats} came twice`);
  expect(readFileSync(store).includes("a-Secret-of-the-receiver")).toBe(false);
  expect(log).not.toContain("a-Secret");
  expect(statSync(`${store}.key`).mode & 0o777).toBe(0o600);
});

test("with another key the store gives no secret away: the subscriber is refused and the reason shown", async () => {
  const store = join(dir, "other.db");
  await using receiver = await Receiver.start();
  const authentication = { authType: "BASIC", paramsBasic: { userName: "u", password: "hidden" } };
  let vim = await start(store);
  const subscription = { callback: receiver.url, authentication };
  const { body } = await client(vim.port)("POST", "/subscriptions", { subscription });
  await kill(vim);
  rmSync(`${store}.key`);
  vim = await start(store);
  const seen = await until("the reason", async () => {
    const answer = await client(vim.port)("GET", `/subscriptions/${body.subscription.id}`);
    return answer.body.subscription.last_error && answer.body.subscription;
  });
  expect(seen).toMatchObject({ state: "RETRYING", last_error: expect.stringMatching(/key file beside the store/) });
  expect((await client(vim.port)("POST", "/subscriptions", { subscription })).body.subscription.id).toBe(seen.id);
  await until("events", () => receiver.events.length > 0);
  await kill(vim);
});
