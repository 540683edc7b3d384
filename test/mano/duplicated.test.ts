import { copyFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { migrate } from "../../src/store/database.ts";
import { example, Rig, until } from "./rig.ts";

/** The scheme DUPLICATED (1+1): each traffic net is led into both members' data nets, whoever is up. */
const binds = (rig: Rig, of: string) =>
  rig.vim.asked.filter((x) => x.startsWith(`PUT networks/id-${of}/`)).map((x) => x.split("/").slice(2).join(" "));

test("both members are bound from the start; a failure has its record and alarms, changes who counts, and both stay bound", async () => {
  await using rig = await Rig.start();
  await rig.deploy(example("media-relay-duplicated.yaml"));
  expect((await rig.ns()).protectionGroups).toMatchObject([{ scheme: "DUPLICATED" }]);
  expect([binds(rig, "traffic_net0"), binds(rig, "traffic_net1")]).toEqual([
    ["id-data_net0 id-data_net1"],
    ["id-data_net1 id-data_net0"],
  ]);
  rig.vim.asked.length = 0;
  rig.vim.down("media-relay-a");
  await until("B counts", () => rig.vim.boundTo("traffic_net0") === "data_net1");
  expect([binds(rig, "traffic_net0"), binds(rig, "traffic_net1")]).toEqual([["id-data_net1 id-data_net0"], []]);
  await until("recorded", async () => (await rig.failovers())[0]?.state === "closed");
  expect(await rig.alarms()).toEqual(["REDUNDANCY_LOST", "VNFC_DOWN"]);
  await until("healed by a start", () => rig.vim.asked.some((x) => x.endsWith("/action")));
  rig.vim.up("media-relay-a");
  await until("A counts again", () => rig.vim.boundTo("traffic_net0") === "data_net0");
  expect(binds(rig, "traffic_net0")).toEqual(["id-data_net1 id-data_net0", "id-data_net0 id-data_net1"]);
});

test("an operator's command that leads traffic is refused: there is nothing to switch", async () => {
  await using rig = await Rig.start();
  await rig.deploy(example("media-relay-duplicated.yaml"));
  const give = (body: object) => rig.ask("POST", "/mano/v1/protection_groups/media-relay/command", body);
  for (const body of [{ command: "lockout" }, { command: "force", to: "relay-b" }, { command: "manual", to: "relay-b" }]) {
    const { status, body: answer } = await give(body);
    expect([status, JSON.stringify(answer)]).toEqual([400, expect.stringContaining("has nothing to switch")]);
  }
  expect((await give({ command: "exercise" })).status).toBe(200);
});

test("a store of an earlier program keeps the schemes of its VNFCs, and takes the new one", () => {
  const sql = join(import.meta.dirname, "../../sql/mano");
  const old = mkdtempSync(join(tmpdir(), "sempre-store-"));
  try {
    for (const name of readdirSync(sql).filter((n) => n < "0011")) copyFileSync(join(sql, name), join(old, name));
    using db = new DatabaseSync(":memory:");
    migrate(db, old);
    db.exec("pragma foreign_keys = off");
    const insert = (id: string, scheme: string | null) =>
      db
        .prepare(
          "insert into vnfc (id, ns_id, name, vdu, server_name, vim_server_id, high_availability, status, created_at, modified_at) values (?, 'n', ?, 'v', 's', ?, ?, 'ACTIVE', '', '')",
        )
        .run(id, id, id, scheme);
    insert("a", "ACTIVE_PASSIVE");
    insert("b", null);
    expect(() => insert("c", "DUPLICATED")).toThrow(/CHECK/);
    migrate(db, sql);
    insert("c", "DUPLICATED");
    expect(() => insert("d", "ODD")).toThrow(/CHECK/);
    const schemes = db.prepare("select high_availability h from vnfc order by id").all();
    expect(schemes.map((row) => row.h)).toEqual(["ACTIVE_PASSIVE", null, "DUPLICATED"]);
  } finally {
    rmSync(old, { recursive: true });
  }
});
