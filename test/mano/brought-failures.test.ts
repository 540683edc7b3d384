import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { imageNsd, imagePackage } from "../harness/image-package.ts";
import { Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

const NS = "/nslcm/v2/ns_instances";
const BUILD = { status: "BUILD", progress: 37 };

let rig: Rig;
let sol: SolClient;
let occurrence: string;

/** An NS that is being instantiated, whose image the VIM says is so. Of one that has its name the VIM has nothing. */
beforeEach(async () => {
  rig = await Rig.start();
  sol = new SolClient(rig);
  rig.vim.newImage = BUILD;
  rig.vim.images.set("broken", { id: "broken", name: "appliance", status: "ERROR" });
  await fetch(`${rig.url}/mano/v1/descriptors`, {
    method: "POST",
    headers: { "content-type": "application/zip" },
    body: new Uint8Array(imagePackage(randomBytes(500))),
  });
  await rig.onboard(imageNsd());
  const { id } = (await sol.ask("POST", NS, { nsdId: "appliances", nsName: "apps", nsDescription: "" })).body;
  const asked = await sol.ask("POST", `${NS}/${id}/instantiate`, { nsFlavourId: "default" });
  occurrence = new URL(asked.headers.get("location")!).pathname;
  await until("the VIM is told of the image", () => brought() !== undefined);
});
afterEach(() => rig[Symbol.asyncDispose]());

const brought = () => [...rig.vim.images.values()].find((i) => i.name.startsWith("appliance-"));
const state = async () => (await sol.ask("GET", occurrence)).body;
const isIn = (wanted: string) => until(wanted, async () => (await state()).operationState === wanted);

async function comesUp(): Promise<void> {
  await until("its servers are made", () => rig.vim.servers.size === 2);
  for (const { name } of rig.vim.servers.values()) rig.vim.up(name);
  await isIn("COMPLETED");
}

test("a download that fails is FAILED_TEMP with the VIM's reason, leaves nothing there, and is begun anew by a retry", async () => {
  await until(
    "its progress is told",
    async () => (await rig.ns()).detail === "image appliance is being brought to the VIM: 37 %",
  );
  expect(rig.vim.servers.size).toBe(0);
  const { path } = brought()!;
  Object.assign(brought()!, { status: "ERROR", last_error: "its sha256 is another" });
  await isIn("FAILED_TEMP");
  expect((await state()).error.detail).toMatch(/image appliance could not be brought to the VIM: its sha256 is another/);
  expect([brought(), [...rig.vim.flavors.keys()]]).toEqual([undefined, ["flavors-1"]]);
  expect([...rig.vim.nets.values()].filter((n) => n.name.startsWith("apps-"))).toEqual([]);

  rig.vim.newImage = { status: "ACTIVE", progress: 100 };
  expect((await sol.ask("POST", `${occurrence}/retry`)).status).toBe(202);
  await comesUp();
  expect(brought()!.path).not.toBe(path);
});

test("a MANO that ends while an image is brought goes on with that one when it starts again", async () => {
  const { id } = brought()!;
  await rig.stopMano();
  Object.assign(brought()!, { status: "ACTIVE", progress: 100 });
  await rig.startMano();
  await comesUp();
  expect(brought()!.id).toBe(id);
  expect(rig.vim.images.size).toBe(3);
});

test("an NS that is terminated while its image is brought takes it away", async () => {
  const { id } = await rig.ns();
  expect((await rig.ask("POST", `/mano/v1/ns_instances/${id}/terminate`)).status).toBeLessThan(300);
  await until("it is gone", async () => (await rig.ns()).state === "NOT_INSTANTIATED");
  expect(brought()).toBeUndefined();
});
