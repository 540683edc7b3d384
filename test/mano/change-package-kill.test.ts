import { expect, test } from "vitest";
import { FLAVOURED_NETS, flavouredFile } from "./flavoured.ts";
import { KillBed } from "./kill-bed.ts";
import { imageOf, relays, upgraded } from "./packaged.ts";

// Kill -9 while the VIM is asked for each kind of change as a VNF becomes one of another package: it is of that then, whole, and nothing is left of what it was.

test("a VNF whose MANO is killed while its package is changed", async () => {
  await using bed = await KillBed.deployed(FLAVOURED_NETS, flavouredFile(), "media-vip");
  const { vim, sol } = bed;
  const [{ id: vnfInstanceId }] = await bed.vnfs();
  // The standby goes and is made, two binds are changed, the other goes and is made; and traffic returns by itself in between.
  for (const [nth, when, version] of [
    [2, "after", "2.0"],
    [5, "before", "3.0"],
  ] as const) {
    vim.images.set(imageOf(version).id, imageOf(version));
    const onBoard = await sol.askUnchecked("POST", "/mano/v1/descriptors", upgraded(relays(), version), { version: "" });
    expect(onBoard.status).toBe(201);
    const body = { updateType: "CHANGE_VNFPKG", changeVnfPackageData: [{ vnfInstanceId, vnfdId: "media-relay-vip" }] };
    await bed.killedAt(nth, when, "/update", body);
    await bed.ended("UPDATE", "COMPLETED");
    const [vnf] = await bed.vnfs();
    expect(vnf).toMatchObject({ vnfdVersion: version, vnfSoftwareVersion: version });
    expect(bed.machines()).toBe("ab");
    expect([...vim.servers.values()].map((s) => s.imageRef)).toEqual([`image-${version}`, `image-${version}`]);
    expect([...vim.nets.values()].filter((n) => n.name.endsWith("-data"))).toHaveLength(2);
    expect([...vim.protections!.values()]).toHaveLength(1);
    expect(bed.log).not.toContain('"level":60');
  }
});
