import { expect, test } from "vitest";
import { stringify } from "yaml";
import { cloudConfigIn } from "../../src/api/cloud-config.ts";
import { readText } from "../../src/descriptor/read.ts";
import type { CloudConfig } from "../../src/model/cloud-config.ts";
import { cloudConfigOut } from "../../src/vimconn/cloud-config.ts";

const read = (descriptor: object) => readText(stringify(descriptor), "f.yaml");
const toldIn = (descriptor: object) => {
  const { outcome, flaws } = read(descriptor);
  expect(flaws).toEqual([]);
  return outcome!.descriptor.vnfds[0]!.vdus[0]!;
};
const flawsIn = (descriptor: object) => read(descriptor).flaws.map((f) => `${f.path}: ${f.what}; ${f.remedy}`);

const openmano = (more: object) => ({
  vnf: {
    name: "linux",
    "external-connections": [{ name: "eth0", type: "bridge", VNFC: "vm", local_iface_name: "eth0" }],
    VNFC: [{ name: "vm", "image name": "i", vcpus: 1, ram: 512, "bridge-ifaces": [{ name: "eth0" }], ...more }],
  },
});
const sol006 = (more: object) => ({
  vnfd: {
    ...{ id: "v", version: "1", "product-name": "p", provider: "x", "software-version": "1" },
    "virtual-compute-desc": [{ id: "tiny" }],
    "sw-image-desc": [{ id: "i", name: "i" }],
    vdu: [{ id: "vm", "int-cpd": [{ id: "eth0" }], "virtual-compute-desc": "tiny", "sw-image-desc": "i", ...more }],
    df: [{ id: "df", "vdu-profile": [{ id: "vm" }] }],
  },
});
const sol001 = (boot_data: unknown) => ({
  tosca_definitions_version: "tosca_simple_yaml_1_3",
  topology_template: {
    node_templates: {
      vnf: {
        type: "tosca.nodes.nfv.VNF",
        properties: { descriptor_id: "v", descriptor_version: "1", product_name: "p", provider: "x", software_version: "1" },
      },
      vm: { type: "tosca.nodes.nfv.Vdu.Compute", properties: { sw_image_data: { name: "i" }, boot_data } },
    },
  },
});

const EMPTY: CloudConfig = { keyPairs: [], users: [], userData: [], configFiles: [] };

test("what OpenMANO's VNFC says is kept member by member, with its zone", () => {
  const boot = {
    "key-pairs": ["ssh-rsa AAAA"],
    users: [{ name: "op", "user-info": "An operator", "key-pairs": ["ssh-rsa BBBB"] }, { name: "plain" }],
    "user-data": "#cloud-config\nhostname: a\n",
    "config-files": [{ dest: "/etc/a", content: "x", encoding: "b64", permissions: "0644", owner: "root:root" }],
    "boot-data-drive": true,
  };
  const vdu = toldIn(openmano({ "boot-data": boot, availability_zone: "east" }));
  expect(vdu.availabilityZone).toBe("east");
  expect(vdu.cloudConfig).toEqual({
    keyPairs: ["ssh-rsa AAAA"],
    users: [
      { name: "op", userInfo: "An operator", keyPairs: ["ssh-rsa BBBB"] },
      { name: "plain", userInfo: null, keyPairs: [] },
    ],
    userData: ["#cloud-config\nhostname: a\n"],
    configFiles: [{ dest: "/etc/a", content: "x", encoding: "b64", permissions: "0644", owner: "root:root" }],
  });
  expect(cloudConfigIn(cloudConfigOut(vdu.cloudConfig!), undefined)).toEqual(vdu.cloudConfig); // As the VIM takes it.
  const bare = toldIn(openmano({}));
  expect([bare.cloudConfig, bare.availabilityZone]).toEqual([undefined, undefined]);
});

test("ETSI's forms say it as a text, as contents, or as a file in the guest; OSM says cloud-init", () => {
  const text = "#!/bin/sh\necho booted\n";
  const asDocument = { ...EMPTY, userData: [text] };
  for (const said of [
    { "boot-data": text },
    { "cloud-init": text },
    { "boot-data": { "content-or-file-data": { content: text } } },
  ])
    expect(toldIn(sol006(said)).cloudConfig).toEqual(asDocument);
  const inFile = { "content-or-file-data": { content: text, "destination-path": ["/etc/boot.sh"] } };
  expect(toldIn(sol006({ "boot-data": inFile })).cloudConfig).toEqual({
    ...EMPTY,
    configFiles: [{ dest: "/etc/boot.sh", content: text, encoding: null, permissions: null, owner: null }],
  });
  expect(toldIn(sol001(text)).cloudConfig).toEqual(asDocument);
  expect(toldIn(sol001({ content_or_file_data: { content: text } })).cloudConfig).toEqual(asDocument);
  expect(toldIn(sol006({})).cloudConfig).toBeUndefined();
});

test.each([
  [
    "a member that there is not",
    openmano({ "boot-data": { users: [{ name: "x", password: "y" }] } }),
    /password: there is no such key/,
  ],
  ["a user without a name", openmano({ "boot-data": { users: [{}] } }), /name: is missing/],
  [
    "a path that begins nowhere",
    openmano({ "boot-data": { "config-files": [{ dest: "etc/a", content: "" }] } }),
    /no whole path/,
  ],
  [
    "rights that are none",
    openmano({ "boot-data": { "config-files": [{ dest: "/a", content: "", permissions: "9" }] } }),
    /octal digits/,
  ],
  ["a file of the package", sol006({ "boot-data": { "content-or-file-data": { "source-path": "x" } } }), /not passed to VMs/],
  ["a file of OSM's package", sol006({ "cloud-init-file": "x.cfg" }), /write what is in it, at cloud-init/],
  ["pairs of keys and values", sol001({ kvp_data: { data: { a: "b" } } }), /not passed to VMs/],
  ["a list", sol006({ "boot-data": [1] }), /write an object: boot data/],
  ["nothing in it", sol006({ "boot-data": " " }), /is empty/],
])("%s is refused with what to do", (_, descriptor, says) => {
  expect(flawsIn(descriptor).join("\n")).toMatch(says);
});
