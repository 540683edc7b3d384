import { expect, test } from "vitest";
import { loss, Tally } from "../../bench/soak/tally.ts";
import type { Latest } from "../../src/lab/viewer.ts";
import type { Evidence } from "../../src/model/evidence.ts";
import type { ManoEvent } from "../../src/model/mano-event.ts";
import type { VimEvent } from "../../src/model/vim-event.ts";

const evidence = (says: Evidence["says"], source: Evidence["source"]) =>
  ({ type: "evidence", evidence: { about: { kind: "server", id: "s" }, says, source, seenAt: 1 } }) as VimEvent;

test("what a soak counts, and why", () => {
  const tally = new Tally();
  for (const event of [
    evidence("answers", "probe"),
    evidence("silent", "probe"),
    evidence("fenced", "fence"),
    evidence("linkDown", "ovsdb"),
    { type: "net.bound", netId: "t", bindNet: "b", was: "a" } as unknown as VimEvent,
    { type: "switch.status", datapath: "1", status: "disconnected" } as unknown as VimEvent,
    { type: "switch.status", datapath: "1", status: "connected" } as unknown as VimEvent,
  ])
    tally.hearVim(event);
  for (const event of [{ type: "health.changed" }, { type: "heal.started" }, { type: "heal.ended" }, { type: "vim.lost" }])
    tally.hearMano(event as ManoEvent);
  tally.hearMano({
    type: "alarm.raised",
    alarm: { probableCause: "VNFC_DOWN", faultDetails: ["it is down"] },
  } as unknown as ManoEvent);
  expect(tally.counts).toEqual({
    ...{ moves: 1, fences: 1, silences: 1, facts: 1, healthChanges: 1, heals: 1, alarms: 1, lostSessions: 2 },
  });
  expect(tally.reasons).toEqual(["fenced", "ovsdb: linkDown", "VNFC_DOWN: it is down"]);
});

test("lost is what was sent and never came; a packet that came twice makes up for none", () => {
  const at = (lastSeq: number | null, received: number, duplicates: number) => ({ lastSeq, received, duplicates }) as Latest;
  expect(loss(at(1000, 500, 3), at(1100, 600, 3))).toEqual({ sent: 100, lost: 0 });
  expect(loss(at(1000, 500, 3), at(1100, 600, 8))).toEqual({ sent: 100, lost: 5 });
  expect(loss(at(1000, 500, 0), at(1000, 500, 0))).toEqual({ sent: 0, lost: 0 });
});
