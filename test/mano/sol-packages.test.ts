import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { fromBufferPromise } from "yauzl";
import { zipOf } from "../harness/zip.ts";
import { example, Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

let rig: Rig;
let sol: SolClient;
beforeAll(async () => {
  rig = await Rig.start({ packages: { mibMax: 1 } });
  sol = new SolClient(rig);
});
afterAll(() => rig[Symbol.asyncDispose]());

const LIST = "/vnfpkgm/v2/vnf_packages";
const ON_BOARD = "/vnfpkgm/v2/onboarded_vnf_packages";
const ZIP = { "content-type": "application/zip" };
const PLAIN = { accept: "text/plain" };

const vnfd = (name: string): string =>
  stringify({ nfv: { vnfd: parse(example("sol006/media-service.yaml").replaceAll("media-relay-sol", name)).nfv.vnfd } });
const csar = (name: string) =>
  zipOf([
    {
      name: "TOSCA-Metadata/TOSCA.meta",
      bytes:
        "TOSCA-Meta-File-Version: 1.0\nCSAR-Version: 1.1\nEntry-Definitions: vnfd.yaml\nETSI-Entry-Manifest: vnf.mf\nETSI-Entry-Certificate: vnf.cert\n",
    },
    { name: "vnfd.yaml", bytes: vnfd(name) },
    { name: "vnf.mf", bytes: "metadata:\n  vnf_product_name: relay\n" },
    { name: "vnf.cert", bytes: "a certificate" },
    { name: "Scripts/start.sh", bytes: "#!/bin/sh\necho start\n" },
    { name: "Licences/licence.bin", bytes: Buffer.from([0, 1, 2, 3]) },
  ]);

const create = async (): Promise<string> => `${LIST}/${(await sol.ask("POST", LIST, {})).body.id}`;
const settled = (at: string) =>
  until("it is on board or not", async () => {
    const { body } = await sol.ask("GET", at);
    return ["ONBOARDED", "ERROR"].includes(body.onboardingState) ? body : null;
  });
async function onboard(bytes: Uint8Array | string, headers: Record<string, string> = ZIP) {
  const at = await create();
  expect((await sol.ask("PUT", `${at}/package_content`, bytes, headers)).status).toBe(202);
  return { at, body: await settled(at) };
}

test("a package is announced, sent, read in all its parts, disabled and deleted", async () => {
  const { at, body } = await onboard(csar("first"));
  expect(body).toMatchObject({
    onboardingState: "ONBOARDED",
    operationalState: "ENABLED",
    usageState: "NOT_IN_USE",
    vnfdId: "first",
    vnfProvider: expect.any(String),
    vnfdVersion: expect.any(String),
    checksum: { algorithm: "SHA-256", hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    additionalArtifacts: [{ artifactPath: "Scripts/start.sh", isEncrypted: false }, { artifactPath: "Licences/licence.bin" }],
  });
  expect((await sol.ask("GET", `${at}/package_content`, undefined, { accept: "application/zip" })).bytes).toEqual(csar("first"));
  const part = await sol.ask("GET", `${at}/package_content`, undefined, { accept: "application/zip", range: "bytes=0-3" });
  expect([part.status, part.bytes.toString("latin1")]).toEqual([206, "PK\u0003\u0004"]);
  expect((await sol.ask("GET", `${at}/vnfd`, undefined, PLAIN)).bytes.toString()).toBe(vnfd("first"));
  expect((await sol.ask("GET", `${at}/manifest`, undefined, PLAIN)).bytes.toString()).toMatch(/vnf_product_name: relay/);
  const signed = await sol.ask("GET", `${at}/manifest?include_signatures`, undefined, { accept: "application/zip" });
  expect(await namesIn(signed.bytes)).toEqual(["vnf.mf", "vnf.cert"]);
  const all = await sol.ask("GET", `${at}/artifacts`, undefined, { accept: "application/zip" });
  expect(await namesIn(all.bytes)).toEqual(["Scripts/start.sh", "Licences/licence.bin"]);
  expect((await sol.ask("GET", `${at}/artifacts/Scripts/start.sh`)).bytes.toString()).toMatch(/echo start/);

  for (const path of [`${ON_BOARD}/first`, ON_BOARD]) expect((await sol.ask("GET", path)).status).toBe(200);
  expect((await sol.ask("GET", `${ON_BOARD}/first`)).body.id).toBe(body.id);
  expect((await sol.ask("GET", `${ON_BOARD}/first/vnfd`, undefined, PLAIN)).bytes.toString()).toBe(vnfd("first"));
  expect((await sol.ask("GET", `${ON_BOARD}/nobody`)).status).toBe(404);
  const short = (await sol.ask("GET", `${LIST}?filter=(eq,vnfdId,first)`)).body[0];
  expect(Object.keys(short)).not.toEqual(expect.arrayContaining(["checksum"]));
  const [selected] = (await sol.ask("GET", `${LIST}?filter=(eq,vnfdId,first)&fields=additionalArtifacts`)).body;
  expect(selected.additionalArtifacts[0].artifactPath).toBe("Scripts/start.sh");

  expect((await sol.ask("DELETE", at)).status).toBe(409);
  expect((await sol.ask("PATCH", at, { operationalState: "DISABLED", userDefinedData: { a: "b" } })).body).toEqual({
    operationalState: "DISABLED",
    userDefinedData: { a: "b" },
  });
  expect((await sol.ask("DELETE", at)).status).toBe(204);
  expect((await sol.ask("GET", at)).status).toBe(404);
  const told = (await rig.events()).flatMap((e) => (e.type === "package.changed" && e.id === body.id ? [e.change] : []));
  expect(told).toEqual(["onboarded", "operational", "deleted"]);
});

async function namesIn(bytes: Buffer): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of (await fromBufferPromise(bytes, { lazyEntries: true })).eachEntry()) names.push(entry.fileName);
  return names;
}

test("a package that an NSD uses stays while that does", async () => {
  const { at } = await onboard(vnfd("used"), { "content-type": "text/plain" });
  const nsd = { nfv: { nsd: parse(example("sol006/media-service.yaml").replaceAll("media-relay-sol", "used")).nfv.nsd } };
  const [, made] = (await rig.ask("POST", "/mano/v1/descriptors", stringify(nsd))).body;
  await sol.ask("PATCH", at, { operationalState: "DISABLED" });
  const refused = await rig.ask("POST", "/mano/v1/ns_instances", { nsdId: made.id, nsName: "n" });
  expect(refused).toMatchObject({ status: 409, body: { detail: expect.stringMatching(/VNF package .* is DISABLED/) } });
  expect(await sol.ask("DELETE", at)).toMatchObject({
    status: 409,
    body: { detail: expect.stringMatching(/it is used by 1 other\(s\), NSD/) },
  });
  expect((await rig.ask("DELETE", `/mano/v1/descriptors/${made.id}`)).status).toBe(204);
  expect((await sol.ask("DELETE", at)).status).toBe(204);
});

test.for([
  ["a path that leads out", () => zipOf([{ name: "../x.yaml", bytes: "x" }]), /a name leads out of the package/],
  ["a bomb", () => zipOf([{ name: "a.yaml", bytes: Buffer.alloc(4 * 2 ** 20) }]), /bytes unpack to 4194304/],
  ["a symbolic link", () => zipOf([{ name: "a.yaml", bytes: "/etc/passwd", mode: 0o120777 }]), /it is a symbolic link/],
  ["an NSD", () => Buffer.from(example("sol006/single.yaml")), /a VNF package was announced/],
  ["a flaw", () => Buffer.from(vnfd("flaw").replace("cpd: eth0", "cpd: eth7")), /^descriptor:\d+:\d+: nfv\.vnfd\[0\]/],
] as const)("%s: it is in ERROR with the reason, and nothing of it is left", async ([, content, why]) => {
  const { at, body } = await onboard(content(), { "content-type": "application/octet-stream" });
  expect(body).toMatchObject({ onboardingState: "ERROR", operationalState: "DISABLED" });
  expect(body.onboardingFailureDetails.detail).toMatch(why);
  expect((await sol.ask("GET", `${at}/package_content`)).status).toBe(409);
  expect((await sol.ask("DELETE", at)).status).toBe(204);
});

test("more than may be kept is refused, and can be sent again", async () => {
  const at = await create();
  const refused = await sol.ask("PUT", `${at}/package_content`, Buffer.alloc(8 * 2 ** 20), ZIP);
  expect(refused).toMatchObject({
    status: 413,
    body: { detail: expect.stringMatching(/larger than 1 MiB.*mano\.packages\.mibMax/) },
  });
  expect((await sol.ask("GET", at)).body.onboardingState).toBe("CREATED");
  expect((await sol.ask("PUT", `${at}/package_content`, csar("smaller"), ZIP)).status).toBe(202);
  expect((await settled(at)).onboardingState).toBe("ONBOARDED");
});

async function serving(listener: RequestListener): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async () => {
    server.closeAllConnections();
    await new Promise((r) => server.close(r));
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, [Symbol.asyncDispose]: close };
}

test("a package is downloaded, with credentials to its own server only", async () => {
  const seen: string[] = [];
  await using other = await serving((req, res) => {
    seen.push(`other ${req.headers.authorization ?? "-"}`);
    res.end(csar("fetched"));
  });
  await using server = await serving((req, res) => {
    seen.push(`${req.method} ${req.url} ${req.headers.authorization ?? "-"}`);
    if (req.url === "/token") res.end(JSON.stringify({ access_token: "t0" }));
    else res.writeHead(302, { location: `${other.url}/p.zip` }).end();
  });
  const at = await create();
  const asked = await sol.ask("POST", `${at}/package_content/upload_from_uri`, {
    addressInformation: `${server.url}/p.zip`,
    authType: "OAUTH2_CLIENT_CREDENTIALS",
    paramsOauth2ClientCredentials: { clientId: "me", clientPassword: "s3cret", tokenEndpoint: `${server.url}/token` },
  });
  expect(asked.status).toBe(202);
  expect(await settled(at)).toMatchObject({ onboardingState: "ONBOARDED", vnfdId: "fetched" });
  expect(seen).toEqual([`POST /token Basic ${Buffer.from("me:s3cret").toString("base64")}`, "GET /p.zip Bearer t0", "other -"]);
});

test("what cannot be downloaded is told, and where we do not download from is refused", async () => {
  await using server = await serving((_req, res) => void res.writeHead(404).end());
  const at = await create();
  const from = (addressInformation: string) => sol.ask("POST", `${at}/package_content/upload_from_uri`, { addressInformation });
  for (const [uri, why] of [
    ["ftp://x/y", /addressInformation: want an http or https URL/],
    ["http://a:b@127.0.0.1/", /a name and password in the URL/],
    ["http://169.254.169.254/latest", /no receiver is there/],
    [rig.url, /is this daemon itself/],
  ] as const)
    expect(await from(uri)).toMatchObject({ status: 400, body: { detail: expect.stringMatching(why) } });
  expect((await sol.ask("GET", at)).body.onboardingState).toBe("CREATED");
  expect((await from(`${server.url}/none.zip`)).status).toBe(202);
  expect((await settled(at)).onboardingFailureDetails.detail).toMatch(/it cannot be downloaded: the server answers 404/);
});
