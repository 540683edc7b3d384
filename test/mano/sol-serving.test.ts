import { afterAll, beforeAll, expect, test } from "vitest";
import { example, Rig } from "./rig.ts";
import { SolClient } from "./sol-client.ts";

let rig: Rig;
let sol: SolClient;
beforeAll(async () => {
  rig = await Rig.start({ listPageSize: 2 });
  sol = new SolClient(rig);
  for (const name of ["media-service.yaml", "media-service-active-passive.yaml", "single.yaml"])
    await rig.ask("POST", "/mano/v1/descriptors", example(`sol006/${name}`));
});
afterAll(() => rig[Symbol.asyncDispose]());

const LIST = "/nsd/v2/ns_descriptors";

test("the versions of an interface are found with and without the major one, whatever Version is sent", async () => {
  for (const path of ["/nsd/api_versions", "/nsd/v2/api_versions"]) {
    const answer = await sol.ask("GET", path, undefined, { version: "" });
    expect(answer).toMatchObject({
      status: 200,
      body: { uriPrefix: `${rig.url}/nsd/v2/`, apiVersions: [{ version: "2.3.0" }, {}, {}, {}] },
    });
    for (const method of ["POST", "PUT", "PATCH", "DELETE"]) {
      const refused = await sol.ask(method, path);
      expect(refused).toMatchObject({ status: 405, body: { status: 405, code: "NO_SUCH_METHOD" } });
      expect(refused.headers.get("allow")).toBe("GET");
    }
  }
});

test.for([
  ["GET", LIST, { version: "" }, 400, /the header Version is missing; send Version: 2\.3\.0/],
  ["GET", LIST, { version: "9.9.9" }, 406, /9\.9\.9 is not served here/],
  ["GET", LIST, { accept: "text/html" }, 406, /takes nothing of what is here: application\/json/],
  ["PUT", LIST, {}, 405, /takes GET/],
  ["GET", `${LIST}/nobody`, {}, 404, /there is no NSD nobody/],
  ["GET", `${LIST}?filter=(is,id,1)`, {}, 400, /filter, character 1: "is" is no operator/],
  ["GET", `${LIST}?filter=(eq,colour,red)`, {}, 400, /there is no attribute "colour"/],
  ["GET", `${LIST}?filter=(eq,id,1)&filter=(eq,id,2)`, {}, 400, /filter: it stands there more than once/],
  ["GET", `${LIST}?fields=wrong_field`, {}, 400, /fields: there is no attribute "wrong_field"/],
  ["GET", `${LIST}?all_fields&exclude_default`, {}, 400, /do not go together/],
  ["GET", `${LIST}?nextpage_opaque_marker=x`, {}, 400, /none of ours/],
  ["GET", `${LIST}/%zz`, {}, 400, /not a valid url component/],
  ["GET", "/nsd/v2/nowhere", {}, 404, /there is no GET \/nsd\/v2\/nowhere/],
] as const)("%s %s %j → %i", async ([method, path, headers, status, detail]) => {
  const answer = /nowhere$|%zz$/.test(path)
    ? await sol.askUnchecked(method, path)
    : await sol.ask(method, path, undefined, headers);
  expect(answer).toMatchObject({ status, body: { status, detail: expect.stringMatching(detail) } });
  expect(answer.headers.get("content-type")).toMatch("application/problem+json");
});

test("a list comes in pages, each behind the link of the one before", async () => {
  const first = await sol.ask("GET", LIST);
  expect(first.body).toHaveLength(2);
  const [, next] = /^<(http[^>]+)>; rel="next"$/.exec(first.headers.get("link") ?? "") ?? [];
  const second = await sol.ask("GET", next!.slice(rig.url.length));
  expect(second.body).toHaveLength(1);
  expect(second.headers.get("link")).toBeNull();
  const ids = [...first.body, ...second.body].map((n: { id: string }) => n.id);
  expect(new Set(ids).size).toBe(3);
  const [one] = (await sol.ask("GET", `${LIST}?filter=(eq,id,${ids[2]})`)).body;
  expect(one.id).toBe(ids[2]);
  expect(one._links.self.href).toBe(`${rig.url}${LIST}/${ids[2]}`);
});

test("links lead to what they name, and a resource has an ETag that stays while it does", async () => {
  const [listed] = (await sol.ask("GET", `${LIST}?all_fields`)).body;
  const one = await sol.ask("GET", listed._links.self.href.slice(rig.url.length));
  expect(one.body).toEqual(listed);
  expect(one.headers.get("etag")).toMatch(/^"[\w-]{22}"$/);
  const other = await fetch(listed._links.self.href.replace("127.0.0.1", "localhost"), { headers: { version: "2.3.0" } });
  expect(other.headers.get("etag")).toBe(one.headers.get("etag"));
  expect(one.headers.get("last-modified")).toMatch(/ GMT$/);
});

test("where clients reach us is a setting", async () => {
  await rig.stopMano();
  rig.setSettings({ listen: { port: 0, apiRoot: "https://mano.example.com/outside/" } });
  await rig.startMano();
  const [listed] = (await sol.ask("GET", LIST)).body;
  expect(listed._links.self.href).toBe(`https://mano.example.com/outside${LIST}/${listed.id}`);
});
