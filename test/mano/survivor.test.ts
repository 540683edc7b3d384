import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Clock } from "../../src/lib/clock.ts";
import { Fault } from "../../src/lib/fault.ts";
import { silent } from "../../src/lib/log.ts";
import { AlarmBook } from "../../src/mano/alarms.ts";
import { Healer, type Patient } from "../../src/mano/healer.ts";
import { WriteQueue } from "../../src/mano/writes.ts";
import type { GroupId, ServerId, VnfcId } from "../../src/model/ids.ts";
import type { Health } from "../../src/model/protection.ts";
import { EventStream } from "../../src/notify/stream.ts";
import type { ManoStore, ManoTables } from "../../src/store/mano-schema.ts";
import { openStore } from "../../src/store/open.ts";
import type { ServerSpec, VimConnector, VimLinkPort, VimServer } from "../../src/vimconn/connector.ts";

let db: ManoStore;
beforeAll(async () => {
  db = await openStore<ManoTables>({ path: ":memory:", migrationsDir: new URL("../../sql/mano", import.meta.url).pathname });
});
afterAll(() => db.destroy());

const HEALTHS: Readonly<Record<string, Health>> = {
  up: { state: "up", sinceMs: 0 },
  down: { state: "down", sinceMs: 0, seenBy: [], why: "killed" },
  unknown: { state: "unknown", sinceMs: 0, why: "silence" },
};
const SERVER_VERBS = ["startServer", "resumeServer", "rebootServer", "rebuildServer", "evacuateServer", "deleteServer"] as const;

/** What happens to each of two members between two passes, while a request of a heal is on its way, and while its next step is written down. */
const turn = fc.record({
  healths: fc.tuple(fc.constantFrom("up", "down", "unknown"), fc.constantFrom("up", "down", "unknown")),
  onTheWay: fc.constantFrom(null, "up", "down"),
  onTheDisk: fc.constantFrom(null, null, "up"),
  status: fc.constantFrom("ACTIVE", "PAUSED", "INACTIVE", "ERROR", null),
  hostState: fc.constantFrom("up", "gone"),
  isFenced: fc.boolean(),
  answer: fc.constantFrom("yes", "no", "nothing"),
  ms: fc.integer({ min: 100, max: 8_000 }),
});

test("whatever happens and whenever a member comes back: no request of a heal is about one that is up", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(turn, { minLength: 5, maxLength: 40 }), async (turns) => {
      let now = 1_000;
      const clock: Clock = { now: () => now, wall: () => new Date(now), sleep: () => Promise.resolve() };
      const writes = new WriteQueue(db, silent, clock);
      const stream = new EventStream(writes, clock, 0);
      writes.append = () => {}; // The journal's numbers begin anew with each run.
      const alarms = await AlarmBook.open(db, stream, writes, clock);
      const healer = new Healer({ db, clock, log: silent, stream, alarms, writes });
      const members = ["a", "b"].map((name) => ({ name, health: HEALTHS.down! }));
      const touched: string[] = [];
      let written = () => {};
      const flush = writes.flush.bind(writes);
      writes.flush = async () => {
        await flush();
        written();
      };
      for (const it of turns) {
        now += it.ms;
        members.forEach((m, i) => {
          m.health = HEALTHS[it.healths[i]!]!;
        });
        for (const m of members) {
          const ask = (verb: string) => async () => {
            if (m.health.state === "up") touched.push(`${verb} of ${m.name}`);
            await Promise.resolve();
            if (it.onTheWay !== null) m.health = HEALTHS[it.onTheWay]!; // By itself, or by what was asked for.
            if (it.answer === "no") throw new Fault("VIM_REFUSED", "no");
            if (it.answer === "nothing") throw new Fault("VIM_UNREACHABLE", "nothing");
          };
          const verbs = [...SERVER_VERBS, "fence", "ensureServers"].map((verb) => [verb, ask(verb)]);
          const server = {
            id: m.name,
            status: it.status,
            lastError: null,
            hostId: "h",
            hostState: it.hostState,
          } as unknown as VimServer;
          const patient: Patient = {
            vnfcId: m.name as VnfcId,
            groupId: "g" as GroupId,
            spec: { id: m.name as ServerId, name: m.name } as ServerSpec,
            server: it.status === null ? undefined : server,
            port: { fenced: it.isFenced } as VimLinkPort,
            health: m.health,
            isFenced: it.isFenced,
            connector: Object.fromEntries(verbs) as unknown as VimConnector,
            mayTouch: () => m.health.state !== "up",
          };
          written = () => {
            if (it.onTheDisk !== null) m.health = HEALTHS[it.onTheDisk]!;
          };
          if (m.health.state === "up") healer.isUp(patient.vnfcId);
          else await healer.heal(patient, new AbortController().signal);
        }
      }
      for (const m of members) healer.isUp(m.name as VnfcId);
      await writes.flush();
      expect(touched).toEqual([]);
    }),
    { numRuns: 60 },
  );
});
