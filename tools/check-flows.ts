import { Command } from "commander";
import { type FlowCase, flowCase } from "./flows/case.ts";
import { judgeAll } from "./flows/judge.ts";
import { progressOn } from "./progress.ts";
import { Mistake, readRecording } from "./recording.ts";
import { exitOf, reportText } from "./report.ts";

const HELP = `
FILE holds one JSON object on each line:

  {"nets": [{"uuid", "type": "data", "vlan", "bind_net", "bind_type": "vlan:100" or null,
             "ports": [{"uuid", "switch_port", "vlan", "mac"}]}],
   "valid_ports": ["p1", …],
   "out": {"flows": [{"priority", "ingress_port", "vlan_id", "dst_mac", "actions": [["vlan", null or 101], ["out", "p1"]]}]}}

The nets of a line are one bind group. "out" is what OpenVIM computed: flows, or "error" with its text, or "exception" where
it crashed. Each case is computed anew by the code that the VIM runs, and judged twice: the entries are compared with the
recorded ones, and frames are followed through them to see that each reaches whom it should and nobody else.

Compared is, for each match, where copies of a packet leave and with which tag. The order of entries and needless tag writes
do not count. Where the original crashed or contradicts itself ours differs on purpose; such cases are listed apart with the
decision record that says why (docs/decisions/0006), and are no mismatch.

Exit status: 0 nothing differs but what is listed; 1 mismatches; 2 the file cannot be read as such cases.

Example:
  node tools/check-flows.ts ../shared/golden/openvim-flows.jsonl`;

const program = new Command("check-flows")
  .description("Compares the flow entries this VIM makes with recorded ones of OpenVIM.")
  .argument("<file>", "recorded cases, as JSON lines")
  .option("--verbose", "name every case that differs on purpose", false)
  .addHelpText("after", HELP)
  .exitOverride((e) => process.exit(e.exitCode === 0 ? 0 : 2))
  .action((file: string, { verbose }: { verbose: boolean }) => {
    try {
      const cases = readRecording<FlowCase>(file, flowCase, "a case of nets and what OpenVIM made of them");
      const outcome = judgeAll(cases, progressOn(process.stderr, "judged", cases.length));
      console.log(reportText(outcome, { verbose }));
      process.exitCode = exitOf(outcome);
    } catch (e) {
      if (!(e instanceof Mistake)) throw e;
      console.error(`check-flows: ${e.message}`);
      process.exitCode = 2;
    }
  });
program.parse();
