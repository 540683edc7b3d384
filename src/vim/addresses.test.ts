import { expect, test } from "vitest";
import type { NetAddressing } from "../model/vim-picture.ts";
import { addressIn, fits, maskOf, withRange } from "./addresses.ts";

const asked = (more: Partial<NetAddressing>): NetAddressing & { readonly name: string } => ({
  ...{ name: "mgmt", region: null, cidr: null, enableDhcp: true, dhcpFirstIp: null, dhcpLastIp: null, gatewayIp: null },
  ...{ dns: null, links: null, routes: null },
  ...more,
});

test("a net of IPv6 has a range as one of IPv4 has, and gives from it", () => {
  const net = withRange(asked({ cidr: "fd00:0:0:1::/64" }));
  expect(net).toMatchObject({
    gatewayIp: "fd00:0:0:1::1",
    dhcpFirstIp: "fd00:0:0:1::3",
    dhcpLastIp: "fd00::1:ffff:ffff:ffff:fffe",
  });
  expect(addressIn(net, null, new Set(["fd00:0:0:1::4"]))).toBe("fd00:0:0:1::5");
  expect(addressIn(net, "fd00:0:0:1::77", new Set())).toBe("fd00:0:0:1::77");
  expect(maskOf(net.cidr!)).toEqual({ prefix: 64, mask: null });
  const small = withRange(asked({ cidr: "fd00::8/125" }));
  expect([addressIn(small, null, new Set()), small.dhcpLastIp]).toEqual(["fd00::c", "fd00::e"]);
  expect(() => addressIn(small, null, new Set(["fd00::c", "fd00::d", "fd00::e"]))).toThrow(
    "no address is free between fd00::b and fd00::e",
  );
});

test("one of IPv4 gives what it gave", () => {
  const net = withRange(asked({ cidr: "10.77.0.0/29" }));
  expect(net).toMatchObject({ gatewayIp: "10.77.0.1", dhcpFirstIp: "10.77.0.3", dhcpLastIp: "10.77.0.6" });
  expect(addressIn(net, null, new Set())).toBe("10.77.0.4");
  expect(maskOf("10.77.0.0/20")).toEqual({ prefix: 20, mask: "255.255.240.0" });
});

test("an address of the other kind, and what is none, is refused", () => {
  const net = withRange(asked({ cidr: "fd00::/64" }));
  expect(() => addressIn(net, "10.0.0.5", new Set())).toThrow(/want an address of a host in cidr fd00::\/64/);
  expect(() => addressIn(net, "1::2::3", new Set())).toThrow(/want an address of IPv4 or IPv6/);
  expect(() => addressIn(net, "fd00::3", new Set())).toThrow(/DHCP server .* has it/);
  expect(() => withRange(asked({ cidr: "fd00::/48" }))).toThrow(/IPv6 net with a prefix of 64..125/);
  expect(() => withRange(asked({ cidr: "fd00::/64", dhcpFirstIp: "10.0.0.1" }))).toThrow(/dhcp_first_ip/);
  expect([fits(net, "fd00::9"), fits(net, "10.0.0.9"), fits(net, "fd01::9")]).toEqual([true, false, false]);
});
