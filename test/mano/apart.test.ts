import { expect, test } from "vitest";
import { togetherIn } from "../../src/mano/apart.ts";
import type { HostId, ServerId, VnfcId } from "../../src/model/ids.ts";
import type { Member } from "../../src/model/protection.ts";
import type { Inventory } from "../../src/vimconn/connector.ts";

const members = ["a", "b", "c"].map((name) => ({ vnfcId: name, name, standby: "hot" })) as unknown as Member[];
const serverOf = (id: VnfcId) => id as string as ServerId;
const HOSTS = new Map([
  ["h1", "compute-1"],
  ["h2", "compute-2"],
  ["h3", "compute-3"],
] as [HostId, string][]);
const seen = (hosts: Inventory["hosts"], at: Record<string, string | null>) =>
  ({ hosts, servers: new Map(Object.entries(at).map(([id, hostId]) => [id, { id, hostId }])) }) as unknown as Inventory;

test.for([
  ["each on its own", HOSTS, { a: "h1", b: "h2", c: "h3" }, []],
  ["two on one", HOSTS, { a: "h1", b: "h1", c: "h2" }, ["a and b are on one host, compute-1: its failure would take them all"]],
  [
    "all on one",
    HOSTS,
    { a: "h2", b: "h2", c: "h2" },
    ["a and b and c are on one host, compute-2: its failure would take them all"],
  ],
  ["on the one host there is", new Map([["h1", "compute-1"]] as [HostId, string][]), { a: "h1", b: "h1", c: "h1" }, []],
  ["one is gone and the others are apart: it is not known where it will be", HOSTS, { a: "h1", b: "h2" }, null],
  [
    "one is gone and the others are not apart",
    HOSTS,
    { a: "h1", b: "h1" },
    ["a and b are on one host, compute-1: its failure would take them all"],
  ],
  ["the VIM does not say", null, { a: "h1", b: "h1", c: "h1" }, null],
] as const)("%s", ([, hosts, at, want]) => {
  expect(togetherIn(members, seen(hosts, at), serverOf)).toEqual(want);
});
