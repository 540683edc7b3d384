import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { imagePackage, sha256 } from "../harness/image-package.ts";
import { until } from "./rig.ts";
import { solVimBed } from "./sol-vim-bed.ts";

// A VNF that is upgraded in a VIM of ours, whose machines are states in its process: the image of the new package comes with it, and that of the old one goes.

const PACKAGES = "/vnfpkgm/v2/vnf_packages";
const VNFS = "/vnflcm/v2/vnf_instances";

test("the image of the new package is brought before a machine is given up, and that of the old one goes with the last", async () => {
  await using bed = await solVimBed();
  const { sol, ok, tenant } = bed;
  const onBoard = async (image: Buffer, version: string) => {
    const bytes = imagePackage(image, {
      edit: ({ vnfd: [vnfd] }) => {
        vnfd.version = version;
      },
    });
    const at = `${PACKAGES}/${(await sol.ask("POST", PACKAGES, {})).body.id}`;
    await sol.ask("PUT", `${at}/package_content`, bytes, { "content-type": "application/zip" });
    await until("it is on board", async () => (await sol.ask("GET", at)).body.onboardingState === "ONBOARDED");
    return at;
  };
  /** Names of the images that were brought, and those that machines are made from. */
  const images = async () => {
    const rows = (await ok("GET", `/${tenant}/images`)).images as { id: string; name: string }[];
    const { servers } = await ok("GET", `/${tenant}/servers`);
    const made = await Promise.all(
      servers.map(async ({ id }: { id: string }) => (await ok("GET", `/${tenant}/servers/${id}`)).server.image.id),
    );
    const nameOf = (id: string) => rows.find((r) => r.id === id)?.name;
    return { brought: rows.map((r) => r.name).filter((n) => n.startsWith("appliance")), used: made.map(nameOf) };
  };
  const [first, second] = [randomBytes(2_000), randomBytes(2_000)];
  const [one, two] = [first, second].map((image) => `appliance-${sha256(image).slice(0, 8)}`);
  const old = await onBoard(first, "1.0");
  const outside = await bed.newNet("outside_net");
  const vnf = `${VNFS}/${(await sol.ask("POST", VNFS, { vnfdId: "appliance" })).body.id}`;
  const extVirtualLinks = [{ id: "outside", resourceId: outside, extCps: [{ cpdId: "outside" }] }];
  await bed.done(vnf, "instantiate", { flavourId: "default", extVirtualLinks });
  expect(await images()).toEqual({ brought: [one], used: [one, one] });

  await onBoard(second, "2.0");
  const { resourceChanges } = await bed.done(vnf, "change_vnfpkg", { vnfdId: "appliance" });
  expect(resourceChanges.affectedVnfcs).toHaveLength(2);
  expect(await images()).toEqual({ brought: [two], used: [two, two] });
  expect((await sol.ask("PATCH", old, { operationalState: "DISABLED" })).status).toBe(200);
  expect((await sol.ask("DELETE", old)).status).toBe(204);
  await bed.done(vnf, "terminate", { terminationType: "FORCEFUL" });
  expect(await images()).toEqual({ brought: [], used: [] });
  expect((await sol.ask("DELETE", vnf)).status).toBe(204);
});
