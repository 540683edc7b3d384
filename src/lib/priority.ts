import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Clock } from "./clock.ts";
import { Fault } from "./fault.ts";
import type { Log } from "./log.ts";

/**
 * Gives all threads of this process real-time priority (SCHED_FIFO); threads made later inherit it. Throws Fault NOT_ALLOWED where
 * this user may not (CAP_SYS_NICE, or RLIMIT_RTPRIO too low).
 */
export async function runFirst(priority: number): Promise<void> {
  await schedule("--fifo", priority).catch((e: Error) => {
    throw new Fault("NOT_ALLOWED", `real-time priority ${priority} is refused: ${e.message.trim()}`, { priority }, { cause: e });
  });
}

/** Back among the others. */
const runAsOthers = (): Promise<void> => schedule("--other", 0);

async function schedule(policy: "--fifo" | "--other", priority: number): Promise<void> {
  await promisify(execFile)("chrt", ["--all-tasks", policy, "--pid", String(priority), String(process.pid)]);
}

/** Of one core, by all threads of this process together. Far more than a failover, a mass failure or a day's work takes for a minute. */
const MOST = 0.6;
/** Once it has worked no more than this, what was wrong is over. */
const CALM = 0.3;
const LOOK_MS = 10_000;
const LOOKS = 6;

/** Whether it has real-time priority, and how many looks in a row have spoken against that. */
export interface Hold {
  readonly isFirst: boolean;
  readonly against: number;
}

/** After one more look at the share of a core that was worked since the last one: between the two marks nothing is changed, and nothing counted. */
export function afterLook({ isFirst, against }: Hold, share: number): Hold {
  const isAgainst = isFirst ? share > MOST : share < CALM;
  if (!isAgainst) return { isFirst, against: 0 };
  return against + 1 < LOOKS ? { isFirst, against: against + 1 } : { isFirst: !isFirst, against: 0 };
}

export interface HoldOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** ms between two looks; left out: ten seconds. */
  readonly lookMs?: number;
}

/**
 * Runs first for as long as that starves nobody: a process that works for a minute on end is asked too much or is broken, and at
 * real-time priority it takes its host from the guests and daemons there. It gives the priority up then, and takes it again after a calm minute.
 * Resolves when `signal` is aborted, or at once where the priority is refused; it is all told in the log.
 */
export async function holdFirst(priority: number, { clock, log, signal, lookMs = LOOK_MS }: HoldOptions): Promise<void> {
  try {
    await runFirst(priority);
  } catch (err) {
    log.warn({ err }, "the daemon runs at normal priority");
    return;
  }
  let hold: Hold = { isFirst: true, against: 0 };
  let [at, worked] = [clock.now(), workedMs()];
  while (await waited(clock.sleep(lookMs, signal))) {
    const [now, nowWorked] = [clock.now(), workedMs()];
    const share = (nowWorked - worked) / (now - at);
    const next = afterLook(hold, share);
    [at, worked] = [now, nowWorked];
    if (next.isFirst === hold.isFirst || (await isTurned(next.isFirst, priority, share, log))) hold = next; // Else the next look tries again.
  }
}

async function isTurned(isFirst: boolean, priority: number, share: number, log: Log): Promise<boolean> {
  const about = { priority, share: Number(share.toFixed(2)) };
  try {
    await (isFirst ? runFirst(priority) : runAsOthers());
    if (isFirst) log.info(about, "calm for a minute: the daemon has real-time priority again");
    else
      log.warn(
        about,
        "busy for a minute: the daemon gives its real-time priority up, so that it starves nobody; a failover may come some ms later",
      );
    return true;
  } catch (err) {
    log.warn({ err, ...about }, "the daemon's priority could not be changed");
    return false;
  }
}

function workedMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const waited = (sleep: Promise<void>): Promise<boolean> =>
  sleep.then(
    () => true,
    () => false,
  );
