import type { FabricEntry } from "../../src/steer/fabric.ts";
import type { Numbered } from "../recording.ts";
import type { Finding, Listed, Outcome } from "../report.ts";
import { type FlowCase, type Ours, oursOf, type RecordedFlow } from "./case.ts";
import { isContested, wrongWays } from "./reach.ts";

export type Verdict =
  | { readonly is: "same" }
  | { readonly is: "listed"; readonly decision: string; readonly why: string }
  | { readonly is: "mismatch"; readonly differs: readonly string[] };

/** Holds our entries against those of OpenVIM, and both against what the nets ask for. Never throws for a well-formed case. */
export function judge(recorded: FlowCase, ours: Ours = oursOf(recorded)): Verdict {
  if (isChained(recorded)) return listed("0006 (6)", "a net is bound to one that is bound itself, which ours refuses");
  const contested = isContested(ours.nets);
  const wrong = contested ? [] : wrongWays(ours.nets, ours.table);
  if (wrong.length > 0) return { is: "mismatch", differs: wrong };
  const { out } = recorded;
  if (out.exception !== undefined) return listed("0006 (4)", "the original crashes on these nets; ours carries them");
  if (out.error) return judgeRefused(out.error, ours);
  if (ours.problems.length > 0)
    return { is: "mismatch", differs: [`ours refuses (${ours.problems.join("; ")}), the original does not`] };
  const verdict = judgeEntries(ours, recordedCopies(out.flows ?? []));
  if (verdict.is === "same" || !contested) return verdict;
  return listed("0006 (3)", "two nets claim one place of the switch, which ours refuses when the second is made");
}

/** Entries towards a third net, or towards itself: the original has them or not by which of the nets it computed last. */
const isChained = ({ nets }: FlowCase): boolean =>
  nets.some((n) => nets.some((to) => to.uuid === n.bind_net && nets.some((beyond) => beyond.uuid === to.bind_net)));

const listed = (decision: string, why: string): Verdict => ({ is: "listed", decision, why });

/** Both must say what is wrong; the original then carries nothing of the net, ours carries the rest of it. */
function judgeRefused(error: string, { problems }: Ours): Verdict {
  if (problems.length === 0) return { is: "mismatch", differs: [`the original refuses (${error}), ours does not`] };
  const isSame = problems.includes(error) || !error.startsWith("switch port name");
  if (!isSame) return { is: "mismatch", differs: [`the original says ${error}, ours ${problems.join("; ")}`] };
  return listed("0006 (5)", "both tell the same error; ours carries the ports that are there");
}

function judgeEntries({ nets, listed: entries }: Ours, theirs: readonly string[]): Verdict {
  const ours = copiesOf(entries);
  const [more, less] = [ours.filter((c) => !theirs.includes(c)), theirs.filter((c) => !ours.includes(c))];
  if (more.length === 0 && less.length === 0) return { is: "same" };
  if (sharesSwitchPort(nets)) return listed("0006 (2)", "ports of one switch port with different VLANs are told apart");
  return {
    is: "mismatch",
    differs: [...more.map((c) => `only ours: ${c}`), ...less.map((c) => `only the original's: ${c}`)],
  };
}

const copyText = (priority: number, inPort: string, vlan: unknown, dst: string | null, port: unknown, tag: unknown) =>
  `${priority} ${inPort} vlan=${vlan ?? "none"} dst=${dst ?? "any"} → ${port} vlan=${tag ?? "none"}`;

/**
 * One line for each match and place where a copy leaves. Independent of the order of entries, of needless tag writes, and of whether
 * copies of one match stand in one entry or in several (decision 0006 (1)).
 */
export const copiesOf = (entries: readonly FabricEntry[]): string[] =>
  distinct(entries.flatMap((e) => e.out.map((o) => copyText(e.priority, e.inPort, e.vlan, e.ethDst, o.port, o.vlan))));

function recordedCopies(flows: readonly RecordedFlow[]): string[] {
  const lines = flows.flatMap((f) => {
    let tag: unknown = f.vlan_id ?? null;
    return f.actions.flatMap(([what, value]) => {
      if (what === "vlan") tag = value;
      return what === "out" ? [copyText(f.priority, f.ingress_port, f.vlan_id, f.dst_mac ?? null, value, tag)] : [];
    });
  });
  return distinct(lines);
}

const distinct = (lines: readonly string[]) => [...new Set(lines)].sort();

/** The original compares a flow's `vlan` where flows carry `vlan_id`: of two such ports the second is led nowhere. */
function sharesSwitchPort(nets: Ours["nets"]): boolean {
  const names = nets.flatMap((n) => n.ports.map((p) => p.switchPort));
  return new Set(names).size < names.length;
}

/** Judges all of them. `progress` is told how many are done. */
export function judgeAll(cases: readonly Numbered<FlowCase>[], progress: (done: number) => void = () => {}): Outcome {
  let same = 0;
  const mismatches: Finding[] = [];
  const differing: Listed[] = [];
  for (const [i, { line, value }] of cases.entries()) {
    const ours = oursOf(value);
    const verdict = judge(value, ours);
    const title = `line ${line}`;
    if (verdict.is === "same") same++;
    else if (verdict.is === "listed") differing.push({ title, ...verdict });
    else {
      const shown = { copies: copiesOf(ours.listed), problems: ours.problems };
      mismatches.push({ title, input: value.nets, differs: verdict.differs, recorded: value.out, ours: shown });
    }
    progress(i + 1);
  }
  return { same, mismatches, listed: differing, skipped: [] };
}
