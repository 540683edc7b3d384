import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { readText } from "../../src/descriptor/read.ts";

/** What a virtual link gives (L3ProtocolData), and fixed addresses of either kind. */
const SINGLE = readFileSync(new URL("../../examples/sol006/single.yaml", import.meta.url), "utf8");

// biome-ignore lint/suspicious/noExplicitAny: a descriptor that is being changed has, on purpose, no type.
type Loose = any;
const changed = (change: (nfv: Loose) => void): string => {
  const file = parse(SINGLE);
  change(file.nfv);
  return stringify(file);
};
const read = (change: (nfv: Loose) => void) => readText(changed(change), "f.yaml");
const link = (nfv: Loose) => nfv.nsd[0].df[0]["virtual-link-profile"][0];
const l3 = (data: object) => (nfv: Loose) => {
  link(nfv)["virtual-link-protocol-data"] = [{ "associated-layer-protocol": "ipv6", "l3-protocol-data": data }];
};

describe("a link's addresses are those of the net that is made for it", () => {
  const V6 = { cidr: "fd00:0:0:1::/64", gateway: null, isGiven: true, pool: null };
  for (const [what, data, want] of [
    ["IPv6", { "ip-version": "ipv6", cidr: "fd00:0:0:1::/64" }, V6],
    ["IPv6, as YANG's JSON names it", { "ip-version": "ietf-inet-types:ipv6", cidr: "fd00:0:0:1::/64" }, V6],
    [
      "with a gateway and a range",
      {
        cidr: "fd00:0:0:1::/64",
        "gateway-ip": "fd00:0:0:1::1",
        "ip-allocation-pools": [{ "start-ip-address": "fd00:0:0:1::10", "end-ip-address": "fd00:0:0:1::ff" }],
        "ipv6-address-mode": "dhcpv6-stateful",
      },
      { ...V6, gateway: "fd00:0:0:1::1", pool: ["fd00:0:0:1::10", "fd00:0:0:1::ff"] },
    ],
    ["nobody gives them", { cidr: "fd00::/48", "dhcp-enabled": false }, { ...V6, cidr: "fd00::/48", isGiven: false }],
    [
      "IPv4",
      { "ip-version": "ipv4", cidr: "10.9.0.0/24", "gateway-ip": "10.9.0.1" },
      { ...V6, cidr: "10.9.0.0/24", gateway: "10.9.0.1" },
    ],
    ["none, where there is no prefix", { "ip-version": "ipv6" }, undefined],
  ] as const)
    test(what, () => {
      const { outcome, flaws } = read(l3(data));
      expect(flaws).toEqual([]);
      const [nsd] = outcome!.descriptor.nsds;
      expect(nsd!.ownNets).toEqual(["media_net"]);
      expect(nsd!.netAddresses).toEqual(want && { media_net: want });
    });

  test("of an internal link of a VNF too; of a net that the VIM has they are its own", () => {
    const inner = read((nfv) => {
      const [vnfd] = nfv.vnfd;
      vnfd["int-virtual-link-desc"] = [{ id: "within" }];
      vnfd.vdu[0]["int-cpd"].push({ id: "eth1", "int-virtual-link-desc": "within" });
      const data = [{ "l3-protocol-data": { cidr: "fd00:0:0:2::/64" } }];
      vnfd.df[0]["virtual-link-profile"] = [{ id: "within", "virtual-link-protocol-data": data }];
    });
    expect(inner.flaws).toEqual([]);
    expect(inner.outcome!.descriptor.nsds[0]!.netAddresses).toEqual({ within: V6AT("fd00:0:0:2::/64") });
    const named = read((nfv) => {
      l3({ cidr: "fd00:0:0:1::/64" })(nfv);
      nfv.nsd[0]["virtual-link-desc"][0]["vim-network-name"] = "theirs";
    });
    expect(named.flaws).toEqual([]);
    expect(named.outcome!.descriptor.nsds[0]!.netAddresses).toBeUndefined();
  });
  const V6AT = (cidr: string) => ({ ...V6, cidr });
});

describe("what cannot be carried out is refused where it stands", () => {
  for (const [what, data, path, words] of [
    ["no prefix", { cidr: "fd00:::/64" }, "cidr", /no prefix.*fd00:0:0:1::\/64/],
    ["another version", { "ip-version": "ipv4", cidr: "fd00::/64" }, "ip-version", /not that of its cidr/],
    ["nothing to give", { cidr: "fd00::/126" }, "cidr", /126 bits.*64 to 125/],
    ["more than hosts understand", { cidr: "fd00::/48" }, "cidr", /48 bits/],
    ["a gateway elsewhere", { cidr: "fd00::/64", "gateway-ip": "fd01::1" }, "gateway-ip", /no address in fd00::\/64/],
    ["a gateway of the other kind", { cidr: "fd00::/64", "gateway-ip": "10.0.0.1" }, "gateway-ip", /no address in/],
    [
      "addresses that guests make up",
      { cidr: "fd00::/64", "ipv6-address-mode": "slaac" },
      "ipv6-address-mode",
      /dhcpv6-stateful/,
    ],
    [
      "half a range",
      { cidr: "fd00::/64", "ip-allocation-pools": [{ "start-ip-address": "fd00::5" }] },
      "ip-allocation-pools[0].end-ip-address",
      /first and the last/,
    ],
  ] as const)
    test(what, () => {
      const { flaws } = read(l3(data));
      expect(flaws).toHaveLength(1);
      expect(flaws[0]!.path).toMatch(new RegExp(`l3-protocol-data\\.${path.replaceAll(/[[\].]/g, "\\$&")}$`));
      expect(`${flaws[0]!.what}; ${flaws[0]!.remedy}`).toMatch(words);
    });

  test("two kinds at once", () => {
    const { flaws } = read((nfv) => {
      const data = ["10.0.0.0/24", "fd00::/64"].map((cidr) => ({ "l3-protocol-data": { cidr } }));
      link(nfv)["virtual-link-protocol-data"] = data;
    });
    expect(flaws).toMatchObject([{ path: expect.stringMatching(/\[1\]\.l3-protocol-data\.cidr$/) }]);
  });
});

describe("a fixed address of IPv6", () => {
  const fixed = (ip: string) => (nfv: Loose) => {
    const l3Address = { "l3-address-data": { "ip-address-type": "ipv6", "fixed-ip-address": [ip] } };
    nfv.vnfd[0].vdu[0]["int-cpd"][0].protocol = [{ "associated-layer-protocol": "ipv6", "address-data": [l3Address] }];
  };
  test("is kept as RFC 5952 has it", () => {
    const { outcome, flaws } = read(fixed("FD00:0:0:1:0:0:0:7"));
    expect(flaws).toEqual([]);
    expect(outcome!.descriptor.vnfds[0]!.vdus[0]!.cps).toEqual([{ id: "eth0", ip: "fd00:0:0:1::7" }]);
  });
  test("one that is none is refused as such", () => {
    const [flaw, ...more] = read(fixed("fd00::1::7")).flaws;
    expect(more).toEqual([]);
    expect(`${flaw!.what} ${flaw!.remedy}`).toMatch(/IPv6 address such as fd00/);
  });
});

describe("in the plain form", () => {
  const PLAIN = readFileSync(new URL("../../examples/media-relay.yaml", import.meta.url), "utf8");
  const withIp = (ip: string, probe: boolean) => {
    const file = parse(PLAIN);
    const vdu = file.vnfd[0].vdu[0];
    const service = vdu.cp.find((c: Loose) => c.id === vdu.service_interface);
    service.ip = ip;
    if (!probe) delete vdu.protection.probe;
    return readText(stringify(file), "p.yaml");
  };
  test("a service of IPv6 is protected, without a probe, which speaks IPv4", () => {
    const { outcome, flaws } = withIp("FD00::7", false);
    expect(flaws).toEqual([]);
    const [vdu] = outcome!.descriptor.vnfds[0]!.vdus;
    expect(vdu!.cps.find((c) => c.id === vdu!.serviceInterface)!.ip).toBe("fd00::7");
    expect(vdu!.policy.probe).toBeNull();
  });
  test("with one it is refused, and so is what is no address", () => {
    const said = (ip: string, probe: boolean) =>
      withIp(ip, probe)
        .flaws.map((f) => `${f.path} ${f.what} ${f.remedy}`)
        .join("; ");
    expect(said("fd00::7", true)).toMatch(/probe.*IPv6.*remove the probe/s);
    expect(said("fd00::7::8", false)).toMatch(/no IPv6 address.*fd00:0:0:1::100/s);
    expect(said("10.0.0", false)).toMatch(/IPv4 address such as 10\.0\.0\.100/);
  });
});
