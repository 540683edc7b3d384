import type { Columns } from "../query.ts";

// What each list can be asked for by `field=` and by filters. The first of `shown` are OpenVIM's, in its order.

export const TENANTS: Columns = { shown: ["name", "description", "enabled", "id"] };

export const HOSTS: Columns = {
  shown: [
    ...["name", "description", "status", "admin_state_up", "ip_name", "hypervisors", "id"],
    ...["state", "state_why", "availability_zone"],
  ],
  always: ["links"],
};

const FLAVOR_ROW = ["name", "description", "public", "id"];
export const FLAVORS: Columns = { shown: FLAVOR_ROW, always: ["links"] };
export const FLAVOR: Columns = { shown: [...FLAVOR_ROW, "ram", "vcpus", "extended", "disk"], always: ["links"] };

const IMAGE_ROW = ["name", "checksum", "description", "path", "id", "public"];
export const IMAGES: Columns = { shown: IMAGE_ROW };
export const IMAGE: Columns = {
  shown: [...IMAGE_ROW, "progress", "status", "created", "updated", "metadata"],
  always: ["links"],
};

export const SERVERS: Columns = {
  shown: [...["name", "description", "status", "id", "hostId", "flavorRef", "imageRef"], ...["host_state", "anti_affinity"]],
  more: ["tenant_id", "last_error", "storage_lost", "task"],
  always: ["links"],
};

export const NETWORKS: Columns = {
  shown: [
    ...["name", "tenant_id", "type", "shared", "status", "last_error", "admin_state_up", "id"],
    ...["provider:vlan", "provider:physical"],
  ],
  more: [
    ...["region", "bind_net", "bind_type", "copy_net", "cidr", "enable_dhcp", "dhcp_first_ip", "dhcp_last_ip"],
    ...["gateway_ip", "dns", "links", "routes", "port_security"],
  ],
  // Networks are visible to everybody: the original takes this filter and ignores it.
  ignored: ["tenant_id"],
};

export const OFCS: Columns = { shown: ["id", "name", "dpid", "ip", "port", "type", "version", "user", "password"] };

export const OF_PORT_MAPPINGS: Columns = {
  shown: ["id", "ofc_id", "region", "compute_node", "pci", "switch_dpid", "switch_port", "switch_mac"],
};

export const PORTS: Columns = {
  shown: [
    ...["name", "tenant_id", "vpci", "status", "admin_state_up", "ip_address", "id", "network_id", "mac_address"],
    ...["device_owner", "device_id", "binding:switch_port", "binding:switch_dpid", "binding:vlan", "bandwidth"],
    ...["fenced", "opinions", "stale", "bfd", "tunnel_bfd", "port_security", "allowed_address_pairs"],
  ],
  more: ["model"],
};

export const SUBSCRIPTIONS: Columns = {
  shown: [
    ...["id", "callback", "filter", "authentication", "tenant_id", "created_at", "state", "cursor", "pending", "failures"],
    ...["last_error", "last_error_at", "next_try_at", "last_accepted_at"],
  ],
};
