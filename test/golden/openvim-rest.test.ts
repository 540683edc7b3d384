import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { startVim } from "../../src/vim.ts";
import { readRecording } from "../../tools/recording.ts";
import type { Finding, Outcome } from "../../tools/report.ts";
import { type Exchange, exchange } from "../../tools/rest/exchange.ts";
import { OPENVIM_GAPS } from "../../tools/rest/gaps.ts";
import { sendOver } from "../../tools/rest/http.ts";
import { replay } from "../../tools/rest/replay.ts";
import { recording } from "./recordings.ts";

/** Exchanges recorded from the original server, held against a VIM in test mode. */
const path = recording("openvim-rest.jsonl");

describe.runIf(path !== null)("OpenVIM's recorded answers", () => {
  const exchanges = path === null ? [] : readRecording<Exchange>(path, exchange, "a recorded exchange");
  let outcome: Outcome;

  beforeAll(async () => {
    const config = parseConfig({ vim: { mode: "test", store: ":memory:", listen: { port: 0, adminPort: 0 } } }).vim!;
    await using vim = await startVim(config, { clock: systemClock, log: silent });
    const at = (port: number) => `http://127.0.0.1:${port}/openvim`;
    const send = sendOver(at(vim.port), at(vim.adminPort));
    outcome = await replay(exchanges, { send, gaps: OPENVIM_GAPS, settleMs: 5_000, sleep });
  });

  const findingOf = (line: number): Finding | undefined => outcome.mismatches.find((m) => m.title.startsWith(`line ${line} `));

  for (const { line, value } of exchanges) {
    test(`line ${line} ${value.tag}: as the original, or better for a reason that is written down`, () => {
      expect(findingOf(line)?.differs ?? []).toEqual([]);
    });
  }

  test("hardly anything differs on purpose, and nothing could not be compared", () => {
    expect(outcome.listed.map((l) => l.decision).sort()).toEqual([
      "0047 (B1)",
      "0047 (E2)",
      "0047 (E3)",
      "0047 (S1)",
      "0047 (S1)",
    ]);
    expect(outcome.skipped).toEqual([]);
  });
});

test.skipIf(path !== null)("the recorded answers are not beside this repository, so nothing is compared", () => {});
