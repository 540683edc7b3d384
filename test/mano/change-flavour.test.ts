import { expect, test } from "vitest";
import { FlavourBed, link, VNFS } from "./flavoured.ts";
import { until } from "./rig.ts";

// Deployment flavours that are changed while the VNF serves (SOL003 5.4.7, SOL005 6.4.6).

test("larger machines: made anew one after the other, who serves is served by the other meanwhile, and nobody is without a server", async () => {
  await using bed = await FlavourBed.ofNs("default");
  expect(bed.served()).toBe("relay-a,relay-a");
  const { vim } = bed.rig;
  const before = new Map([...vim.servers.values()].map((s) => [s.name, s.id]));
  bed.held.add("relay-b");
  const occurrence = await bed.change("large");
  expect((await bed.sol.ask("GET", occurrence)).body).toMatchObject({
    operation: "CHANGE_FLAVOUR",
    operationParams: { newFlavourId: "large" },
    resourceChanges: { affectedVnfcs: [{ changeType: "MODIFIED" }, { changeType: "MODIFIED" }] },
  });
  expect((await bed.sol.ask("POST", `${bed.vnf}/change_flavour`, { newFlavourId: "pool" })).status).toBe(409);
  // relay-b serves nothing, so it is the first; as long as it does not answer relay-a is left alone.
  await until("relay-b is made anew", () => {
    const now = [...vim.servers.values()].find((s) => s.name.endsWith("relay-b"));
    return now !== undefined && now.id !== before.get("media-relay-b");
  });
  expect(vim.servers.has(before.get("media-relay-a")!)).toBe(true);
  expect(bed.served()).toBe("relay-a,relay-a");
  bed.held.add("relay-a");
  bed.held.delete("relay-b");
  // Before relay-a goes its nets are on relay-b.
  await until("relay-a goes", () => !vim.servers.has(before.get("media-relay-a")!));
  expect(bed.served()).toBe("relay-b,relay-b");
  bed.held.clear();
  const done = await bed.ended(occurrence, "COMPLETED");
  expect(done.warnings).toEqual([]);
  expect(bed.machines()).toEqual(["relay-a", "relay-b"]);
  expect([...vim.servers.values()].every((s) => !before.has(s.name) || before.get(s.name) !== s.id)).toBe(true);
  expect(await bed.info()).toMatchObject({ flavourId: "large" });
  expect(await bed.whenReady()).toMatchObject({ scheme: "ACTIVE_PASSIVE" });
  await until("its traffic has returned", () => bed.served() === "relay-a,relay-a");
  expect(
    [...vim.nets.values()]
      .map((n) => n.name)
      .filter((n) => n.endsWith("-data"))
      .sort(),
  ).toEqual(["media-relay-a-data", "media-relay-b-data"]);
});

test("a third machine and another scheme, and back: those that are the same run on", async () => {
  await using bed = await FlavourBed.sole("default");
  const { vim } = bed.rig;
  const before = new Set(vim.servers.keys());
  await bed.ended(await bed.change("pool"), "COMPLETED");
  expect(bed.machines()).toEqual(["relay-3", "relay-a", "relay-b"]);
  expect([...before].every((id) => vim.servers.has(id))).toBe(true);
  expect(await bed.whenReady()).toMatchObject({ scheme: "N_PLUS_M", members: [{}, {}, {}] });
  await bed.ended(await bed.change("default"), "COMPLETED");
  expect(new Set(vim.servers.keys())).toEqual(before);
  expect(await bed.whenReady()).toMatchObject({ scheme: "ACTIVE_PASSIVE", members: [{}, {}] });
  expect([...vim.nets.values()].filter((n) => n.name.endsWith("relay-3-data"))).toEqual([]);
});

test("machines of another VDU take over from those that there were", async () => {
  await using bed = await FlavourBed.ofNs("default");
  await bed.ended(
    await bed.begin(`${bed.ns}/update`, {
      updateType: "CHANGE_VNF_DF",
      changeVnfFlavourData: [{ vnfInstanceId: bed.vnf.split("/").at(-1)!, newFlavourId: "others" }],
    }),
    "COMPLETED",
  );
  expect(bed.machines()).toEqual(["other-a", "other-b"]);
  expect(bed.served()).toBe("other-a,other-a");
  expect(await bed.whenReady()).toMatchObject({ scheme: "ACTIVE_PASSIVE" });
  expect([...bed.rig.vim.protections!.values()].map((p) => p.members.length)).toEqual([2]);
  expect(
    [...bed.rig.vim.nets.values()]
      .map((n) => n.name)
      .filter((n) => n.endsWith("-data"))
      .sort(),
  ).toEqual(["media-other-a-data", "media-other-b-data"]);
});

test("what is cancelled or cannot be is turned back, and can be tried again", async () => {
  await using bed = await FlavourBed.ofNs("default");
  bed.held.add("relay-b");
  const occurrence = await bed.change("large");
  await until("relay-b is made anew", () => [...bed.rig.vim.servers.values()].some((s) => s.status === "CREATING"));
  expect((await bed.sol.ask("POST", `${occurrence}/cancel`, { cancelMode: "FORCEFUL" })).status).toBe(202);
  bed.held.clear();
  const failed = await bed.ended(occurrence, "FAILED_TEMP");
  expect(failed.error.detail).toContain("cancelled");
  expect(await bed.info()).toMatchObject({ flavourId: "default" });
  expect(bed.machines()).toEqual(["relay-a", "relay-b"]);
  expect((await bed.sol.ask("POST", `${occurrence}/retry`)).status).toBe(202);
  await bed.ended(occurrence, "COMPLETED");
  expect(await bed.info()).toMatchObject({ flavourId: "large" });
});

test("what cannot be had is refused, and nothing has changed", async () => {
  await using bed = await FlavourBed.ofNs("default");
  const refused = async (body: object, status: number, ...words: string[]) => {
    const answer = await bed.sol.ask("POST", `${bed.vnf}/change_flavour`, body);
    expect(answer.status).toBe(status);
    for (const word of words) expect(answer.body.detail).toContain(word);
  };
  await refused({}, 400);
  await refused({ newFlavourId: "huge" }, 422, "it has default, large, pool, others");
  await refused({ newFlavourId: "default" }, 409, "already");
  await refused({ newFlavourId: "pool", instantiationLevelId: "most" }, 422, "most", "it has default");
  await refused({ newFlavourId: "pool", extensions: { a: 1 } }, 422, "extensions");
  await refused({ newFlavourId: "pool", extVirtualLinks: [link("media_net", "media")] }, 422, "VNF profile");
  expect((await bed.sol.ask("POST", `${VNFS}/none/change_flavour`, { newFlavourId: "pool" })).status).toBe(404);
  expect(bed.machines()).toEqual(["relay-a", "relay-b"]);
});
