import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { readRecording } from "../../tools/recording.ts";
import type { Finding, Outcome } from "../../tools/report.ts";
import { type Exchange, exchange } from "../../tools/rest/exchange.ts";
import { OPENMANO_GAPS } from "../../tools/rest/gaps.ts";
import { sendOver } from "../../tools/rest/http.ts";
import { replay } from "../../tools/rest/replay.ts";
import { readyVim } from "../../tools/rest/vim-behind.ts";
import { openmanoRig } from "../openmano/rig.ts";
import { recording } from "./recordings.ts";

/** Exchanges recorded from the original server, held against a MANO with a VIM in test mode behind it. */
const path = recording("openmano-rest.jsonl");

describe.runIf(path !== null)("OpenMANO's recorded answers", () => {
  const exchanges = path === null ? [] : readRecording<Exchange>(path, exchange, "a recorded exchange");
  let outcome: Outcome;

  beforeAll(async () => {
    await using rig = await openmanoRig();
    const vim = await readyVim(exchanges, { url: rig.vimUrl, admin: rig.vimAdminUrl }, true, (at) => sendOver(at.url, at.admin));
    const send = sendOver(rig.url, rig.url);
    outcome = await replay(exchanges, { send, gaps: OPENMANO_GAPS, settleMs: 5_000, sleep, vim });
  }, 60_000);

  const findingOf = (line: number): Finding | undefined => outcome.mismatches.find((m) => m.title.startsWith(`line ${line} `));

  for (const { line, value } of exchanges) {
    test(`line ${line} ${value.tag}: as the original, or better for a reason that is written down`, () => {
      expect(findingOf(line)?.differs ?? []).toEqual([]);
    });
  }

  test("hardly anything differs on purpose, and nothing could not be compared", () => {
    expect(outcome.listed.map((l) => l.decision).sort()).toEqual(["0077 (V1)", "0077 (V2)"]);
    expect(outcome.skipped).toEqual([]);
  });
});

test.skipIf(path !== null)("the recorded answers are not beside this repository, so nothing is compared", () => {});
