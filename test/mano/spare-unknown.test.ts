import { expect, test } from "vitest";
import { silent } from "../../src/lib/log.ts";
import type { ArmedState } from "../../src/mano/arming.ts";
import { Guard } from "../../src/mano/guard.ts";
import { Spares } from "../../src/mano/spares.ts";
import { WriteQueue } from "../../src/mano/writes.ts";
import type { GroupId, NetId, NsId, ServerId, VimAccountId, VnfcId } from "../../src/model/ids.ts";
import type { Decision, ProtectionGroup } from "../../src/model/protection.ts";
import type { EventStream } from "../../src/notify/stream.ts";
import type { ManoTables } from "../../src/store/mano-schema.ts";
import { openStore } from "../../src/store/open.ts";
import type { Inventory, VimConnector, VimServer } from "../../src/vimconn/connector.ts";

const [a, w] = ["a", "w"] as VnfcId[] as [VnfcId, VnfcId];
const member = (vnfcId: VnfcId, standby: "hot" | "warm") => ({
  vnfcId,
  name: vnfcId,
  vimAccountId: "v" as VimAccountId,
  dataNet: `d-${vnfcId}` as NetId,
  capacity: null,
  standby,
});
const group: ProtectionGroup = {
  id: "g" as GroupId,
  nsId: "ns" as NsId,
  name: "relay",
  scheme: "N_PLUS_M",
  members: [member(a, "hot"), member(w, "warm")],
  trafficNets: [{ netId: "t" as NetId, name: "t", normal: a }],
  policy: { revertive: true, holdOffMs: 0, waitToRestoreMs: 0, probe: null, guestHeartbeat: null, traffic: null },
};
const NOT_KNOWN: ArmedState = { revision: null, isKnown: false, isCurrent: false, plans: [], why: "the VIM was killed" };

test("a spare is not paused while nobody knows what lies armed in the VIM, which may be led to it", async () => {
  const db = await openStore<ManoTables>({
    path: ":memory:",
    migrationsDir: new URL("../../sql/mano", import.meta.url).pathname,
  });
  const clock = { now: () => 1_000, wall: () => new Date(), sleep: () => Promise.resolve() };
  const paused: ServerId[] = [];
  let armed = NOT_KNOWN;
  const spares = new Spares({
    db,
    clock,
    log: silent,
    stream: { push: () => {} } as Partial<EventStream> as EventStream,
    writes: new WriteQueue(db, silent, clock),
    connectorOf: () => ({ pauseServer: async (id) => void paused.push(id) }) as Partial<VimConnector> as VimConnector,
    armedOf: () => armed,
    noteRest: async () => {},
  });
  const guard = new Guard(group, new Map([a, w].map((v) => [v, `s-${v}` as ServerId])));
  const servers = new Map([["s-w" as ServerId, { id: "s-w", status: "ACTIVE" } as VimServer]]);
  const decision = { rest: [w], wake: [], moves: [] } as Partial<Decision> as Decision;
  const seen = { servers } as Partial<Inventory> as Inventory;
  const pass = () =>
    spares.pass(guard, decision, {
      vim: "v" as VimAccountId,
      connector: {} as VimConnector,
      seen,
      signal: new AbortController().signal,
    });

  for (let i = 0; i < 4; i++) await pass();
  expect([guard.memberOf(w)?.rest.rest, paused]).toEqual(["goingToRest", []]);
  armed = { ...NOT_KNOWN, isKnown: true, why: "not armed: this VIM has no protections" };
  for (let i = 0; i < 2; i++) await pass();
  expect(paused).toEqual(["s-w"]);
  await db.destroy();
});
