import { execFileSync } from "node:child_process";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ImageId } from "../model/ids.ts";
import { runBehind } from "./background.ts";
import { ImageFiles } from "./image-files.ts";

/* Downloads from a real HTTP server, and files that a real qemu-img looks at. */
const dir = mkdtempSync(join(tmpdir(), "sempre-images-"));
const images = join(dir, "images");
const MIB = 2 ** 20;
const files = new ImageFiles({ dir: images, folders: [join(dir, "allowed")], bytesMax: 4 * MIB, againAfterMs: [1, 1] });
const img = (...args: string[]) => execFileSync("qemu-img", args, { cwd: dir });
const id = () => randomUUID() as string as ImageId;
const left = () => readdirSync(images);

const RAW = randomBytes(2 * MIB);
const sums = { md5: createHash("md5").update(RAW).digest("hex"), sha256: createHash("sha256").update(RAW).digest("hex") };
let http: Server;
let base: string;
/** Requests for a file that breaks off at first, and the header `range` of each. */
const ranges: (string | undefined)[] = [];

/** Half of it, then the end of the connection; the next time the rest, where the file is still the one that the client knows. */
function breaking(
  reply: ServerResponse,
  { range, "if-range": known }: IncomingHttpHeaders,
  etag: (n: number) => string | null,
): void {
  const isFirst = ranges.push(range) === 1;
  const tag = etag(ranges.length);
  if (tag !== null) reply.setHeader("etag", tag);
  const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
  const isRest = from > 0 && known === tag;
  const body = isRest ? RAW.subarray(from) : RAW;
  if (isRest) reply.writeHead(206, { "content-range": `bytes ${from}-${RAW.length - 1}/${RAW.length}` });
  if (!isFirst) return void reply.end(body);
  reply.setHeader("content-length", body.length).write(body.subarray(0, MIB), () => reply.destroy());
}

/** What the server answers, by path. */
const ANSWERS: Record<string, (reply: ServerResponse, asked: IncomingHttpHeaders) => void> = {
  "/raw": (r) => void r.setHeader("content-length", RAW.length).end(RAW),
  "/qcow2": (r) => void r.end(readFileSync(join(dir, "own.qcow2"))),
  "/unsized": (r) => {
    for (let i = 0; i < 6; i++) r.write(Buffer.alloc(MIB));
    r.end();
  },
  "/huge": (r) => void r.setHeader("content-length", 5 * MIB).write("x"),
  "/short": (r) => {
    r.setHeader("content-length", RAW.length).write(RAW.subarray(0, MIB), () => r.destroy());
  },
  "/breaks": (r, asked) => breaking(r, asked, () => '"one"'),
  "/breaks-unnamed": (r, asked) => breaking(r, asked, () => null),
  "/breaks-and-changes": (r, asked) => breaking(r, asked, (n) => `"${n}"`),
  "/never": (r) => void r.setHeader("content-length", RAW.length).write(RAW.subarray(0, MIB)),
  "/page": (r) => void r.setHeader("content-type", "text/html; charset=utf-8").end("<html>log in</html>"),
  "/to-raw": (r) => void r.writeHead(302, { location: "/raw" }).end(),
  "/loop": (r) => void r.writeHead(302, { location: "/loop" }).end(),
  "/to-file": (r) => void r.writeHead(302, { location: "file:///etc/passwd" }).end(),
  "/spy": (r) => void r.end(readFileSync(join(dir, "spy.qcow2"))),
};

beforeAll(async () => {
  http = createServer(({ url, headers }, reply) => {
    const answer = ANSWERS[url!];
    if (answer) answer(reply, headers);
    else reply.writeHead(404, "Not Found").end();
  }).listen(0, "127.0.0.1");
  await once(http, "listening");
  base = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  mkdirSync(join(dir, "allowed"));
  writeFileSync(join(dir, "secret"), "root alone may read this", { mode: 0o600 });
  img("create", "-q", "-f", "qcow2", "own.qcow2", "64M");
  img("create", "-q", "-f", "qcow2", "-b", join(dir, "secret"), "-F", "raw", "spy.qcow2");
});
afterAll(() => {
  http.closeAllConnections();
  http.close();
  rmSync(dir, { recursive: true });
});

describe("downloads", () => {
  const fetched = (path: string, wanted = {}, more = {}) => files.fetch(id(), `${base}${path}`, wanted, more);

  test("a raw file: whole, with its checksums and its progress", async () => {
    const progress: number[] = [];
    const whole = await fetched("/raw", { ...sums }, { onProgress: (p: number) => progress.push(p) });
    expect(whole).toMatchObject({ format: "raw", virtualBytes: RAW.length, ...sums });
    expect(readFileSync(whole.file).equals(RAW)).toBe(true);
    expect(left()).toEqual([whole.file.split("/").at(-1)]);
    expect(progress.at(-1)).toBe(99);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    await files.remove(whole.file);
    expect(left()).toEqual([]);
  });

  test("qcow2 is found to be that; a redirect is followed", async () => {
    expect(await fetched("/qcow2")).toMatchObject({ format: "qcow2", virtualBytes: 64 * MIB });
    expect(await fetched("/to-raw")).toMatchObject({ md5: sums.md5 });
    await files.sweep(new Set());
  });

  for (const [what, path, wanted, says] of [
    ["another md5", "/raw", { md5: "0".repeat(32) }, /its md5 is [0-9a-f]{32}, and 0{32} was asked for/],
    ["another sha256", "/raw", { sha256: "0".repeat(64) }, /its sha256 is/],
    ["too large by its own word", "/huge", {}, /larger than 4 MiB.*mibMax/],
    ["too large without a word", "/unsized", {}, /larger than 4 MiB/],
    ["cut off", "/short", {}, /cannot be downloaded/],
    ["not there", "/nowhere", {}, /the server answers 404 Not Found/],
    ["a page", "/page", {}, /page for people/],
    ["redirects without end", "/loop", {}, /more than 5 redirects/],
    ["a redirect out of HTTP", "/to-file", {}, /sends to a file: URL/],
    ["a file that shows another one of the host", "/spy", {}, /leads to another file, .*secret/],
  ] as const) {
    test(`${what}: refused, and nothing is left`, async () => {
      await expect(fetched(path, wanted)).rejects.toMatchObject({ code: "INVALID", message: expect.stringMatching(says) });
      expect(left()).toEqual([]);
    });
  }

  test.each([
    ["goes on where it was", "/breaks", /^bytes=[1-9]\d*-$/],
    ["begins anew where the server does not say which file it is", "/breaks-unnamed", undefined],
    ["begins anew where it is another file by now", "/breaks-and-changes", /^bytes=[1-9]\d*-$/],
  ])("one that breaks off %s", async (_, path, range) => {
    ranges.length = 0;
    const whole = await fetched(path, sums);
    expect(readFileSync(whole.file).equals(RAW)).toBe(true);
    expect(ranges).toEqual([undefined, range && expect.stringMatching(range)]);
    await files.remove(whole.file);
  });

  test("nobody is there", async () => {
    await expect(files.fetch(id(), "http://127.0.0.1:9/x", {}, {})).rejects.toMatchObject({
      message: expect.stringMatching(/ECONNREFUSED|bad port/),
    });
  });

  test("ended in the middle: nothing is left, of the program neither", async () => {
    const end = new AbortController();
    const fetching = files.fetch(
      id(),
      `${base}/never`,
      {},
      { signal: end.signal, onProgress: () => end.abort(new Error("enough")) },
    );
    await expect(fetching).rejects.toMatchObject({ code: "STOPPED" });
    expect(left()).toEqual([]);
  });
});

describe("files of the host", () => {
  const at = (name: string) => join(dir, name);

  test("looked at where they stand", async () => {
    writeFileSync(at("disk.raw"), RAW);
    expect(await files.look(at("disk.raw"), {})).toEqual({
      file: at("disk.raw"),
      format: "raw",
      virtualBytes: RAW.length,
      md5: sums.md5,
      sha256: null,
    });
    expect(await files.look(at("disk.raw"), { sha256: sums.sha256 })).toMatchObject({ sha256: sums.sha256 });
    await expect(files.look(at("disk.raw"), { md5: "0".repeat(32) })).rejects.toMatchObject({ code: "INVALID" });
  });

  test("not what only root may read, behind a link neither; in a folder that is named it may be", async () => {
    await expect(files.look(at("secret"), {})).rejects.toThrow(/not for everybody to read.*vim\.images\.folders/);
    symlinkSync(at("secret"), at("link"));
    await expect(files.look(at("link"), {})).rejects.toThrow(/not for everybody to read/);
    writeFileSync(at("allowed/own"), RAW, { mode: 0o600 });
    expect(await files.look(at("allowed/own"), {})).toMatchObject({ format: "raw" });
    symlinkSync(at("secret"), at("allowed/out"));
    await expect(files.look(at("allowed/out"), {})).rejects.toThrow(/not for everybody to read/);
  });

  test("not a file that leads to another, by backing or by data", async () => {
    await expect(files.look(at("spy.qcow2"), {})).rejects.toThrow(/leads to another file/);
    img("create", "-q", "-f", "qcow2", "-o", `data_file=${at("data")},data_file_raw=on`, "outside.qcow2", "1M");
    chmodSync(at("outside.qcow2"), 0o644);
    await expect(files.look(at("outside.qcow2"), {})).rejects.toThrow(/leads to another file/);
  });

  test("not another format, not a folder, not what is not there", async () => {
    img("create", "-q", "-f", "vmdk", "v.vmdk", "1M");
    await expect(files.look(at("v.vmdk"), {})).rejects.toThrow(/is vmdk: want raw or qcow2/);
    await expect(files.look(dir, {})).rejects.toThrow(/no regular file/);
    for (const path of [at("nowhere"), "relative"])
      await expect(files.look(path, {})).rejects.toThrow(`Image file not found: ${path}`);
  });

  test("what a crash leaves is swept away, and nothing else", async () => {
    const kept = `${id()}.0a1b2c3d.img`;
    for (const name of [`${id()}.0a1b2c3d.part`, `${id()}.0a1b2c3d.qcow2`, kept, "notes.txt"])
      writeFileSync(join(images, name), "");
    await files.sweep(new Set([join(images, kept)]));
    expect(left().sort()).toEqual([kept, "notes.txt"].sort());
    await files.remove(at("disk.raw")); // Not one of ours.
    expect(readdirSync(dir)).toContain("disk.raw");
  });
});

test("a program that is not there, and one that fails, say so", async () => {
  await expect(runBehind("no-such-program", [])).rejects.toMatchObject({ code: "MISSING_PART" });
  await expect(runBehind("ls", ["/no/such/place"])).rejects.toMatchObject({
    code: "COMMAND_FAILED",
    message: expect.stringContaining("/no/such/place"),
  });
});
