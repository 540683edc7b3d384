import { afterEach, beforeEach, expect, test } from "vitest";
import { example, Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

// VNFs without a network service, as a client of SOL003 makes, runs and takes them away.

let rig: Rig;
let sol: SolClient;
beforeEach(async () => {
  rig = await Rig.start();
  sol = new SolClient(rig);
});
afterEach(() => rig[Symbol.asyncDispose]());

const VNFS = "/vnflcm/v2/vnf_instances";
const OCCURRENCES = "/vnflcm/v2/vnf_lcm_op_occs";
/** The VNFD of an example, without its NSD. */
const vnfdOf = (name: string): string => example(`sol006/${name}`).split("  nsd:")[0]!;
const link = (net: string, ...cpds: string[]) => ({
  id: `link-${net}`,
  resourceId: `id-${net}`,
  extCps: cpds.map((cpdId) => ({ cpdId })),
});
const LINKS = [link("media_net", "media"), link("traffic_net0", "viewers"), link("traffic_net1", "viewers")];

async function create(file: string, vnfdId: string, more: object = {}): Promise<string> {
  await rig.onboard(file);
  const made = await sol.ask("POST", VNFS, { vnfdId, ...more });
  expect(made).toMatchObject({ status: 201, body: { vnfdId, instantiationState: "NOT_INSTANTIATED" } });
  expect(new URL(made.headers.get("location")!).pathname).toBe(`${VNFS}/${made.body.id}`);
  return `${VNFS}/${made.body.id}`;
}

/** The path of the occurrence of what is asked for. */
async function operation(path: string, body: object, method = "POST", headers = {}): Promise<string> {
  const asked = await sol.ask(method, path, body, headers);
  expect({ status: asked.status, body: asked.body }).toEqual({ status: 202, body: null });
  return new URL(asked.headers.get("location")!).pathname;
}

const ended = (occurrence: string, state: string) =>
  until(`${occurrence} is ${state}`, async () => {
    const { body } = await sol.ask("GET", occurrence);
    return body.operationState === state && body;
  });

async function up(count: number): Promise<void> {
  await until(`${count} servers`, () => rig.vim.servers.size === count);
  for (const { name } of rig.vim.servers.values()) rig.vim.up(name);
}

async function instantiated(vnf: string, more: object = {}): Promise<string> {
  const occurrence = await operation(`${vnf}/instantiate`, { flavourId: "default", extVirtualLinks: LINKS, ...more });
  await up(2);
  await ended(occurrence, "COMPLETED");
  return occurrence;
}

/** The name in the VIM of the net that a net is bound to. */
const boundTo = (net: string) => rig.vim.nets.get(rig.vim.nets.get(`id-${net}`)?.bind_net ?? "")?.name;

test("a whole life: made, named anew, instantiated, a member dies, healed, stopped and started, terminated, instantiated elsewhere, deleted", async () => {
  const vnf = await create(vnfdOf("media-service.yaml"), "media-relay-sol", {
    vnfInstanceName: "relays of the north",
    metadata: { k: "v" },
  });
  const before = await sol.ask("GET", vnf);
  expect(before.body).toMatchObject({
    vnfInstanceName: "relays of the north",
    metadata: { k: "v" },
    _links: { instantiate: { href: expect.stringContaining(`${vnf}/instantiate`) } },
  });
  expect((await sol.ask("GET", VNFS)).body).toHaveLength(1);
  const renamed = await operation(vnf, { vnfInstanceName: "relays" }, "PATCH", { "if-match": before.headers.get("etag")! });
  expect(await ended(renamed, "COMPLETED")).toMatchObject({
    operation: "MODIFY_INFO",
    changedInfo: { vnfInstanceName: "relays" },
  });
  expect((await sol.ask("PATCH", vnf, { vnfInstanceName: "late" }, { "if-match": before.headers.get("etag")! })).status).toBe(
    412,
  );

  const access = { vimType: "ETSINFV.OPENVIM", vimId: "vim1", accessInfo: { password: "hunter2" } };
  const occurrence = await instantiated(vnf, {
    vimConnectionInfo: { here: access },
    localizationLanguage: "en-GB",
    additionalParams: { a: 1 },
  });
  const shown = (await sol.ask("GET", occurrence)).body;
  expect(shown).toMatchObject({
    operation: "INSTANTIATE",
    operationParams: { flavourId: "default", additionalParams: { a: 1 }, vimConnectionInfo: { here: { vimId: "vim1" } } },
    resourceChanges: { affectedVnfcs: [{ changeType: "ADDED" }, { changeType: "ADDED" }] },
  });
  expect(JSON.stringify(shown)).not.toContain("hunter2");
  const { body } = await sol.ask("GET", vnf);
  expect(body).toMatchObject({ vnfInstanceName: "relays", instantiationState: "INSTANTIATED", _links: { terminate: {} } });
  expect(body.instantiatedVnfInfo).toMatchObject({
    flavourId: "default",
    vnfState: "STARTED",
    localizationLanguage: "en-GB",
    extVirtualLinkInfo: LINKS.map(({ id, resourceId, extCps }) => ({
      id,
      resourceHandle: { resourceId },
      currentVnfExtCpData: extCps,
    })),
    vipCpInfo: [{ associatedVnfcCpIds: [expect.anything(), expect.anything()] }],
  });
  expect([boundTo("traffic_net0"), boundTo("traffic_net1")]).toEqual([
    expect.stringMatching(/relay-a-data$/),
    expect.stringMatching(/relay-b-data$/),
  ]);

  // No network service is seen by anybody who asks for those.
  expect((await sol.ask("GET", "/nslcm/v2/ns_instances")).body).toEqual([]);
  expect((await sol.ask("GET", "/nslcm/v2/ns_lcm_op_occs")).body).toEqual([]);
  expect((await sol.ask("GET", "/nsd/v2/ns_descriptors")).body).toEqual([]);
  const { id: ns } = await rig.ns();
  expect((await sol.ask("GET", `/nslcm/v2/ns_instances/${ns}`)).status).toBe(404);
  expect((await sol.ask("POST", `/nslcm/v2/ns_instances/${ns}/terminate`, {})).status).toBe(404);
  expect((await rig.ask("POST", `/mano/v1/ns_instances/${ns}/instantiate`)).status).toBe(409);

  const serverOf = (relay: string) => [...rig.vim.servers.values()].find((s) => s.name.endsWith(relay))!.name;
  rig.vim.down(serverOf("relay-a"));
  await until("its traffic is led elsewhere", () => /relay-b-data$/.test(boundTo("traffic_net0") ?? ""));
  const switched = await until("its occurrence", async () => {
    const { body: all } = await sol.ask("GET", `${OCCURRENCES}?all_fields&filter=(eq,isAutomaticInvocation,true)`);
    return all.find((o: { switchOver?: object; operationState: string }) => o.switchOver && o.operationState === "COMPLETED");
  });
  expect(switched).toMatchObject({ operation: "HEAL", vnfInstanceId: body.id });
  await until("its alarm", async () => (await sol.ask("GET", "/vnffm/v1/alarms")).body.length > 0);
  expect((await sol.ask("GET", "/nsfm/v1/alarms")).body).toEqual([]);
  const heal = await operation(`${vnf}/heal`, { cause: "it is down" });
  rig.vim.up(serverOf("relay-a"));
  await ended(heal, "COMPLETED");

  await rig.stopMano();
  await rig.startMano();
  expect((await sol.ask("GET", vnf)).body).toMatchObject({
    id: body.id,
    vnfInstanceName: "relays",
    instantiationState: "INSTANTIATED",
  });
  expect((await sol.ask("DELETE", vnf)).status).toBe(409);

  await ended(await operation(`${vnf}/terminate`, { terminationType: "GRACEFUL", gracefulTerminationTimeout: 1 }), "COMPLETED");
  expect([rig.vim.servers.size, boundTo("traffic_net0")]).toEqual([0, undefined]);
  expect([...rig.vim.nets.values()].filter((n) => n.name.endsWith("-data"))).toEqual([]);
  expect((await sol.ask("GET", vnf)).body).toMatchObject({ vnfInstanceName: "relays", instantiationState: "NOT_INSTANTIATED" });
  await instantiated(vnf, { extVirtualLinks: [link("data_net2", "media"), LINKS[1], LINKS[2]] });
  expect((await sol.ask("GET", vnf)).body.instantiatedVnfInfo).not.toHaveProperty("localizationLanguage");
  await ended(await operation(`${vnf}/terminate`, { terminationType: "FORCEFUL" }), "COMPLETED");
  expect((await sol.ask("DELETE", vnf)).status).toBe(204);
  expect((await sol.ask("GET", vnf)).status).toBe(404);
  expect((await sol.ask("GET", occurrence)).status).toBe(200);
  const events = await rig.events();
  expect(events.filter((e) => e.type === "vnf.created" || e.type === "vnf.deleted").map((e) => e.type)).toEqual([
    "vnf.created",
    "vnf.deleted",
  ]);
  expect(events.filter((e) => e.type === "ns.created" || e.type === "ns.deleted")).toEqual([]);
});

test("what cannot be is refused with the reason, and nothing has changed", async () => {
  const vnf = await create(vnfdOf("media-service.yaml"), "media-relay-sol");
  const asked = [...rig.vim.asked];
  const refused = async (change: object, status: number, ...words: string[]) => {
    const answer = await sol.ask("POST", `${vnf}/instantiate`, { flavourId: "default", extVirtualLinks: LINKS, ...change });
    expect({ status: answer.status, detail: answer.body?.detail }).toEqual({ status, detail: expect.any(String) });
    for (const word of words) expect(answer.body.detail).toContain(word);
  };
  await refused({ flavourId: "large" }, 422, "large", "default");
  await refused({ instantiationLevelId: "huge" }, 422, "huge", "default");
  await refused({ extVirtualLinks: [] }, 422, "media", "viewers");
  await refused({ extVirtualLinks: [LINKS[0]] }, 422, "viewers");
  await refused({ extVirtualLinks: [...LINKS, link("gone")] }, 422, "id-gone", "media_net");
  await refused({ extVirtualLinks: [...LINKS, link("data_net0", "console")] }, 422, "console", "viewers");
  await refused({ extVirtualLinks: [...LINKS, LINKS[0]] }, 422, "link-media_net");
  await refused({ extVirtualLinks: [...LINKS, { ...LINKS[0], id: "again" }] }, 422, "id-media_net");
  await refused({ extVirtualLinks: [{ ...LINKS[0], vimConnectionId: "there" }, LINKS[1], LINKS[2]] }, 422, "there");
  await refused({ vimConnectionInfo: { x: { vimType: "OPENVIM", vimId: "elsewhere" } } }, 422, "elsewhere", "vim1");
  await refused(
    { extManagedVirtualLinks: [{ id: "m", vnfVirtualLinkDescId: "inner", resourceId: "id-data_net0" }] },
    422,
    "inner",
  );
  await refused({ extVirtualLinks: "none" }, 400, "extVirtualLinks");
  await refused({ extensions: { a: 1 } }, 422, "extensions");
  expect((await sol.ask("POST", VNFS, { vnfdId: "unheard-of" })).status).toBe(422);
  expect((await sol.ask("POST", `${VNFS}/none/instantiate`, { flavourId: "default" })).status).toBe(404);
  expect((await sol.ask("POST", `${vnf}/heal`, { vnfcInstanceId: ["none"] })).status).toBe(409);
  for (const task of ["heal", "terminate", "operate"])
    expect((await sol.ask("POST", `${vnf}/${task}`, { changeStateTo: "STARTED", terminationType: "FORCEFUL" })).status).toBe(409);
  expect(rig.vim.asked).toEqual(asked);
  expect((await sol.ask("GET", OCCURRENCES)).body).toEqual([]);
  expect((await sol.ask("GET", vnf)).body.instantiationState).toBe("NOT_INSTANTIATED");

  await rig.onboard(example("media-relay.yaml"));
  const plain = await sol.ask("POST", VNFS, { vnfdId: "media-relay" });
  expect({ status: plain.status, detail: plain.body.detail }).toMatchObject({
    status: 422,
    detail: expect.stringContaining("plain form"),
  });
});

test("its VNFD is deleted while it is made: one of the two is refused, whichever comes first", async () => {
  for (let i = 0; i < 4; i++) {
    const [vnfd] = (await rig.onboard(vnfdOf("media-service.yaml"))).body;
    const [made, deleted] = await Promise.all([
      sol.ask("POST", VNFS, { vnfdId: "media-relay-sol" }),
      rig.ask("DELETE", `/mano/v1/descriptors/${vnfd.id}`),
    ]);
    expect([
      [201, 409],
      [422, 204],
    ]).toContainEqual([made.status, deleted.status]);
    if (made.status === 201) await sol.ask("DELETE", `${VNFS}/${made.body.id}`);
  }
});

test("a net that another service is led by is refused, whichever way it is named there", async () => {
  await rig.deploy();
  const vnf = await create(vnfdOf("media-service.yaml"), "media-relay-sol");
  const answer = await sol.ask("POST", `${vnf}/instantiate`, { flavourId: "default", extVirtualLinks: LINKS });
  expect({ status: answer.status, detail: answer.body.detail }).toMatchObject({
    status: 409,
    detail: expect.stringContaining("traffic_net0"),
  });
});

test("at another level than the first, scaled, and what has failed is rolled back or tried again", async () => {
  const nets = [link("media_net", "media"), link("traffic_net0", "viewers"), link("traffic_net1", "viewers")];
  const vnf = await create(vnfdOf("media-service-scaled.yaml"), "media-relay-scaled");
  const scaled = async () => (await sol.ask("POST", `${vnf}/scale`, { type: "SCALE_OUT", aspectId: "relays" })).status;
  expect(await scaled()).toBe(409);
  rig.vim.made = ({ name }) => {
    rig.vim.byName(name).status = "ERROR";
  };
  const ask = { flavourId: "default", instantiationLevelId: "least", extVirtualLinks: nets };
  const failed = await operation(`${vnf}/instantiate`, ask);
  await ended(failed, "FAILED_TEMP");
  expect(rig.vim.servers.size).toBe(0);
  // Its state is told before what is wrong with a request.
  expect((await sol.ask("POST", `${vnf}/instantiate`, { flavourId: "none" })).status).toBe(409);
  expect(await scaled()).toBe(409);
  expect((await sol.ask("POST", `${failed}/rollback`)).status).toBe(202);
  await ended(failed, "ROLLED_BACK");
  expect((await sol.ask("GET", vnf)).body.instantiationState).toBe("NOT_INSTANTIATED");

  const again = await operation(`${vnf}/instantiate`, ask);
  await ended(again, "FAILED_TEMP");
  rig.vim.made = () => {};
  expect((await sol.ask("POST", `${again}/retry`)).status).toBe(202);
  await up(2);
  await ended(again, "COMPLETED");
  const level = async () => (await sol.ask("GET", vnf)).body.instantiatedVnfInfo.scaleStatus[0].scaleLevel;
  expect(await level()).toBe(0);
  const out = await operation(`${vnf}/scale`, { type: "SCALE_OUT", aspectId: "relays", numberOfSteps: 1 });
  await up(3);
  await ended(out, "COMPLETED");
  expect(await level()).toBe(1);
});
