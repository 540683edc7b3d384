import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, rmSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { cpus, release, totalmem } from "node:os";
import { join, relative } from "node:path";
import { runFolders } from "../cli/stores.ts";
import { ms } from "../cli/table.ts";
import { systemClock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { type Moment, runOnce } from "./experiment.ts";
import { FAULT_KINDS, type FaultKind } from "./fault-injection.ts";
import { ensureGuestImage } from "./image.ts";
import { type RunningLab, SCHEMES, type SchemeName, startLab } from "./lab.ts";
import { endLiveLabs, LAB_FOLDER, removeLeftovers } from "./leftovers.ts";
import { momentLine, runLine, summaryText, timesTable } from "./printed.ts";
import { type DemoResult, type DemoRun, summarise } from "./result.ts";
import { run } from "./run.ts";

export interface DemoOptions {
  readonly fault: FaultKind;
  readonly mode: "push" | "poll" | "both";
  readonly scheme: SchemeName;
  readonly openflow: "1.0" | "1.3";
  /** Poll interval, ms. */
  readonly interval: number;
  readonly runs: number;
  readonly pps: number;
  readonly hosts: number;
  /** Otherwise than the example has it, ms. */
  readonly probeInterval?: number;
  readonly load?: number;
  readonly video?: boolean;
  readonly json?: string;
  readonly report?: string;
  readonly keep?: boolean;
  readonly root: string;
  readonly runsFolder: string;
}

/** Set for the copy of this program that goes on in the background with a kept lab. */
const KEEPER = "SEMPRE_KEEPER";
/** Runs whose every moment is printed; of more, each has one line. */
const TOLD_RUNS_MAX = 3;
/** Folders of earlier runs that are kept. */
const RUNS_KEPT = 10;

/** The command. Gives the exit status: 0 only when in every run all viewers were seen served again. */
export async function demo(options: DemoOptions): Promise<number> {
  if (options.scheme === "duplicated" && options.mode !== "push")
    throw new Fault(
      "INVALID",
      "the reference mode (--mode poll, both) redirects traffic, and with --scheme duplicated there is none to redirect",
    );
  if (options.keep && process.env[KEEPER] === undefined) return keepInBackground();
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interrupted.abort(signal));
  const stopped = new Promise<never>((_, reject) => {
    interrupted.signal.addEventListener("abort", () =>
      reject(new Fault("STOPPED", `by ${interrupted.signal.reason}; everything is cleaned up`)),
    );
  });
  stopped.catch(() => {}); // It may come when nobody waits for it any more.
  try {
    return await show(options, stopped, interrupted.signal);
  } catch (e) {
    // Ctrl-C ends the daemons too: what fails for want of them is the end that was asked for.
    if (interrupted.signal.aborted) await stopped;
    throw e;
  }
}

async function show(options: DemoOptions, stopped: Promise<never>, signal: AbortSignal): Promise<number> {
  const startedAt = systemClock.now();
  const progress = (line: string) => console.log(`${ms((systemClock.now() - startedAt) / 1000).padStart(6)} s  ${line}`);
  await removeLeftovers(join(options.root, LAB_FOLDER), progress);
  const image = await ensureGuestImage(join(options.root, ".cache", "guest"), progress);
  const runFolder = join(options.runsFolder, new Date().toISOString().replaceAll(":", "").replace(/\..*/, ""));
  forgetOldRuns(options.runsFolder);

  await using lab = await startLab({
    ...options,
    runFolder,
    image,
    mode: options.mode === "poll" ? "poll" : "push",
    pollIntervalMs: options.interval,
    video: options.video ?? false,
    tuning: { probeIntervalMs: options.probeInterval },
    progress,
    stopped,
  });
  progress(`ready: both viewers are served; the fault is '${options.fault}': ${FAULT_KINDS[options.fault]}`);
  const runs = await Promise.race([allRuns(lab, options), stopped]);
  const result: DemoResult = {
    startedAt: new Date().toISOString(),
    packetsPerSecond: options.pps,
    runs,
    summary: summarise(runs),
    machine: machine(),
    versions: await versions(image.release),
  };
  const files = await writeFiles(result, options, runFolder);
  console.log(`\n${timesTable(runs)}\n\n${summaryText(result)}\n\n${files.join("\n")}`);
  const status = runs.every((r) => r.verified) && result.summary.missed === 0 ? 0 : 1;
  if (options.keep) await keepUntilStopped(lab, signal, status);
  return status;
}

async function allRuns(lab: RunningLab, options: DemoOptions): Promise<DemoRun[]> {
  const scheme = SCHEMES[options.scheme];
  const results: DemoRun[] = [];
  for (const mode of options.mode === "both" ? (["push", "poll"] as const) : [options.mode]) {
    if (options.mode === "both" && mode === "poll") await lab.setMode("poll");
    for (let i = 1; i <= options.runs; i++) {
      const isTold = options.runs <= TOLD_RUNS_MAX;
      if (isTold) console.log(`\nrun ${i} of ${options.runs}, ${mode}`);
      const onMoment = (moment: Moment, faultAt: number | null) => {
        if (isTold && faultAt !== null) console.log(momentLine(moment.at - faultAt, moment.text));
      };
      const result = await runOnce(lab, { fault: options.fault, mode, scheme, onMoment });
      results.push(result);
      if (!isTold) console.log(runLine(i, result));
    }
  }
  return results;
}

async function writeFiles(result: DemoResult, options: DemoOptions, runFolder: string): Promise<string[]> {
  const { reportHtml } = await import("./report.ts");
  const report = options.report ?? join(runFolder, "report.html");
  const json = options.json ?? join(runFolder, "result.json");
  await writeFile(report, reportHtml(result));
  await writeFile(json, JSON.stringify(result, null, 2));
  const videos = (await readdir(runFolder)).filter((f) => f.endsWith(".ts"));
  const shown = (path: string) => relative(process.cwd(), path) || path;
  return [
    `report       ${shown(report)}`,
    `result       ${shown(json)}`,
    ...videos.map((v) => `recording    ${shown(join(runFolder, v))}`),
    "look further ./sempre failovers · ./sempre show",
  ];
}

function forgetOldRuns(runsFolder: string): void {
  for (const folder of runFolders(runsFolder).slice(RUNS_KEPT - 1)) rmSync(folder, { recursive: true, force: true });
}

const machine = (): DemoResult["machine"] => ({
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  kernel: release(),
});

async function versions(guest: string): Promise<DemoResult["versions"]> {
  const first = async (command: string, args: string[], pattern: RegExp) =>
    pattern.exec(await run(command, args))?.[1] ?? "unknown";
  return {
    node: process.versions.node,
    openvswitch: await first("ovs-vswitchd", ["--version"], /(\d+\.\d+\.\d+)/),
    libvirt: await first("libvirtd", ["--version"], /(\d+\.\d+\.\d+)/),
    qemu: await first("qemu-system-x86_64", ["--version"], /(\d+\.\d+\.\d+)/),
    ffmpeg: await first("ffmpeg", ["-version"], /version (\S+)/),
    guestKernel: guest,
  };
}

/** Runs the demo in a process of its own, which stays with the lab when the demo is over; this one ends then. */
async function keepInBackground(): Promise<number> {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    detached: true,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env: { ...process.env, [KEEPER]: "1" },
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  const kept = once(child, "message").then(([status]) => Number(status));
  const ended = once(child, "exit").then(([code]) => Number(code ?? 1));
  const status = await Promise.race([kept, ended]);
  if (child.connected) child.disconnect();
  child.unref();
  return status;
}

/** Says how to look in, lets the terminal go, and waits for `./sempre down`. */
async function keepUntilStopped(lab: RunningLab, signal: AbortSignal, status: number): Promise<void> {
  const inside = `ip netns exec ${lab.netns}`;
  console.log(
    [
      "",
      "The lab is kept and goes on running. To look into it:",
      `  ${inside} ovs-ofctl -O OpenFlow13 dump-flows ${lab.ovs.management("br0")}`,
      `  ${inside} ovs-ofctl -O OpenFlow13 dump-groups ${lab.ovs.management("br0")}`,
      `  ${inside} curl -s ${lab.manoUrl}/mano/v1/ns_instances`,
      `  ${inside} curl -sN -H 'Accept: text/event-stream' ${lab.manoUrl}/mano/v1/events`,
      `  ${inside} curl -s ${lab.vimUrl}/networks`,
      `  ${inside} tcpdump -ni p3 udp port 5004`,
      `  daemons: VIM pid ${lab.daemons.vim.pid}, MANO pid ${lab.daemons.mano.pid}, ovs-vswitchd pid ${lab.ovs.switchPid}, libvirtd socket ${lab.libvirt.socketPath}`,
      "  ./sempre show",
      "To end it:  ./sempre down",
    ].join("\n"),
  );
  process.send?.(status);
  process.disconnect?.();
  letGoOfTerminal();
  if (!signal.aborted) await once(signal, "abort");
}

/** The descriptors 1 and 2 are somebody's pipe or terminal, which would wait for us: from now on they lead nowhere. */
function letGoOfTerminal(): void {
  for (const fd of [1, 2]) {
    closeSync(fd);
    openSync("/dev/null", "w"); // The lowest free number: the one just closed.
  }
}

/** Ends labs that are kept, and removes what killed ones left. */
export async function removeLabs(root: string): Promise<string> {
  const folder = join(root, LAB_FOLDER);
  const ended = await endLiveLabs(folder);
  const removed = await removeLeftovers(folder);
  const all = [...new Set([...ended, ...removed])];
  return all.length === 0 ? "there is no lab to remove" : `removed: ${all.join(", ")}`;
}
