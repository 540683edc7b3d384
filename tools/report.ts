/** A case in which ours and the recorded answer are not the same. */
export interface Finding {
  /** Which one: a line number, a tag. */
  readonly title: string;
  readonly input: unknown;
  /** One sentence each. */
  readonly differs: readonly string[];
  readonly recorded: unknown;
  readonly ours: unknown;
}

/** One that differs on purpose: the decision record says why. */
export interface Listed {
  readonly title: string;
  /** Such as "0006 (2)". */
  readonly decision: string;
  readonly why: string;
}

/** One that could not be compared. */
export interface Skipped {
  readonly title: string;
  readonly why: string;
}

export interface Outcome {
  readonly same: number;
  readonly mismatches: readonly Finding[];
  readonly listed: readonly Listed[];
  readonly skipped: readonly Skipped[];
}

/** An exit status: 0 where nothing differs but what is listed. */
export const exitOf = ({ mismatches }: Outcome): 0 | 1 => (mismatches.length === 0 ? 0 : 1);

/** What is printed, whole. */
export function reportText(outcome: Outcome, { verbose = false } = {}): string {
  const { same, mismatches, listed, skipped } = outcome;
  const total = same + mismatches.length + listed.length + skipped.length;
  return [
    ...mismatches.map(findingText),
    ...listedText(listed, verbose),
    ...skippedText(skipped),
    `${total} cases: ${same} the same, ${listed.length} different on purpose, ${skipped.length} not compared, ${mismatches.length} mismatches`,
  ].join("\n");
}

const findingText = (f: Finding): string =>
  [
    `MISMATCH ${f.title}`,
    `  input:    ${oneLine(f.input)}`,
    ...f.differs.map((d) => `  differs:  ${d}`),
    `  recorded: ${oneLine(f.recorded)}`,
    `  ours:     ${oneLine(f.ours)}`,
    "",
  ].join("\n");

function listedText(listed: readonly Listed[], verbose: boolean): string[] {
  if (listed.length === 0) return [];
  const byReason = Map.groupBy(listed, (l) => `docs/decisions/${l.decision}: ${l.why}`);
  return [
    "Different on purpose:",
    ...[...byReason].flatMap(([reason, cases]) => [`  ${cases.length} × ${reason}`, `      ${titles(cases, verbose)}`]),
    "",
  ];
}

const SHOWN = 8;
function titles(cases: readonly { readonly title: string }[], verbose: boolean): string {
  const all = cases.map((c) => c.title);
  return verbose || all.length <= SHOWN
    ? all.join(", ")
    : `${all.slice(0, SHOWN).join(", ")} and ${all.length - SHOWN} more (--verbose)`;
}

const skippedText = (skipped: readonly Skipped[]): string[] =>
  skipped.length === 0 ? [] : ["Not compared:", ...skipped.map((s) => `  ${s.title}: ${s.why}`), ""];

const TEXT_MAX = 2_000;
/** Whole where it is short; a long one is told to be cut. */
function oneLine(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
  return text.length <= TEXT_MAX ? text : `${text.slice(0, TEXT_MAX)}… (${text.length} characters)`;
}
