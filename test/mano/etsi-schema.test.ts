import { expect, test } from "vitest";
import { EtsiDefinitions, type Exchange } from "../harness/etsi-schema.ts";

const etsi = EtsiDefinitions.load();
const json = { "content-type": "application/json", version: "2.3.0" };
const info = {
  id: "1",
  vnfPkgIds: [],
  nsdOnboardingState: "CREATED",
  nsdOperationalState: "DISABLED",
  nsdUsageState: "NOT_IN_USE",
  _links: { self: { href: "http://h/1" }, nsd_content: { href: "http://h/1/c" } },
};
const good: Exchange = {
  method: "GET",
  path: "/nsd/v2/ns_descriptors?all_fields",
  status: 200,
  headers: new Headers(json),
  body: JSON.stringify([info]),
};
const problem = { headers: new Headers({ ...json, "content-type": "application/problem+json" }) };

test.skipIf(etsi === null)("replies that are as ETSI says pass, and every kind of slip is noticed", () => {
  const said = (change: Partial<Exchange>) => etsi!.violations({ ...good, ...change });
  expect(said({})).toEqual([]);
  expect(said({ body: JSON.stringify(info) })).toEqual([expect.stringMatching(/the body must be array/)]);
  expect(said({ body: JSON.stringify([{ ...info, nsdUsageState: "USED" }]) })).toEqual([
    expect.stringMatching(/\/0\/nsdUsageState must be equal to one of/),
  ]);
  expect(said({ headers: new Headers({ "content-type": "application/json" }) })).toEqual([expect.stringMatching(/no Version/)]);
  expect(said({ status: 201 })).toEqual(expect.arrayContaining([expect.stringMatching(/no such status/)]));
  expect(said({ path: "/nsd/v2/nothing" })).toEqual(["no definition has /nsd/v2/nothing"]);
  expect(said({ method: "PUT" })).toEqual([expect.stringMatching(/no such operation/)]);
  expect(said({ status: 404, body: "{}", ...problem })).toEqual([
    expect.stringMatching(/must have required property 'status'/),
    expect.stringMatching(/must have required property 'detail'/),
  ]);
  expect(said({ status: 404, body: '{"status":404,"detail":"x"}', ...problem })).toEqual([]);
  expect(said({ status: 404, body: '{"status":404,"detail":"x"}' })).toEqual([expect.stringMatching(/Content-Type/)]);
  expect(said({ status: 418, body: '{"status":418,"detail":"x"}', ...problem })).toEqual([
    expect.stringMatching(/no such status/),
  ]);
  const made = { method: "POST", path: "/nsd/v2/ns_descriptors", status: 201, body: JSON.stringify(info) };
  expect(said(made)).toEqual([expect.stringMatching(/Location null is no absolute URI/)]);
  expect(said({ ...made, headers: new Headers({ ...json, location: "http://h/nsd/v2/ns_descriptors/1" }) })).toEqual([]);
});

test.skipIf(etsi === null)("so are structures that are sent", () => {
  const wrong = etsi!.structure("SOL005-NSDManagementNotification", "NsdOnBoardingNotification", { id: "1" });
  expect(wrong).toEqual(expect.arrayContaining([expect.stringMatching(/must have required property 'notificationType'/)]));
});
