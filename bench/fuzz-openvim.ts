import { progressOn } from "../tools/progress.ts";
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
  const seconds = Math.round((performance.now() - at) / 1_000);
  for (const finding of findings) console.log(finding);
  const counts = [...statuses].sort(([a], [b]) => a - b);
  console.log(
    `seed ${seed}, ${requests} requests ${tokens ? "with tokens " : ""}in ${seconds} s, longest ${longestMs.toFixed(0)} ms:`,
  );
  console.log(counts.map(([status, n]) => `${status} ×${n}`).join(", "));
  console.log(findings.length === 0 ? "nothing wrong" : `${findings.length} wrong`);
  keepLine(root, "fuzz", {
    seed,
    requests,
    tokens,
    seconds,
    longestMs,
    statuses: Object.fromEntries(counts),
    wrong: findings.length,
  });
  return findings.length === 0 ? 0 : 1;
}
