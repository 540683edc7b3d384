import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Authority, type Identity } from "../harness/certificates.ts";
import { hastyClock, KINDS } from "../harness/controllers/kinds.ts";
import type { StandIn } from "../harness/controllers/stand-in.ts";
import { type Ask, made, startControllersVim } from "../harness/controllers/vim.ts";
import { until } from "./rig.ts";

/** Controllers that are reached by TLS, and by a token: what is believed, what is refused, and how it is told. */

const dir = mkdtempSync(join(tmpdir(), "sempre-controllers-tls-"));
let ca: Authority;
let other: Authority;
let its: Identity;
let ours: Identity;
beforeAll(() => {
  ca = new Authority();
  other = new Authority();
  its = ca.issue("controller");
  ours = ca.issue("vim");
});
afterAll(() => {
  for (const authority of [ca, other]) authority[Symbol.dispose]();
  rmSync(dir, { recursive: true, force: true });
});

let stores = 0;
const newStore = () => join(dir, `${++stores}.db`);
const PORTS = ["p1", "p2"];
const DPID = "00:00:00:00:00:00:00:01";
const ofcOf = (standIn: StandIn, type: string, more: object) => ({
  ...{ name: "c1", dpid: DPID, ip: "127.0.0.1", port: standIn.port, type },
  ...(standIn.login === null || standIn.token !== null ? {} : { user: standIn.login.user, password: standIn.login.password }),
  ...more,
});
const stateOf = async (ask: Ask, id: string) => (await ask("GET", `/openflow/controller/${id}`)).body.ofc;
const becomes = (ask: Ask, id: string, status: string) =>
  until(`the controller is ${status}`, async () => (await stateOf(ask, id)).status === status);

describe.each(KINDS)("$name by TLS", ({ kind, make }) => {
  test("both certificates are checked, and its switch is led", async () => {
    const tls = { cert: its.cert, key: its.key, ca: ca.cert, requestCert: true, rejectUnauthorized: true };
    await using standIn = await make(PORTS).byTls(tls).listen();
    await using life = await startControllersVim(newStore(), hastyClock);
    const access = { tls: { ca_cert: ca.cert, client_cert: ours.cert, client_key: ours.key } };
    const id = await made(life.ask, "/openflow/controller", "ofc", ofcOf(standIn, kind, access));
    await becomes(life.ask, id, "ACTIVE");
    const net = await made(life.ask, "/networks", "network", { name: "n", type: "data" });
    for (const name of PORTS) {
      const at = { "binding:switch_port": name, "binding:switch_dpid": DPID };
      await made(life.ask, "/ports", "port", { name, network_id: net, ...at });
    }
    const stand = () =>
      standIn.table.rows
        .values()
        .filter((r) => r.match.inPort !== undefined)
        .toArray().length;
    await until("both directions stand", () => stand() === 2);
  });
});

const [FLOODLIGHT] = KINDS;
const floodlight = (tls: object) =>
  FLOODLIGHT!
    .make(PORTS)
    .byTls({ cert: its.cert, key: its.key, ...tls })
    .listen();

describe("what is wrong is told", () => {
  //  what the controller has and what we are told to believe       → what is shown
  const CASES: readonly [string, () => object, () => object | null, RegExp][] = [
    ["another authority", () => ({}), () => ({ ca_cert: other.cert }), /an authority that is not believed.*tls\.ca_cert/],
    ["an authority that this machine does not know", () => ({}), () => ({}), /an authority that is not believed/],
    ["no TLS asked for", () => ({}), () => null, /http:\/\/127\.0\.0\.1/],
    ["no certificate of ours", () => asksFor(ca), () => ({ ca_cert: ca.cert }), /look at tls\.client_cert/],
    ["a certificate that it does not believe", () => asksFor(other), () => withOurs(), /look at tls\.client_cert/],
    ["one that has expired", () => issued({ days: -1 }), () => ({ ca_cert: ca.cert }), /its certificate has expired/],
    ["one for another name", () => issued({ names: "DNS:else.example" }), () => ({ ca_cert: ca.cert }), /for somebody else/],
  ];
  const asksFor = (authority: Authority) => ({ ca: authority.cert, requestCert: true, rejectUnauthorized: true });
  const withOurs = () => ({ ca_cert: ca.cert, client_cert: ours.cert, client_key: ours.key });
  const issued = (how: { names?: string; days?: number }) => {
    const { cert, key } = ca.issue("controller", how);
    return { cert, key };
  };
  test.each(CASES)("%s", async (_, its, believed, says) => {
    await using standIn = await floodlight(its());
    await using life = await startControllersVim(newStore(), hastyClock);
    const id = await made(life.ask, "/openflow/controller", "ofc", ofcOf(standIn, "floodlight", { tls: believed() }));
    await until("it is told", async () => (await stateOf(life.ask, id)).last_error !== undefined);
    const { status, last_error } = await stateOf(life.ask, id);
    expect([status === "ACTIVE", last_error]).toEqual([false, expect.stringMatching(says)]);
    expect(standIn.asked).toEqual([]); // Nothing was said to it, no password either.
  });

  test("TLS asked of one that speaks none", async () => {
    await using standIn = await FLOODLIGHT!.make(PORTS).listen();
    await using life = await startControllersVim(newStore(), hastyClock);
    const id = await made(life.ask, "/openflow/controller", "ofc", ofcOf(standIn, "floodlight", { tls: {} }));
    await until("it is told", async () => /speaks no TLS/.test((await stateOf(life.ask, id)).last_error ?? ""));
  });

  test("what is no certificate, no key or another's key is refused, and nothing is kept", async () => {
    await using life = await startControllersVim(newStore(), hastyClock);
    for (const [tls, says] of [
      [{ ca_cert: "x" }, "tls.ca_cert holds no certificate"],
      [{ client_cert: "x", client_key: ours.key }, "tls.client_cert holds no certificate"],
      [{ client_cert: ours.cert }, "without tls.client_key"],
      [{ client_key: ours.key }, "without tls.client_cert"],
      [{ client_cert: ours.cert, client_key: "x" }, "tls.client_key holds no key"],
      [{ client_cert: ours.cert, client_key: its.key }, "tls.client_key is not the key of tls.client_cert"],
      [{ caFile: "/etc/passwd" }, "Additional properties"],
    ] as const) {
      const asked = { name: "c", dpid: DPID, ip: "127.0.0.1", port: 1, type: "onos", tls };
      const { status, body } = await life.ask("POST", "/openflow/controller", { ofc: asked });
      expect([status, body.error?.description]).toEqual([400, expect.stringContaining(says)]);
    }
    const both = { name: "c", dpid: DPID, ip: "127.0.0.1", port: 1, type: "onos", user: "u", token: "t" };
    expect((await life.ask("POST", "/openflow/controller", { ofc: both })).body.error.description).toContain(
      "a user and a token",
    );
    expect((await life.ask("GET", "/openflow/controller")).body.ofcs).toEqual([]);
  });
});

test("a token in the place of user and password; secrets are sealed, shown to nobody, and kept over a restart", async () => {
  await using standIn = FLOODLIGHT!.make(PORTS).byTls({ cert: its.cert, key: its.key });
  standIn.token = "very-secret-token";
  await standIn.listen();
  const store = newStore();
  const tls = { ca_cert: ca.cert, client_cert: ours.cert, client_key: ours.key };
  let id = "";
  {
    await using life = await startControllersVim(store, hastyClock);
    id = await made(life.ask, "/openflow/controller", "ofc", ofcOf(standIn, "floodlight", { token: standIn.token, tls }));
    await becomes(life.ask, id, "ACTIVE");
    const shown = await stateOf(life.ask, id);
    expect([shown.token, shown.tls]).toEqual(["*****", { ...tls, client_key: "*****" }]);
    const { status, last_error, nets_with_same_vlan, id: _, ...sentBack } = shown;
    const echo = await life.ask("PUT", `/openflow/controller/${id}`, { ofc: { ...sentBack, name: "c2" } });
    expect([echo.status, JSON.stringify(echo.body).includes("PRIVATE KEY")]).toEqual([200, false]);
  }
  for (const secret of ["very-secret-token", ours.key.split("\n")[1]!]) expect(readFileSync(store).includes(secret)).toBe(false);
  await using life = await startControllersVim(store, hastyClock);
  await becomes(life.ask, id, "ACTIVE");
  expect((await stateOf(life.ask, id)).name).toBe("c2");
  standIn.token = "another";
  await until("it is told", async () => /401.*token/.test((await stateOf(life.ask, id)).last_error ?? ""));
  const plain = await life.ask("PUT", `/openflow/controller/${id}`, {
    ofc: ofcOf(standIn, "floodlight", { token: null, tls: null }),
  });
  expect(plain.status).toBe(200);
  expect(await stateOf(life.ask, id)).not.toHaveProperty("tls");
});
