import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { KillBed } from "./kill-bed.ts";
import { relaysAlone } from "./relays-alone.ts";
import { until } from "./rig.ts";

// Kill -9 at any moment of taking a VNF into an NS: it is by itself or of the NS, whole, and what was begun comes to its end.

const VNFS = "/vnflcm/v2/vnf_instances";
const NETS = ["media_net", ...[0, 1, 2, 3].flatMap((n) => [`data_net${n}`, `traffic_net${n}`])];
const LINKS = [
  { id: "m", resourceId: "id-media_net", extCps: [{ cpdId: "media" }] },
  { id: "v", resourceId: "id-data_net3", extCps: [{ cpdId: "viewers" }] },
];

test("a VNF whose MANO is killed while it is taken into an NS", { timeout: 240_000 }, async () => {
  await using bed = await KillBed.deployed(NETS, relaysAlone(), "media-scaled");
  const { sol, vim } = bed;
  const list = async () => (await bed.get("/mano/v1/ns_instances")) as { soleVnf?: string; vnfcs: { name: string }[] }[];
  const done = (path: string) => async () => (await sol.ask("GET", path)).body.operationState === "COMPLETED";
  const { body: made } = await sol.ask("POST", VNFS, { vnfdId: "media-relay-scaled" });
  const vnf = `${VNFS}/${made.id}`;
  const begun = await sol.ask("POST", `${vnf}/instantiate`, { flavourId: "default", extVirtualLinks: LINKS });
  await until("it is instantiated", done(new URL(begun.headers.get("location")!).pathname));
  const servers = [...vim.servers.keys()].sort();
  const asked = vim.asked.filter((a) => a.includes("servers"));

  const seen = new Set<string>();
  const ask = () =>
    bed.ask("/update", { updateType: "ADD_VNF", addVnfIstance: [{ vnfInstanceId: made.id, vnfProfileId: "relays" }] });
  for (const afterMs of [0, 8, 14, 20, 30, 50, null]) {
    const answer = ask().catch(() => null);
    if (afterMs === null) await answer;
    else await sleep(afterMs);
    await bed.restarted();
    await answer;
    const all = await list();
    const sole = all.find((d) => d.soleVnf === made.id);
    const names = all.find((d) => d.soleVnf === undefined)!.vnfcs.map((v) => v.name);
    const whole = sole ? "by itself" : "of the NS";
    expect([all.length, sole?.vnfcs.length ?? 0, names.length]).toEqual(sole ? [2, 1, 3] : [1, 0, 4]);
    expect((await bed.vnfs()).map((v: { id: string }) => v.id)).toContain(made.id);
    expect((await bed.vnfs()).length).toBe(4);
    seen.add(whole);
    if (!sole) break;
  }
  expect([...seen].sort()).toEqual(["by itself", "of the NS"]);
  await bed.ended("UPDATE", "COMPLETED");
  expect((await bed.get("/mano/v1/protection_groups"))[0].members).toHaveLength(4);
  expect([[...vim.servers.keys()].sort(), vim.asked.filter((a) => a.includes("servers"))]).toEqual([servers, asked]);
  expect(bed.log).not.toContain('"level":60');
});
