import { median } from "../src/lab/stats.ts";
import type { Word } from "./between.ts";

/** One stretch of the way in which libvirtd owed nothing, ms. */
export interface Step {
  /** What ended it. */
  readonly what: string;
  /** The last thing before it, and the first after it. */
  readonly between: string;
  readonly ms: number;
}

type Mark = Pick<Word, "at" | "what"> & Partial<Pick<Word, "owes">>;

export interface Way {
  /** monotonic ms. */
  readonly from: number;
  readonly to: number;
  readonly libvirt: readonly Word[];
  /** Whatever else was heard on the way: what they owe does not count. */
  readonly others: readonly Mark[];
}

/** The ends of the parts of the way, in this order; the last ends it. */
const ENDS = ["answered", "domainXml", "define", "create"] as const;
const TOLD = "told";

/** All stretches in which nobody waited for libvirtd: their sum is ours. */
export function ourSteps({ from, to, libvirt, others }: Way): Step[] {
  const marks: Mark[] = [...libvirt, ...others.map(({ at, what }) => ({ at, what }))];
  const within = marks.filter((w) => w.at >= from && w.at < to).sort((a, b) => a.at - b.at);
  const ends = ENDS.map((what) => ({ what: what as string, at: within.find((w) => w.what === what)?.at ?? from }));
  let owes = libvirt.findLast((w) => w.at < from)?.owes ?? 0;
  const steps: Step[] = [];
  let before: Mark = { at: from, what: "POST" };
  for (const mark of [...within, { at: to, what: TOLD }]) {
    const what = ends.find((e) => e.at >= mark.at)?.what ?? TOLD;
    if (owes === 0) steps.push({ what, between: `${before.what} → ${mark.what}`, ms: mark.at - before.at });
    owes = mark.owes ?? owes;
    before = mark;
  }
  return steps;
}

export interface MedianStep {
  readonly what: string;
  readonly ms: number;
}

/** What the steps of several ways took, by `of`: the median over the ways, one that had none of a kind counts as 0. In the order of the ways. */
export function medianSteps(ways: readonly (readonly Step[])[], of: (step: Step) => string): MedianStep[] {
  const sums = ways.map((steps) => {
    const sum = new Map<string, number>();
    for (const step of steps) sum.set(of(step), (sum.get(of(step)) ?? 0) + step.ms);
    return sum;
  });
  const kinds = new Set(sums.flatMap((sum) => [...sum.keys()]));
  return [...kinds].map((what) => ({ what, ms: median(sums.map((sum) => sum.get(what) ?? 0)) ?? 0 }));
}
