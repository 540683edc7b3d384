import { expect, test } from "vitest";
import { FlavourBed, link, VNFS } from "./flavoured.ts";
import { imageOf, relays, sourcesOf, upgraded, withUpgrade } from "./packaged.ts";
import { example, until } from "./rig.ts";

// A VNF that runs is changed to another VNF package (SOL003 5.4.11a, SOL005 6.4.7): an upgrade without an interruption.

const PACKAGES = "/vnfpkgm/v2/vnf_packages";
const idIn = (path: string): string => path.split("/").at(-1)!;
const packageAt = async (bed: FlavourBed, id: string) => (await bed.sol.ask("GET", `${PACKAGES}/${id}`)).body;
const updateOf = (bed: FlavourBed, vnfdId: string) => ({
  updateType: "CHANGE_VNFPKG",
  changeVnfPackageData: [{ vnfInstanceId: idIn(bed.vnf), vnfdId }],
});
const ofNs = async (bed: FlavourBed) => (await bed.sol.ask("GET", bed.ns)).body.vnfInstance[0];

test("a pair of an NS: the standby first, then a switch, then the other; who serves is never taken away, and all is of the new package", async () => {
  await using bed = await FlavourBed.ofNs("default");
  const { vim } = bed.rig;
  const { record } = await withUpgrade(bed);
  const old = (await ofNs(bed)).vnfPkgId;
  expect(await packageAt(bed, old)).toMatchObject({ vnfdVersion: "1.0", usageState: "IN_USE" });
  expect(await packageAt(bed, record)).toMatchObject({ vnfdVersion: "2.0", usageState: "NOT_IN_USE" });
  const before = new Map([...vim.servers.values()].map((s) => [s.name, s.id]));

  bed.held.add("relay-b");
  const occurrence = await bed.begin(`${bed.ns}/update`, updateOf(bed, "media-relay-vip"));
  expect((await bed.sol.ask("POST", `${bed.vnf}/change_vnfpkg`, { vnfdId: record })).status).toBe(409);
  // Both packages are in use until it is over.
  expect(await packageAt(bed, old)).toMatchObject({ usageState: "IN_USE" });
  expect(await packageAt(bed, record)).toMatchObject({ usageState: "IN_USE" });
  await until("relay-b is made anew", () => [...vim.servers.values()].some((s) => s.imageRef === "image-2.0"));
  expect(sourcesOf(bed)).toBe("a:images-1,b:image-2.0");
  expect(vim.servers.has(before.get("media-relay-a")!)).toBe(true);
  expect(bed.served()).toBe("relay-a,relay-a");
  await until("it is told that nobody could take over", async () => !(await bed.group()).isReady);
  bed.held.add("relay-a");
  bed.held.delete("relay-b");
  await until("relay-a goes", () => !vim.servers.has(before.get("media-relay-a")!));
  expect(bed.served()).toBe("relay-b,relay-b");
  bed.held.clear();

  const done = await bed.ended(occurrence, "COMPLETED");
  expect(done).toMatchObject({ lcmOperationType: "UPDATE", parameters: updateOf(bed, "media-relay-vip") });
  expect(done.resourceChanges.affectedVnfs).toMatchObject([
    {
      changeType: "CHANGE_VNFPKG",
      changeResult: "COMPLETED",
      changedInfo: { modificationsTriggeredByVnfPkgChange: { vnfSoftwareVersion: "2.0", vnfdVersion: "2.0" } },
    },
  ]);
  const [ofVnf] = (await bed.sol.ask("GET", "/vnflcm/v2/vnf_lcm_op_occs?filter=(eq,operation,CHANGE_VNFPKG)&all_fields")).body;
  expect(ofVnf).toMatchObject({
    operationState: "COMPLETED",
    modificationsTriggeredByVnfPkgChange: { vnfSoftwareVersion: "2.0", vnfdVersion: "2.0" },
    resourceChanges: { affectedVnfcs: [{ changeType: "MODIFIED" }, { changeType: "MODIFIED" }] },
  });
  expect(sourcesOf(bed)).toBe("a:image-2.0,b:image-2.0");
  expect(await bed.whenReady()).toMatchObject({ scheme: "ACTIVE_PASSIVE" });
  const vnf = (await bed.sol.ask("GET", bed.vnf)).body;
  expect(vnf).toMatchObject({ vnfdId: "media-relay-vip", vnfdVersion: "2.0", vnfSoftwareVersion: "2.0" });
  expect(vnf._links.changeCurrentVnfPkg.href).toMatch(/change_vnfpkg$/);
  expect(await ofNs(bed)).toMatchObject({ vnfPkgId: record, vnfdVersion: "2.0" });

  // Its NSD names the old package for NSs to come: it is not in use, and still needed there.
  expect(await packageAt(bed, old)).toMatchObject({ usageState: "NOT_IN_USE" });
  for (const [id, why] of [
    [old, "NSD"],
    [record, "made of it"],
  ] as const) {
    expect((await bed.sol.ask("PATCH", `${PACKAGES}/${id}`, { operationalState: "DISABLED" })).status).toBe(200);
    const refused = await bed.sol.ask("DELETE", `${PACKAGES}/${id}`);
    expect(refused).toMatchObject({ status: 409, body: { detail: expect.stringContaining(why) } });
  }

  // Its new flavours are those of the new package, and after a restart it is what it was.
  await bed.rig.stopMano();
  await bed.rig.startMano();
  await bed.ended(await bed.change("pool"), "COMPLETED");
  expect(sourcesOf(bed)).toBe("3:image-2.0,a:image-2.0,b:image-2.0");
  expect(await ofNs(bed)).toMatchObject({ vnfPkgId: record });

  // Terminated and made again it is what its NSD says.
  await bed.ended(await bed.begin(`${bed.ns}/terminate`, {}), "COMPLETED");
  await bed.ended(await bed.begin(`${bed.ns}/instantiate`, { nsFlavourId: "default" }), "COMPLETED");
  expect(await ofNs(bed)).toMatchObject({ vnfPkgId: old, vnfdVersion: "1.0" });
  expect(sourcesOf(bed)).toBe("a:images-1,b:images-1");
});

test("a VNF by itself: what differs in nothing but its descriptor runs on, the old package can go, and it begins anew from the new one", async () => {
  await using bed = await FlavourBed.sole("default");
  const { vim } = bed.rig;
  const sameImage = (vnfd: { "sw-image-desc": object[] }) => {
    vnfd["sw-image-desc"] = relays()["sw-image-desc"];
  };
  const { record } = await withUpgrade(bed, "1.1", sameImage);
  const [{ id: old }] = (await bed.sol.ask("GET", `${PACKAGES}?filter=(eq,vnfdVersion,1.0)`)).body;
  const before = new Set(vim.servers.keys());
  const occurrence = await bed.begin(`${bed.vnf}/change_vnfpkg`, { vnfdId: record });
  expect(await bed.ended(occurrence, "COMPLETED")).toMatchObject({
    operation: "CHANGE_VNFPKG",
    operationParams: { vnfdId: record },
    modificationsTriggeredByVnfPkgChange: { vnfSoftwareVersion: "1.1", vnfdVersion: "1.1" },
    resourceChanges: { affectedVnfcs: [] },
  });
  expect(new Set(vim.servers.keys())).toEqual(before);
  expect((await bed.sol.ask("GET", bed.vnf)).body).toMatchObject({
    vnfSoftwareVersion: "1.1",
    instantiatedVnfInfo: { flavourId: "default" },
  });
  // The NSD that came with it is of no use any more.
  const [{ id: nsd }] = (await bed.sol.ask("GET", "/nsd/v2/ns_descriptors")).body;
  for (const path of [`/nsd/v2/ns_descriptors/${nsd}`, `${PACKAGES}/${old}`]) {
    const state = path.startsWith(PACKAGES) ? { operationalState: "DISABLED" } : { nsdOperationalState: "DISABLED" };
    expect((await bed.sol.ask("PATCH", path, state)).status).toBe(200);
    expect((await bed.sol.ask("DELETE", path)).status).toBe(204);
  }
  await bed.rig.stopMano();
  await bed.rig.startMano();
  await bed.ended(await bed.begin(`${bed.vnf}/terminate`, { terminationType: "FORCEFUL" }), "COMPLETED");
  expect((await bed.sol.ask("POST", `${bed.vnf}/change_vnfpkg`, { vnfdId: record })).status).toBe(409);
  const extVirtualLinks = [link("media_net", "media"), link("traffic_net0", "viewers"), link("traffic_net1", "viewers")];
  await bed.ended(await bed.begin(`${bed.vnf}/instantiate`, { flavourId: "large", extVirtualLinks }), "COMPLETED");
  expect((await bed.sol.ask("GET", bed.vnf)).body).toMatchObject({
    vnfdVersion: "1.1",
    instantiatedVnfInfo: { flavourId: "large" },
  });
});

test("other VDUs, and a third machine: of another version they take over from those that there were", async () => {
  await using bed = await FlavourBed.ofNs("default");
  /** Its flavour `default` has what was another's. */
  const asDefault = (id: string) => (vnfd: { df: { id: string }[] }) => {
    const [, ...others] = vnfd.df;
    vnfd.df = [{ ...others.find((f) => f.id === id)!, id: "default" }, ...others.filter((f) => f.id !== id)];
  };
  const { record } = await withUpgrade(bed, "2.0", asDefault("others"));
  await bed.ended(await bed.begin(`${bed.ns}/update`, updateOf(bed, record)), "COMPLETED");
  expect(sourcesOf(bed)).toBe("a:image-2.0,b:image-2.0");
  expect(bed.machines()).toEqual(["other-a", "other-b"]);
  expect(bed.served()).toBe("other-a,other-a");
  const { record: third } = await withUpgrade(bed, "3.0", asDefault("pool"));
  await bed.ended(await bed.begin(`${bed.ns}/update`, updateOf(bed, third)), "COMPLETED");
  expect(bed.machines()).toEqual(["relay-3", "relay-a", "relay-b"]);
  expect(await bed.whenReady()).toMatchObject({ scheme: "N_PLUS_M" });
});

test("a version that does not come up leaves who serves serving, and the VNF what it was; it is retried, rolled back or given up", async () => {
  await using bed = await FlavourBed.ofNs("default");
  const { vim } = bed.rig;
  const { record } = await withUpgrade(bed);
  const a = vim.byName("media-relay-a").id;
  vim.made = (server) => {
    if (server.imageRef === "image-2.0") vim.byName(server.name).status = "ERROR";
  };
  const occurrence = await bed.begin(`${bed.vnf}/change_vnfpkg`, { vnfdId: record });
  const isBack = async () => {
    expect(sourcesOf(bed)).toBe("a:images-1,b:images-1");
    expect(vim.byName("media-relay-a").id).toBe(a);
    expect(bed.served()).toBe("relay-a,relay-a");
    expect((await bed.sol.ask("GET", bed.vnf)).body).toMatchObject({ vnfdVersion: "1.0" });
    await bed.whenReady();
  };
  const failed = await bed.ended(occurrence, "FAILED_TEMP");
  expect(failed.error.detail).toContain("relay-b");
  expect(failed.modificationsTriggeredByVnfPkgChange).toBeUndefined();
  await isBack();
  expect(await packageAt(bed, record)).toMatchObject({ usageState: "IN_USE" }); // It may be tried again.
  expect((await bed.sol.ask("POST", `${occurrence}/rollback`)).status).toBe(202);
  await bed.ended(occurrence, "ROLLED_BACK");
  await isBack();
  expect(await packageAt(bed, record)).toMatchObject({ usageState: "NOT_IN_USE" });

  const again = await bed.begin(`${bed.vnf}/change_vnfpkg`, { vnfdId: record });
  await bed.ended(again, "FAILED_TEMP");
  vim.made = () => {};
  expect((await bed.sol.ask("POST", `${again}/retry`)).status).toBe(202);
  await bed.ended(again, "COMPLETED");
  expect(sourcesOf(bed)).toBe("a:image-2.0,b:image-2.0");

  // And back, by the same way; cancelled half-way, it stays what it is.
  bed.held.add("relay-a").add("relay-b");
  const [{ id: first }] = (await bed.sol.ask("GET", `${PACKAGES}?filter=(eq,vnfdVersion,1.0)`)).body;
  const down = await bed.begin(`${bed.vnf}/change_vnfpkg`, { vnfdId: first });
  await until("one is made anew", () => [...vim.servers.values()].some((s) => s.status === "CREATING"));
  expect((await bed.sol.ask("POST", `${down}/cancel`, { cancelMode: "FORCEFUL" })).status).toBe(202);
  bed.held.clear();
  expect((await bed.ended(down, "FAILED_TEMP")).error.detail).toContain("cancelled");
  expect((await bed.sol.ask("POST", `${down}/fail`)).status).toBe(200);
  expect(sourcesOf(bed)).toBe("a:image-2.0,b:image-2.0");
  expect((await bed.sol.ask("GET", bed.vnf)).body).toMatchObject({ vnfdVersion: "2.0" });
});

test("what the VIM has no image of is found out before anybody is given up for it; a snapshot is of the package that the VNF was of", async () => {
  await using bed = await FlavourBed.ofNs("default");
  const { record } = await withUpgrade(bed);
  bed.rig.vim.images.delete(imageOf("2.0").id);
  const before = new Set(bed.rig.vim.servers.keys());
  const vnfSnapshotInfoId = (await bed.sol.ask("POST", "/vnflcm/v2/vnf_snapshots", {})).body.id;
  await bed.ended(await bed.begin(`${bed.vnf}/create_snapshot`, { vnfSnapshotInfoId }), "COMPLETED");
  const occurrence = await bed.begin(`${bed.vnf}/change_vnfpkg`, { vnfdId: record });
  expect((await bed.ended(occurrence, "FAILED_TEMP")).error.detail).toContain('the name "media-relay-2.0"');
  expect(new Set(bed.rig.vim.servers.keys())).toEqual(before);
  await bed.whenReady();
  bed.rig.vim.images.set(imageOf("2.0").id, imageOf("2.0"));
  expect((await bed.sol.ask("POST", `${occurrence}/retry`)).status).toBe(202);
  await bed.ended(occurrence, "COMPLETED");
  const revert = await bed.sol.ask("POST", `${bed.vnf}/revert_to_snapshot`, { vnfSnapshotInfoId });
  expect(revert).toMatchObject({
    status: 409,
    body: { detail: expect.stringMatching(/is of media-relay-vip version 1.0; change it back/) },
  });
});

test("what cannot be had is refused, and nothing has changed", async () => {
  await using bed = await FlavourBed.ofNs("default");
  const { sol, rig } = bed;
  const { record } = await withUpgrade(bed);
  const asked = [...rig.vim.asked];
  const refused = async (body: object, status: number, ...words: string[]) => {
    const answer = await sol.ask("POST", `${bed.vnf}/change_vnfpkg`, body);
    expect({ body, status: answer.status, detail: answer.body.detail }).toMatchObject({ status });
    for (const word of words) expect(answer.body.detail).toContain(word);
  };
  const onBoard = async (file: string) => (await rig.onboard(file)).body[0].id;
  await refused({}, 400, "vnfdId");
  await refused({ vnfdId: 1 }, 400, "vnfdId");
  await refused({ vnfdId: "unheard-of" }, 422, "unheard-of", "vnf_packages");
  await refused({ vnfdId: (await ofNs(bed)).vnfPkgId }, 409, "version 1.0", "already");
  await refused({ vnfdId: record, extensions: { a: 1 } }, 422, "extensions");
  await refused({ vnfdId: record, extVirtualLinks: [link("media_net", "media")] }, 422, "VNF profile");
  await refused(
    { vnfdId: record, extManagedVirtualLinks: [{ id: "m", vnfVirtualLinkDescId: "x", resourceId: "y" }] },
    422,
    "extManaged",
  );
  const other = await onBoard(
    upgraded(relays(), "2.0", (v) => {
      v.id = "another";
      v["product-name"] = "Another relay";
    }),
  );
  await refused({ vnfdId: other }, 422, "Another relay", "Media relay with a standby", "version");
  const lacking = await onBoard(
    upgraded(relays(), "2.1", (v) => {
      v["ext-cpd"] = v["ext-cpd"].filter((e: { id: string }) => e.id !== "media2");
    }),
  );
  await refused({ vnfdId: lacking }, 422, "media2", "media");
  const renamed = await onBoard(
    upgraded(relays(), "2.2", (v) => {
      const text = JSON.stringify(v).replaceAll('"relay"', '"forwarder"');
      Object.assign(v, JSON.parse(text));
    }),
  );
  await refused({ vnfdId: renamed }, 422, "relay-a", "VDU relay", "VDU forwarder");
  const elsewhere = await onBoard(
    upgraded(relays(), "2.3", (v) => {
      v.df = v.df.filter((f: { id: string }) => f.id !== "default");
    }),
  );
  await refused({ vnfdId: elsewhere }, 422, "large, pool, others", "is in default");
  const plain = await onBoard(example("media-relay.yaml"));
  await refused({ vnfdId: plain }, 422, "plain form");
  expect((await sol.ask("PATCH", `${PACKAGES}/${record}`, { operationalState: "DISABLED" })).status).toBe(200);
  await refused({ vnfdId: record }, 422, "DISABLED", "enable it");
  expect((await sol.ask("POST", `${VNFS}/none/change_vnfpkg`, { vnfdId: record })).status).toBe(404);
  const update = { updateType: "CHANGE_VNFPKG" };
  expect((await sol.ask("POST", `${bed.ns}/update`, update)).status).toBe(400);
  expect(rig.vim.asked).toEqual(asked);
  expect(bed.machines()).toEqual(["relay-a", "relay-b"]);
});
