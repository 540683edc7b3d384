import { copyFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROUTES } from "../../src/api/openmano/routes.ts";
import { createToken } from "../../src/cli/token.ts";
import { migrate } from "../../src/store/database.ts";
import type { ManoTables } from "../../src/store/mano-schema.ts";
import { openToRead } from "../../src/store/open.ts";
import { LINUX, SIMPLE } from "../openmano/descriptors.ts";
import { askAt, type OpenmanoRig, openmanoRig } from "../openmano/rig.ts";
import { example } from "./rig.ts";

// Two tenants of OpenMANO's dialect, attached to one datacenter: every route is asked for the other's things.
const SQL = join(import.meta.dirname, "../../sql/mano");
const dir = mkdtempSync(join(tmpdir(), "sempre-tenants-om-"));
const store = { daemon: "mano" as const, path: join(dir, "mano.db"), migrationsDir: SQL };
const TENANTS = ["alpha", "bravo"] as const;
let rig: OpenmanoRig;
const tokens: Record<string, string> = {};
/** alpha's, by the word that paths have for it. */
const things: Record<string, string> = {};
const sites: Record<string, string> = {};

const auth = (who: string) => ({ authorization: `Bearer ${tokens[who]}` });
const ask = (who: string, method: string, path: string, body?: unknown) => rig.ask(method, path, body, auth(who));
const askMano = (who: string, method: string, path: string, body?: unknown) =>
  askAt(`${rig.manoUrl}${path}`, method, body, {
    ...auth(who),
    ...(typeof body === "string" && { "content-type": "text/plain" }),
  });
const named = <T extends { name: string }>(rows: readonly T[]) => rows.map((r) => r.name).sort();

beforeAll(async () => {
  rig = await openmanoRig({ store: store.path, auth: { onLoopback: "tokens" } });
  tokens.admin = (await createToken(store, { role: "admin", name: "root" })).text;
  await ask("admin", "POST", "/datacenters", { datacenter: { name: "dc", vim_url: rig.vimUrl, vim_url_admin: rig.vimAdminUrl } });
  for (const tenant of TENANTS) {
    await ask("admin", "POST", "/tenants", { tenant: { name: tenant } });
    sites[tenant] = (await ask("admin", "POST", `/${tenant}/datacenters/dc`, { datacenter: {} })).body.datacenter.uuid;
    for (const role of ["viewer", "operator"] as const)
      tokens[`${tenant} ${role}`] = (await createToken(store, { role, tenant, name: `${tenant}-${role}` })).text;
    await ask("admin", "POST", `/${tenant}/vim/dc/networks`, { network: { name: `net-of-${tenant}`, type: "data" } });
  }
  await ask("admin", "POST", "/alpha/vim/dc/networks", { network: { name: "mgmt", type: "bridge", shared: true } });
  const made = async (path: string, body: unknown, who = "alpha operator") => {
    const reply = await ask(who, "POST", `/alpha/${path}`, body);
    if (reply.status !== 200) throw new Error(reply.text);
    return reply.body;
  };
  things.vnf = (await made("vnfs", LINUX)).vnf.uuid;
  things.scenario = (await made("scenarios", SIMPLE)).scenario.uuid;
  const instance = await made("instances", { instance: { name: "one", scenario: things.scenario } });
  Object.assign(things, { instance: instance.uuid, action: instance.action_id });
  things.netmap = (await made("datacenters/dc/netmaps", { netmap: { name: "own", vim_name: "net-of-alpha" } })).netmaps[0].uuid;
  things.controller = (
    await made("sdn_controllers", { sdn_controller: { name: "sdn", type: "onos" } }, "admin")
  ).sdn_controller.uuid;
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});

const BODIES: Readonly<Record<string, unknown>> = {
  "POST action": { pause: null },
  "POST netmaps": { netmap: { vim_name: "mgmt" } },
  "POST networks": { netmap: { vim_name: "mgmt" } },
  "PUT :netmap": { netmap: { name: "stolen" } },
  "PUT :scenario": { scenario: { name: "stolen" } },
  "POST vnfs": LINUX,
  "POST scenarios": SIMPLE,
  "POST instances": { instance: { name: "stolen", scenario: "simple" } },
};
function bodyOf(method: string, path: string): unknown {
  if (path.endsWith("datacenter/action")) return { "net-update": null };
  if (path.endsWith("scenario/action")) return { start: { instance_name: "stolen" } };
  return method === "GET" || method === "DELETE" ? undefined : (BODIES[`${method} ${path.split("/").at(-1)}`] ?? {});
}

async function state(): Promise<string> {
  await using db = await openToRead<ManoTables>(store.path);
  const tables = ["tenant", "datacenter", "attachment", "netmap", "vnf", "scenario", "sdn_controller"] as const;
  const rows = tables.map((t) =>
    db
      .selectFrom(`openmano_${t}` as "openmano_vnf")
      .selectAll()
      .orderBy("uuid")
      .execute(),
  );
  const instances = await db.selectFrom("openmano_instance").select(["uuid", "tenant_id", "name"]).execute();
  return JSON.stringify([...(await Promise.all(rows)), instances]);
}

const THING = /:(vnf|scenario|instance|netmap|controller|action)\b/;
const WORDS: Record<string, string> = { datacenter: "dc", item: "networks", name: "net-of-alpha", port: "x", wim: "x" };
const pathOf = (path: string, tenant: string) =>
  path.replaceAll(/:(\w+)/g, (_, word: string) => (word === "tenant" ? tenant : (things[word] ?? WORDS[word]!)));

describe("what is another's is not there", () => {
  for (const { is, for: role } of ROUTES)
    test(is, async () => {
      const [method, path] = is.split(" ") as [string, string];
      const before = await state();
      const ways = [...(path.includes(":tenant") ? ["alpha"] : []), ...(THING.test(path) ? ["any", "bravo"] : [])];
      for (const way of ways) {
        const { status, text } = await ask("bravo operator", method, pathOf(path, way), bodyOf(method, path));
        // A scenario that is not there is 400 in some requests, as in the original.
        const wanted = role === "admin" ? [403] : path.includes("/:scenario") ? [404, 400] : [404];
        expect([way, status, wanted.includes(status)], text).toEqual([way, status, true]);
      }
      expect(await state()).toBe(before);
    });

  test("in no list either", async () => {
    for (const { is } of ROUTES.filter((r) => r.is.startsWith("GET ") && !THING.test(r.is) && !r.is.includes(":name"))) {
      const { status, text } = await ask(
        "bravo viewer",
        "GET",
        pathOf(is.split(" ")[1]!, "any").replace("/tenants/any", "/tenants"),
      );
      expect([is, status]).toEqual([is, 200]);
      for (const own of [...Object.values(things), sites.alpha!, "net-of-alpha"])
        expect([is, text.includes(own)]).toEqual([is, false]);
    }
  });
});

test("what is public all tenants use, and its owner changes it and takes it away; what it stands on stays private", async () => {
  const { vnf } = (await ask("alpha operator", "POST", "/alpha/vnfs", { vnf: { ...LINUX.vnf, name: "hidden" } })).body;
  const open = { ...SIMPLE.scenario, name: "open", public: true, vnfs: { linux1: { vnf_name: "hidden" } } };
  const { scenario } = (await ask("alpha operator", "POST", "/alpha/scenarios", { ...SIMPLE, scenario: open })).body;
  const at = `/bravo/scenarios/${scenario.uuid}`;
  const seen = await ask("bravo viewer", "GET", at);
  expect([seen.status, seen.body.scenario.name, seen.text.includes(vnf.VNFC[0].uuid)]).toEqual([200, "open", false]);
  expect((await ask("bravo operator", "PUT", at, { scenario: { name: "stolen" } })).status).toBe(400);
  expect((await ask("bravo operator", "DELETE", at)).status).toBe(404);
  expect((await ask("alpha viewer", "GET", `/alpha/scenarios/${scenario.uuid}`)).body.scenario.name).toBe("open");
  const wish = { instance: { name: "of-hidden", scenario: scenario.uuid } };
  expect((await ask("bravo operator", "POST", "/bravo/instances", wish)).status).toBe(404);

  const shared = { vnf: { ...LINUX.vnf, name: "for-all", public: true } };
  const { uuid } = (await ask("alpha operator", "POST", "/alpha/vnfs", shared)).body.vnf;
  const secret = { ...SIMPLE.scenario, name: "secret", vnfs: { linux1: { vnf_id: uuid } } };
  expect((await ask("bravo operator", "POST", "/bravo/scenarios", { ...SIMPLE, scenario: secret })).status).toBe(200);
  const used = await ask("alpha operator", "DELETE", `/alpha/vnfs/${uuid}`);
  expect([used.status, used.text.includes("secret")]).toEqual([409, false]);
});

test("netmaps: what the VIM shares is for all to use, what a tenant has mapped is its own", async () => {
  const at = "/any/datacenters/dc/netmaps";
  await ask("alpha operator", "POST", `${at}/upload`);
  const own = await ask("bravo operator", "POST", at, { netmap: { name: "mine", vim_name: "net-of-bravo" } });
  expect(own.status).toBe(200);
  const of = async (who: string) => named((await ask(who, "GET", at)).body.netmaps);
  expect(await of("alpha viewer")).toEqual(["mgmt", "own"]);
  expect(await of("bravo viewer")).toEqual(["mgmt", "mine"]);
  for (const [method, body] of [
    ["PUT", { netmap: { name: "stolen" } }],
    ["DELETE", undefined],
  ] as const)
    expect((await ask("bravo operator", method, `${at}/mgmt`, body)).status).toBe(403);
  const alphas = (await ask("alpha viewer", "GET", "/any/vim/dc/networks/net-of-alpha")).body.network.id;
  expect((await ask("bravo operator", "PUT", `${at}/mine`, { netmap: { vim_id: alphas } })).status).toBe(404);
  expect((await ask("bravo operator", "POST", at, { netmap: { vim_id: alphas } })).status).toBe(404);
  const networks = { mgmt: { "netmap-use": alphas } };
  expect((await ask("bravo operator", "POST", "/bravo/vnfs", LINUX)).status).toBe(200);
  expect((await ask("bravo operator", "POST", "/bravo/scenarios", SIMPLE)).status).toBe(200);
  const wish = { instance: { name: "spy", scenario: "simple", networks } };
  expect((await ask("bravo operator", "POST", "/bravo/instances", wish)).status).toBe(400);
  await ask("bravo operator", "POST", "/any/datacenters/dc/action", { "net-delete": { net: "own" } });
  expect((await ask("bravo operator", "DELETE", at)).status).toBe(200);
  expect(await of("admin")).toEqual(["mgmt", "own"]);
});

test("of a VIM a tenant finds its own tenant there, and nets that are its own or shared", async () => {
  expect(named((await ask("bravo viewer", "GET", "/any/vim/dc/tenants")).body.tenants)).toEqual(["bravo"]);
  expect((await ask("bravo viewer", "GET", "/any/vim/dc/tenants/alpha")).status).toBe(404);
  expect(named((await ask("bravo viewer", "GET", "/any/vim/dc/networks")).body.networks)).toEqual(["mgmt", "net-of-bravo"]);
  expect(named((await ask("admin", "GET", "/any/vim/dc/tenants")).body.tenants)).toEqual(expect.arrayContaining([...TENANTS]));
});

test("a VIM account that a tenant was attached by is its own: no other finds it, and nothing of another's goes there", async () => {
  const vims = await askMano("bravo viewer", "GET", "/mano/v1/vims");
  expect(vims.body.map((v: { id: string }) => v.id)).toEqual([sites.bravo]);
  expect((await askMano("bravo viewer", "GET", "/mano/v1/events?since=0")).text).not.toContain(sites.alpha!);
  const onBoard = await askMano("bravo operator", "POST", "/mano/v1/descriptors", example("media-relay.yaml"));
  expect(onBoard.status, onBoard.text).toBe(201);
  const wish = { nsdId: "media", nsName: "n1" };
  for (const vim of [
    { vimAccountId: sites.alpha },
    { vimAccountId: sites.bravo, vimAccounts: { "relay-b": sites.alpha } },
    { vimAccountId: "dc" }, // alpha's is called so, since it came first.
  ]) {
    const { status, text } = await askMano("bravo operator", "POST", "/mano/v1/ns_instances", { ...wish, ...vim });
    expect([vim, status, /there are: dc-[0-9a-f]+"/.test(text)]).toEqual([vim, 404, true]);
  }
  const made = await askMano("bravo operator", "POST", "/mano/v1/ns_instances", wish);
  expect([made.status, made.body.vimAccountId]).toEqual([201, sites.bravo]);
});

test("of an instance that is gone its tenant finds the actions, and another cannot tell whether it was there", async () => {
  for (const id of [things.instance, crypto.randomUUID()])
    expect((await ask("bravo viewer", "GET", `/any/instances/${id}/action`)).status).toBe(404);
});

test("what there was before there were owners is given to the tenant whose it was", () => {
  const before = mkdtempSync(join(dir, "before-"));
  for (const file of readdirSync(SQL)) if (file < "0024") copyFileSync(join(SQL, file), join(before, file));
  const db = new DatabaseSync(":memory:");
  migrate(db, before);
  const body = JSON.stringify({ nsName: "one", nsd: { id: "openmano-i" }, vnfd: { id: "openmano-i-vnfs" } });
  db.exec(`
    insert into openmano_tenant values ('t', 'gold', '{}');
    insert into openmano_datacenter values ('d', 'dc', '{}');
    insert into openmano_attachment values ('a', 't', 'd', '{}');
    insert into openmano_instance (uuid, tenant_id, attachment_id, name, body) values ('i', 't', 'a', 'one', '${body}');
    insert into vim_account (id, name, url, admin_url, tenant, created_at) values ('a', 'dc', 'u', 'u', 't', 'now'), ('v', 'vim1', 'u', 'u', 't', 'now');
    insert into descriptor (id, kind, ref, version, name, vnfd_id, body, created_at) values
      ('d-vnfd', 'vnfd', 'openmano-i-vnfs', '1', 'x', null, '{}', 'now'),
      ('d-nsd', 'nsd', 'openmano-i', '1', 'x', 'd-vnfd', '{}', 'now'),
      ('d-other', 'nsd', 'media', '1', 'x', 'd-vnfd', '{}', 'now');
    insert into ns (id, name, description, nsd_id, vim_account_id, state, created_at, modified_at) values
      ('n', 'one', '', 'd-nsd', 'a', 'INSTANTIATED', 'now', 'now'), ('other', 'two', '', 'd-other', 'v', 'INSTANTIATED', 'now', 'now');
  `);
  migrate(db, SQL);
  const owned = db.prepare("select id, tenant_id from owner order by id").all();
  expect(owned.map((r) => [r.id, r.tenant_id])).toEqual(["a", "d-nsd", "d-vnfd", "n"].map((id) => [id, "t"]));
  db.close();
});
