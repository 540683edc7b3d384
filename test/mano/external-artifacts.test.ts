import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { fromBufferPromise } from "yauzl";
import { imagePackage, sha256 } from "../harness/image-package.ts";
import { Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

const LIST = "/vnfpkgm/v2/vnf_packages";
const image = randomBytes(2_000);
const script = Buffer.from("#!/bin/sh\ntrue\n");

let rig: Rig;
let sol: SolClient;
let url: string;
let answer: (req: IncomingMessage, res: ServerResponse) => void;
const seen: string[] = [];
const server = createServer((req, res) => {
  seen.push(`${req.method} ${req.url} ${req.headers.authorization ?? "-"}`);
  answer(req, res);
});
const files: Readonly<Record<string, Buffer>> = { "/disk.qcow2": image, "/set-up.sh": script };
const giving = (req: IncomingMessage, res: ServerResponse) => {
  const file = files[req.url ?? ""];
  if (file) res.end(file);
  else res.writeHead(404).end();
};

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  answer = giving;
  rig = await Rig.start({ packages: { mibMax: 1 } });
  sol = new SolClient(rig);
});
afterEach(() => {
  answer = giving;
  seen.length = 0;
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  server.closeAllConnections();
  await new Promise((r) => server.close(r));
});

/** A package whose image and a script of its are outside it. */
function outside(id: string, uri = `${url}/disk.qcow2`, hash = sha256(image)): Buffer {
  const listed = `\nSource: ${uri}\nAlgorithm: SHA-256\nHash: ${hash}\n\nSource: ${url}/set-up.sh\nAlgorithm: SHA-256\nHash: ${sha256(script)}\n`;
  const sets = "\nnon_mano_artifact_sets:\n  com.example.tests:\n    Source: Tests/t.txt\n";
  return imagePackage(image, {
    edit: ({ vnfd: [vnfd] }) => {
      vnfd.id = id;
      vnfd["sw-image-desc"][0].image = uri;
    },
    files: [
      { name: "Tests/t.txt", bytes: "a test" },
      { name: "constructor", bytes: "of no set" },
    ],
    manifest: (text) => `${text}${listed}${sets}`,
  });
}

const create = async (): Promise<string> => `${LIST}/${(await sol.ask("POST", LIST, {})).body.id}`;
const send = async (at: string, bytes: Buffer) =>
  expect((await sol.ask("PUT", `${at}/package_content`, bytes, { "content-type": "application/zip" })).status).toBe(202);
const settled = (at: string) =>
  until("it is on board or not", async () => {
    const { body } = await sol.ask("GET", at);
    return ["ONBOARDED", "ERROR"].includes(body.onboardingState) ? body : null;
  });
const namesIn = async (bytes: Buffer) => {
  const names: string[] = [];
  for await (const entry of (await fromBufferPromise(bytes, { lazyEntries: true })).eachEntry()) names.push(entry.fileName);
  return names;
};
const contents = () => (existsSync(folder()) ? readdirSync(folder()).length : 0);
const folder = () => join(rig.dir, "mano.db.packages");

test("what the manifest names by URL is fetched, listed, given out, and goes with the package", async () => {
  const at = await create();
  await send(at, outside("fetched"));
  const body = await settled(at);
  expect(body.onboardingFailureDetails).toBeUndefined();
  const [found] = body.softwareImages;
  expect(found).toMatchObject({ imageUri: `${url}/disk.qcow2`, size: image.length, checksum: { hash: sha256(image) } });
  expect((await sol.ask("GET", `${at}/artifacts/${found.imagePath}`)).bytes).toEqual(image);
  const part = await sol.ask("GET", `${at}/artifacts/${found.imagePath}`, undefined, { range: "bytes=0-9" });
  expect([part.status, part.bytes]).toEqual([206, image.subarray(0, 10)]);
  const byName = Object.fromEntries(
    body.additionalArtifacts.map((a: { artifactPath: string }) => [a.artifactPath.split("/").at(-1), a]),
  );
  expect(byName["set-up.sh"]).toMatchObject({ artifactURI: `${url}/set-up.sh`, checksum: { hash: sha256(script) } });
  expect(byName["t.txt"]).toMatchObject({ nonManoArtifactSetId: "com.example.tests" });
  expect(byName.constructor).not.toHaveProperty("nonManoArtifactSetId");

  const all = async (query: string) => {
    const { bytes } = await sol.ask("GET", `${at}/artifacts${query}`, undefined, { accept: "application/zip" });
    return (await namesIn(bytes)).map((n) => n.split("/").at(-1)).sort();
  };
  expect(await all("")).toEqual(["appliance.qcow2", "constructor", "t.txt"]);
  const inPackage = ["appliance.qcow2", "constructor"];
  expect(await all("?include_external_artifacts")).toEqual([...inPackage, "disk.qcow2", "set-up.sh", "t.txt"]);
  expect(await all("?include_external_artifacts&exclude_all_mano_artifacts")).toEqual(["disk.qcow2", "t.txt"]);
  expect(await all("?exclude_all_non_mano_artifacts")).toEqual(inPackage);
  expect(await all("?select_non_mano_artifact_sets=other")).toEqual(inPackage);

  const before = contents();
  await sol.ask("PATCH", at, { operationalState: "DISABLED" });
  expect((await sol.ask("DELETE", at)).status).toBe(204);
  await until("its files are gone", () => contents() === before - 3);
});

test("with another address and credentials where they are given, which no reply shows", async () => {
  answer = (req, res) => (req.url === "/token" ? void res.end(JSON.stringify({ access_token: "t0" })) : giving(req, res));
  const at = await create();
  const uri = "https://files.example.com/disk.qcow2";
  const credentials = { clientId: "me", clientPassword: "s3cret", tokenEndpoint: `${url}/token` };
  const access = { artifactUri: uri, overrideUri: `${url}/disk.qcow2`, authType: "OAUTH2_CLIENT_CREDENTIALS" };
  expect((await sol.ask("GET", `${at}/ext_artifacts_access`)).body).toEqual({});
  const put = await sol.ask("PUT", `${at}/ext_artifacts_access`, {
    artifact: { ...access, paramsOauth2ClientCredentials: credentials },
  });
  expect(put.status).toBe(200);
  for (const { bytes } of [put, await sol.ask("GET", `${at}/ext_artifacts_access`)]) {
    expect(JSON.parse(bytes.toString())).toEqual({ artifact: access });
    expect(bytes.toString()).not.toMatch(/s3cret/);
  }
  await send(at, outside("elsewhere", uri));
  const body = await settled(at);
  expect(body).toMatchObject({ onboardingState: "ONBOARDED", softwareImages: [{ imageUri: uri }] });
  expect(seen).toEqual([
    `POST /token Basic ${Buffer.from("me:s3cret").toString("base64")}`,
    "GET /disk.qcow2 Bearer t0",
    "GET /set-up.sh -",
  ]);
  expect(await sol.ask("PUT", `${at}/ext_artifacts_access`, {})).toMatchObject({
    status: 409,
    body: { detail: expect.stringMatching(/it is ONBOARDED/) },
  });
});

test("what does not come is told, and fetched again when access is given", async () => {
  const at = await create();
  const uri = `${url}/none.qcow2?key=s3cret`;
  await send(at, outside("again", uri));
  const failed = await settled(at);
  expect(failed.onboardingState).toBe("ERROR");
  expect(failed.onboardingFailureDetails.detail).toMatch(
    /artifact http:\/\/127\.0\.0\.1:\d+\/none\.qcow2: .*the server answers 404/,
  );
  expect(failed.onboardingFailureDetails.detail).not.toMatch(/s3cret/);
  const given = await sol.ask("PUT", `${at}/ext_artifacts_access`, {
    artifact: { artifactUri: uri, overrideUri: `${url}/disk.qcow2` },
  });
  expect(given.status).toBe(202);
  expect((await settled(at)).onboardingState).toBe("ONBOARDED");
});

test.for([
  [
    "a file that is another",
    () => outside("other", undefined, sha256("other")),
    /disk\.qcow2: it is not what its checksum in the manifest says/,
  ],
  [
    "a host that no server is on",
    () => outside("nowhere", "http://169.254.169.254/x"),
    /169\.254\.169\.254\/x: .*no receiver is there/,
  ],
  ["this daemon itself", () => outside("itself", `${rig.url}/x`), /is this daemon itself/],
  ["another kind of URL", () => outside("ftp", "ftp://example.com/x"), /want an http or https URL/],
] as const)("%s is refused, and nothing of it is left but the package", async ([, content, why]) => {
  const before = contents();
  const at = await create();
  await send(at, content());
  const body = await settled(at);
  expect([body.onboardingState, body.onboardingFailureDetails?.detail]).toEqual(["ERROR", expect.stringMatching(why)]);
  expect(contents()).toBe(before + 1);
});

test("one that is too large is refused by how much is kept", async () => {
  answer = (_req, res) => void res.end(Buffer.alloc(2 * 2 ** 20));
  const at = await create();
  await send(at, outside("large"));
  expect((await settled(at)).onboardingFailureDetails.detail).toMatch(/larger than 1 MiB/);
});

test("a MANO that ends while it is fetched fetches it again when it starts", async () => {
  answer = () => {}; // It never answers.
  const at = await create();
  await send(at, outside("restarted"));
  await until("it is asked for", () => seen.length > 0);
  await rig.stopMano();
  answer = giving;
  await rig.startMano();
  expect((await settled(at)).onboardingState).toBe("ONBOARDED");
});
