import { request } from "node:https";
import { afterAll, expect, test } from "vitest";
import { openDoorway } from "../../src/api/doorway.ts";
import { listenHttp, makeHttp } from "../../src/api/http.ts";
import { ACCESS } from "../../src/api/mano/access.ts";
import { ROUTES } from "../../src/api/mano/routes.ts";
import { SOL_TABLES } from "../../src/api/sol/tables.ts";
import { readTls } from "../../src/api/tls.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { silent } from "../../src/lib/log.ts";
import { openStore } from "../../src/store/open.ts";
import type { VimDb } from "../../src/store/vim-schema.ts";
import { Authority } from "../harness/certificates.ts";

const authority = new Authority();
afterAll(() => authority[Symbol.dispose]());
const server = authority.issue("server");

test("every route of the MANO has its rule, and no rule is of a route that is no more", () => {
  const routes = [...ROUTES, ...SOL_TABLES.flat()].map((r) => r.is as string);
  expect(routes.filter((r) => !(r in ACCESS))).toEqual([]);
  expect(Object.keys(ACCESS).filter((r) => !routes.includes(r) && r !== "GET /mano/v1/events")).toEqual([]);
});

test("mutual TLS: who shows no certificate of the authority is not answered", async () => {
  const app = makeHttp(readTls({ cert: server.certPath, key: server.keyPath, clientCa: authority.certPath }, "x"));
  app.get("/", async () => "yes");
  const port = await listenHttp(app, { host: "127.0.0.1", port: 0, setting: "x" });
  const ask = (more: object) =>
    new Promise<string>((settle, fail) => {
      const req = request({ host: "127.0.0.1", port, ca: authority.cert, agent: false, ...more }, (res) =>
        res.on("data", (text) => settle(String(text))),
      );
      req.on("error", fail);
      req.end();
    });
  const { cert, key } = authority.issue("client");
  expect(await ask({ cert, key })).toBe("yes");
  await expect(ask({})).rejects.toThrow();
  using stranger = new Authority();
  const other = stranger.issue("client");
  await expect(ask({ cert: other.cert, key: other.key })).rejects.toThrow();
  await app.close();
});

test.for([
  [{ cert: "/nowhere.crt", key: server.keyPath }, /config\.x\.cert: ENOENT/],
  [{ cert: server.certPath, key: "/nowhere.key" }, /config\.x\.key: ENOENT/],
  [{ cert: server.keyPath, key: server.keyPath }, /are no certificate and its key/],
  [{ cert: server.certPath, key: authority.issue("other").keyPath }, /mismatch/],
  [{ cert: server.certPath, key: server.keyPath, clientCa: server.keyPath }, /are no certificate and its key/],
] as const)("certificates that cannot be used are named: %#", ([files, says]) => {
  expect(() => readTls(files, "config.x")).toThrow(says);
});

// Where it listens, and what is set               → whether it is guarded
test.for([
  ["127.0.0.1", {}, false],
  ["localhost", {}, false],
  ["::1", {}, false],
  ["127.0.0.1", { onLoopback: "tokens" }, true],
  ["0.0.0.0", {}, true],
  ["::", {}, true],
  ["192.0.2.1", {}, true],
  ["0.0.0.0", { beyondLoopback: "open" }, false],
  ["127.0.0.1", { beyondLoopback: "open", onLoopback: "tokens" }, true],
] as const)("%s with %j: a token is asked for: %s", async ([host, set, isGuarded]) => {
  const db = await openStore<VimDb>({ path: ":memory:", migrationsDir: new URL("../../sql/vim", import.meta.url).pathname });
  const auth = { onLoopback: "open", beyondLoopback: "tokens", ...set } as const;
  const doorway = openDoorway({ realm: "r", db, auth, tls: undefined, setting: "x", clock: systemClock, log: silent });
  expect("gate" in doorway.guarding(host)).toBe(isGuarded);
  await db.destroy();
});
