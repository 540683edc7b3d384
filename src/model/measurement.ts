/** Performance management of VNFs (SOL003 clause 6) and of network services (SOL005 clause 7), by the names of their paths. */
export type PmInterface = "vnfpm" | "nspm";

/** What is measured. Of a connection point or a VNFC the object is its VNF, or its NS, and it is the sub-object (IFA 027, 6.2); so it is with a protection group, which is ours. */
export type MeasuredType = "Vnf" | "Vnfc" | "VnfIntCp" | "VnfExtCp" | "Ns" | "Sap" | "ProtectionGroup";

/** How a metric comes about: counters of switch ports, whose growth in a period is told; what servers take of their hosts; or what the MANO itself knows. */
export type MetricSource = CountedSource | UsedSource | KnownSource;
export type CountedSource = "bytesIn" | "bytesOut" | "packetsIn" | "packetsOut";
export type UsedSource = "cpuMean" | "cpuPeak" | "memoryMean" | "memoryPeak";
export type KnownSource = "vnfcsUp" | "failovers" | "failoverTime" | "outageTime";

export interface Metric {
  readonly name: string;
  readonly of: PmInterface;
  readonly objectType: MeasuredType;
  readonly group: string;
  readonly unit: "byte" | "packet" | "percent" | "VNFC" | "failover" | "ms";
  readonly source: MetricSource;
}

const TRAFFIC = [
  ["ByteIncoming", "byte", "bytesIn"],
  ["ByteOutgoing", "byte", "bytesOut"],
  ["PacketIncoming", "packet", "packetsIn"],
  ["PacketOutgoing", "packet", "packetsOut"],
] as const;

const trafficOf = (of: PmInterface, objectType: MeasuredType, group: string): Metric[] =>
  TRAFFIC.map(([name, unit, source]) => ({ name: `${name}${objectType}`, of, objectType, group, unit, source }));

const COMPUTE = [
  ["VCpuUsageMeanVnf", "cpuMean"],
  ["VCpuUsagePeakVnf", "cpuPeak"],
  ["VMemoryUsageMeanVnf", "memoryMean"],
  ["VMemoryUsagePeakVnf", "memoryPeak"],
] as const;

/** Of a VNFC they have the names that they have of a VNF. */
const computeOf = (objectType: "Vnf" | "Vnfc"): Metric[] =>
  COMPUTE.map(([name, source]) => ({
    name,
    of: "vnfpm",
    objectType,
    group: "VirtualisedComputeResource",
    unit: "percent",
    source,
  }));

const OUTAGE = ["ServiceOutageTime", "ms", "outageTime"] as const;
const AVAILABILITY = [
  ["VnfcUpCount", "VNFC", "vnfcsUp"],
  ["FailoverCount", "failover", "failovers"],
  ["FailoverTime", "ms", "failoverTime"],
  OUTAGE,
] as const;

const availabilityOf = (
  of: PmInterface,
  objectType: MeasuredType,
  which: readonly (typeof AVAILABILITY)[number][] = AVAILABILITY,
): Metric[] =>
  which.map(([name, unit, source]) => ({
    name: `${name}${objectType}`,
    of,
    objectType,
    group: "HighAvailability",
    unit,
    source,
  }));

/** Everything that is measured. Names and groups of traffic and of CPU and memory are IFA 027's (7.2, 7.3); of high availability it has none, and these are ours. */
export const METRICS: readonly Metric[] = [
  ...trafficOf("vnfpm", "VnfExtCp", "VnfExternalCp"),
  ...trafficOf("vnfpm", "VnfIntCp", "VnfInternalCp"),
  ...computeOf("Vnf"),
  ...computeOf("Vnfc"),
  ...availabilityOf("vnfpm", "Vnf"),
  ...trafficOf("nspm", "Sap", "Sap"),
  ...availabilityOf("nspm", "Ns"),
  ...availabilityOf("nspm", "ProtectionGroup", [OUTAGE]),
];

/** Of which objects, and of which parts of theirs. */
export interface Measured {
  readonly interface: PmInterface;
  readonly objectType: MeasuredType;
  readonly objectIds: readonly string[];
  /** Null: all sub-objects, where the type has any. */
  readonly subObjectIds: readonly string[] | null;
}

/** A PM job as it was asked for. */
export interface JobWish extends Measured {
  readonly kind: "job";
  /** As they were asked for; at least one of both. */
  readonly metrics: readonly string[];
  readonly groups: readonly string[];
  readonly collectionS: number;
  /** A multiple of it. */
  readonly reportingS: number;
  /** After it nothing is collected any more. */
  readonly until: string | null;
}

/** A simple threshold: UP at `value + hysteresis` and above, DOWN at `value - hysteresis` and below. */
export interface ThresholdWish extends Measured {
  readonly kind: "threshold";
  readonly metric: string;
  readonly value: number;
  readonly hysteresis: number;
}

export type PmWish = JobWish | ThresholdWish;

/** What its notifications need beside that. */
export interface PmNotifying {
  /** Where we were reached when it was made: links in notifications begin there. */
  readonly apiRoot: string;
  /** The client certificate of our settings is shown to its callback. */
  readonly isShownOurCertificate: boolean;
}

/** A PM job or a threshold. */
export type PmTask<W extends PmWish = PmWish> = W & {
  readonly id: string;
  /** A tenant; null: an administrator. */
  readonly owner: string | null;
  readonly callbackUri: string;
  readonly createdAt: string;
} & PmNotifying;

/** What was measured of one object, or of one of its parts, in one period. */
export interface PmValue {
  readonly objectId: string;
  readonly subObjectId: string | null;
  readonly metric: string;
  /** The end of the period, ISO 8601. */
  readonly at: string;
  readonly value: number;
}

/** What one job has collected within one reporting period. */
export interface PmReport {
  readonly id: string;
  readonly taskId: string;
  /** Null: it is still being collected. */
  readonly readyAt: string | null;
  readonly values: readonly PmValue[];
}

/** A report that is still being collected. */
export interface OpenPmReport {
  readonly id: string;
  readonly taskId: string;
  /** Collection periods that are in it. */
  readonly collections: number;
}

export type Direction = "UP" | "DOWN";

/** What is told of performance management, in a journal of its own. */
export type PmEvent =
  | {
      /** A report is ready: one event, of which a notification is made for each object. */
      readonly type: "pm.report";
      readonly interface: PmInterface;
      readonly jobId: string;
      readonly reportId: string;
      readonly objectType: MeasuredType;
      /** Those that were there at its end. */
      readonly objectIds: readonly string[];
      readonly subObjectIds: readonly string[] | null;
    }
  | {
      readonly type: "pm.crossed";
      readonly interface: PmInterface;
      readonly thresholdId: string;
      readonly direction: Direction;
      readonly objectType: MeasuredType;
      readonly objectId: string;
      readonly subObjectId: string | null;
      readonly metric: string;
      readonly value: number;
    };

export const metricNamed = (of: PmInterface, objectType: MeasuredType, name: string): Metric | undefined =>
  METRICS.find((m) => m.of === of && m.objectType === objectType && m.name === name);

/** All that a job or threshold measures, each once. */
export function metricsOf(wish: PmWish): Metric[] {
  const isAsked = ({ name, group }: Metric) =>
    wish.kind === "job" ? wish.metrics.includes(name) || wish.groups.includes(group) : wish.metric === name;
  return METRICS.filter((m) => m.of === wish.interface && m.objectType === wish.objectType && isAsked(m));
}

const COUNTED: readonly MetricSource[] = ["bytesIn", "bytesOut", "packetsIn", "packetsOut"] satisfies CountedSource[];
const USED: readonly MetricSource[] = ["cpuMean", "cpuPeak", "memoryMean", "memoryPeak"] satisfies UsedSource[];

/** Whether it takes the counters of switch ports. */
export const isCounted = (m: Metric): m is Metric & { readonly source: CountedSource } => COUNTED.includes(m.source);
/** Whether it takes what servers have taken of their hosts. */
export const isUsed = (m: Metric): m is Metric & { readonly source: UsedSource } => USED.includes(m.source);
/** Whether it takes what the MANO itself knows. */
export const isKnown = (m: Metric): boolean => !isCounted(m) && !isUsed(m);
/** Whether what lies between the ends of a period is looked at too: of CPU time the mean is in its counter. */
export const isSampled = (m: Metric): boolean => isUsed(m) && m.source !== "cpuMean";

const SAMPLES = 10;
const SAMPLE_MIN_MS = 1_000;

/** How far apart looks within a period are, ms; the period where it is looked at its ends alone. */
export const sampleMsOf = (wish: PmWish, periodMs: number): number =>
  metricsOf(wish).some(isSampled) ? Math.min(periodMs, Math.max(periodMs / SAMPLES, SAMPLE_MIN_MS)) : periodMs;
