import type { Exchange } from "./exchange.ts";

/** An exchange that a recording takes for granted: done before the first one with this tag, unless the recording has it itself. */
export interface Gap extends Exchange {
  readonly before: string;
}

const id = (start: string) => `${start}-e690-11f1-a3ee-02fc00000001`;
const TENANT = id("238bacee");

const gap = (before: string, method: Exchange["method"], path: string, request: unknown, response: unknown = null): Gap => ({
  ...{ before, tag: `gap ${before}`, method, path, admin: true, request, status: 200, response },
});

/** A thing that is made, with the id under which the recording speaks of it. */
function made(before: string, path: string, kind: string, request: object, recordedId: string): Gap {
  return gap(before, "POST", path, { [kind]: request }, { [kind]: { id: recordedId } });
}

const thread = (core_id: number, thread_id: number, more: object = {}) => ({ core_id, thread_id, ...more });
const OURS = { status: "noteligible" };
const card = (n: number, switch_port: string, mac: string, vf: { pci: string; mac: string }) => ({
  ...{
    source_name: `em${n + 1}`,
    Mbps: 10_000,
    pci: `0000:04:00.${n}`,
    mac,
    switch_port,
    switch_dpid: "00:01:02:03:04:05:06:07",
  },
  sriovs: [{ source_name: 0, ...vf }],
});
/** The recording shows of it what one server was given there. */
const HOST_3 = {
  ...{ name: "gold-host-3", description: "fake host 3 for test mode", user: "u", ip_name: "goldhost3" },
  numas: [
    {
      ...{ numa_socket: 0, memory: 8, hugepages: 4 },
      cores: [thread(0, 0, OURS), thread(0, 24, OURS), thread(1, 2), thread(1, 26)],
      interfaces: [
        card(0, "port1/4", "a0:36:9f:27:46:a0", { pci: "0000:04:10.0", mac: "0a:00:00:00:00:01" }),
        card(1, "port1/5", "a0:36:9f:27:46:a2", { pci: "0000:04:10.1", mac: "0a:9b:b5:d1:e6:34" }),
      ],
    },
  ],
};
const net = (more: object) => ({ tenant_id: TENANT, ...more });
const BOUND = { name: "g-bind", type: "data", bind_net: "g-d1", bind_type: "vlan:100" };
const EXT_2 = { name: "ext2", network_id: id("23a9f794"), "binding:switch_port": "port0/3", mac_address: "52:54:00:00:00:03" };
const OFC = {
  ...{ name: "c1", dpid: "00:00:00:00:00:00:00:01", ip: "127.0.0.1", port: 8181, type: "onos" },
  ...{ user: "u", password: "p" },
};
const CABLE = { region: "r1", compute_node: "c1", pci: "0000:05:00.0", switch_dpid: "00:01", switch_port: "Te0/1" };
/** What the sample of OpenVIM's recording leaves out (113 of its 169 exchanges are in it); the whole recording has all of them itself. */
export const OPENVIM_GAPS: readonly Gap[] = [
  made("tenant-list", "/tenants", "tenant", { name: "goldx" }, id("238cc2b4")),
  made("host-list", "/hosts", "host", HOST_3, id("2399d6e8")),
  made("flavor-epa", `/${TENANT}/flavors`, "flavor", { name: "small", ram: 512, vcpus: 1 }, id("23a17bdc")),
  gap("flavor-attach", "POST", `/${TENANT}/flavors/${id("23a49b00")}/detach`, null),
  made("net-new-d1", "/networks", "network", net({ name: "g-bd", type: "bridge_data", shared: true }), id("23a96b58")),
  made("net-new-dh", "/networks", "network", net({ name: "g-p1", type: "ptp" }), id("23ab6b92")),
  made("net-bad-type", "/networks", "network", net({ name: "g-mv", "provider:physical": "macvtap:em9" }), id("23acf11a")),
  made("net-list", "/networks", "network", BOUND, id("23ae3da4")),
  made("port-list-filter", "/ports", "port", EXT_2, id("23b206c8")),
  gap("net-get-withports", "PUT", `/ports/${id("23b206c8")}`, { port: { network_id: id("23a9f794") } }),
  gap("server-after-resume", "POST", `/${TENANT}/servers/${id("287cfeba")}/action`, { resume: null }),
  gap(
    "image-list2",
    "POST",
    `/${TENANT}/servers/${id("2a4968e6")}/action`,
    { createImage: { name: "snap" } },
    { image: { id: id("355e33f6") } },
  ),
  made("ofc-list", "/openflow/controller/", "ofc", OFC, id("3a275368")),
  gap(
    "map-list",
    "POST",
    "/openflow/mapping",
    { of_port_mapings: [{ ...CABLE, ofc_id: id("3a275368") }] },
    { of_port_mappings: [{ id: id("3a290474") }] },
  ),
  gap("server-del-404", "DELETE", `/${TENANT}/servers/${id("287cfeba")}`, null),
  gap("port-del-404", "DELETE", `/ports/${id("23b131bc")}`, null),
  gap("net-del-p1", "DELETE", `/ports/${id("23b27374")}`, null),
  gap("flavor-del-404", "DELETE", `/${TENANT}/flavors/${id("23a17bdc")}`, null),
  gap("host-del-404", "DELETE", `/hosts/${id("23939b8e")}`, null),
  ...["23a8e476", "23aa82c2", "23acf11a"].map((start) => gap("tenant-del-404", "DELETE", `/networks/${id(start)}`, null)),
  gap("tenant-del-404", "DELETE", `/tenants/${TENANT}`, null),
];

const OM_TENANT = "cb18f525-6710-4f3c-bf02-a0972bdd21cf";
const omId = (start: string) => `${start}-e692-11f1-a3ee-02fc00000001`;
const DATACENTER = omId("d0b8f35c");
const INSTANCE = "d6d4c159-54d9-4b54-a5b4-0193454e5c6a";
const MANAGEMENT = { name: "gmgmt", type: "bridge", shared: true };
/** What the sample of OpenMANO's recording leaves out (48 of its 66 exchanges are in it). */
export const OPENMANO_GAPS: readonly Gap[] = [
  made("vim-net-list", `/${OM_TENANT}/vim/${DATACENTER}/networks`, "network", MANAGEMENT, omId("d0ce86d6")),
  gap("instance-act-shutdown", "POST", `/${OM_TENANT}/instances/${INSTANCE}/action`, { resume: null }),
  gap("vnf-del-inuse", "DELETE", `/${OM_TENANT}/scenarios/${omId("d22456a0")}`, null),
  gap("dc-del", "DELETE", `/${OM_TENANT}/datacenters/${DATACENTER}`, null),
];
