import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Agent, type IncomingMessage, request } from "node:http";
import { createInterface } from "node:readline";
import { NODE_ENV, NODE_FLAGS } from "../src/lab/node-flags.ts";

export interface Daemon {
  readonly pid: number;
  readonly port: number;
  readonly adminPort: number;
  readonly openflowPort: number;
  kill(): Promise<void>;
  /** What it has worked since it started, ms. */
  cpuMs(): number;
  /** MiB, from /proc: now, and the most it ever was. */
  memory(): { readonly resident: number; readonly peak: number };
}

/** Kernel ticks of /proc/PID/stat (USER_HZ is 100). */
const MS_PER_TICK = 10;

/** As `daemon.ts` does it; so what it has compiled is kept as soon as it runs (decision 0121). */
const DAEMON = `
  const [{ startVim }, { systemClock }, { makeLog }] = await Promise.all(["vim.ts", "lib/clock.ts", "lib/log.ts"].map((f) => import(process.argv[1] + f)));
  const vim = await startVim(JSON.parse(process.argv[2]), { clock: systemClock, log: makeLog("vim") });
  console.log(JSON.stringify({ port: vim.port, adminPort: vim.adminPort, openflowPort: vim.openflowPort }));
  (await import("node:module")).flushCompileCache();`;

/** The VIM as a process of its own, on one core where that is said, with these flags of Node's besides. Throws where it ends at its start. */
export async function startDaemon(config: object, core: number | null = null, flags: readonly string[] = []): Promise<Daemon> {
  const src = new URL("../src/", import.meta.url).href;
  const args = [...NODE_FLAGS, ...flags, "--input-type=module", "-e", DAEMON, src, JSON.stringify(config)];
  const pinned = core === null ? [] : ["taskset", "-c", String(core)];
  const child: ChildProcess = spawn("setpriv", ["--pdeathsig", "KILL", ...pinned, process.execPath, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...NODE_ENV },
  });
  const gone = once(child, "exit");
  const line = (await Promise.race([once(createInterface({ input: child.stdout! }), "line"), gone])) as [string | number];
  if (typeof line[0] !== "string") throw new Error("the VIM ended at its start");
  return {
    ...(JSON.parse(line[0]) as Pick<Daemon, "port" | "adminPort" | "openflowPort">),
    pid: child.pid!,
    async kill() {
      child.kill("SIGKILL");
      await gone;
    },
    cpuMs() {
      const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]!.split(" ");
      return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
    },
    memory() {
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      const mib = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024;
      return { resident: mib("VmRSS"), peak: mib("VmHWM") };
    },
  };
}

/** One connection that stays. Resolves with the body; rejects where the answer is not 200. */
export function client(port: number): (method: string, path: string, body?: unknown) => Promise<Record<string, unknown>> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return async (method, path, body) => {
    const headers = { "content-type": "application/json" };
    const req = request({ port, host: "127.0.0.1", method, path: `/openvim${path}`, agent, headers });
    req.end(body === undefined ? undefined : JSON.stringify(body));
    const [reply] = (await once(req, "response")) as [IncomingMessage];
    let text = "";
    for await (const chunk of reply.setEncoding("utf8")) text += chunk;
    if (reply.statusCode !== 200) throw new Error(`${method} ${path}: ${reply.statusCode} ${text}`);
    return JSON.parse(text);
  };
}
