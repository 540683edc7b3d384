import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ImageFiles } from "../../src/hosts/image-files.ts";
import type { ImageId } from "../../src/model/ids.ts";
import { imageNsd, imagePackage, sha256 } from "../harness/image-package.ts";
import { askAt, type OpenmanoRig, openmanoRig } from "../openmano/rig.ts";
import { until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

/*
 * What an NS needs and its VIM has not is brought there with it: over a VIM that needs neither hosts nor switches, one story in order. The file itself is
 * fetched as the VIM fetches it.
 */
const NS = "/nslcm/v2/ns_instances";
const LIST = "/vnfpkgm/v2/vnf_packages";

let rig: OpenmanoRig;
let sol: SolClient;
let dir: string;
let disk: Buffer;
let tenant: string;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "sempre-images-"));
  execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", join(dir, "disk.qcow2"), "4M"]);
  disk = readFileSync(join(dir, "disk.qcow2"));
  rig = await openmanoRig({ packages: { dir: join(dir, "packages") } });
  sol = new SolClient({ url: rig.manoUrl });
  tenant =
    (await rig.atVim("GET", "/tenants")).body.tenants[0]?.id ?? (await made("/tenants", { tenant: { name: "t" } })).tenant.id;
  await askAt(`${rig.manoUrl}/mano/v1/vims`, "POST", { name: "vim1", url: rig.vimUrl, adminUrl: rig.vimAdminUrl, tenant });
  const at = `${LIST}/${(await sol.ask("POST", LIST, {})).body.id}`;
  await sol.ask("PUT", `${at}/package_content`, imagePackage(disk), { "content-type": "application/zip" });
  await until("the package is on board", async () => (await sol.ask("GET", at)).body.onboardingState === "ONBOARDED");
  const nsd = await askAt(`${rig.manoUrl}/mano/v1/descriptors`, "POST", imageNsd());
  expect(nsd.status).toBe(201);
});
afterAll(async () => {
  await rig?.[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});

const made = async (path: string, body: object) => (await rig.atVim("POST", path, body)).body;
const rows = async (path: string, key: string) => (await rig.atVim("GET", path)).body[key] as { id: string; name: string }[];
const images = () => rows(`/${tenant}/images`, "images");
const flavors = () => rows(`/${tenant}/flavors`, "flavors");
const nets = async () => (await rows("/networks", "networks")).map((n) => n.name).sort();

async function instantiated(nsName: string): Promise<string> {
  const { id } = (await sol.ask("POST", NS, { nsdId: "appliances", nsName, nsDescription: "" })).body;
  const asked = await sol.ask("POST", `${NS}/${id}/instantiate`, { nsFlavourId: "default" });
  await settled(asked.headers.get("location")!);
  return id;
}

async function settled(location: string): Promise<void> {
  const { body } = await until("it is done", async () => {
    const answer = await sol.ask("GET", new URL(location).pathname);
    return answer.body.operationState === "PROCESSING" ? null : answer;
  });
  expect(body.error).toBeUndefined();
  expect(body.operationState).toBe("COMPLETED");
}

async function terminated(id: string): Promise<void> {
  await settled((await sol.ask("POST", `${NS}/${id}/terminate`, {})).headers.get("location")!);
}

test("image, flavor and nets come with an NS, are shared with a second one as far as they can be, and go with the last", async () => {
  const one = await instantiated("one");
  const [image] = await images();
  expect(await images()).toHaveLength(1);
  expect(image!.name).toBe(`appliance-${sha256(disk).slice(0, 8)}`);
  const { id } = image!;
  const { path, metadata } = (await rig.atVim("GET", `/${tenant}/images/${id}`)).body.image;
  expect(metadata).toMatchObject({ sha256: sha256(disk) });
  const [flavor] = await flavors();
  expect((await rig.atVim("GET", `/${tenant}/flavors/${flavor!.id}`)).body.flavor).toMatchObject({ ram: 256, vcpus: 1, disk: 1 });
  expect(await nets()).toEqual(["one-inside", "one-outside_net"]);

  const files = new ImageFiles({ dir: join(dir, "vim"), folders: [], bytesMax: 2 ** 30 });
  const whole = await files.fetch(crypto.randomUUID() as ImageId, path, { sha256: sha256(disk) }, {});
  expect(whole).toMatchObject({ format: "qcow2", sha256: sha256(disk) });
  expect(readFileSync(whole.file)).toEqual(disk);
  const forged = await askAt(`${path.slice(0, -4)}AAAA`, "GET");
  expect(forged).toMatchObject({ status: 403, body: { detail: expect.stringMatching(/good no more, or never was/) } });

  const two = await instantiated("two");
  expect((await images()).map((i) => i.id)).toEqual([id]);
  expect(await flavors()).toHaveLength(1);
  expect(await nets()).toEqual(["one-inside", "one-outside_net", "two-inside", "two-outside_net"]);
  await terminated(one);
  expect((await images()).map((i) => i.id)).toEqual([id]);
  expect(await nets()).toEqual(["two-inside", "two-outside_net"]);
  await terminated(two);
  expect([await images(), await flavors(), await nets()]).toEqual([[], [], []]);
});

test("what the VIM has by its name is taken, and stays when the NS goes; an image of that name with another content is not", async () => {
  await made("/networks", { network: { name: "outside_net", type: "data" } });
  await made(`/${tenant}/flavors`, { flavor: { name: "appliance-small", ram: 512, vcpus: 2, disk: 2 } });
  const path = "/images/appliance.qcow2";
  const other = (await made(`/${tenant}/images`, { image: { name: "appliance", path } })).image.id; // Its checksum is that of another file.
  const id = await instantiated("three");
  expect(await nets()).toEqual(["outside_net", "three-inside"]);
  expect((await flavors()).map((f) => f.name)).toEqual(["appliance-small"]);
  expect((await images()).map((i) => i.name).sort()).toEqual(["appliance", `appliance-${sha256(disk).slice(0, 8)}`]);
  await terminated(id);
  expect([(await images()).map((i) => i.id), (await flavors()).length, await nets()]).toEqual([[other], 1, ["outside_net"]]);

  await rig.atVim("DELETE", `/${tenant}/images/${other}`);
  const md5 = execFileSync("md5sum", [join(dir, "disk.qcow2")])
    .toString()
    .slice(0, 32);
  await made(`/${tenant}/images`, { image: { name: "appliance", path, checksum: md5 } });
  const four = await instantiated("four");
  expect((await images()).map((i) => i.name)).toEqual(["appliance"]);
  await terminated(four);
  expect((await images()).map((i) => i.name)).toEqual(["appliance"]);
});

test("where the VIM has every net already, servers are not made of that other image either, though they are asked for at once", async () => {
  for (const { id } of await images()) await rig.atVim("DELETE", `/${tenant}/images/${id}`);
  await made("/networks", { network: { name: "inside", type: "data" } });
  await made(`/${tenant}/images`, { image: { name: "appliance", path: "/images/appliance.qcow2" } });
  await terminated(await instantiated("five")); // By then the MANO has seen that net, and the VIM has that other image alone.
  expect((await images()).map((i) => i.name)).toEqual(["appliance"]);
  const id = await instantiated("six");
  expect(await nets()).toEqual(["inside", "outside_net"]);
  const brought = (await images()).find((i) => i.name !== "appliance")!.id;
  const servers = await rows(`/${tenant}/servers`, "servers");
  const of = await Promise.all(
    servers.map(async (s) => (await rig.atVim("GET", `/${tenant}/servers/${s.id}`)).body.server.image.id),
  );
  expect(of).toEqual([brought, brought]);
  await terminated(id);
});

test("an NS is scaled over it by its levels: the machines of its VNFs come and go, and the flavor with the last of them", async () => {
  const nsd = await askAt(`${rig.manoUrl}/mano/v1/descriptors`, "POST", imageNsd(scaledByLevels));
  expect(nsd.status).toBe(201);
  const { id } = (await sol.ask("POST", NS, { nsdId: "appliances-scaled", nsName: "scaled", nsDescription: "" })).body;
  const asked = { nsFlavourId: "default", nsInstantiationLevelId: "two" };
  await settled((await sol.ask("POST", `${NS}/${id}/instantiate`, asked)).headers.get("location")!);
  const servers = async () => (await rows(`/${tenant}/servers`, "servers")).map((s) => s.name).sort();
  const named = (...vnfcs: string[]) => vnfcs.map((v) => `scaled-${v}`);
  expect(await servers()).toEqual(named("2-app-1", "2-app-2", "app-1", "app-2"));

  const step = async (scalingDirection: string, numberOfSteps = 1) => {
    const scaleNsData = { scaleNsByStepsData: { scalingDirection, aspectId: "size", numberOfSteps } };
    const reply = await sol.ask("POST", `${NS}/${id}/scale`, { scaleType: "SCALE_NS", scaleNsData });
    await settled(reply.headers.get("location")!);
  };
  await step("SCALE_OUT");
  expect(await servers()).toEqual(named("2-app-1", "2-app-2", "3-app-1", "3-app-2", "app-1", "app-2"));
  await step("SCALE_IN", 2);
  expect(await servers()).toEqual(named("app-1", "app-2"));
  const { body } = await sol.ask("GET", `${NS}/${id}`);
  expect(body.nsScaleStatus).toEqual([{ nsScalingAspectId: "size", nsScaleLevelId: "one" }]);
  expect(body.vnfInstance).toHaveLength(1);
  await terminated(id);
  expect(await servers()).toEqual([]);
});

/** One to three VNFs. */
// biome-ignore lint/suspicious/noExplicitAny: a descriptor that is being changed has, on purpose, no type.
function scaledByLevels(nsd: any): void {
  Object.assign(nsd, { id: "appliances-scaled" });
  const [df] = nsd.df;
  Object.assign(df["vnf-profile"][0], { "min-number-of-instances": 1, "max-number-of-instances": 3 });
  df["ns-instantiation-level"] = ["one", "two", "three"].map((level, i) => ({
    id: level,
    "vnf-to-level-mapping": [{ "vnf-profile-id": "appliance", "number-of-instances": i + 1 }],
  }));
  df["scaling-aspect"] = [{ id: "size", "scaling-level": ["one", "two", "three"] }];
}
