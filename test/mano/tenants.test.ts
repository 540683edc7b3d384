import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { ACCESS } from "../../src/api/mano/access.ts";
import { ROUTES } from "../../src/api/mano/routes.ts";
import { SOL_TABLES } from "../../src/api/sol/tables.ts";
import { createToken } from "../../src/cli/token.ts";
import { parseConfig } from "../../src/config.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { type RunningMano, startMano } from "../../src/mano.ts";
import type { ManoTables } from "../../src/store/mano-schema.ts";
import { openToRead } from "../../src/store/open.ts";
import { Receiver } from "../harness/receiver.ts";
import { example, NETS, until } from "./rig.ts";
import { ToyVim } from "./toy-vim.ts";

// Two tenants of one MANO, and what is of none: what each finds of the others' things, and what it can do to them. Every route is asked.
const dir = mkdtempSync(join(tmpdir(), "sempre-tenants-"));
const store = { daemon: "mano" as const, path: join(dir, "mano.db"), migrationsDir: join(import.meta.dirname, "../../sql/mano") };
const OWNERS = ["alpha", "bravo", "nobody"] as const;
type Owner = (typeof OWNERS)[number];
const TENANTS = ["alpha", "bravo"] as const;
const otherOf = (o: (typeof TENANTS)[number]) => (o === "alpha" ? "bravo" : "alpha");

let vim: ToyVim;
let mano: RunningMano;
let receiver: Receiver;
const tokens: Record<string, string> = {};
const things = {} as Record<Owner, Record<string, string>>;
const startIt = async () => {
  const vims = [{ name: "vim1", url: vim.url, adminUrl: vim.url, tenant: "default" }];
  const settings = { mano: { listen: { port: 0 }, store: store.path, vims, auth: { onLoopback: "tokens" } } };
  mano = await startMano(parseConfig(settings).mano!, { clock: systemClock, log: silent });
};

const VERSIONS: Record<string, string> = { nsfm: "1.3.0", vnffm: "1.5.0", vnfpkgm: "2.4.0", vnfpm: "2.2.0" };
async function ask(who: string, method: string, path: string, body?: object | string) {
  const isText = typeof body === "string";
  const headers = {
    authorization: `Bearer ${tokens[who]}`,
    version: VERSIONS[path.split("/")[1]!] ?? "2.3.0",
    ...(body !== undefined && { "content-type": isText ? "text/plain" : "application/json" }),
  };
  const sent = body === undefined ? {} : { body: isText ? body : JSON.stringify(body) };
  const res = await fetch(`http://127.0.0.1:${mano.port}${path}`, { method, headers, ...sent });
  const text = await res.text();
  const isJson = /json/.test(res.headers.get("content-type") ?? "");
  return { status: res.status, text, body: isJson && text !== "" ? JSON.parse(text) : null };
}

const fileOf = (o: string, version = "1.0") =>
  example("media-relay.yaml")
    .replaceAll('version: "1.0"', `version: "${version}"`)
    .replaceAll(/- id: (media-relay|media)$/gm, `- id: $1-${o}`)
    .replaceAll("vnfd: media-relay", `vnfd: media-relay-${o}`)
    .replaceAll(/\b((media|data|traffic)_net\d?)\b(?!:)/g, `$1_${o}`);

/** A service of an owner that runs, has failed over, and is measured. */
async function fill(o: Owner): Promise<void> {
  const who = o === "nobody" ? "admin" : `${o} operator`;
  const made = await ask(who, "POST", "/mano/v1/descriptors", fileOf(o));
  if (made.status !== 201) throw new Error(made.text);
  const idOf = (kind: string) => made.body.find((d: { kind: string }) => d.kind === kind).id;
  const ns = (await ask(who, "POST", "/mano/v1/ns_instances", { nsdId: idOf("nsd"), nsName: o })).body.id;
  await ask(who, "POST", `/mano/v1/ns_instances/${ns}/instantiate`);
  const servers = () => [...vim.servers.values()].filter((s) => s.name.startsWith(`${o}-`));
  await until("its servers", () => servers().length === 2);
  for (const { name } of servers()) vim.up(name);
  await until("ready", async () => (await ask(who, "GET", `/mano/v1/ns_instances/${ns}`)).body.underWay === null);
  const first = async (path: string, is: (x: never) => boolean = () => true) =>
    until(path, async () => (await ask(who, "GET", path)).body.find(is)?.id as string | undefined);
  const ofNs = (x: { nsId?: string; nsInstanceId?: string; managedObjectId?: string }) =>
    [x.nsId, x.nsInstanceId, x.managedObjectId].includes(ns);
  vim.down(`${o}-relay-a`);
  const vnfs = (await ask(who, "GET", "/vnflcm/v2/vnf_instances?all_fields")).body;
  const vnf = vnfs.find((v: { vnfdId: string }) => v.vnfdId === `media-relay-${o}`).id;
  const callbackUri = receiver.url;
  const criteria = { performanceMetricGroup: ["HighAvailability"], collectionPeriod: 1, reportingPeriod: 1 };
  const job = { objectType: "Ns", objectInstanceIds: [ns], criteria, callbackUri };
  const details = { thresholdValue: 9, hysteresis: 0 };
  const threshold = {
    objectType: "Vnf",
    objectInstanceId: vnf,
    criteria: { performanceMetric: "VnfcUpCountVnf", thresholdType: "SIMPLE", simpleThresholdDetails: details },
    callbackUri,
  };
  const jobId = (await ask(who, "POST", "/nspm/v2/pm_jobs", job)).body.id;
  const report = await until("a report", async () => (await ask(who, "GET", `/nspm/v2/pm_jobs/${jobId}`)).body.reports?.href);
  const snapshot = (await ask(who, "POST", "/vnflcm/v2/vnf_snapshots", {})).body.id;
  things[o] = {
    ns,
    vnf,
    "/mano/v1/descriptors": idOf("nsd"),
    "/mano/v1/ns_instances": ns,
    "/mano/v1/failovers": await first("/mano/v1/failovers", ofNs),
    "/mano/v1/protection_groups": await first("/mano/v1/protection_groups", ofNs),
    "/nsd/v2/ns_descriptors": idOf("nsd"),
    "/nsd/v2/pnf_descriptors": (await ask(who, "POST", "/nsd/v2/pnf_descriptors", {})).body.id,
    "/vnfpkgm/v2/vnf_packages": idOf("vnfd"),
    "/vnfpkgm/v2/onboarded_vnf_packages": `media-relay-${o}`,
    "/nslcm/v2/ns_instances": ns,
    "/nslcm/v2/ns_lcm_op_occs": await first("/nslcm/v2/ns_lcm_op_occs", ofNs),
    "/vnflcm/v2/vnf_instances": vnf,
    "/vnflcm/v2/vnf_lcm_op_occs": await first(
      "/vnflcm/v2/vnf_lcm_op_occs",
      (x: { vnfInstanceId: string }) => x.vnfInstanceId === vnf,
    ),
    "/vnflcm/v2/vnf_snapshots": snapshot,
    "/nslcm/v2/vnf_snapshots": snapshot,
    "/nsfm/v1/alarms": await first("/nsfm/v1/alarms", ofNs),
    "/vnffm/v1/alarms": await first("/vnffm/v1/alarms", (x: { managedObjectId: string }) => x.managedObjectId === vnf),
    "/nsfm/v1/subscriptions": (await ask(who, "POST", "/nsfm/v1/subscriptions", { callbackUri: `${callbackUri}?${o}` })).body.id,
    "/nspm/v2/pm_jobs": jobId,
    "/vnfpm/v2/thresholds": (await ask(who, "POST", "/vnfpm/v2/thresholds", threshold)).body.id,
    report: report.split("/").at(-1),
  };
}

beforeAll(async () => {
  vim = await new ToyVim(OWNERS.flatMap((o) => NETS.map((n) => `${n}_${o}`))).start();
  receiver = await Receiver.start();
  await startIt();
  tokens.admin = (await createToken(store, { role: "admin", name: "root" })).text;
  for (const tenant of TENANTS) {
    await ask("admin", "POST", "/openmano/tenants", { tenant: { name: tenant } });
    for (const role of ["viewer", "operator"] as const)
      tokens[`${tenant} ${role}`] = (await createToken(store, { role, tenant, name: `${tenant}-${role}` })).text;
  }
  for (const o of OWNERS) await fill(o);
});
afterAll(async () => {
  await mano[Symbol.asyncDispose]();
  await vim[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});

const ALL = [...ROUTES, ...SOL_TABLES.flat()].map((r) => r.is as string);
const isOne = (is: string) => is.includes("/:");
const listOf = (path: string) => path.split("/:")[0]!;
/** The path of a route, for the thing of an owner; null: there is none of its kind. */
function pathOf(is: string, o: Owner): string | null {
  const path = is.split(" ")[1]!;
  const id = things[o][listOf(path)];
  if (id === undefined) return null;
  return path
    .replace(/:(id|vnfdId)/, id)
    .replace(":reportId", things[o].report!)
    .replace("*", "x");
}
/** What is for all to use where it is nobody's. */
const isCatalogue = (path: string) => /descriptors|vnf_packages/.test(path);

const BODIES: Readonly<Record<string, object | string>> = {
  PATCH_alarms: { ackState: "ACKNOWLEDGED" },
  escalate: { proposedPerceivedSeverity: "MINOR" },
  instantiate: { nsFlavourId: "default", flavourId: "default" },
  terminate: { terminationType: "FORCEFUL" },
  heal: { healNsData: { degreeHealing: "HEAL_RESTORE", actionsHealing: ["restart"] } },
  operate: { changeStateTo: "STOPPED" },
  cancel: { cancelMode: "FORCEFUL" },
  command: { command: "lockout" },
  PATCH_ns_descriptors: { nsdOperationalState: "DISABLED" },
  PATCH_pnf_descriptors: { userDefinedData: { x: "y" } },
  PATCH_vnf_packages: { operationalState: "DISABLED" },
  PATCH_vnf_instances: { vnfInstanceName: "stolen" },
  PATCH_pm_jobs: { callbackUri: "http://127.0.0.1:1/" },
  PATCH_thresholds: { callbackUri: "http://127.0.0.1:1/" },
  upload_from_uri: { addressInformation: "http://127.0.0.1:1/" },
  nsd_content: "nsd: []",
  pnfd_content: "pnfd: []",
  package_content: "vnfd: []",
};
function bodyOf(is: string): object | string | undefined {
  const [method, path = ""] = is.split(" ");
  if (method === "GET" || method === "DELETE") return undefined;
  const last = path.split("/").at(-1)!;
  return BODIES[last] ?? BODIES[`${method}_${listOf(path).split("/").at(-1)}`] ?? {};
}

describe("reading one thing", () => {
  for (const is of ALL.filter((r) => r.startsWith("GET ") && isOne(r)))
    test(is, async () => {
      for (const o of OWNERS) {
        const path = pathOf(is, o);
        if (path === null) continue;
        const all = await ask("admin", "GET", path);
        for (const tenant of TENANTS) {
          const got = await ask(`${tenant} viewer`, "GET", path);
          const isTheirs = o === tenant || (o === "nobody" && isCatalogue(path));
          expect([tenant, o, got.status]).toEqual([tenant, o, isTheirs ? all.status : 404]);
          if (!isTheirs) expect(got.text).not.toContain("there are: ");
        }
      }
    });
});

describe("lists", () => {
  for (const is of ALL.filter((r) => r.startsWith("GET ") && !isOne(r)).concat("GET /mano/v1/events?since=0"))
    test(is, async () => {
      for (const tenant of TENANTS) {
        const { status, text } = await ask(`${tenant} viewer`, "GET", is.split(" ")[1]!);
        expect(status).toBe(200);
        for (const o of OWNERS.filter((x) => x !== tenant))
          for (const [kind, id] of Object.entries(things[o]))
            if (!(o === "nobody" && isCatalogue(kind))) expect([kind, text.includes(id)]).toEqual([kind, false]);
      }
    });

  test("each finds its own there", async () => {
    for (const tenant of TENANTS)
      for (const [list, id] of Object.entries(things[tenant]))
        if (list.startsWith("/") && !list.includes("onboarded"))
          expect([list, (await ask(`${tenant} viewer`, "GET", list)).text.includes(id)]).toEqual([list, true]);
  });
});

/** All rows but those of the journal and of what goes on by itself. */
async function state(): Promise<string> {
  await using db = await openToRead<ManoTables>(store.path);
  const rows = async (t: keyof ManoTables) =>
    JSON.stringify(
      await db
        .selectFrom(t as "package")
        .selectAll()
        .execute(),
    );
  return (await Promise.all((["package", "descriptor", "owner", "protection_command"] as const).map(rows))).join();
}

describe("changing what is another's", () => {
  for (const is of ALL.filter((r) => !r.startsWith("GET ") && isOne(r)))
    test(is, async () => {
      const [method] = is.split(" ") as [string];
      const before = await state();
      for (const o of OWNERS) {
        const path = pathOf(is, o);
        if (path === null) continue;
        for (const tenant of TENANTS.filter((t) => t !== o)) {
          const { status } = await ask(`${tenant} operator`, method, path, bodyOf(is));
          // What no VNF here can do is refused before it is looked whose it is.
          const isRefusedToAll =
            /scale|change_|_snapshot$|vnf_instances\/[^/]+\/(instantiate|terminate)|update|DELETE.*vnf_instances/.test(
              `${method} ${path}`,
            );
          const want = o === "nobody" && isCatalogue(path) ? [403] : isRefusedToAll ? [404, 400, 409, 422] : [404];
          expect([tenant, o, want.includes(status) ? want[0] : status]).toEqual([tenant, o, want[0]]);
        }
      }
      expect(await state()).toBe(before);
    });

  test("none of it came about", async () => {
    for (const o of OWNERS) {
      expect((await ask("admin", "GET", `/mano/v1/ns_instances/${things[o].ns}`)).body.state).toBe("INSTANTIATED");
      expect((await ask("admin", "GET", `/vnflcm/v2/vnf_instances/${things[o].vnf}`)).body.vnfInstanceName).not.toBe("stolen");
      const group = await ask("admin", "GET", `/mano/v1/protection_groups/${things[o]["/mano/v1/protection_groups"]}`);
      expect(group.body.command).toBeNull();
      expect((await ask("admin", "GET", `/nspm/v2/pm_jobs/${things[o]["/nspm/v2/pm_jobs"]}`)).body.callbackUri).toBe(
        receiver.url,
      );
      expect((await ask("admin", "GET", `/nsfm/v1/alarms/${things[o]["/nsfm/v1/alarms"]}`)).body.ackState).toBe("UNACKNOWLEDGED");
    }
  });
});

test("a role that is too small changes nothing of its own tenant either: every route", async () => {
  for (const is of ALL.filter((r) => ACCESS[r] !== "viewer")) {
    const path = pathOf(is, "alpha") ?? is.split(" ")[1]!.replaceAll(/:\w+/g, "x");
    expect([is, (await ask("alpha viewer", is.split(" ")[0]!, path, bodyOf(is))).status]).toEqual([is, 403]);
  }
});

test("what is another's can be used for nothing, and what is nobody's can", async () => {
  const { ns, vnf } = things.alpha;
  const nsdId = things.alpha["/nsd/v2/ns_descriptors"]!;
  for (const by of [nsdId, "media-alpha"])
    expect((await ask("bravo operator", "POST", "/mano/v1/ns_instances", { nsdId: by, nsName: "mine" })).status).toBe(404);
  const criteria = { performanceMetricGroup: ["HighAvailability"], collectionPeriod: 1, reportingPeriod: 1 };
  for (const [path, objectType, id] of [
    ["/nspm/v2/pm_jobs", "Ns", ns],
    ["/vnfpm/v2/pm_jobs", "Vnf", vnf],
  ] as const) {
    const job = { objectType, objectInstanceIds: [id], criteria, callbackUri: receiver.url };
    expect((await ask("bravo operator", "POST", path, job)).status).toBe(422);
  }
  const byStep = { vnfInstanceId: vnf, scaleVnfType: "SCALE_OUT", scaleByStepData: { aspectId: "relays" } };
  for (const [path, body] of [
    [`/nslcm/v2/ns_instances/${ns}/scale`, { scaleType: "SCALE_VNF", scaleVnfData: [byStep] }],
    [`/vnflcm/v2/vnf_instances/${vnf}/scale`, { type: "SCALE_OUT", aspectId: "relays" }],
    [`/vnflcm/v2/vnf_instances/${vnf}/scale_to_level`, { scaleInfo: [{ aspectId: "relays", scaleLevel: 1 }] }],
  ] as const)
    expect([path, (await ask("bravo operator", "POST", path, body)).status]).toEqual([path, 404]);
  // In a body it is as one that there is not.
  for (const task of ["create_snapshot", "revert_to_snapshot"])
    for (const vnfSnapshotInfoId of [things.alpha["/vnflcm/v2/vnf_snapshots"], "nobody"]) {
      const path = `/vnflcm/v2/vnf_instances/${things.bravo.vnf}/${task}`;
      const refused = await ask("bravo operator", "POST", path, { vnfSnapshotInfoId });
      expect([task, refused.status, refused.body.detail]).toEqual([task, 422, expect.stringMatching(/there is no VNF snapshot/)]);
    }
  for (const vnfInstanceId of [vnf, "nobody"]) {
    const body = { scaleType: "SCALE_VNF", scaleVnfData: [{ ...byStep, vnfInstanceId }] };
    const refused = await ask("bravo operator", "POST", `/nslcm/v2/ns_instances/${things.bravo.ns}/scale`, body);
    expect([refused.status, refused.body.detail]).toEqual([422, expect.stringMatching(`has no VNF ${vnfInstanceId}; it has`)]);
  }
  const taken = await ask("bravo operator", "POST", "/mano/v1/descriptors", fileOf("alpha"));
  expect([taken.status, taken.body.detail]).toEqual([409, expect.stringMatching(/is another tenant's/)]);
  const clash = await ask("bravo operator", "POST", "/mano/v1/ns_instances", { nsdId: "media-bravo", nsName: "alpha" });
  expect([clash.status, clash.text.includes(ns!)]).toEqual([409, false]);

  const shared = await ask("bravo operator", "POST", "/mano/v1/ns_instances", { nsdId: "media-nobody", nsName: "of-all" });
  expect(shared.status).toBe(201);
  expect((await ask("alpha viewer", "GET", `/nslcm/v2/ns_instances/${shared.body.id}`)).status).toBe(404);
  expect((await ask("bravo operator", "DELETE", `/mano/v1/ns_instances/${shared.body.id}`)).status).toBe(204);
});

test("an NS takes in nobody else's VNF, and is not told that there is one", async () => {
  const take = async (vnfInstanceId: string) => {
    const body = { updateType: "ADD_VNF", addVnfIstance: [{ vnfInstanceId }] };
    const { status, text } = await ask("alpha operator", "POST", `/nslcm/v2/ns_instances/${things.alpha.ns}/update`, body);
    return { status, text: text.replaceAll(vnfInstanceId, "ID") };
  };
  const { body } = await ask("bravo operator", "POST", "/mano/v1/descriptors", example("sol006/single.yaml"));
  const made = await ask("bravo operator", "POST", "/vnflcm/v2/vnf_instances", { vnfdId: "single-relay" });
  const stranger = await take("00000000-0000-4000-8000-000000000000");
  expect(stranger).toMatchObject({
    status: 422,
    text: expect.stringContaining("there is no VNF ID that NS alpha could take in"),
  });
  for (const id of [made.body.id, things.bravo.vnf!, things.nobody.vnf!]) expect(await take(id)).toEqual(stranger);
  expect((await ask("bravo operator", "DELETE", `/vnflcm/v2/vnf_instances/${made.body.id}`)).status).toBe(204);
  for (const { id } of body.toReversed()) await ask("bravo operator", "DELETE", `/mano/v1/descriptors/${id}`);
});

test("a later version that a tenant brings of what is for all is its own: nothing of others' is made of it", async () => {
  const onBoard = async (who: string, file: string) => {
    const { status, text, body } = await ask(who, "POST", "/mano/v1/descriptors", file);
    expect(status, text).toBe(201);
    return (kind: string): string => body.find((d: { kind: string }) => d.kind === kind).id;
  };
  const pool = await onBoard("admin", fileOf("pool"));
  await onBoard("alpha operator", fileOf("pool", "9.0"));
  const make = (who: string, nsdId: string, nsName: string) => ask(who, "POST", "/mano/v1/ns_instances", { nsdId, nsName });
  const made = await make("bravo operator", "media-pool", "of-pool");
  expect(made.body.nsdId).toBe(pool("nsd"));
  await ask("bravo operator", "POST", `/mano/v1/ns_instances/${made.body.id}/instantiate`);
  const vnfs = (await ask("bravo viewer", "GET", "/vnflcm/v2/vnf_instances?all_fields")).body;
  const vnf = vnfs.find((v: { vnfdId: string }) => v.vnfdId === "media-relay-pool");
  expect([vnf?.vnfdVersion]).toEqual(["1.0"]);
  const ofAdmin = await make("admin", "media-pool", "of-admin");
  expect(ofAdmin.body.nsdId).toBe(pool("nsd"));

  // An NSD that is for all stands on nothing that is one tenant's; nor does a name of a net tell whose it is.
  const [, nsd] = fileOf("alpha").split(/^(?=nsd:)/m);
  const refused = await ask("admin", "POST", "/mano/v1/descriptors", nsd!.replace("id: media-alpha", "id: media-of-all"));
  expect([refused.status, refused.text]).toEqual([400, expect.stringContaining("media-relay-alpha")]);
  const nets = fileOf("alpha").replaceAll("media-relay-alpha", "media-relay-thief").replace("id: media-alpha", "id: media-thief");
  await onBoard("bravo operator", nets);
  const thief = await make("bravo operator", "media-thief", "thief");
  const clash = await ask("bravo operator", "POST", `/mano/v1/ns_instances/${thief.body.id}/instantiate`);
  expect([clash.status, clash.body.detail]).toEqual([
    409,
    expect.stringMatching(/^[a-z0-9_, ]+: in use by what is not this tenant's/),
  ]);
  for (const id of [ofAdmin.body.id, thief.body.id]) await ask("admin", "DELETE", `/mano/v1/ns_instances/${id}`);
  await ask("bravo operator", "POST", `/mano/v1/ns_instances/${made.body.id}/terminate`);
  await until("it is gone", async () => {
    const { status } = await ask("bravo operator", "DELETE", `/mano/v1/ns_instances/${made.body.id}`);
    return status === 204 || status === 404;
  });
});

test("a PNFD that is another's is told of by its name alone", async () => {
  const file = "nfv:\n  pnfd:\n    - id: router\n      version: '1.0'\n      name: a router\n      provider: Example\n";
  const send = (o: (typeof TENANTS)[number]) =>
    ask(`${o} operator`, "PUT", `/nsd/v2/pnf_descriptors/${things[o]["/nsd/v2/pnf_descriptors"]}/pnfd_content`, file);
  expect((await send("alpha")).status).toBe(204);
  const { status, text } = await send("bravo");
  expect([status, text.includes(things.alpha["/nsd/v2/pnf_descriptors"]!)]).toEqual([409, false]);
});

test("notifications tell a tenant of its own only", async () => {
  for (const o of OWNERS) vim.up(`${o}-relay-a`); // What is right again is told, as a failure is.
  for (const tenant of TENANTS)
    await until("told", () => receiver.requests.some((r) => r.path.endsWith(`?${tenant}`) && r.method === "POST"));
  for (const tenant of TENANTS) {
    const told = receiver.requests
      .filter((r) => r.path.endsWith(`?${tenant}`))
      .map((r) => r.text)
      .join();
    expect(told).not.toContain(things[otherOf(tenant)].ns);
    expect(told).not.toContain(things.nobody.ns);
  }
});

test("OpenMANO's paths lead a tenant's token to that tenant only", async () => {
  const names = async (who: string) =>
    (await ask(who, "GET", "/openmano/tenants")).body.tenants.map((t: { name: string }) => t.name);
  expect(await names("alpha viewer")).toEqual(["alpha"]);
  expect((await names("admin")).sort()).toEqual(["alpha", "bravo"]);
  for (const what of ["vnfs", "scenarios", "instances", "datacenters", "vim_accounts"]) {
    expect([what, (await ask("alpha viewer", "GET", `/openmano/bravo/${what}`)).status]).toEqual([what, 404]);
    expect([what, (await ask("alpha viewer", "GET", `/openmano/alpha/${what}`)).status]).toEqual([what, 200]);
    expect([what, (await ask("alpha viewer", "GET", `/openmano/any/${what}`)).status]).toEqual([what, 200]);
  }
  expect((await ask("alpha viewer", "GET", "/openmano/tenants/bravo")).status).toBe(404);
  const made = await ask("alpha operator", "POST", "/openmano/alpha/vnfs", parse(example("openmano/media-relay.vnf.yaml")));
  expect(made.status).toBe(200);
  const { uuid } = made.body.vnf;
  for (const path of ["any", "bravo", "alpha"].map((t) => `/openmano/${t}/vnfs/${uuid}`))
    expect([path, (await ask("bravo viewer", "GET", path)).status]).toEqual([path, 404]);
  expect((await ask("bravo operator", "DELETE", `/openmano/any/vnfs/${uuid}`)).status).toBe(404);
  expect((await ask("bravo operator", "POST", "/openmano/alpha/vnfs", { vnf: {} })).status).toBe(404);
  expect((await ask("alpha operator", "DELETE", `/openmano/any/vnfs/${uuid}`)).status).toBe(200);
});

test("all of it is so after a restart; a tenant with things of its own stays, and one that goes takes its tokens with it", async () => {
  await mano[Symbol.asyncDispose]();
  await startIt();
  expect((await ask("bravo viewer", "GET", `/nslcm/v2/ns_instances/${things.alpha.ns}`)).status).toBe(404);
  expect((await ask("alpha viewer", "GET", `/nslcm/v2/ns_instances/${things.alpha.ns}`)).status).toBe(200);
  const kept = await ask("admin", "DELETE", "/openmano/tenants/alpha");
  expect([kept.status, kept.text]).toEqual([
    409,
    expect.stringMatching(/1 network services, 5 packages, 1 subscriptions, 2 PM jobs/),
  ]);
  await ask("admin", "POST", "/openmano/tenants", { tenant: { name: "charlie" } });
  tokens.charlie = (await createToken(store, { role: "viewer", tenant: "charlie", name: "charlie" })).text;
  expect((await ask("charlie", "GET", "/mano/v1/ns_instances")).body).toEqual([]);
  expect((await ask("admin", "DELETE", "/openmano/tenants/charlie")).status).toBe(200);
  for (const path of ["/mano/v1/ns_instances", "/openmano/tenants"]) expect((await ask("charlie", "GET", path)).status).toBe(401);
});
