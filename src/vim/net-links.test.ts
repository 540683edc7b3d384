import { expect, test } from "vitest";
import type { NetId } from "../model/ids.ts";
import type { VimNet } from "../model/vim-picture.ts";
import { withRange } from "./addresses.ts";
import { checkLinks, routesOf, waysOf } from "./net-links.ts";

const net = (more: Partial<VimNet>): VimNet =>
  withRange({
    ...{ id: "n" as NetId, name: "mgmt", kind: "bridge_man", tenantId: null, shared: false, adminUp: true, status: "ACTIVE" },
    ...{ lastError: null, vlan: 3000, provider: "OVS:3000", bindNet: null, copyNet: null, bindVlan: null, portSecurity: false },
    ...{ createdAt: "", region: "__OVS__", cidr: "10.0.0.0/24", enableDhcp: false, dhcpFirstIp: null, dhcpLastIp: null },
    ...{ gatewayIp: null, dns: null, links: null, routes: null },
    ...more,
  } as VimNet);
const checked =
  (more: Partial<VimNet>, others: VimNet[] = []) =>
  () =>
    checkLinks(net(more), others);
const nat = { iface: "br-ext", nat: "192.0.2.2/24" };

test("OpenVIM's nat, ours beside it, and neither: what each is", () => {
  const links = [
    nat,
    { iface: "b", nat: true, ip: "198.51.100.2/24" },
    { iface: "c", nat: false, ip: "203.0.113.2/24", vlan: 5 },
    { iface: "d" },
  ];
  expect(waysOf({ links })).toEqual([
    { iface: "br-ext", vlan: null, address: "192.0.2.2/24", isHidden: true },
    { iface: "b", vlan: null, address: "198.51.100.2/24", isHidden: true },
    { iface: "c", vlan: 5, address: "203.0.113.2/24", isHidden: false },
    { iface: "d", vlan: null, address: null, isHidden: false },
  ]);
  expect(checked({ links })).not.toThrow();
  expect(net({ links }).gatewayIp).toBe("10.0.0.1");
  expect(net({ links: [{ iface: "d" }] }).gatewayIp).toBeNull();
});

test("routes whose next hop is out there are the router's, the others the guests'", () => {
  const routes = { default: "192.0.2.1", "10.5.0.0/16": "10.0.0.7" };
  expect(routesOf(net({ links: [nat], routes }))).toEqual({
    guests: { "10.5.0.0/16": "10.0.0.7" },
    router: { default: "192.0.2.1" },
  });
  expect(routesOf(net({ routes })).guests).toEqual(routes);
});

for (const [what, more, words] of [
  ["nat true says no address", { links: [{ iface: "b", nat: true }] }, /nat true: want ip too/],
  ["two addresses", { links: [{ ...nat, ip: "192.0.2.3/24" }] }, /nat is an address and so is ip/],
  ["the address of a net", { links: [{ iface: "b", nat: "192.0.2.0/24" }] }, /want the address of a host/],
  ["no cidr", { links: [nat], cidr: null }, /want cidr/],
  ["one bridge twice", { links: [nat, { iface: "br-ext" }] }, /twice/],
  ["the net outside", { links: [{ iface: "b", nat: "10.0.0.77/16" }] }, /lie in one another/],
  ["two links of one net", { links: [nat, { iface: "b", nat: "192.0.2.77/28" }] }, /lie in one another/],
  ["its own bridge", { links: [{ iface: "ovim-3000" }] }, /own bridge/],
  ["two ends", { links: [nat], kind: "ptp", provider: null }, /ptp has two ends/],
  ["libvirt's net", { links: [nat], provider: "default" }, /leads out by itself/],
  ["a hop that nobody reaches", { links: [nat], routes: { default: "198.51.100.1" } }, /reached by nobody/],
] as const)
  test(`refused with the reason: ${what}`, () => expect(checked(more as Partial<VimNet>)).toThrow(words));

test("an address outside has one router", () => {
  const other = net({ id: "m" as NetId, name: "other", links: [nat], cidr: "10.1.0.0/24" });
  expect(checked({ links: [nat] }, [other])).toThrow(/is that of the router of network 'other'/);
  expect(checked({ links: [{ ...nat, vlan: 4 }] }, [other])).not.toThrow();
  expect(checked({ links: [nat] }, [net({ links: [nat] })])).not.toThrow(); // Itself.
});
