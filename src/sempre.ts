import { join } from "node:path";
import { Argument, Command, Option } from "commander";
import { addBench } from "../bench/command.ts";
import { duration, moment, wholeNumber } from "./cli/arguments.ts";
import type { ProtectionOptions, ProtectionVerb } from "./cli/protection.ts";
import type { TokenStore } from "./cli/token.ts";
import { Fault } from "./lib/fault.ts";
import { VERSION } from "./lib/version.ts";

const ROOT = join(import.meta.dirname, "..");
/** Where the demo leaves stores, logs and reports of its runs. */
const RUNS = join(ROOT, "var", "demo");

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
      .choices(["kill", "pause", "shutdown", "destroy", "link", "hang", "panic", "vnic", "relay"])
      .default("kill"),
  )
  .addOption(
    new Option("--mode <mode>", "push: the VIM tells; poll: the dissertation's reference mode; both: one after the other")
      .choices(["push", "poll", "both"])
      .default("push"),
  )
  .addOption(
    new Option("--scheme <scheme>", "how the pair shares the work")
      .choices(["active-active", "active-passive", "duplicated"])
      .default("active-active"),
  )
  .addOption(new Option("--openflow <version>", "OpenFlow version of the switch").choices(["1.0", "1.3"]).default("1.3"))
  .option("--interval <time>", "how often to poll in poll mode", duration, 1000)
  .option("--runs <n>", "how many times to break it", wholeNumber(1, 10_000), 1)
  .option("--pps <n>", "RTP packets per second: 1000, 500, 250 or 143", wholeNumber(143, 1000), 500)
  .option("--hosts <n>", "compute hosts, each a libvirtd of its own", wholeNumber(1, 4), 1)
  .option("--probe-interval <time>", "time between two requests whether a member lives (default: the example's)", duration)
  .option("--load <n>", "busy processes beside it", wholeNumber(0, 64), 0)
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
  .description("every failover on record: who failed, who saw it first, and when each step came; ID: one, or all of one incident")
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

const token = program
  .command("token")
  .description("bearer tokens of a VIM or a MANO: who may see and change what (docs/how-to/secure-the-daemons.md)");

/** Tokens are made at the store, by whoever may write to it: no request can make one. */
const ofDaemon = (command: Command): Command =>
  command
    .requiredOption("--config <file>", "the daemon's settings: they say where its store is")
    .addOption(new Option("--for <daemon>", "which one, where the settings are for both").choices(["vim", "mano"]));

async function tokenStore({ config: path, for: asked }: { config: string; for?: "vim" | "mano" }): Promise<TokenStore> {
  const { readConfig } = await import("./config.ts");
  const config = readConfig(path);
  const daemon = asked ?? (config.mano === undefined ? "vim" : "mano");
  const settings = config[daemon];
  if (settings === undefined || (asked === undefined && config.vim && config.mano))
    throw new Fault("INVALID", settings ? `${path} is for a vim and a mano: name one with --for` : `${path} has no "${daemon}"`);
  return { daemon, path: settings.store, migrationsDir: join(ROOT, "sql", daemon) };
}

ofDaemon(token.command("create"))
  .description("make one; it is printed this once, and only its hash is kept")
  .addOption(
    new Option("--role <role>", "viewer: look; operator: change; admin: everything")
      .choices(["viewer", "operator", "admin"])
      .makeOptionMandatory(),
  )
  .option("--tenant <tenant>", "whose things it reaches: a VIM's viewer and operator need one, by name or id")
  .option("--name <name>", "whose it is, for lists and records")
  .option("--expires <when>", "after so long (90d, 12h, 30m), or on a day such as 2030-01-31; left out: never", moment)
  .option("--out <file>", "write it there, for its owner only, instead of printing it")
  .action(async ({ role, tenant, name, expires, out, ...options }) => {
    const { createToken } = await import("./cli/token.ts");
    const made = await createToken(await tokenStore(options), { role, tenant, name, expiresAt: expires, out });
    console.error(made.words);
    if (out === undefined) console.log(made.text);
  });

ofDaemon(token.command("list"))
  .description("those there are, without what is secret")
  .option("--json", "for machines")
  .action(async ({ json, ...options }) => {
    const { listTokens } = await import("./cli/token.ts");
    console.log(await listTokens(await tokenStore(options), json));
  });

ofDaemon(token.command("revoke"))
  .description("it is good for nothing from the next request on")
  .argument("<token>", "its id or name")
  .action(async (asked: string, options) => {
    const { revokeTokenOf } = await import("./cli/token.ts");
    console.log(await revokeTokenOf(await tokenStore(options), asked));
  });

program
  .command("console <server>")
  .description("a server's serial console on this terminal; Ctrl-] leaves it")
  .option("--vim <url>", "the VIM's API", "http://127.0.0.1:9080/openvim")
  .option("--tenant <tenant>", "whose server it is, by name or id", "default")
  .option("--token-file <file>", "a file with a token of that VIM, where it asks for one")
  .option("--ca <file>", "the authority that the VIM's certificate is believed by, in PEM")
  .action(async (server: string, options) => {
    const { openConsole } = await import("./cli/console.ts");
    const { stdin: input, stdout: output } = process;
    await openConsole(server, options, { input, output, say: (words) => console.error(words) });
  });

program
  .command("protection")
  .description("protection groups of a running MANO, and what an operator may ask of them (ITU-T G.8031)")
  .addArgument(
    new Argument("[verb]", "what to do")
      .choices(["list", "show", "lockout", "force", "manual", "exercise", "clear"])
      .default("list"),
  )
  .argument("[group]", "its name or id, or the beginning of one")
  .option("--to <member>", "the member that traffic shall go to (force, manual)")
  .option("--net <net...>", "only these traffic nets of the group")
  .option("--dry-run", "only say what it would do, and why, or why not")
  .option("--json", "for machines")
  .option("--mano <url>", "where the MANO listens", "http://127.0.0.1:9090")
  .option("--token-file <file>", "a file with a token of that MANO", process.env.SEMPRE_TOKEN_FILE)
  .option("--ca <file>", "the authorities that its certificate is believed by, in PEM", process.env.SEMPRE_CA_FILE)
  .addHelpText(
    "after",
    [
      "",
      "lockout   nothing is protected: each traffic net stays on its normal member, or returns to it",
      "force     traffic goes to --to and stays there, also when that is not its normal member",
      "manual    as force, but ends with the first failure",
      "exercise  would the failover of each member fire? changes no traffic",
      "clear     ends the command in place, and a wait-to-restore with it",
      "",
      "Examples:",
      "  ./sempre protection",
      "  ./sempre protection show media-relay",
      "  ./sempre protection force media-relay --to relay-b --net traffic_net0 --dry-run",
      "  ./sempre protection clear media-relay",
      "",
      "A kept lab's MANO is in a network namespace of its own; ./sempre demo --keep prints its name and address:",
      "  ip netns exec NAMESPACE ./sempre protection show --mano http://ADDRESS:9090",
    ].join("\n"),
  )
  .action(async (verb: ProtectionVerb, group: string | undefined, options: ProtectionOptions) => {
    const { protection } = await import("./cli/protection.ts");
    console.log(await protection(verb, group, options));
  });

program
  .command("validate")
  .description("check descriptors and packages, and show what protection they ask for; nothing is sent anywhere")
  .argument("<file...>", "VNFDs and NSDs; an NSD may use the VNFDs of the files before it")
  .option("--json", "for machines")
  .addHelpText(
    "after",
    [
      "",
      "Forms, told apart by what is in them:",
      "  SOL006    nfv: { vnfd: [...], nsd: [...] } in YAML or JSON, and OSM's way of writing it",
      "  SOL001    TOSCA templates, alone or with what they import in a package",
      "  SOL004    a package (zip): its checksums and its signature are checked too",
      "  OpenMANO  vnf: (0.1, 0.2) with the fields for redundancy at vnf:, scenarios 0.1, 0.2, 0.3",
      "  plain     vnfd: [...] and nsd: [...] as in examples/media-relay.yaml",
      "",
      "What is wrong is told as  file:line:column: path: what; what to do",
      "Exit status: 0 all are good, 1 something is wrong with one, 2 one cannot be read.",
      "",
      "Examples:",
      "  ./sempre validate examples/sol006/media-service.yaml",
      "  ./sempre validate --json vnfd.yaml nsd.yaml",
      "",
      "How to write one, and what a service availability level stands for: docs/how-to/write-a-descriptor.md",
    ].join("\n"),
  )
  .action(async (files: string[], { json }: { json?: boolean }) => {
    const { validate } = await import("./cli/validate.ts");
    const { text, exitCode } = await validate(files, json ?? false);
    console.log(text);
    process.exitCode = exitCode;
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

addBench(program, ROOT);

program
  .command("kill-matrix")
  .description("break VNFC A in every way, in each scheme and OpenFlow version, until each cell has so many runs of this version")
  .option("--runs <n>", "runs of each, those of earlier calls included", wholeNumber(1, 10_000), 30)
  .option("--pps <n>", "RTP packets per second: 1000, 500, 250 or 143", wholeNumber(143, 1000), 500)
  .addOption(new Option("--scheme <scheme>", "only this one").choices(["active-active", "active-passive", "duplicated"]))
  .addOption(new Option("--openflow <version>", "only this one").choices(["1.0", "1.3"]))
  .option("--only <story...>", "only these, such as kill or 'kill, VIM killed'")
  .option("--load <n>", "busy processes beside it", wholeNumber(0, 64), 0)
  .option("--probe-interval <time>", "time between two requests whether a member lives", duration, 250)
  .option("--since <commit>", "count the runs of every version since this commit too")
  .option("--summary", "only show what has been measured")
  .action(async ({ scheme, openflow, only, probeInterval, ...options }: KillMatrixOptions) => {
    const { benchKillMatrix } = await import("../bench/kill-matrix.ts");
    process.exitCode = await benchKillMatrix({
      ...options,
      root: ROOT,
      probeIntervalMs: probeInterval,
      schemes: scheme ? [scheme] : ["active-active", "active-passive"],
      versions: openflow ? [openflow] : ["1.3", "1.0"],
      ...(only ? { stories: only } : {}),
    });
  });

interface KillMatrixOptions {
  readonly runs: number;
  readonly pps: number;
  readonly scheme?: "active-active" | "active-passive" | "duplicated";
  readonly openflow?: "1.0" | "1.3";
  readonly only?: readonly string[];
  readonly load: number;
  readonly probeInterval: number;
  readonly since?: string;
  readonly summary?: boolean;
}

program
  .command("soak")
  .description("the demo's service under busy cores and no fault: whatever moves is a false alarm; keeps a line in bench/results")
  .option("--minutes <n>", "how long", wholeNumber(1, 10_000), 30)
  .option("--pps <n>", "RTP packets per second: 1000, 500, 250 or 143", wholeNumber(143, 1000), 250)
  .option("--load <n>", "busy processes beside it", wholeNumber(0, 64), 4)
  .option("--probe-interval <time>", "time between two requests whether a member lives", duration, 250)
  .action(async ({ probeInterval, ...options }: { minutes: number; pps: number; load: number; probeInterval: number }) => {
    const { soak } = await import("../bench/soak.ts");
    process.exitCode = await soak({ ...options, root: ROOT, probeIntervalMs: probeInterval });
  });

try {
  await program.parseAsync();
} catch (e) {
  // What the world did to us is one sentence; what we did wrong ourselves is a stack.
  console.error(e instanceof Fault ? `sempre: ${e.message}` : e);
  process.exitCode = 1;
}
