import { afterAll, beforeAll, expect, test } from "vitest";
import { Receiver } from "../harness/receiver.ts";
import { Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

// One service, from its creation to its end, as subscribers of ETSI's interfaces are told of it.
let rig: Rig;
let sol: SolClient;
let receiver: Receiver;
beforeAll(async () => {
  rig = await Rig.start();
  sol = new SolClient(rig);
  receiver = await Receiver.start();
});
afterAll(async () => {
  await receiver[Symbol.asyncDispose]();
  await rig[Symbol.asyncDispose]();
});

const AT = { nslcm: "/nslcm/v2", vnflcm: "/vnflcm/v2", vnffm: "/vnffm/v1" } as const;
const DEFINITIONS: Readonly<Record<string, string>> = {
  nslcm: "SOL005-NSLifecycleManagementNotification",
  vnflcm: "SOL003-VNFLifecycleManagementNotification",
  vnffm: "SOL003-VNFFaultManagementNotification",
};

// biome-ignore lint/suspicious/noExplicitAny: what a receiver was sent, looked into by a test.
const told = (query: string): any[] =>
  receiver.requests.filter((r) => r.method === "POST" && r.path.endsWith(`?${query}`)).map((r) => JSON.parse(r.text));

async function subscribe(of: keyof typeof AT, query: string, more: object = {}): Promise<void> {
  const made = await sol.ask("POST", `${AT[of]}/subscriptions`, { callbackUri: `${receiver.url}?${query}`, ...more });
  expect(made.status).toBe(201);
}

test("creation, instantiation, a failover and termination are told, in order, in ETSI's shapes", async () => {
  await subscribe("nslcm", "nslcm");
  await subscribe("vnflcm", "vnflcm");
  await subscribe("vnffm", "vnffm");
  const completed = {
    notificationTypes: ["NsLcmOperationOccurenceNotification"], // As the filter's definition spells it.
    operationTypes: ["INSTANTIATE"],
    operationStates: ["COMPLETED"],
  };
  await subscribe("nslcm", "short", { verbosity: "SHORT", filter: completed });
  await subscribe("vnflcm", "else", { filter: { vnfInstanceSubscriptionFilter: { vnfInstanceIds: ["another"] } } });

  const nsId = await rig.deploy();
  rig.vim.down("media-relay-a");
  await until("alarms", async () => (await rig.alarms()).includes("VNFC_DOWN"));
  rig.vim.up("media-relay-a");
  await until("none", async () => (await rig.alarms()).length === 0);
  await rig.ask("POST", `/mano/v1/ns_instances/${nsId}/terminate`);
  await until("terminated", async () => (await rig.ns()).state === "NOT_INSTANTIATED");
  await rig.ask("DELETE", `/mano/v1/ns_instances/${nsId}`);
  await until("the end of it", () => told("nslcm").some((n) => n.notificationType === "NsIdentifierDeletionNotification"));
  await until("the end of its VNF", () => told("vnflcm").some((n) => n.notificationType === "VnfIdentifierDeletionNotification"));
  await until("its alarms", () => told("vnffm").some((n) => n.alarmId !== undefined));
  await until("the short one", () => told("short").some((n) => n.operationState === "COMPLETED"));

  for (const of of ["nslcm", "vnflcm", "vnffm"])
    for (const note of told(of)) expect(SolClient.structure(DEFINITIONS[of]!, note.notificationType, note)).toEqual([]);

  const ns = told("nslcm");
  expect(ns[0]).toMatchObject({ notificationType: "NsIdentifierCreationNotification", nsInstanceId: nsId });
  const statesOf = (operation: string) => ns.filter((n) => n.operation === operation).map((n) => n.operationState);
  expect(statesOf("INSTANTIATE")).toEqual(["PROCESSING", "COMPLETED"]);
  expect(statesOf("TERMINATE").at(-1)).toBe("COMPLETED");
  const instantiated = ns.find((n) => n.operation === "INSTANTIATE" && n.notificationStatus === "RESULT");
  expect(instantiated.affectedVnf.length).toBeGreaterThan(0);
  expect(instantiated._links.nslcmOpOcc.href).toBe(`${rig.url}/nslcm/v2/ns_lcm_op_occs/${instantiated.nsLcmOpOccId}`);
  expect(ns.some((n) => n.isAutomaticInvocation && n.operation === "HEAL")).toBe(true);

  const vnf = told("vnflcm");
  const created = vnf.find((n) => n.notificationType === "VnfIdentifierCreationNotification");
  const own = vnf.filter((n) => n.vnfInstanceId === created.vnfInstanceId && n.operation === "INSTANTIATE");
  expect(own.map((n) => n.operationState)).toEqual(["STARTING", "PROCESSING", "COMPLETED"]);
  expect(own.map((n) => n.notificationStatus)).toEqual(["START", "START", "RESULT"]);

  const alarm = told("vnffm").find((n) => n.alarm?.probableCause === "VNFC_DOWN");
  expect(alarm.alarm.managedObjectId).toBe(created.vnfInstanceId);
  expect(told("else")).toEqual([]);
  expect(told("short")).toMatchObject([{ operation: "INSTANTIATE", operationState: "COMPLETED", verbosity: "SHORT" }]);
  expect(told("short")[0]).not.toHaveProperty("affectedVnf");
});
