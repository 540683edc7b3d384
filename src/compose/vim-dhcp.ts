import type { VimConfig } from "../config.ts";
import { DhcpServers } from "../hosts/dnsmasq.ts";
import type { Ovsdb } from "../hosts/ovsdb.ts";
import { ensureBridge } from "../vim/bridges.ts";
import type { Vim } from "../vim/vim.ts";
import { besideStore } from "./vim-hosts.ts";

/** `mtu`: of nets of the switch now, bytes; null: as an Ethernet. Has nets get their DHCP servers: on this machine, plugged into the switch or into the bridges of the hosts. */
export function openDhcp(config: VimConfig, vim: Vim, ovsdb: Ovsdb, mtu: () => number | null): void {
  const { bridge, hosts, netns = null } = config;
  const servers = new DhcpServers(besideStore(config, "dhcp"), {
    ensurePort: (device) => ovsdb.ensurePort(bridge, device),
    removePort: (device) => ovsdb.removePort(bridge, device),
    ensureBridge: (name, where) => ensureBridge(name, where ?? undefined),
  });
  const hostNetns = hosts.length === 0 ? [netns] : [...new Set(hosts.map((h) => h.netns ?? netns))];
  vim.dhcp.use(servers, {
    switchNetns: netns,
    hostNetns,
    get mtu() {
      return mtu();
    },
  });
}
