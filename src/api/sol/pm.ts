import { type Static, Type } from "typebox";
import { Fault } from "../../lib/fault.ts";
import type {
  JobWish,
  MeasuredType,
  PmInterface,
  PmNotifying,
  PmReport,
  PmTask,
  PmWish,
  ThresholdWish,
} from "../../model/measurement.ts";
import type { Callback } from "../../model/subscription.ts";
import { callbackAuthentication, callbackUrl } from "../callback-body.ts";
import { askedCallback } from "./asked-callback.ts";
import { identified, Members } from "./members.ts";
import {
  PM_JOB_LIST,
  pmJobsAt,
  pmJobView,
  reportView,
  type ShownReport,
  THRESHOLD_LIST,
  thresholdsAt,
  thresholdView,
} from "./pm-view.ts";
import { type SolCall, type SolRoute, Stated } from "./route.ts";
import { notFound } from "./serve.ts";

/** What performance management goes through. Owners: a tenant; null: an administrator, who finds everybody's. */
export interface PmDoors {
  /** Whether TLS_CERT can be served without a certificate in the request. */
  readonly hasOurCertificate: boolean;
  list<K extends PmWish["kind"]>(of: PmInterface, kind: K, owner: string | null): PmTask<Extract<PmWish, { kind: K }>>[];
  /** Throws INVALID, NOT_SUPPORTED, CALLBACK_REFUSED. */
  create(asked: {
    readonly owner: string | null;
    readonly callback: Callback;
    readonly wish: PmWish;
    readonly notifying: PmNotifying;
  }): Promise<PmTask>;
  modify(
    id: string,
    owner: string | null,
    change: (had: Callback | null) => { readonly callback: Callback; readonly isShownOurCertificate: boolean | null },
  ): Promise<PmTask>;
  delete(id: string, owner: string | null): Promise<void>;
  /** Of these jobs, newest first. */
  reports(jobIds: readonly string[]): Promise<readonly (ShownReport & { readonly taskId: string })[]>;
  report(jobId: string, id: string): Promise<PmReport | null>;
}

type Call = SolCall<PmDoors>;

const WORDS_MAX = 1_000;
const word = Type.String({ minLength: 1, maxLength: 255 });
const words = (description: string, minItems = 0) => Type.Array(word, { minItems, maxItems: WORDS_MAX, description });
const callbackUri = Type.String({ ...callbackUrl, description: "an http or https URL that answers GET with 204" });
/** ETSI's definitions have no longer ones. */
const seconds = Type.Integer({ minimum: 1, maximum: 1_024, description: "seconds, 1..1024" });

/** CreatePmJobRequest, SOL003 6.5.2.6, SOL005 7.5.2.6. */
const jobRequest = Type.Object(
  {
    objectType: Type.String({ maxLength: 255, description: "what is measured, such as VnfExtCp" }),
    objectInstanceIds: words("a list of ids of instances", 1),
    subObjectInstanceIds: Type.Optional(words("a list of ids of parts of the one instance", 1)),
    criteria: Type.Object(
      {
        performanceMetric: Type.Optional(words("a list of names of metrics")),
        performanceMetricGroup: Type.Optional(words("a list of names of groups of metrics")),
        collectionPeriod: seconds,
        reportingPeriod: seconds,
        reportingBoundary: Type.Optional(Type.String({ format: "date-time", description: "a date and time (RFC 3339)" })),
      },
      { description: "an object with performanceMetric or performanceMetricGroup, collectionPeriod, reportingPeriod" },
    ),
    callbackUri,
    authentication: Type.Optional(callbackAuthentication),
  },
  {
    description:
      "an object with objectType, objectInstanceIds, criteria, callbackUri and perhaps subObjectInstanceIds, authentication",
  },
);

/** CreateThresholdRequest, SOL003 6.5.2.8, SOL005 7.5.2.8; what SOL005's definition leaves out, its Threshold must have: callbackUri. */
const thresholdRequest = Type.Object(
  {
    objectType: Type.String({ maxLength: 255, description: "what is measured, such as VnfExtCp" }),
    objectInstanceId: word,
    subObjectInstanceIds: Type.Optional(words("a list of ids of parts of the instance", 1)),
    criteria: Type.Object(
      {
        performanceMetric: Type.String({ maxLength: 255, description: "the name of a metric" }),
        thresholdType: Type.Enum(["SIMPLE"], { description: "SIMPLE" }),
        simpleThresholdDetails: Type.Object(
          {
            thresholdValue: Type.Number({ description: "a number" }),
            hysteresis: Type.Number({ minimum: 0, maximum: 1_024, description: "a number, 0..1024" }),
          },
          { description: "an object with thresholdValue and hysteresis" },
        ),
      },
      { description: "an object with performanceMetric, thresholdType SIMPLE, simpleThresholdDetails" },
    ),
    callbackUri,
    authentication: Type.Optional(callbackAuthentication),
  },
  {
    description:
      "an object with objectType, objectInstanceId, criteria, callbackUri and perhaps subObjectInstanceIds, authentication",
  },
);

/** PmJobModifications and ThresholdModifications: `authentication` null ends it. */
const modifications = Type.Object(
  { callbackUri: Type.Optional(callbackUri), authentication: Type.Optional(Type.Union([callbackAuthentication, Type.Null()])) },
  { description: "an object with callbackUri or authentication" },
);

const at =
  (path: string) =>
  ({ id }: { id: string }): string =>
    `${path}/${id}`;

const routesOf = (of: PmInterface): SolRoute<PmDoors>[] => {
  const [jobs, thresholds] = [pmJobsAt(of) as "/", thresholdsAt(of) as "/"];
  return [
    { is: `POST ${jobs}`, gives: 201, body: jobRequest, does: (call) => createJob(of, call), location: at(jobs) },
    { is: `GET ${jobs}`, gives: 200, does: (call) => listJobs(of, call), lists: PM_JOB_LIST },
    {
      is: `GET ${jobs}/:id`,
      gives: 200,
      does: async (call) => {
        const job = found(of, "job", call);
        // Reports come by themselves: who changes the job has not missed a change of it.
        return new Stated(pmJobView(job, await call.doors.reports([job.id]), call.apiRoot), pmJobView(job, [], call.apiRoot));
      },
    },
    { is: `PATCH ${jobs}/:id`, gives: 200, body: modifications, does: (call) => modify(found(of, "job", call), call) },
    { is: `DELETE ${jobs}/:id`, gives: 204, does: (call) => call.doors.delete(found(of, "job", call).id, ownerOf(call)) },
    { is: `GET ${jobs}/:id/reports/:reportId`, gives: 200, does: (call) => getReport(of, call) },

    {
      is: `POST ${thresholds}`,
      gives: 201,
      body: thresholdRequest,
      does: (call) => createThreshold(of, call),
      location: at(thresholds),
    },
    {
      is: `GET ${thresholds}`,
      gives: 200,
      does: (call) => identified(call.doors.list(of, "threshold", ownerOf(call)), thresholdView),
      lists: THRESHOLD_LIST,
    },
    { is: `GET ${thresholds}/:id`, gives: 200, does: (call) => thresholdView(found(of, "threshold", call)) },
    {
      is: `PATCH ${thresholds}/:id`,
      gives: 200,
      body: modifications,
      does: (call) => modify(found(of, "threshold", call), call),
    },
    {
      is: `DELETE ${thresholds}/:id`,
      gives: 204,
      does: (call) => call.doors.delete(found(of, "threshold", call).id, ownerOf(call)),
    },
  ];
};

/** Performance management of VNFs, SOL003 clause 6, and of network services, SOL005 clause 7. */
export const PM_ROUTES: readonly SolRoute<PmDoors>[] = [...routesOf("vnfpm"), ...routesOf("nspm")];

const ownerOf = ({ caller }: Call): string | null => caller?.tenantId ?? null;

function found<K extends PmWish["kind"]>(of: PmInterface, kind: K, call: Call) {
  const id = call.params.id!;
  const there = call.doors.list(of, kind, ownerOf(call)).find((t) => t.id === id);
  if (there) return there;
  return kind === "job" ? notFound("PM job", id, pmJobsAt(of)) : notFound("threshold", id, thresholdsAt(of));
}

/** Reports are read for those jobs alone that are looked at, and only where they may be asked for. */
function listJobs(of: PmInterface, call: Call): Members {
  const jobs = identified(call.doors.list(of, "job", ownerOf(call)), (job) => job);
  const { fields = "", filter = "", all_fields, exclude_fields } = call.query;
  const areAsked = all_fields !== undefined || exclude_fields !== undefined || /reports/i.test(`${fields} ${filter}`);
  return new Members(jobs.of, async (...asked) => {
    const { members, next } = await jobs.behind(...asked);
    const shown = members.map(({ key, show }) => ({ key, job: show() as PmTask<JobWish> }));
    const ids = shown.map(({ job }) => job.id);
    const reports = Map.groupBy(areAsked ? await call.doors.reports(ids) : [], (r) => r.taskId);
    const viewOf = (job: PmTask<JobWish>) => pmJobView(job, reports.get(job.id) ?? [], call.apiRoot);
    return { members: shown.map(({ key, job }) => ({ key, show: () => viewOf(job) })), next };
  });
}

async function createJob(of: PmInterface, call: Call) {
  const { objectType, objectInstanceIds, subObjectInstanceIds, criteria, ...how } = call.body as Static<typeof jobRequest>;
  const { performanceMetric: metrics = [], performanceMetricGroup: groups = [] } = criteria;
  if (metrics.length + groups.length === 0)
    throw new Fault("INVALID", "criteria: want performanceMetric or performanceMetricGroup, or both");
  const made = await create(call, how, {
    kind: "job",
    interface: of,
    objectType: objectType as MeasuredType,
    objectIds: [...new Set(objectInstanceIds)],
    subObjectIds: subObjectInstanceIds ?? null,
    metrics,
    groups,
    collectionS: criteria.collectionPeriod,
    reportingS: criteria.reportingPeriod,
    until: criteria.reportingBoundary ?? null,
  });
  return pmJobView(made as PmTask<JobWish>, [], call.apiRoot);
}

async function createThreshold(of: PmInterface, call: Call) {
  const { objectType, objectInstanceId, subObjectInstanceIds, criteria, ...how } = call.body as Static<typeof thresholdRequest>;
  const { thresholdValue: value, hysteresis } = criteria.simpleThresholdDetails;
  const made = await create(call, how, {
    kind: "threshold",
    interface: of,
    objectType: objectType as MeasuredType,
    objectIds: [objectInstanceId],
    subObjectIds: subObjectInstanceIds ?? null,
    metric: criteria.performanceMetric,
    value,
    hysteresis,
  });
  return thresholdView(made as PmTask<ThresholdWish>);
}

type How = Pick<Static<typeof jobRequest>, "callbackUri" | "authentication">;

function create(call: Call, { callbackUri: uri, authentication }: How, wish: PmWish): Promise<PmTask> {
  const { callback, isShownOurCertificate } = askedCallback(uri, authentication, call.doors.hasOurCertificate);
  return call.doors.create({ owner: ownerOf(call), callback, wish, notifying: { apiRoot: call.apiRoot, isShownOurCertificate } });
}

/** What it was asked to be and is, without what is secret: SOL013 8.3.4 has authentication never read back. */
async function modify({ id, callbackUri: had }: PmTask, call: Call): Promise<{ callbackUri: string }> {
  const { callbackUri: asked, authentication } = call.body as Static<typeof modifications>;
  const uri = asked ?? had;
  if (asked === undefined && authentication === undefined)
    throw new Fault("INVALID", "the body: want callbackUri or authentication, or both; nothing else can be changed");
  const changed = await call.doors.modify(id, ownerOf(call), (kept) => {
    if (authentication !== undefined) return askedCallback(uri, authentication ?? undefined, call.doors.hasOurCertificate);
    return { callback: { auth: null, tls: null, ...kept, url: uri }, isShownOurCertificate: null };
  });
  return { callbackUri: changed.callbackUri };
}

async function getReport(of: PmInterface, call: Call) {
  const job = found(of, "job", call);
  const { reportId } = call.params;
  const report = await call.doors.report(job.id, reportId!);
  if (report) return reportView(job, report);
  throw new Fault(
    "NOT_FOUND",
    `PM job ${job.id} has no report ${reportId}: its newest are in GET ${pmJobsAt(of)}/${job.id}, older ones are not kept`,
    { id: reportId! },
  );
}
