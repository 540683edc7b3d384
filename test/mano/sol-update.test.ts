import { afterAll, beforeAll, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { Receiver } from "../harness/receiver.ts";
import { example, Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

// Updates of an NS that concern several of its VNFs at once (SOL005 6.4.7): they are stopped and started, written anew, and connected otherwise.

const NETS = ["media_net", ...[0, 1, 2, 3].map((n) => `data_net${n}`), ...[0, 1, 2, 3, 4, 5].map((n) => `traffic_net${n}`)];
const TRAFFIC = [0, 1, 2, 3, 4, 5].map((n) => `traffic_net${n}`);
const VNFS = "/vnflcm/v2/vnf_instances";

/** The service of the example twice in one NS: `north` serves traffic_net0 and 1 by data_net0 and 1, `south` the two after them. */
function twoProfiles(): string {
  const { nfv } = parse(example("sol006/media-service.yaml"));
  const [nsd] = nfv.nsd;
  const [df] = nsd.df;
  const [profile] = df["vnf-profile"];
  const shifted = (value: unknown, by: number) =>
    JSON.parse(JSON.stringify(value).replace(/(traffic_net|data_net)(\d)/g, (_, net, n) => `${net}${Number(n) + by}`));
  const named = (id: string, by: number) => ({
    ...JSON.parse(JSON.stringify(shifted(profile, by)).replaceAll('"relays"', `"${id}"`)),
  });
  df["vnf-profile"] = [named("north", 0), named("south", 2)];
  for (const n of [2, 3]) {
    nsd["virtual-link-desc"].push({ ...nsd["virtual-link-desc"][1], id: `traffic_net${n}` });
    df["virtual-link-profile"].push({ id: `traffic_net${n}`, "virtual-link-desc-id": `traffic_net${n}` });
  }
  return stringify({ nfv });
}

let rig: Rig;
let sol: SolClient;
let receiver: Receiver;
let ns = "";
let north = "";
let south = "";
beforeAll(async () => {
  rig = await Rig.start({}, NETS);
  sol = new SolClient(rig);
  receiver = await Receiver.start();
  ns = `/nslcm/v2/ns_instances/${await rig.deploy(twoProfiles())}`;
  const { body } = await sol.ask("GET", ns);
  type Vnf = { id: string; vnfInstanceName: string };
  [north, south] = ["north", "south"].map((name) => body.vnfInstance.find((v: Vnf) => v.vnfInstanceName.endsWith(name)).id) as [
    string,
    string,
  ];
});
afterAll(async () => {
  await receiver[Symbol.asyncDispose]();
  await rig[Symbol.asyncDispose]();
});

async function update(updateType: string, body: object): Promise<string> {
  const asked = await sol.ask("POST", `${ns}/update`, { updateType, ...body });
  expect({ status: asked.status, body: asked.body }).toEqual({ status: 202, body: null });
  return new URL(asked.headers.get("location")!).pathname;
}

const ended = (occurrence: string, state: string) =>
  until(`${occurrence} is ${state}`, async () => {
    const { body } = await sol.ask("GET", occurrence);
    return body.operationState === state && body;
  });

/** The number of the data net that each traffic net is led to; "-": to none. */
const led = (): string => TRAFFIC.map((net) => rig.vim.boundTo(net)?.slice(-1) ?? "-").join("");

/** Nets of users that the groups have. */
async function grouped(): Promise<string> {
  const { body } = await rig.ask("GET", "/mano/v1/protection_groups");
  type Group = { trafficNets: { name: string }[] };
  const names = (body as Group[]).flatMap((g) => g.trafficNets.map((n) => n.name.slice(-1)));
  return names.sort().join("");
}

const vnfOccurrences = async (operation: string) =>
  (
    await sol.ask(
      "GET",
      `/vnflcm/v2/vnf_lcm_op_occs?all_fields&filter=(eq,operation,${operation});(eq,isAutomaticInvocation,false)`,
    )
  ).body;

test("several VNFs are written anew at once, and each of their occurrences tells what of it has changed", async () => {
  const modifyVnfInfoData = [
    { vnfInstanceId: north, vnfInstanceName: "the north" },
    { vnfInstanceId: south, metadata: { place: "south" } },
  ];
  const { resourceChanges } = await ended(await update("MODIFY_VNF_INFORMATION", { modifyVnfInfoData }), "COMPLETED");
  expect(resourceChanges.affectedVnfs.map((v: { changedInfo: object }) => v.changedInfo)).toEqual(
    modifyVnfInfoData.map((changedVnfInfo) => ({ changedVnfInfo })),
  );
  expect((await vnfOccurrences("MODIFY_INFO")).map((o: { changedInfo: object }) => o.changedInfo)).toEqual(
    expect.arrayContaining([{ vnfInstanceName: "the north" }, { metadata: { place: "south" } }]),
  );
  expect((await sol.ask("GET", `${VNFS}/${north}`)).body.vnfInstanceName).toBe("the north");
  expect((await sol.ask("GET", `${VNFS}/${south}`)).body.metadata).toEqual({ place: "south" });
});

test("several VNFs are stopped at once: a guest ends by itself where that is asked for, and else is switched off", async () => {
  const stopped = (vnfInstanceId: string, more: object = {}) => ({ vnfInstanceId, changeStateTo: "STOPPED", ...more });
  const graceful = { stopType: "GRACEFUL", gracefulStopTimeout: 60 };
  await ended(await update("OPERATE_VNF", { operateVnfData: [stopped(north, graceful), stopped(south)] }), "COMPLETED");
  expect(new Set(rig.vim.stops)).toEqual(
    new Set(
      ["north-relay-a shutdown", "north-relay-b shutdown", "south-relay-a forceOff", "south-relay-b forceOff"].map(
        (s) => `media-${s}`,
      ),
    ),
  );
  const started = [north, south].map((vnfInstanceId) => ({ vnfInstanceId, changeStateTo: "STARTED" }));
  const occurrence = await update("OPERATE_VNF", { operateVnfData: started });
  for (const { name } of rig.vim.servers.values()) rig.vim.up(name);
  await ended(occurrence, "COMPLETED");
  await until("each serves what is its own", () => led() === "0123--");
});

test("several VNFs are connected otherwise at once, or none of them is; a full notification says to what", async () => {
  const callbackUri = `${receiver.url}?full`;
  expect((await sol.ask("POST", "/vnflcm/v2/subscriptions", { callbackUri, verbosity: "FULL" })).status).toBe(201);
  const to = (vnfInstanceId: string, ...nets: number[]) => ({
    vnfInstanceId,
    extVirtualLinks: nets.map((n) => ({ resourceId: `id-traffic_net${n}`, extCps: [{ cpdId: "viewers" }] })),
  });
  const changeExtVnfConnectivityData = [to(north, 4, 1), to(south, 5, 3)];
  const gone = rig.vim.nets.get("id-traffic_net5")!;
  rig.vim.intercept = (req) => {
    if (req.method === "PUT" && req.url!.includes("/networks/id-traffic_net4/")) rig.vim.nets.delete(gone.id);
    return true;
  };
  const occurrence = await update("CHANGE_EXTERNAL_VNF_CONNECTIVITY", { changeExtVnfConnectivityData });
  await ended(occurrence, "FAILED_TEMP");
  await until("it is as it was", async () => led().startsWith("0123-") && (await grouped()) === "0123");
  await rig.stopMano();
  await rig.startMano();
  expect(await grouped()).toBe("0123");

  rig.vim.intercept = () => true;
  rig.vim.nets.set(gone.id, { id: gone.id, name: gone.name });
  expect((await sol.ask("POST", `${occurrence}/retry`)).status).toBe(202);
  const { resourceChanges } = await ended(occurrence, "COMPLETED");
  expect(resourceChanges.affectedVnfs).toMatchObject([
    {
      vnfInstanceId: north,
      changeType: "CHANGE_EXTERNAL_VNF_CONNECTIVITY",
      changedExtConnectivity: [{ id: "id-traffic_net4" }, {}],
    },
    { vnfInstanceId: south, changeResult: "COMPLETED", changedExtConnectivity: [{ id: "id-traffic_net5" }, {}] },
  ]);
  expect([led(), await grouped()]).toEqual(["-1-302", "1345"]);
  // Traffic that returns home by itself is told in the same words.
  const isOurs = (n: { operation: string; isAutomaticInvocation: boolean }) =>
    n.operation === "CHANGE_EXT_CONN" && !n.isAutomaticInvocation;
  const told = await until("it is told", () => {
    const notes = receiver.requests.filter((r) => r.method === "POST").map((r) => JSON.parse(r.text));
    return notes.find((n) => isOurs(n) && n.operationState === "COMPLETED" && n.vnfInstanceId === north);
  });
  expect(told.changedExtConnectivity).toMatchObject([{ resourceHandle: { resourceId: "id-traffic_net4" } }, {}]);
  expect(SolClient.structure("SOL003-VNFLifecycleManagementNotification", told.notificationType, told)).toEqual([]);
});

test("a VNF that is named twice, or is not of the NS, changes nothing", async () => {
  const links = [{ resourceId: "id-traffic_net0", extCps: [{ cpdId: "viewers" }] }];
  const before = rig.vim.asked.length;
  for (const [updateType, body, status, detail] of [
    ["OPERATE_VNF", {}, 400, /operateVnfData: is missing/],
    [
      "OPERATE_VNF",
      { operateVnfData: [north, north].map((id) => ({ vnfInstanceId: id, changeStateTo: "STOPPED" })) },
      400,
      /is there twice/,
    ],
    [
      "OPERATE_VNF",
      { operateVnfData: [{ vnfInstanceId: "zz", changeStateTo: "STOPPED" }] },
      422,
      /has no VNF zz; it has: .*the north/,
    ],
    [
      "MODIFY_VNF_INFORMATION",
      { modifyVnfInfoData: [{ vnfInstanceId: north, vnfdId: "another" }] },
      422,
      /vnfdId of VNF .* cannot be changed/,
    ],
    [
      "CHANGE_EXTERNAL_VNF_CONNECTIVITY",
      { changeExtVnfConnectivityData: [{ vnfInstanceId: north, extVirtualLinks: [] }] },
      422,
      /names no link/,
    ],
    [
      "CHANGE_EXTERNAL_VNF_CONNECTIVITY",
      { changeExtVnfConnectivityData: [{ vnfInstanceId: "zz", extVirtualLinks: links }] },
      422,
      /no VNF zz/,
    ],
    [
      "CHANGE_VNF_DF",
      { changeVnfFlavourData: [{ vnfInstanceId: north, newFlavourId: "big" }] },
      422,
      /has one deployment flavour/,
    ],
  ] as const) {
    const refused = await sol.ask("POST", `${ns}/update`, { updateType, ...body });
    expect([updateType, refused.status, refused.body.detail]).toEqual([updateType, status, expect.stringMatching(detail)]);
  }
  expect(rig.vim.asked).toHaveLength(before);
});
