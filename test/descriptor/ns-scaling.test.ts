import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { knownOf } from "../../src/descriptor/compile.ts";
import { readText } from "../../src/descriptor/read.ts";
import { type Made, namesAt, namesOf, namesWhenMade, sized, whyNotOf } from "../../src/descriptor/sized.ts";
import { perVnf } from "../harness/scaled-ns.ts";

const EXAMPLE = readFileSync(new URL("../../examples/sol006/media-service-scaled.yaml", import.meta.url), "utf8");

// biome-ignore lint/suspicious/noExplicitAny: a descriptor that is being changed has, on purpose, no type.
type Loose = any;

const changed = (change: (nfv: Loose) => void): string => {
  const file = parse(EXAMPLE);
  change(file.nfv);
  return stringify(file);
};

function made(text: string): Made {
  const { outcome, flaws } = readText(text, "d.yaml");
  expect(flaws).toEqual([]);
  const [nsd] = outcome!.descriptor.nsds;
  return { nsd: nsd!, vnfd: outcome!.descriptor.vnfds.find((v) => v.id === nsd!.vnfd)! };
}

const told = (text: string): string => {
  const { outcome, flaws } = readText(text, "d.yaml");
  expect(outcome).toBeNull();
  return flaws.map((f) => `${f.what}; ${f.remedy}`).join("\n");
};

/** Who serves what with these VNFs of the profile, who waits in brackets; or why that cannot be. */
function withVnfs(of: Made, ...vnfs: number[]): string {
  const [scaling] = of.nsd.scaling!;
  const names = new Set(vnfs.flatMap((k) => namesWhenMade(of, scaling!, k)));
  const why = whyNotOf(of, names);
  if (why.length > 0) return why.join("\n");
  return sized(of, names, names)
    .nsd.members.map((m) => `${m.vnfc[0]}${m.trafficNets.map((n) => n.slice(-1)).join("") || "()"}`)
    .join(" ");
}

describe("levels of an NS in SOL006", () => {
  test("the default level is what it is made with, a step leads to the next, and what is further has names and nets", () => {
    const of = made(perVnf());
    expect(of.nsd.vnfs!.map((v) => v.vnfcs)).toEqual([["1-relay"], ["2-relay"], ["3-relay"]]);
    expect(of.nsd.nsScaling).toEqual({
      initial: "normal",
      levels: [
        { id: "small", vnfs: { relays: 2 } },
        { id: "normal", vnfs: { relays: 3 } },
        { id: "large", vnfs: { relays: 4 } },
      ],
      aspects: [{ id: "viewers", levels: ["small", "normal", "large"].map((id) => expect.objectContaining({ id })) }],
    });
    expect(of.nsd.scaling).toMatchObject([{ profile: "relays", vnfs: { min: 2, max: 4 }, aspects: [] }]);
    expect(
      [
        [0, 1],
        [0, 1, 2],
        [0, 1, 2, 3],
        [0, 1, 3],
      ].map((vnfs) => withVnfs(of, ...vnfs)),
    ).toEqual(["10213 2()", "102 213 3()", "102 21 3() 43", "102 213 4()"]);
    expect(withVnfs(of, 0)).toMatch(/so there is no spare/);
  });

  test("a net that nobody names is made with the VNF that needs it", () => {
    const of = made(perVnf((nfv) => nfv.nsd[0].df[0]["vnf-profile"][0].member.splice(3)));
    expect(of.nsd.ownNets ?? []).not.toContain("4-relay-data");
    const [scaling] = of.nsd.scaling!;
    const names = new Set(namesOf(of, scaling!, scaling!.vdus[0]!).flat());
    expect(sized(of, names, names).nsd.ownNets).toContain("4-relay-data");
  });

  test("mistakes are told", () => {
    const df = (nfv: Loose) => nfv.nsd[0].df[0];
    expect(told(perVnf((nfv) => (df(nfv)["default-ns-instantiation-level"] = "zz")))).toMatch(/no ns-instantiation-level "zz"/);
    expect(told(perVnf((nfv) => df(nfv)["scaling-aspect"][0]["scaling-level"].push("zz")))).toMatch(
      /no ns-instantiation-level "zz"/,
    );
    expect(told(perVnf((nfv) => df(nfv)["scaling-aspect"][0]["scaling-level"].reverse()))).toMatch(
      /"normal" is not larger than "large"/,
    );
    const mapping = (nfv: Loose) => df(nfv)["ns-instantiation-level"][2]["vnf-to-level-mapping"][0];
    expect(told(perVnf((nfv) => (mapping(nfv)["number-of-instances"] = 5)))).toMatch(/5 VNFs .* the profile has 2\.\.4/);
    expect(told(perVnf((nfv) => (mapping(nfv)["vnf-profile-id"] = "zz")))).toMatch(/there is no VNF profile "zz"/);
    expect(told(perVnf((nfv) => df(nfv)["scaling-aspect"].push({ id: "other", "scaling-level": ["small"] })))).toMatch(
      /"viewers" and "other" both say how many/,
    );
  });
});

describe("the instantiation level that a VNF profile names", () => {
  const profile = (nfv: Loose) => nfv.nsd[0].df[0]["vnf-profile"][0];

  test("is what its VNFs are made at, and scaled from", () => {
    const of = made(changed((nfv) => Object.assign(profile(nfv), { "instantiation-level": "least" })));
    expect(of.vnfd.vdus[0]!.vnfcs.map((v) => v.id)).toEqual(["relay-a", "relay-b"]);
    expect(of.nsd.scaling).toMatchObject([{ initial: "least" }]);
    expect(of.nsd.scaling![0]!.vdus[0]!.further[0]!.map((f) => f.vnfc.id)).toEqual(["relay-c", "relay-d", "relay-e"]);
  });

  test("also of a VNFD that has levels and no aspect", () => {
    const of = made(
      changed((nfv) => {
        const [df] = nfv.vnfd[0].df;
        df["scaling-aspect"] = undefined;
        for (const level of df["instantiation-level"]) level["scaling-info"] = undefined;
        nfv.vnfd[0].vdu[0].vnfc.splice(2);
        profile(nfv).member.splice(2);
        profile(nfv)["instantiation-level"] = "least";
      }),
    );
    expect(of.vnfd.vdus[0]!.vnfcs).toHaveLength(2);
    expect(of.nsd).not.toHaveProperty("scaling");
  });

  test("and one that there is not is told", () => {
    expect(told(changed((nfv) => (profile(nfv)["instantiation-level"] = "zz")))).toMatch(
      /VNFD "media-relay-scaled" has no instantiation level "zz"; write one of .*normal/,
    );
  });
});

test("of several that could go it is the cheapest, and never one that a pool needs to wait", () => {
  const of = made(EXAMPLE);
  const [scaling] = of.nsd.scaling!;
  const [vdu] = scaling!.vdus;
  const now = [["relay-a", "relay-b", "relay-c", "relay-d"]];
  const less = (count: number, cheap: string) =>
    namesAt(of, scaling!, vdu!, [count], now, (id) => (id === cheap ? 0 : 1))[0]!
      .map((n) => n.slice(-1))
      .join("");
  expect([less(3, "relay-a"), less(3, "relay-c"), less(3, "none"), less(2, "relay-b")]).toEqual(["bcd", "abc", "abc", "ac"]);
});

/** In SOL001: a VNF of relays, and an NS of one to three of them. */
const VNFD: Loose = {
  tosca_definitions_version: "tosca_simple_yaml_1_3",
  imports: ["etsi_nfv_sol001_vnfd_types.yaml"],
  topology_template: {
    substitution_mappings: {
      node_type: "tosca.nodes.nfv.VNF",
      requirements: { viewers: ["service", "virtual_link"], media: ["eth0", "virtual_link"] },
    },
    node_templates: {
      VNF: {
        type: "tosca.nodes.nfv.VNF",
        properties: {
          descriptor_id: "relays",
          descriptor_version: "1.0",
          provider: "Sempre",
          product_name: "Relays",
          software_version: "1.0",
        },
      },
      relay: {
        type: "tosca.nodes.nfv.Vdu.Compute",
        properties: {
          name: "relay",
          description: "a relay",
          vdu_profile: { min_number_of_instances: 1, max_number_of_instances: 4 },
          sw_image_data: { name: "media-relay", version: "1" },
        },
        metadata: { flavor: "media-relay" },
      },
      ...Object.fromEntries(
        ["eth0", "eth1"].map((cp) => [
          cp,
          {
            type: "tosca.nodes.nfv.VduCp",
            properties: { layer_protocols: ["ipv4"] },
            requirements: [{ virtual_binding: "relay" }],
          },
        ]),
      ),
      service: {
        type: "tosca.nodes.nfv.VipCp",
        properties: { vip_function: "load_balance" },
        requirements: [{ target: "eth1" }],
      },
    },
    policies: [
      {
        aspects: {
          type: "tosca.policies.nfv.ScalingAspects",
          properties: { aspects: { more: { name: "more", description: "x", max_scale_level: 2, step_deltas: ["one"] } } },
        },
      },
      {
        deltas: {
          type: "tosca.policies.nfv.VduScalingAspectDeltas",
          properties: { aspect: "more", deltas: { one: { number_of_instances: 1 } } },
          targets: ["relay"],
        },
      },
      {
        initial: {
          type: "tosca.policies.nfv.VduInitialDelta",
          properties: { initial_delta: { number_of_instances: 2 } },
          targets: ["relay"],
        },
      },
      {
        levels: {
          type: "tosca.policies.nfv.InstantiationLevels",
          properties: {
            levels: {
              least: { description: "x", scale_info: { more: { scale_level: 0 } } },
              most: { description: "x", scale_info: { more: { scale_level: 2 } } },
            },
            default_level: "least",
          },
        },
      },
      {
        counts: {
          type: "tosca.policies.nfv.VduInstantiationLevels",
          properties: { levels: { least: { number_of_instances: 2 }, most: { number_of_instances: 4 } } },
          targets: ["relay"],
        },
      },
    ],
  },
};
const relays = (more: object = {}) => ({
  type: "tosca.nodes.nfv.VNF",
  properties: { descriptor_id: "relays", vnf_profile: { min_number_of_instances: 1, max_number_of_instances: 3, ...more } },
  requirements: [{ viewers: "users0" }, { viewers: "users1" }, { media: "media" }],
});
const NSD = (vnf: Loose = relays()): Loose => ({
  tosca_definitions_version: "tosca_simple_yaml_1_3",
  imports: ["etsi_nfv_sol001_nsd_types.yaml"],
  topology_template: {
    node_templates: {
      NS: { type: "tosca.nodes.nfv.NS", properties: { descriptor_id: "ns", designer: "x", version: "1.0", name: "Service" } },
      R: vnf,
      ...Object.fromEntries(
        ["users0", "users1", "media"].map((l) => [l, { type: "tosca.nodes.nfv.NsVirtualLink", properties: {} }]),
      ),
    },
    policies: [
      {
        aspects: {
          type: "tosca.policies.nfv.NsScalingAspects",
          properties: {
            aspects: { out: { name: "out", ns_scale_levels: { 0: { description: "x" }, 1: { description: "y" } } } },
          },
        },
      },
      {
        steps: {
          type: "tosca.policies.nfv.VnfToLevelMapping",
          properties: { aspect: "out", number_of_instances: { 0: 1, 1: 2 } },
          targets: ["R"],
        },
      },
      {
        levels: {
          type: "tosca.policies.nfv.NsInstantiationLevels",
          properties: { ns_levels: { one: { description: "x" }, three: { description: "y" } }, default_level: "one" },
        },
      },
      {
        counts: {
          type: "tosca.policies.nfv.VnfToInstantiationLevelMapping",
          properties: { number_of_instances: { one: 1, three: 3 } },
          targets: ["R"],
        },
      },
    ],
  },
});

describe("SOL001", () => {
  const vnf = () => {
    const { outcome, flaws } = readText(stringify(VNFD), "vnfd.yaml");
    expect(flaws).toEqual([]);
    return outcome!.descriptor.vnfds[0]!;
  };
  const read = (nsd: Loose) => readText(stringify(nsd), "nsd.yaml", knownOf([vnf().blueprint!]));

  test("the policies of a VNFD: aspects, deltas and levels", () => {
    expect(vnf().vdus[0]!.vnfcs.map((v) => v.id)).toEqual(["relay-1", "relay-2"]);
    expect(vnf().blueprint!.scaling).toEqual({
      aspects: [{ id: "more", steps: [{ relay: 1 }, { relay: 1 }] }],
      levels: [
        { id: "least", vdus: { relay: 2 }, aspects: { more: 0 } },
        { id: "most", vdus: { relay: 4 }, aspects: { more: 2 } },
      ],
      initial: "least",
    });
  });

  test("the policies of an NSD, and the level of a profile", () => {
    const { outcome, flaws } = read(NSD());
    expect(flaws).toEqual([]);
    const [nsd] = outcome!.descriptor.nsds;
    expect(nsd!.nsScaling).toEqual({
      aspects: [
        {
          id: "out",
          levels: [
            { id: "0", vnfs: { R: 1 } },
            { id: "1", vnfs: { R: 2 } },
          ],
        },
      ],
      levels: [
        { id: "one", vnfs: { R: 1 } },
        { id: "three", vnfs: { R: 3 } },
      ],
      initial: "one",
    });
    expect(nsd!.vnfs!.map((v) => v.vnfcs)).toEqual([["relay-1", "relay-2"]]);
    expect(nsd!.scaling![0]!.vdus[0]!.further.map((f) => f.map((v) => v.vnfc.id))).toEqual([
      ["relay-3", "relay-4"],
      ["2-relay-1", "2-relay-2", "2-relay-3", "2-relay-4"],
      ["3-relay-1", "3-relay-2", "3-relay-3", "3-relay-4"],
    ]);
    const most = read(NSD(relays({ instantiation_level: "most" }))).outcome!.descriptor;
    expect(most.nsds[0]!.vnfs![0]!.vnfcs).toHaveLength(4);
  });

  test("mistakes are told", () => {
    const flawsOf = (change: (policies: Loose[]) => void) => {
      const nsd = NSD();
      change(nsd.topology_template.policies);
      return read(nsd)
        .flaws.map((f) => f.what)
        .join("\n");
    };
    expect(flawsOf((p) => p.splice(1, 1))).toMatch(/no VnfToLevelMapping says how many VNFs there are/);
    expect(flawsOf((p) => Object.assign(p[1].steps.properties, { number_of_instances: { 0: 1 } }))).toMatch(
      /no number for level "1"/,
    );
    expect(flawsOf((p) => Object.assign(p[2].levels.properties, { default_level: "zz" }))).toMatch(/there is no level "zz"/);
    expect(read(NSD(relays({ instantiation_level: "zz" }))).flaws.map((f) => f.what)).toContainEqual(
      expect.stringMatching(/VNFD "relays" has no instantiation level "zz"/),
    );
  });
});
