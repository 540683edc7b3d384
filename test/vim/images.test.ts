import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { ensureStorageGuest, STORAGE_GUEST_CMDLINE, WRITTEN } from "../harness/storage-guest.ts";
import { type Ask, client, type Daemon, type Rig, type Subscriber, startDaemon, startRig, subscribe, until } from "./rig.ts";

/*
 * Images and the disks made of them, on a real libvirtd, with a guest that says what it sees. One story, in order.
 */
const MARK = "sixteen letters.";
const MIB = 2 ** 20;
const SECTOR_BYTES = 512;

let rig: Rig;
let daemon: Daemon;
let ask: Ask;
let admin: Ask;
let heard: Subscriber;
let tenant: string;
let man: string;
let http: Server;
let base: string;
let disk: Buffer;
let flavor: string;
let metadata: Record<string, string>;
/** How fast the server answers, bytes in a piece and ms between two. */
let pace = { bytes: MIB, everyMs: 0 };
let asked = 0;

async function start(openflowPort: number): Promise<void> {
  daemon = await startDaemon(rig.config(openflowPort));
  ask = client(daemon.port);
  admin = client(daemon.adminPort);
  heard = await subscribe(daemon.port);
}

beforeAll(async () => {
  const guest = await ensureStorageGuest();
  rig = await startRig();
  const raw = join(rig.dir, "base.raw");
  writeFileSync(raw, Buffer.concat([Buffer.from(MARK), Buffer.alloc(8 * MIB - MARK.length, 7)]));
  execFileSync("dd", ["if=/dev/zero", `of=${raw}`, "bs=512", "seek=8", "count=8", "conv=notrunc"], { stdio: "ignore" });
  execFileSync("qemu-img", ["convert", "-O", "qcow2", raw, join(rig.dir, "base.qcow2")]);
  disk = readFileSync(join(rig.dir, "base.qcow2"));
  http = createServer(async ({ url }, reply) => {
    if (url !== "/base.qcow2") return void reply.writeHead(404, "Not Found").end();
    asked++;
    reply.setHeader("content-length", disk.length);
    for (let at = 0; at < disk.length && !reply.destroyed; at += pace.bytes) {
      reply.write(disk.subarray(at, at + pace.bytes));
      if (pace.everyMs > 0) await sleep(pace.everyMs);
    }
    reply.end();
  }).listen(0, "127.0.0.1");
  await once(http, "listening");
  base = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  await start(0);
  tenant = (await ask("GET", "/tenants?name=default")).body.tenants[0].id;
  man = (await ask("POST", "/networks", { network: { name: "man" } })).body.network.id;
  metadata = { kernel: guest.kernel, initrd: guest.initrd, cmdline: STORAGE_GUEST_CMDLINE };
  flavor = (await ask("POST", `/${tenant}/flavors`, { flavor: { name: "f", ram: 80, vcpus: 1, disk: 1 } })).body.flavor.id;
});
afterAll(async () => {
  await daemon?.kill("SIGKILL");
  http?.closeAllConnections();
  http?.close();
  await rig?.[Symbol.asyncDispose]();
});

const imagesDir = () => join(rig.dir, "images");
const newImage = async (image: object) => (await ask("POST", `/${tenant}/images`, { image })).body;
// biome-ignore lint/suspicious/noExplicitAny: as `Answer.body`
const imageOf = async (id: string): Promise<any> => (await ask("GET", `/${tenant}/images/${id}`)).body.image;
const imageIs = (id: string, status: string) =>
  until(`image ${status}`, async () => {
    const found = await imageOf(id);
    if (found.status === "ERROR" && status !== "ERROR")
      throw new Error(found.last_error ?? found.error_msg ?? JSON.stringify(found));
    return found.status === status && found;
  });
// biome-ignore lint/suspicious/noExplicitAny: as `Answer.body`
const see = async (id: string): Promise<any> => (await ask("GET", `/${tenant}/servers/${id}`)).body.server;
const act = (id: string, action: object) => ask("POST", `/${tenant}/servers/${id}/action`, action);
const serverIs = (id: string, wanted: string) =>
  until(`status ${wanted}`, async () => {
    const { status, last_error } = await see(id);
    if (status === "ERROR" && wanted !== "ERROR") throw new Error(last_error);
    return status === wanted;
  });
const consoleOf = (id: string) => readFileSync(join(rig.hosts[0]!.dir, `${id}.console.log`), "utf8").replaceAll("\r", "");
/** What the guest said of itself, from its start on. */
async function saidBy(id: string): Promise<string[]> {
  await serverIs(id, "ACTIVE");
  const all = await until("the guest has booted", () => consoleOf(id).includes("guest: ready") && consoleOf(id));
  return [...all.matchAll(/guest: (.*)/g)].map((m) => m[1]!);
}
const infoOf = (file: string) =>
  JSON.parse(execFileSync("qemu-img", ["info", "-U", "--output=json", file], { encoding: "utf8" }));
const rootOf = (id: string) => join(rig.dir, "disks", id, "root.qcow2");

let image: string;
let server: string;

test("a download is under way: no server is made from it; kill -9 in the middle, and the next daemon makes it whole", async () => {
  pace = { bytes: 8_192, everyMs: 20 };
  const made = (await newImage({ name: "base", path: `${base}/base.qcow2`, metadata })).image;
  image = made.id;
  expect(made).toMatchObject({ status: "BUILD", progress: 0, checksum: null, path: `${base}/base.qcow2` });
  await until("some of it is there", async () => (await imageOf(image)).progress > 5);
  const early = await ask("POST", `/${tenant}/servers`, { server: { name: "early", flavorRef: flavor, imageRef: image } });
  expect([early.status, early.body.error?.description]).toEqual([404, `image_id ${image} not found or not ACTIVE`]);
  const half = readdirSync(imagesDir());
  expect(half).toEqual([expect.stringMatching(/\.part$/)]);

  const port = daemon.openflowPort;
  await daemon.kill("SIGKILL");
  pace = { bytes: MIB, everyMs: 0 };
  const before = asked;
  await start(port);
  const whole = await imageIs(image, "ACTIVE");
  expect(asked).toBe(before + 1);
  expect(whole).toMatchObject({
    progress: 100,
    checksum: createHash("md5").update(disk).digest("hex"),
    metadata: { ...metadata, sha256: createHash("sha256").update(disk).digest("hex") },
    disk_format: "qcow2",
    virtual_size: 8 * MIB,
  });
  const [file, ...others] = readdirSync(imagesDir());
  expect([others, half.includes(file!)]).toEqual([[], false]);
  expect(readFileSync(join(imagesDir(), file!)).equals(disk)).toBe(true);
  await until("it is told", () =>
    heard.events.some((e) => e.type === "image.status" && e.imageId === image && e.status === "ACTIVE"),
  );
});

test("a download that fails says why, and nothing of it is left", async () => {
  const { id } = (await newImage({ name: "gone", path: `${base}/nowhere` })).image;
  expect(await imageIs(id, "ERROR")).toMatchObject({ last_error: "it cannot be downloaded: the server answers 404 Not Found" });
  const wrong = (await newImage({ name: "wrong", path: `${base}/base.qcow2?2`, checksum: "0".repeat(32) })).image;
  expect((await imageIs(wrong.id, "ERROR")).last_error).toMatch(/cannot be downloaded|its md5 is/);
  expect(readdirSync(imagesDir())).toHaveLength(1);
});

for (const [what, path, says] of [
  ["a relative path", "base.qcow2", /want an absolute path of a file on the host, or an http\(s\) URL/],
  ["another kind of URL", "ftp://127.0.0.1/x", /want an absolute path/],
  ["a URL with a password", "http://u:secret@127.0.0.1/x", /^Image path: want a URL without user and password/],
  ["a file that is not there", "/no/such/file", /^Image file not found: \/no\/such\/file/],
] as const) {
  test(`${what} is refused at once`, async () => {
    const { error } = await newImage({ name: "x", path });
    expect(error).toMatchObject({ code: 400, description: expect.stringMatching(says) });
    expect(JSON.stringify(error)).not.toContain("secret");
  });
}

test("a guest sees its disk, of the flavor's size, over the image, and what cloud-init is to read", async () => {
  const cloud_config = {
    "key-pairs": ["ssh-ed25519 AAAA one"],
    users: [{ name: "op", "user-info": "An operator", "key-pairs": ["ssh-ed25519 AAAA two"] }],
    "config-files": [{ dest: "/etc/motd", content: "hello\n", permissions: "0644" }],
  };
  const body = { name: "vm 1", flavorRef: flavor, imageRef: image, networks: [{ uuid: man, name: "eth0" }] };
  const reply = await ask("POST", `/${tenant}/servers`, { server: { ...body, cloud_config, userdata: "#!/bin/sh\necho hi\n" } });
  expect(reply.status, JSON.stringify(reply.body)).toBe(200);
  expect(reply.body.server.config_drive).toBe(true);
  expect(JSON.stringify(reply.body)).not.toContain("AAAA");
  server = reply.body.server.id;
  const said = await saidBy(server);
  expect(said).toContain(`disk vda ${(1024 * MIB) / SECTOR_BYTES} read-only=0`);
  expect(said).toContainEqual(expect.stringMatching(/^disk vdb \d+ read-only=1$/));
  expect(said).toContain(`first ${MARK}`);
  expect(said).toContain("found ");
  const seed = Object.fromEntries(
    said.flatMap((line) => {
      const [word, name, text] = line.split(" ");
      return word === "seed" ? [[name!, Buffer.from(text!, "base64").toString()]] : [];
    }),
  );
  expect(Object.keys(seed).sort()).toEqual(["meta-data", "network-config", "user-data"]);
  expect(parseYaml(seed["meta-data"]!)).toEqual({ "instance-id": server, "local-hostname": "vm-1" });
  const [{ mac_address }] = (await see(server)).networks;
  expect(parseYaml(seed["network-config"]!)).toEqual({
    version: 2,
    ethernets: { nic0: { match: { macaddress: mac_address }, dhcp4: true } },
  });
  const parts = seed["user-data"]!.split("--==sempre-user-data==")
    .slice(1, -1)
    .map((part) => {
      const [head, ...text] = part.split("\n\n");
      return [/Content-Type: (\S+);/.exec(head!)![1], Buffer.from(text.join(""), "base64").toString()] as const;
    });
  expect(parts.map(([type]) => type)).toEqual(["text/cloud-config", "text/x-shellscript"]);
  expect(parseYaml(parts[0]![1])).toEqual({
    ssh_authorized_keys: ["ssh-ed25519 AAAA one"],
    users: [
      "default",
      {
        name: "op",
        gecos: "An operator",
        ssh_authorized_keys: ["ssh-ed25519 AAAA two"],
        sudo: "ALL=(ALL) NOPASSWD:ALL",
        shell: "/bin/bash",
      },
    ],
    write_files: [{ path: "/etc/motd", content: "hello\n", permissions: "0644" }],
  });
  expect(parts[1]![1]).toBe("#!/bin/sh\necho hi\n");
});

test("its disk is a layer of its own: the image stays as it was", async () => {
  const [file] = readdirSync(imagesDir());
  expect(infoOf(rootOf(server))).toMatchObject({
    format: "qcow2",
    "backing-filename": join(imagesDir(), file!),
    "virtual-size": 1024 * MIB,
  });
  expect(readFileSync(join(imagesDir(), file!)).equals(disk)).toBe(true);
  const inUse = await ask("DELETE", `/${tenant}/images/${image}`);
  expect([inUse.status, inUse.body.error?.description]).toEqual([
    400,
    "Resource is not free. There are servers that prevent its deletion.",
  ]);
  const moved = await ask("PUT", `/${tenant}/images/${image}`, { image: { path: "/etc/passwd" } });
  expect(moved.body.error?.description).toBe("Resource is not free. There are servers that prevent its deletion.");
});

/** So many bytes at an offset of what a guest would see. */
function contentAt(file: string, at: number, length: number): string {
  const [flat, bytes] = [join(rig.dir, "flat"), Buffer.alloc(length)];
  execFileSync("qemu-img", ["convert", "-U", "-O", "raw", file, flat]); // With holes: it takes no room.
  const opened = openSync(flat, "r");
  readSync(opened, bytes, 0, length, at);
  closeSync(opened);
  return bytes.toString();
}
const copied = async (more: object = {}) => (await act(server, { createImage: { name: "snap", ...more } })).body;
/** It stands alone, and has what the guest wrote. */
async function isWhole(id: string): Promise<void> {
  const whole = await imageIs(id, "ACTIVE");
  expect(whole).toMatchObject({ progress: 100, disk_format: "qcow2", virtual_size: 1024 * MIB });
  expect(infoOf(whole.path)).not.toHaveProperty("backing-filename");
  expect(contentAt(whole.path, 0, MARK.length)).toBe(MARK);
  expect(contentAt(whole.path, WRITTEN.at, WRITTEN.text.length)).toBe(WRITTEN.text);
}

test("a copy of its disk while it runs: as OpenVIM answers, whole, and the server runs on", async () => {
  const made = (await copied({ description: "d" })).image;
  expect(made).toMatchObject({
    name: "snap",
    status: "BUILD",
    progress: 0,
    checksum: null,
    path: `/provisional/path/${made.id}`,
  });
  await isWhole(made.id);
  expect((await see(server)).status).toBe("ACTIVE");
  await ask("DELETE", `/${tenant}/images/${made.id}`);
  expect(readdirSync(imagesDir())).toHaveLength(1);
});

test("kill -9 in the middle of a copy leaves nothing half: the next daemon makes it whole", async () => {
  const { id } = (await copied()).image;
  const port = daemon.openflowPort;
  await daemon.kill("SIGKILL");
  await start(port);
  await isWhole(id);
  expect(readdirSync(imagesDir()).filter((name) => name.endsWith(".part"))).toEqual([]);
  await ask("DELETE", `/${tenant}/images/${id}`);
});

test("of a server that is off; one that starts meanwhile does not wait, and the copy is made all the same", async () => {
  await act(server, { forceOff: null });
  await serverIs(server, "INACTIVE");
  const off = (await copied()).image;
  await isWhole(off.id);
  const meanwhile = (await copied()).image;
  await act(server, { start: null });
  await serverIs(server, "ACTIVE");
  await isWhole(meanwhile.id);
  for (const { id } of [off, meanwhile]) await ask("DELETE", `/${tenant}/images/${id}`);
});

test("a disk that is not there, and a path that is not for images, are refused", async () => {
  expect((await copied({ disk: "vdz" })).error).toMatchObject({ code: 404, description: "disk vdz not found for server" });
  expect((await copied({ path: "/etc/cron.d/x" })).error).toMatchObject({
    code: 400,
    description: "/etc/cron.d is no folder for images: name it in vim.images.folders, or leave the path out",
  });
  expect(existsSync("/etc/cron.d/x")).toBe(false);
});

test("made anew from a copy of its disk it has what it wrote; made anew from its image it has not", async () => {
  const id = crypto.randomUUID();
  const { image: copy } = await copied({ id });
  expect(copy).toMatchObject({ id, metadata: { ...metadata, use_incremental: "no" } });
  await isWhole(id);
  const anew = async (imageRef: string) => {
    heard.events.length = 0;
    const reply = await act(server, { rebuild: { imageRef } });
    if (reply.status !== 200) return reply.body.error.description;
    await until("its old life has ended", () => heard.events.some((e) => e.type === "server.status" && e.status === "INACTIVE"));
    expect((await see(server)).image.id).toBe(imageRef);
    return (await saidBy(server)).find((line) => line.startsWith("found "));
  };
  expect(await anew(image)).toBe("found ");
  expect(await anew(id)).toBe(`found ${WRITTEN.text}`);
  expect((await ask("DELETE", `/${tenant}/images/${id}`)).status).toBe(400); // It is in use.
  const gone = "00000000-0000-4000-8000-000000000000";
  expect(await anew(gone)).toBe(`image_id ${gone} not found or not ACTIVE`);
  expect(await anew(image)).toBe("found ");
  expect((await ask("DELETE", `/${tenant}/images/${id}`)).status).toBe(200);
});

test("what it wrote is there after a restart, and gone after a rebuild", async () => {
  await act(server, { forceOff: null });
  await serverIs(server, "INACTIVE");
  await act(server, { start: null });
  expect(await saidBy(server)).toContain(`found ${WRITTEN.text}`);
  heard.events.length = 0;
  await act(server, { rebuild: null });
  await until("its old life has ended", () => heard.events.some((e) => e.type === "server.status" && e.status === "INACTIVE"));
  expect(await saidBy(server)).toContain("found ");
});

test("a disk that was lost is not made anew behind its owner's back", async () => {
  await act(server, { forceOff: null });
  await serverIs(server, "INACTIVE");
  rmSync(rootOf(server));
  await act(server, { start: null });
  await serverIs(server, "ERROR");
  expect((await see(server)).last_error).toContain(`${rootOf(server)} is not there any more: rebuild the server`);
  await act(server, { start: "rebuild" });
  await until("the rebuild has begun", async () => (await see(server)).status !== "ERROR");
  await saidBy(server);
});

test("with the server its disks go; then the image can, and its file", async () => {
  await ask("DELETE", `/${tenant}/servers/${server}?force=true`);
  await until("its folder is gone", () => !existsSync(join(rig.dir, "disks", server)));
  expect((await ask("DELETE", `/${tenant}/images/${image}`)).status).toBe(200);
  expect(readdirSync(imagesDir())).toEqual([]);
});

test("without layers the disk stands alone; more disks and a CD-ROM are as the flavor says", async () => {
  const own = (await newImage({ name: "own", path: join(rig.dir, "base.raw"), metadata: { use_incremental: "no" } })).image;
  expect(own).toMatchObject({ status: "ACTIVE", progress: 100, disk_format: "raw" });
  const devices = [
    { type: "disk", size: 2 },
    { type: "cdrom", imageRef: own.id },
    { type: "usb", imageRef: own.id, size: 1 },
  ];
  const { id: flavorRef } = (
    await ask("POST", `/${tenant}/flavors`, { flavor: { name: "d", ram: 16, vcpus: 1, extended: { devices } } })
  ).body.flavor;
  const { id } = (await ask("POST", `/${tenant}/servers`, { server: { name: "vm2", flavorRef, imageRef: own.id } })).body.server;
  await serverIs(id, "ACTIVE");
  expect(infoOf(rootOf(id))).toMatchObject({ format: "qcow2", "virtual-size": 8 * MIB });
  expect(infoOf(rootOf(id))).not.toHaveProperty("backing-filename");
  const sizes = ["disk1", "disk3"].map((name) => infoOf(join(rig.dir, "disks", id, `${name}.qcow2`))["virtual-size"] / MIB);
  expect(sizes).toEqual([2_048, 1_024]);
  expect((await see(id)).extended.devices).toEqual(devices);
  await ask("DELETE", `/${tenant}/servers/${id}?force=true`);
});

test("devices: a wrong one is refused, and XML is an administrator's", async () => {
  const own = (await ask("GET", `/${tenant}/images?name=own`)).body.images[0].id;
  const make = (door: Ask, device: object) =>
    door("POST", `/${tenant}/servers`, {
      server: { name: "x", flavorRef: flavor, imageRef: own, extended: { devices: [device] } },
    });
  for (const [device, status, says] of [
    [{ type: "disk" }, 400, "a device of type disk: want its imageRef, its size in GB, or both"],
    [{ type: "cdrom" }, 400, "a device of type cdrom: want its imageRef"],
    [
      { type: "disk", imageRef: "00000000-0000-4000-8000-000000000000" },
      404,
      "image_id 00000000-0000-4000-8000-000000000000 not found or not ACTIVE",
    ],
    [{ type: "xml", xml: "<rng model='virtio'/>" }, 401, "Needed admin privileges for a device of type xml"],
  ] as const) {
    const reply = await make(ask, device);
    expect([reply.status, reply.body.error?.description]).toEqual([status, says]);
  }
  const xml = "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>";
  const { server: made } = (await make(admin, { type: "xml", xml })).body;
  await serverIs(made.id, "ACTIVE");
  await ask("DELETE", `/${tenant}/servers/${made.id}?force=true`);
});

test("an image that is deleted while it is under way leaves nothing", async () => {
  pace = { bytes: 8_192, everyMs: 20 };
  const { id } = (await newImage({ name: "half", path: `${base}/base.qcow2` })).image;
  await until("some of it is there", async () => (await imageOf(id)).progress > 5);
  expect((await ask("DELETE", `/${tenant}/images/${id}`)).status).toBe(200);
  expect(readdirSync(imagesDir())).toEqual([]);
});
