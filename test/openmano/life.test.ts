import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LINUX, MEDIA, PAIR, SERVICE, SIMPLE, TOPOLOGY, TWICE } from "./descriptors.ts";
import { type OpenmanoRig, openmanoRig, type Reply } from "./rig.ts";

let rig: OpenmanoRig;
const made: Record<string, Reply> = {};

beforeAll(async () => {
  rig = await openmanoRig();
  await rig.ask("POST", "/tenants", { tenant: { name: "gold" } });
  await rig.ask("POST", "/datacenters", {
    datacenter: { name: "dc", vim_url: rig.vimUrl, vim_url_admin: rig.vimAdminUrl },
  });
  made.attached = await rig.ask("POST", "/gold/datacenters/dc", { datacenter: {} });
  for (const [name, type] of [
    ["mgmt", "bridge"],
    ["viewers-a", "data"],
    ["viewers-b", "data"],
  ])
    await rig.ask("POST", "/gold/vim/dc/networks", { network: { name, type, shared: true } });
  made.imported = await rig.ask("POST", "/gold/datacenters/dc/netmaps/upload");
  for (const vnf of [LINUX, PAIR, MEDIA]) made[vnf.vnf.name] = await rig.ask("POST", "/gold/vnfs", vnf);
  for (const scenario of [SIMPLE, TWICE, SERVICE])
    made[scenario.scenario.name] = await rig.ask("POST", "/gold/scenarios", scenario);
});
afterAll(() => rig[Symbol.asyncDispose]());

async function until<T>(ask: () => Promise<T>, is: (value: NoInfer<T>) => boolean, patienceMs = 60_000): Promise<T> {
  for (const from = Date.now(); ; await sleep(50)) {
    const value = await ask();
    if (is(value) || Date.now() - from > patienceMs) return value;
  }
}
const instance = async (name: string) => (await rig.ask("GET", `/gold/instances/${name}`)).body;
// biome-ignore lint/suspicious/noExplicitAny: as it came.
type Loose = any;
const vmsOf = (i: Loose): Loose[] => (i.vnfs ?? []).flatMap((v: Loose) => v.vms);
/** All run, and the VIM has shown where they are plugged in. */
const isUp = (i: unknown) =>
  vmsOf(i).length > 0 &&
  vmsOf(i).every((vm) => /^ACTIVE/.test(vm.status) && vm.interfaces.every((x: Loose) => x.mac_address !== null));
const namesAtVim = async (what: string) =>
  (await rig.atVim("GET", what)).body[what.split("/").at(-1)!].map((x: { name: string }) => x.name);

test("a tenant that names no VIM tenant gets one, and the datacenter becomes a VIM account of the same id", async () => {
  expect(made.attached!.status).toBe(200);
  expect((await rig.ask("GET", "/gold/vim/dc/tenants")).body.tenants.map((t: { name: string }) => t.name)).toContain("gold");
  const vims = (await (await fetch(`${rig.manoUrl}/mano/v1/vims`)).json()) as { id: string; name: string }[];
  expect(vims).toMatchObject([{ id: made.attached!.body.datacenter.uuid, name: "dc" }]);
  expect(made.imported!.body.netmaps.map((n: { name: string }) => n.name).sort()).toEqual(["mgmt", "viewers-a", "viewers-b"]);
});

test("an instance runs in the VIM, is shown with its addresses, and nothing of it is left when it was deleted", async () => {
  const answer = await rig.ask("POST", "/gold/instances", { instance: { name: "one", scenario: "simple" } });
  expect(answer.body).toMatchObject({ name: "one", vnfs: [{ vms: [{ status: "BUILD" }] }] });
  const up = await until(() => instance("one"), isUp);
  const [vm] = vmsOf(up);
  expect(vm).toMatchObject({ name: "linux-VM", vim_name: "one-linux1-linux-VM-1", error_msg: null });
  expect(vm.interfaces[0].mac_address).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
  expect(vm.vim_info).toContain(vm.vim_vm_id);
  expect([vm.interfaces[0].type, typeof answer.body.created_at]).toEqual(["bridge", "number"]);
  for (const made of [up.created_at, vm.created_at]) expect(made).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
  expect(up.nets).toMatchObject([{ created: false, status: "ACTIVE" }]);
  // Its VMs are seen to run a moment before the instance is known to be whole.
  const actions = await until(
    async () => (await rig.ask("GET", "/gold/instances/one/action")).body.actions,
    (all) => all[0].number_done > 0,
  );
  expect(actions).toMatchObject([{ description: "CREATE", number_tasks: 2, number_done: 2, number_failed: 0 }]);
  expect(await namesAtVim("/any/servers")).toContain("one-linux1-linux-VM-1");

  for (const action of [{ pause: null }, { resume: null }, { reboot: null }, { createImage: { name: "snap" } }]) {
    const [outcome] = Object.values((await rig.ask("POST", "/gold/instances/one/action", { ...action, vms: ["linux-VM"] })).body);
    expect(outcome).toEqual({ vim_result: 200, description: "ok", name: "linux-VM" });
  }
  expect((await rig.ask("DELETE", "/gold/instances/one")).status).toBe(200);
  expect((await rig.ask("GET", "/gold/instances/one")).status).toBe(404);
  await until(
    () => namesAtVim("/any/servers"),
    (names) => !names.includes("one-linux1-linux-VM-1"),
  );
  expect(await namesAtVim("/any/servers")).not.toContain("one-linux1-linux-VM-1");
});

test("instances that are asked for at once under one name are one NS each", async () => {
  const ask = () => rig.ask("POST", "/gold/instances", { instance: { name: "same", scenario: "simple", datacenter: "dc" } });
  const replies = await Promise.all([ask(), ask(), ask()]);
  const names = replies.flatMap((r) => vmsOf(r.body)).map((vm) => vm.vim_name);
  expect(names.sort()).toEqual(["same-2-linux1-linux-VM-1", "same-3-linux1-linux-VM-1", "same-linux1-linux-VM-1"]);
  for (const { body } of replies) expect((await rig.ask("DELETE", `/gold/instances/${body.uuid}`)).status).toBe(200);
  await until(
    () => namesAtVim("/any/servers"),
    (there) => !there.some((n: string) => n.startsWith("same-")),
  );
  expect((await namesAtVim("/any/servers")).filter((n: string) => n.startsWith("same-"))).toEqual([]);
});

test("two of one VNF have an inner net each, and a net of the scenario is made; with the instance they go", async () => {
  // The command line makes an id of the datacenter, and leaves what a file says of its VNFs as it is.
  const { datacenter } = (await rig.ask("GET", "/gold/datacenters/dc")).body;
  const vnfs = { p1: { datacenter: "dc" } };
  await rig.ask("POST", "/gold/instances", { instance: { name: "two", scenario: "twice", datacenter: datacenter.uuid, vnfs } });
  const up = await until(() => instance("two"), isUp);
  expect(
    vmsOf(up)
      .map((vm) => vm.vim_name)
      .sort(),
  ).toEqual(["two-p1-a-1", "two-p1-b-1", "two-p2-a-1", "two-p2-b-1"]);
  const created = up.nets.filter((n: { created: boolean }) => n.created).map((n: { vim_name: string }) => n.vim_name);
  expect(created.sort()).toEqual(["two.inner", "two.inner", "two.lan"]);
  const inner = (v: number) => up.vnfs[v].vms.map((vm: Loose) => vm.interfaces.find((i: Loose) => i.internal_name === "xe0"));
  expect(new Set(inner(0).map((i: Loose) => i.instance_net_id)).size).toBe(1);
  expect(inner(0)[0].instance_net_id).not.toBe(inner(1)[0].instance_net_id);
  for (const i of [...inner(0), ...inner(1)]) expect(i.mac_address).not.toBeNull();

  const inUse = await rig.ask("DELETE", "/gold/vnfs/pair");
  expect([inUse.status, inUse.body.error.description]).toEqual([409, expect.stringContaining("scenario 'twice'")]);
  const attached = await rig.ask("DELETE", "/gold/datacenters/dc");
  expect([attached.status, attached.body.error.description]).toEqual([409, expect.stringContaining("instance 'two'")]);
  expect((await rig.ask("DELETE", "/datacenters/dc")).status).toBe(409);

  await rig.ask("DELETE", "/gold/instances/two");
  const left = await until(
    () => namesAtVim("/networks"),
    (names) => !names.some((n: string) => n.startsWith("two.")),
  );
  expect(left.filter((n: string) => n.startsWith("two."))).toEqual([]);
});

test("the fields for redundancy give a protection group whose members are led the viewers' nets", async () => {
  expect(made.service!.body).toMatchObject({ scenario: { name: "service" } });
  await rig.ask("POST", "/gold/instances", { instance: { name: "ha", scenario: "service" } });
  const up = await until(() => instance("ha"), isUp);
  expect(vmsOf(up).map((vm) => [vm.name, vm.error_msg])).toEqual([
    ["vm-a", null],
    ["vm-b", null],
  ]);
  const groups = await until(
    async () => (await (await fetch(`${rig.manoUrl}/mano/v1/protection_groups`)).json()) as Loose[],
    (all) => all.length === 1,
  );
  expect(groups).toMatchObject([{ scheme: "ACTIVE_ACTIVE", members: [{}, {}] }]);
  const bound = async () => {
    const { networks } = (await rig.atVim("GET", "/networks?field=name&field=bind_net&limit=0")).body;
    return networks.filter((n: Loose) => n.name.startsWith("viewers") && n.bind_net).length;
  };
  expect(await until(bound, (n) => n === 2)).toBe(2);
  await rig.ask("DELETE", "/gold/instances/ha");
  await until(
    () => namesAtVim("/any/servers"),
    (names) => names.length === 0,
  );
  expect(await namesAtVim("/any/servers")).toEqual([]);
});

test("what the VIM refuses fails with the VIM's words, and leaves nothing there", async () => {
  const big = { ...LINUX, vnf: { ...LINUX.vnf, name: "big", VNFC: [{ ...LINUX.vnf.VNFC[0], ram: 10_000_000 }] } };
  await rig.ask("POST", "/gold/vnfs", big);
  const scenario = {
    ...SIMPLE.scenario,
    name: "big",
    vnfs: { linux1: { vnf_name: "big" } },
    networks: { inside: { interfaces: [{ linux1: "eth0" }] } },
  };
  await rig.ask("POST", "/gold/scenarios", { schema_version: 2, scenario });
  await rig.ask("POST", "/gold/instances", { instance: { name: "big", scenario: "big" } });
  const failed = await until(
    () => instance("big"),
    (i) => vmsOf(i)[0]?.status === "ERROR",
  );
  expect(vmsOf(failed)[0].error_msg).toContain("No room");
  const left = await until(
    () => namesAtVim("/networks"),
    (names) => !names.includes("big.inside"),
  );
  expect(left).not.toContain("big.inside");
  const actions = await until(
    async () => (await rig.ask("GET", "/gold/instances/big/action")).body.actions,
    (all) => all[0].number_failed > 0,
  );
  expect(actions).toMatchObject([{ number_tasks: 2, number_done: 1, number_failed: 1 }]);
  const verified = await rig.ask("POST", "/gold/scenarios/big/action", { verify: { instance_name: "v" } });
  expect([verified.status, verified.body.error.description]).toEqual([400, expect.stringContaining("No room")]);
  expect((await rig.ask("GET", "/gold/instances?name=v")).body.instances).toEqual([]);
  await rig.ask("DELETE", "/gold/instances/big");
});

test("scenarios of the first form, edited, verified and deleted; an instance outlives its scenario", async () => {
  const first = await rig.ask("POST", "/gold/scenarios", TOPOLOGY);
  expect(first.body).toMatchObject({ scenario: { name: "first", nets: [{ name: "mgmt", external: true, type: "bridge" }] } });
  const edited = await rig.ask("PUT", "/gold/scenarios/first", { scenario: { name: "renamed", description: "d" } });
  expect(edited.body).toMatchObject({ scenario: { name: "renamed", description: "d" } });
  const verify = await rig.ask("POST", "/gold/scenarios/renamed/action", { verify: { instance_name: "v", datacenter: "dc" } });
  expect(verify.body).toEqual({ result: "Verify OK" });
  const deployed = await rig.ask("POST", "/gold/scenarios/renamed/action", { deploy: { instance_name: "d", datacenter: "dc" } });
  expect(deployed.status).toBe(200);
  expect((await rig.ask("DELETE", "/gold/scenarios/renamed")).status).toBe(200);
  expect(isUp(await until(() => instance("d"), isUp))).toBe(true);
  await rig.ask("DELETE", "/gold/instances/d");
});

test("tenants see their own, and what is public; names that several things have are refused with what to do", async () => {
  await rig.ask("POST", "/tenants", { tenant: { name: "silver" } });
  expect((await rig.ask("GET", "/silver/vnfs")).body).toEqual({ vnfs: [] });
  expect((await rig.ask("GET", `/silver/vnfs/${made.linux!.body.vnf.uuid}`)).status).toBe(404);
  expect((await rig.ask("DELETE", `/silver/scenarios/${made.simple!.body.scenario.uuid}`)).status).toBe(404);
  expect((await rig.ask("GET", "/silver/datacenters/dc")).status).toBe(404);
  await rig.ask("POST", "/gold/vnfs", { vnf: { ...LINUX.vnf, name: "shared", public: true } });
  expect((await rig.ask("GET", "/silver/vnfs")).body.vnfs).toMatchObject([{ name: "shared" }]);
  expect((await rig.ask("DELETE", "/silver/vnfs/shared")).status).toBe(404);
  await rig.ask("POST", "/gold/vnfs", LINUX);
  const twice = await rig.ask("GET", "/gold/vnfs/linux");
  expect([twice.status, twice.body.error.description]).toEqual([409, "More than one VNF found with name 'linux'"]);
  const which = await rig.ask("POST", "/gold/scenarios", { ...SIMPLE, scenario: { ...SIMPLE.scenario, name: "which" } });
  expect([which.status, which.body.error.description]).toEqual([409, expect.stringContaining("Concrete with 'vnf_id'")]);
});

test("a tenant of the VIM keeps the name that is given for it; with any all tenants leave a datacenter", async () => {
  await rig.ask("POST", "/datacenters", { datacenter: { name: "away", vim_url: rig.vimUrl, vim_url_admin: rig.vimAdminUrl } });
  const edited = async (config: object) =>
    (await rig.ask("PUT", "/datacenters/away", { datacenter: { config } })).body.datacenter.config;
  expect(await edited({ insecure: true, "sdn-controller": "c" })).toEqual({ insecure: true, "sdn-controller": "c" });
  expect(await edited({ "sdn-controller": null })).toEqual({ insecure: true });
  await rig.ask("POST", "/tenants", { tenant: { name: "tin" } });
  await rig.atVim("POST", "/tenants", { tenant: { name: "ours" } });
  await rig.ask("POST", "/gold/datacenters/away", { datacenter: { vim_tenant_name: "ours" } });
  const [ours] = (await rig.ask("GET", "/gold/datacenters/away")).body.datacenter.vim_tenants;
  const named = { datacenter: { vim_tenant: ours.vim_tenant_id, vim_tenant_name: "ours" } };
  expect((await rig.ask("POST", "/tin/datacenters/away", named)).body.datacenter.vim_tenant_name).toBe("ours");
  const gone = await rig.ask("DELETE", "/any/datacenters/away");
  expect([gone.status, gone.body.result]).toEqual([200, expect.stringMatching(/^datacenter \S+ detached\. $/)]);
  expect((await rig.ask("GET", "/tin/datacenters")).body).toEqual({ datacenters: [] });
  expect((await rig.ask("DELETE", "/datacenters/away")).status).toBe(200);
});

test("more than a hundred are all listed, unless a limit is named", async () => {
  for (let i = 0; i < 101; i++) await rig.ask("POST", "/datacenters", { datacenter: { name: `d${i}`, vim_url: "http://h" } });
  expect((await rig.ask("GET", "/any/datacenters")).body.datacenters.length).toBe(102);
  expect((await rig.ask("GET", "/any/datacenters?limit=3")).body.datacenters.length).toBe(3);
});

test("a net of the VIM is led outside by a port of the switch, and no more", async () => {
  await rig.ask("POST", "/gold/vim/dc/networks", {
    network: { name: "wide", type: "data", shared: true, region: "is passed over" },
  });
  const attached = await rig.ask("POST", "/gold/vim/dc/network/wide/attach", { port: "p9", vlan: 7 });
  expect([attached.status, attached.body.result]).toEqual([200, expect.stringMatching(/^port \S+ attached$/)]);
  const ports = async () => (await rig.atVim("GET", "/ports?name=p9")).body.ports;
  expect(await ports()).toMatchObject([{ "binding:switch_port": "p9", "binding:vlan": 7 }]);
  expect((await rig.ask("DELETE", "/gold/vim/dc/network/wide/detach/p8")).status).toBe(404);
  expect((await rig.ask("DELETE", "/gold/vim/dc/network/wide/detach")).body).toEqual({ result: "1 ports detached" });
  expect(await ports()).toEqual([]);
});

test("a VM is told its boot data, and what the instance says to all; it goes to the zone that its VNFC names", async () => {
  const [host] = (await rig.atVim("GET", "/hosts")).body.hosts;
  await rig.atVim("PUT", `/hosts/${host.id}`, { host: { availability_zone: "east" } });
  const vnfOf = (name: string, zone: string) => {
    const [vnfc] = LINUX.vnf.VNFC;
    const told = { "user-data": "#cloud-config\nhostname: x\n", "key-pairs": ["ssh-ed25519 AAAA own"] };
    return { vnf: { ...LINUX.vnf, name, VNFC: [{ ...vnfc, "boot-data": told, availability_zone: zone }] } };
  };
  for (const [name, zone] of [
    ["told", "east"],
    ["lost", "west"],
  ] as const) {
    expect((await rig.ask("POST", "/gold/vnfs", vnfOf(name, zone))).status).toBe(200);
    const scenario = { ...SIMPLE.scenario, name, vnfs: { linux1: { vnf_name: name } } };
    expect((await rig.ask("POST", "/gold/scenarios", { ...SIMPLE, scenario })).status).toBe(200);
  }
  const told = { users: [{ name: "op", "key-pairs": ["ssh-ed25519 AAAA op"] }] };
  const wish = { name: "told", scenario: "told", "cloud-config": told };
  expect((await rig.ask("POST", "/gold/instances", { instance: wish })).status).toBe(200);
  const [vm] = vmsOf(await until(() => instance("told"), isUp));
  const tenant = (await rig.atVim("GET", "/tenants?name=gold")).body.tenants[0].id;
  const { server } = (await rig.atVim("GET", `/${tenant}/servers/${vm.vim_vm_id}`)).body;
  expect(server).toMatchObject({ config_drive: true, availability_zone: "east" });
  await rig.ask("DELETE", "/gold/instances/told");

  await rig.ask("POST", "/gold/instances", { instance: { name: "lost", scenario: "lost" } });
  const failed = await until(
    () => instance("lost"),
    (i) => vmsOf(i).some((v) => v.status === "ERROR"),
  );
  expect(vmsOf(failed)[0].error_msg).toContain("h1: it is in zone east");
  await rig.ask("DELETE", "/gold/instances/lost");
  const wrong = { name: "wrong", scenario: "told", "cloud-config": { users: [{ "key-pairs": [] }] } };
  const refused = await rig.ask("POST", "/gold/instances", { instance: wrong });
  expect([refused.status, refused.text]).toEqual([400, expect.stringContaining("cloud-config")]);
});

test("yaml in and out", async () => {
  const yaml = { "content-type": "application/yaml", accept: "application/yaml" };
  const reply = await rig.ask("POST", "/tenants", "tenant:\n  name: bronze\n  description: yes\n", yaml);
  expect([reply.status, reply.type]).toEqual([200, "application/yaml"]);
  // What a reader of YAML 1.1 would take for a boolean or a date is quoted.
  expect(reply.text).toMatch(
    /^---\ntenant:\n {2}uuid: \S{36,38}\n {2}name: bronze\n {2}description: "yes"\n {2}created_at: "\S+"\n$/,
  );
});
