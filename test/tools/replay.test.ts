import { expect, test } from "vitest";
import type { Answer, Asking, Exchange } from "../../tools/rest/exchange.ts";
import type { Gap } from "../../tools/rest/gaps.ts";
import { baseOf } from "../../tools/rest/http.ts";
import { replay } from "../../tools/rest/replay.ts";

// Against a server of a few lines, whose answers can be made wrong in every way.

const THEIRS = "238bacee-e690-11f1-a3ee-02fc00000001";
const OURS = "0b0b0b0b-0000-4000-8000-000000000001";
const OTHER = "0b0b0b0b-0000-4000-8000-000000000002";

const exchange = (more: Partial<Exchange>): Exchange => ({
  ...{
    tag: "t",
    method: "GET",
    path: "/tenants",
    admin: false,
    request: null,
    status: 200,
    ctype: "application/json",
    cors: "*",
  },
  response: null,
  ...more,
});
const MADE = exchange({
  ...{ tag: "tenant-new", method: "POST", request: { tenant: { name: "gold" } } },
  response: { tenant: { name: "gold", enabled: true, id: THEIRS } },
});
const READ = exchange({
  tag: "tenant-get",
  path: `/tenants/${THEIRS}`,
  response: { tenant: { name: "gold", enabled: true, id: THEIRS } },
});

type Server = (asking: Asking) => { readonly status?: number; readonly body: unknown; readonly ctype?: string };

/** Replays; of the lists that are looked at before the first exchange only that of tenants may have rows. */
async function held(exchanges: readonly Exchange[], server: Server, gaps: readonly Gap[] = [], before: readonly unknown[] = []) {
  const asked: Asking[] = [];
  const send = async (asking: Asking): Promise<Answer> => {
    if (asking.path.includes("limit=1000000")) {
      const text = JSON.stringify(asking.path.startsWith("/tenants") ? { tenants: before } : {});
      return { status: 200, ctype: "application/json", cors: "*", text };
    }
    asked.push(asking);
    const { status = 200, body, ctype = "application/json" } = server(asking);
    return { status, ctype, cors: "*", text: typeof body === "string" ? body : JSON.stringify(body) };
  };
  const numbered = exchanges.map((value, i) => ({ line: i + 1, value }));
  const outcome = await replay(numbered, { send, gaps, settleMs: 300, sleep: async () => {} });
  return { ...outcome, asked };
}

const right: Server = ({ method, path }) => {
  if (method === "POST") return { body: { tenant: { name: "gold", enabled: true, id: OURS } } };
  return path.includes(OURS) ? { body: { tenant: { name: "gold", enabled: true, id: OURS } } } : { status: 404, body: {} };
};
const wrong =
  (tenant: unknown): Server =>
  ({ method }) =>
    method === "POST" ? { body: { tenant } } : right({ method } as Asking);

test("ids made on the way are mapped, in paths and answers", async () => {
  const { same, mismatches, asked } = await held([MADE, READ], right);
  expect([same, mismatches]).toEqual([2, []]);
  expect(asked[1]!.path).toBe(`/tenants/${OURS}`);
});

//  what our server answers in the place of the right tenant → what is said of it
for (const [what, tenant, says] of [
  ["another value", { name: "silver", enabled: true, id: OURS }, 'tenant.name: want "gold", got "silver"'],
  ["another type", { name: "gold", enabled: 1, id: OURS }, "tenant.enabled: want true, got 1"],
  ["a member that lacks", { name: "gold", id: OURS }, "tenant.enabled: want true, but it is not there"],
  ["a member too many", { name: "gold", enabled: true, id: OURS, secret: 1 }, "tenant.secret: only ours has it: 1"],
  ["an id that is none", { name: "gold", enabled: true, id: "7" }, "tenant.id: want"],
  ["no object", "gold", "tenant: want an object"],
] as const) {
  test(`${what} is a mismatch, told with both answers`, async () => {
    const { mismatches } = await held([MADE], wrong(tenant));
    expect(mismatches).toMatchObject([
      { title: "line 1 tenant-new: POST /tenants", recorded: { status: 200 }, ours: { status: 200 } },
    ]);
    expect(mismatches[0]!.differs).toEqual([expect.stringContaining(says)]);
  });
}

test("the same id stands for the same thing to the end", async () => {
  const { mismatches } = await held([MADE, READ], ({ method }) => ({
    body: { tenant: { name: "gold", enabled: true, id: method === "POST" ? OURS : OTHER } },
  }));
  expect(mismatches).toMatchObject([{ differs: [`tenant.id: want "${OURS}", got "${OTHER}"`] }]);
});

test("status, content type and CORS count", async () => {
  const { mismatches } = await held([MADE], () => ({ status: 201, body: "x", ctype: "text/plain" }));
  expect(mismatches[0]!.differs).toEqual(["status: want 200, got 201", "Content-Type: want application/json, got text/plain"]);
});

const REFUSED = exchange({
  ...{ tag: "bad", path: "/ports/nope", status: 400 },
  response: { error: { code: 400, type: "400 Bad Request", description: "(404, 'port nope not found')" } },
});
const error = (code: number, type: string, description: string) => ({
  status: code,
  body: { error: { code, type, description } },
});

test("an error that the original wrapped is held against what it meant", async () => {
  const clean = await held([REFUSED], () => error(404, "404 Not Found", "port nope not found"));
  expect([clean.same, clean.mismatches]).toEqual([1, []]);
  const kept = await held([REFUSED], () => error(400, "400 Bad Request", "(404, 'port nope not found')"));
  expect(kept.mismatches[0]!.differs).toContain("status: want 404, got 400");
});

test("a 500 of the original is listed where ours is clear, and a mismatch where it is not", async () => {
  const crashed = exchange({
    ...{ tag: "crash", method: "POST", path: "/ports", request: { port: {} }, status: 500 },
    response: { error: { code: 500, type: "500 Internal Server Error", description: "Internal Server Error" } },
  });
  const clear = await held([crashed], () => error(400, "400 Bad Request", "network 'x' is of type bridge_data"));
  expect(clear.listed).toMatchObject([{ decision: "0047 (E2)" }]);
  const same = await held([crashed], () => error(500, "500 Internal Server Error", "Internal Server Error"));
  expect([same.listed, same.mismatches.length, same.same]).toEqual([[], 0, 1]);
  const dumb = await held([crashed], () => ({ status: 400, body: {} }));
  expect(dumb.mismatches.length).toBe(1);
});

test("rows of a list have no order; one that lacks or is too many is told, one that nothing made is not", async () => {
  const list = exchange({
    tag: "list",
    response: {
      tenants: [
        { name: "gold", id: THEIRS },
        { name: "before", id: "238cc2b4-e690-11f1-a3ee-02fc00000001" },
      ],
    },
  });
  const ours =
    (rows: unknown[]): Server =>
    (a) =>
      a.method === "POST" ? right(a) : { body: { tenants: rows } };
  expect((await held([MADE, list], ours([{ name: "gold", id: OURS }]))).mismatches).toEqual([]);
  expect((await held([MADE, list], ours([]))).mismatches[0]!.differs).toEqual([
    expect.stringMatching(/^tenants: ours lacks the row/),
  ]);
  const more = await held(
    [MADE, list],
    ours([
      { name: "x", id: OTHER },
      { name: "gold", id: OURS },
    ]),
  );
  expect(more.mismatches[0]!.differs).toEqual([expect.stringMatching(/^tenants: only ours has the row/)]);
});

test("rows that were there before count neither where a list shows no ids nor where it has a limit", async () => {
  const list = (query: string, tenants: unknown[]) => exchange({ tag: "list", path: `/tenants?${query}`, response: { tenants } });
  const rows = [
    { name: "default", id: OTHER },
    { name: "gold", id: OURS },
    { name: "silver", id: "0b0b0b0b-0000-4000-8000-000000000003" },
  ];
  const answers: Server = (asking) => {
    if (asking.method === "POST") return right(asking);
    const limit = Number(/limit=(\d+)/.exec(asking.path)?.[1] ?? 100);
    const all = asking.path.includes("field=name") ? rows.map(({ name }) => ({ name })) : rows;
    return { body: { tenants: all.slice(0, limit) } };
  };
  const names = list("field=name", [{ name: "gold" }, { name: "silver" }]);
  const limited = [list("limit=1", [{ name: "gold", id: THEIRS }]), list("field=name&limit=1", [{ name: "gold" }])];
  const { same, mismatches } = await held([MADE, names, ...limited], answers, [], [rows[0]]);
  expect([same, mismatches]).toEqual([4, []]);
  const unlimited: Server = (a) => (a.method === "POST" ? right(a) : { body: { tenants: rows } });
  expect((await held([MADE, limited[0]!], unlimited, [], [rows[0]])).mismatches.length).toBe(1);
});

test("an id inside a text is mapped where nothing has named it before", async () => {
  const other = "355e33f6-e690-11f1-a3ee-02fc00000001";
  const snap = exchange({ tag: "snap", path: "/x", response: { image: { path: `/provisional/${other}`, id: other } } });
  const say =
    (inPath: string, id: string): Server =>
    () => ({ body: { image: { path: `/provisional/${inPath}`, id } } });
  expect((await held([snap], say(OURS, OURS))).same).toBe(1);
  expect((await held([snap], say(OURS, OTHER))).mismatches[0]!.differs).toEqual([`image.id: want "${OURS}", got "${OTHER}"`]);
  const elsewhere: Server = () => ({ body: { image: { path: `/images/${OURS}`, id: OURS } } });
  expect((await held([snap], elsewhere)).mismatches.length).toBe(1);
});

test("a state may take its time, but not for ever", async () => {
  const server = exchange({ tag: "server", path: "/any/servers", response: { servers: [{ name: "vm", status: "PAUSED" }] } });
  let asks = 0;
  const slow = await held([server], () => ({ body: { servers: [{ name: "vm", status: ++asks < 3 ? "ACTIVE" : "PAUSED" }] } }));
  expect([slow.same, asks]).toEqual([1, 3]);
  const never = await held([server], () => ({ body: { servers: [{ name: "vm", status: "ACTIVE" }] } }));
  expect(never.mismatches[0]!.differs).toEqual(['servers.0.status: want "PAUSED", got "ACTIVE"']);
});

test("an exchange about a thing that nothing has made is not compared; a gap that is filled makes it", async () => {
  const alone = await held([READ], right);
  expect(alone.skipped).toMatchObject([{ title: `line 1 tenant-get: GET /tenants/${THEIRS}` }]);
  const gap: Gap = { ...MADE, before: "tenant-get", response: { tenant: { id: THEIRS } } };
  expect((await held([READ], right, [gap])).same).toBe(1);
  const other: Gap = { ...gap, response: { tenant: { id: "238cc2b4-e690-11f1-a3ee-02fc00000001" } } };
  expect((await held([READ], right, [other])).asked).toEqual([]);
  const both = await held([MADE, READ], right, [gap]);
  expect(both.asked.filter((a) => a.method === "POST").length).toBe(1);
  const inOtherWords = { ...MADE, request: { tenant: { description: null, name: "gold" } } };
  const once = await held([inOtherWords, READ], right, [gap]);
  expect(once.asked.filter((a) => a.method === "POST").length).toBe(1);
});

test("a body that is a text is sent as it stands, under the type that the answer speaks of", async () => {
  const refused = exchange({
    ...{ tag: "ct", method: "POST", request: "x", status: 406 },
    response: { error: { code: 406, type: "406 Not Acceptable", description: "Content-Type text/plain not supported." } },
  });
  const { asked } = await held([refused], () => error(406, "406 Not Acceptable", "Content-Type text/plain not supported."));
  expect(asked[0]).toMatchObject({ contentType: "text/plain", body: "x" });
});

test("a URL without a path gets the base path, one with a path keeps it, what is none is refused", () => {
  expect(baseOf("http://127.0.0.1:9080", "--url", "/openvim")).toBe("http://127.0.0.1:9080/openvim");
  expect(baseOf("http://h/vim/", "--url", "/openvim")).toBe("http://h/vim");
  expect(() => baseOf("localhost:9080", "--url", "/openvim")).toThrow("--url: want a URL such as");
});
