import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { readDescriptorFile } from "../../src/descriptor/read.ts";
import { Authority } from "../harness/certificates.ts";
import { type Packed, zipOf } from "../harness/zip.ts";

// biome-ignore lint/suspicious/noExplicitAny: a template that is being changed has, on purpose, no type.
type Loose = any;

const META = "TOSCA-Metadata/TOSCA.meta";
const example = readFileSync(new URL("../../examples/sol006/single.yaml", import.meta.url), "utf8");
const hash = (text: string | Buffer, algorithm = "sha256") => createHash(algorithm).update(text).digest("hex");
const meta = (entry: string, manifest?: string) => ({
  name: META,
  bytes: `TOSCA-Meta-File-Version: 1.0\nCSAR-Version: 1.1\nCreated-By: Sempre\nEntry-Definitions: ${entry}\n${manifest ? `ETSI-Entry-Manifest: ${manifest}\n` : ""}`,
});
const listing = (files: readonly Packed[]) =>
  files.map((f) => `\nSource: ${f.name}\nAlgorithm: SHA-256\nHash: ${hash(f.bytes as string)}\n`).join("");
const manifestOf = (files: readonly Packed[]) => `metadata:\n  vnf_product_name: x\n  vnf_provider_id: y\n${listing(files)}`;

function withManifest(files: readonly Packed[], edit = (text: string) => text): Packed[] {
  return [...files, { name: "d.mf", bytes: edit(manifestOf(files)) }];
}

const read = (files: readonly Packed[]) => readDescriptorFile(zipOf(files), "p.csar");
const told = async (files: readonly Packed[]) => {
  const { outcome, flaws } = await read(files);
  expect(outcome).toBeNull();
  return flaws.map((f) => `${f.file}${f.line === null ? "" : `:${f.line}`}: ${f.what}; ${f.remedy}`).join("\n");
};

const plainFiles: Packed[] = [{ name: "d.yaml", bytes: example }];

describe("a package is opened", () => {
  test("with its descriptor alone at the root, and one that TOSCA.meta names", async () => {
    for (const files of [
      plainFiles,
      withManifest([meta("Definitions/x.yaml", "d.mf"), { name: "Definitions/x.yaml", bytes: example }]),
    ]) {
      const { form, flaws, outcome } = await read(files);
      expect([form, flaws]).toEqual(["SOL006", []]);
      expect(outcome!.descriptor.nsds).toHaveLength(1);
    }
  });

  test("and what is not as it should be, but no reason to refuse it, is told", async () => {
    expect((await read(plainFiles)).notes).toEqual(["it has no manifest, so nothing was compared with checksums"]);
    const files = withManifest(plainFiles);
    expect((await read([...files, { name: "extra.bin", bytes: "x" }])).notes).toEqual([
      "extra.bin is in no block of the manifest",
    ]);
  });

  test("a mistake in a descriptor is told with the file in the package, and its line", async () => {
    const wrong = example.replace("cpd: eth0", "cpd: eth7");
    const line = wrong.split("\n").findIndex((l) => l.includes("eth7")) + 1;
    const { flaws } = await read([meta("Definitions/x.yaml"), { name: "Definitions/x.yaml", bytes: wrong }]);
    expect(flaws).toMatchObject([{ file: "p.csar!Definitions/x.yaml", line, path: "nfv.vnfd[0].ext-cpd[0].int-cpd.cpd" }]);
  });
});

test.for<[string, () => Packed[], RegExp]>([
  [
    "a manifest with a line that is long",
    () => withManifest(plainFiles, (text) => text.replace("\n", `\n y${" ".repeat(20_000)}x\n`)),
    /p\.csar!d\.mf:2: .* is no "name: value"/,
  ],
  [
    "a path that leads out",
    () => [...plainFiles, { name: "../../etc/passwd", bytes: "x" }],
    /a name leads out of the package.*pack with paths inside it only/,
  ],
  ["an absolute path", () => [...plainFiles, { name: "/etc/passwd", bytes: "x" }], /a name leads out of the package/],
  ["a path of Windows", () => [...plainFiles, { name: "..\\x", bytes: "x" }], /a name leads out of the package/],
  [
    "a symbolic link",
    () => [...plainFiles, { name: "l.yaml", bytes: "/etc/passwd", mode: 0o120777 }],
    /p\.csar!l\.yaml: it is a symbolic link/,
  ],
  ["an encrypted file", () => [...plainFiles, { name: "s.bin", bytes: "x", flags: 1 }], /p\.csar!s\.bin: it is encrypted/],
  ["two files of one name", () => [...plainFiles, ...plainFiles], /the package has two files of this name/],
  [
    "a bomb",
    () => [...plainFiles, { name: "zeros.bin", bytes: Buffer.alloc(4 * 2 ** 20) }],
    /zeros\.bin: \d+ bytes unpack to 4194304; pack what such a package holds/,
  ],
  [
    "a bomb that lies about its size",
    () => withManifest([...plainFiles, { name: "z.yaml", bytes: "x".repeat(3 * 2 ** 20), saysBytes: 100 }]),
    /p\.csar!z\.yaml: it cannot be unpacked/,
  ],
  [
    "more files than any package has",
    () => Array.from({ length: 1_001 }, (_, i) => ({ name: `f${i}`, bytes: "" })),
    /the package has 1001 entries/,
  ],
  [
    "two descriptors at the root",
    () => [...plainFiles, { name: "e.yaml", bytes: example }],
    /nothing says which of its files is the descriptor/,
  ],
  [
    "an entry that is not there",
    () => [meta("Definitions/no.yaml"), ...plainFiles],
    /Entry-Definitions names Definitions\/no\.yaml, which is not in the package/,
  ],
  [
    "a manifest that is not there",
    () => [meta("d.yaml", "no.mf"), ...plainFiles],
    /ETSI-Entry-Manifest names no\.mf, which is not in the package/,
  ],
  [
    "a file that was changed",
    () => withManifest(plainFiles, (m) => m.replace(/Hash: ./, (h) => `${h.slice(0, -1)}${h.endsWith("0") ? "1" : "0"}`)),
    /p\.csar!d\.mf:5: d\.yaml is not what its checksum says/,
  ],
  [
    "a checksum of what is not there",
    () => withManifest(plainFiles, (m) => m.replace("Source: d.yaml", "Source: e.yaml")),
    /p\.csar!d\.mf:5: there is no e\.yaml in the package/,
  ],
  [
    "an algorithm that is not good enough",
    () => withManifest(plainFiles, (m) => m.replace("SHA-256", "MD5")),
    /MD5 is no algorithm that is good enough; write SHA-256 or SHA-512/,
  ],
  ["a manifest with something else in it", () => withManifest(plainFiles, (m) => `${m}\nhello\n`), /"hello" is no "name: value"/],
])("refused: %s", async ([, files, sentence]) => {
  expect(await told(files())).toMatch(sentence);
});

test("what is no zip, and a tar.gz, are told apart", async () => {
  expect((await readDescriptorFile(Buffer.from("PK\x03\x04 and nothing more"), "p.csar")).flaws[0]!.what).toMatch(
    /it cannot be unpacked/,
  );
  expect((await readDescriptorFile(Buffer.from([0x1f, 0x8b, 8, 0]), "p.tar.gz")).flaws[0]).toMatchObject({
    what: "this is a tar.gz, which is not opened",
  });
  expect((await readDescriptorFile(Buffer.from([0xff, 0xfe, 0x00]), "p.bin")).flaws[0]!.what).toMatch(/not a text in UTF-8/);
});

describe("a signed package", () => {
  const sign = (authority: Authority, text: string, nocerts = false): string => {
    const { certPath, keyPath } = authority.issue("packer");
    const path = authority.write("manifest", text);
    const pem = execFileSync(
      "openssl",
      [
        "cms",
        "-sign",
        "-binary",
        "-outform",
        "PEM",
        "-in",
        path,
        "-signer",
        certPath,
        "-inkey",
        keyPath,
        ...(nocerts ? ["-nocerts"] : []),
      ],
      { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
    );
    return text + pem;
  };

  test("is opened where its signature holds, and says who signed", async () => {
    using authority = new Authority();
    const { flaws, notes } = await read(withManifest(plainFiles, (m) => sign(authority, m)));
    expect(flaws).toEqual([]);
    expect(notes).toEqual(["signed by CN=packer, whose certificate was compared with no authority's"]);
  });

  test("is refused where the manifest was changed after, where a file is not listed, and where nobody's certificate is there", async () => {
    using authority = new Authority();
    expect(
      await told(withManifest(plainFiles, (m) => sign(authority, m).replace("vnf_product_name: x", "vnf_product_name: z"))),
    ).toMatch(/d\.mf: its signature does not hold/);
    const files = withManifest(plainFiles, (m) => sign(authority, m));
    expect(await told([...files, { name: "extra.bin", bytes: "x" }])).toMatch(
      /extra\.bin is in no block of the manifest, so the signature says nothing about it/,
    );
    expect(await told(withManifest(plainFiles, (m) => sign(authority, m, true)))).toMatch(
      /neither it nor the package has the certificate of who signed/,
    );
    expect(await told(withManifest(plainFiles, (m) => `${m}-----BEGIN CMS-----\nAAAA\n-----END CMS-----\n`))).toMatch(
      /its signature does not hold: it is no CMS/,
    );
  });
});

/** A VNF of two relays in SOL001, with what its NS needs beside it. */
function template(): Loose {
  return {
    tosca_definitions_version: "tosca_simple_yaml_1_3",
    imports: ["etsi_nfv_sol001_vnfd_types.yaml", "types.yaml"],
    topology_template: {
      inputs: { memory: { type: "scalar-unit.size", default: "512 MB" } },
      substitution_mappings: {
        node_type: "acme.fw",
        requirements: {
          virtual_link_in: ["CP_in", "external_virtual_link"],
          virtual_link_mgmt: ["CP_mgmt", "external_virtual_link"],
        },
      },
      node_templates: {
        VNF: { type: "acme.fw", properties: { flavour_id: "default" } },
        FW: {
          type: "tosca.nodes.nfv.Vdu.Compute",
          properties: {
            name: "FW",
            description: "x",
            vdu_profile: { min_number_of_instances: 2, max_number_of_instances: 2 },
            sw_image_data: { name: "fw-image", version: "1" },
          },
          capabilities: {
            virtual_compute: {
              properties: { virtual_memory: { virtual_mem_size: { get_input: "memory" } }, virtual_cpu: { num_virtual_cpu: 2 } },
            },
          },
          metadata: { flavor: "small", protection: { "detection-class": "fast" } },
        },
        CP_in: {
          type: "tosca.nodes.nfv.VduCp",
          properties: { layer_protocols: ["ipv4"] },
          requirements: [{ virtual_binding: "FW" }],
        },
        CP_mgmt: {
          type: "tosca.nodes.nfv.VduCp",
          properties: { layer_protocols: ["ipv4"] },
          requirements: [{ virtual_binding: { node: "FW" } }],
        },
        VIP: {
          type: "tosca.nodes.nfv.VipCp",
          properties: {
            vip_function: "high_availability",
            protocol: [
              {
                associated_layer_protocol: "ipv4",
                address_data: [{ address_type: "ip_address", l3_address_data: { fixed_ip_address: ["10.0.0.7"] } }],
              },
            ],
          },
          requirements: [{ target: "CP_in" }],
        },
      },
      policies: [{ apart: { type: "tosca.policies.nfv.AntiAffinityRule", properties: { scope: "nfvi_node" }, targets: ["FW"] } }],
    },
  };
}
const TYPES = {
  tosca_definitions_version: "tosca_simple_yaml_1_3",
  node_types: {
    "acme.fw": {
      derived_from: "tosca.nodes.nfv.VNF",
      properties: Object.fromEntries(
        Object.entries({
          descriptor_id: "fw-1",
          descriptor_version: "1.0",
          provider: "Acme",
          product_name: "Firewall",
          software_version: "2.0",
        }).map(([k, v]) => [k, { type: "string", default: v }]),
      ),
    },
  },
};
const vnfPackage = (vnfd: Loose = template(), types: Loose = TYPES): Packed[] => [
  meta("Definitions/vnfd.yaml"),
  { name: "Definitions/vnfd.yaml", bytes: stringify(vnfd) },
  { name: "Definitions/types.yaml", bytes: stringify(types) },
];
const nsTemplate = () => ({
  tosca_definitions_version: "tosca_simple_yaml_1_3",
  imports: [{ ns: "etsi_nfv_sol001_nsd_types.yaml" }],
  topology_template: {
    node_templates: {
      NS: {
        type: "tosca.nodes.nfv.NS",
        properties: { descriptor_id: "ns-1", designer: "Acme", version: "1.0", name: "Service", service_availability_level: 1 },
      },
      FW_1: {
        type: "acme.fw",
        properties: { descriptor_id: "fw-1" },
        requirements: [{ virtual_link_in: "users" }, { virtual_link_mgmt: "mgmt_net" }],
      },
      users: { type: "tosca.nodes.nfv.NsVirtualLink", properties: {} },
      mgmt_net: { type: "tosca.nodes.nfv.NsVirtualLink", properties: {}, metadata: { "vim-network-name": "management" } },
    },
  },
});

describe("SOL001", () => {
  test("a VNFD of several files, with inputs and defaults of its type; then an NSD that uses it", async () => {
    const vnf = await read(vnfPackage());
    expect([vnf.form, vnf.flaws]).toEqual(["SOL001", []]);
    const [vnfd] = vnf.outcome!.descriptor.vnfds;
    expect(vnfd).toMatchObject({
      id: "fw-1",
      version: "1.0",
      name: "Firewall",
      vdus: [
        {
          image: "fw-image",
          flavor: "small",
          highAvailability: "ACTIVE_PASSIVE",
          serviceInterface: "CP_in",
          cps: [{ id: "CP_in", ip: "10.0.0.7" }, { id: "CP_mgmt" }],
        },
      ],
      blueprint: { provider: "Acme", softwareVersion: "2.0", vdus: [{ needs: { memoryMiB: 488, vcpus: 2 } }] },
    });
    const ns = await readDescriptorFile(Buffer.from(stringify(nsTemplate())), "ns.yaml", {
      find: (id) => (id === "fw-1" ? vnfd!.blueprint : undefined),
      names: ["fw-1"],
    });
    expect([ns.form, ns.flaws]).toEqual(["SOL001", []]);
    expect(ns.outcome!.descriptor.nsds[0]).toMatchObject({
      id: "ns-1",
      designer: "Acme",
      nets: { CP_mgmt: "management" },
      members: [
        { vnfc: "FW-1", trafficNets: ["users"] },
        { vnfc: "FW-2", trafficNets: [] },
      ],
    });
    expect(ns.outcome!.protection[0]!.vdus[0]!.compiled).toMatchObject({
      level: 1,
      detection: "fast",
      policy: { probe: { intervalMs: 50 } },
    });
  });

  test("addresses that links give, of the NS and within the VNF, and a fixed one of IPv6", async () => {
    const l3 = (cidr: string) => ({
      vl_profile: {
        virtual_link_protocol_data: [{ associated_layer_protocol: "ipv6", l3_protocol_data: { ip_version: "ipv6", cidr } }],
      },
    });
    const f = template();
    const nodes = f.topology_template.node_templates;
    const address = { address_type: "ip_address", l3_address_data: { fixed_ip_address: ["FD00:0:0:2:0::9"] } };
    nodes.CP_within = {
      type: "tosca.nodes.nfv.VduCp",
      properties: { layer_protocols: ["ipv6"], protocol: [{ associated_layer_protocol: "ipv6", address_data: [address] }] },
      requirements: [{ virtual_binding: "FW" }, { virtual_link: "within" }],
    };
    nodes.within = { type: "tosca.nodes.nfv.VnfVirtualLink", properties: l3("fd00:0:0:2::/64") };
    const vnf = await read(vnfPackage(f));
    expect(vnf.flaws).toEqual([]);
    const [vnfd] = vnf.outcome!.descriptor.vnfds;
    expect(vnfd!.vdus[0]!.cps.find((c) => c.id === "CP_within")!.ip).toBe("fd00:0:0:2::9");
    const ns: Loose = nsTemplate();
    ns.topology_template.node_templates.mgmt_net = { type: "tosca.nodes.nfv.NsVirtualLink", properties: l3("fd00:0:0:1::/64") };
    const made = await readDescriptorFile(Buffer.from(stringify(ns)), "ns.yaml", {
      find: (id) => (id === "fw-1" ? vnfd!.blueprint : undefined),
      names: ["fw-1"],
    });
    expect(made.flaws).toEqual([]);
    const given = (cidr: string) => ({ cidr, gateway: null, isGiven: true, pool: null });
    expect(made.outcome!.descriptor.nsds[0]!.netAddresses).toEqual({
      mgmt_net: given("fd00:0:0:1::/64"),
      within: given("fd00:0:0:2::/64"),
    });
  });

  const BROKEN: Record<string, [(f: Loose, types: Loose) => void, where: RegExp]> = {
    "an import that would have to be fetched": [
      (f) => f.imports.push("https://example.org/x.yaml"),
      /vnfd\.yaml:\d+: "https:.*would have to be fetched, and nothing is/,
    ],
    "an import that leads out": [(f) => f.imports.push("../../x.yaml"), /leads out of the package/],
    "an import that is not there": [(f) => f.imports.push("no.yaml"), /there is no Definitions\/no\.yaml in the package/],
    "an import of itself": [
      (_, t) => {
        t.imports = ["vnfd.yaml"];
      },
      /types\.yaml:\d+: Definitions\/vnfd\.yaml imports itself/,
    ],
    "a type of itself": [
      (_, t) => {
        t.node_types["acme.fw"].derived_from = "acme.fw";
      },
      /type "acme\.fw" is derived from itself/,
    ],
    "a binding to nothing": [
      (f) => {
        f.topology_template.node_templates.CP_in.requirements = [{ virtual_binding: "NO" }];
      },
      /there is no Vdu\.Compute "NO"; write one of FW/,
    ],
    "memory without a unit": [
      (f) => {
        f.topology_template.inputs.memory.default = 512;
      },
      /512 has no unit; write the memory with its unit/,
    ],
    "memory in a unit of speed": [
      (f) => {
        f.topology_template.inputs.memory.default = "1 Gbps";
      },
      /"1 Gbps" has a unit that is none of size/,
    ],
    "an input that there is not": [
      (f) => {
        f.topology_template.node_templates.FW.properties.name = { get_input: "x" };
      },
      /there is no input "x"; write one of memory/,
    ],
    "a policy about nothing": [
      (f) => {
        f.topology_template.policies[0].apart.targets = ["NO"];
      },
      /there is no node "NO"/,
    ],
    "no id": [
      (_, t) => {
        delete t.node_types["acme.fw"].properties.descriptor_id;
      },
      /descriptor_id|is missing; write the VNFD's id/,
    ],
  };
  test.for(Object.entries(BROKEN))("refused: %s", async ([, [breakIt, sentence]]) => {
    const f = template();
    const types = structuredClone(TYPES);
    breakIt(f, types);
    expect(await told(vnfPackage(f, types))).toMatch(sentence);
  });

  test("no zip is needed for a template of one file", async () => {
    const f = template();
    f.imports = ["etsi_nfv_sol001_vnfd_types.yaml"];
    f.node_types = TYPES.node_types;
    const { flaws, outcome } = await readDescriptorFile(Buffer.from(stringify(f)), join("x", "vnfd.yaml"));
    expect(flaws).toEqual([]);
    expect(outcome!.descriptor.vnfds[0]!.vdus[0]!.highAvailability).toBe("ACTIVE_PASSIVE");
    expect(parse(stringify(f))).toEqual(f);
  });
});
