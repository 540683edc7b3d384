import { execFileSync } from "node:child_process";

/**
 * Real-time priority (SCHED_FIFO) of what must act or measure at once. Guests do what guests do; a switch, a controller or a measuring
 * viewer that waits for them on a machine of two cores would show the machine's scheduler and not the failover. In the field the
 * switch's unit file says the same (`CPUSchedulingPolicy=fifo`), the daemons take it by themselves when they are ready
 * (`realTimePriority`), and viewers are machines of their own.
 */
const PRIORITY = 5;
/** The switch forwards for all of them; its database tells of its links. Both start in milliseconds. */
export const SWITCH_PRIORITY = 10;
export const DATABASE_PRIORITY = PRIORITY;

/** Ends with the process that started it, also where that is killed: nothing of a lab runs on without it. */
const WITH_US = ["setpriv", "--pdeathsig", "KILL"] as const;

let allowed: boolean | undefined;

/** What the daemons take when they are ready; 0 where this machine allows none. */
export const daemonPriority = (): number => (isAllowed() ? PRIORITY : 0);

/** The command with real-time priority, where this machine allows that; it ends with this process. */
export function first(command: string, args: readonly string[], priority = PRIORITY): readonly [string, ...string[]] {
  const [program, ...flags] = WITH_US;
  return [program, ...flags, ...(isAllowed() ? ["chrt", "--fifo", String(priority)] : []), command, ...args];
}

/**
 * The command before others and not before all (`Nice=-10` of a unit file): how a daemon starts that takes real-time priority when it
 * is ready. It is there in a second or three beside a dozen busy processes, and a guest still has its turn every few milliseconds. It ends with this process.
 */
export function soon(command: string, args: readonly string[]): readonly [string, ...string[]] {
  const [program, ...flags] = WITH_US;
  return [program, ...flags, ...(isAllowed() ? ["nice", "-n", "-10"] : []), command, ...args];
}

function isAllowed(): boolean {
  allowed ??= mayRunFirst();
  return allowed;
}

function mayRunFirst(): boolean {
  try {
    execFileSync("chrt", ["--fifo", String(PRIORITY), "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
