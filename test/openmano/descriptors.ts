/** A VNF of one VM on one net (0.1). */
export const LINUX = {
  vnf: {
    name: "linux",
    "external-connections": [{ name: "eth0", type: "bridge", VNFC: "linux-VM", local_iface_name: "eth0" }],
    VNFC: [
      {
        name: "linux-VM",
        "VNFC image": "/images/linux.qcow2",
        ...{ vcpus: 1, ram: 512, disk: 1 },
        "bridge-ifaces": [{ name: "eth0", vpci: "0000:00:11.0" }],
      },
    ],
  },
};

const twoVms = (name: string) => ({
  name,
  "image name": "linux-linux-VM-img",
  ...{ vcpus: 1, ram: 256 },
  "bridge-ifaces": [{ name: "eth0", bandwidth: "1 Mbps" }],
  numas: [{ "paired-threads": 1, memory: 1, interfaces: [{ name: "xe0", dedicated: "no", bandwidth: "1 Gbps" }] }],
});

/** Two VMs that are joined inside (0.2); its image is the other one's. */
export const PAIR = {
  schema_version: "0.2",
  vnf: {
    name: "pair",
    "internal-connections": [
      {
        name: "inner",
        ...{ type: "e-lan", implementation: "underlay" },
        elements: [
          { VNFC: "a", local_iface_name: "xe0", ip_address: "192.168.1.2" },
          { VNFC: "b", local_iface_name: "xe0", ip_address: "192.168.1.3" },
        ],
      },
    ],
    "external-connections": [
      { name: "m0", type: "mgmt", VNFC: "a", local_iface_name: "eth0" },
      { name: "m1", type: "mgmt", VNFC: "b", local_iface_name: "eth0" },
    ],
    VNFC: [twoVms("a"), twoVms("b")],
  },
};

const twin = (name: string, n: number) => ({
  name,
  "VNFC image": "/images/media.qcow2",
  ...{ vcpus: 1, ram: 128 },
  "bridge-ifaces": [{ name: "mgmt0" }, { name: "svc0" }],
  description: `member ${n}`,
});

/** Twins, by the fields for redundancy at `vnf:`. */
export const MEDIA = {
  vnf: {
    name: "media",
    high_availability: "ACTIVE_ACTIVE",
    service_interface: "svc0",
    "external-connections": [
      { name: "users-a", type: "bridge", VNFC: "vm-a", local_iface_name: "svc0" },
      { name: "users-b", type: "bridge", VNFC: "vm-b", local_iface_name: "svc0" },
      { name: "mgmt-a", type: "mgmt", VNFC: "vm-a", local_iface_name: "mgmt0" },
      { name: "mgmt-b", type: "mgmt", VNFC: "vm-b", local_iface_name: "mgmt0" },
    ],
    VNFC: [twin("vm-a", 1), twin("vm-b", 2)],
  },
};

export const SIMPLE = {
  schema_version: 2,
  scenario: {
    name: "simple",
    vnfs: { linux1: { vnf_name: "linux" } },
    networks: { mgmt: { external: true, interfaces: [{ linux1: "eth0" }] } },
  },
};

/** Two of one kind beside each other (0.3). */
export const TWICE = {
  schema_version: "0.3",
  scenario: {
    name: "twice",
    vnfs: { p1: { vnf_name: "pair" }, p2: { vnf_name: "pair" } },
    networks: {
      lan: {
        ...{ type: "e-lan", implementation: "overlay" },
        interfaces: [
          { vnf: "p1", vnf_interface: "m0", ip_address: "10.0.0.5" },
          { vnf: "p2", vnf_interface: "m0" },
        ],
      },
      mgmt: {
        external: true,
        interfaces: [
          { vnf: "p1", vnf_interface: "m1" },
          { vnf: "p2", vnf_interface: "m1" },
        ],
      },
    },
  },
};

/** The first form: a topology. */
export const TOPOLOGY = {
  name: "first",
  topology: {
    nodes: { one: { type: "VNF", "VNF model": "linux" }, mgmt: { type: "external_network", model: "mgmt" } },
    connections: { c1: { type: "bridge_net", nodes: [{ one: "eth0" }, { mgmt: "0" }] } },
  },
};

export const SERVICE = {
  schema_version: 2,
  scenario: {
    name: "service",
    vnfs: { m: { vnf_name: "media" } },
    networks: {
      "viewers-a": { external: true, interfaces: [{ m: "users-a" }] },
      "viewers-b": { external: true, interfaces: [{ m: "users-b" }] },
      mgmt: { external: true, interfaces: [{ m: "mgmt-a" }, { m: "mgmt-b" }] },
    },
  },
};
