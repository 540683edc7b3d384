import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";

const run = promisify(execFile);
export const ip = async (...args: string[]) => (await run("ip", args)).stdout;

/** Network namespaces of a test's own, taken away again. */
export async function namespaces(names: readonly string[], undo: AsyncDisposableStack): Promise<void> {
  for (const name of names) {
    await ip("netns", "add", name);
    undo.defer(async () => void (await ip("netns", "del", name)));
    await ip("-n", name, "link", "set", "dev", "lo", "up");
  }
}

const TELLER_PORT = 7;
const TELLER = `require("net").createServer((s) => s.on("error", () => {}).end(s.remoteAddress.replace("::ffff:", "") + "\\n"))
  .listen(${TELLER_PORT}, "::", () => console.log("ready"));`;

/** Whoever calls this namespace by TCP is told by which address it was seen. */
export async function startTeller(netns: string): Promise<AsyncDisposable> {
  const child: ChildProcess = spawn("ip", ["netns", "exec", netns, process.execPath, "-e", TELLER], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout!, "data");
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

/** By which address this namespace is seen at `at`, where a teller is; null: it does not get there within `seconds`. */
export function seenAs(netns: string, at: string, seconds = 5): Promise<string | null> {
  const call = ["netns", "exec", netns, "busybox", "nc", "-w", String(seconds), at, String(TELLER_PORT)];
  return run("ip", call, { timeout: 30_000 }).then(
    ({ stdout }) => stdout.trim() || null,
    () => null,
  );
}
