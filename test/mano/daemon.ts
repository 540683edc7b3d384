import { type ChildProcess, spawn } from "node:child_process";

const DAEMON = new URL("../../src/daemon.ts", import.meta.url).href;

/** The MANO as a process of its own, so that it can be killed. */
export class ManoDaemon implements AsyncDisposable {
  readonly process: ChildProcess;
  /** Its log, for a failing test. */
  log = "";

  /** `how`: to run Node with. */
  constructor(configPath: string, how: { readonly flags?: readonly string[]; readonly env?: NodeJS.ProcessEnv } = {}) {
    const code = `import { runDaemon } from ${JSON.stringify(DAEMON)}; await runDaemon("mano", ${JSON.stringify(configPath)});`;
    const program = [process.execPath, ...(how.flags ?? []), "--input-type=module", "-e", code];
    this.process = spawn("setpriv", ["--pdeathsig", "KILL", ...program], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, ...how.env },
    });
    this.process.stderr!.on("data", (chunk: Buffer) => (this.log += chunk.toString()));
  }

  async kill(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = new Promise((r) => this.process.once("exit", r));
    this.process.kill(signal);
    await gone;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill("SIGKILL");
  }
}
