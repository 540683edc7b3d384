import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, expect, test } from "vitest";
import { readJournalSince } from "../../src/store/mano-records.ts";
import type { ManoTables } from "../../src/store/mano-schema.ts";
import { openToRead } from "../../src/store/open.ts";
import { Receiver } from "../harness/receiver.ts";
import { until } from "./rig.ts";

// The MANO's journal, alarms and subscriptions in a process of their own, so that it can be killed. An alarm is raised and cleared every other millisecond.
const PROGRAM = `
  const src = process.argv[1];
  const [{ NOTIFICATIONS }, { systemClock }, { makeLog }, { Seal }, { AlarmBook }, { SolSubscriptions }, { WriteQueue }, { CallbackPolicy }, { EventStream }, records, { openStore }] =
    await Promise.all(["api/sol/notifications.ts", "lib/clock.ts", "lib/log.ts", "lib/seal.ts", "mano/alarms.ts", "mano/sol-subscriptions.ts", "mano/writes.ts",
      "notify/callback-policy.ts", "notify/stream.ts", "store/mano-records.ts", "store/open.ts"].map((f) => import(src + f)));
  const [, , path, url] = process.argv;
  const clock = systemClock, log = makeLog("mano");
  const db = await openStore({ path, migrationsDir: new URL("../sql/mano", src).pathname });
  const writes = new WriteQueue(db, log, clock, await records.readJournalExtent(db));
  const stream = new EventStream(writes, clock, await records.readLastSeq(db));
  const alarms = await AlarmBook.open(db, stream, writes, clock);
  const policy = new CallbackPolicy({ allow: [], thisMachine: true, ownPorts: () => [], secretsInClear: false });
  const seal = Seal.open(path + ".key");
  const subscriptions = await SolSubscriptions.open({ db, stream, writes, clock, log, policy, seal, notifications: NOTIFICATIONS, ourTls: null });
  subscriptions.start();
  const interest = { interface: "nsfm", filter: null, verbosity: "FULL", apiRoot: "http://127.0.0.1:1", isShownOurCertificate: false };
  const asked = { owner: null, callback: { url, auth: null, tls: null }, interest };
  if (subscriptions.sameAs(asked) === null) await subscriptions.create(asked);
  console.log("subscribed");
  let n = 0;
  setInterval(() => {
    const object = "object-" + process.pid + "-" + (n >> 1);
    if (n++ % 2 === 0) void alarms.raise(object, "VNFC_DOWN", []);
    else alarms.clear(object, "VNFC_DOWN");
  }, 2);`;

const dir = mkdtempSync(join(tmpdir(), "sempre-notify-"));
afterAll(() => rmSync(dir, { recursive: true }));

async function start(store: string, url: string): Promise<ChildProcess> {
  const src = new URL("../../src/", import.meta.url).href;
  const child = spawn(process.execPath, ["--input-type=module", "-e", PROGRAM, src, store, url], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(createInterface({ input: child.stdout! }), "line");
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

const RUNS = 2;

test("killed in the moment of an acceptance, again and again: all of it is told in order, and what comes twice has the same id", async () => {
  const store = join(dir, "mano.db");
  await using receiver = await Receiver.start();
  const told: { id: string; about: string }[] = [];
  let onNote = () => {};
  receiver.reply = ({ text }) => {
    if (text === "") return { status: 204 };
    const note = JSON.parse(text);
    told.push({ id: note.id, about: note.alarmId ? `cleared ${note.alarmId}` : `raised ${note.alarm.id}` });
    onNote();
    return { status: 204 };
  };
  for (let run = 0; run < RUNS; run++) {
    const child = await start(store, receiver.url);
    const from = told.length;
    await until("some notifications", () => told.length >= from + 30, 60_000);
    const killed = new Promise<void>((done) => {
      onNote = () => {
        onNote = () => {};
        void kill(child).then(done);
      };
    });
    await killed;
  }
  const last = await start(store, receiver.url);
  const from = told.length;
  await until("some of the last run", () => told.length >= from + 30, 60_000);
  await kill(last);

  const first = told.filter(({ id }, i) => told.findIndex((t) => t.id === id) === i);
  expect(told.length - first.length).toBeLessThanOrEqual(RUNS); // The one whose acceptance nobody was left to note.
  await using db = await openToRead<ManoTables>(store);
  const written = (await readJournalSince(db as never, 0, 100_000)).flatMap((e) =>
    e.type === "alarm.raised" || e.type === "alarm.cleared" ? [`${e.type.slice(6)} ${e.alarm.id}`] : [],
  );
  const start0 = written.indexOf(first[0]!.about);
  expect(first.map((t) => t.about)).toEqual(written.slice(start0, start0 + first.length));
});
