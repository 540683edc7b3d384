import { afterAll, beforeAll, expect, test } from "vitest";
import { Authority } from "../harness/certificates.ts";
import { Receiver } from "../harness/receiver.ts";
import { Rig, until } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

// What convinces a subscriber that it is us (SOL013 8.3.4).
const authority = new Authority();
const ours = authority.issue("mano");
let rig: Rig;
let sol: SolClient;
beforeAll(async () => {
  const clientCertificate = { cert: ours.certPath, key: ours.keyPath, ca: authority.certPath };
  rig = await Rig.start({ callbacks: { clientCertificate } });
  sol = new SolClient(rig);
  await rig.deploy();
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  authority[Symbol.dispose]();
});

const SUBSCRIPTIONS = "/nsfm/v1/subscriptions";

async function failAndReturn(): Promise<void> {
  rig.vim.down("media-relay-a");
  await until("alarms", async () => (await rig.alarms()).includes("VNFC_DOWN"));
  rig.vim.up("media-relay-a");
  await until("none", async () => (await rig.alarms()).length === 0);
}

test("OAuth2: the token is fetched once, and anew when the subscriber takes it back", async () => {
  await using receiver = await Receiver.start();
  await using tokens = await Receiver.start();
  let issued = 0;
  tokens.reply = () => ({
    status: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ access_token: `token-${++issued}`, token_type: "Bearer", expires_in: 3600 }),
  });
  let good = "Bearer token-1";
  receiver.reply = ({ headers }) => ({ status: headers.authorization === good ? 204 : 401 });
  const params = { clientId: "mano", clientPassword: "a-Secret-of-oauth", tokenEndpoint: tokens.url };
  const authentication = { authType: ["OAUTH2_CLIENT_CREDENTIALS"], paramsOauth2ClientCredentials: params };
  const made = await sol.ask("POST", SUBSCRIPTIONS, { callbackUri: receiver.url, authentication });
  expect(made.status).toBe(201);
  await failAndReturn();
  const posts = () => receiver.requests.filter((r) => r.method === "POST" && r.headers.authorization === good);
  await until("told", () => posts().length >= 2);
  expect(issued).toBe(1);
  good = "Bearer token-2";
  await failAndReturn();
  await until("told with the new one", () => posts().length >= 2);
  expect(issued).toBe(2);
  const { authorization } = tokens.requests[0]!.headers;
  expect(authorization).toBe(`Basic ${Buffer.from("mano:a-Secret-of-oauth").toString("base64")}`);
  const shown = JSON.stringify([
    (await sol.ask("GET", SUBSCRIPTIONS)).body,
    (await rig.ask("GET", "/mano/v1/subscriptions")).body,
  ]);
  expect(shown).not.toContain("Secret");
  await sol.ask("DELETE", `${SUBSCRIPTIONS}/${made.body.id}`);
});

test("TLS_CERT: the certificate of the settings is shown, over a restart too; without it nobody is told", async () => {
  const tls = { ...authority.issue("receiver"), ca: authority.cert };
  await using receiver = await Receiver.start({ tls });
  expect((await sol.ask("POST", SUBSCRIPTIONS, { callbackUri: receiver.url })).status).toBe(422);
  const made = await sol.ask("POST", SUBSCRIPTIONS, { callbackUri: receiver.url, authentication: { authType: ["TLS_CERT"] } });
  expect(made.status).toBe(201);
  await rig.stopMano();
  await rig.startMano();
  await failAndReturn();
  await until("told", () => receiver.requests.some((r) => r.method === "POST"));
  await sol.ask("DELETE", `${SUBSCRIPTIONS}/${made.body.id}`);
});

test("wrong words: a receiver that does not believe us is no receiver, and what it is told stays", async () => {
  await using receiver = await Receiver.start();
  const good = `Basic ${Buffer.from("mano:right").toString("base64")}`;
  receiver.reply = ({ headers }) => ({ status: headers.authorization === good ? 204 : 401 });
  const asked = (password: string) => ({
    callbackUri: receiver.url,
    authentication: { authType: ["BASIC"], paramsBasic: { userName: "mano", password } },
  });
  expect(await sol.ask("POST", SUBSCRIPTIONS, asked("wrong"))).toMatchObject({
    status: 422,
    body: { detail: expect.stringMatching(/401/) },
  });
  expect((await sol.ask("GET", SUBSCRIPTIONS)).body).toEqual([]);
  expect((await sol.ask("POST", SUBSCRIPTIONS, asked("right"))).status).toBe(201);
});
