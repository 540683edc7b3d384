import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { ControllerHttp } from "../../src/switch/rest-http.ts";

async function serve(listener: RequestListener, limitMs = 60_000) {
  const server = createServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const access = { name: "c1", url, user: "u", password: () => "a secret" };
  const close = async () => {
    server.closeAllConnections();
    server.close();
  };
  return { server, url, http: new ControllerHttp(access, limitMs), [Symbol.asyncDispose]: close };
}

test("one that does not answer in time is not reachable, and it is said how long was waited", async () => {
  await using it = await serve(() => {}, 150);
  const failed = await it.http.ask("GET", "/x", [200]).catch((e: unknown) => e);
  expect(failed).toMatchObject({
    code: "CONTROLLER_UNREACHABLE",
    message: expect.stringContaining(`c1: GET ${it.url}/x: no answer within 150 ms`),
  });
});

test("neither is one that begins to answer and goes on for ever", async () => {
  await using it = await serve((_, reply) => {
    reply.write("[");
    const timer = setInterval(() => reply.write(" "), 20);
    reply.on("close", () => clearInterval(timer));
  }, 150);
  await expect(it.http.ask("GET", "/x", [200])).rejects.toMatchObject({ code: "CONTROLLER_UNREACHABLE" });
});

test("nobody listens: the reason is told", async () => {
  const it = await serve(() => {});
  await it[Symbol.asyncDispose]();
  await expect(it.http.ask("GET", "/x", [200])).rejects.toMatchObject({
    code: "CONTROLLER_UNREACHABLE",
    message: expect.stringContaining("ECONNREFUSED"),
  });
});

test("a status that is not expected is a refusal in the controller's own words, shortened; the password is in none", async () => {
  await using it = await serve((_, reply) => reply.writeHead(400).end("no".repeat(1000)));
  const failed = (await it.http.ask("POST", "/x", [200], { a: 1 }).catch((e: unknown) => e)) as Error;
  expect(failed).toMatchObject({ code: "CONTROLLER_REFUSED", message: expect.stringContaining("it answered 400: nono") });
  expect(failed.message.length).toBeLessThan(500);
  expect(JSON.stringify(failed) + failed.stack).not.toMatch(/a secret|YSBzZWNyZXQ/);
});

test("who we are is said, and to nobody else: a redirect is not followed", async () => {
  const seen: unknown[] = [];
  await using other = await serve((request, reply) => {
    seen.push(request.headers.authorization);
    reply.end("{}");
  });
  await using it = await serve((request, reply) => {
    expect(request.headers.authorization).toBe(`Basic ${btoa("u:a secret")}`);
    reply.writeHead(302, { location: `${other.url}/steal` }).end();
  });
  await expect(it.http.ask("GET", "/x", [200])).rejects.toMatchObject({ code: "CONTROLLER_REFUSED" });
  expect(seen).toEqual([]);
});

test("an answer that is no JSON is its text, and nothing is nothing", async () => {
  await using it = await serve((request, reply) => reply.end(request.url === "/empty" ? "" : "<html>"));
  expect((await it.http.ask("GET", "/x", [200])).body).toBe("<html>");
  expect((await it.http.ask("GET", "/empty", [200])).body).toBe("");
});

test("a connection that the controller closed while nobody used it costs no request", async () => {
  await using it = await serve((_, reply) => reply.end("{}"));
  await it.http.ask("GET", "/x", [200]);
  for (let i = 0; i < 5; i++) {
    it.server.closeIdleConnections();
    await expect(it.http.ask("GET", "/x", [200])).resolves.toMatchObject({ status: 200 });
    await sleep(1);
  }
});
