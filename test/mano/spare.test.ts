import { expect, test } from "vitest";
import type { ProtectionGroupView } from "../../src/model/group-view.ts";
import { example, Rig, until } from "./rig.ts";

const FILE = example("media-relay-warm-spare.yaml");
const group = async (rig: Rig): Promise<ProtectionGroupView> =>
  (await rig.ask("GET", "/mano/v1/protection_groups/media-relay")).body;
const spare = async (rig: Rig) => (await group(rig)).spares[0]!;
const spareEvents = async (rig: Rig) => (await rig.events()).flatMap((e) => (e.type.startsWith("spare.") ? [e.type] : []));
const served = (rig: Rig) => ["traffic_net0", "traffic_net1"].map((net) => rig.vim.boundTo(net)?.slice(-1));
const actionsOn = (rig: Rig, name: string) => {
  const { id } = rig.vim.byName(name);
  return rig.vim.asked.filter((x) => x.includes(id) && x.endsWith("/action")).length;
};

async function deployed(): Promise<Rig> {
  const rig = await Rig.start();
  await rig.deploy(FILE);
  await until("it rests", async () => (await spareEvents(rig)).length > 0);
  return rig;
}

test("a spare is booted, answers, rests; is woken when a twin fails; serves when both have; rests again when both are back", async () => {
  await using rig = await deployed();
  expect(await spare(rig)).toMatchObject({ name: "relay-c", rest: "resting", words: expect.stringMatching(/^relay-c is warm/) });
  expect(await rig.alarms()).toEqual([]);
  expect(rig.vim.byName("media-relay-c").status).toBe("PAUSED");

  rig.vim.down("media-relay-a");
  await until("b serves", () => served(rig).every((net) => net === "1"));
  await until("it is resumed", () => rig.vim.byName("media-relay-c").status === "ACTIVE");
  await until("the MANO knows", async () => (await spare(rig)).rest === "awake");
  expect(await spare(rig)).toMatchObject({
    isWarm: false,
    words: expect.stringMatching(/^relay-c is not warm: it is unknown \(its service address/),
  });
  rig.vim.down("media-relay-b");
  await until("nobody serves", async () => (await rig.alarms()).includes("SERVICE_DOWN"));
  expect(served(rig)).toEqual(["1", "1"]); // It has not answered yet: an unknown gets no traffic.
  rig.vim.up("media-relay-c");
  await until("the spare serves", () => served(rig).every((net) => net === "2"));
  expect((await spare(rig)).lastWakeMs).toBeGreaterThan(0);
  await until("no SERVICE_DOWN", async () => !(await rig.alarms()).includes("SERVICE_DOWN"));

  rig.vim.up("media-relay-a");
  await until("a serves again", () => served(rig).every((net) => net === "0"));
  expect(rig.vim.byName("media-relay-c").status).toBe("ACTIVE"); // b is still down.
  rig.vim.up("media-relay-b");
  await until("it rests again", async () => (await spare(rig)).isWarm);
  expect(await rig.alarms()).toEqual([]);
  const story = ["spare.rests", "spare.woken", "spare.answered", "spare.rests"];
  await until("told", async () => (await spareEvents(rig)).join() === story.join());
});

test("a spare that is paused by somebody else is not trusted: it fails, and is given a new life", async () => {
  await using rig = await deployed();
  rig.vim.down("media-relay-a");
  await until("awake", () => rig.vim.byName("media-relay-c").status === "ACTIVE");
  rig.vim.up("media-relay-c");
  await until("up", async () => (await spare(rig)).words === "relay-c is awake");
  const before = actionsOn(rig, "media-relay-c");
  rig.vim.down("media-relay-c", "PAUSED");
  await until("down", async () => (await spare(rig)).words.startsWith("relay-c is not warm: it is down (server paused"));
  const { vnfcId } = await spare(rig);
  await until("fenced", () => rig.vim.armings.includes(`PUT fence ${vnfcId}`));
  await until("rebooted", () => actionsOn(rig, "media-relay-c") > before);
  expect(rig.vim.byName("media-relay-c").status).toBe("PAUSED"); // The toy reboots nothing; it was not resumed.
});

test("a spare that dies at rest raises its alarm, is made anew, and rests when it has answered", async () => {
  await using rig = await deployed();
  const before = actionsOn(rig, "media-relay-c");
  rig.vim.down("media-relay-c");
  await until("alarm", async () => (await rig.alarms()).includes("VNFC_DOWN"));
  await until("started", () => actionsOn(rig, "media-relay-c") > before);
  expect(served(rig)).toEqual(["0", "0"]);
  rig.vim.up("media-relay-c");
  await until("rests", async () => (await spare(rig)).isWarm);
  await until("no alarm", async () => (await rig.alarms()).length === 0);
});

test("the MANO restarts while a spare rests, and while it is awake: it is let rest, and let be", async () => {
  await using rig = await deployed();
  const pauses = actionsOn(rig, "media-relay-c");
  await rig.stopMano();
  await rig.startMano();
  await until("known as resting", async () => (await spare(rig))?.isWarm);
  await new Promise((r) => setTimeout(r, 2_500));
  expect(actionsOn(rig, "media-relay-c")).toBe(pauses);
  expect(await rig.alarms()).toEqual([]);

  await rig.stopMano();
  rig.vim.down("media-relay-a");
  await rig.startMano(); // What it finds is what it acts on.
  await until("b serves", () => served(rig).every((net) => net === "1"));
  await until("woken", () => rig.vim.byName("media-relay-c").status === "ACTIVE");
  rig.vim.up("media-relay-c");
  await until("awake", async () => (await spare(rig)).words === "relay-c is awake");
  await rig.stopMano();
  await rig.startMano();
  await until("still awake", async () => (await spare(rig))?.words === "relay-c is awake");
  expect((await rig.ns()).vnfcs.find((v) => v.name === "relay-c")?.restsSince).toBe(null);
});

test("no traffic is led to a spare that rests, whoever asks", async () => {
  await using rig = await deployed();
  const refused = await rig.ask("POST", "/mano/v1/protection_groups/media-relay/command", { command: "force", to: "relay-c" });
  expect(refused).toMatchObject({
    status: 409,
    body: { detail: expect.stringMatching(/relay-c is unknown \(it rests: a warm spare/) },
  });
  for (const p of rig.vim.protections!.values()) expect(p.plans.flatMap((plan) => plan.moves.map((m) => m.to))).toHaveLength(2);
});
