import { afterEach, beforeEach, expect, test } from "vitest";
import { example, Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

// A termination that lets guests end by themselves first (SOL003 5.5.2.8, SOL005 6.5.2.15).

let rig: Rig;
let sol: SolClient;
beforeEach(async () => {
  rig = await Rig.start();
  sol = new SolClient(rig);
});
afterEach(() => rig[Symbol.asyncDispose]());

const VNFS = "/vnflcm/v2/vnf_instances";
const link = (net: string, cpdId: string) => ({ id: `link-${net}`, resourceId: `id-${net}`, extCps: [{ cpdId }] });
const LINKS = [link("media_net", "media"), link("traffic_net0", "viewers"), link("traffic_net1", "viewers")];
const names = () => [...rig.vim.servers.values()].map((s) => s.name).sort();
const nameOf = (vnfc: string) => names().find((n) => n.endsWith(vnfc))!;
const bound = () => [...rig.vim.nets.values()].filter((n) => n.bind_net).length;

async function operation(path: string, body: object): Promise<string> {
  const asked = await sol.ask("POST", path, body);
  expect({ status: asked.status, body: asked.body }).toEqual({ status: 202, body: null });
  return new URL(asked.headers.get("location")!).pathname;
}
const stateOf = async (occurrence: string) => (await sol.ask("GET", occurrence)).body.operationState;
const completed = (occurrence: string) => until(`${occurrence} is over`, async () => (await stateOf(occurrence)) === "COMPLETED");

test("a VNF: its guests are asked, users are led to them until all have ended, and over a kill of the MANO", async () => {
  await rig.onboard(example("sol006/media-service.yaml").split("  nsd:")[0]!);
  const { body } = await sol.ask("POST", VNFS, { vnfdId: "media-relay-sol", vnfInstanceName: "relays" });
  const vnf = `${VNFS}/${body.id}`;
  const made = await operation(`${vnf}/instantiate`, { flavourId: "default", extVirtualLinks: LINKS });
  await until("two servers", () => rig.vim.servers.size === 2);
  for (const name of names()) rig.vim.up(name);
  await completed(made);
  const [a, b] = [nameOf("relay-a"), nameOf("relay-b")];
  rig.vim.deaf.add(b);

  const occurrence = await operation(`${vnf}/terminate`, { terminationType: "GRACEFUL", gracefulTerminationTimeout: 3_600 });
  await until(
    "one has ended",
    () => rig.vim.servers.get([...rig.vim.servers.values()].find((s) => s.name === a)!.id)!.status === "INACTIVE",
  );
  await rig.stopMano();
  rig.vim.stops.length = 0;
  await rig.startMano();
  await until("who has not is asked again", () => rig.vim.stops.length > 0);
  expect(new Set(rig.vim.stops)).toEqual(new Set([`${b} shutdown`]));
  expect([names(), bound(), await stateOf(occurrence)]).toEqual([[a, b], 2, "PROCESSING"]);
  rig.vim.down(b);
  await completed(occurrence);
  expect([names(), bound()]).toEqual([[], 0]);
  const told = (await rig.events()).map((e) => e.type);
  expect(told.filter((t) => t.startsWith("failover") || t.startsWith("alarm") || t.startsWith("heal."))).toEqual([]);
});

test("an NS: of the VNFs that are named only, for the time that is given; our own API gives no more of it", async () => {
  const ns = `/nslcm/v2/ns_instances/${await rig.deploy()}`;
  const [{ id: vnfInstanceId }] = (await sol.ask("GET", ns)).body.vnfInstance;
  const stranger = "00000000-0000-4000-8000-000000000000";
  for (const [data, status, says] of [
    [[{ vnfInstanceId: stranger, terminationType: "FORCEFUL" }], 422, /has no VNF/],
    [[{ vnfInstanceId, terminationType: "SLOWLY" }], 400, /FORCEFUL or GRACEFUL/],
    [[{ vnfInstanceId, gracefulTerminationTimeout: -1 }], 400, /whole seconds/],
    [[{ vnfInstanceId }, { vnfInstanceId }], 400, /is there twice/],
    ["2026-11-27T12:00:00Z", 400, /list of objects/],
  ] as const) {
    const { status: got, body } = await sol.ask("POST", `${ns}/terminate`, { terminateVnfData: data });
    expect([got, body.detail]).toEqual([status, expect.stringMatching(says)]);
  }
  expect([names().length, rig.vim.stops]).toEqual([2, []]);

  for (const name of names()) rig.vim.deaf.add(name);
  const graceful = { vnfInstanceId, terminationType: "GRACEFUL" };
  const data = [{ ...graceful, gracefulTerminationTimeout: 3_600 }];
  const occurrence = await operation(`${ns}/terminate`, { terminateVnfData: data });
  await until("both are asked", () => new Set(rig.vim.stops).size === 2);
  const ours = `/mano/v1/ns_instances/${ns.split("/").at(-1)}`;
  await until("who is waited for is told", async () =>
    /relay-a is asked to shut down; .*relay-b is asked to shut down/.test((await rig.ask("GET", ours)).body.detail ?? ""),
  );
  expect(names().length).toBe(2);
  await rig.ask("POST", `${ours}/terminate`);
  await completed(occurrence);
  expect(names()).toEqual([]);
});

test("who has not ended when the time is over is switched off; without a word everybody is at once", async () => {
  const ns = `/nslcm/v2/ns_instances/${await rig.deploy()}`;
  const [{ id: vnfInstanceId }] = (await sol.ask("GET", ns)).body.vnfInstance;
  for (const name of names()) rig.vim.deaf.add(name);
  const data = [{ vnfInstanceId, terminationType: "GRACEFUL", gracefulTerminationTimeout: 1 }];
  const begunMs = performance.now();
  await completed(await operation(`${ns}/terminate`, { terminateVnfData: data }));
  expect(performance.now() - begunMs).toBeGreaterThan(1_000);
  expect(names()).toEqual([]);

  const again = await operation(`${ns}/instantiate`, { nsFlavourId: "default" });
  await until("two servers", () => rig.vim.servers.size === 2);
  for (const name of names()) rig.vim.up(name);
  await completed(again);
  rig.vim.stops.length = 0;
  await completed(await operation(`${ns}/terminate`, {}));
  expect([names(), rig.vim.stops]).toEqual([[], []]);
});
