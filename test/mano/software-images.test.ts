import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { imageNsd, imagePackage, sha256 } from "../harness/image-package.ts";
import { zipOf } from "../harness/zip.ts";
import { Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

let rig: Rig;
let sol: SolClient;
beforeAll(async () => {
  rig = await Rig.start();
  sol = new SolClient(rig);
});
afterAll(() => rig[Symbol.asyncDispose]());

const LIST = "/vnfpkgm/v2/vnf_packages";
const image = randomBytes(3_000);

async function onboarded(bytes: Buffer) {
  const at = `${LIST}/${(await sol.ask("POST", LIST, {})).body.id}`;
  expect((await sol.ask("PUT", `${at}/package_content`, bytes, { "content-type": "application/zip" })).status).toBe(202);
  const body = await until("it is on board or not", async () => {
    const { body } = await sol.ask("GET", at);
    return ["ONBOARDED", "ERROR"].includes(body.onboardingState) ? body : null;
  });
  return { at, body };
}

test("images of a SOL006 package are listed as softwareImages, and not as other artifacts", async () => {
  const { at, body } = await onboarded(imagePackage(image, { files: [{ name: "Scripts/x.sh", bytes: "true" }] }));
  expect(body.onboardingFailureDetails).toBeUndefined();
  expect(body.softwareImages).toEqual([
    {
      id: "appliance-image",
      name: "appliance",
      provider: "Sempre",
      version: "1.0",
      checksum: { algorithm: "SHA-256", hash: sha256(image) },
      isEncrypted: false,
      containerFormat: "BARE",
      diskFormat: "QCOW2",
      createdAt: expect.any(String),
      minDisk: 2 ** 30,
      minRam: 2 ** 27,
      size: image.length,
      imagePath: "images/appliance.qcow2",
    },
  ]);
  expect(body.additionalArtifacts.map((a: { artifactPath: string }) => a.artifactPath)).toEqual(["Scripts/x.sh"]);
  expect((await sol.ask("GET", `${at}/artifacts/images/appliance.qcow2`)).bytes).toEqual(image);
  const ofSol003 = await sol.ask("GET", "/vnfpkgm/v2/onboarded_vnf_packages/appliance");
  expect(ofSol003.body.softwareImages[0].checksum).toBe(sha256(image));
});

test("and those of a SOL001 package: named from the template or from the root, by a block storage too", async () => {
  const compute = (memory: string) => ({ virtual_memory: { virtual_mem_size: memory }, virtual_cpu: { num_virtual_cpu: 1 } });
  const swImage = (name: string, format: string, file: string) => ({
    properties: {
      sw_image_data: {
        ...{ name, version: "2.1", container_format: "bare", disk_format: format, min_disk: "2 GiB", min_ram: "512 MiB" },
        ...{ size: "1 MiB", checksum: { algorithm: "sha-256", hash: sha256(image) } },
      },
    },
    artifacts: { sw_image: { type: "tosca.artifacts.nfv.SwImage", file } },
  });
  const vdu = (requirements: object[], more: object) => ({
    type: "tosca.nodes.nfv.Vdu.Compute",
    capabilities: { virtual_compute: { properties: compute("1 GiB") } },
    requirements,
    ...more,
  });
  const cp = (of: string) => ({
    type: "tosca.nodes.nfv.VduCp",
    properties: { layer_protocols: ["ethernet"] },
    requirements: [{ virtual_binding: of }, { virtual_link: "inner" }],
  });
  const template = {
    tosca_definitions_version: "tosca_simple_yaml_1_3",
    imports: ["etsi_nfv_sol001_vnfd_types.yaml"],
    topology_template: {
      node_templates: {
        vnf: {
          type: "tosca.nodes.nfv.VNF",
          properties: {
            ...{ descriptor_id: "tosca-images", descriptor_version: "1.0", provider: "P", product_name: "T" },
            software_version: "3",
          },
        },
        own: vdu([], swImage("own-image", "raw", "../Files/images/own.img")),
        stored: vdu([{ virtual_storage: "disk" }], {}),
        disk: { type: "tosca.nodes.nfv.Vdu.VirtualBlockStorage", ...swImage("disk-image", "qcow2", "images/disk.qcow2") },
        cp0: cp("own"),
        cp1: cp("stored"),
        inner: { type: "tosca.nodes.nfv.VnfVirtualLink" },
      },
    },
  };
  const { body } = await onboarded(
    zipOf([
      {
        name: "TOSCA-Metadata/TOSCA.meta",
        bytes: "TOSCA-Meta-File-Version: 1.0\nCSAR-Version: 1.1\nCreated-By: Sempre\nEntry-Definitions: Definitions/d.yaml\n",
      },
      { name: "Definitions/d.yaml", bytes: stringify(template) },
      { name: "Files/images/own.img", bytes: image },
      { name: "images/disk.qcow2", bytes: image },
    ]),
  );
  expect(body.onboardingFailureDetails).toBeUndefined();
  expect(body.softwareImages).toMatchObject([
    {
      id: "own",
      name: "own-image",
      version: "2.1",
      diskFormat: "RAW",
      minDisk: 2 ** 31,
      minRam: 2 ** 29,
      imagePath: "Files/images/own.img",
    },
    { id: "disk", name: "disk-image", diskFormat: "QCOW2", imagePath: "images/disk.qcow2" },
  ]);
});

test("an image that is only named is the VIM's, by whichever checksum: it is none of the package's", async () => {
  const url = { image: "https://images.example/ubuntu.img", checksum: { algorithm: "MD5", hash: "0".repeat(32) } };
  const named = imagePackage(image, {
    edit: ({ vnfd: [vnfd] }) => {
      vnfd.id = "named-only";
      vnfd["sw-image-desc"] = [{ id: "appliance-image", name: "appliance", version: "1.0", ...url }];
    },
  });
  expect((await onboarded(named)).body).toMatchObject({ onboardingState: "ONBOARDED", softwareImages: [] });
});

test.for([
  [
    "a file that is not there",
    { image: "images/other.qcow2" },
    /there is no images\/other\.qcow2 in the package.*appliance-image/,
  ],
  [
    "another checksum",
    { checksum: [{ algorithm: "SHA-512", hash: "0".repeat(128) }] },
    /appliance\.qcow2 is not what the checksum/,
  ],
  [
    "an algorithm that is too weak",
    { checksum: { algorithm: "MD5", hash: "0".repeat(32) } },
    /"MD5" is no algorithm that is good enough/,
  ],
  ["a weak one that stands alone", { checksum: "0".repeat(32) }, /"MD5" is no algorithm that is good enough/],
  ["a format that there is not", { "disk-format": "floppy" }, /disk-format: "floppy" is not possible here/],
] as const)("%s is refused, with its place in the descriptor", async ([, change, why]) => {
  const edit = ({ vnfd: [vnfd] }: { vnfd: { "sw-image-desc": object[] }[] }) => Object.assign(vnfd!["sw-image-desc"][0]!, change);
  const { body } = await onboarded(imagePackage(image, { edit }));
  expect(body.onboardingState).toBe("ERROR");
  expect(body.onboardingFailureDetails.detail).toMatch(why);
  expect(body.onboardingFailureDetails.detail).toMatch(/vnfd\.yaml:\d+:\d+: nfv\.vnfd\[0\]\.sw-image-desc\[0\]/);
});

test("a version is on board once: the same file is that one, also in a store of before images were known; one that means other nets is not", async () => {
  const kept = imagePackage(image, { edit: ({ vnfd: [vnfd] }) => Object.assign(vnfd, { id: "kept" }) });
  const take = async () => {
    const headers = { "content-type": "application/zip" };
    const answer = await fetch(`${rig.url}/mano/v1/descriptors`, { method: "POST", headers, body: new Uint8Array(kept) });
    return { status: answer.status, ids: ((await answer.json()) as { id: string }[]).map((d) => d.id) };
  };
  const first = await take();
  expect(first.status).toBe(201);
  expect((await rig.onboard(imageNsd())).status).toBe(201);
  const other = await rig.onboard(imageNsd((nsd) => (nsd["virtual-link-desc"][0]["vim-network-name"] = "outside_net")));
  expect(other).toMatchObject({
    status: 409,
    body: { detail: expect.stringMatching(/appliances version 1\.0 is there with another/) },
  });

  await rig.stopMano();
  const db = new DatabaseSync(join(rig.dir, "mano.db"));
  const { body } = db.prepare("select body from descriptor where id = ?").get(first.ids[0]!) as { body: string };
  expect(body).toMatch(/"images":/);
  const before = JSON.stringify(JSON.parse(body), (key, value) => (["images", "imageId"].includes(key) ? undefined : value));
  db.prepare("update descriptor set body = ? where id = ?").run(before, first.ids[0]!);
  db.close();
  await rig.startMano();
  expect(await take()).toEqual(first);
});
