import { Command, InvalidArgumentError } from "commander";
import { progressOn } from "../tools/progress.ts";
import { fuzz } from "./fuzz/run.ts";

const whole = (text: string): number => {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("want a whole number.");
  return Number(text);
};

const program = new Command("fuzz-openvim")
  .description(
    "Sends requests made from the OpenAPI document, good and bad, to a VIM in test mode, and looks at answers and state.",
  )
  .option("--requests <n>", "how many", whole, 100_000)
  .option("--seed <n>", "the same seed, the same course", whole, 1)
  .addHelpText(
    "after",
    `
No answer may be a 500, each error has the original's envelope, each success fits its schema, what was refused changed nothing
(one of 20 is looked behind), and at the end the rows agree with each other and with the store. Exit status 1 where one does not.`,
  )
  .action(async ({ requests, seed }: { requests: number; seed: number }) => {
    const at = performance.now();
    const { statuses, findings, longestMs } = await fuzz({
      seed,
      requests,
      lookEvery: 20,
      progress: progressOn(process.stderr, "asked", requests),
    });
    for (const finding of findings) console.log(finding);
    const counts = [...statuses].sort(([a], [b]) => a - b).map(([status, n]) => `${status} ×${n}`);
    console.log(
      `seed ${seed}, ${requests} requests in ${((performance.now() - at) / 1_000).toFixed(0)} s, longest ${longestMs.toFixed(0)} ms: ${counts.join(", ")}`,
    );
    console.log(findings.length === 0 ? "nothing wrong" : `${findings.length} wrong`);
    process.exitCode = findings.length === 0 ? 0 : 1;
  });
await program.parseAsync();
