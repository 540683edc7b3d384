import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import type { KnownVnfds } from "../../src/descriptor/compile.ts";
import { openmanoRefusal } from "../../src/descriptor/openmano-refusal.ts";
import { readText } from "../../src/descriptor/read.ts";
import type { VnfBlueprint } from "../../src/model/blueprint.ts";
import type { Nsd } from "../../src/model/descriptor.ts";

// biome-ignore lint/suspicious/noExplicitAny: a descriptor that is being changed has, on purpose, no type.
type Loose = any;

const vm = (name: string, more: object = {}) => ({
  name,
  "VNFC image": "/images/relay.qcow2",
  vcpus: 1,
  ram: 1024,
  disk: 10,
  "bridge-ifaces": [
    { name: "eth0", vpci: "0000:00:11.0" },
    { name: "eth1", bandwidth: "100 Mbps" },
  ],
  numas: [],
  ...more,
});
const external = (name: string, VNFC: string, local_iface_name: string, type = "bridge") => ({
  name,
  type,
  VNFC,
  local_iface_name,
});

/** Two VMs that protect each other, with the dissertation's fields at `vnf:`. */
function relays(): Loose {
  return {
    vnf: {
      name: "relays",
      "external-connections": [
        external("mgmt-a", "relay-a", "eth0", "mgmt"),
        external("svc-a", "relay-a", "eth1"),
        external("mgmt-b", "relay-b", "eth0", "mgmt"),
        external("svc-b", "relay-b", "eth1"),
      ],
      VNFC: [vm("relay-a"), vm("relay-b")],
      high_availability: "ACTIVE_ACTIVE",
      service_interface: "eth1",
      replicated: { "relay-a": "relay-b" },
      service_ip: "10.0.0.100",
      protection: { "hold-off": 100, "detection-class": "fast" },
      data_net: { "relay-a": "data_net0", "relay-b": "data_net1" },
      kernel_cmdline: { "relay-a": "x=1", "relay-b": "x=2" },
    },
  };
}

function scenario(): Loose {
  return {
    schema_version: 2,
    scenario: {
      name: "media",
      vnfs: { r: { vnf_name: "relays" } },
      networks: {
        media_net: { external: true, interfaces: [{ r: "mgmt-a" }, { r: "mgmt-b" }] },
        traffic_net0: { external: true, interfaces: [{ r: "svc-a" }] },
        traffic_net1: { external: true, interfaces: [{ r: "svc-b" }] },
      },
    },
  };
}

const read = (f: Loose, known?: KnownVnfds) => readText(stringify(f), "f.yaml", known);
const knowing = (...vnfs: readonly VnfBlueprint[]): KnownVnfds => ({
  find: (id) => vnfs.find((v) => v.id === id || v.name === id),
  names: vnfs.map((v) => v.id),
});
const blueprintOf = (f: Loose): VnfBlueprint => {
  const { outcome, flaws } = read(f);
  expect(flaws).toEqual([]);
  return outcome!.descriptor.vnfds[0]!.blueprint!;
};

test("the dissertation's fields make a pair of two VNFCs, each with its networks", () => {
  const { outcome, flaws } = read(scenario(), knowing(blueprintOf(relays())));
  expect(flaws).toEqual([]);
  const { vnfds, nsds } = outcome!.descriptor;
  expect(vnfds[0]!.vdus).toMatchObject([
    {
      id: "relay-a",
      image: "relays-relay-a-img",
      flavor: "relays-relay-a-flv",
      highAvailability: "ACTIVE_ACTIVE",
      serviceInterface: "eth1",
      cps: [
        { id: "eth0", ip: null },
        { id: "eth1", ip: "10.0.0.100" },
      ],
      policy: { holdOffMs: 100, probe: { intervalMs: 50 }, guestHeartbeat: { intervalMs: 500 } },
      vnfcs: [
        { id: "relay-a", replicated: "relay-b", kernelCmdline: "x=1" },
        { id: "relay-b", replicated: "relay-a", kernelCmdline: "x=2" },
      ],
    },
  ]);
  expect(nsds[0]).toMatchObject({
    id: "media",
    nets: { eth0: "media_net" },
    members: [
      { vnfc: "relay-a", dataNet: "data_net0", trafficNets: ["traffic_net0"] },
      { vnfc: "relay-b", dataNet: "data_net1", trafficNets: ["traffic_net1"] },
    ],
  });
});

test("ACTIVE_PASSIVE of one VNFC that is made twice: all networks at the first", () => {
  const vnf = relays();
  vnf.vnf.VNFC = [vm("relay")];
  vnf.vnf["external-connections"] = [external("mgmt", "relay", "eth0", "mgmt"), external("svc", "relay", "eth1")];
  vnf.vnf.high_availability = "ACTIVE_PASSIVE";
  for (const key of ["replicated", "data_net", "kernel_cmdline"]) delete vnf.vnf[key];
  const s = scenario();
  s.scenario.networks = {
    m: { interfaces: [{ r: "mgmt" }] },
    t0: { interfaces: [{ r: "svc" }] },
    t1: { interfaces: [{ r: "svc" }] },
  };
  const { outcome, flaws } = read(s, knowing(blueprintOf(vnf)));
  expect(flaws).toEqual([]);
  expect(outcome!.descriptor.nsds[0]!.members).toMatchObject([
    { vnfc: "relay-1", dataNet: "relay-1-data", trafficNets: ["t0", "t1"] },
    { vnfc: "relay-2", dataNet: "relay-2-data", trafficNets: [] },
  ]);
});

/** A scenario's version is made of its text. */
const unversioned = (nsd: Nsd) => ({ ...nsd, version: "", written: { ...nsd.written, version: "" } });

test("scenarios 0.1, 0.2 and 0.3 say the same", () => {
  const known = knowing(blueprintOf(relays()));
  const second = read(scenario(), known).outcome!.descriptor.nsds[0]!;
  const plugs = (...list: [string, string][]) => list.map(([vnf, vnf_interface]) => ({ vnf, vnf_interface }));
  const third = {
    schema_version: "0.3",
    scenario: {
      name: "media",
      vnfs: { r: { vnf_name: "relays" } },
      networks: {
        media_net: { type: "e-lan", interfaces: plugs(["r", "mgmt-a"], ["r", "mgmt-b"]) },
        traffic_net0: { interfaces: plugs(["r", "svc-a"]) },
        traffic_net1: { interfaces: plugs(["r", "svc-b"]) },
      },
    },
  };
  const first = {
    name: "media",
    topology: {
      nodes: { r: { type: "VNF", "VNF model": "relays" }, media_net: { type: "external_network" } },
      connections: {
        c0: { type: "bridge_net", nodes: [{ r: "mgmt-a" }, { r: "mgmt-b" }, { media_net: "0" }] },
        traffic_net0: { type: "bridge_net", nodes: [{ r: "svc-a" }] },
        traffic_net1: { type: "bridge_net", nodes: { r: "svc-b" } },
      },
    },
  };
  for (const other of [third, first]) {
    const { outcome, flaws } = read(other, known);
    expect(flaws).toEqual([]);
    expect(unversioned(outcome!.descriptor.nsds[0]!)).toEqual(unversioned(second));
  }
});

test("VNFD 0.2: internal links are nets, and an interface on no network is left out of the VM", () => {
  const vnf = {
    schema_version: "0.2",
    vnf: {
      name: "two vms",
      "internal-connections": [
        {
          name: "datanet",
          type: "e-lan",
          implementation: "overlay",
          elements: [
            { VNFC: "a b", local_iface_name: "eth1", ip_address: "192.168.1.2" },
            { VNFC: "c", local_iface_name: "eth1" },
          ],
        },
      ],
      "external-connections": [external("x", "a b", "eth0"), external("y", "c", "eth0")],
      VNFC: [vm("a b"), vm("c")],
    },
  };
  const s = {
    schema_version: 2,
    scenario: { name: "s", vnfs: { v: { vnf_name: "two vms" } }, networks: { n: { interfaces: [{ v: "x" }] } } },
  };
  const { outcome, flaws } = read(s, knowing(blueprintOf(vnf)));
  expect(flaws).toEqual([]);
  const { vnfds, nsds } = outcome!.descriptor;
  expect(vnfds[0]!.vdus.map((v) => [v.id, v.cps])).toEqual([
    [
      "a-b",
      [
        { id: "eth0", ip: null },
        { id: "eth1", ip: "192.168.1.2" },
      ],
    ],
    ["c", [{ id: "eth1", ip: null }]],
  ]);
  expect(nsds[0]!.nets).toEqual({ eth0: "n", eth1: "datanet" });

  const [net] = vnf.vnf["internal-connections"];
  const { implementation: _, ...rest } = net!;
  const first = { schema_version: "0.1", vnf: { ...vnf.vnf, "internal-connections": [{ ...rest, type: "bridge" }] } };
  expect(read(first).flaws).toEqual([]); // A first one may say that it is one.
});

const BROKEN: Record<string, [f: () => Loose, breakIt: (f: Loose) => void, path: string, what: RegExp]> = {
  "no external connections": [relays, (f) => delete f.vnf["external-connections"], "vnf.external-connections", /is missing/],
  "an unknown key of a VNFC": [
    relays,
    (f) => {
      f.vnf.VNFC[0].memory = 1;
    },
    "vnf.VNFC[0].memory",
    /there is no such key/,
  ],
  "a VNFC that there is not": [
    relays,
    (f) => {
      f.vnf["external-connections"][0].VNFC = "z";
    },
    "vnf.external-connections[0].VNFC",
    /there is no VNFC "z"; write one of relay-a, relay-b/,
  ],
  "an interface that there is not": [
    relays,
    (f) => {
      f.vnf["external-connections"][0].local_iface_name = "z";
    },
    "vnf.external-connections[0].local_iface_name",
    /has no interface "z"/,
  ],
  "a bandwidth in bytes": [
    relays,
    (f) => {
      f.vnf.VNFC[0]["bridge-ifaces"][0].bandwidth = "1 GB";
    },
    "vnf.VNFC[0].bridge-ifaces[0].bandwidth",
    /is no bandwidth; write one such as "1 Gbps"/,
  ],
  "ram in GB with its unit": [
    relays,
    (f) => {
      f.vnf.VNFC[0].ram = "1 GB";
    },
    "vnf.VNFC[0].ram",
    /write memory in MB/,
  ],
  "its own twin": [
    relays,
    (f) => {
      f.vnf.replicated = { "relay-a": "relay-a" };
    },
    "vnf.replicated",
    /is its own twin/,
  ],
  "a twin that there is not": [
    relays,
    (f) => {
      f.vnf.replicated = { "relay-a": "z" };
    },
    "vnf.replicated.relay-a",
    /there is no VNFC "z"/,
  ],
  "twins that differ": [
    relays,
    (f) => {
      f.vnf.VNFC[1].ram = 2048;
    },
    "vnf.VNFC",
    /differ in ram/,
  ],
  "protection of nothing": [relays, (f) => delete f.vnf.high_availability, "vnf.service_interface", /nothing is protected/],
  "protection at no interface": [
    relays,
    (f) => {
      delete f.vnf.replicated;
      f.vnf.service_interface = "eth9";
    },
    "vnf.service_interface",
    /no VNFC has an interface "eth9"/,
  ],
  "a VNF that there is not": [
    scenario,
    (f) => {
      f.scenario.vnfs.r.vnf_name = "z";
    },
    "scenario.vnfs.r",
    /there is no VNFD "z"/,
  ],
  "a network of a VNF that the scenario has not": [
    scenario,
    (f) => {
      f.scenario.networks.media_net.interfaces[0] = { z: "eth0" };
    },
    "scenario.networks.media_net.interfaces[0].z",
    /there is no VNF "z" in this scenario; write one of r/,
  ],
  "an external connection that there is not": [
    scenario,
    (f) => {
      f.scenario.networks.media_net.interfaces[0] = { r: "z" };
    },
    "scenario.networks.media_net.interfaces[0].r",
    /no external connection point "z"/,
  ],
  "an interface twice": [
    scenario,
    (f) => {
      f.scenario.networks.media_net.interfaces[1] = { r: "mgmt-a" };
    },
    "scenario.networks.media_net.interfaces[1].r",
    /is on this network already/,
  ],
};

describe("what is wrong is told where it stands", () => {
  test.for(Object.entries(BROKEN))("%s", ([, [make, breakIt, path, what]]) => {
    const f = make();
    const known = knowing(blueprintOf(relays()));
    breakIt(f);
    const { outcome, flaws } = read(f, known);
    expect(outcome).toBeNull();
    const told = flaws.find((x) => x.path === path);
    expect(told, JSON.stringify(flaws)).toBeDefined();
    expect(`${told!.what}; ${told!.remedy}`).toMatch(what);
    expect(told!.line).toBeGreaterThan(0);
  });
});

test.for([
  [() => ({ vnf: { name: "x" } }), 400, `Invalid content 'external-connections' is a required property at "vnf"`],
  [
    () =>
      Object.assign(scenario(), {
        scenario: { ...scenario().scenario, vnfs: { node2: { vnf_name: "dataplaneVNF2" } }, networks: {} },
      }),
    404,
    "Unknown 'vnf_name' dataplaneVNF2 at 'scenario':'vnfs':'node2'",
  ],
  [
    () => {
      const f = relays();
      f.vnf.VNFC[0].memory = 1;
      return f;
    },
    400,
    `Invalid content Additional properties are not allowed ('memory' was unexpected) at "vnf":"VNFC":0`,
  ],
] as const)("refused in the original's words: %s", ([make, code, description]) => {
  const { flaws } = read(make());
  expect(openmanoRefusal(flaws)).toEqual({ code, description });
});
