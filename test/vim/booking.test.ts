import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serveOpenvim } from "../../src/api/openvim/serve.ts";
import { domainXml } from "../../src/hosts/domain-xml.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import type { HostId, ServerId } from "../../src/model/ids.ts";
import { openStore } from "../../src/store/open.ts";
import type { VimStore } from "../../src/store/vim-picture.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import { domainSpec } from "../../src/vim/server-spec.ts";
import { Vim } from "../../src/vim/vim.ts";

/*
 * What servers have of their hosts for themselves, from the request to the store and to libvirt's XML. No edge: what libvirt makes of the
 * XML stands in src/hosts/host.peer.test.ts. One story, in order.
 */
const dir = mkdtempSync(join(tmpdir(), "sempre-booking-"));
const storePath = join(dir, "vim.db");
let store: VimStore;
let vim: Vim;
let app: FastifyInstance;

async function open(): Promise<void> {
  store = await openStore<VimDb>({ path: storePath, migrationsDir: join(import.meta.dirname, "../../sql/vim") });
  vim = await Vim.open({ db: store, clock: systemClock, log: silent, vlanRange: { first: 3000, last: 4094 } });
  app = serveOpenvim(vim, true, { clock: systemClock, log: silent });
}
async function close(): Promise<void> {
  await app.close();
  await vim.picture.settled();
  await vim.events.flush();
  await store.destroy();
}

// biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects to be there.
type Reply = { status: number; body: any };
async function ask(method: "GET" | "POST" | "PUT" | "DELETE", path: string, payload?: object): Promise<Reply> {
  const reply = await app.inject({ method, url: `/openvim${path}`, ...(payload && { payload }) });
  return { status: reply.statusCode, body: JSON.parse(reply.body) };
}

const thread = (core_id: number, thread_id: number, more: object = {}) => ({ core_id, thread_id, ...more });
const kept = { status: "noteligible" };
const card = (host: string, bus: string, last: number) => ({
  source_name: `p${bus}`,
  Mbps: 10_000,
  pci: `0000:${bus}:00.0`,
  mac: `a0:00:00:0${host}:${bus}:00`,
  switch_port: `port1/${last}`,
  switch_dpid: "00:01",
  sriovs: [1, 2].map((v) => ({ source_name: v, pci: `0000:${bus}:10.${v}`, mac: `a0:00:00:0${host}:${bus}:0${v}` })),
});
const hostOf = (name: string) => ({
  ...{ name, ip_name: name, user: "u", hypervisors: "kvm" },
  numas: [
    {
      ...{ numa_socket: 0, hugepages: 8, memory: 10 },
      cores: [thread(0, 0, kept), thread(0, 4, kept), ...[1, 2, 3].flatMap((c) => [thread(c, c), thread(c, c + 4)])],
      interfaces: [card(name.at(-1)!, "04", 4), card(name.at(-1)!, "05", 5)],
    },
  ],
});

let tenant: string;
let imageRef: string;
let epa: string;
const nets: Record<string, string> = {};
const hostIds: string[] = [];
let first: string;

beforeAll(async () => {
  await open();
  tenant = (await ask("POST", "/tenants", { tenant: { name: "t" } })).body.tenant.id;
  writeFileSync(join(dir, "i.img"), "");
  imageRef = (await ask("POST", `/${tenant}/images`, { image: { name: "i", path: join(dir, "i.img") } })).body.image.id;
  for (const [name, type] of [
    ["man", "bridge_man"],
    ["d1", "data"],
    ["d2", "data"],
  ] as const)
    nets[name] = (
      await ask("POST", "/networks", { network: { name, type, ...(type === "data" ? {} : { "provider:physical": "bridge:b" }) } })
    ).body.network.id;
  for (const name of ["h1", "h2"]) {
    const { host } = (await ask("POST", "/hosts", { host: hostOf(name) })).body;
    hostIds.push(host.id);
    await vim.inventory.editHost(host.id, { isLocal: true }); // As if this VIM spoke to it.
  }
  const numas = [
    {
      ...{ memory: 2, "paired-threads": 1 },
      interfaces: [
        { name: "xe0", dedicated: "yes", bandwidth: "10 Gbps", vpci: "0000:00:10.0" },
        { name: "xe1", dedicated: "no", bandwidth: "1 Gbps" },
      ],
    },
  ];
  epa = (await ask("POST", `/${tenant}/flavors`, { flavor: { name: "epa", ram: 0, vcpus: 0, extended: { numas } } })).body.flavor
    .id;
});
afterAll(async () => {
  await close();
  rmSync(dir, { recursive: true });
});

const create = (name: string, more: object = {}) =>
  ask("POST", `/${tenant}/servers`, { server: { name, flavorRef: epa, imageRef, ...more } });
const NETWORKS = () => [
  { name: "eth0", uuid: nets.man, type: "virtual" },
  { name: "xe0", type: "PF", uuid: nets.d1 },
  { name: "xe1", type: "VF", uuid: nets.d2 },
];
const numaOf = async (host: number) => (await ask("GET", `/hosts/${hostIds[host]}`)).body.host.numas[0];
const xmlOf = (id: string) => {
  const server = vim.picture.servers.get(id as ServerId)!;
  const place = { runDir: "/run", accel: "kvm" as const };
  return domainXml(domainSpec(vim.picture, server, vim.picture.portsOf(server.id), place, { disks: [], rawDevices: [] }));
};

test("memory and CPUs without pinning of a host are what its numas leave, by OpenVIM's rule", () => {
  expect(vim.picture.hosts.get(hostIds[0] as HostId)).toMatchObject({ memoryMiB: 2_048, cpus: 2 });
});

test("a server has what its flavor asks, and says so at once", async () => {
  const { status, body } = await create("vm1", { networks: NETWORKS() });
  expect(status, JSON.stringify(body)).toBe(200);
  first = body.server.id;
  expect(body.server).not.toHaveProperty("ram");
  expect(body.server).not.toHaveProperty("vcpus");
  expect(body.server.networks).toMatchObject([{ name: "eth0", net_id: nets.man }]);
  const vlan = vim.picture.nets.get(nets.d2 as never)!.vlan;
  const ports = (await ask("GET", `/ports?device_id=${first}`)).body.ports;
  const id = (name: string) => ports.find((p: { name: string }) => p.name === name).id;
  expect(body.server.extended).toEqual({
    numas: [
      {
        memory: 2,
        "paired-threads": 1,
        "paired-threads-id": [[0, 1]],
        "paired-threads-source": [[1, 5]],
        interfaces: [
          {
            ...{ iface_id: id("xe0"), mac_address: "a0:00:00:01:04:00", net_id: nets.d1, dedicated: "yes", name: "xe0" },
            ...{ vpci: "0000:00:10.0", source: "0000:04:00.0" },
          },
          {
            ...{ iface_id: id("xe1"), vlan, mac_address: "a0:00:00:01:05:01", net_id: nets.d2, dedicated: "no" },
            ...{ bandwidth: "1 Gbps", name: "xe1", source: "0000:05:10.1" },
          },
        ],
        source: 0,
      },
    ],
  });
  expect(ports).toMatchObject([
    { name: "eth0" },
    { name: "xe0", device_owner: "instance:data", "binding:switch_port": "port1/4" },
    { name: "xe1", "binding:switch_port": "port1/5", "binding:vlan": vlan, bandwidth: 1_000 },
  ]);
});

test("its host shows who has what", async () => {
  const numa = await numaOf(0);
  expect(numa.hugepages_consumed).toBe(2);
  expect(numa.cores).toEqual([
    ...[thread(0, 0, kept), thread(0, 4, kept)],
    ...[thread(1, 1, { instance_id: first, v_thread_id: 0 }), thread(1, 5, { instance_id: first, v_thread_id: 1 })],
    ...[2, 3].flatMap((c) => [thread(c, c), thread(c, c + 4)]),
  ]);
  expect(numa.interfaces).toMatchObject([
    { pci: "0000:04:00.0", instance_id: first, Mpbs_consumed: 10_000, sriovs: [{}, {}] },
    { pci: "0000:05:00.0", Mpbs_consumed: 1_000, sriovs: [{ pci: "0000:05:10.1", instance_id: first }, { pci: "0000:05:10.2" }] },
  ]);
  expect(numa.interfaces[1]).not.toHaveProperty("instance_id");
});

test("libvirt is told: huge pages, pins, the node, the card and the function with its VLAN", () => {
  const xml = xmlOf(first);
  const vlan = vim.picture.nets.get(nets.d2 as never)!.vlan;
  for (const part of [
    "<memory unit='MiB'>2048</memory><memoryBacking><hugepages/></memoryBacking><vcpu placement='static'>2</vcpu>",
    "<cputune><vcpupin vcpu='0' cpuset='1'/><vcpupin vcpu='1' cpuset='5'/></cputune>",
    "<numatune><memory mode='strict' nodeset='0'/></numatune>",
    "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' bus='0x04' slot='0x00' function='0x0'/></source><address type='pci' domain='0x0000' bus='0x00' slot='0x10' function='0x0'/></hostdev>",
    "<on_reboot>restart</on_reboot>",
    `<interface type='hostdev' managed='yes'><mac address='a0:00:00:01:05:01'/><source><address type='pci' domain='0x0000' bus='0x05' slot='0x10' function='0x1'/></source><vlan><tag id='${vlan}'/></vlan></interface>`,
  ])
    expect(xml).toContain(part);
});

test("a restart of the daemon forgets none of it", async () => {
  const before = await numaOf(0);
  await close();
  await open();
  expect(await numaOf(0)).toEqual(before);
  expect(before.hugepages_consumed).toBe(2);
});

test("many at once: no thread, page or function is given twice, and what fails leaves nothing", async () => {
  const replies = await Promise.all(Array.from({ length: 8 }, (_, i) => create(`many${i}`, { networks: NETWORKS() })));
  // The second card of h1 has a function in use, so one whole card is left: that of h2.
  expect(replies.map((r) => r.status).sort()).toEqual([200, 400, 400, 400, 400, 400, 400, 400]);
  const refused = replies.find((r) => r.status === 400)!.body.error;
  expect(refused).toEqual({
    ...{ code: 400, type: "400 Bad Request" },
    description: "No room at data center. Cannot find a host with the required hugepages, vcpus and interfaces",
    hosts: ["h1", "h2"].map((name) => ({
      name,
      reason: "numa 0: no unused card of 10000 Mbps free for interface 'xe0' and cabled to the switch",
    })),
  });
  expect((await ask("GET", `/${tenant}/servers`)).body.servers).toHaveLength(2);
  const { id } = replies.find((r) => r.status === 200)!.body.server;
  expect((await numaOf(1)).hugepages_consumed).toBe(2);
  await ask("DELETE", `/${tenant}/servers/${id}`);
  expect(await numaOf(1)).toMatchObject({ hugepages_consumed: 0, interfaces: [{ sriovs: [{}, {}] }, {}] });
  expect(JSON.stringify(await numaOf(1))).not.toContain("instance_id");
});

test("a server of its own `extended`; who asks for memory and CPUs alone stays off the threads that are given away", async () => {
  const extended = { numas: [{ memory: 1, threads: 3, "threads-id": [2, 0, 1] }] };
  const own = (await create("own", { extended, networks: [], hostId: hostIds[0] })).body.server;
  expect(own.extended.numas[0]).toMatchObject({ threads: 3, "threads-id": [2, 0, 1], "threads-source": [2, 6, 3], memory: 1 });
  expect(xmlOf(own.id)).toContain(
    "<cputune><vcpupin vcpu='0' cpuset='6'/><vcpupin vcpu='1' cpuset='3'/><vcpupin vcpu='2' cpuset='2'/></cputune>",
  );
  const plain = (await ask("POST", `/${tenant}/flavors`, { flavor: { name: "plain", ram: 512, vcpus: 2 } })).body.flavor.id;
  const { server } = (await create("plain", { flavorRef: plain, networks: [] })).body;
  expect([server.ram, server.vcpus, server.extended]).toEqual([512, 2, undefined]);
  expect(xmlOf(server.id)).toContain("<vcpu placement='static' cpuset='0,4'>2</vcpu>");
  for (const { id } of [own, server]) await ask("DELETE", `/${tenant}/servers/${id}`);
});

test("made anew on another host it has its own there, and what it had is free for the next", async () => {
  const before = (await ask("GET", `/ports?device_id=${first}`)).body.ports;
  const moved = await ask("POST", `/${tenant}/servers/${first}/action`, { evacuate: { from: hostIds[0] } });
  expect([moved.status, moved.body.server?.hostId]).toEqual([200, hostIds[1]]);
  expect(moved.body.server.extended.numas[0]).toMatchObject({
    "paired-threads-source": [[1, 5]],
    interfaces: [{ source: "0000:04:00.0" }, {}],
  });
  const after = (await ask("GET", `/ports?device_id=${first}`)).body.ports;
  expect(after.map((p: { id: string }) => p.id)).toEqual(before.map((p: { id: string }) => p.id));
  expect(after[2].mac_address).toBe(before[2].mac_address);
  expect((await numaOf(0)).hugepages_consumed).toBe(0);
  expect((await numaOf(1)).hugepages_consumed).toBe(2);
  await close();
  await open();
  expect((await ask("GET", `/ports?device_id=${first}`)).body.ports).toEqual(after);
});

test("a numa that is admin down takes no server; where its cards are cabled to can change; the rest of it stays", async () => {
  const edit = {
    numas: [{ numa_socket: 0, admin_state_up: false, interfaces: [{ source_name: "p04", switch_port: "port9/9" }] }],
  };
  expect((await ask("PUT", `/hosts/${hostIds[0]}`, { host: edit })).status).toBe(200);
  expect(await numaOf(0)).toMatchObject({
    hugepages: 8,
    admin_state_up: false,
    interfaces: [{ switch_port: "port9/9", Mbps: 10_000 }, { switch_port: "port1/5" }],
  });
  expect((await numaOf(0)).cores).toHaveLength(8);
  expect((await create("down", { networks: [] })).body.error.hosts[0]).toEqual({
    name: "h1",
    reason: "the admin_state_up of all its numas is false",
  });
  const unknown = await ask("PUT", `/hosts/${hostIds[0]}`, {
    host: { numas: [{ numa_socket: 0, interfaces: [{ source_name: "p9" }] }] },
  });
  expect([unknown.status, unknown.body.error?.description]).toEqual([
    400,
    "Interface source_name='p9' from numa_socket='0' not found",
  ]);
});

for (const [what, extended, status, text] of [
  [
    "two numas",
    {
      numas: [
        { memory: 1, cores: 1 },
        { memory: 1, cores: 1 },
      ],
    },
    503,
    "only one numa can be defined in this version ",
  ],
  [
    "two kinds",
    { numas: [{ cores: 1, threads: 1 }] },
    503,
    "only one of cores, threads, paired-threads are allowed in this version at numa 0",
  ],
  [
    "ids of another count",
    { numas: [{ cores: 2, "cores-id": [0] }] },
    400,
    "different number of cores-id (1) than cores (2) at numa 0",
  ],
  ["ids without a count", { numas: [{ memory: 1, "cores-id": [0] }] }, 400, "cores-id without cores at numa 0"],
  [
    "a gap in the ids",
    { numas: [{ threads: 2, "threads-id": [0, 2] }] },
    400,
    "core/thread identifiers must start at 0 and gaps are not alloed. Missing id number 1",
  ],
  [
    "an id twice",
    { numas: [{ threads: 2, "threads-id": [0, 0] }] },
    400,
    "core/thread identifiers must start at 0 and gaps are not alloed. Missing id number 1",
  ],
  [
    "a pair of three",
    { numas: [{ "paired-threads": 1, "paired-threads-id": [[0, 1, 2]] }] },
    400,
    "paired-threads-id must contain a list of two elements list at numa 0",
  ],
  [
    "a name twice",
    { numas: [{ interfaces: ["a", "a"].map((name) => ({ name, dedicated: "no", bandwidth: "1 Gbps" })) }] },
    400,
    "name repeated at numa 0, interface a position 1",
  ],
  [
    "a place twice",
    { numas: [{ interfaces: ["a", "b"].map((name) => ({ name, dedicated: "no", bandwidth: "1 Gbps", vpci: "0000:00:10.0" })) }] },
    400,
    "vpci 0000:00:10.0 repeated at numa 0, interface b position 1",
  ],
  [
    "a MAC for a whole card",
    { numas: [{ interfaces: [{ name: "a", dedicated: "yes", bandwidth: "1 Gbps", mac_address: "02:00:00:00:00:01" }] }] },
    400,
    "mac_address can not be set for dedicated (passthrough) at numa 0, interface a position 0",
  ],
  [
    "a net in a flavor",
    {
      numas: [
        { interfaces: [{ name: "a", dedicated: "no", bandwidth: "1 Gbps", uuid: "23a8e476-e690-11f1-a3ee-02fc00000001" }] },
      ],
    },
    400,
    "uuid field is not allowed at numa 0 interface a position 0",
  ],
] as const) {
  test(`extended with ${what} is refused: ${text}`, async () => {
    const reply = await ask("POST", `/${tenant}/flavors`, { flavor: { name: what, extended } });
    expect([reply.status, reply.body.error?.description]).toEqual([status, text]);
  });
}

test("networks and `extended` must agree", async () => {
  const networks = async (...list: object[]) => (await create("x", { networks: list })).body.error?.description;
  expect(await networks({ name: "xe0", type: "VF", uuid: nets.d1 })).toBe(
    "Error at field netwoks: mismatch at interface 'xe0' from flavor 'dedicated=yes' and networks 'type=VF'",
  );
  expect(await networks({ name: "xe9", type: "VF", uuid: nets.d1 })).toBe(
    "Error at field netwoks: interface name xe9 from network not found at flavor",
  );
  expect(await networks({ name: "xe0", type: "PF", uuid: nets.man })).toBe(
    `Error at field netwoks: network uuid ${nets.man} for dataplane interface is not of type data or ptp`,
  );
});

test("a flavor of another tenant is not there", async () => {
  const other = (await ask("POST", "/tenants", { tenant: { name: "other" } })).body.tenant.id;
  const reply = await ask("POST", `/${other}/servers`, { server: { name: "x", flavorRef: epa, imageRef } });
  expect([reply.status, reply.body.error?.description]).toEqual([404, `flavor_id ${epa} not found`]);
});

test("a thread or a function that is there twice is refused with the host", async () => {
  const host = hostOf("h3");
  host.numas[0]!.cores.push(thread(9, 1));
  const reply = await ask("POST", "/hosts", { host });
  expect([reply.status, reply.body.error?.description]).toEqual([
    400,
    "thread_id 1 is there twice: want each once in all numas of a host",
  ]);
});

test("what a server was asked to run on, and a host's key file, are read again as they were said, after a start too", async () => {
  const host = { ...hostOf("h4"), keyfile: "/keys/h4", hypervisors: "kvm,xenhvm" };
  const made = (await ask("POST", "/hosts", { host })).body.host;
  await vim.inventory.editHost(made.id, { isLocal: true });
  const asked = { hypervisor: "xenhvm", osImageType: "clickos" };
  const server = (await create("xen", asked)).body.server;
  expect(server).toMatchObject({ ...asked, hostId: made.id });
  await close();
  await open();
  expect((await ask("GET", `/${tenant}/servers/${server.id}`)).body.server).toMatchObject(asked);
  expect((await ask("GET", `/hosts/${made.id}`)).body.host).toMatchObject({ keyfile: "/keys/h4", hypervisors: "kvm,xenhvm" });
});
