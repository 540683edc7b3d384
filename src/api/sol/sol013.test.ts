import { Type } from "typebox";
import { expect, test } from "vitest";
import { apiRootOf, withAbsoluteLinks } from "./address.ts";
import { checkedJson } from "./body.ts";
import { acceptable, understood } from "./media-type.ts";
import { letsPass } from "./notification-facts.ts";
import { checkConditions, etagOf } from "./precondition.ts";
import { apiVersionInformation, versionFor } from "./versions.ts";

const here = { protocol: "http", host: "mano.example:9090", localAddress: "::1", localPort: 9090 };

test.for([
  [undefined, here, "http://mano.example:9090"],
  [undefined, { ...here, host: "[::1]:9090" }, "http://[::1]:9090"],
  [undefined, { ...here, host: undefined }, "http://[::1]:9090"],
  [undefined, { ...here, host: "a b/../@evil" }, "http://[::1]:9090"],
  ["https://outside.example/mano/", here, "https://outside.example/mano"],
] as const)("we are reached by %j, %j → %s", ([configured, addressed, root]) => {
  expect(apiRootOf(configured, addressed)).toBe(root);
});

test("paths in _links become URIs; nothing else does, and nothing shared is changed", () => {
  const value = [
    { path: "/a", _links: { self: { href: "/nsd/v2/x" }, objects: [{ href: "/y" }], other: { href: "http://z/" } } },
  ];
  const before = structuredClone(value);
  expect(withAbsoluteLinks(value, "http://h")).toEqual([
    {
      path: "/a",
      _links: { self: { href: "http://h/nsd/v2/x" }, objects: [{ href: "http://h/y" }], other: { href: "http://z/" } },
    },
  ]);
  expect(value).toEqual(before);
});

test("a Version is asked for; older minor ones and those of an implementation are understood", () => {
  expect(versionFor("nsd", "2.3.0")).toBe("2.3.0");
  expect(versionFor("nsd", "2.0.0-impl:example.com:client:7")).toBe("2.0.0");
  expect(() => versionFor("nsd", undefined)).toThrow(/the header Version is missing; send Version: 2\.3\.0/);
  for (const wrong of ["2.4.0", "1.0.0", "2", "2.3", "2.3.1", "x"])
    expect(() => versionFor("nsd", wrong)).toThrow(/not served here; send one of 2\.3\.0, 2\.2\.0/);
  expect(apiVersionInformation("vnffm", "http://h")).toMatchObject({
    uriPrefix: "http://h/vnffm/v1/",
    apiVersions: [{ version: "1.5.0" }, {}, {}, {}, {}, { version: "1.0.0" }],
  });
});

test.for([
  [undefined, "text/plain"],
  ["*/*", "text/plain"],
  ["application/zip", "application/zip"],
  ["application/*;q=0.5", "application/zip"],
  ["image/png, APPLICATION/ZIP; q=0.1", "application/zip"],
  ["text/plain;q=0, application/zip", "application/zip"],
] as const)("Accept: %s gets %s", ([accept, type]) => {
  expect(acceptable(accept, ["text/plain", "application/zip"])).toBe(type);
});

test("what is not acceptable and what is not understood is said with what is", () => {
  expect(() => acceptable("image/png", ["text/plain"])).toThrow(/takes nothing of what is here: text\/plain/);
  const of = (type: string) => ({ "content-type": type });
  expect(understood(of("Application/JSON; charset=utf-8"), ["application/json"])).toBe("application/json");
  expect(() => understood(of("text/xml"), ["application/json"])).toThrow(
    /text\/xml is not understood here; send application\/json/,
  );
  expect(() => understood({}, ["application/json"])).toThrow(/the body has no Content-Type/);
  const form = of("multipart/form-data; boundary=x");
  expect(() => understood(form, ["application/zip", "application/octet-stream"])).toThrow(/with the file itself for the body/);
  expect(() => understood(form, ["application/json"])).toThrow(/send application\/json$/);
  expect(understood({}, ["application/zip", "application/octet-stream"])).toBe("application/octet-stream");
  expect(() => understood({ ...of("application/json"), "content-encoding": "gzip" }, ["application/json"])).toThrow(
    /send the body as it is/,
  );
});

test("conditions hold for the state that was seen, and for no other", () => {
  const state = { etag: etagOf({ a: 1 }), modifiedAt: "2026-11-26T10:00:00.900Z" };
  const good = (headers: object) => expect(() => checkConditions(headers, state)).not.toThrow();
  const bad = (headers: object) => expect(() => checkConditions(headers, state)).toThrow(/read it again/);
  good({ "if-match": state.etag });
  good({ "if-match": `"x", ${state.etag}` });
  good({ "if-match": "*" });
  bad({ "if-match": etagOf({ a: 2 }) });
  bad({ "if-match": `W/${state.etag}` });
  good({ "if-unmodified-since": "Thu, 26 Nov 2026 10:00:00 GMT" });
  good({ "if-unmodified-since": "never" });
  bad({ "if-unmodified-since": "Thu, 26 Nov 2026 09:59:59 GMT" });
});

test("a body is told every mistake by its path; attributes that are not known pass", () => {
  const schema = Type.Object({ name: Type.String({ description: "a name" }), list: Type.Optional(Type.Array(Type.Integer())) });
  expect(checkedJson('{"name":"n","vendor":1}', schema)).toEqual({ name: "n", vendor: 1 });
  expect(() => checkedJson('{"name":1,"list":["a"]}', schema)).toThrow(/name: want a name; .*\nlist\/0: /);
  expect(() => checkedJson("[]", schema)).toThrow(/the body: must be object/);
  expect(() => checkedJson("{}", schema)).toThrow(/name/);
  expect(() => checkedJson(" ", schema)).toThrow(/the body is empty/);
  expect(() => checkedJson("{", schema)).toThrow(/the body is not JSON/);
  expect(() => checkedJson(`{"name":"n","x":${"[".repeat(5_000)}${"]".repeat(5_000)}}`, schema)).toThrow(/nested deeper than/);
});

test.for([
  [{ types: ["a", "b"] }, true],
  [{ types: "c" }, false],
  [{ types: [{ toString: 1 }] }, false],
  [{ constructor: "x", toString: ["y"], ["__proto__"]: "z" }, true],
  [{ nsInstanceSubscriptionFilter: "x" }, true],
  [{ nsInstanceSubscriptionFilter: { types: "c" } }, false],
  [{ vnfProductsFromProviders: [{ vnfProvider: "p" }] }, true],
  [{ vnfProductsFromProviders: ["p", null, { vnfProvider: "p", vnfProducts: 1 }] }, false],
  [{ vnfProductsFromProviders: { vnfProvider: "p", vnfProducts: [null, { vnfProductName: "n", versions: 1 }] } }, false],
  [{ vnfProductsFromProviders: [{ vnfProvider: "p", vnfProducts: [{ vnfProductName: "n" }] }] }, true],
] as const)("a filter %j lets pass: %s; what is in it may be anything", ([filter, does]) => {
  const facts = { types: ["a"], vnfProductsFromProviders: ["p", "n", "1", "2"] };
  expect(letsPass(filter as unknown as Parameters<typeof letsPass>[0], facts)).toBe(does);
});
