import type { GuestImage } from "./image.ts";
import { GUEST_MEMORY_MIB } from "./image.ts";
import { rest } from "./rest.ts";

/** What an operator sets up in the VIM before any network service: networks, outside ports, an image and a flavor. The VIM finds its host itself. */
export interface Provisioned {
  /** Network ids by name. */
  readonly nets: Readonly<Record<string, string>>;
}

export interface OutsidePort {
  readonly name: string;
  readonly net: string;
  readonly switchPort: string;
  readonly mac: string;
}

/** The dissertation's networks (figure 10): where the members are (the third is a spare's), and where the viewers are. */
const DATA_NETS = ["data_net0", "data_net1", "data_net2", "traffic_net0", "traffic_net1"];
const TENANT = "default";

/** Through the VIM's administrator API, as any client of OpenVIM would. */
export async function provisionVim(
  adminUrl: string,
  image: GuestImage & { readonly cmdline: string },
  mediaBridge: string,
  outside: readonly OutsidePort[],
): Promise<Provisioned> {
  const tenants = await rest<{ tenants: { id: string; name: string }[] }>("GET", `${adminUrl}/tenants?name=${TENANT}`);
  const tenant = tenants.tenants[0]?.id;
  await rest("POST", `${adminUrl}/${tenant}/images`, {
    image: {
      name: "media-relay",
      path: image.initrd,
      metadata: { kernel: image.kernel, cmdline: image.cmdline, os_type: "linux" },
    },
  });
  await rest("POST", `${adminUrl}/${tenant}/flavors`, { flavor: { name: "media-relay", ram: GUEST_MEMORY_MIB, vcpus: 1 } });

  const nets: Record<string, string> = {};
  const make = async (network: Record<string, unknown>) => {
    const made = await rest<{ network: { id: string; name: string } }>("POST", `${adminUrl}/networks`, {
      network: { shared: true, ...network },
    });
    nets[made.network.name] = made.network.id;
  };
  await make({ name: "media_net", type: "bridge_data", "provider:physical": `bridge:${mediaBridge}` });
  for (const name of DATA_NETS) await make({ name, type: "data" });
  for (const { name, net, switchPort, mac } of outside) {
    await rest("POST", `${adminUrl}/ports`, {
      port: { name, network_id: nets[net], mac_address: mac, "binding:switch_port": switchPort },
    });
  }
  return { nets };
}
