import { afterEach, beforeEach, expect, test } from "vitest";
import type { ProtectionGroupView } from "../../src/model/group-view.ts";
import { example, Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";
import { ToyVim } from "./toy-vim.ts";

// A pool whose members are in two VIMs is scaled: relay-a and relay-c are in VIM one, where the traffic enters, relay-b is in VIM two.

const TRAFFIC = [0, 1, 2, 3].map((n) => `traffic_net${n}`);
const FILE = example("sol006/media-service-scaled.yaml")
  .replace("min-recovery-time-between-impacts: 200", "min-recovery-time-between-impacts: 20")
  .replace("{ vnfc-id: relay-b, data-net: data_net1 }", "{ vnfc-id: relay-b, data-net: data_net1, vim-account: two }");
const vimOf = (name: string, { url }: ToyVim) => ({ name, url, adminUrl: url, tenant: "default" });
const ends = [
  { vim: "two", switchPort: "p9" },
  { vim: "one", switchPort: "p5" },
];

let one: ToyVim;
let two: ToyVim;
let rig: Rig;
let sol: SolClient;
let ns = "";

beforeEach(async () => {
  one = await new ToyVim(["media_net", "data_net0", "data_net2", "data_net4", ...TRAFFIC]).start();
  two = await new ToyVim(["data_net1", "data_net3"]).start();
});
afterEach(async () => {
  await rig[Symbol.asyncDispose]();
  await two[Symbol.asyncDispose]();
});

/** `last`: of the VLANs of the link, from 100 on. */
async function deployed(last = 109): Promise<void> {
  rig = new Rig(one, { vims: [vimOf("one", one), vimOf("two", two)], links: [{ ends, vlans: { first: 100, last } }] });
  await rig.startMano();
  sol = new SolClient(rig);
  const id = await rig.create(FILE, { vimAccountId: "one" });
  expect((await rig.ask("POST", `/mano/v1/ns_instances/${id}/instantiate`)).body.detail ?? null).toBeNull();
  ns = `/nslcm/v2/ns_instances/${id}`;
  await up("a", "b", "c");
  await until("it can fail over", async () => (await rig.ns()).state === "INSTANTIATED" && (await rig.ns()).underWay === null);
}

const relays = (vim: ToyVim) =>
  [...vim.servers.values()]
    .map((s) => s.name.slice(-1))
    .toSorted()
    .join("");

/** Their machines have been made, in whichever VIM, and answer from now on. */
async function up(...names: string[]): Promise<void> {
  for (const name of names) {
    const vim = await until(`relay-${name} is made`, () => [one, two].find((v) => relays(v).includes(name)));
    vim.up(`media-relay-${name}`);
  }
}

async function scale(scaleVnfType: "SCALE_OUT" | "SCALE_IN", numberOfSteps = 1): Promise<string> {
  const [{ id: vnfInstanceId }] = (await sol.ask("GET", "/vnflcm/v2/vnf_instances")).body;
  const scaleVnfData = [{ vnfInstanceId, scaleVnfType, scaleByStepData: { aspectId: "relays", numberOfSteps } }];
  const asked = await sol.ask("POST", `${ns}/scale`, { scaleType: "SCALE_VNF", scaleVnfData });
  expect({ status: asked.status, body: asked.body }).toEqual({ status: 202, body: null });
  return new URL(asked.headers.get("location")!).pathname;
}

const ended = (occurrence: string, state: string) =>
  until(`${occurrence} is ${state}`, async () => {
    const { body } = await sol.ask("GET", occurrence);
    return body.operationState === state && body;
  });

const group = async (): Promise<ProtectionGroupView> => (await rig.ask("GET", "/mano/v1/protection_groups")).body[0];
const members = async () => (await group()).members.map((m) => m.name.slice(-1)).join("");
/** The last letter or digit of the net that each traffic net is led to: a digit of a data net of VIM one, a letter of who is behind a way. */
const served = () => TRAFFIC.map((net) => one.nets.get(one.nets.get(`id-${net}`)!.bind_net ?? "")?.name.slice(-1)).join("");
const armed = (vim: ToyVim) => [...vim.protections!.values()][0]?.members.map((m) => m.name.slice(-1)).join("");
const outside = (vim: ToyVim) =>
  [...vim.ports.values()]
    .filter((p) => p.device_id === undefined)
    .map((p) => p.name)
    .toSorted();
const joined = async () => (await rig.ns()).stitches.map((s) => s.joins.name).toSorted();

test("scaled out, who is new goes where the fewest are, and is led to over the link; it fails over, and scaled in leaves nothing of it", async () => {
  await deployed();
  expect([relays(one), relays(two), served()]).toEqual(["ac", "b", "0b0b"]);
  const out = await scale("SCALE_OUT");
  await up("d");
  expect((await ended(out, "COMPLETED")).lcmOperationType).toBe("SCALE");
  expect([relays(one), relays(two), await members()]).toEqual(["ac", "bd", "abcd"]);
  expect(await joined()).toEqual(["media_net", "relay-b", "relay-d"]);
  await until("it has its share", () => served() === "0b0d");
  await until("armed in both", () => armed(one) === "abcd" && armed(two) === "bd");

  two.down("media-relay-d");
  await until("who waits has what it served", () => served() === "0b02");
  await until("it is healed where it is", () => two.asked.some((x) => x.endsWith("/action")));
  await up("d");
  await until("it has it again", () => served() === "0b0d");
  one.down("media-relay-a");
  await until("another has what was served here", () => !served().includes("0"));
  await up("a");
  await until("it has it again", () => served() === "0b0d");
  await until("closed", async () => (await rig.failovers()).every((f) => f.state === "closed"));

  const seen: string[] = [];
  const relayD = two.byName("media-relay-d").id;
  two.intercept = (req) => {
    if (req.method === "DELETE" && req.url!.endsWith(`/servers/${relayD}?force=true`))
      seen.push(`${served().includes("d")} ${armed(one)} ${armed(two)}`);
    return true;
  };
  await ended(await scale("SCALE_IN"), "COMPLETED");
  expect(new Set(seen)).toEqual(new Set(["false abc b"]));
  expect([relays(one), relays(two), await members(), served()]).toEqual(["ac", "b", "abc", "0b0b"]);
  expect([outside(one), outside(two)]).toEqual([
    ["media media_net", "media relay-b"],
    ["media media_net", "media relay-b"],
  ]);
  expect([...one.nets.values()].filter((n) => n.name.startsWith("media-to-")).map((n) => n.name)).toEqual(["media-to-relay-b"]);
  await until("its VLAN is free again", async () => (await joined()).length === 2);
  await until("no alarm is left", async () => (await rig.alarms()).length === 0);
});

test("scaled in to two, they are in different VIMs, whichever has more; nothing else begins meanwhile", async () => {
  await deployed();
  const within = await scale("SCALE_IN");
  const [{ id: vnfInstanceId }] = (await sol.ask("GET", "/vnflcm/v2/vnf_instances")).body;
  const again = { vnfInstanceId, scaleVnfType: "SCALE_OUT", scaleByStepData: { aspectId: "relays" } };
  expect((await sol.ask("POST", `${ns}/scale`, { scaleType: "SCALE_VNF", scaleVnfData: [again] })).status).toBe(409);
  await ended(within, "COMPLETED");
  expect([relays(one), relays(two), served()]).toEqual(["c", "b", "bbbb"]);
  const out = await scale("SCALE_OUT", 3);
  await up("a", "d", "e");
  await ended(out, "COMPLETED");
  expect([relays(one), relays(two)]).toEqual(["ace", "bd"]);
});

test("the other VIM fails it: nothing stays in either; tried again, with its VIM away meanwhile, it comes to its end", async () => {
  await deployed();
  const out = await scale("SCALE_OUT");
  await until("it is made", () => relays(two) === "bd");
  Object.assign(two.byName("media-relay-d"), { status: "ERROR", last_error: "no space left" });
  expect((await ended(out, "FAILED_TEMP")).error.detail).toMatch(/media-relay-d: no space left/);
  const clean = ["media media_net", "media relay-b"];
  expect([relays(one), relays(two), outside(one), outside(two), served()]).toEqual(["ac", "b", clean, clean, "0b0b"]);
  expect(await joined()).toContain("relay-d"); // Its VLAN is its own until it is known what becomes of it.

  await two.stop();
  expect((await sol.ask("POST", `${out}/retry`)).status).toBe(202);
  await until("it waits", async () =>
    (await sol.ask("GET", out)).body.warnings?.some((w: string) => /its VIM two does not answer/.test(w)),
  );
  await two.start();
  await up("d");
  await ended(out, "COMPLETED");
  expect([relays(one), relays(two), await members()]).toEqual(["ac", "bd", "abcd"]);
});

test("cancelled and rolled back; and no VLAN is free: refused, with the reason, and nothing has changed", async () => {
  await deployed(102);
  const out = await scale("SCALE_OUT");
  await until("it is made", () => relays(two) === "bd");
  await sol.ask("POST", `${out}/cancel`, { cancelMode: "GRACEFUL" });
  expect((await ended(out, "FAILED_TEMP")).error.detail).toMatch(/cancelled while: .*media-relay-d is /);
  await sol.ask("POST", `${out}/rollback`);
  await ended(out, "ROLLED_BACK");
  await until("its VLAN is free again", async () => (await joined()).length === 2);

  await rig.stopMano();
  rig.setSettings({ vims: [vimOf("one", one), vimOf("two", two)], links: [{ ends, vlans: { first: 100, last: 101 } }] });
  await rig.startMano();
  const [{ id: vnfInstanceId }] = (await sol.ask("GET", "/vnflcm/v2/vnf_instances")).body;
  const data = { vnfInstanceId, scaleVnfType: "SCALE_OUT", scaleByStepData: { aspectId: "relays" } };
  const before = [one.asked.length, two.asked.length];
  const refused = await sol.ask("POST", `${ns}/scale`, { scaleType: "SCALE_VNF", scaleVnfData: [data] });
  expect([refused.status, refused.body.detail]).toEqual([
    422,
    "no VLAN between 100 and 101 is free on the link of the VIMs one and two",
  ]);
  expect([(await rig.ns()).vnfcs.length, one.asked.length, two.asked.length]).toEqual([3, ...before]);
});
