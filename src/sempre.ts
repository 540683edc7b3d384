import { join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { Fault } from "./lib/fault.ts";
import { VERSION } from "./lib/version.ts";

const ROOT = join(import.meta.dirname, "..");
/** Where the demo leaves stores, logs and reports of its runs. */
const RUNS = join(ROOT, "var", "demo");

/** "1s", "250ms" → ms. */
function duration(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(text) ?? [];
  if (amount === undefined) throw new InvalidArgumentError("want a time such as 1s or 250ms.");
  return Number(amount) * (unit === "s" ? 1000 : 1);
}

const wholeNumber =
  (min: number, max: number) =>
  (text: string): number => {
    const n = Number(text);
    if (!Number.isInteger(n) || n < min || n > max) throw new InvalidArgumentError(`want a whole number from ${min} to ${max}.`);
    return n;
  };

const program = new Command("sempre")
  .description(
    "High availability for network functions: when a VNF's machine fails, its traffic reaches the redundant one milliseconds later.\n" +
      "Start with:  ./sempre demo",
  )
  .version(VERSION)
  .showHelpAfterError("(see --help)");

program
  .command("demo")
  .description("run the main job on real parts: two VMs relay a video, one of them fails, its viewer is served by the other")
  .addOption(
    new Option("--fault <kind>", "what happens to VNFC A")
      .choices(["kill", "pause", "shutdown", "destroy", "link"])
      .default("kill"),
  )
  .addOption(
    new Option("--mode <mode>", "push: the VIM tells; poll: the dissertation's reference mode; both: one after the other")
      .choices(["push", "poll", "both"])
      .default("push"),
  )
  .addOption(
    new Option("--scheme <scheme>", "how the pair shares the work")
      .choices(["active-active", "active-passive"])
      .default("active-active"),
  )
  .addOption(new Option("--openflow <version>", "OpenFlow version of the switch").choices(["1.0", "1.3"]).default("1.3"))
  .option("--interval <time>", "how often to poll in poll mode", duration, 1000)
  .option("--runs <n>", "how many times to break it", wholeNumber(1, 10_000), 1)
  .option("--pps <n>", "RTP packets per second: 1000, 500, 250 or 143", wholeNumber(143, 1000), 500)
  .option("--video", "keep a short recording of what each viewer saw")
  .option("--json <file>", "write the result for machines (docs/demo-result.schema.json)")
  .option("--report <file>", "write the report here instead of into var/demo")
  .option("--keep", "leave everything running at the end, and say how to look into it")
  .addHelpText(
    "after",
    "\nExamples:\n  ./sempre demo\n  ./sempre demo --fault pause --video\n  ./sempre demo --mode both --runs 10 --json result.json",
  )
  .action(async (options) => {
    const { demo } = await import("./lab/demo.ts");
    process.exitCode = await demo({ ...options, runsFolder: RUNS, root: ROOT });
  });

program
  .command("failovers [id]")
  .description("every failover on record: who failed, who saw it first, and when each step came")
  .option("--store <file>", "a MANO's store (default: the newest run of the demo)")
  .option("--json", "for machines")
  .option("--limit <n>", "how many, newest first", wholeNumber(1, 100_000), 50)
  .action(async (id: string | undefined, options) => {
    const { showFailovers } = await import("./cli/failovers.ts");
    console.log(await showFailovers({ ...options, id, runsFolder: RUNS }));
  });

program
  .command("show [what]")
  .description("what is in a store: ns, vnfcs, groups, alarms, events, hosts, servers, nets, ports, or all")
  .option("--store <file>", "a MANO's or a VIM's store (default: both of the newest run of the demo)")
  .option("--json", "for machines")
  .option("--limit <n>", "how many rows, newest first", wholeNumber(1, 100_000), 50)
  .action(async (what: string | undefined, options) => {
    const { show } = await import("./cli/show.ts");
    console.log(await show({ ...options, what: what ?? "all", runsFolder: RUNS }));
  });

for (const name of ["vim", "mano"] as const) {
  program
    .command(name)
    .description(`run the ${name === "vim" ? "VIM" : "MANO"} daemon`)
    .requiredOption("--config <file>", "its settings (docs/how-to/run-the-daemons.md)")
    .action(async ({ config }: { config: string }) => {
      const { runDaemon } = await import("./daemon.ts");
      await runDaemon(name, config);
    });
}

program
  .command("down")
  .description("remove what a kept or killed demo left behind")
  .action(async () => {
    const { removeLabs } = await import("./lab/demo.ts");
    console.log(await removeLabs(ROOT));
  });

program
  .command("test [files...]")
  .description("type check, lint and run the tests, on real Open vSwitch, libvirt and QEMU")
  .action(async (files: string[]) => {
    const { runTests } = await import("./cli/test.ts");
    process.exitCode = await runTests(ROOT, files);
  });

program
  .command("bench")
  .description("kill a VM again and again, with push and with the reference mode beside it; keeps a line in bench/results")
  .option("--runs <n>", "kills in push mode", wholeNumber(1, 100_000), 100)
  .option("--poll-runs <n>", "kills in the reference mode", wholeNumber(1, 100_000), 10)
  .option("--pps <n>", "RTP packets per second: 1000, 500, 250 or 143", wholeNumber(143, 1000), 1000)
  .action(async (options: { runs: number; pollRuns: number; pps: number }) => {
    const { benchFailover } = await import("../bench/failover.ts");
    process.exitCode = await benchFailover({ ...options, root: ROOT });
  });

try {
  await program.parseAsync();
} catch (e) {
  // What the world did to us is one sentence; what we did wrong ourselves is a stack.
  console.error(e instanceof Fault ? `sempre: ${e.message}` : e);
  process.exitCode = 1;
}
