import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { readText } from "../../src/descriptor/read.ts";
import { Receiver } from "../harness/receiver.ts";
import { link, VNFS } from "./flavoured.ts";
import { Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

// Changes of the package that the author of a SOL001 VNFD has foreseen (6.10.15 VnfPackageChange): those can be made, and no others.

let rig: Rig;
let sol: SolClient;
let receiver: Receiver;
let boots: NodeJS.Timeout;
beforeAll(async () => {
  rig = await Rig.start();
  sol = new SolClient(rig);
  receiver = await Receiver.start();
  boots = setInterval(() => {
    for (const s of rig.vim.servers.values()) if (s.status === "CREATING") rig.vim.up(s.name);
  }, 20);
});
afterAll(async () => {
  clearInterval(boots);
  await receiver[Symbol.asyncDispose]();
  await rig[Symbol.asyncDispose]();
});

interface Selector {
  readonly from: string;
  readonly flavour: string;
}

/** A firewall of one machine in flavour `small`. `foreseen`: from where it may be changed to this. */
function firewall(id: string, product: string, foreseen: readonly Selector[] = [], change: object = {}): string {
  const selector = foreseen.map(({ from, flavour }) => ({
    source_descriptor_id: from,
    destination_descriptor_id: id,
    source_flavour_id: flavour,
  }));
  const properties = { selector, modification_qualifier: "up", destination_flavour_id: "small", ...change };
  return stringify({
    tosca_definitions_version: "tosca_simple_yaml_1_3",
    topology_template: {
      substitution_mappings: {
        node_type: "acme.fw",
        properties: { flavour_id: "small" },
        requirements: { virtual_link: ["CP", "virtual_link"] },
      },
      node_templates: {
        VNF: {
          type: "tosca.nodes.nfv.VNF",
          properties: {
            descriptor_id: id,
            descriptor_version: "1",
            product_name: product,
            provider: "ACME",
            software_version: id,
            flavour_id: "small",
          },
        },
        FW: {
          type: "tosca.nodes.nfv.Vdu.Compute",
          properties: {
            name: "FW",
            vdu_profile: { min_number_of_instances: 1, max_number_of_instances: 1 },
            sw_image_data: { name: id },
          },
          metadata: { flavor: "media-relay" },
        },
        CP: {
          type: "tosca.nodes.nfv.VduCp",
          properties: { layer_protocols: ["ipv4"] },
          requirements: [{ virtual_binding: "FW" }],
        },
      },
      ...(foreseen.length > 0 && {
        policies: [{ change: { type: "tosca.policies.nfv.VnfPackageChange", targets: ["VNF"], properties } }],
      }),
    },
  });
}

const told = (file: string) => readText(file, "f.yaml").flaws.map((f) => `${f.path}: ${f.what}; ${f.remedy}`);

test("what is wrong with one is told where it stands", () => {
  const at = (change: object) => told(firewall("b", "B", [{ from: "a", flavour: "small" }], change)).join("\n");
  expect(at({})).toBe("");
  expect(at({ modification_qualifier: "sideways" })).toMatch(/modification_qualifier.*; write up or down/);
  expect(at({ modification_qualifier: undefined })).toMatch(/modification_qualifier/);
  expect(at({ destination_flavour_id: undefined })).toMatch(/destination_flavour_id/);
  expect(at({ selector: [{ source_descriptor_id: "a" }] })).toMatch(/destination_descriptor_id/);
});

test("under another product name, where that is foreseen; from another VNFD or flavour it is refused", async () => {
  const onBoard = async (file: string, image: string) => {
    rig.vim.images.set(image, { id: image, name: image });
    const { status, body } = await rig.onboard(file);
    expect({ status, body }).toMatchObject({ status: 201 });
    return body[0].id;
  };
  await onBoard(firewall("fw-1", "Firewall"), "fw-1");
  const second = await onBoard(firewall("fw-2", "Next firewall", [{ from: "fw-1", flavour: "small" }]), "fw-2");
  const other = await onBoard(firewall("fw-3", "Firewall", [{ from: "fw-1", flavour: "large" }]), "fw-3");
  const made = await sol.ask("POST", VNFS, { vnfdId: "fw-1" });
  const vnf = `${VNFS}/${made.body.id}`;
  const done = async (task: string, body: object) => {
    const asked = await sol.ask("POST", `${vnf}/${task}`, body);
    expect({ status: asked.status, body: asked.body }).toEqual({ status: 202, body: null });
    const at = new URL(asked.headers.get("location")!).pathname;
    return until(`${task} is done`, async () => {
      const { body: o } = await sol.ask("GET", at);
      expect(o.error).toBeUndefined();
      return o.operationState === "COMPLETED" && o;
    });
  };
  await done("instantiate", { flavourId: "small", extVirtualLinks: [link("media_net", "virtual_link")] });
  // That one is of the same product, and foreseen from another flavour alone.
  const refused = await sol.ask("POST", `${vnf}/change_vnfpkg`, { vnfdId: other });
  expect(refused).toMatchObject({ status: 422, body: { detail: expect.stringContaining("from fw-1 (large)") } });
  const filter = { operationTypes: ["CHANGE_VNFPKG"] };
  expect((await sol.ask("POST", "/vnflcm/v2/subscriptions", { callbackUri: receiver.url, filter })).status).toBe(201);
  expect(await done("change_vnfpkg", { vnfdId: "fw-2" })).toMatchObject({
    modificationsTriggeredByVnfPkgChange: { vnfdId: "fw-2", vnfProductName: "Next firewall", vnfSoftwareVersion: "fw-2" },
  });
  expect([...rig.vim.servers.values()].map((s) => s.imageRef)).toEqual(["fw-2"]);
  const { body } = await sol.ask("GET", vnf);
  expect(body).toMatchObject({ vnfdId: "fw-2", vnfProductName: "Next firewall", instantiatedVnfInfo: { flavourId: "small" } });
  expect((await sol.ask("GET", `/vnfpkgm/v2/vnf_packages/${second}`)).body.usageState).toBe("IN_USE");
  const told = () => receiver.requests.filter((r) => r.method === "POST").map((r) => JSON.parse(r.text));
  const note = await until("its end is told", () => told().find((n) => n.notificationStatus === "RESULT"));
  expect(SolClient.structure("SOL003-VNFLifecycleManagementNotification", note.notificationType, note)).toEqual([]);
  expect(note).toMatchObject({
    operation: "CHANGE_VNFPKG",
    operationState: "COMPLETED",
    affectedVnfcs: [{ changeType: "MODIFIED" }],
    modificationsTriggeredByVnfPkgChange: { vnfdId: "fw-2" },
  });
});
