import { afterAll, beforeAll, expect, test } from "vitest";
import { type AccessRig, startAccessRig } from "./access-rig.ts";

/* What a tenant's token may not reach by way of a server: files of the host, images and nets of others, devices written as XML. */
let rig: AccessRig;
let token: string;

beforeAll(async () => {
  rig = await startAccessRig();
  token = await rig.mint("operator", rig.things.alpha.tenant);
});
afterAll(async () => {
  await rig?.[Symbol.asyncDispose]();
});

async function ask(method: "POST" | "PUT", path: string, payload: object) {
  const headers = { authorization: `Bearer ${token}` };
  const reply = await rig.ordinary.inject({ method, url: `/openvim/${rig.things.alpha.tenant}${path}`, headers, payload });
  return [reply.statusCode, JSON.parse(reply.body).error?.description] as const;
}
const server = (more: object) => {
  const { flavor, image } = rig.things.alpha;
  return ask("POST", "/servers", { server: { name: "x", flavorRef: flavor, imageRef: image, networks: [], ...more } });
};

test("an image of another tenant is not there, as a disk neither", async () => {
  const { image } = rig.things.bravo;
  expect(await server({ imageRef: image })).toEqual([404, `image_id ${image} not found or not ACTIVE`]);
  const disk = { type: "disk", imageRef: image };
  expect(await server({ extended: { devices: [disk] } })).toEqual([404, `image_id ${image} not found or not ACTIVE`]);
});

test("a net of another tenant is not there, for a function of a card neither", async () => {
  const { net } = rig.things.bravo;
  const interfaces = [{ name: "xe0", dedicated: "no", bandwidth: "1 Gbps", uuid: net }];
  expect(await server({ extended: { numas: [{ interfaces }] } })).toEqual([404, `network '${net}' not found`]);
});

test("a device as XML is an administrator's", async () => {
  const extended = { devices: [{ type: "xml", xml: "<disk type='block'/>" }] };
  const [status] = await server({ extended });
  expect(status).toBe(403); // It is known, so no client should ask again on the administrator's port.
  const [flavor] = await ask("POST", "/flavors", { flavor: { name: "x", extended } });
  expect(flavor).toBe(403);
});

test("no file of the host by a path: of an image, its kernel, its initial RAM disk, or a copy's", async () => {
  const image = (more: object) => ask("POST", "/images", { image: { name: "x", path: "https://127.0.0.1/x", ...more } });
  for (const [what, reply] of [
    ["path", await image({ path: "/etc/passwd" })],
    ["kernel", await image({ metadata: { kernel: "/etc/passwd" } })],
    ["initrd", await image({ metadata: { initrd: "/etc/passwd" } })],
    ["copy", await ask("POST", `/servers/${rig.things.alpha.server}/action`, { createImage: { name: "x", path: "/srv/x" } })],
  ] as const)
    expect([what, ...reply]).toEqual([what, 403, expect.stringContaining("only an administrator may set that")]);
});

test("a copy of its own server's disk is its own; of another's there is none", async () => {
  const [own] = await ask("POST", `/servers/${rig.things.alpha.server}/action`, { createImage: { name: "mine" } });
  expect(own).toBe(200);
  const made = [...rig.vim.picture.images.values()].find((i) => i.name === "mine")!;
  expect(made.tenants).toEqual([rig.things.alpha.tenant]);
  const { server: other } = rig.things.bravo;
  expect(await ask("POST", `/servers/${other}/action`, { createImage: { name: "theirs" } })).toEqual([
    404,
    `server ${other} not found`,
  ]);
});
