import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { readText } from "../../src/descriptor/read.ts";
import { type Made, namesAt, sized, whyNotOf } from "../../src/descriptor/sized.ts";

const EXAMPLE = readFileSync(new URL("../../examples/sol006/media-service-scaled.yaml", import.meta.url), "utf8");

// biome-ignore lint/suspicious/noExplicitAny: a descriptor that is being changed has, on purpose, no type.
type Loose = any;

function readWith(change: (descriptor: Loose) => void = () => {}) {
  const descriptor = parse(EXAMPLE);
  change(descriptor.nfv);
  return readText(stringify(descriptor), "d.yaml");
}

function made(change?: (descriptor: Loose) => void): Made {
  const { outcome, flaws } = readWith(change);
  expect(flaws).toEqual([]);
  const [nsd] = outcome!.descriptor.nsds;
  return { nsd: nsd!, vnfd: outcome!.descriptor.vnfds.find((v) => v.id === nsd!.vnfd)! };
}

const told = (change: (descriptor: Loose) => void): string => {
  const { outcome, flaws } = readWith(change);
  expect(outcome).toBeNull();
  return flaws.map((f) => `${f.what}; ${f.remedy}`).join("\n");
};

/** Who serves what with so many VNFCs in each VNF, who waits in brackets; or why that cannot be. */
function at(of: Made, ...counts: number[]): string {
  const [scaling] = of.nsd.scaling!;
  const names = new Set(namesAt(of, scaling!, scaling!.vdus[0]!, counts).flat());
  const why = whyNotOf(of, names);
  if (why.length > 0) return why.join("\n");
  const { nsd, vnfd } = sized(of, names, names);
  const standbyOf = (id: string) => vnfd.vdus[0]!.vnfcs.find((v) => v.id === id)!.standby;
  const nets = (m: (typeof nsd.members)[number]) => m.trafficNets.map((n) => n.slice(-1)).join("");
  return nsd.members.map((m) => `${m.vnfc.slice(6)}${nets(m) || `(${standbyOf(m.vnfc)})`}`).join(" ");
}

const PLAIN = { "high-availability": undefined };
const profileOf = (d: Loose) => d.vnfd[0].df[0]["vdu-profile"][0];
const aspectOf = (d: Loose) => d.vnfd[0].df[0]["scaling-aspect"][0];

describe("a pool of other sizes", () => {
  test("the first size is what the NSD says, and as little as possible changes hands", () => {
    expect([2, 3, 4, 5].map((n) => at(made(), n))).toEqual([
      "a0213 c(hot)",
      "a02 b13 c(hot)",
      "a02 b1 c(hot) d3",
      "a0 b1 c(hot) d3 e2",
    ]);
  });

  test("it follows from the number alone; the first size is the compiled NSD itself", () => {
    const of = made();
    const names = new Set(of.vnfd.vdus.flatMap((v) => v.vnfcs.map((c) => c.id)));
    expect(sized(of, names, names)).toEqual(of);
  });

  test("below its redundancy it is none: the reason is told", () => {
    expect(at(made(), 1)).toMatch(/every member of VDU "relay" has a traffic_net, so there is no spare/);
  });

  test("who is to go serves nothing, and is there", () => {
    const of = made();
    const { nsd } = sized(of, new Set(["relay-a", "relay-b", "relay-c"]), new Set(["relay-a", "relay-c"]));
    expect(nsd.members.map((m) => [m.vnfc, m.trafficNets.length])).toEqual([
      ["relay-a", 4],
      ["relay-b", 0],
      ["relay-c", 0],
    ]);
  });

  test("with a number that must be preserved it is those that wait that are more", () => {
    const of = made((d) => {
      Object.assign(profileOf(d)["nfvi-maintenance-info"], {
        "min-number-of-preserved-instances": [{ "min-number-of-preserved-instances": 2 }],
      });
    });
    expect([3, 4].map((n) => at(of, n))).toEqual(["a02 b13 c(hot)", "a02 b13 c(hot) d(hot)"]);
  });

  test("what is written for a VNFC that is made later is served by others until then", () => {
    const of = made((d) => {
      const members = d.nsd[0].df[0]["vnf-profile"][0].member;
      for (const [i, nets] of [["traffic_net0"], ["traffic_net1", "traffic_net2"], [], ["traffic_net3"]].entries())
        if (nets.length > 0) members[i]["virtual-link-profile-id"] = nets;
    });
    expect([3, 4].map((n) => at(of, n))).toEqual(["a03 b12 c(hot)", "a0 b12 c(hot) d3"]);
  });

  test("several VNFs of a profile are one pool: each has numbers of its own", () => {
    const of = made((d) => {
      const profile = d.nsd[0].df[0]["vnf-profile"][0];
      Object.assign(profile, { "min-number-of-instances": 2, "max-number-of-instances": 2, member: [] });
    });
    const [scaling] = of.nsd.scaling!;
    expect(namesAt(of, scaling!, scaling!.vdus[0]!, [4, 2])).toEqual([
      ["1-relay-a", "1-relay-b", "1-relay-c", "1-relay-d"],
      ["2-relay-a", "2-relay-c"],
    ]);
  });
});

describe("what scales and what does not", () => {
  test("a VDU that nothing protects: the last ones go first", () => {
    const of = made((d) => {
      d.vnfd[0]["vip-cpd"] = undefined;
      d.vnfd[0]["ext-cpd"] = [d.vnfd[0]["ext-cpd"][0]];
      d.vnfd[0].vdu[0]["int-cpd"].pop();
      Object.assign(d.vnfd[0].vdu[0], PLAIN);
      profileOf(d)["affinity-or-anti-affinity-group-id"] = undefined;
      const profile = d.nsd[0].df[0]["vnf-profile"][0];
      Object.assign(profile, { member: [], "virtual-link-connectivity": [profile["virtual-link-connectivity"][0]] });
    });
    const [scaling] = of.nsd.scaling!;
    expect(namesAt(of, scaling!, scaling!.vdus[0]!, [2])).toEqual([["relay-a", "relay-b"]]);
  });

  test("a pair that is written as one keeps its two", () => {
    const of = made((d) => {
      Object.assign(d.vnfd[0].vdu[0], { "high-availability": "ActivePassive", "service-connection-point": "eth1" });
      Object.assign(profileOf(d), { "max-number-of-instances": 4 });
      for (const level of d.vnfd[0].df[0]["instantiation-level"]) level["vdu-level"][0]["number-of-instances"] = 2;
      d.vnfd[0].vdu[0].vnfc.splice(2);
      d.nsd[0].df[0]["vnf-profile"][0].member.splice(2);
    });
    expect(of.nsd.scaling![0]!.vdus[0]).toMatchObject({ fixed: expect.stringMatching(/redundant pair/), further: [[]] });
  });

  test("a VNFD without an aspect is compiled as ever", () => {
    const of = made((d) => {
      const df = d.vnfd[0].df[0];
      df["scaling-aspect"] = undefined;
      for (const level of df["instantiation-level"]) level["scaling-info"] = undefined;
      d.vnfd[0].vdu[0].vnfc.splice(3);
      d.nsd[0].df[0]["vnf-profile"][0].member.splice(3);
    });
    expect(of.nsd).not.toHaveProperty("scaling");
  });

  test("one that is made later may have a VIM of its own, as the first ones", () => {
    const members = (d: Loose) => d.nsd[0].df[0]["vnf-profile"][0].member;
    const of = made((d) => {
      Object.assign(members(d)[1], { "vim-account": "south" });
      Object.assign(members(d)[4], { "vim-account": "north" });
    });
    expect(of.nsd.vimAccounts).toEqual({ "relay-b": "south", "relay-e": "north" });
    expect(whyNotOf(of, new Set(["relay-a", "relay-c"]))).toEqual([]);
  });

  test("mistakes are told where they are", () => {
    const delta = (d: Loose) => aspectOf(d)["aspect-delta-details"];
    expect(told((d) => Object.assign(delta(d), { "uniform-delta": "zz" }))).toMatch(/there is no delta "zz"; .*one-more/);
    expect(told((d) => Object.assign(delta(d).deltas[0]["vdu-delta"][0], { id: "zz" }))).toMatch(/there is no VDU "zz"/);
    expect(told((d) => Object.assign(aspectOf(d), { "max-scale-level": undefined }))).toMatch(/has no max-scale-level/);
    const info = (d: Loose) => d.vnfd[0].df[0]["instantiation-level"][0]["scaling-info"][0];
    expect(told((d) => Object.assign(info(d), { "scaling-aspect-id": "zz" }))).toMatch(/there is no scaling aspect "zz"/);
    expect(told((d) => Object.assign(info(d), { "scale-level": 9 }))).toMatch(/0\.\.3/);
    const members = (d: Loose) => d.nsd[0].df[0]["vnf-profile"][0].member;
    expect(told((d) => Object.assign(members(d)[4], { "data-net": "data_net0" }))).toMatch(
      /every member needs a data net of its own/,
    );
    expect(told((d) => Object.assign(members(d)[4], { "vnfc-id": "relay-z" }))).toMatch(/there is no VNFC "relay-z"/);
  });
});
