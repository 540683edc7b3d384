import { setTimeout as sleep } from "node:timers/promises";
import { Command, InvalidArgumentError } from "commander";
import { progressOn } from "./progress.ts";
import { Mistake, type Numbered, readRecording } from "./recording.ts";
import { exitOf, reportText } from "./report.ts";
import { type Exchange, exchange } from "./rest/exchange.ts";
import { OPENMANO_GAPS, OPENVIM_GAPS } from "./rest/gaps.ts";
import { baseOf, sendOver } from "./rest/http.ts";
import { replay } from "./rest/replay.ts";
import { NO_VIM, readyVim, recordedVim, type VimBehind } from "./rest/vim-behind.ts";

const HELP = `
FILE holds one JSON object on each line, in the order in which they were asked:

  {"tag": "tenant-new", "method": "POST", "path": "/tenants", "admin": false, "request": {"tenant": {"name": "gold"}},
   "status": 200, "ctype": "application/json", "cors": "*", "response": {"tenant": {"name": "gold", "enabled": true, "id": "…"}}}

Each is sent to the running server; "admin": true goes to --admin. A request that is a text is sent as it stands. Ids that the
recorded server made are mapped to those that ours makes on the way, and so is what else a server chooses by itself (generated
MAC addresses, the host and the cards of a placement). Compared are status, content type, the error's code, type and sentence,
and the shape of the answer: the same members of the same types, and the same values wherever they are determined. Lists of
things have no order. Rows that were there before the first exchange count on neither side.

A state of a server may take --settle milliseconds to become what was recorded. Where the original erred ours differs on
purpose: such exchanges are listed apart with the row of docs/decisions (0047, 0077) that says why, and are no mismatch. An exchange
about a thing that nothing in the file has made is not compared, and said so.

Exit status: 0 nothing differs but what is listed; 1 mismatches; 2 the file or the server cannot be used.

Example: a VIM that needs no host and no switch, and OpenVIM's recording held against it:
  echo '{"vim": {"mode": "test", "store": ":memory:"}}' > /tmp/vim.json
  node src/sempre.ts vim --config /tmp/vim.json &
  node tools/replay.ts --url http://127.0.0.1:9080 --admin http://127.0.0.1:9085 ../shared/golden/openvim-rest.jsonl

OpenMANO's recording speaks of a VIM behind it: its tenants are made there under the ids that the recording has for them.
  node tools/replay.ts --url http://127.0.0.1:9090 --vim http://127.0.0.1:9080 --vim-admin http://127.0.0.1:9085 \\
    ../shared/golden/openmano-rest.jsonl`;

interface Options {
  readonly url: string;
  readonly admin?: string;
  readonly vim?: string;
  readonly vimAdmin?: string;
  readonly settle: number;
  readonly gaps: boolean;
  readonly verbose: boolean;
}

const milliseconds = (text: string): number => {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError("want milliseconds, 0 to 999999.");
  return Number(text);
};

async function run(file: string, { url, admin, vim, vimAdmin, settle, gaps, verbose }: Options): Promise<void> {
  const exchanges = readRecording<Exchange>(file, exchange, "a recorded exchange");
  // OpenVIM's recording tells the port of each exchange; OpenMANO has one.
  const basePath = exchanges.some((e) => e.value.admin !== undefined) ? "/openvim" : "/openmano";
  const base = baseOf(url, "--url", basePath);
  const behind = basePath === "/openmano" ? await vimBehind(exchanges, vim, vimAdmin) : NO_VIM;
  const outcome = await replay(exchanges, {
    send: sendOver(base, admin === undefined ? base : baseOf(admin, "--admin", basePath)),
    gaps: gaps ? (basePath === "/openmano" ? OPENMANO_GAPS : OPENVIM_GAPS) : [],
    vim: behind,
    settleMs: settle,
    sleep,
    progress: progressOn(process.stderr, "asked", exchanges.length),
  });
  console.log(reportText(outcome, { verbose }));
  process.exitCode = exitOf(outcome);
}

/** The VIM that is named, else the one at the recorded address, if it is there. */
async function vimBehind(exchanges: readonly Numbered<Exchange>[], vim?: string, vimAdmin?: string): Promise<VimBehind> {
  const recorded = recordedVim(exchanges);
  const url = vim === undefined ? recorded?.url : baseOf(vim, "--vim", "/openvim");
  if (url === undefined) return NO_VIM;
  const admin =
    vimAdmin === undefined ? (vim === undefined ? recorded!.admin : url) : baseOf(vimAdmin, "--vim-admin", "/openvim");
  return readyVim(exchanges, { url, admin }, vim !== undefined, (at) => sendOver(at.url, at.admin));
}

const program = new Command("replay")
  .description("Asks a running server what was asked of the original, and compares the answers.")
  .argument("<file>", "recorded exchanges, as JSON lines")
  .requiredOption(
    "--url <url>",
    "the server, such as http://127.0.0.1:9080 (base path /openvim, or /openmano, unless you give one)",
  )
  .option("--admin <url>", "its administrator's port, such as http://127.0.0.1:9085 (default: --url)")
  .option("--vim <url>", "OpenMANO's VIM, such as http://127.0.0.1:9080 (default: where the recording has it)")
  .option("--vim-admin <url>", "that VIM's administrator's port (default: --vim)")
  .option("--settle <ms>", "how long a state may take to become what was recorded", milliseconds, 5_000)
  .option("--no-gaps", "do not make up for what the sample of OpenVIM's recording leaves out")
  .option("--verbose", "name every exchange that differs on purpose", false)
  .addHelpText("after", HELP)
  .exitOverride((e) => process.exit(e.exitCode === 0 ? 0 : 2))
  .action(async (file: string, options: Options) => {
    try {
      await run(file, options);
    } catch (e) {
      if (!(e instanceof Mistake)) throw e;
      console.error(`replay: ${e.message}`);
      process.exitCode = 2;
    }
  });
await program.parseAsync();
