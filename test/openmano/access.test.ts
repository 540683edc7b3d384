import { expect, test } from "vitest";
import { ROUTES } from "../../src/api/openmano/routes.ts";
import { openmanoRig } from "./rig.ts";

test("on loopback nobody is asked for a token, unless the settings say so; then every route but the word that somebody listens wants one", async () => {
  await using rig = await openmanoRig({ auth: { onLoopback: "tokens" } });
  expect((await rig.ask("GET", "/")).text).toBe("works");
  expect((await rig.ask("OPTIONS", "/tenants")).status).toBe(200);
  for (const { is } of ROUTES) {
    const [method, path] = is.split(" ") as [string, string];
    const reply = await rig.ask(method, path.replaceAll(/:\w+/g, "x"));
    expect([401, 429], is).toContain(reply.status); // Who guesses is asked to wait.
    expect(reply.body.error.code, is).toBe(reply.status);
  }
  const wrong = await rig.ask("GET", "/tenants", undefined, { authorization: "Bearer smp_nobody_x" });
  expect([401, 429]).toContain(wrong.status);
});

test("reading is a viewer's, its own things an operator's, tenants and VIMs the administrator's", () => {
  const roleOf = (is: string) => ROUTES.find((r) => r.is === is)?.for;
  expect(ROUTES.filter((r) => r.is.startsWith("GET ") && r.for !== "viewer")).toEqual([]);
  expect(ROUTES.filter((r) => !r.is.startsWith("GET ") && r.for === "viewer")).toEqual([]);
  expect(roleOf("POST /:tenant/instances")).toBe("operator");
  expect(roleOf("POST /:tenant/datacenters/:datacenter")).toBe("admin");
  expect(roleOf("DELETE /:tenant/vim/:datacenter/:item/:name")).toBe("admin");
});

test("it can have a port of its own, and then the MANO's has none of it", async () => {
  await using rig = await openmanoRig({ openmano: { port: 0 } });
  expect((await rig.ask("GET", "/tenants")).body).toEqual({ tenants: [] });
  expect((await fetch(`${rig.manoUrl}/openmano/tenants`)).status).toBe(404);
});
