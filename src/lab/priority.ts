import { execFileSync } from "node:child_process";

/**
 * Real-time priority (SCHED_FIFO) of what must act or measure at once. Guests do what guests do; a switch, a controller or a measuring
 * viewer that waits for them on a machine of two cores would show the machine's scheduler and not the failover. In the field the
 * daemons' unit files say the same (`CPUSchedulingPolicy=fifo`), and viewers are machines of their own.
 */
const PRIORITY = 5;
/** The switch forwards for all of them. */
export const SWITCH_PRIORITY = 10;

let allowed: boolean | undefined;

/** The command with real-time priority, where this machine allows that; else as it is. */
export function first(command: string, args: readonly string[], priority = PRIORITY): readonly [string, ...string[]] {
  allowed ??= mayRunFirst();
  return allowed ? ["chrt", "--fifo", String(priority), command, ...args] : [command, ...args];
}

function mayRunFirst(): boolean {
  try {
    execFileSync("chrt", ["--fifo", String(PRIORITY), "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
