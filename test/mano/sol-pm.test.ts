import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Receiver } from "../harness/receiver.ts";
import { Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

/** Performance management over a toy VIM whose ports have carried what the test says. */
let rig: Rig;
let sol3: SolClient;
let sol5: SolClient;
let nsId: string;
let vnfId: string;
/** What every port has carried; each look of the MANO finds `each` more. */
let carried = 0;
let each = 100;
/** Of the CPU of each server. */
const busyPercent = 50;

beforeAll(async () => {
  rig = await Rig.start({ performance: { thresholdSeconds: 1 } });
  rig.vim.carried = () => ({ bytes_in: carried, bytes_out: carried * 2, packets_in: carried / 10, packets_out: carried / 5 });
  const counts = rig.vim.intercept;
  rig.vim.intercept = (req) => {
    if (req.url?.endsWith("/counters")) carried += each;
    return counts(req);
  };
  rig.vim.used = () => ({ run: "1", cpu_ms: (performance.now() * busyPercent) / 100, resident_mib: 25 });
  sol3 = new SolClient(rig, "SOL003");
  sol5 = new SolClient(rig, "SOL005");
  nsId = await rig.deploy();
  vnfId = (await sol3.ask("GET", "/vnflcm/v2/vnf_instances")).body[0].id;
});
afterAll(() => rig[Symbol.asyncDispose]());

// biome-ignore lint/suspicious/noExplicitAny: what a receiver was sent, looked into by tests.
const told = (receiver: Receiver): any[] => receiver.requests.filter((r) => r.method === "POST").map((r) => JSON.parse(r.text));

const jobOf = (receiver: Receiver, more: object = {}, criteria: object = {}) => ({
  objectType: "VnfExtCp",
  objectInstanceIds: [vnfId],
  criteria: { performanceMetricGroup: ["VnfExternalCp"], collectionPeriod: 1, reportingPeriod: 2, ...criteria },
  callbackUri: receiver.url,
  ...more,
});
const JOBS = "/vnfpm/v2/pm_jobs";
const THRESHOLDS = "/vnfpm/v2/thresholds";
const vnfNotes = "SOL003-VNFPerformanceManagementNotification";
const nsNotes = "SOL005-NSPerformanceManagementNotification";

describe("jobs", () => {
  test.concurrent("a job of a VNF's connection points: asked first, measured, told, read, changed, deleted", async () => {
    await using receiver = await Receiver.start();
    const authentication = { authType: ["BASIC"], paramsBasic: { userName: "mano", password: "a-Secret-word" } };
    const made = await sol3.ask("POST", JOBS, jobOf(receiver, { authentication }));
    expect(made.status).toBe(201);
    const path = `${JOBS}/${made.body.id}`;
    expect(made.headers.get("location")).toBe(`${rig.url}${path}`);
    expect(receiver.requests.map((r) => r.method)).toEqual(["GET"]);
    // A period that a slow machine made too long has no value: then a later report has all.
    const isWhole = (e: { performanceValues: object[] }) => e.performanceValues.length === 2;
    const [note, report] = await until("told of a report without gaps", async () => {
      for (const one of told(receiver)) {
        const got = await sol3.ask("GET", one._links.performanceReport.href.replace(rig.url, ""));
        if (got.body.entries?.length > 0 && got.body.entries.every(isWhole)) return [one, got] as const;
      }
      return null;
    });
    expect(SolClient.structure(vnfNotes, "PerformanceInformationAvailableNotification", note)).toEqual([]);
    expect(note).toMatchObject({ pmJobId: made.body.id, objectType: "VnfExtCp", objectInstanceId: vnfId });
    const sent = receiver.requests.find((r) => r.method === "POST")!.headers.authorization;
    expect(sent).toBe(`Basic ${Buffer.from("mano:a-Secret-word").toString("base64")}`);

    const reportPath = note._links.performanceReport.href.replace(rig.url, "");
    const vnf = (await sol3.ask("GET", `/vnflcm/v2/vnf_instances/${vnfId}`)).body;
    const cps = vnf.instantiatedVnfInfo.extCpInfo.map((c: { id: string }) => c.id);
    // biome-ignore lint/suspicious/noExplicitAny: an answer of an API.
    const entries: any[] = report.body.entries;
    expect([...new Set(entries.map((e) => e.subObjectInstanceId))].sort()).toEqual(cps.sort());
    expect([...new Set(entries.map((e) => e.performanceMetric))].sort()).toEqual([
      "ByteIncomingVnfExtCp",
      "ByteOutgoingVnfExtCp",
      "PacketIncomingVnfExtCp",
      "PacketOutgoingVnfExtCp",
    ]);
    const shared = entries.filter((e) => e.subObjectInstanceId.startsWith("ext-vip"));
    const plain = entries.filter((e) => !e.subObjectInstanceId.startsWith("ext-vip"));
    const numberOf = (all: typeof entries, metric: string) => all.find((e) => e.performanceMetric === metric).performanceValue;
    // Every port carries the same; what twins share is the sum of theirs.
    expect(numberOf(plain, "ByteIncomingVnfExtCp")).toBeGreaterThanOrEqual(each);
    expect(numberOf(plain, "ByteOutgoingVnfExtCp")).toBe(2 * numberOf(plain, "ByteIncomingVnfExtCp"));
    expect(numberOf(shared, "ByteIncomingVnfExtCp")).toBe(2 * numberOf(plain, "ByteIncomingVnfExtCp"));
    for (const e of entries) {
      expect(e.performanceValues[0].value).toEqual({
        value: expect.any(Number),
        unit: e.performanceMetric.startsWith("Byte") ? "byte" : "packet",
      });
    }

    const shown = await sol3.ask("GET", path);
    expect(shown.body.allReports.map((r: { href: string }) => r.href)).toContain(note._links.performanceReport.href);
    expect(JSON.stringify(shown.body)).not.toContain("Secret");
    expect(shown.body.reports).toEqual(shown.body.allReports[0]);
    // Reports that come between reading and changing are no other state of the job.
    const { headers } = await sol3.ask("GET", path);
    const before = told(receiver).length;
    await until("one more report", () => told(receiver).length > before);
    const ifMatch = { "if-match": headers.get("etag")! };
    const same = await sol3.ask("PATCH", path, { callbackUri: receiver.url }, ifMatch);
    expect(same.status).toBe(200);
    expect((await sol3.ask("PATCH", path, { callbackUri: receiver.url }, { "if-match": '"other"' })).status).toBe(412);
    const listed = await sol3.ask("GET", `${JOBS}?filter=(eq,objectType,VnfExtCp)`);
    expect(listed.body.map((j: { id: string }) => j.id)).toContain(made.body.id);
    expect(listed.body[0].reports).toBeUndefined();
    const withReports = await sol3.ask("GET", `${JOBS}?fields=reports&filter=(eq,id,${made.body.id})`);
    expect(withReports.body[0].reports.href).toMatch(/^http/);

    await using other = await Receiver.start();
    const changed = await sol3.ask("PATCH", path, { callbackUri: other.url });
    expect([changed.status, changed.body]).toEqual([200, { callbackUri: other.url }]);
    await until("told at the other", () => told(other).length > 0);
    expect(other.requests.find((r) => r.method === "POST")!.headers.authorization).toMatch(/^Basic/);
    expect((await sol3.ask("PATCH", path, { authentication: null })).status).toBe(200);
    const had = other.requests.length;
    await until("told without a password", () => other.requests.slice(had).some((r) => r.method === "POST"));
    expect(other.requests.at(-1)!.headers.authorization).toBeUndefined();
    expect((await sol3.ask("PATCH", path, {})).status).toBe(400);

    expect((await sol3.ask("DELETE", path)).status).toBe(204);
    for (const gone of [path, reportPath]) expect((await sol3.ask("GET", gone)).status).toBe(404);
    expect((await sol3.ask("DELETE", path)).status).toBe(404);
  });

  test.concurrent("a job of one sub-object measures that alone, and of each VNFC's connection points each", async () => {
    await using receiver = await Receiver.start();
    const subObjectInstanceIds = ["relay-a-eth1"];
    const vnf = (await sol3.ask("GET", `/vnflcm/v2/vnf_instances/${vnfId}`)).body;
    // biome-ignore lint/suspicious/noExplicitAny: an answer of an API.
    const ids: string[] = vnf.instantiatedVnfInfo.vnfcResourceInfo.flatMap((v: any) => v.vnfcCpInfo.map((c: any) => c.id));
    subObjectInstanceIds[0] = ids[0]!;
    const criteria = { performanceMetricGroup: [], performanceMetric: ["PacketIncomingVnfIntCp"], reportingPeriod: 1 };
    const asked = jobOf(receiver, { objectType: "VnfIntCp", subObjectInstanceIds }, criteria);
    const { body } = await sol3.ask("POST", JOBS, asked);
    const [note] = await until("told", () => (told(receiver).length > 0 ? told(receiver) : null));
    expect(note.subObjectInstanceIds).toEqual(subObjectInstanceIds);
    const { entries } = (await sol3.ask("GET", note._links.performanceReport.href.replace(rig.url, ""))).body;
    expect(entries).toMatchObject([{ subObjectInstanceId: ids[0], performanceMetric: "PacketIncomingVnfIntCp" }]);
    await sol3.ask("DELETE", `${JOBS}/${body.id}`);
  });

  test.concurrent("a boundary ends it with a last report, and it stays to be read", async () => {
    await using receiver = await Receiver.start();
    const reportingBoundary = new Date(Date.now() + 6_000).toISOString();
    const criteria = { collectionPeriod: 1, reportingPeriod: 60, reportingBoundary };
    const { status, body } = await sol3.ask("POST", JOBS, jobOf(receiver, {}, criteria));
    expect(status).toBe(201);
    await until("told", () => told(receiver).length > 0);
    const job = (await sol3.ask("GET", `${JOBS}/${body.id}`)).body;
    expect(job.allReports).toHaveLength(1);
    expect(Date.parse(job.reports.readyTime)).toBeGreaterThan(Date.parse(reportingBoundary) - 1_000);
    await sol3.ask("DELETE", `${JOBS}/${body.id}`);
  });

  test.concurrent("CPU and memory of a VNF, and of each of its VNFCs, by the VIM's word", async () => {
    await using receiver = await Receiver.start();
    const used = { performanceMetricGroup: ["VirtualisedComputeResource"], reportingPeriod: 1 };
    const ofVnf = await sol3.ask("POST", JOBS, jobOf(receiver, { objectType: "Vnf" }, used));
    const ofVnfcs = await sol3.ask("POST", JOBS, jobOf(receiver, { objectType: "Vnfc" }, used));
    expect([ofVnf.status, ofVnfcs.status]).toEqual([201, 201]);
    const vnf = (await sol3.ask("GET", `/vnflcm/v2/vnf_instances/${vnfId}`)).body;
    const vnfcs: string[] = vnf.instantiatedVnfInfo.vnfcResourceInfo.map((v: { id: string }) => v.id);
    // biome-ignore lint/suspicious/noExplicitAny: an answer of an API.
    const entriesOf = (jobId: string, count: number): Promise<any[]> =>
      until(`a report of ${count} values`, async () => {
        for (const { _links } of told(receiver).filter((n) => n.pmJobId === jobId)) {
          const report = await sol3.ask("GET", _links.performanceReport.href.replace(rig.url, ""));
          expect(SolClient.structure("SOL003-VNFPerformanceManagement", "PerformanceReport", report.body)).toEqual([]);
          if (report.body.entries?.length === count) return report.body.entries;
        }
        return null;
      });
    const whole = await entriesOf(ofVnf.body.id, 4);
    const each = await entriesOf(ofVnfcs.body.id, 4 * vnfcs.length);
    const numberOf = (all: typeof whole, metric: string, id?: string) =>
      all.find((e) => e.performanceMetric === metric && e.subObjectInstanceId === id).performanceValue;
    expect(whole[0].performanceValues[0].value).toEqual({ value: expect.any(Number), unit: "percent" });
    expect([...new Set(each.map((e) => e.subObjectInstanceId))].sort()).toEqual([...vnfcs].sort());
    expect(numberOf(whole, "VMemoryUsageMeanVnf")).toBe(25);
    for (const id of vnfcs) expect(numberOf(each, "VMemoryUsagePeakVnf", id)).toBe(25);
    // They have used half of each CPU, as far as the machine of the test keeps time.
    expect(numberOf(whole, "VCpuUsageMeanVnf")).toBeGreaterThan(10);
    expect(numberOf(whole, "VCpuUsageMeanVnf")).toBeLessThan(90);
    for (const { body } of [ofVnf, ofVnfcs]) expect((await sol3.ask("DELETE", `${JOBS}/${body.id}`)).status).toBe(204);
  });

  // Alone: what it takes away others would measure.
  test("a switch-over is in the count of its NS and of its VNF, with the time that traffic was led to who had failed", async () => {
    await using receiver = await Receiver.start();
    const criteria = { performanceMetricGroup: ["HighAvailability"], collectionPeriod: 1, reportingPeriod: 1 };
    const asked = { objectType: "Ns", objectInstanceIds: [nsId], criteria, callbackUri: receiver.url };
    const { status, body } = await sol5.ask("POST", "/nspm/v2/pm_jobs", asked);
    expect(status).toBe(201);
    const ofVnf = await sol3.ask("POST", JOBS, jobOf(receiver, { objectType: "Vnf" }, criteria));
    const ofGroups = await sol5.ask("POST", "/nspm/v2/pm_jobs", { ...asked, objectType: "ProtectionGroup" });
    expect(ofGroups.status).toBe(201);
    const sums = async (jobId: string, sol: SolClient): Promise<Record<string, number[]>> => {
      const notes = told(receiver).filter((n) => n.pmJobId === jobId);
      const reports = await Promise.all(
        notes.map(async (n) => (await sol.ask("GET", n._links.performanceReport.href.replace(rig.url, ""))).body),
      );
      const values: Record<string, number[]> = {};
      for (const e of reports.flatMap((r) => r.entries))
        values[e.performanceMetric] = [...(values[e.performanceMetric] ?? []), e.performanceValue];
      return values;
    };
    await until("measured", () => told(receiver).some((n) => n.pmJobId === body.id));
    rig.vim.down("media-relay-a");
    const counted = await until("counted", async () => {
      const all = await sums(body.id, sol5);
      return all.FailoverCountNs?.some((n) => n > 0) ? all : null;
    });
    expect(counted.FailoverTimeNs!.some((ms) => ms > 0)).toBe(true);
    expect(counted.VnfcUpCountNs).toContain(2);
    await until("one is down", async () => (await sums(body.id, sol5)).VnfcUpCountNs!.includes(1));
    const vnf = await until("of the VNF", async () => {
      const all = await sums(ofVnf.body.id, sol3);
      return all.FailoverCountVnf?.some((n) => n > 0) ? all : null;
    });
    expect(vnf.FailoverCountVnf!.reduce((a, b) => a + b)).toBe(1);
    expect(vnf.ServiceOutageTimeVnf!.some((ms) => ms > 0)).toBe(true);
    const outages = async () => (await sums(ofGroups.body.id, sol5)).ServiceOutageTimeProtectionGroup ?? [];
    await until("the interruption is its group's", async () => (await outages()).some((ms) => ms > 0));
    rig.vim.down("media-relay-b");
    await until("nobody serves for most of a period", async () => (await outages()).some((ms) => ms > 700));
    expect(
      SolClient.structure(
        nsNotes,
        told(receiver)[0].notificationType,
        told(receiver).find((n) => n.pmJobId === body.id),
      ),
    ).toEqual([]);
    for (const member of ["media-relay-a", "media-relay-b"]) rig.vim.up(member);
    await until("none", async () => (await rig.alarms()).length === 0);
    await until("and it is over", async () => (await outages()).at(-1) === 0);
    expect((await sol5.ask("DELETE", `/nspm/v2/pm_jobs/${ofGroups.body.id}`)).status).toBe(204);
    expect((await sol5.ask("DELETE", `/nspm/v2/pm_jobs/${body.id}`)).status).toBe(204);
    expect((await sol3.ask("DELETE", `${JOBS}/${ofVnf.body.id}`)).status).toBe(204);
  });
});

describe("refusals", () => {
  test("what is not measured is refused with what is, and nothing is made", async () => {
    await using receiver = await Receiver.start();
    const cases: readonly [object, number, RegExp][] = [
      [jobOf(receiver, { objectType: "Vdu" }), 422, /objectType: Vdu .* VnfExtCp, VnfIntCp, Vnf/],
      [
        jobOf(receiver, { objectType: "Vnfc" }, { performanceMetricGroup: ["VirtualisedStorageResource"] }),
        422,
        /performanceMetricGroup: .* there are VirtualisedComputeResource/,
      ],
      [jobOf(receiver, {}, { performanceMetric: ["Nonsense"] }), 422, /performanceMetric: Nonsense .* ByteIncomingVnfExtCp, /],
      [
        jobOf(receiver, {}, { performanceMetricGroup: ["VnfInternalCp"] }),
        422,
        /performanceMetricGroup: .* there are VnfExternalCp/,
      ],
      [jobOf(receiver, {}, { performanceMetricGroup: [] }), 400, /performanceMetric or performanceMetricGroup/],
      [jobOf(receiver, {}, { reportingPeriod: 3, collectionPeriod: 2 }), 422, /1 to 120 times the collectionPeriod of 2 s/],
      [jobOf(receiver, {}, { collectionPeriod: 0 }), 400, /collectionPeriod: want seconds, 1..1024/],
      [jobOf(receiver, {}, { reportingBoundary: "2020-01-01T00:00:00Z" }), 422, /a time to come/],
      [jobOf(receiver, {}, { reportingBoundary: "tomorrow" }), 400, /RFC 3339/],
      [jobOf(receiver, { objectInstanceIds: [nsId] }), 422, /no VNF instance .*vnf_instances/],
      [jobOf(receiver, { objectInstanceIds: [] }), 400, /objectInstanceIds/],
      [jobOf(receiver, { subObjectInstanceIds: ["eth9"] }), 422, /has no eth9; there are ext-/],
      [jobOf(receiver, { callbackUri: "nonsense" }), 400, /callback/],
    ];
    for (const [body, status, words] of cases) {
      const answer = await sol3.ask("POST", JOBS, body);
      expect([answer.status, answer.body.detail]).toEqual([status, expect.stringMatching(words)]);
    }
    receiver.reply = () => ({ status: 500 });
    expect((await sol3.ask("POST", JOBS, jobOf(receiver))).status).toBe(422);
    expect((await sol3.ask("GET", JOBS)).body).toEqual([]);
    expect((await sol3.ask("PUT", JOBS, {})).status).toBe(405);
  });
});

describe("thresholds", () => {
  const thresholdOf = (receiver: Receiver, thresholdValue: number, hysteresis: number, more: object = {}) => ({
    objectType: "VnfIntCp",
    objectInstanceId: vnfId,
    criteria: {
      performanceMetric: "ByteIncomingVnfIntCp",
      thresholdType: "SIMPLE",
      simpleThresholdDetails: { thresholdValue, hysteresis },
    },
    callbackUri: receiver.url,
    ...more,
  });

  test("crossed upwards, then downwards, each told once for each connection point; what stays between is not told", async () => {
    await using receiver = await Receiver.start();
    const many = 1_000_000;
    const made = await sol3.ask("POST", THRESHOLDS, thresholdOf(receiver, many, 1_000));
    expect(made.status).toBe(201);
    const path = `${THRESHOLDS}/${made.body.id}`;
    expect((await sol3.ask("GET", path)).body.criteria.simpleThresholdDetails).toEqual({
      thresholdValue: many,
      hysteresis: 1_000,
    });
    each = many * 2;
    await until("up", () => told(receiver).length >= 2);
    each = 100;
    await until("down", () => told(receiver).some((n) => n.crossingDirection === "DOWN"));
    const of = Map.groupBy(told(receiver), (n) => n.subObjectInstanceId);
    await until("all down", () => told(receiver).filter((n) => n.crossingDirection === "DOWN").length >= of.size);
    for (const note of told(receiver)) expect(SolClient.structure(vnfNotes, "ThresholdCrossedNotification", note)).toEqual([]);
    for (const [, notes] of Map.groupBy(told(receiver), (n) => n.subObjectInstanceId))
      expect(notes.map((n) => n.crossingDirection)).toEqual(["UP", "DOWN"]);
    expect(told(receiver)[0]).toMatchObject({
      thresholdId: made.body.id,
      performanceMetric: "ByteIncomingVnfIntCp",
      performanceValue: { value: expect.any(Number), unit: "byte" },
      _links: { threshold: { href: `${rig.url}${path}` } },
    });
    expect((await sol3.ask("PATCH", path, { callbackUri: `${receiver.url}?x` })).body).toEqual({
      callbackUri: `${receiver.url}?x`,
    });
    expect((await sol3.ask("GET", THRESHOLDS)).body).toMatchObject([{ id: made.body.id, objectInstanceId: vnfId }]);
    expect((await sol3.ask("DELETE", path)).status).toBe(204);
    expect((await sol3.ask("GET", path)).status).toBe(404);
  });

  test("one on the CPU of each VNFC is told for it, in percent", async () => {
    await using receiver = await Receiver.start();
    const simpleThresholdDetails = { thresholdValue: 5, hysteresis: 0 };
    const criteria = { performanceMetric: "VCpuUsageMeanVnf", thresholdType: "SIMPLE", simpleThresholdDetails };
    const made = await sol3.ask("POST", THRESHOLDS, thresholdOf(receiver, 0, 0, { objectType: "Vnfc", criteria }));
    expect(made.status).toBe(201);
    await until("each is told", () => new Set(told(receiver).map((n) => n.subObjectInstanceId)).size >= 2);
    for (const note of told(receiver)) {
      expect(SolClient.structure(vnfNotes, "ThresholdCrossedNotification", note)).toEqual([]);
      expect(note).toMatchObject({ objectType: "Vnfc", objectInstanceId: vnfId, crossingDirection: "UP" });
      expect(note.performanceValue).toEqual({ value: expect.any(Number), unit: "percent" });
    }
    expect((await sol3.ask("DELETE", `${THRESHOLDS}/${made.body.id}`)).status).toBe(204);
  });

  test("which side it was on is known over a restart: no crossing is told twice", async () => {
    await using receiver = await Receiver.start();
    const { body } = await sol3.ask("POST", THRESHOLDS, thresholdOf(receiver, 1, 0));
    await until("up", () => told(receiver).length > 0);
    const points = (await sol3.ask("GET", `/vnflcm/v2/vnf_instances/${vnfId}`)).body.instantiatedVnfInfo.vnfcResourceInfo.flatMap(
      (v: { vnfcCpInfo: object[] }) => v.vnfcCpInfo,
    ).length;
    await until("all up", () => told(receiver).length >= points);
    await rig.stopMano();
    await rig.startMano();
    const looks = () => rig.vim.carried!("").bytes_in;
    const before = looks();
    await until("measured again, twice at least", () => looks() >= before + 3 * each);
    // One whose acceptance was not noted when it ended comes again, with the same id.
    expect(new Set(told(receiver).map((n) => n.id)).size).toBe(points);
    expect((await sol3.ask("GET", THRESHOLDS)).body).toHaveLength(1);
    await sol3.ask("DELETE", `${THRESHOLDS}/${body.id}`);
  });

  test("one of an NS, and what is wrong with one", async () => {
    await using receiver = await Receiver.start();
    const criteria = {
      performanceMetric: "VnfcUpCountNs",
      thresholdType: "SIMPLE",
      simpleThresholdDetails: { thresholdValue: 2, hysteresis: 0 },
    };
    const asked = { objectType: "Ns", objectInstanceId: nsId, criteria, callbackUri: receiver.url };
    const { status, body } = await sol5.ask("POST", "/nspm/v2/thresholds", asked);
    expect(status).toBe(201);
    await until("up", () => told(receiver).length > 0);
    expect(SolClient.structure(nsNotes, "ThresholdCrossedNotification", told(receiver)[0])).toEqual([]);
    expect((await sol5.ask("DELETE", `/nspm/v2/thresholds/${body.id}`)).status).toBe(204);
    const { callbackUri: _, ...without } = asked;
    expect((await sol5.ask("POST", "/nspm/v2/thresholds", without)).status).toBe(400);
    const wrong = { ...asked, criteria: { ...criteria, performanceMetric: "VnfcUpCountVnf" } };
    expect((await sol5.ask("POST", "/nspm/v2/thresholds", wrong)).body.detail).toMatch(
      /VnfcUpCountNs, FailoverCountNs, FailoverTimeNs/,
    );
  });
});

test("where there is no job and no threshold no counter is read", async () => {
  const before = carried;
  rig.vim.down("media-relay-a");
  await until("alarms", async () => (await rig.alarms()).includes("VNFC_DOWN"));
  rig.vim.up("media-relay-a");
  await until("none", async () => (await rig.alarms()).length === 0);
  expect(carried).toBe(before);
});
