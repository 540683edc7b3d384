import { Argument, type Command } from "commander";
import { duration, wholeNumber, wholeNumbers } from "../src/cli/arguments.ts";

interface BenchOptions {
  readonly runs?: number;
  readonly pollRuns: number;
  readonly pps: number;
  readonly pairs: number[];
  readonly nets: number;
  readonly load: number;
  readonly probeInterval?: number;
  readonly clients: number;
  readonly seconds: number;
  readonly requests: number;
  readonly seed: number;
  readonly tokens: boolean;
  readonly mano: boolean;
  readonly atOnce: number;
}

interface Bench {
  readonly says: string;
  /** Resolves with the exit status: 1 where something was answered wrongly, or not at all; a number that falls short is only told. */
  readonly run: (options: BenchOptions & { readonly root: string }) => Promise<number>;
}

const BENCHES = {
  failover: {
    says: "kill a VM again and again, with push and with the reference mode beside it (some 10 min)",
    run: async ({ runs = 100, ...options }) => (await import("./failover.ts")).benchFailover({ ...options, runs }),
  },
  thousand: {
    says: "many members that fail at once",
    run: async ({ root, runs = 30, pairs }) =>
      (await import("./thousand.ts")).benchThousand({ root, runs, existing: pairs, failing: [1, 10, 100, 1000] }),
  },
  "many-nets": {
    says: "one change among 10,000 networks and 20,000 ports; a restart; memory",
    run: async ({ root, nets, runs = 5_000 }) => (await import("./many-nets.ts")).benchManyNets({ root, nets, binds: runs }),
  },
  onboarding: {
    says: "descriptors in each form",
    run: async ({ root, runs = 100 }) => (await import("./onboarding.ts")).benchOnboarding({ root, runs }),
  },
  ns: {
    says: "network services by the thousand: our share of an instantiation, lists, memory",
    run: async ({ root, runs = 1_000 }) => (await import("./ns.ts")).benchNs({ root, runs }),
  },
  notify: {
    says: "from a fault to the alarm at a subscriber of ETSI's fault management",
    run: async ({ root, runs = 200 }) => (await import("./notify.ts")).benchNotify({ root, runs }),
  },
  api: {
    says: "requests a second to the VIM's API on one core, and failovers while it is asked as fast as it answers (under 3 min)",
    run: async ({ runs = 100, ...options }) => (await import("./api.ts")).benchApi({ ...options, runs }),
  },
  servers: {
    says: "a server from POST to a running QEMU, and how much of that is ours (under 2 min)",
    run: async ({ root, runs = 20 }) => (await import("./servers.ts")).benchServers({ root, runs }),
  },
  fuzz: {
    says: "100,000 requests made from the OpenAPI document, good and bad (some 6 min)",
    run: async (options) => {
      const { benchFuzz, benchManoFuzz } = await import("./fuzzes.ts");
      return options.mano ? benchManoFuzz(options) : benchFuzz(options);
    },
  },
} as const satisfies Record<string, Bench>;

const MORE = `
${Object.entries(BENCHES)
  .map(([name, { says }]) => `  ${name.padEnd(10)} ${says}`)
  .join("\n")}

Each prints a table and keeps one line, with the machine's load, in bench/results/WHAT.jsonl; bench/README.md says what the numbers mean and
what was asked for. They want a quiet machine: what else runs is in the numbers.

  ./sempre bench api --clients 8 --runs 50
  ./sempre bench fuzz --tokens --seed 7         # exit status 1, and the request, where an answer is wrong`;

/** `sempre bench`. */
export function addBench(program: Command, root: string): void {
  program
    .command("bench")
    .description("how fast it is; keeps lines in bench/results")
    .addArgument(new Argument("[what]", "see below").choices(Object.keys(BENCHES)).default("failover"))
    .option(
      "--runs <n>",
      "kills in push mode, or of each kind of load (100); times that members fail at once (30; 3 where they are many); binds moved (5000); servers (20); descriptors (100)",
      wholeNumber(1, 100_000),
    )
    .option("--poll-runs <n>", "failover: kills in the reference mode", wholeNumber(1, 100_000), 10)
    .option("--pps <n>", "failover: RTP packets per second: 1000, 500, 250 or 143", wholeNumber(143, 1000), 1000)
    .option("--load <n>", "failover: busy processes beside it", wholeNumber(0, 64), 0)
    .option("--probe-interval <time>", "failover: time between two requests whether a member lives", duration)
    .option("--pairs <n...>", "thousand: how many pairs exist", wholeNumbers(1, 1000), [10, 100, 1000])
    .option("--nets <n>", "many-nets: how many networks exist, with two ports for each", wholeNumber(100, 20_000), 10_000)
    .option("--clients <n>", "api: that ask at once", wholeNumber(1, 1_000), 8)
    .option("--seconds <n>", "api: of each row", wholeNumber(1, 600), 8)
    .option("--requests <n>", "fuzz: how many", wholeNumber(1, 100_000_000), 100_000)
    .option("--seed <n>", "fuzz: the same seed, the same course", wholeNumber(0, 1_000_000_000), 1)
    .option("--tokens", "fuzz: behind the gate, with tokens of tenants and roles, and with none", false)
    .option("--mano", "fuzz: the MANO, from ETSI's definitions and our own tables, in place of the VIM", false)
    .option(
      "--at-once <n>",
      "fuzz: so many under way together; then only what holds at the end is looked at",
      wholeNumber(1, 64),
      1,
    )
    .addHelpText("after", MORE)
    .action(async (what: keyof typeof BENCHES, options: BenchOptions) => {
      process.exitCode = await BENCHES[what].run({ ...options, root });
    });
}
