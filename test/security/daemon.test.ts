import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Authority } from "../harness/certificates.ts";
import { freePort } from "../harness/free-port.ts";
import { ManoDaemon } from "../mano/daemon.ts";
import { until } from "../vim/rig.ts";

// Whole daemons beyond loopback: with certificates, and tokens made on the command line beside them.

const ROOT = join(import.meta.dirname, "../..");
const dir = mkdtempSync(join(tmpdir(), "sempre-secure-"));
const authority = new Authority();
const identity = authority.issue("vim");
const files = { cert: join(dir, "vim.crt"), key: join(dir, "vim.key") };
const use = ({ cert, key }: { cert: string; key: string }) => {
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key);
};
use(identity);

const ports = { vim: 0, admin: 0, mano: 0 };
let vim: Daemon;
let mano: ManoDaemon;
const secrets: string[] = [];

class Daemon {
  readonly process: ChildProcess;
  log = "";

  constructor(name: "vim" | "mano", config: string) {
    const code = `import { runDaemon } from ${JSON.stringify(`${ROOT}/src/daemon.ts`)}; await runDaemon("${name}", ${JSON.stringify(config)});`;
    this.process = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "ignore", "pipe"] });
    this.process.stderr!.on("data", (chunk) => (this.log += chunk));
  }
}

/** `./sempre …` without the launcher. */
async function sempre(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, [join(ROOT, "src/sempre.ts"), ...args]).catch((e: { stderr: string }) => {
    throw new Error(e.stderr);
  });
}
const vimConfig = join(dir, "vim.json");
const manoConfig = join(dir, "mano.json");
const mint = async (...args: string[]): Promise<string> => {
  const out = args.indexOf("--out");
  const { stdout } = await sempre("token", "create", "--config", ...args);
  const text = (out < 0 ? stdout : readFileSync(args[out + 1]!, "utf8")).trim();
  expect(text).toMatch(/^sempre_[0-9a-f]{12}_[\w-]{43}$/);
  secrets.push(text.slice(-43));
  return text;
};

interface Told {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects to be there.
  readonly body: any;
}

function ask(
  port: number,
  path: string,
  token: string | null,
  { method = "GET", body = null as unknown, headers = {} } = {},
): Promise<Told> {
  return new Promise((settle, fail) => {
    const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
    const sent = { "content-type": "application/json", ...authorization, ...headers };
    const req = request({ host: "127.0.0.1", port, path, method, ca: authority.cert, agent: false, headers: sent }, (res) => {
      let text = "";
      res.setEncoding("utf8").on("data", (chunk) => (text += chunk));
      res.on("end", () =>
        settle({ status: res.statusCode!, headers: res.headers, body: text === "works" ? text : JSON.parse(text) }),
      );
    });
    req.on("error", fail);
    req.end(body === null ? undefined : JSON.stringify(body));
  });
}

beforeAll(async () => {
  for (const name of ["vim", "admin", "mano"] as const) ports[name] = await freePort();
  const listen = { host: "0.0.0.0", port: ports.vim, adminHost: "0.0.0.0", adminPort: ports.admin, tls: files };
  writeFileSync(vimConfig, JSON.stringify({ vim: { mode: "test", store: join(dir, "vim.db"), listen } }));
  await mint(vimConfig, "--role", "admin", "--name", "mano", "--out", join(dir, "vim.token")); // Before the first start.
  vim = new Daemon("vim", vimConfig);
  await until("the VIM", () => vim.log.includes("VIM started") || vim.process.exitCode !== null);
  const at = (port: number) => `https://127.0.0.1:${port}/openvim`;
  const account = {
    name: "v",
    url: at(ports.vim),
    adminUrl: at(ports.admin),
    tokenFile: join(dir, "vim.token"),
    caFile: authority.certPath,
  };
  const manoListen = { host: "0.0.0.0", port: ports.mano, tls: files };
  writeFileSync(manoConfig, JSON.stringify({ mano: { store: join(dir, "mano.db"), listen: manoListen, vims: [account] } }));
  mano = new ManoDaemon(manoConfig);
  await until("the MANO", () => mano.log.includes("the MANO is ready") || mano.process.exitCode !== null);
});
afterAll(async () => {
  vim?.process.kill("SIGKILL");
  await mano?.kill("SIGKILL");
  authority[Symbol.dispose]();
  rmSync(dir, { recursive: true, force: true });
});

test("what is kept is for its owner only: the store, the key, the token's file", () => {
  for (const name of ["vim.db", "vim.db.key", "vim.token", "mano.db"]) expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(dir, "vim.db")).includes(secrets[0]!)).toBe(false);
});

test("beyond loopback nothing is answered without a token but that somebody listens; the challenge says what is wanted", async () => {
  expect(await ask(ports.vim, "/openvim/", null)).toMatchObject({ status: 200, body: "works" });
  for (const [port, path] of [
    [ports.vim, "/openvim/tenants"],
    [ports.admin, "/openvim/hosts"],
    [ports.vim, "/openvim/nowhere"],
    [ports.vim, "/openvim/events"],
  ] as const) {
    const told = await ask(port, path, null);
    expect(told).toMatchObject({ status: 401, headers: { "www-authenticate": 'Bearer realm="openvim"' } });
    expect(told.body.error).toMatchObject({
      code: 401,
      type: "401 Unauthorized",
      description: expect.stringMatching(/needs a token/),
    });
  }
  expect(await ask(ports.mano, "/mano/v1/alarms", null)).toMatchObject({ status: 401, body: { code: "UNAUTHENTICATED" } });
});

test("a token is good with the next request, and with the next after its end no more", async () => {
  const token = await mint(vimConfig, "--role", "operator", "--tenant", "default", "--name", "short");
  expect(await ask(ports.vim, "/openvim/tenants", token)).toMatchObject({
    status: 200,
    body: { tenants: [{ name: "default" }] },
  });
  expect(await ask(ports.vim, "/openvim/tenants", null, { headers: { "x-auth-token": token } })).toMatchObject({ status: 200 });
  const { stdout: list } = await sempre("token", "list", "--config", vimConfig);
  expect(list).toMatch(/short +operator/);
  for (const secret of secrets) expect(list).not.toContain(secret);
  expect((await sempre("token", "revoke", "--config", vimConfig, "short")).stdout).toMatch(/good for nothing/);
  const told = await ask(ports.vim, "/openvim/tenants", token);
  expect(told).toMatchObject({ status: 401, headers: { "www-authenticate": 'Bearer realm="openvim", error="invalid_token"' } });
  expect(told.body.error.description).toMatch(/expired or was revoked/);
});

test("a stream ends soon after its token", async () => {
  const token = await mint(vimConfig, "--role", "viewer", "--tenant", "default", "--name", "listener");
  const headers = { accept: "text/event-stream", authorization: `Bearer ${token}` };
  const req = request({ host: "127.0.0.1", port: ports.vim, path: "/openvim/events", ca: authority.cert, headers });
  req.end();
  const [res] = await once(req, "response");
  let isOver = false;
  res.on("data", () => {});
  res.on("error", () => {});
  res.on("close", () => (isOver = true));
  await sleep(1_500);
  expect(isOver).toBe(false);
  await sempre("token", "revoke", "--config", vimConfig, "listener");
  await until("its end", () => isOver);
});

test("roles: 403 says what is needed; the MANO's viewer looks, its operator commands, its administrator adds VIMs", async () => {
  const [viewer, operator, admin] = await Promise.all(
    ["viewer", "operator", "admin"].map((role) => mint(manoConfig, "--role", role)),
  );
  const vims = {
    method: "POST",
    body: { name: "v2", url: "http://127.0.0.1:1/openvim", adminUrl: "http://127.0.0.1:1/openvim" },
  };
  expect(await ask(ports.mano, "/mano/v1/alarms", viewer!)).toMatchObject({ status: 200 });
  const ns = { method: "POST", body: { nsdId: "none", nsName: "n" } };
  const told = await ask(ports.mano, "/mano/v1/ns_instances", viewer!, ns);
  expect(told).toMatchObject({
    status: 403,
    body: { code: "FORBIDDEN", detail: expect.stringMatching(/needs the role operator.*has viewer/) },
  });
  expect(told.headers["www-authenticate"]).toBe('Bearer realm="mano", error="insufficient_scope"');
  expect(await ask(ports.mano, "/mano/v1/ns_instances", operator!, ns)).toMatchObject({ status: 404 });
  expect(await ask(ports.mano, "/mano/v1/vims", operator!, vims)).toMatchObject({ status: 403 });
  expect(await ask(ports.mano, "/mano/v1/vims", admin!, vims)).toMatchObject({ status: 201 });
  const { events } = (await ask(ports.mano, "/mano/v1/events", viewer!)).body;
  const changed = events.filter((e: { type: string }) => e.type === "api.changed");
  expect(changed).toMatchObject([
    { method: "POST", path: "/mano/v1/vims", status: 201, by: expect.stringMatching(/\(token [0-9a-f]{12}\)/) },
  ]);
});

test("the MANO is let into its VIM by the token and authority in its settings", async () => {
  const viewer = await mint(manoConfig, "--role", "viewer");
  const seen = await until("it streams", async () => {
    const { body } = await ask(ports.mano, "/mano/v1/vims", viewer);
    const found = body.find((v: { name: string }) => v.name === "v");
    return found?.streaming && found;
  });
  expect(seen).toMatchObject({ reachable: true, why: null });
});

test("a token that was renewed in its file is taken up without a restart", async () => {
  const viewer = await mint(manoConfig, "--role", "viewer");
  const state = async () => (await ask(ports.mano, "/mano/v1/vims", viewer)).body.find((v: { name: string }) => v.name === "v");
  await sempre("token", "revoke", "--config", vimConfig, "mano");
  await until("it is turned away", async () => /401/.test((await state()).why ?? ""));
  rmSync(join(dir, "vim.token"));
  await mint(vimConfig, "--role", "admin", "--name", "mano", "--out", join(dir, "vim.token"));
  await until("it is let in again", async () => (await state()).streaming && (await state()).why === null);
});

test("sempre protection is let in by --token-file and --ca", async () => {
  const path = authority.write("viewer.token", await mint(manoConfig, "--role", "viewer"));
  const at = ["--mano", `https://127.0.0.1:${ports.mano}`];
  expect((await sempre("protection", ...at, "--token-file", path, "--ca", authority.certPath)).stdout).toMatch(
    /no protection group/,
  );
  await expect(sempre("protection", ...at, "--ca", authority.certPath)).rejects.toThrow(/it needs a token/);
  await expect(sempre("protection", ...at, "--token-file", path)).rejects.toThrow(/no MANO answers/);
});

test("TLS 1.1 and plain http are not spoken", async () => {
  const handshake = (maxVersion: "TLSv1.1" | "TLSv1.2") =>
    new Promise<string>((settle) => {
      const options = {
        host: "127.0.0.1",
        port: ports.vim,
        ca: authority.cert,
        maxVersion,
        minVersion: "TLSv1" as const,
        ciphers: "DEFAULT@SECLEVEL=0",
      };
      const socket: TLSSocket = connect(options, () => {
        settle(socket.getProtocol() ?? "");
        socket.destroy();
      });
      socket.on("error", (e) => settle(e.message));
    });
  expect(await handshake("TLSv1.2")).toBe("TLSv1.2");
  expect(await handshake("TLSv1.1")).toMatch(/protocol version|unsupported protocol/i);
  await expect(fetch(`http://127.0.0.1:${ports.vim}/openvim/`)).rejects.toThrow();
});

test("SIGHUP: a new certificate is shown to who connects from then on; a wrong one changes nothing", async () => {
  const shown = () =>
    new Promise<string>((settle, fail) => {
      const socket = connect({ host: "127.0.0.1", port: ports.vim, ca: authority.cert }, () => {
        settle(socket.getPeerCertificate().subject.CN as string);
        socket.destroy();
      });
      socket.on("error", fail);
    });
  expect(await shown()).toBe("vim");
  use(authority.issue("renewed"));
  vim.process.kill("SIGHUP");
  await until("the new one", async () => (await shown()) === "renewed");
  use({ cert: authority.issue("other").cert, key: identity.key });
  vim.process.kill("SIGHUP");
  await until("the word of it", () => vim.log.includes("could not be read again"));
  expect(await shown()).toBe("renewed");
});

test("who guesses is asked to wait; who has a good token is let in from there too", async () => {
  const token = await mint(vimConfig, "--role", "viewer", "--tenant", "default");
  // One guess in six seconds is forgiven: a slow machine needs more than a hundred of them.
  const told = await until("it is turned away", async () => {
    const guesses = Array.from({ length: 20 }, (_, i) => ask(ports.vim, "/openvim/tenants", `guess-${i}`));
    return (await Promise.all(guesses)).find((answer) => answer.status === 429);
  });
  expect(told).toMatchObject({ status: 429, headers: { "retry-after": expect.stringMatching(/^\d+$/) } });
  expect(told.body.error.type).toBe("429 Too Many Requests");
  expect(await ask(ports.vim, "/openvim/tenants", token)).toMatchObject({ status: 200 });
  expect(vim.log).not.toContain("guess-");
});

test("no secret stands in a log or in what sempre show shows", async () => {
  const { stdout } = await sempre("show", "--store", join(dir, "vim.db"));
  const shownOfMano = await sempre("show", "--store", join(dir, "mano.db"));
  expect(secrets.length).toBeGreaterThan(8);
  for (const secret of secrets) {
    for (const text of [vim.log, mano.log, stdout, shownOfMano.stdout]) expect(text).not.toContain(secret);
  }
});

test.for([
  [["--role", "operator"], /a VIM's operator is of one tenant: name it with --tenant/],
  [["--role", "operator", "--tenant", "nobody"], /there is no tenant nobody; there are: default/],
  [["--role", "admin", "--tenant", "default"], /leave --tenant out/],
  [["--role", "king"], /Allowed choices are viewer, operator, admin/],
  [["--role", "admin", "--expires", "yesterday"], /want a time to come/],
  [["--role", "admin", "--expires", "2001-01-01"], /want a time to come/],
  [["--role", "admin", "--out", files.cert], /--out: EEXIST/],
] as const)("refused: sempre token create %j", async ([args, says]) => {
  using store = new DatabaseSync(join(dir, "vim.db"), { readOnly: true });
  const tokens = () => store.prepare("select * from tokens order by id").all();
  const before = tokens();
  await expect(sempre("token", "create", "--config", vimConfig, ...args)).rejects.toThrow(says);
  expect(tokens()).toEqual(before);
});

test("a token that expires is good until then", async () => {
  const later = new Date(Date.now() + 3_600_000).toISOString();
  const token = await mint(vimConfig, "--role", "admin", "--name", "passing", "--expires", later);
  const status = async () => (await ask(ports.vim, "/openvim/hosts", token)).status;
  expect(await status()).toBe(200);
  using store = new DatabaseSync(join(dir, "vim.db"), { timeout: 30_000 });
  const expires = (at: string) => store.prepare("update tokens set expires_at = ? where expires_at = ?").run(at, later);
  const soon = new Date(Date.now() + 1_000).toISOString();
  expect(expires(soon).changes, "it was kept with the time that was asked for").toBe(1);
  await until("it is good no more", async () => [401, 429].includes(await status()));
  expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(soon));
});
