import { progressOn } from "../tools/progress.ts";
import { fuzzMano } from "./fuzz/mano-run.ts";
import { fuzz } from "./fuzz/run.ts";
import { keepLine } from "./kept.ts";

export interface FuzzBench {
  readonly root: string;
  readonly requests: number;
  /** The same seed, the same course. */
  readonly seed: number;
  /** Behind the gate: each request shows the token of some tenant and role, or none. */
  readonly tokens: boolean;
  readonly atOnce: number;
}

/** Of so many refused requests one is looked behind. */
const LOOK_EVERY = 20;

/**
 * Sends requests made from the OpenAPI document, good and bad, to a VIM in test mode. No answer may be a 500, each error has the original's
 * envelope, each success fits its schema, what was refused changed nothing, and at the end the rows agree with each other and with the store;
 * with tokens, nobody gets more than the role allows, hears of other tenants or changes what is theirs. Resolves with 1 where one does not.
 */
export async function benchFuzz({ root, requests, seed, tokens, atOnce }: FuzzBench): Promise<number> {
  const at = performance.now();
  const progress = progressOn(process.stderr, "asked", requests);
  const { statuses, findings, longestMs } = await fuzz({ seed, requests, tokens, atOnce, lookEvery: LOOK_EVERY, progress });
  return told(root, { seed, requests, tokens }, { statuses, findings, longestMs, ms: performance.now() - at });
}

/** The same for a MANO: from ETSI's definitions, where they are, and from our own tables. */
export async function benchManoFuzz({ root, requests, seed }: Pick<FuzzBench, "root" | "requests" | "seed">): Promise<number> {
  const at = performance.now();
  const progress = progressOn(process.stderr, "asked", requests);
  const { isByEtsi, ...found } = await fuzzMano({ seed, requests, progress });
  if (!isByEtsi)
    console.log("ETSI's definitions are not there (SEMPRE_ETSI names their folder): our own tables are asked for alone");
  return told(root, { of: "mano", seed, requests, isByEtsi }, { ...found, ms: performance.now() - at });
}

interface Found {
  readonly statuses: ReadonlyMap<number, number>;
  readonly findings: readonly string[];
  readonly longestMs: number;
  readonly ms: number;
}

interface Asked {
  readonly of?: "mano";
  readonly seed: number;
  readonly requests: number;
  readonly tokens?: boolean;
  readonly isByEtsi?: boolean;
}

function told(root: string, run: Asked, found: Found): number {
  const { statuses, findings, longestMs } = found;
  const seconds = Math.round(found.ms / 1_000);
  for (const finding of findings) console.log(finding);
  const counts = [...statuses].sort(([a], [b]) => a - b);
  const what = `seed ${run.seed}, ${run.requests} requests ${run.tokens ? "with tokens " : ""}`;
  console.log(`${what}in ${seconds} s, longest ${longestMs.toFixed(0)} ms:`);
  console.log(counts.map(([status, n]) => `${status} ×${n}`).join(", "));
  console.log(findings.length === 0 ? "nothing wrong" : `${findings.length} wrong`);
  keepLine(root, "fuzz", { ...run, seconds, longestMs, statuses: Object.fromEntries(counts), wrong: findings.length });
  return findings.length === 0 ? 0 : 1;
}
