import { type Static, type TObject, Type } from "typebox";
import type { Measurement } from "./meter.ts";
import { type Spread, spreadOf } from "./stats.ts";

/** What an experiment found: written to a file, drawn by the report, compared by the benchmarks. All times are ms from the fault, which is 0. */

const closed = { additionalProperties: false } as const;
const Ms = (description: string) => Type.Number({ description: `${description}; ms from the fault` });
const MsOrNull = (description: string) =>
  Type.Union([Type.Number(), Type.Null()], { description: `${description}; ms from the fault, null: not seen` });
const Length = (description: string) => Type.Number({ minimum: 0, description: `${description}, ms` });
const Count = (description: string) => Type.Integer({ minimum: 0, description });

/** Packets around the fault, for the plot. */
const Plot = Type.Object(
  {
    members: Type.Array(Type.String(), { description: "what the last number of a point counts in" }),
    points: Type.Array(Type.Array(Type.Number(), { minItems: 3, maxItems: 3 }), {
      description: "per packet: ms from the fault, sequence number from the last packet before the fault, index into members",
    }),
  },
  closed,
);

const Stretch = Type.Object(
  { member: Type.String(), fromMs: Ms("first packet"), toMs: Ms("last packet"), packets: Count("packets through this member") },
  { ...closed, description: "a time during which one member delivered" },
);

const Viewer = Type.Object(
  {
    name: Type.String(),
    isHit: Type.Boolean({ description: "the member that failed served this viewer" }),
    isServedAgain: Type.Boolean({ description: "packets came again after the interruption" }),
    interruptionMs: Length("longest silence that overlaps the 10 s after the fault"),
    silence: Type.Object(
      { fromMs: Ms("last packet before it"), toMs: Ms("first packet after it") },
      { ...closed, description: "where the interruption was" },
    ),
    normalGapMs: Type.Union([Type.Number(), Type.Null()], {
      description: "median time between two packets before the fault, ms",
    }),
    sent: Count("packets sent, by the range of sequence numbers that came"),
    received: Count("packets that came, duplicates too"),
    lost: Count("packets sent that never came"),
    duplicates: Count("packets that came again"),
    reordered: Count("packets that came after a later one"),
    socketDrops: Count("packets that the viewer's own socket dropped: lost, but not by the network"),
    overlapMs: Length("time during which two members both delivered"),
    servedBefore: Type.Union([Type.String(), Type.Null()], { description: "member of the last packet before the fault" }),
    servedAfter: Type.Union([Type.String(), Type.Null()], {
      description: "the first other member that delivered after the fault; null: none",
    }),
    firstPacketMs: MsOrNull("first packet through that other member"),
    roundTrips: Type.Object(
      {
        sent: Count("echo requests to the service IP"),
        answered: Count("those that were answered"),
        longestGapMs: Length("longest time without an answer"),
        usualMs: Type.Union([Type.Number(), Type.Null()], { description: "median from request to answer, ms" }),
      },
      closed,
    ),
    stretches: Type.Optional(Type.Array(Stretch)),
    packets: Type.Optional(Plot),
  },
  closed,
);

const Times = Type.Object(
  {
    fault: Type.Literal(0),
    seen: Type.Record(Type.String(), Type.Number(), { description: "first sight of each source, ms from the fault" }),
    told: MsOrNull("the first piece of evidence arrived at the MANO"),
    decided: MsOrNull("the MANO had decided"),
    onWire: MsOrNull("the last byte of the flow change left the controller"),
    barrier: MsOrNull("the switch confirmed the flow change"),
    firstPacket: MsOrNull("the first packet through the member that took over reached a viewer that was hit"),
    verified: Type.Optional(
      MsOrNull("packets were seen to pass the member that took over, by the VIM's port counters or its probe"),
    ),
    alarmTold: MsOrNull("the alarm was written and handed to the subscribers"),
    healed: Type.Optional(MsOrNull("the member that failed was up again")),
    reverted: Type.Optional(MsOrNull("the traffic was back on its normal member")),
  },
  closed,
);

const Run = Type.Object(
  {
    index: Type.Optional(Type.Integer({ minimum: 1, description: "number of the run, from 1" })),
    startedAt: Type.Optional(Type.String({ description: "wall-clock time of the fault, ISO 8601" })),
    fault: Type.String({
      description: "what was done to the member: kill, pause, shutdown, destroy, link, hang, panic, vnic, relay",
    }),
    mode: Type.String({ description: "how the MANO learnt of it: push, or poll for the reference" }),
    scheme: Type.String({ description: "ACTIVE_ACTIVE, ACTIVE_PASSIVE or DUPLICATED" }),
    failed: Type.Optional(Type.String({ description: "member that was made to fail" })),
    incidents: Type.Optional(
      Type.Integer({ minimum: 0, description: "failover records the MANO has of this fault; right is 1" }),
    ),
    alarmsLeft: Type.Optional(
      Type.Integer({ minimum: 0, description: "alarms still raised when all was as before; right is 0" }),
    ),
    alarmsRaised: Type.Optional(
      Type.Array(Type.String(), { description: "probable causes of the alarms raised from the fault on, sorted" }),
    ),
    redundantAgainMs: Type.Optional(MsOrNull("both members up, every traffic net on its normal one, all alarms cleared")),
    owners: Type.Optional(
      Type.Object(
        {
          samples: Count("looks at the flow table and groups, about one each 10 ms"),
          nobody: Count("of them: no member's packets were let through to viewer A"),
          one: Count("of them: one member's were"),
          several: Count("of them: more than one member's were; right is 0"),
          longestGapMs: Length("longest time between two looks"),
        },
        { ...closed, description: "who owned viewer A's traffic net while it was watched" },
      ),
    ),
    times: Times,
    viewers: Type.Array(Viewer),
    verified: Type.Boolean({
      description: "each viewer was seen served by a member that is up, and the failover's record is closed",
    }),
    note: Type.Optional(Type.String({ description: "why it is not verified, or what else a reader should know" })),
  },
  closed,
);

const SpreadOrNull = Type.Union([
  Type.Object({ p50: Type.Number(), p99: Type.Number(), max: Type.Number() }, closed),
  Type.Null(),
]);
const Loss = Type.Union([Type.Object({ p50: Type.Integer(), max: Type.Integer() }, closed), Type.Null()]);

const SUMMARY = {
  n: Count("runs"),
  missed: Count("runs in which a viewer that was hit was not seen served again; their silence is in no percentile"),
  interruptionMs: Type.Union(SpreadOrNull.anyOf, { description: "over the viewers that were hit; nearest-rank percentiles" }),
  lost: Type.Union(Loss.anyOf, { description: "packets, over the viewers that were hit" }),
  others: Type.Object(
    { interruptionMs: SpreadOrNull, lost: Loss },
    { ...closed, description: "the same over the viewers that were not hit: nothing may happen to them" },
  ),
} as const;
const Summary = Type.Object(SUMMARY, closed);

export const DemoResult = Type.Object(
  {
    startedAt: Type.Optional(Type.String({ description: "wall-clock time, ISO 8601" })),
    packetsPerSecond: Type.Optional(Type.Number({ description: "rate of the stream" })),
    runs: Type.Array(Run),
    summary: Type.Object({ ...SUMMARY, byMode: Type.Optional(Type.Record(Type.String(), Summary)) }, closed),
    machine: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()]), { description: "what it was measured on" }),
    versions: Type.Record(Type.String(), Type.String(), { description: "what took part" }),
  },
  { ...closed, $schema: "https://json-schema.org/draft/2020-12/schema", title: "Result of a Sempre demo or experiment" },
) satisfies TObject;

export type DemoResult = Static<typeof DemoResult>;
export type DemoRun = Static<typeof Run>;
export type DemoTimes = Static<typeof Times>;
export type ViewerResult = Static<typeof Viewer>;
export type DemoSummary = Static<typeof Summary>;
export type DemoSummaries = DemoResult["summary"];

/** Mode of the reference that the others are compared with. */
export const REFERENCE_MODE = "poll";

/** A viewer's measurement with its times counted from the fault at `faultMs`. `isHit`: the member that failed served it. */
export function viewerResult(name: string, found: Measurement, faultMs: number, isHit: boolean): ViewerResult {
  const since = (atMs: number) => thousandths(atMs - faultMs);
  return {
    name,
    isHit,
    isServedAgain: found.interruption.isOver,
    interruptionMs: thousandths(found.interruptionMs),
    silence: { fromMs: since(found.interruption.fromMs), toMs: since(found.interruption.toMs) },
    normalGapMs: found.normalGapMs === null ? null : thousandths(found.normalGapMs),
    sent: found.sentEstimate,
    received: found.received,
    lost: found.lost,
    duplicates: found.duplicates,
    reordered: found.reordered,
    socketDrops: found.socketDrops,
    overlapMs: thousandths(found.overlapMs),
    servedBefore: found.servedBefore,
    servedAfter: found.firstVia?.member ?? null,
    firstPacketMs: found.firstVia ? since(found.firstVia.atMs) : null,
    roundTrips: found.roundTrips,
    stretches: found.stretches.map((s) => ({ ...s, fromMs: since(s.fromMs), toMs: since(s.toMs) })),
    packets: { members: [...found.members], points: found.points.map((p) => [...p]) },
  };
}

/** Microseconds are as far as these clocks go. */
const thousandths = (ms: number): number => Math.round(ms * 1000) / 1000;

/** A viewer that was hit and that no packet reached again. */
export const isMissed = (run: DemoRun): boolean => run.viewers.some((v) => v.isHit && !v.isServedAgain);

/** Over all runs, and per mode where there are several. */
export function summarise(runs: readonly DemoRun[]): DemoSummaries {
  const modes = [...new Set(runs.map((r) => r.mode))];
  const byMode = Object.fromEntries(modes.map((mode) => [mode, summaryOf(runs.filter((r) => r.mode === mode))]));
  return { ...summaryOf(runs), ...(modes.length > 1 ? { byMode } : {}) };
}

function summaryOf(runs: readonly DemoRun[]): DemoSummary {
  const hit = runs.flatMap((run) => run.viewers.filter((v) => v.isHit && v.isServedAgain));
  const others = runs.flatMap((run) => run.viewers.filter((v) => !v.isHit));
  return { n: runs.length, missed: runs.filter(isMissed).length, ...sufferedBy(hit), others: sufferedBy(others) };
}

function sufferedBy(viewers: readonly ViewerResult[]): {
  interruptionMs: Spread | null;
  lost: { p50: number; max: number } | null;
} {
  const lost = spreadOf(viewers.map((v) => v.lost));
  return { interruptionMs: spreadOf(viewers.map((v) => v.interruptionMs)), lost: lost && { p50: lost.p50, max: lost.max } };
}
