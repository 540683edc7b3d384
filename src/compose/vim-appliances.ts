import type { VimConfig } from "../config.ts";
import { DhcpServers } from "../hosts/dnsmasq.ts";
import type { HostBridges } from "../hosts/host-bridges.ts";
import type { CablePlugs } from "../hosts/net-cable.ts";
import type { Ovsdb } from "../hosts/ovsdb.ts";
import { Routers } from "../hosts/router.ts";
import type { NetPlaces } from "../vim/net-places.ts";
import type { Vim } from "../vim/vim.ts";
import { besideStore } from "./vim-hosts.ts";

/**
 * Has nets get their DHCP servers and routers: on this machine, plugged into the switch or into the bridges of the hosts. `mtu`: of nets of
 * the switch now, bytes; null: as an Ethernet.
 */
export function openAppliances(
  config: VimConfig,
  vim: Vim,
  { ovsdb, bridges, mtu }: { readonly ovsdb: Ovsdb; readonly bridges: HostBridges; readonly mtu: () => number | null },
): void {
  const { bridge, hosts, netns = null } = config;
  const plugs: CablePlugs = {
    ensurePort: (device) => ovsdb.ensurePort(bridge, device),
    removePort: (device) => ovsdb.removePort(bridge, device),
    ensureBridge: (name, where) => bridges.ensure(name, where),
  };
  const places: NetPlaces = {
    switchNetns: netns,
    spansHosts: config.tunnelIp !== undefined,
    hostNetns: hosts.length === 0 ? [netns] : [...new Set(hosts.map((h) => h.netns ?? netns))],
    get mtu() {
      return mtu();
    },
  };
  vim.dhcp.use(new DhcpServers(besideStore(config, "dhcp"), plugs), places);
  vim.routers.use(new Routers(besideStore(config, "routers"), plugs), places);
}
