import { appendFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { join } from "node:path";
import { ms } from "../src/cli/table.ts";
import { followMano, followVim } from "../src/lab/event-streams.ts";
import { ensureGuestImage } from "../src/lab/image.ts";
import { type RunningLab, startLab } from "../src/lab/lab.ts";
import { LAB_FOLDER, removeLeftovers } from "../src/lab/leftovers.ts";
import { systemClock } from "../src/lib/clock.ts";
import { whenInterrupted } from "./interrupted.ts";
import { versionOf } from "./matrix/ledger.ts";
import { loss, Tally } from "./soak/tally.ts";

export interface Soak {
  readonly root: string;
  readonly minutes: number;
  readonly pps: number;
  /** Busy processes beside it all. */
  readonly load: number;
  readonly probeIntervalMs: number;
}

const MINUTE_MS = 60_000;
/** Guests have booted, and what starts has been compiled, ms. */
const SETTLE_MS = 5_000;

/**
 * The demo's service under busy cores, asked all the time whether it lives, and nothing is done to it: whatever moves is a false alarm.
 * A line each minute, one in git at the end. Gives the exit status: 0 where no traffic was moved and nobody was fenced.
 */
export async function soak({ root, minutes, pps, load, probeIntervalMs }: Soak): Promise<number> {
  const version = versionOf(root); // Before the first daemon is started: it runs what stands here then.
  const stopped = whenInterrupted();
  await removeLeftovers(join(root, LAB_FOLDER), console.log);
  const image = await ensureGuestImage(join(root, ".cache", "guest"), console.log);
  const runFolder = join(root, "var", "bench", `soak-${Date.now()}`);
  const options = { scheme: "active-active", openflow: "1.3", mode: "push", pollIntervalMs: 1000, video: false } as const;
  await using lab = await startLab({
    ...{ ...options, root, runFolder, image, pps, load, tuning: { probeIntervalMs } },
    progress: console.log,
  });
  await systemClock.sleep(SETTLE_MS, stopped).catch(() => {});
  const tally = new Tally();
  using _mano = followMano(lab.manoUrl, (event) => tally.hearMano(event));
  using _vim = followVim(lab.vimUrl, (event) => tally.hearVim(event));
  console.log(`\n${minutes} min, ${load} busy processes, asked every ${probeIntervalMs} ms; nothing is done to the service`);
  const watched = await watch(lab, tally, minutes, stopped);
  const restarts = lab.daemons.vim.restarts + lab.daemons.mano.restarts;
  const line = {
    ...{ at: new Date().toISOString(), what: "soak", version, pps, load, probeIntervalMs, ...watched, ...tally.counts, restarts },
    machine: { cpu: cpus()[0]?.model, cores: cpus().length, kernel: release(), node: process.versions.node },
  };
  appendFileSync(join(root, "bench", "results", "soak.jsonl"), `${JSON.stringify(line)}\n`);
  const isQuiet = tally.counts.moves === 0 && tally.counts.fences === 0;
  console.log(`\n${isQuiet ? "no traffic was moved and nobody was fenced" : `NOT QUIET: ${tally.reasons.join("; ")}`}`);
  return isQuiet ? 0 : 1;
}

/** Minute by minute; packets are counted over the whole time, silences of each minute. */
async function watch(lab: RunningLab, tally: Tally, minutes: number, signal: AbortSignal) {
  const viewers = [lab.viewers.A, lab.viewers.B];
  const latest = () => Promise.all(viewers.map((v) => v.latest()));
  const before = await latest();
  const startedAt = systemClock.now();
  let longestSilenceMs = 0;
  let fromMs = startedAt;
  let loadMax = 0;
  for (let minute = 1; minute <= minutes && !signal.aborted; minute++) {
    await systemClock.sleep(Math.max(0, startedAt + minute * MINUTE_MS - systemClock.now()), signal).catch(() => {});
    const toMs = systemClock.now();
    const seen = await Promise.all(viewers.map((v) => v.measure({ fromMs, toMs, faultMs: fromMs })));
    fromMs = toMs;
    const silences = seen.map((m) => m.longestSilence.ms);
    longestSilenceMs = Math.max(longestSilenceMs, ...silences);
    loadMax = Math.max(loadMax, loadavg()[0] ?? 0);
    const lost = (await latest()).map((now, i) => loss(before[i]!, now));
    const said = `lost ${lost.map((l) => l.lost).join(" and ")} of ${lost.map((l) => l.sent).join(" and ")}, longest silence ${ms(Math.max(...silences))} ms`;
    console.log(`  ${String(minute).padStart(3)} of ${minutes} min: ${said}, load ${loadavg()[0]?.toFixed(1)}; ${tally.text()}`);
  }
  const [a, b] = (await latest()).map((now, i) => loss(before[i]!, now));
  return {
    minutes: Math.round((systemClock.now() - startedAt) / MINUTE_MS),
    lostA: a?.lost,
    lostB: b?.lost,
    sent: a?.sent,
    longestSilenceMs,
    loadMax,
  };
}
