import { flushCompileCache } from "node:module";
import { type Config, readConfig } from "./config.ts";
import { systemClock } from "./lib/clock.ts";
import { Fault } from "./lib/fault.ts";
import { makeLog } from "./lib/log.ts";
import { holdFirst } from "./lib/priority.ts";

/** Runs one daemon until it is told to end. It changes no VM and no flow entry when it goes. Throws CONFIG before it has begun. */
export async function runDaemon(name: "vim" | "mano", path: string): Promise<void> {
  const config = readConfig(path);
  const log = makeLog(name);
  // Nobody listens to a daemon that has left a promise behind: it ends, is started again, and reads the world anew.
  process.on("uncaughtException", (error) => {
    log.fatal({ err: error }, "a bug ended this daemon");
    process.exit(70);
  });
  await using running = await start(name, config, path, log);
  flushCompileCache(); // Node writes it at an end in good order alone, and the next start should be quick after any.
  process.on("SIGHUP", () => running.reload());
  const priority = config[name]?.realTimePriority ?? 0;
  const told = new Promise<void>((settle) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => settle());
  });
  // It does all it has to do without, only later.
  if (priority > 0 && name === "vim") await rehearseFailover(log);
  const ending = new AbortController();
  if (priority > 0) void holdFirst(priority, { clock: systemClock, log, signal: ending.signal });
  const lost = await Promise.race([told, running.lost]);
  if (lost) {
    log.fatal({ err: lost }, "another daemon has taken over: this one ends and touches nothing more");
    process.exit(STALE_EXIT);
  }
  ending.abort();
  log.info("the daemon ends");
}

/** `EX_TEMPFAIL` of sysexits(3): nothing is wrong with the settings, but this daemon is not the one that leads. */
const STALE_EXIT = 75;

/** Where milliseconds count. After the start: what is to be led comes first. */
async function rehearseFailover(log: ReturnType<typeof makeLog>): Promise<void> {
  try {
    const { rehearse } = await import("./compose/vim-rehearsal.ts");
    const tookMs = await rehearse();
    log.info({ firstMs: tookMs[0], lastMs: tookMs.at(-1) }, "a failover was rehearsed, from the evidence to the wire");
  } catch (err) {
    log.warn({ err }, "no failover could be rehearsed: the first one will take some milliseconds longer");
  }
}

async function start(
  name: "vim" | "mano",
  config: Config,
  path: string,
  log: ReturnType<typeof makeLog>,
): Promise<AsyncDisposable & { readonly lost: Promise<Fault>; reload(): void }> {
  const missing = () => new Fault("CONFIG", `${path} has no "${name}": it is settings for another daemon`);
  if (name === "vim") {
    if (config.vim === undefined) throw missing();
    const { startVim } = await import("./vim.ts");
    return startVim(config.vim, { clock: systemClock, log });
  }
  if (config.mano === undefined) throw missing();
  const { startMano } = await import("./mano.ts");
  return startMano(config.mano, { clock: systemClock, log });
}
