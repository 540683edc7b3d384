import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import type { Compiled } from "../../src/descriptor/protect.ts";
import { readText } from "../../src/descriptor/read.ts";
import type { Vdu } from "../../src/model/descriptor.ts";

const example = (name: string) => readFileSync(new URL(`../../examples/${name}`, import.meta.url), "utf8");

// biome-ignore lint/suspicious/noExplicitAny: a descriptor that is being changed has, on purpose, no type.
type Loose = any;

/** A VNF of two instances and an NS that uses it, in SOL006's own words, with nothing that asks for protection. */
function standard(): Loose {
  return {
    nfv: {
      vnfd: [
        {
          id: "fw",
          provider: "p",
          "product-name": "Firewall",
          "software-version": "1.0",
          version: "1.0",
          "vnfm-info": ["sempre"],
          "virtual-compute-desc": [{ id: "small", "virtual-memory": { size: 0.5 }, "virtual-cpu": { "num-virtual-cpu": 2 } }],
          "sw-image-desc": [{ id: "img", name: "fw-image", version: "1" }],
          vdu: [
            {
              id: "fw",
              name: "fw",
              "virtual-compute-desc": "small",
              "sw-image-desc": "img",
              "int-cpd": [{ id: "mgmt" }, { id: "in" }],
            },
          ],
          "ext-cpd": [
            { id: "mgmt-ext", "int-cpd": { "vdu-id": "fw", cpd: "mgmt" } },
            { id: "in-ext", "int-cpd": { "vdu-id": "fw", cpd: "in" } },
          ],
          df: [
            {
              id: "default",
              "vdu-profile": [
                {
                  id: "fw",
                  "min-number-of-instances": 2,
                  "max-number-of-instances": 4,
                  "affinity-or-anti-affinity-group-id": ["apart"],
                },
              ],
              "affinity-or-anti-affinity-group": [{ id: "apart", affinityorAntiaffinity: "anti-affinity", scope: "nfvi-node" }],
            },
          ],
        },
      ],
      nsd: [
        {
          id: "ns",
          version: "1.0",
          name: "Service",
          "vnfd-id": ["fw"],
          "virtual-link-desc": [{ id: "mgmt_net" }, { id: "users0" }, { id: "users1" }],
          df: [
            {
              id: "default",
              "vnf-profile": [
                {
                  id: "1",
                  "vnfd-id": "fw",
                  "virtual-link-connectivity": [
                    connect("mgmt_net", "mgmt-ext"),
                    connect("users0", "in-ext"),
                    connect("users1", "in-ext"),
                  ],
                },
              ],
            },
          ],
        },
      ],
    },
  };
}
const connect = (link: string, cp: string) => ({
  "virtual-link-profile-id": link,
  "constituent-cpd-id": [{ "constituent-base-element-id": "1", "constituent-cpd-id": cp }],
});
const vnfd = (f: Loose) => f.nfv.vnfd[0];
const vdu = (f: Loose) => vnfd(f).vdu[0];
const profile = (f: Loose) => vnfd(f).df[0]["vdu-profile"][0];
const use = (f: Loose) => f.nfv.nsd[0].df[0]["vnf-profile"][0];
function withVip(f: Loose, serves: string, ip?: string): void {
  vnfd(f)["ext-cpd"][1] = { id: "in-ext", "vip-cpd": "vip" };
  const l3 = { "l3-address-data": { "fixed-ip-address": ip } };
  vnfd(f)["vip-cpd"] = [
    {
      id: "vip",
      "int-cpd": [{ "vdu-id": "fw", cpd: "in" }],
      "vip-function": serves,
      ...(ip && { protocol: [{ "address-data": [l3] }] }),
    },
  ];
}
function withSteering(f: Loose, behaviour: string, algorithm?: string): void {
  f.nfv.nsd[0].vnffgd = [
    {
      id: "g",
      "nfp-position-element": [
        { id: "e", desc: { "vnf-profile": { "vnf-profile-id": "1" }, vnf: { "vnfd-id": "fw", "cpd-id": "in-ext" } } },
      ],
      nfpd: [
        {
          id: "p",
          "position-desc": [
            {
              id: "d",
              "nfp-position-element-id": ["e"],
              "forwarding-behaviour": behaviour,
              "forwarding-behavior-input-parameters": algorithm,
            },
          ],
        },
      ],
    },
  ];
}

function read(f: Loose) {
  return readText(typeof f === "string" ? f : stringify(f), "f.yaml");
}
function compiled(f: Loose): {
  vdu: Vdu;
  compiled: Compiled | null;
  members: readonly { vnfc: string; trafficNets: readonly string[] }[];
} {
  const { outcome, flaws } = read(f);
  expect(flaws).toEqual([]);
  const { vdu: made, compiled: how } = outcome!.protection[0]!.vdus[0]!;
  return { vdu: made, compiled: how, members: outcome!.descriptor.nsds[0]!.members };
}

const STANDARD: Record<string, [write: (f: Loose) => void, want: object | null]> = {
  "two instances kept apart, and nothing more: not protected": [(f) => use(f)["virtual-link-connectivity"].pop(), null],
  "a virtual IP for high availability": [
    (f) => withVip(f, "high-availability"),
    { scheme: "ACTIVE_PASSIVE", serviceCp: "in", level: 2, serving: 1 },
  ],
  "a virtual IP for load balancing": [
    (f) => withVip(f, "load-balancing"),
    { scheme: "ACTIVE_ACTIVE", serviceCp: "in", serving: 2 },
  ],
  "a function as YANG's JSON names it": [(f) => withVip(f, "etsi-nfv-vnf:high-availability"), { scheme: "ACTIVE_PASSIVE" }],
  "load balancing over one link: there is nothing to share": [
    (f) => {
      withVip(f, "load-balancing");
      use(f)["virtual-link-connectivity"].pop();
    },
    { scheme: "ACTIVE_PASSIVE", serving: 1 },
  ],
  "one after the other along a path": [
    (f) => withSteering(f, "lb", "CHAINED_FAILOVER"),
    { scheme: "ACTIVE_PASSIVE", serviceCp: "in" },
  ],
  "shared along a path by source addresses": [
    (f) => withSteering(f, "lb", "algorithm=SOURCE_IP_HASH"),
    { scheme: "ACTIVE_ACTIVE" },
  ],
  "to all along a path": [(f) => withSteering(f, "all"), { scheme: "DUPLICATED", serving: 2 }],
  "kept apart with a level, one way in": [
    (f) => {
      vdu(f)["service-connection-point"] = "in";
      use(f)["service-availability-level"] = 1;
    },
    { scheme: "ACTIVE_PASSIVE", level: 1, detection: "fast" },
  ],
  "the level of the NS": [
    (f) => {
      withVip(f, "high-availability");
      f.nfv.nsd[0].df[0]["service-availability-level"] = 3;
    },
    { level: 3, detection: "relaxed", policy: { holdOffMs: 500, waitToRestoreMs: 300_000 } },
  ],
  "maintenance of two: times from hundredths of a second": [
    (f) => {
      withVip(f, "high-availability");
      profile(f)["nfvi-maintenance-info"] = {
        "impact-notification-lead-time": 0,
        "max-undetectable-interruption-time": 20,
        "min-recovery-time-between-impacts": 1500,
      };
    },
    { policy: { holdOffMs: 200, waitToRestoreMs: 15_000 } },
  ],
  "four of which three must be preserved: a pool": [
    (f) => {
      withVip(f, "load-balancing");
      profile(f)["min-number-of-instances"] = 4;
      profile(f)["nfvi-maintenance-info"] = {
        "min-number-of-preserved-instances": [{ "group-size": 4, "min-number-of-preserved-instances": 3 }],
      };
    },
    { scheme: "N_PLUS_M", serving: 3 },
  ],
  "four of which two may be away at once: a pool": [
    (f) => {
      withVip(f, "load-balancing");
      profile(f)["min-number-of-instances"] = 4;
      profile(f)["nfvi-maintenance-info"] = {
        "max-number-of-impacted-instances": [{ "group-size": 4, "max-number-of-impacted-instances": 2 }],
      };
    },
    { scheme: "N_PLUS_M", serving: 2 },
  ],
  "two VNFs of the NS in place of two VNFCs of the VNF": [
    (f) => {
      withVip(f, "high-availability");
      profile(f)["min-number-of-instances"] = 1;
      Object.assign(use(f), { "min-number-of-instances": 2, "max-number-of-instances": 2 });
    },
    { scheme: "ACTIVE_PASSIVE" },
  ],
  "what is written counts before the level and maintenance": [
    (f) => {
      withVip(f, "high-availability");
      profile(f)["nfvi-maintenance-info"] = { "max-undetectable-interruption-time": 20 };
      vdu(f).protection = {
        revertive: false,
        "hold-off": "50 ms",
        "wait-to-restore": "5 min",
        "detection-class": "none",
        "service-availability-level": 1,
      };
    },
    {
      level: 1,
      detection: "none",
      policy: { revertive: false, holdOffMs: 50, waitToRestoreMs: 300_000, probe: null, guestHeartbeat: null },
    },
  ],
  "the scheme in NFV-MAN 001's words": [
    (f) => {
      vdu(f)["high-availability"] = "ActiveActive";
      vdu(f)["service-connection-point"] = "in";
    },
    { scheme: "ACTIVE_ACTIVE", serviceCp: "in" },
  ],
};

describe("protection is compiled from", () => {
  test.for(Object.entries(STANDARD))("%s", ([, [write, want]]) => {
    const f = standard();
    write(f);
    const { compiled: got } = compiled(f);
    if (want === null) expect(got).toBeNull();
    else expect(got).toMatchObject(want);
  });
});

test("a probe asks the virtual IP, and where there is no address nobody is asked in-band", () => {
  const f = standard();
  withVip(f, "high-availability", "10.0.0.9");
  expect(compiled(f)).toMatchObject({
    vdu: { cps: [{ id: "mgmt" }, { id: "in", ip: "10.0.0.9" }], policy: { probe: { intervalMs: 250 } } },
  });
  const without = standard();
  withVip(without, "high-availability");
  expect(compiled(without)).toMatchObject({ vdu: { policy: { probe: null, guestHeartbeat: { intervalMs: 1_000 } } } });
});

test("traffic is dealt to those that serve; spares of a pool with an address rest warm", () => {
  const f = standard();
  withVip(f, "load-balancing", "10.0.0.9");
  profile(f)["min-number-of-instances"] = 3;
  const { vdu: made, members } = compiled(f);
  expect(made.vnfcs.map((v) => [v.id, v.standby, v.replicated])).toEqual([
    ["fw-1", "hot", null],
    ["fw-2", "hot", null],
    ["fw-3", "warm", null],
  ]);
  expect(members.map((m) => m.trafficNets)).toEqual([["users0"], ["users1"], []]);
});

test("an NS of two VNFs gets a VNFD of its own, with names that do not collide", () => {
  const f = standard();
  withVip(f, "high-availability");
  const second = structuredClone(use(f));
  second.id = "2";
  second["virtual-link-connectivity"] = [connect("mgmt2", "mgmt-ext"), connect("users2", "in-ext")];
  f.nfv.nsd[0].df[0]["vnf-profile"].push(second);
  f.nfv.nsd[0]["virtual-link-desc"].push({ id: "mgmt2" }, { id: "users2", "vim-network-name": "users-two" });
  const { outcome, flaws } = read(f);
  expect(flaws).toEqual([]);
  const [nsd] = outcome!.descriptor.nsds;
  expect(nsd).toMatchObject({ vnfd: "ns-vnfs", vnfds: ["fw"], nets: { mgmt: "mgmt_net", "2-fw-mgmt": "mgmt2" } });
  expect(nsd!.members.map((m) => [m.vnfc, m.dataNet, m.trafficNets])).toEqual([
    ["1-fw-1", "1-fw-1-data", ["users0", "users1"]],
    ["1-fw-2", "1-fw-2-data", []],
    ["2-fw-1", "2-fw-1-data", ["users-two"]],
    ["2-fw-2", "2-fw-2-data", []],
  ]);
});

test("an NSD by itself uses a VNFD that is on board, and the two together give the same", () => {
  const f = standard();
  withVip(f, "high-availability");
  const together = read(f).outcome!.descriptor;
  const [blueprint] = together.vnfds.flatMap((v) => v.blueprint ?? []);
  const alone = readText(stringify({ nfv: { nsd: f.nfv.nsd } }), "nsd.yaml", { find: () => blueprint, names: ["fw"] });
  expect(alone.flaws).toEqual([]);
  expect(alone.outcome!.descriptor).toEqual(together);
  const unknown = readText(stringify({ nfv: { nsd: f.nfv.nsd } }), "nsd.yaml");
  expect(unknown.flaws[0]).toMatchObject({ path: "nfv.nsd[0].df[0].vnf-profile[0]", what: 'there is no VNFD "fw"' });
});

test("an image is the VIM's of its name, wherever the package says its file is", () => {
  const f = standard();
  vnfd(f)["sw-image-desc"][0].image = "Files/fw.qcow2";
  f.nfv.nsd[0].df[0]["vnf-profile"][0]["virtual-link-connectivity"].pop();
  expect(compiled(f).vdu.image).toBe("fw-image");
});

test("OSM's way of writing it, and JSON of YANG, give the same", () => {
  const f = standard();
  withVip(f, "high-availability");
  const want = read(f).outcome!.descriptor;
  expect(read(JSON.stringify({ "etsi-nfv-descriptors:nfv": f.nfv })).outcome!.descriptor).toEqual(want);
  const osmVnfd = readText(stringify({ vnfd: vnfd(f) }), "vnfd.yaml").outcome!.descriptor;
  const known = { find: () => osmVnfd.vnfds[0]!.blueprint, names: ["fw"] };
  expect(readText(stringify({ nsd: { nsd: f.nfv.nsd } }), "nsd.yaml", known).outcome!.descriptor).toEqual(want);
});

const BROKEN: Record<string, [breakIt: (f: Loose) => void, path: string, what: RegExp]> = {
  "no vdu": [(f) => delete vnfd(f).vdu, "nfv.vnfd[0].vdu", /is missing/],
  "a flavor that is not there": [
    (f) => {
      vdu(f)["virtual-compute-desc"] = "big";
    },
    "nfv.vnfd[0].vdu[0].virtual-compute-desc",
    /there is no virtual-compute-desc "big"; write one of small/,
  ],
  "an image that is not there": [
    (f) => {
      vdu(f)["sw-image-desc"] = "x";
    },
    "nfv.vnfd[0].vdu[0].sw-image-desc",
    /there is no sw-image-desc "x"/,
  ],
  "memory in MB": [
    (f) => {
      vnfd(f)["virtual-compute-desc"][0]["virtual-memory"].size = 65536;
    },
    "nfv.vnfd[0].virtual-compute-desc[0].virtual-memory.size",
    /65536 GB is more than any host has; write the memory in GB, not in MB/,
  ],
  "an ext-cpd to nowhere": [
    (f) => {
      vnfd(f)["ext-cpd"][1]["int-cpd"].cpd = "zz";
    },
    "nfv.vnfd[0].ext-cpd[1].int-cpd.cpd",
    /VDU "fw" has no int-cpd "zz"; write one of mgmt, in/,
  ],
  "a misspelt extension": [
    (f) => {
      vdu(f)["high-availabilty"] = "ActiveActive";
    },
    "nfv.vnfd[0].vdu[0].high-availabilty",
    /there is no such key; write high-availability/,
  ],
  "a scheme that there is not": [
    (f) => {
      vdu(f)["high-availability"] = "Passive";
    },
    "nfv.vnfd[0].vdu[0].high-availability",
    /"Passive" is not possible here; write the scheme: ActiveActive or ActivePassive/,
  ],
  "a time in hours": [
    (f) => {
      vdu(f).protection = { "hold-off": "2 h" };
    },
    "nfv.vnfd[0].vdu[0].protection.hold-off",
    /has a unit that is none of time; write .* ms, s or min/,
  ],
  "a key of protection that there is not": [
    (f) => {
      vdu(f).protection = { holdoff: 1 };
    },
    "nfv.vnfd[0].vdu[0].protection.holdoff",
    /there is no such key; write one of revertive/,
  ],
  "level 4": [
    (f) => {
      use(f)["service-availability-level"] = 4;
    },
    "nfv.nsd[0].df[0].vnf-profile[0].service-availability-level",
    /4 is no service availability level; write 1/,
  ],
  "a level at two places": [
    (f) => {
      use(f)["service-availability-level"] = 1;
      f.nfv.nsd[0].df[0]["service-availability-level"] = 2;
    },
    "nfv.nsd[0].df[0].vnf-profile[0].service-availability-level",
    /the flavour of the NS has a level too/,
  ],
  "more at least than at most": [
    (f) => {
      profile(f)["min-number-of-instances"] = 9;
    },
    "nfv.vnfd[0].df[0].vdu-profile[0].min-number-of-instances",
    /9 is more than the greatest number, 4/,
  ],
  "a link that is not there": [
    (f) => {
      use(f)["virtual-link-connectivity"][0]["virtual-link-profile-id"] = "zz";
    },
    "nfv.nsd[0].df[0].vnf-profile[0].virtual-link-connectivity[0].virtual-link-profile-id",
    /there is no virtual-link-desc "zz"/,
  ],
  "a connection to what the VNF has not": [
    (f) => {
      use(f)["virtual-link-connectivity"][0] = connect("mgmt_net", "zz");
    },
    "nfv.nsd[0].df[0].vnf-profile[0].virtual-link-connectivity[0].constituent-cpd-id[0]",
    /VNFD "fw" has no external connection point "zz"/,
  ],
  "protected, and no place of the service": [
    (f) => {
      vdu(f)["high-availability"] = "ActivePassive";
    },
    "nfv.vnfd[0].vdu[0]",
    /nothing says at which of its connection points the service is/,
  ],
  "protected, and alone": [
    (f) => {
      withVip(f, "high-availability");
      profile(f)["min-number-of-instances"] = 1;
    },
    "nfv.vnfd[0].vdu[0]",
    /there is only one instance of it/,
  ],
  "to share, with nothing to share": [
    (f) => {
      Object.assign(vdu(f), { "high-availability": "ActiveActive", "service-connection-point": "in" });
      use(f)["virtual-link-connectivity"].pop();
    },
    "nfv.nsd[0]",
    /ACTIVE_ACTIVE but fw-2 has no traffic_net/,
  ],
  "a member that there is not": [
    (f) => {
      withVip(f, "high-availability");
      use(f).member = [{ "vnfc-id": "zz" }];
    },
    "nfv.nsd[0].df[0].vnf-profile[0].member[0]",
    /there is no VNFC "zz"; write one of fw-1, fw-2/,
  ],
  "an NS in itself": [
    (f) => {
      f.nfv.nsd[0]["nested-nsd-id"] = ["ns"];
    },
    "nfv.nsd[0].nested-nsd-id",
    /the NS contains itself/,
  ],
  "an address that is none": [
    (f) => withVip(f, "high-availability", "10.0.0.999"),
    "nfv.vnfd[0].vip-cpd[0].protocol[0].address-data[0].l3-address-data.fixed-ip-address",
    /"10\.0\.0\.999" is not possible here/,
  ],
};

describe("what is wrong is told where it stands, with what to do", () => {
  test.for(Object.entries(BROKEN))("%s", ([, [breakIt, path, what]]) => {
    const f = standard();
    breakIt(f);
    const { outcome, flaws } = read(f);
    expect(outcome).toBeNull();
    const told = flaws.find((x) => x.path === path);
    expect(told, JSON.stringify(flaws)).toBeDefined();
    expect(`${told!.what}; ${told!.remedy}`).toMatch(what);
    expect(told!.line).toBeGreaterThan(0);
  });
});

test("line and column are those of the value", () => {
  const text = example("sol006/single.yaml").replace("cpd: eth0", "cpd: eth7");
  const line = text.split("\n").findIndex((l) => l.includes("eth7")) + 1;
  const column = text.split("\n")[line - 1]!.indexOf("eth7") + 1;
  expect(readText(text, "single.yaml").flaws).toMatchObject([
    { file: "single.yaml", line, column, path: "nfv.vnfd[0].ext-cpd[0].int-cpd.cpd" },
  ]);
});

test("the media service in SOL006 is the demo's", () => {
  const plain = readText(example("media-relay.yaml"), "p").outcome!.descriptor;
  const sol = readText(example("sol006/media-service.yaml"), "s").outcome!.descriptor;
  const { id: _, compute, ...vduOfSol } = sol.vnfds[0]!.vdus[0]!;
  const { id: __, ...vduOfPlain } = plain.vnfds[0]!.vdus[0]!;
  expect({ ...vduOfSol, policy: { ...vduOfSol.policy, guestHeartbeat: null } }).toEqual(vduOfPlain);
  expect(compute).toEqual({ vcpus: 1, memoryMiB: 102, diskGiB: null });
  expect(sol.nsds[0]!.ownNets).toEqual(["media_net"]); // The others are written as nets of the VIM, or its users are there.
  expect(sol.nsds[0]!.members).toEqual(plain.nsds[0]!.members);
  expect(sol.nsds[0]!.nets).toEqual(plain.nsds[0]!.nets);
});

test.for(["media-service.yaml", "media-service-active-passive.yaml", "media-service-scaled.yaml", "single.yaml"])(
  "examples/sol006/%s is right, as YAML and as JSON",
  (name) => {
    const text = example(`sol006/${name}`);
    const asYaml = readText(text, name);
    expect(asYaml).toMatchObject({ form: "SOL006", flaws: [] });
    expect(readText(JSON.stringify(parse(text)), name).outcome!.descriptor).toEqual(asYaml.outcome!.descriptor);
  },
);
