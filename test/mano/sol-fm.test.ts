import { afterAll, beforeAll, expect, test } from "vitest";
import { Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

// Every reply is held against ETSI's definitions where they are there (SolClient).
let rig: Rig;
let sol: SolClient;
let nsId: string;
beforeAll(async () => {
  rig = await Rig.start({ listPageSize: 2 });
  sol = new SolClient(rig);
  nsId = await rig.deploy();
  rig.vim.down("media-relay-a");
  await until("alarms", async () => (await rig.alarms()).includes("REDUNDANCY_LOST"));
});
afterAll(() => rig[Symbol.asyncDispose]());

const ALARMS = "/nsfm/v1/alarms";
const one = async (cause: string) => (await sol.ask("GET", `${ALARMS}?filter=(eq,probableCause,${cause})`)).body[0];

test("an alarm is about its network service, with the fields of X.733, and leads there", async () => {
  const alarm = await one("VNFC_DOWN");
  expect(alarm).toMatchObject({
    managedObjectId: nsId,
    perceivedSeverity: "MAJOR",
    eventType: "EQUIPMENT_ALARM",
    ackState: "UNACKNOWLEDGED",
    isRootCause: true,
    faultDetails: expect.arrayContaining([expect.any(String)]),
    _links: {
      self: { href: `${rig.url}${ALARMS}/${alarm.id}` },
      objectInstance: { href: `${rig.url}/nslcm/v2/ns_instances/${nsId}` },
    },
  });
  const single = await sol.ask("GET", `${ALARMS}/${alarm.id}`);
  expect(single.body).toEqual(alarm);
  expect(single.headers.get("etag")).toMatch(/^"/);
});

test("filters, selectors and pages", async () => {
  const all = `${ALARMS}?filter=(eq,managedObjectId,${nsId})`;
  const first = await sol.ask("GET", all);
  expect(first.body.length).toBe(2);
  const minor = (await sol.ask("GET", `${ALARMS}?filter=(in,perceivedSeverity,MINOR,WARNING)`)).body;
  expect(minor.map((a: { probableCause: string }) => a.probableCause)).toContain("REDUNDANCY_LOST");
  expect((await sol.ask("GET", `${ALARMS}?exclude_fields=faultDetails`)).body[0]).not.toHaveProperty("faultDetails");
});

test("acknowledged under a condition: not where it has changed meanwhile, and not twice", async () => {
  const { id } = await one("VNFC_DOWN");
  const before = await sol.ask("GET", `${ALARMS}/${id}`);
  const etag = before.headers.get("etag")!;
  const ack = (headers: Record<string, string>) => sol.ask("PATCH", `${ALARMS}/${id}`, { ackState: "ACKNOWLEDGED" }, headers);
  expect(await ack({ "if-match": '"another"' })).toMatchObject({ status: 412 });
  expect(await ack({ "if-match": etag })).toMatchObject({ status: 200, body: { ackState: "ACKNOWLEDGED" } });
  expect(await ack({ "if-match": etag })).toMatchObject({ status: 412 });
  expect(await ack({})).toMatchObject({ status: 409 });
  const { _links: _, ...after } = (await sol.ask("GET", `${ALARMS}/${id}`)).body;
  expect(after).toMatchObject({ ackState: "ACKNOWLEDGED", alarmAcknowledgedTime: expect.stringMatching(/Z$/) });
  await rig.stopMano();
  await rig.startMano();
  expect((await sol.ask("GET", `${ALARMS}/${id}`)).body).toMatchObject(after);
});

test.for([
  [{ ackState: "SEEN" }, {}, 400, /ackState: want ACKNOWLEDGED or UNACKNOWLEDGED/],
  [{}, {}, 400, /want an object with ackState/],
  ["x", { "content-type": "text/plain" }, 415, /./],
] as const)("a change %j %j → %i", async ([body, headers, status, why]) => {
  const { id } = await one("REDUNDANCY_LOST");
  const refused = await sol.ask("PATCH", `${ALARMS}/${id}`, body, headers);
  expect(refused).toMatchObject({ status, body: { detail: expect.stringMatching(why) } });
});

test("what is none is not found, and an alarm is neither made nor deleted by request", async () => {
  expect(await sol.ask("GET", `${ALARMS}/nobody`)).toMatchObject({ status: 404 });
  expect(await sol.ask("POST", ALARMS, {})).toMatchObject({ status: 405 });
  const { id } = await one("REDUNDANCY_LOST");
  expect(await sol.ask("DELETE", `${ALARMS}/${id}`)).toMatchObject({ status: 405 });
});

test("an alarm that is over says so, and stays", async () => {
  const { id } = await one("REDUNDANCY_LOST");
  rig.vim.up("media-relay-a");
  const over = await until("cleared", async () => {
    const { body } = await sol.ask("GET", `${ALARMS}/${id}`);
    return body.perceivedSeverity === "CLEARED" && body;
  });
  expect(over.alarmClearedTime).toMatch(/Z$/);
});
