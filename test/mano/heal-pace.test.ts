import { expect, test } from "vitest";
import type { Clock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { AlarmBook } from "../../src/mano/alarms.ts";
import { HEALS_AT_ONCE } from "../../src/mano/heal-course.ts";
import { Healer, type Patient } from "../../src/mano/healer.ts";
import { WriteQueue } from "../../src/mano/writes.ts";
import type { ServerId, VnfcId } from "../../src/model/ids.ts";
import { EventStream } from "../../src/notify/stream.ts";
import type { ManoTables } from "../../src/store/mano-schema.ts";
import { openStore } from "../../src/store/open.ts";
import type { ServerSpec, VimConnector, VimServer } from "../../src/vimconn/connector.ts";

/** A healer with a clock of its own; its VIMs note what they are asked to start, and nothing comes up before the test says so. */
async function rig() {
  let now = 1_000;
  const db = await openStore<ManoTables>({
    path: ":memory:",
    migrationsDir: new URL("../../sql/mano", import.meta.url).pathname,
  });
  const clock: Clock = { now: () => now, wall: () => new Date(now), sleep: () => Promise.resolve() };
  const writes = new WriteQueue(db, silent, clock);
  const stream = new EventStream(writes, clock, 0);
  const alarms = await AlarmBook.open(db, stream, writes, clock);
  const begin = () => new Healer({ db, clock, log: silent, stream, alarms, writes });
  const started: string[] = [];
  const vim = () => ({ startServer: async (id: ServerId) => void started.push(id) }) as unknown as VimConnector;
  const patient = (name: string, connector: VimConnector): Patient => ({
    vnfcId: name as VnfcId,
    groupId: null,
    spec: { id: name as ServerId, name } as ServerSpec,
    server: { id: name, status: "INACTIVE", lastError: null, hostId: "h", hostState: "up" } as unknown as VimServer,
    port: undefined,
    health: { state: "down", sinceMs: 0, seenBy: [], why: "killed" },
    isFenced: false,
    connector,
    mayTouch: () => true,
  });
  const pass = async (healer: Healer, patients: readonly Patient[], ms: number) => {
    now += ms;
    for (const p of patients) await healer.heal(p, new AbortController().signal);
  };
  return { db, begin, started, vim, patient, pass };
}

const names = (prefix: string, n: number) => Array.from({ length: n }, (_, i) => `${prefix}${i}`);

test("of one VIM so many are healed at once and no more; the others say that they wait, and come as those end; another VIM is not held up", async () => {
  const { db, begin, started, vim, patient, pass } = await rig();
  const healer = begin();
  const [one, other] = [vim(), vim()];
  const patients = [...names("a", HEALS_AT_ONCE + 3).map((n) => patient(n, one)), ...names("b", 2).map((n) => patient(n, other))];
  await pass(healer, patients, 0);
  await pass(healer, patients, 1_100);
  expect(started).toEqual([...names("a", HEALS_AT_ONCE), "b0", "b1"]);
  const last = `a${HEALS_AT_ONCE + 2}` as VnfcId;
  expect(healer.viewOf(last, last)).toMatchObject({
    state: "waiting",
    nextInMs: null,
    words: `in its turn: ${HEALS_AT_ONCE} others of its VIM are being healed`,
  });
  healer.isUp("a1" as VnfcId);
  const isDown = (p: Patient) => p.vnfcId !== "a1";
  await pass(healer, patients.filter(isDown), 500);
  expect(started.slice(HEALS_AT_ONCE + 2)).toEqual([`a${HEALS_AT_ONCE}`]);
  await db.destroy();
});

test("a run that was killed: its heals count in the next one, which begins no more than so many either", async () => {
  const { db, begin, started, vim, patient, pass } = await rig();
  const patients = (connector: VimConnector) => names("a", HEALS_AT_ONCE + 2).map((n) => patient(n, connector));
  const first = begin();
  const one = vim();
  await pass(first, patients(one), 0);
  await pass(first, patients(one), 1_100);
  const second = begin();
  await second.load();
  const again = vim();
  await pass(second, patients(again), 0);
  await pass(second, patients(again), 1_100);
  expect(new Set(started)).toEqual(new Set(names("a", HEALS_AT_ONCE)));
  await db.destroy();
});

test("a heal that ends badly gives its turn to the next", async () => {
  const { db, begin, started, vim, patient, pass } = await rig();
  const healer = begin();
  const one = vim();
  const patients = names("a", HEALS_AT_ONCE + 1).map((n) => patient(n, one));
  await pass(healer, patients, 0);
  await pass(healer, patients, 1_100);
  await pass(healer, patients, 300_000); // None of them has come up.
  await pass(healer, patients, 500);
  expect(started).toContain(`a${HEALS_AT_ONCE}`);
  await db.destroy();
});
