import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../free-port.ts";

const MANAGER = "/usr/bin/osken-manager";
const APP = join(import.meta.dirname, "floodlight_app.py");
const START_LIMIT_MS = 90_000;

/** Debian's python3-os-ken is there. */
export const hasOsKen = existsSync(MANAGER);

/** A controller process of its own: os-ken with `floodlight_app.py`. */
export interface OsKen extends AsyncDisposable {
  /** Of its REST interface, on loopback. */
  readonly url: string;
  readonly openflowPort: number;
  /** kill -9: what it kept in memory is lost. */
  kill(): Promise<void>;
  /** After `kill`, at the same ports. */
  start(): Promise<void>;
}

/** `host`: where switches connect to it. */
export async function startOsKen(host: string): Promise<OsKen> {
  const [openflowPort, restPort] = [await freePort(host), await freePort("127.0.0.1")];
  const url = `http://127.0.0.1:${restPort}`;
  let child: ChildProcess;
  const start = async () => {
    const args = ["--ofp-listen-host", host, "--ofp-tcp-listen-port", String(openflowPort), APP];
    const stdio = process.env["OSKEN_LOG"] ? "inherit" : "ignore";
    child = spawn(MANAGER, args, { env: { ...process.env, REST: `127.0.0.1:${restPort}`, PYTHONDONTWRITEBYTECODE: "1" }, stdio });
    const giveUpAt = performance.now() + START_LIMIT_MS;
    while (!(await fetch(`${url}/wm/core/controller/switches/json`).catch(() => null))) {
      if (performance.now() > giveUpAt || child.exitCode !== null)
        throw new Error("os-ken did not start: run the test with OSKEN_LOG=1");
      await sleep(50);
    }
  };
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };
  await start();
  return { url, openflowPort, kill, start, [Symbol.asyncDispose]: kill };
}
