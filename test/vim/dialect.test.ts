import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import type { RunningVim } from "../../src/vim.ts";
import { type Asked, askRaw, type Raw, startTestVim } from "../harness/test-vim.ts";

// What clients of OpenVIM depend on, on both ports. The reference's checklist is the list of these tests.

let vim: RunningVim;
let tenant: string;
const ask = (asked: Asked): Promise<Raw> => askRaw(vim.port, asked);
const admin = (asked: Asked): Promise<Raw> => askRaw(vim.adminPort, asked);
const post = (path: string, body: unknown, by = ask) => by({ method: "POST", path, body });
const put = (path: string, body: unknown, by = ask) => by({ method: "PUT", path, body });
const del = (path: string, by = ask) => by({ method: "DELETE", path });

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const NOBODY = "00000000-0000-0000-0000-000000000000";
const HOST = {
  ...{ name: "h1", ip_name: "h1", user: "u", password: "secret" },
  numas: [
    {
      ...{ numa_socket: 0, memory: 8, hugepages: 4 },
      cores: [0, 1, 2, 3].map((n) => ({ core_id: n >> 1, thread_id: n, ...(n < 2 && { status: "noteligible" }) })),
      interfaces: [
        {
          ...{
            source_name: "em1",
            Mbps: 10_000,
            pci: "0000:04:00.0",
            mac: "a0:36:9f:00:00:01",
            switch_port: "s1",
            switch_dpid: "01",
          },
          sriovs: [{ source_name: 0, pci: "0000:04:10.0", mac: "a0:36:9f:00:00:02", vlan: 100 }],
        },
      ],
    },
  ],
};
const EPA = {
  numas: [
    { memory: 1, "paired-threads": 1, interfaces: [{ name: "xe0", dedicated: "no", bandwidth: "1 Gbps", vpci: "0000:00:10.0" }] },
  ],
};

beforeAll(async () => {
  vim = await startTestVim();
  tenant = (await post("/tenants", { tenant: { name: "gold" } })).body.tenant.id;
});
afterAll(async () => {
  await vim?.[Symbol.asyncDispose]();
});

const network = async (more: object) => (await post("/networks", { network: more })).body.network;

describe("what the original's clients depend on", () => {
  test("1: 200 on every success, with a JSON body, on DELETE too", async () => {
    const net = await network({ name: "gone" });
    for (const reply of [
      await put(`/networks/${net.id}`, { network: { name: "gone2" } }),
      await del(`/networks/${net.id}`),
      await del(`/networks/${net.id}`),
    ]) {
      expect([reply.status, reply.headers["content-type"]]).toEqual([200, "application/json"]);
      expect(reply.text).toMatch(/\n$/);
      expect(reply.body).not.toBeUndefined();
    }
  });

  test("bandwidths of a flavor are told in the original's words, however they were asked for", async () => {
    const interfaces = ["1000 Mbps", "100", "10Gbps"].map((bandwidth, i) => ({ name: `xe${i}`, dedicated: "no", bandwidth }));
    const made = await post(`/${tenant}/flavors`, { flavor: { name: "wide", extended: { numas: [{ memory: 1, interfaces }] } } });
    const [numa] = made.body.flavor.extended.numas;
    expect(numa.interfaces.map((i: { bandwidth: string }) => i.bandwidth)).toEqual(["1 Gbps", "100 Mbps", "10 Gbps"]);
  });

  test("2: the envelope of failures; 401 on the normal port sends the CLI to the administrator's; 404 and 409 are told apart", async () => {
    const refused = await post("/hosts", { host: HOST });
    expect([refused.status, refused.body]).toEqual([
      401,
      { error: { code: 401, type: "401 Unauthorized", description: "Needed admin privileges" } },
    ]);
    expect((await post("/hosts", { host: HOST }, admin)).status).toBe(200);
    expect((await post("/tenants", { tenant: { name: "gold" } })).body.error).toEqual({
      ...{ code: 409, type: "409 Conflict", description: "Value  'gold'  already in use for  'name'" },
    });
    expect((await ask({ path: "/ports/nope" })).body.error.type).toBe("404 Not Found");
  });

  test("3 and 4: ids are uuids; POST answers the whole thing; a network's type is one of four; every interface is in the reply of POST servers", async () => {
    const flavorRef = (await post(`/${tenant}/flavors`, { flavor: { name: "epa", extended: EPA } })).body.flavor.id;
    const imageRef = (await post(`/${tenant}/images`, { image: { name: "i", path: "/i.qcow2" } })).body.image.id;
    const man = await network({ name: "man", type: "bridge_man" });
    const data = await network({ name: "data", type: "data" });
    expect([man.type, data.type]).toEqual(["bridge_man", "data"]);
    const networks = [
      { name: "eth0", uuid: man.id, type: "virtual", model: "virtio" },
      { name: "xe0", uuid: data.id, type: "VF" },
    ];
    const { status, body } = await post(`/${tenant}/servers`, { server: { name: "vm", flavorRef, imageRef, networks } });
    expect(status, JSON.stringify(body)).toBe(200);
    expect(body.server).toMatchObject({
      id: expect.stringMatching(UUID),
      name: "vm",
      status: "CREATING",
      hostId: expect.stringMatching(UUID),
    });
    expect(body.server.networks).toMatchObject([{ name: "eth0", iface_id: expect.stringMatching(UUID), net_id: man.id }]);
    expect(body.server.extended.numas[0].interfaces).toMatchObject([
      { name: "xe0", iface_id: expect.stringMatching(UUID), dedicated: "no" },
    ]);
    const found = (await ask({ path: `/ports?device_id=${body.server.id}` })).body.ports;
    expect(found.length).toBe(2);
    for (const port of found)
      expect(port).toMatchObject({
        id: expect.stringMatching(UUID),
        mac_address: expect.any(String),
        network_id: expect.any(String),
      });
  });

  test("5: rows of lists have what the CLI prints: id, name, status, admin_state_up", async () => {
    await post("/ports", { port: { name: "p" } }, admin);
    const first = async (path: string, key: string) => (await ask({ path })).body[key][0];
    for (const [path, key] of [
      ["/tenants", "tenants"],
      [`/${tenant}/flavors`, "flavors"],
      [`/${tenant}/images`, "images"],
    ] as const)
      expect(await first(path, key)).toMatchObject({ id: expect.any(String), name: expect.any(String) });
    for (const [path, key] of [
      ["/networks", "networks"],
      ["/hosts", "hosts"],
      ["/ports", "ports"],
    ] as const)
      expect(await first(path, key)).toMatchObject({ id: expect.any(String), name: expect.any(String), admin_state_up: true });
    expect(await first(`/${tenant}/servers`, "servers")).toMatchObject({ id: expect.any(String), status: expect.any(String) });
  });

  test("6: the filters of the connector, in whatever case Python writes them", async () => {
    const net = await network({ name: "shared-one", shared: true, tenant_id: tenant });
    const ids = async (query: string) =>
      (await ask({ path: `/networks?${query}` })).body.networks.map((n: { id: string }) => n.id);
    for (const query of [
      "shared=True",
      "shared=true",
      "shared=TRUE",
      "name=shared-one",
      "name=SHARED-ONE",
      `id=${net.id}`,
      "status=active",
      "admin_state_up=True",
    ])
      expect(await ids(query), query).toContain(net.id);
    expect(await ids("shared=False")).not.toContain(net.id);
    expect(await ids(`tenant_id=${NOBODY}`), "taken, and without effect").toContain(net.id);
    expect(await ids("last_error=null&provider:physical=null")).not.toContain(net.id);
    expect((await ask({ path: `/${tenant}/images?path=/i.qcow2` })).body.images.length).toBe(1);
    expect((await ask({ path: "/ports?device_id=null&network_id=null" })).body.ports.length).toBe(1);
  });

  test("9: links may be there, with the address that the caller reached us by", async () => {
    const [row] = (await ask({ path: `/${tenant}/flavors` })).body.flavors;
    expect(row.links).toEqual([{ href: `http://127.0.0.1:${vim.port}/openvim/${tenant}/flavors/${row.id}`, rel: "bookmark" }]);
    expect((await ask({ path: `//${row.links[0].href.split("/").slice(3).join("/")}` })).body.flavor.id).toBe(row.id);
  });

  test("10: an action is exactly one member", async () => {
    const [{ id }] = (await ask({ path: `/${tenant}/servers` })).body.servers;
    const act = (action: unknown) => post(`/${tenant}/servers/${id}/action`, action);
    for (const action of ["pause", "resume", "reboot", "shutdown", "forceOff", "start", "rebuild"])
      expect([action, await act({ [action]: null }).then((r) => [r.status, r.body])]).toEqual([
        action,
        [200, { result: "deleting in process" }],
      ]);
    expect((await act({ start: null, pause: null })).body.error.description).toContain("has too many properties");
    expect((await act({ dance: null })).body.error.description).toContain("('dance' was unexpected)");
    expect((await act({})).body.error.description).toBe("Invalid content : {} does not have enough properties");
  });
});

describe("lists", () => {
  const named = async (query: string) => (await ask({ path: `/networks${query}` })).body.networks;

  test("100 rows where no limit is said, as many as it says, all with 0", async () => {
    for (let i = 0; i < 105; i++) await network({ name: `many${i}`, "provider:physical": `bridge:b${i}` });
    expect((await named("")).length).toBe(100);
    expect((await named("?limit=3")).length).toBe(3);
    expect((await named("?limit=0")).length).toBeGreaterThan(104);
    expect((await named("?limit=1000")).length).toBe((await named("?limit=0")).length);
  });

  test("fields are chosen; more than one, ours too", async () => {
    expect(await named("?name=many7&field=name")).toEqual([{ name: "many7" }]);
    expect(Object.keys((await named("?name=many7&field=id&field=region&field=type&field=provider:physical"))[0])).toEqual([
      ...["id", "type", "provider:physical"],
    ]);
    const [flavor] = (await ask({ path: `/${tenant}/flavors` })).body.flavors;
    expect(Object.keys((await ask({ path: `/${tenant}/flavors/${flavor.id}?field=ram` })).body.flavor)).toEqual(["ram", "links"]);
  });

  //  query → what is refused
  for (const query of ["zz=1", "field=zz", "limit=many", "limit=-1", "limit=1.5", "bind_nett=x"]) {
    test(`refused: ${query}`, async () => {
      const reply = await ask({ path: `/networks?${query}` });
      expect([reply.status, reply.body.error.description]).toEqual([400, `Invalid query string at '${query}'`]);
    });
  }

  test("a filter's value is a value, not SQL", async () => {
    expect((await ask({ path: "/tenants?name=zz'%20or%20'1'='1" })).body).toEqual({ tenants: [] });
  });
});

describe("JSON and YAML", () => {
  test("YAML out where it is asked for, also of errors and of a bare string", async () => {
    const yaml = "application/yaml";
    const reply = await ask({ path: `/tenants/${tenant}`, accept: `text/html, ${yaml};q=0.9` });
    expect([reply.headers["content-type"], reply.text.slice(0, 4)]).toEqual([yaml, "---\n"]);
    expect(parseYaml(reply.text)).toEqual({ tenant: { name: "gold", enabled: true, id: tenant } });
    expect(parseYaml((await ask({ path: "/tenants/x", accept: yaml })).text).error.code).toBe(404);
    const net = await network({ name: "y" });
    const edited = await askRaw(vim.port, {
      method: "PUT",
      path: `/networks/${net.id}`,
      body: { network: { name: "y2" } },
      accept: yaml,
    });
    expect(parseYaml(edited.text)).toBe(net.id);
  });

  test("YAML in, with the booleans of YAML 1.1 where a boolean is wanted and words where a word is", async () => {
    const body = "network:\n  name: from yaml\n  type: data\n  shared: yes\n  admin_state_up: Off\n";
    const reply = await askRaw(vim.port, { method: "POST", path: "/networks", body, type: "application/yaml; charset=utf-8" });
    expect(reply.body.network).toMatchObject({ name: "from yaml", shared: true, admin_state_up: false });
    const flavor = "flavor: {name: yes, ram: 1, vcpus: 1, public: yes}";
    const made = await askRaw(vim.port, { method: "POST", path: `/${tenant}/flavors`, body: flavor, type: "application/yaml" });
    expect(made.body.flavor).toMatchObject({ name: "yes", public: "yes" });
    const port = "port: {name: p, mac_address: 52:54:00:00:00:77}"; // A number to base 60, says YAML 1.1.
    expect(
      (await askRaw(vim.adminPort, { method: "POST", path: "/ports", body: port, type: "application/yaml" })).body.port
        .mac_address,
    ).toBe("52:54:00:00:00:77");
  });

  //  content type, body                         → status, description
  for (const [type, body, status, says] of [
    ["application/xml", "<a/>", 501, "Content-Type: application/xml not supported yet."],
    ["text/plain", "x", 406, "Content-Type text/plain not supported."],
    ["application/x-www-form-urlencoded", "a=b", 406, "Content-Type application/x-www-form-urlencoded not supported."],
    ["application/json", "{", 400, "Invalid json format "],
    ["application/json", "", 400, "Invalid json format "],
    ["application/yaml", "a: [", 400, "Invalid yaml format "],
    ["application/yaml", "a: 1\na: 2", 400, "Invalid yaml format "],
  ] as const) {
    test(`${type} ${JSON.stringify(body)} → ${status}`, async () => {
      const reply = await askRaw(vim.port, { method: "POST", path: "/tenants", type, body });
      expect([reply.status, reply.body.error.code]).toEqual([status, status]);
      expect(reply.body.error.description).toContain(says);
    });
  }
});

describe("methods", () => {
  test("HEAD is GET without its body", async () => {
    const [head, get] = [await ask({ method: "HEAD", path: "/tenants" }), await ask({ path: "/tenants" })];
    expect([head.status, head.text, head.headers["content-length"]]).toEqual([200, "", String(Buffer.byteLength(get.text))]);
    expect((await ask({ method: "HEAD", path: "/tenants/nope" })).status).toBe(404);
    expect((await ask({ method: "HEAD", path: "/events", accept: "text/event-stream" })).status).toBe(200);
  });

  test("OPTIONS tells what may be asked, as a browser wants to know it", async () => {
    const reply = await ask({ method: "OPTIONS", path: `/networks/${NOBODY}` });
    expect([reply.status, reply.headers.allow]).toEqual([200, "DELETE, GET, HEAD, OPTIONS, PUT"]);
    expect(reply.headers).toMatchObject({
      "access-control-allow-origin": "*",
      "access-control-allow-methods": reply.headers.allow,
    });
    expect((await ask({ method: "OPTIONS", path: "/nothing/here/at/all" })).status).toBe(404);
  });

  test("405 with what is allowed; 404 where nothing is", async () => {
    for (const [method, path, allow] of [
      ["PATCH", "/tenants", "GET, HEAD, OPTIONS, POST"],
      ["DELETE", "/networks", "GET, HEAD, OPTIONS, POST"],
      ["POST", `/networks/${NOBODY}/openflow`, "DELETE, GET, HEAD, OPTIONS, PUT"],
    ] as const) {
      const reply = await ask({ method, path });
      expect([path, reply.status, reply.headers.allow, reply.body.error]).toEqual([
        ...[path, 405, allow],
        { code: 405, type: "405 Method Not Allowed", description: "Method not allowed." },
      ]);
    }
    expect((await ask({ path: "/nothing/here/at/all" })).body.error.description).toBe(
      "Not found: '/openvim/nothing/here/at/all'",
    );
  });

  test("a slash at the end is no other path; the root says that it works; CORS on every answer", async () => {
    expect((await ask({ path: "/tenants/" })).body.tenants.length).toBeGreaterThan(0);
    for (const path of ["/", "//openvim"]) expect(await ask({ path })).toMatchObject({ status: 200, text: "works" });
    for (const path of ["/", "/tenants", "/tenants/nope", "/none"])
      expect((await ask({ path })).headers["access-control-allow-origin"]).toBe("*");
  });
});

describe("tenants and what is theirs", () => {
  let other: string;
  beforeAll(async () => {
    other = (await post("/tenants", { tenant: { name: "silver" } })).body.tenant.id;
  });

  test("a tenant neither reads nor changes another's server", async () => {
    const [{ id }] = (await ask({ path: `/${tenant}/servers` })).body.servers;
    expect((await ask({ path: `/${other}/servers/${id}` })).body.error).toMatchObject({
      code: 404,
      description: `instance '${id}'not found.`,
    });
    expect((await del(`/${other}/servers/${id}`)).body.error.description).toBe(`server ${id} not found`);
    expect((await admin({ path: `/any/servers/${id}` })).body.server.id).toBe(id);
    expect((await admin({ path: "/any/servers" })).body.servers[0].links[0].href).toContain(`/${tenant}/servers/`);
  });

  test("any is the administrator's, and nothing can belong to it", async () => {
    expect((await ask({ path: "/any/servers" })).status).toBe(401);
    const reply = await post("/any/servers", { server: {} }, admin);
    expect([reply.status, reply.body.error.description]).toEqual([400, "Invalid tenant 'any' with this command"]);
    expect((await ask({ path: "/nope/flavors" })).body.error).toMatchObject({
      code: 404,
      description: "tenant 'nope' not found",
    });
  });

  test("a flavor is attached, detached and gone with its last tenant; two tenants that attach at once both have it", async () => {
    const { id } = (await post(`/${tenant}/flavors`, { flavor: { name: "own", ram: 1, vcpus: 1 } })).body.flavor;
    expect((await ask({ path: `/${other}/flavors/${id}` })).body.error.description).toBe(`flavor ${id} not found`);
    const attach = (t: string, by = ask) => by({ method: "POST", path: `/${t}/flavors/${id}/attach` });
    expect((await attach(other)).body.error).toMatchObject({
      code: 401,
      description: "Needed admin rights to attach a private flavor",
    });
    const third = (await post("/tenants", { tenant: { name: "bronze" } })).body.tenant.id;
    await Promise.all([attach(other, admin), attach(third, admin)]);
    expect((await attach(other)).body.error).toMatchObject({
      code: 409,
      description: `Flavor '${id}' already attached to tenant '${other}'`,
    });
    expect((await ask({ path: `/${third}/flavors/${id}` })).status).toBe(200);
    expect((await ask({ method: "POST", path: `/${other}/flavors/${id}/detach` })).body).toEqual({ result: "flavor detached" });
    expect((await del(`/${third}/flavors/${id}`)).body).toEqual({ result: `flavor '${id}' from tenant '${third}' deleted` });
    expect((await del(`/${tenant}/flavors/${id}`)).body).toEqual({
      result: `flavor '${id}' from tenant '${tenant}' completely deleted`,
    });
    expect((await del(`/${tenant}/flavors/${id}`)).body.error.description).toBe(
      `flavor '${id}' from tenant '${tenant}' not found`,
    );
    expect((await admin({ path: `/any/flavors/${id}` })).status).toBe(404);
  });

  test("what a tenant's servers use stays: deleting, detaching, deleting for all", async () => {
    const [server] = (await ask({ path: `/${tenant}/servers` })).body.servers;
    for (const reply of [
      await del(`/${tenant}/flavors/${server.flavorRef}`),
      await ask({ method: "POST", path: `/${tenant}/images/${server.imageRef}/detach` }),
      await del(`/any/images/${server.imageRef}`, admin),
    ])
      expect(reply.body.error).toMatchObject({
        code: 400,
        description: "Resource is not free. There are servers that prevent its deletion.",
      });
    const tenantDeleted = await del(`/tenants/${tenant}`);
    expect([tenantDeleted.status, tenantDeleted.body.error.description]).toEqual([
      400,
      expect.stringContaining("Resource is not free"),
    ]);
  });

  test("a tenant that goes takes what only it had", async () => {
    const gone = (await post("/tenants", { tenant: { name: "gone" } })).body.tenant.id;
    const only = (await post(`/${gone}/flavors`, { flavor: { name: "only", ram: 1, vcpus: 1 } })).body.flavor.id;
    const both = (await post(`/${gone}/images`, { image: { name: "both", path: "/both" } })).body.image.id;
    await admin({ method: "POST", path: `/${other}/images/${both}/attach` });
    expect((await del(`/tenants/${gone}`)).body).toEqual({ result: `tenant '${gone}' deleted` });
    expect((await admin({ path: `/any/flavors/${only}` })).status).toBe(404);
    expect((await ask({ path: `/${other}/images/${both}` })).status).toBe(200);
  });
});

describe("networks, ports and hosts", () => {
  test("metadata of an image may hold what is no text, but for the keys that mean something; a host may say what room it has", async () => {
    const metadata = { os_type: "linux", weight: 3, tags: ["a", { b: null }] };
    const { body } = await post(`/${tenant}/images`, { image: { name: "meta", path: "/meta", metadata } });
    expect((await ask({ path: `/${tenant}/images/${body.image.id}` })).body.image.metadata).toEqual(metadata);
    const refused = await post(`/${tenant}/images`, { image: { name: "meta2", path: "/meta2", metadata: { bus: 1 } } });
    expect([refused.status, refused.body.error.description]).toEqual([400, expect.stringContaining("bus")]);
    const host = { name: "roomy", ip_name: "roomy", user: "u" };
    const made = await post("/hosts", { host, "host-data": { RAM: 4_096, cpus: 2 } }, admin);
    expect(made.body.host).toMatchObject({ name: "roomy", memory_mb: 4_096, cpus: 2 });
    expect(
      (await post("/hosts", { host: { ...host, name: "r2", ip_name: "r2" }, "host-data": { RAM: "x" } }, admin)).status,
    ).toBe(400);
    await admin({ method: "DELETE", path: `/hosts/${made.body.host.id}` });
  });

  test("a network that others are bound to can go, and they are bound to nothing", async () => {
    const root = await network({ name: "root", type: "data" });
    const bound = await network({ name: "bound", type: "data", bind_net: "root", bind_type: "vlan:7" });
    expect(bound.bind_net).toBe(root.id);
    expect((await del(`/networks/${root.id}`)).status).toBe(200);
    expect((await ask({ path: `/networks/${bound.id}` })).body.network).not.toHaveProperty("bind_net");
  });

  test("an edit that cannot be whole changes nothing", async () => {
    const net = await network({ name: "whole", type: "data" });
    const reply = await put(`/networks/${net.id}`, { network: { name: "half", bind_net: "nonesuch" } });
    expect([reply.status, reply.body.error.description]).toEqual([400, " bind_net name 'nonesuch'not found"]);
    const itself = await put(`/networks/${net.id}`, { network: { name: "half", bind_net: "whole" } });
    expect(itself.status).toBe(400);
    expect((await ask({ path: `/networks/${net.id}` })).body.network.name).toBe("whole");
    expect((await put(`/networks/${NOBODY}`, { network: { name: "x" } })).body.error.description).toBe(
      `network ${NOBODY} not found`,
    );
  });

  test("kind and VLAN stay while ports are attached; a bridge's port stays where it is", async () => {
    const net = await network({ name: "held", type: "data" });
    const port = (await post("/ports", { port: { name: "e", network_id: net.id, "binding:switch_port": "x1" } }, admin)).body
      .port;
    for (const [change, what] of [
      [{ type: "ptp" }, "type"],
      [{ "provider:vlan": 7 }, "vlan"],
    ] as const) {
      const reply = await put(`/networks/${net.id}`, { network: change });
      expect(reply.body.error).toMatchObject({
        code: 405,
        description: `Can not change ${what} of network while having ports attached`,
      });
    }
    const [bridged] = (await ask({ path: "/ports?device_owner=instance:ovs" })).body.ports;
    expect((await put(`/ports/${bridged.id}`, { port: { network_id: net.id } })).body.error.code).toBe(403);
    const man = await network({ name: "a bridge" });
    expect((await put(`/ports/${port.id}`, { port: { network_id: man.id } }, admin)).status).toBe(409);
    expect((await put(`/ports/${port.id}`, { port: { name: "f" } })).status).toBe(401);
    expect((await put(`/ports/${NOBODY}`, { port: { name: "f" } })).body.error.description).toBe(`Port '${NOBODY}' not found`);
  });

  test("cleared entries are listed no more until something changes; both spellings of clear", async () => {
    const net = await network({ name: "of", type: "data", "provider:physical": "openflow:s7" });
    await post("/ports", { port: { name: "e2", network_id: net.id, "binding:switch_port": "s8" } }, admin);
    const rules = async () => (await ask({ path: `/networks/${net.id}/openflow` })).body["openflow-rules"].length;
    expect(await rules()).toBe(2);
    for (const path of ["/networks/clear/openflow", "/networks/openflow/clear"]) {
      expect((await del(path)).status).toBe(401);
      expect((await del(path, admin)).body).toEqual({ result: " Clearing openflow rules in process" });
      expect(await rules()).toBe(0);
      await admin({ method: "PUT", path: "/networks/all/openflow" });
      expect(await rules()).toBe(2);
    }
  });

  test("a host by id or name; its reply can be sent back; its password is shown to nobody; discovery is said not to be done", async () => {
    const byName = (await ask({ path: "/hosts/h1" })).body.host;
    expect((await ask({ path: `/hosts/${byName.id}` })).body.host).toEqual(byName);
    expect(byName.password).toBe("*****");
    expect((await ask({ path: "/hosts/h9" })).body.error.description).toBe("host 'h9'not found.");
    const { id: _, ...again } = { ...byName, name: "h2", ip_name: "h2", autodiscover: true };
    const copy = await post("/hosts", { host: again }, admin);
    expect(copy.status, copy.text).toBe(200);
    expect(copy.body.host.warning).toContain("autodiscover was not done");
    const misspelt = await post("/hosts", { host: { ...HOST, name: "h3", ip_name: "h3", numaz: [] } }, admin);
    expect(misspelt.body.error.description).toBe(
      "Invalid content  at 'host': Additional properties are not allowed ('numaz' was unexpected)",
    );
  });
});
