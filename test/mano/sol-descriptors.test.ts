import { afterAll, beforeAll, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { zipOf } from "../harness/zip.ts";
import { example, Rig, until } from "./rig.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
});
afterAll(() => rig[Symbol.asyncDispose]());

async function run(nsdId: string, nsName: string): Promise<string> {
  const made = await rig.ask("POST", "/mano/v1/ns_instances", { nsdId, nsName });
  expect(made.status).toBe(201);
  await rig.ask("POST", `/mano/v1/ns_instances/${made.body.id}/instantiate`);
  const seen = async () => {
    const { body } = await rig.ask("GET", `/mano/v1/ns_instances/${made.body.id}`);
    if (body.state === "FAILED") throw new Error(body.detail);
    return body;
  };
  const { vnfcs } = await seen();
  await until("its servers", async () => (await seen()) && rig.vim.servers.size === vnfcs.length);
  for (const { name } of rig.vim.servers.values()) rig.vim.up(name);
  await until(`${nsName} is instantiated`, async () => (await seen()).state === "INSTANTIATED");
  return made.body.id;
}

async function end(id: string): Promise<void> {
  await rig.ask("POST", `/mano/v1/ns_instances/${id}/terminate`);
  await until(
    "it is terminated",
    async () => (await rig.ask("GET", `/mano/v1/ns_instances/${id}`)).body.state === "NOT_INSTANTIATED",
  );
}

test("the examples of SOL006 are on-boarded and run, protected as they ask", async () => {
  for (const [name, scheme] of [
    ["media-service.yaml", "ACTIVE_ACTIVE"],
    ["media-service-active-passive.yaml", "ACTIVE_PASSIVE"],
    ["single.yaml", undefined],
  ] as const) {
    const onboarded = await rig.ask("POST", "/mano/v1/descriptors", example(`sol006/${name}`));
    expect(onboarded.status).toBe(201);
    const id = await run(onboarded.body.find((d: { kind: string }) => d.kind === "nsd").id, name.replace(".yaml", ""));
    const groups = (await rig.ask("GET", "/mano/v1/protection_groups")).body;
    expect(groups.map((g: { scheme: string }) => g.scheme)).toEqual(scheme === undefined ? [] : [scheme]);
    await end(id);
  }
});

test("OpenMANO's media service: the VNF first, then the scenario", async () => {
  const vnf = await rig.ask("POST", "/mano/v1/descriptors", example("openmano/media-relay.vnf.yaml"));
  expect(vnf).toMatchObject({ status: 201, body: [{ kind: "vnfd", ref: "media-relay" }] });
  const scenario = await rig.ask("POST", "/mano/v1/descriptors", example("openmano/media.scenario.yaml"));
  const nsd = scenario.body.find((d: { kind: string }) => d.kind === "nsd");
  expect(nsd).toMatchObject({
    vnfdRecordId: vnf.body[0].id,
    members: [
      { vnfc: "relay-a", dataNet: "data_net0", trafficNets: ["traffic_net0"] },
      { vnfc: "relay-b", dataNet: "data_net1", trafficNets: ["traffic_net1"] },
    ],
  });
});

test("a VNFD first and its NSD later: the same records as both in one file, also with other comments", async () => {
  const text = example("sol006/media-service.yaml");
  const { nfv } = parse(text);
  const together = (await rig.ask("POST", "/mano/v1/descriptors", text)).body;
  const vnfd = await rig.ask("POST", "/mano/v1/descriptors", stringify({ nfv: { vnfd: nfv.vnfd } }));
  const nsd = await rig.ask("POST", "/mano/v1/descriptors", stringify({ nfv: { nsd: nfv.nsd } }));
  expect([...vnfd.body.map((d: { id: string }) => d.id)]).toEqual([together[0].id]);
  expect(nsd.body.map((d: { id: string }) => d.id)).toEqual(together.map((d: { id: string }) => d.id));
});

async function send(body: Buffer, type: string) {
  const res = await fetch(`${rig.url}/mano/v1/descriptors`, {
    method: "POST",
    body: new Uint8Array(body),
    headers: { "content-type": type },
  });
  // biome-ignore lint/suspicious/noExplicitAny: an answer of an API, looked into by tests.
  return { status: res.status, body: (await res.json()) as any };
}

test("a package is on-boarded, and gives the same records as what is in it", async () => {
  const text = example("sol006/single.yaml").replaceAll("single", "packed");
  const direct = await rig.ask("POST", "/mano/v1/descriptors", text);
  const packed = await send(zipOf([{ name: "service.yaml", bytes: text }]), "application/zip");
  expect(packed.status).toBe(201);
  expect(packed.body).toEqual(direct.body);
});

test("a package that is no good changes nothing; one that is sent as a text is told how it is sent", async () => {
  const before = (await rig.ask("GET", "/mano/v1/descriptors")).body.length;
  const wrong = await send(zipOf([{ name: "../x.yaml", bytes: "x" }]), "application/zip");
  expect(wrong).toMatchObject({
    status: 400,
    body: { code: "DESCRIPTOR", detail: expect.stringMatching(/a name leads out of the package/) },
  });
  const asText = await send(zipOf([{ name: "x.yaml", bytes: "x" }]), "text/plain");
  expect(asText).toMatchObject({ status: 400, body: { detail: expect.stringMatching(/Content-Type: application\/zip/) } });
  expect((await rig.ask("GET", "/mano/v1/descriptors")).body).toHaveLength(before);
});

test("a descriptor of many pages is read beside the daemon, and its flaws are told", async () => {
  const long = example("sol006/single.yaml")
    .replaceAll("single", "long")
    .replace("name: relay\n", `name: relay\n          description: ${"x".repeat(20_000)}\n`);
  expect(await rig.ask("POST", "/mano/v1/descriptors", long)).toMatchObject({ status: 201 });
  const wrong = await rig.ask("POST", "/mano/v1/descriptors", long.replace("cpd: eth0", "cpd: eth7").replaceAll("long", "wrong"));
  expect(wrong.body.detail).toMatch(
    /^descriptor:\d+:\d+: nfv\.vnfd\[0\]\.ext-cpd\[0\]\.int-cpd\.cpd: VDU "relay" has no int-cpd "eth7"/,
  );
});

test("an NSD without its VNFD is refused, and changes nothing", async () => {
  const before = (await rig.ask("GET", "/mano/v1/descriptors")).body.length;
  const { nfv } = parse(example("sol006/media-service.yaml").replaceAll("media-relay-sol", "nobody"));
  const refused = await rig.ask("POST", "/mano/v1/descriptors", stringify({ nfv: { nsd: nfv.nsd } }));
  expect(refused).toMatchObject({ status: 400, body: { code: "DESCRIPTOR" } });
  expect(refused.body.detail).toMatch(
    /^descriptor:\d+:\d+: nfv\.nsd\[0\]\.df\[0\]\.vnf-profile\[0\]: there is no VNFD "nobody"; write one of /,
  );
  expect((await rig.ask("GET", "/mano/v1/descriptors")).body).toHaveLength(before);
});
