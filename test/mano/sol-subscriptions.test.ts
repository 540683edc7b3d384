import { afterAll, beforeAll, expect, test } from "vitest";
import { Receiver, type Request } from "../harness/receiver.ts";
import { Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

let rig: Rig;
let sol: SolClient;
let nsId: string;
beforeAll(async () => {
  rig = await Rig.start();
  sol = new SolClient(rig);
  nsId = await rig.deploy();
});
afterAll(() => rig[Symbol.asyncDispose]());

const SUBSCRIPTIONS = "/nsfm/v1/subscriptions";

// biome-ignore lint/suspicious/noExplicitAny: what a receiver was sent, looked into by tests.
type Note = any;
const notificationsOf = (receiver: { readonly requests: readonly Request[] }): Note[] =>
  receiver.requests.filter((r) => r.method === "POST").map((r) => JSON.parse(r.text));

/** ETSI's definition has another word by mistake: its text says "AlarmNotification". */
const violations = (note: { notificationType: string }) =>
  SolClient.structure("SOL005-NSFaultManagementNotification", note.notificationType, note).filter(
    (v) => !(note.notificationType === "AlarmNotification" && v.includes("/notificationType")),
  );

async function subscribe(body: object): Promise<{ status: number; id: string; location: string }> {
  const made = await sol.ask("POST", SUBSCRIPTIONS, body);
  return { status: made.status, id: made.body?.id, location: made.headers.get("location") ?? "" };
}

/** A member fails and returns, and nothing of it is open any more. */
async function failAndReturn(): Promise<void> {
  rig.vim.down("media-relay-a");
  await until("alarms", async () => (await rig.alarms()).includes("VNFC_DOWN"));
  rig.vim.up("media-relay-a");
  await until("none", async () => (await rig.alarms()).length === 0);
}

test("a subscriber is asked first, then told of alarms and of their end, in order, in ETSI's shapes", async () => {
  await using receiver = await Receiver.start();
  const authentication = { authType: ["BASIC"], paramsBasic: { userName: "mano", password: "a-Secret-word" } };
  const made = await sol.ask("POST", SUBSCRIPTIONS, { callbackUri: receiver.url, authentication });
  expect(made.status).toBe(201);
  expect(made.headers.get("location")).toBe(`${rig.url}${SUBSCRIPTIONS}/${made.body.id}`);
  expect(receiver.requests.map((r) => r.method)).toEqual(["GET"]);
  await failAndReturn();
  await until("both ends", () => {
    const all = notificationsOf(receiver);
    const raised = all.find((n) => n.alarm?.probableCause === "VNFC_DOWN");
    return raised && all.some((n) => n.alarmId === raised.alarm.id);
  });
  const told = notificationsOf(receiver);
  expect(told.flatMap(violations)).toEqual([]);
  expect(new Set(told.map((n) => n.id)).size).toBe(told.length);
  const raised = told.findIndex((n) => n.alarm?.probableCause === "VNFC_DOWN");
  expect(told[raised]).toMatchObject({
    notificationType: "AlarmNotification",
    subscriptionId: made.body.id,
    alarm: { managedObjectId: nsId },
    _links: { subscription: { href: `${rig.url}${SUBSCRIPTIONS}/${made.body.id}` } },
  });
  const { id } = told[raised].alarm;
  const cleared = told.findIndex((n) => n.alarmId === id);
  expect(cleared).toBeGreaterThan(raised);
  expect(told[cleared]._links.alarm.href).toBe(`${rig.url}/nsfm/v1/alarms/${id}`);
  const sent = receiver.requests.find((r) => r.method === "POST")!.headers.authorization;
  expect(sent).toBe(`Basic ${Buffer.from("mano:a-Secret-word").toString("base64")}`);

  for (const path of [SUBSCRIPTIONS, `${SUBSCRIPTIONS}/${made.body.id}`, "/mano/v1/subscriptions"]) {
    const shown = await rig.ask("GET", path).then((a) => (a.status === 400 ? sol.ask("GET", path) : a));
    expect(shown.status).toBe(200);
    expect(JSON.stringify(shown.body)).toContain(receiver.url);
    expect(JSON.stringify(shown.body)).not.toContain("Secret");
  }
  await until("all accepted", async () => {
    const [s] = (await rig.ask("GET", "/mano/v1/subscriptions")).body;
    return s.delivery.state === "CURRENT" && s.delivery.pending === 0;
  });
  expect((await sol.ask("DELETE", `${SUBSCRIPTIONS}/${made.body.id}`)).status).toBe(204);
  expect((await sol.ask("DELETE", `${SUBSCRIPTIONS}/${made.body.id}`)).status).toBe(404);
});

test("who subscribes to the same twice is led to what there is", async () => {
  await using receiver = await Receiver.start();
  const asked = { callbackUri: receiver.url, filter: { perceivedSeverities: ["CRITICAL"] } };
  const first = await subscribe(asked);
  const second = await subscribe(asked);
  expect(second).toMatchObject({ status: 303, location: `${rig.url}${SUBSCRIPTIONS}/${first.id}` });
  expect((await subscribe({ ...asked, filter: { perceivedSeverities: ["MAJOR"] } })).status).toBe(201);
  const all = (await sol.ask("GET", SUBSCRIPTIONS)).body;
  expect(all).toHaveLength(2);
  expect((await sol.ask("GET", `${SUBSCRIPTIONS}?filter=(eq,id,${first.id})`)).body).toMatchObject([{ filter: asked.filter }]);
  for (const { id } of all) await sol.ask("DELETE", `${SUBSCRIPTIONS}/${id}`);
});

test("a filter leaves out what it does not name: causes, severities, types, network services", async () => {
  await using receiver = await Receiver.start();
  const filters = {
    cause: { probableCauses: ["VNFC_DOWN"], nsInstanceSubscriptionFilter: { nsInstanceIds: [nsId] } },
    ends: { notificationTypes: ["AlarmClearedNotification"], perceivedSeverities: ["MINOR"] },
    elsewhere: { nsInstanceSubscriptionFilter: { nsInstanceNames: ["another"] } },
    all: {},
  };
  const ids: Record<string, string> = {};
  for (const [name, filter] of Object.entries(filters))
    ids[name] = (await subscribe({ callbackUri: `${receiver.url}?${name}`, filter })).id;
  await failAndReturn();
  const told = (name: string) =>
    receiver.requests.filter((r) => r.method === "POST" && r.path.endsWith(`?${name}`)).map((r) => JSON.parse(r.text));
  await until("all of them", () => told("all").filter((n) => n.alarmId).length >= 2 && told("ends").length > 0);
  const causeOf = new Map(told("all").flatMap((n) => (n.alarm ? [[n.alarm.id, n.alarm.probableCause]] : [])));
  await until("both of one cause", () => told("cause").length >= 2);
  for (const n of told("cause")) expect(causeOf.get(n.alarm?.id ?? n.alarmId)).toBe("VNFC_DOWN");
  for (const n of told("ends")) {
    expect(n.notificationType).toBe("AlarmClearedNotification");
    expect(causeOf.get(n.alarmId)).toBe("REDUNDANCY_LOST");
  }
  expect(told("elsewhere")).toEqual([]);
  for (const id of Object.values(ids)) await sol.ask("DELETE", `${SUBSCRIPTIONS}/${id}`);
});

test("an acknowledgement is told too", async () => {
  await using receiver = await Receiver.start();
  const { id } = await subscribe({ callbackUri: receiver.url });
  rig.vim.down("media-relay-a");
  const alarm = await until("an alarm", () => notificationsOf(receiver)[0]?.alarm);
  await sol.ask("PATCH", `/nsfm/v1/alarms/${alarm.id}`, { ackState: "ACKNOWLEDGED" });
  await until("told", () =>
    notificationsOf(receiver).some((n) => n.alarm?.id === alarm.id && n.alarm.ackState === "ACKNOWLEDGED"),
  );
  rig.vim.up("media-relay-a");
  await until("none", async () => (await rig.alarms()).length === 0);
  await sol.ask("DELETE", `${SUBSCRIPTIONS}/${id}`);
});

test("a subscriber that was away hears all of it in order when it is back, and nothing twice; over a restart too", async () => {
  await using receiver = await Receiver.start();
  const { id } = await subscribe({ callbackUri: receiver.url });
  let isAway = true;
  const accepted: string[] = [];
  receiver.reply = (request) => {
    if (isAway) return { status: 503 };
    if (request.method === "POST") accepted.push(JSON.parse(request.text).id);
    return { status: 204 };
  };
  rig.vim.down("media-relay-a");
  await until("alarms", async () => (await rig.alarms()).includes("VNFC_DOWN"));
  await until("shown as away", async () => {
    const [s] = (await rig.ask("GET", "/mano/v1/subscriptions")).body;
    return s.delivery.state === "RETRYING" && s.delivery.pending > 0 && /503/.test(s.delivery.lastError);
  });
  await rig.stopMano();
  await rig.startMano();
  isAway = false;
  rig.vim.up("media-relay-a");
  await until("none", async () => (await rig.alarms()).length === 0);
  await until("all accepted", async () => {
    const [s] = (await rig.ask("GET", "/mano/v1/subscriptions")).body;
    return s.delivery.state === "CURRENT" && accepted.length > 0;
  });
  expect(new Set(accepted).size).toBe(accepted.length);
  const had = accepted.length;
  await rig.stopMano();
  await rig.startMano();
  await failAndReturn();
  await until("more", () => accepted.length > had);
  expect(new Set(accepted).size).toBe(accepted.length);
  await sol.ask("DELETE", `${SUBSCRIPTIONS}/${id}`);
});

test.for([
  [{}, 400, /callbackUri/],
  [{ callbackUri: "ftp://127.0.0.1/x" }, 400, /want an http or https URL/],
  [{ callbackUri: "http://169.254.169.254/" }, 400, /link-local/],
  [{ callbackUri: "http://127.0.0.1:1/" }, 422, /want a receiver that answers GET/],
  [{ callbackUri: "http://127.0.0.1:1/", authentication: { authType: ["BASIC"] } }, 400, /BASIC needs paramsBasic/],
  [{ callbackUri: "https://127.0.0.1:1/", authentication: { authType: ["TLS_CERT"] } }, 400, /clientCertificate/],
  [{ callbackUri: "http://127.0.0.1:1/", filter: "all" }, 400, /filter/],
] as const)("%j → %i", async ([body, status, why]) => {
  const refused = await sol.ask("POST", SUBSCRIPTIONS, body);
  expect(refused).toMatchObject({ status, body: { detail: expect.stringMatching(why) } });
  expect((await sol.ask("GET", SUBSCRIPTIONS)).body).toEqual([]);
});

test("each interface has its own: what one knows another does not", async () => {
  await using receiver = await Receiver.start();
  const made: string[] = [];
  for (const at of ["/nsd/v2", "/vnfpkgm/v2", "/nslcm/v2", "/vnflcm/v2", "/nsfm/v1", "/vnffm/v1"]) {
    // Of SOL003's package management the definition answers a list here, of which SOL005's is one.
    const client = at === "/vnfpkgm/v2" ? new SolClient(rig, "SOL005") : sol;
    const one = await client.ask("POST", `${at}/subscriptions`, { callbackUri: receiver.url });
    expect(one.status).toBe(201);
    made.push(`${at}/subscriptions/${one.body.id}`);
  }
  expect((await sol.ask("GET", "/nslcm/v2/subscriptions")).body).toHaveLength(1);
  expect((await sol.ask("GET", made[0]!.replace("/nsd/v2", "/vnfpkgm/v2"))).status).toBe(404);
  for (const path of made) expect((await sol.ask("DELETE", path)).status).toBe(204);
});
