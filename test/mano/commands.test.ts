import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { ProtectionGroupView } from "../../src/model/group-view.ts";
import { example, Rig, until } from "./rig.ts";

const run = promisify(execFile);
const SEMPRE = join(import.meta.dirname, "../../src/sempre.ts");
const GROUPS = "/mano/v1/protection_groups";

const give = (rig: Rig, body: object) => rig.ask("POST", `${GROUPS}/media-relay/command`, body);
const group = async (rig: Rig): Promise<ProtectionGroupView> => (await rig.ask("GET", `${GROUPS}/media-relay`)).body;
const commandEvents = async (rig: Rig) =>
  (await rig.events()).flatMap((e) => (e.type === "protection.command" ? [`${e.command.kind} ${e.state}`] : []));
const settle = (ms: number) => new Promise((r) => setTimeout(r, ms));

test("forced switch: tried, given, recorded, kept over a restart, ended by clear", async () => {
  await using rig = await Rig.start();
  await rig.deploy();
  const force = { command: "force", to: "relay-b", traffic_nets: ["traffic_net0"] };
  const [a, b] = (await rig.ns()).vnfcs.map((v) => v.id);

  const tried = await give(rig, { ...force, dry_run: true });
  expect(tried).toMatchObject({ status: 200, body: { dryRun: true, moves: [{ from: a, to: b, kind: "command" }] } });
  expect(rig.vim.boundTo("traffic_net0")).toBe("data_net0");
  expect((await group(rig)).command).toBe(null);

  expect(await give(rig, force)).toMatchObject({ status: 200, body: { moves: [{ to: b }], command: { state: "active" } } });
  await until("moved", () => rig.vim.boundTo("traffic_net0") === "data_net1");
  await until("recorded", async () => (await rig.failovers())[0]?.state === "closed");
  expect(await rig.failovers()).toMatchObject([{ kind: "command", mode: "command", about: b, moves: [{ to: b }] }]);
  expect(await rig.alarms()).toEqual(["PROTECTION_LOCKED"]);

  await rig.stopMano();
  await rig.startMano();
  await until("seen", async () => (await group(rig)).members.every((m) => m.health.state === "up"));
  await settle(2_500); // Longer than its wait-to-restore: the command alone keeps it there.
  expect(rig.vim.boundTo("traffic_net0")).toBe("data_net1");
  expect((await group(rig)).command).toMatchObject({
    kind: "force",
    state: "active",
    givenBy: expect.stringContaining("127.0.0.1"),
  });
  expect(await rig.failovers()).toHaveLength(1);

  const cleared = await give(rig, { command: "clear" });
  expect(cleared.body).toMatchObject({ moves: [{ to: a, kind: "failback" }] });
  await until("led back", () => rig.vim.boundTo("traffic_net0") === "data_net0");
  await until("nothing in place", async () => (await group(rig)).command === null);
  expect(await rig.alarms()).toEqual([]);
  expect(await commandEvents(rig)).toEqual(["force active", "force active", "force ended", "clear active", "clear ended"]);
});

test("lockout: what is acknowledged is armed, a failure moves nothing, and clear lets it move", async () => {
  await using rig = await Rig.start();
  await rig.deploy();
  await until("armed", async () => (await group(rig)).armed.isCurrent);
  expect((await give(rig, { command: "lockout" })).status).toBe(200);
  expect([...rig.vim.protections!.values()][0]!.plans).toEqual([]);
  expect((await group(rig)).readiness.map((r) => [r.canFailOver, r.words[0]])).toEqual([
    [false, expect.stringMatching(/^if relay-a failed now, traffic_net0 would not be moved: lockout of protection/)],
    [false, expect.any(String)],
  ]);
  rig.vim.down("media-relay-a");
  await until("SERVICE_DOWN", async () => (await rig.alarms()).includes("SERVICE_DOWN"));
  expect(rig.vim.boundTo("traffic_net0")).toBe("data_net0");
  const refused = await give(rig, { command: "force", to: "relay-b" });
  expect(refused).toMatchObject({ status: 409, body: { detail: expect.stringMatching(/a lockout of protection is in place/) } });
  await give(rig, { command: "clear" });
  await until("moved", () => rig.vim.boundTo("traffic_net0") === "data_net1");
});

test("manual switch ends with the first failure, which is journaled", async () => {
  await using rig = await Rig.start();
  await rig.deploy();
  await give(rig, { command: "manual", to: "relay-b" });
  await until("moved", () => rig.vim.boundTo("traffic_net0") === "data_net1");
  rig.vim.down("media-relay-b");
  await until("all at a", () => ["traffic_net0", "traffic_net1"].every((n) => rig.vim.boundTo(n) === "data_net0"));
  await until("ended", async () => (await group(rig)).command === null);
  const told = (await rig.events()).filter((e) => e.type === "protection.command");
  expect(told.at(-1)).toMatchObject({
    state: "ended",
    because: expect.stringMatching(/relay-b is down, and signal fail has precedence/),
  });
  expect(await rig.alarms()).not.toContain("PROTECTION_LOCKED");
});

test("exercise tells what would happen and moves nothing; terminate ends a command", async () => {
  await using rig = await Rig.start();
  const id = await rig.deploy();
  const before = rig.vim.asked.length;
  const { status, body } = await give(rig, { command: "exercise" });
  expect([status, body.because]).toEqual([
    200,
    ["if relay-a failed now, traffic_net0 would go to relay-b", "if relay-b failed now, traffic_net1 would go to relay-a"],
  ]);
  expect(rig.vim.asked.slice(before)).toEqual([]);
  await give(rig, { command: "lockout" });
  await rig.ask("POST", `/mano/v1/ns_instances/${id}/terminate`);
  await until("gone", async () => (await rig.ns()).state === "NOT_INSTANTIATED");
  expect(rig.vim.protections!.size).toBe(0);
  expect((await commandEvents(rig)).at(-1)).toBe("lockout ended");
  expect(await rig.alarms()).toEqual([]);
});

test("bad commands are answered with what is wrong", async () => {
  await using rig = await Rig.start();
  await rig.create(example("media-relay.yaml"));
  expect(await rig.ask("GET", `${GROUPS}/zz`)).toMatchObject({
    status: 404,
    body: { detail: "there is no protection group zz; there are: none" },
  });
  const id = (await rig.ns()).id;
  await rig.ask("POST", `/mano/v1/ns_instances/${id}/instantiate`);
  await until("two servers", () => rig.vim.servers.size === 2);
  await until("its group", async () => (await rig.ask("GET", GROUPS)).body.length === 1);
  expect(await give(rig, { command: "lockout" })).toMatchObject({
    status: 409,
    body: { detail: expect.stringMatching(/not protected yet/) },
  });
  rig.vim.up("media-relay-a");
  rig.vim.up("media-relay-b");
  await until("INSTANTIATED", async () => (await rig.ns()).state === "INSTANTIATED");
  for (const [body, status, detail] of [
    [{ command: "jump" }, 400, /command: want lockout, force, manual, exercise or clear/],
    [{ command: "force", too: "x" }, 400, /too: there is no such member/],
    [{ command: "lockout", to: "relay-a" }, 400, /a lockout leads traffic to nobody: leave "to" out/],
    [{ command: "lockout", traffic_nets: [] }, 400, /traffic_nets is empty/],
    [{ command: "force" }, 409, /a forced switch needs the member that traffic shall go to: one of relay-a, relay-b/],
    [{ command: "force", to: "relay-z" }, 409, /media-relay has no member relay-z: it has relay-a, relay-b/],
    [{ command: "lockout", traffic_nets: ["t9"] }, 409, /media-relay has no traffic net t9/],
  ] as const) {
    const answer = await give(rig, body);
    expect([answer.status, answer.body.detail]).toEqual([status, expect.stringMatching(detail)]);
  }
});

test("the command line: list, show, dry run, refused, given", async () => {
  await using rig = await Rig.start();
  await rig.deploy();
  await until("armed", async () => (await group(rig)).armed.isCurrent);
  const cli = async (...args: string[]) =>
    (await run(process.execPath, [SEMPRE, "protection", ...args, "--mano", rig.url])).stdout;
  expect(await cli()).toMatch(/media-relay +ACTIVE_ACTIVE +relay-a up, relay-b up .* yes, armed/);
  const shown = await cli("show", "med");
  expect(shown).toMatch(/probed every 250 ms, silent after 3 of 3/);
  expect(shown).toMatch(/armed in the VIM: yes, revision \d+\n +if relay-a failed now, traffic_net0 would go to relay-b/);
  const force = ["force", "media-relay", "--to", "relay-b", "--net", "traffic_net0"];
  expect(await cli(...force, "--dry-run")).toBe(
    "force media-relay: would be accepted; nothing was done\n  traffic_net0: relay-a → relay-b\n" +
      "  because forced switch: traffic_net0 is led to relay-b\n  because traffic_net1 stays on relay-b, which is up\n",
  );
  await expect(cli("force", "media-relay")).rejects.toMatchObject({ code: 1, stderr: expect.stringMatching(/needs the member/) });
  await expect(cli("clear", "zz")).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/there is no protection group zz/),
  });
  expect(JSON.parse(await cli(...force, "--json"))).toMatchObject({ accepted: true, moves: [{ kind: "command" }] });
  expect((await group(rig)).command?.givenBy).toMatch(/^sempre protection \(.+\) at 127\.0\.0\.1$/);
});
