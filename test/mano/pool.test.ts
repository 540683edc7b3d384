import { expect, test } from "vitest";
import type { ProtectionGroupView } from "../../src/model/group-view.ts";
import { example, Rig, until } from "./rig.ts";

const FILE = example("media-relay-pool.yaml").replace("wait_to_restore_ms: 2000", "wait_to_restore_ms: 300");
const TRAFFIC = [0, 1, 2, 3].map((n) => `traffic_net${n}`);
const NETS = ["media_net", ...[0, 1, 2, 3, 4, 5].map((n) => `data_net${n}`), ...TRAFFIC];
const [S, W] = ["4", "5"]; // The data nets of the spares, relay-s and relay-w.

const group = async (rig: Rig, name: "news" | "sport"): Promise<ProtectionGroupView> =>
  (await rig.ask("GET", `/mano/v1/protection_groups/media-relay-${name}`)).body;
/** The number of the data net that each traffic net is led to. */
const served = (rig: Rig) => TRAFFIC.map((net) => rig.vim.boundTo(net)?.slice(-1)).join("");
const stateOf = (rig: Rig, name: string) => rig.vim.byName(`media-${name}`).status;
const armedOf = (rig: Rig, name: string) => [...rig.vim.protections!.values()].find((p) => p.name.endsWith(name))!;
/** So many times by now, and told. */
const rests = (rig: Rig, times: number) =>
  until("relay-w rests", async () => (await rig.events()).filter((e) => e.type === "spare.rests").length === times);
const memberOf = (rig: Rig, groupName: string, name: string) => armedOf(rig, groupName).members.find((m) => m.name === name)!.id;

async function deployed(): Promise<Rig> {
  const rig = await Rig.start({}, NETS);
  await rig.deploy(FILE);
  await rests(rig, 1);
  await until("armed", () => rig.vim.protections!.size === 2 && armedOf(rig, "sport").plans.length === 2);
  return rig;
}

test("two groups share their spares: who finds no room waits for the one that is woken, and nobody carries more than it may", async () => {
  await using rig = await deployed();
  expect(served(rig)).toBe("0123");
  expect(await rig.alarms()).toEqual([]);
  expect((await group(rig, "news")).exposure.map((e) => e.words)).toEqual([]); // Two spares: one failure leaves nobody alone.

  rig.vim.down("media-relay-a");
  await until("a is on the spare", () => served(rig) === `${S}123`);
  await until("the other is woken", () => stateOf(rig, "relay-w") === "ACTIVE");
  await until("sport is armed without the spare that is taken", () => armedOf(rig, "sport").plans.length === 0);
  expect(armedOf(rig, "sport").members.find((m) => m.name === "relay-s")).toMatchObject({ capacity: 1 });

  rig.vim.down("media-relay-c");
  await until("nobody can take it yet", async () => (await rig.alarms()).includes("SERVICE_DOWN"));
  expect(served(rig)).toBe(`${S}123`);
  const told = (await group(rig, "sport")).because.join("\n");
  expect(told).toContain("relay-s carries all it may: traffic_net2 is not served");
  rig.vim.up("media-relay-w");
  await until("c is on the one that was woken", () => served(rig) === `${S}1${W}3`);
  await until("served", async () => !(await rig.alarms()).includes("SERVICE_DOWN"));
  const words = (await group(rig, "news")).exposure.map((e) => e.words);
  expect(words).toContain("if relay-b failed now, nobody could take traffic_net1");
  expect(words).toContain("if relay-s failed now, nobody could take traffic_net0");

  rig.vim.down("media-relay-b");
  await until("named", async () =>
    (await rig.events()).some((e) => e.type === "net.unprotected" && e.netId === "id-traffic_net1"),
  );
  expect(served(rig)).toBe(`${S}1${W}3`);

  rig.vim.up("media-relay-a");
  await until("what nobody served goes to a at once, before what is served elsewhere", () => served(rig) === `${S}0${W}3`);
  rig.vim.up("media-relay-b");
  rig.vim.up("media-relay-c");
  await until("all at home", () => served(rig) === "0123");
  await rests(rig, 2);
  await until("no alarm", async () => (await rig.alarms()).length === 0);
  const failovers = (await rig.failovers()).filter((f) => f.kind === "failover");
  expect(failovers.every((f) => f.state === "closed")).toBe(true);
});

test("a spare that other groups need does not rest, and is put to rest by one of them only", async () => {
  await using rig = await deployed();
  rig.vim.down("media-relay-a");
  rig.vim.down("media-relay-c");
  await until("woken", () => stateOf(rig, "relay-w") === "ACTIVE");
  rig.vim.up("media-relay-w");
  await until("both served", () => served(rig) === `${S}1${W}3`);
  rig.vim.up("media-relay-a");
  await until("a is back", () => served(rig).startsWith("0"));
  await new Promise((r) => setTimeout(r, 1_000)); // News has been well for its wait-to-restore time.
  expect(stateOf(rig, "relay-w")).toBe("ACTIVE");
  expect((await group(rig, "news")).because).toContain("relay-w is awake: it serves traffic_net2");
  rig.vim.up("media-relay-c");
  await rests(rig, 2);
});

test("the VIM has led another to the spare and nobody has heard of it: the bind is refused, and the world is read anew", async () => {
  await using rig = await deployed();
  const binds = () => rig.vim.asked.filter((x) => x === `PUT networks/id-traffic_net0/id-data_net${S}`).length;
  rig.vim.nets.get("id-traffic_net2")!.bind_net = `id-data_net${S}`;
  rig.vim.down("media-relay-a");
  await until("asked for, and refused", () => binds() > 0 && served(rig) === `01${S}3`);
  await until("found, and led home again", () => served(rig)[2] === "2");
  await until("so that there is room for a", () => served(rig) === `${S}123`);
});

test("the MANO is started anew while a spare serves one of its groups: it knows for whom, and leads nobody else there", async () => {
  await using rig = await deployed();
  rig.vim.down("media-relay-a");
  await until("on the spare", () => served(rig) === `${S}123`);
  await rig.stopMano();
  rig.vim.down("media-relay-c");
  await rig.startMano();
  await until("named", async () => (await rig.alarms()).includes("SERVICE_DOWN"));
  expect(served(rig)).toBe(`${S}123`);
  rig.vim.up("media-relay-w");
  await until("c is on the one that was woken", () => served(rig) === `${S}1${W}3`);
});

test("commands: no more than it may carry, whoever asks; a lockout of one group is none of the other", async () => {
  await using rig = await deployed();
  const give = (name: string, body: object) => rig.ask("POST", `/mano/v1/protection_groups/media-relay-${name}/command`, body);
  const forced = await give("news", { command: "force", to: "relay-s", traffic_nets: ["traffic_net0"] });
  expect(forced.status).toBe(200);
  await until("on the spare", () => served(rig) === `${S}123`);
  const second = await give("sport", { command: "force", to: "relay-s", traffic_nets: ["traffic_net2"] });
  expect(second.body).toMatchObject({ moves: [], command: { state: "overridden" } });
  expect(JSON.stringify(second.body.because)).toContain("relay-s carries all it may");
  await give("sport", { command: "lockout" });
  await give("news", { command: "clear" });
  await until("at home", () => served(rig) === "0123");
  rig.vim.down("media-relay-b");
  await until("news is protected", () => served(rig) === `0${S}23`);
  await until("sport is not", () => armedOf(rig, "sport").plans.length === 0);
  expect(memberOf(rig, "news", "relay-s")).toBe(memberOf(rig, "sport", "relay-s"));
});
