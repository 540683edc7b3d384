/** What the kernel has counted of one thread of a guest's process since it began, and whether it wants to run now. */
export interface ThreadTimes {
  readonly id: number;
  readonly ranMs: number;
  /** In the run queue of a core, before each time it ran: a wait that goes on is not in it yet. */
  readonly waitedMs: number;
  /** How often it was given a core. */
  readonly runs: number;
  /** It runs, or would if a core were free for it. */
  readonly isRunnable: boolean;
  /** Of a core that may go without a tick (nohz_full): what it has run there of late need not be counted yet. */
  readonly isTickless?: true;
}
