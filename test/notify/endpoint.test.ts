import { afterAll, expect, test } from "vitest";
import type { CallbackAuth, CallbackTls } from "../../src/model/subscription.ts";
import { CallbackPolicy, type CallbackRules } from "../../src/notify/callback-policy.ts";
import { Endpoint, Refusal } from "../../src/notify/endpoint.ts";
import { Authority } from "../harness/certificates.ts";
import { Receiver, type Reply, type Request } from "../harness/receiver.ts";

const RULES: CallbackRules = { allow: [], thisMachine: true, ownPorts: () => [], secretsInClear: false };
const never = new AbortController().signal;
const authority = new Authority();
afterAll(() => authority[Symbol.dispose]());
const server = authority.issue("receiver");

interface How {
  readonly auth?: CallbackAuth;
  readonly tls?: Partial<CallbackTls>;
  readonly rules?: Partial<CallbackRules>;
  readonly now?: () => number;
}

const endpoint = (url: string, { auth, tls, rules, now = () => 0 }: How = {}) =>
  new Endpoint(
    { url, auth: auth ?? null, tls: tls ? { ca: null, certificate: null, privateKey: null, ...tls } : null },
    new CallbackPolicy({ ...RULES, ...rules }),
    now,
  );
const why = (e: Endpoint) =>
  e.post("{}", never).then(
    () => "accepted",
    (x: unknown) => (x instanceof Refusal ? x.message : Promise.reject(x as Error)),
  );

test("a server is believed when its authority is the one given, and not otherwise", async () => {
  await using receiver = await Receiver.start({ tls: server });
  using trusted = endpoint(receiver.url, { tls: { ca: authority.cert } });
  await trusted.post("{}", never);
  using untrusted = endpoint(receiver.url);
  expect(await why(untrusted)).toMatch(/self-signed certificate|unable to verify/);
  using stranger = new Authority();
  using other = endpoint(receiver.url, { tls: { ca: stranger.cert } });
  expect(await why(other)).toMatch(/unable to verify|signature/);
  expect(receiver.requests).toHaveLength(1);
});

test("mutual TLS: the receiver sees our certificate", async () => {
  await using receiver = await Receiver.start({ tls: { ...server, ca: authority.cert } });
  const ours = authority.issue("sempre");
  using known = endpoint(receiver.url, { tls: { ca: authority.cert, certificate: ours.cert, privateKey: ours.key } });
  await known.post("{}", never);
  using unknown = endpoint(receiver.url, { tls: { ca: authority.cert } });
  expect(await why(unknown)).toMatch(/certificate required|got no answer/);
});

test("certificates that are none are an error at once", () => {
  const noPem = "-----BEGIN CERTIFICATE-----\nx\n";
  expect(() => endpoint("https://127.0.0.1/x", { tls: { ca: noPem } })).toThrow();
  expect(() => endpoint("https://127.0.0.1/x", { tls: { certificate: noPem, privateKey: "x" } })).toThrow(/PEM|key|asn1/i);
  expect(() =>
    endpoint("https://127.0.0.1/x", { tls: { certificate: server.cert, privateKey: authority.issue("other").key } }),
  ).toThrow(/mismatch/);
});

const oauth2 = (tokenEndpoint: string): CallbackAuth => ({
  type: "OAUTH2_CLIENT_CREDENTIALS",
  clientId: "us",
  clientPassword: "pa:ss/1",
  tokenEndpoint,
  scope: "hook",
});
const tokens = (give: (n: number) => Reply) => {
  let n = 0;
  return (r: Request): Reply =>
    r.path === "/token" ? give(n++) : { status: r.headers.authorization?.endsWith("old") ? 401 : 204 };
};
const token = (access_token: string, more: object = {}): Reply => ({
  status: 200,
  body: JSON.stringify({ access_token, token_type: "Bearer", ...more }),
});

test("OAuth2 client credentials: one token for many requests, a new one near its end or when it is refused", async () => {
  await using receiver = await Receiver.start();
  receiver.reply = tokens((n) => token(`t${n}`, { expires_in: 100 }));
  let now = 0;
  using e = endpoint(receiver.url, { auth: oauth2(receiver.url.replace("hook", "token")), now: () => now });
  for (const at of [0, 10_000, 69_000, 71_000]) {
    now = at;
    await e.post("{}", never);
  }
  const posts = receiver.requests.filter((r) => r.path === "/hook");
  expect(posts.map((r) => r.headers.authorization)).toEqual(["Bearer t0", "Bearer t0", "Bearer t0", "Bearer t1"]);
  const asked = receiver.requests.find((r) => r.path === "/token")!;
  expect(asked.text).toBe("grant_type=client_credentials&scope=hook");
  expect(asked.headers.authorization).toBe(`Basic ${Buffer.from("us:pa%3Ass%2F1").toString("base64")}`);
  receiver.reply = tokens((n) => token(n === 0 ? "old" : "new"));
  now = 1e9;
  await e.post("{}", never);
  expect(receiver.requests.at(-1)!.headers.authorization).toBe("Bearer new");
});

test.for([
  [{ status: 401, body: "pa:ss/1" }, "token_endpoint: POST was answered 401"],
  [{ status: 200, body: "<html>" }, "token_endpoint: the answer has no access_token (RFC 6749, 5.1)"],
  [{ status: 200, body: '{"access_token":"a b"}' }, "token_endpoint: the answer has no access_token (RFC 6749, 5.1)"],
  [{ raw: "x" }, "token_endpoint: POST got no answer: what came back is no HTTP"],
] as const)(
  "a token endpoint that answers %j: the subscriber is refused with the reason, and nothing secret in it",
  async ([reply, says]) => {
    await using receiver = await Receiver.start();
    receiver.reply = tokens(() => reply);
    using e = endpoint(receiver.url, { auth: oauth2(receiver.url.replace("hook", "token")) });
    expect(await why(e)).toBe(says);
    expect(receiver.requests.some((r) => r.path === "/hook")).toBe(false);
  },
);

test("Retry-After is read as seconds and as a date", async () => {
  await using receiver = await Receiver.start();
  using e = endpoint(receiver.url);
  const asked = async (text: string) => {
    receiver.reply = () => ({ status: 503, headers: { "retry-after": text } });
    return e.post("{}", never).catch((x: Refusal) => x.askedMs);
  };
  expect(await asked("7")).toBe(7_000);
  expect(await asked(new Date(Date.now() + 60_000).toUTCString())).toBeGreaterThan(50_000);
  expect(await asked("soon")).toBeNull();
  expect(await asked(new Date(0).toUTCString())).toBeNull();
});

test("a name is resolved when we connect, and goes nowhere else than its rules let it", async () => {
  await using receiver = await Receiver.start();
  const byName = receiver.url.replace("127.0.0.1", "localhost");
  using free = endpoint(byName);
  await free.post("{}", never);
  using remote = endpoint(byName, { rules: { thisMachine: false } });
  expect(await why(remote)).toMatch(/localhost: (127\.0\.0\.1|::1) is this machine itself/);
  using own = endpoint(byName, { rules: { ownPorts: () => [receiver.port] } });
  expect(await why(own)).toMatch(/is this daemon itself/);
  using elsewhere = endpoint(receiver.url, { rules: { allow: ["10.0.0.0/8"] } });
  expect(await why(elsewhere)).toMatch(/127\.0\.0\.1 is in none of the ranges/);
  using named = endpoint("http://nowhere.invalid/x");
  expect(await why(named)).toMatch(/got no answer: .*nowhere\.invalid/);
  expect(receiver.requests).toHaveLength(1);
});

test.for([
  ["http://127.0.0.1/x", { thisMachine: false }, /this machine itself/],
  ["http://2130706433/x", { thisMachine: false }, /127\.0\.0\.1 is this machine itself/],
  ["http://[::ffff:7f00:1]/x", { thisMachine: false }, /127\.0\.0\.1 is this machine itself/],
  ["http://[::ffff:169.254.169.254]/x", {}, /169\.254\.169\.254 is link-local/],
  ["http://[::1]/x", { thisMachine: false }, /this machine itself/],
  ["http://10.1.2.3/x", { allow: ["10.0.0.0/8"] }, null],
  ["http://127.0.0.1/x", { allow: ["127.0.0.1"], thisMachine: false }, null],
  ["http://127.0.0.1:9085/x", { allow: ["127.0.0.1"], ownPorts: () => [9085] }, /this daemon itself/],
  ["http://11.1.2.3/x", { allow: ["10.0.0.0/8"] }, /in none of the ranges/],
  ["http://10.1.2.3/x", {}, null],
  ["http://224.0.0.1/x", {}, /multicast/],
  ["http://255.255.255.255/x", {}, /reserved/],
  ["http://[64:ff9b::a9fe:a9fe]/x", {}, /reserved/],
] as const)("%s under %j: %s", ([url, rules, says]) => {
  const check = () => new CallbackPolicy({ ...RULES, ...rules }).check({ url, auth: null, tls: null });
  if (says === null) expect(check).not.toThrow();
  else expect(check).toThrow(says);
});
