import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { flavourIds, inFlavour, nsFlavourIds, nsInFlavour } from "../../src/descriptor/flavours.ts";
import { readText } from "../../src/descriptor/read.ts";

// VNFDs and NSDs of several deployment flavours: each is read, compiled and held against every rule by itself.

// biome-ignore lint/suspicious/noExplicitAny: a descriptor that is being changed has, on purpose, no type.
type Loose = any;

/** The relays as an active-passive pair that a virtual IP protects; and as three that serve, of a larger machine, with a second VDU beside them. */
function several(): Loose {
  const file = parse(readFileSync(new URL("../../examples/sol006/media-service-active-passive.yaml", import.meta.url), "utf8"));
  const [vnfd] = file.nfv.vnfd;
  const [nsd] = file.nfv.nsd;
  vnfd["virtual-compute-desc"].push({ id: "large", "virtual-memory": { size: 4 }, "virtual-cpu": { "num-virtual-cpu": 4 } });
  vnfd.vdu.push({
    id: "cache",
    name: "cache",
    "virtual-compute-desc": "media-relay",
    "sw-image-desc": "relay-image",
    "int-cpd": [{ id: "eth9" }],
  });
  vnfd["ext-cpd"].push({ id: "cached", "int-cpd": { "vdu-id": "cache", cpd: "eth9" } });
  const [first] = vnfd.df;
  vnfd.df.push({
    id: "pool",
    "vdu-profile": [
      {
        ...first["vdu-profile"][0],
        "min-number-of-instances": 3,
        "max-number-of-instances": 3,
        "high-availability": "NPlusM",
        "virtual-compute-desc": "large",
      },
      { id: "cache", "min-number-of-instances": 1, "max-number-of-instances": 1 },
    ],
    "instantiation-level": [{ id: "only", "vdu-level": [{ "vdu-id": "relay", "number-of-instances": 3 }] }],
    "affinity-or-anti-affinity-group": first["affinity-or-anti-affinity-group"],
  });
  const pooled = structuredClone(nsd.df[0]);
  pooled.id = "busy";
  Object.assign(pooled["vnf-profile"][0], { "flavour-id": "pool", "instantiation-level": "only" });
  pooled["vnf-profile"][0]["virtual-link-connectivity"].push({
    "virtual-link-profile-id": "media_net",
    "constituent-cpd-id": [{ "constituent-base-element-id": "relays", "constituent-cpd-id": "cached" }],
  });
  nsd.df.push(pooled);
  return file;
}
const read = (file: Loose) => readText(stringify(file), "f.yaml");
const told = (file: Loose) => read(file).flaws.map((f) => `${f.path}: ${f.what}; ${f.remedy}`);
const vnfd = (file: Loose) => file.nfv.vnfd[0];

test("every flavour of a VNFD is kept whole: its VDUs, their numbers, machines, protection, and what is reached from outside", () => {
  const { outcome, flaws } = read({ nfv: { vnfd: several().nfv.vnfd } });
  expect(flaws).toEqual([]);
  const blueprint = outcome!.descriptor.vnfds[0]!.blueprint!;
  expect(flavourIds(blueprint)).toEqual(["default", "pool"]);
  const shape = (id: string) => {
    const { vdus, extCps, others, flavour } = inFlavour(blueprint, id)!;
    expect(others).toBeUndefined();
    const ofVdus = vdus.map((v) => [v.id, v.flavor, v.instances.initial, v.wish.scheme, v.isKeptApart]);
    return { ofVdus, ext: extCps.map((e) => e.id), levels: flavour!.levels };
  };
  expect(shape("default")).toEqual({
    ofVdus: [["relay", "media-relay", 2, null, true]],
    ext: ["media", "viewers"],
    levels: ["default"],
  });
  expect(shape("pool")).toEqual({
    ofVdus: [
      ["relay", "large", 3, "N_PLUS_M", true],
      ["cache", "media-relay", 1, null, false],
    ],
    ext: ["media", "viewers", "cached"],
    levels: ["only"],
  });
  expect(inFlavour(blueprint, undefined)).toEqual(inFlavour(blueprint, "default"));
  expect(inFlavour(blueprint, "none")).toBeUndefined();
});

test("an NSD names the flavour of each VNF, and is compiled in each of its own", () => {
  const { outcome, flaws } = read(several());
  expect(flaws).toEqual([]);
  const { nsds, vnfds } = outcome!.descriptor;
  const nsd = nsds[0]!;
  expect(nsFlavourIds(nsd)).toEqual(["default", "busy"]);
  const made = { nsd, vnfd: vnfds.find((v) => v.id === nsd.vnfd)! };
  expect(nsInFlavour(made, "default")).toBe(made);
  expect(made.vnfd).toMatchObject({ id: "media-relay-vip", vdus: [{ highAvailability: "ACTIVE_PASSIVE" }] });
  const busy = nsInFlavour(made, "busy")!;
  expect(busy.vnfd).toMatchObject({
    vdus: [
      {
        id: "relay",
        flavor: "large",
        highAvailability: "N_PLUS_M",
        vnfcs: [{ id: "relay-a" }, { id: "relay-b" }, { id: "relay-3" }],
      },
      { id: "cache", highAvailability: null, vnfcs: [{ id: "cache-1" }] },
    ],
  });
  expect(busy.vnfd.blueprint).toBeUndefined();
  expect(busy.nsd).toMatchObject({
    flavour: "busy",
    vnfs: [{ vnfFlavour: "pool", vnfcs: ["relay-a", "relay-b", "relay-3", "cache-1"] }],
  });
  expect(nsInFlavour(made, "none")).toBeUndefined();
  // What it was compiled with in any of them may not be deleted.
  expect(nsd.vnfds).toEqual(["media-relay-vip"]);
});

test("what is wrong in any flavour is told, with where it stands", () => {
  const wrong = (change: (file: Loose) => void): string => {
    const file = several();
    change(file);
    return told(file).join("\n");
  };
  expect(wrong((f) => (f.nfv.nsd[0].df[1]["vnf-profile"][0]["flavour-id"] = "huge"))).toBe(
    'nfv.nsd[0].df[1].vnf-profile[0]: VNFD "media-relay-vip" has no deployment flavour "huge"; write one of default, pool',
  );
  expect(wrong((f) => (vnfd(f).df[1].id = "default"))).toMatch(/df\[1\]\.id: "default" is the id of another df/);
  expect(wrong((f) => delete vnfd(f).df[1].id)).toMatch(/df\[1\]\.id: is missing; write an id, by which it is chosen/);
  expect(wrong((f) => (vnfd(f).df[1]["vdu-profile"][0].id = "relais"))).toMatch(
    /there is no vdu "relais"; write one of relay, cache/,
  );
  expect(wrong((f) => vnfd(f).df[1]["vdu-profile"].pop())).toMatch(
    /no deployment flavour has it; write a vdu-profile for it in a df/,
  );
  expect(wrong((f) => (vnfd(f).df[1]["vdu-profile"][0]["high-availabilty"] = "NPlusM"))).toMatch(
    /write high-availability, or remove it/,
  );
  // A pool of one is none, and it is told though the first flavour is right.
  expect(
    wrong((f) => {
      Object.assign(vnfd(f).df[1]["vdu-profile"][0], { "min-number-of-instances": 1, "max-number-of-instances": 1 });
      vnfd(f).df[1]["instantiation-level"][0]["vdu-level"][0]["number-of-instances"] = 1;
    }),
  ).toMatch(/only one instance/);
});

test("a SOL001 package has as many flavours as it has service templates of such", () => {
  const template = (flavour: string, vdus: Record<string, number>): Loose => ({
    tosca_definitions_version: "tosca_simple_yaml_1_3",
    topology_template: {
      substitution_mappings: { node_type: "acme.fw", properties: { flavour_id: flavour }, requirements: {} },
      node_templates: {
        VNF: { type: "acme.fw", properties: { flavour_id: flavour } },
        ...Object.fromEntries(
          Object.entries(vdus).map(([name, count]) => [
            name,
            {
              type: "tosca.nodes.nfv.Vdu.Compute",
              properties: {
                name,
                vdu_profile: { min_number_of_instances: count, max_number_of_instances: count },
                sw_image_data: { name: "fw-image" },
              },
              metadata: { flavor: "small" },
            },
          ]),
        ),
        ...Object.fromEntries(
          Object.keys(vdus).map((name) => [
            `${name}-cp`,
            {
              type: "tosca.nodes.nfv.VduCp",
              requirements: [{ virtual_binding: name }, { virtual_link: "inner" }],
            },
          ]),
        ),
        inner: { type: "tosca.nodes.nfv.VnfVirtualLink" },
      },
    },
  });
  const files: Record<string, Loose> = {
    "one.yaml": template("one", { fw: 1 }),
    "many.yaml": template("many", { fw: 3, log: 1 }),
  };
  const top = {
    tosca_definitions_version: "tosca_simple_yaml_1_3",
    imports: ["etsi_nfv_sol001_vnfd_types.yaml", "one.yaml", "many.yaml"],
    node_types: {
      "acme.fw": {
        derived_from: "tosca.nodes.nfv.VNF",
        properties: Object.fromEntries(
          [
            ["descriptor_id", "fw"],
            ["descriptor_version", "1"],
            ["product_name", "Firewall"],
            ["provider", "p"],
            ["software_version", "1"],
          ].map(([key, value]) => [key, { type: "string", default: value }]),
        ),
      },
    },
    topology_template: {
      inputs: { selected_flavour: { type: "string", default: "one" } },
      node_templates: { VNF: { type: "acme.fw", properties: { flavour_id: { get_input: "selected_flavour" } } } },
    },
  };
  const { outcome, flaws } = readText(stringify(top), "top.yaml", undefined, (path) =>
    files[path] ? stringify(files[path]) : null,
  );
  expect(flaws).toEqual([]);
  const blueprint = outcome!.descriptor.vnfds[0]!.blueprint!;
  expect(flavourIds(blueprint)).toEqual(["one", "many"]);
  const counts = (id: string) => inFlavour(blueprint, id)!.vdus.map((v) => [v.id, v.instances.initial]);
  expect(counts("one")).toEqual([["fw", 1]]);
  expect(counts("many")).toEqual([
    ["fw", 3],
    ["log", 1],
  ]);
});
