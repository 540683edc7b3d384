import type { KeptProtection } from "../model/armed.ts";
import type { Flavor, Host, Image, Leftover, Server, ServerPort, Tenant, VimNet } from "../model/vim-picture.ts";
import type { FlavorRow, HostRow, ImageRow, NetRow, PortRow, ProtectionRow, ServerRow, TenantRow, VimDb } from "./vim-schema.ts";

// A thing to its row and back. What was written by us is believed when it is read: the columns' checks stand in sql/vim/.

/** Column ↔ member, where both hold the same value under another name. */
type Renamed = Readonly<Record<string, string>>;
interface Shape {
  readonly same: readonly string[];
  readonly renamed: Renamed;
  readonly booleans: Renamed;
  readonly json: Renamed;
}

const SHAPES = {
  tenant: { same: ["id", "name", "description"], renamed: {}, booleans: { enabled: "enabled" }, json: {} },
  host: {
    same: ["id", "name", "description", "user", "keyfile", "ranking", "features", "hypervisors", "status", "cpus"],
    renamed: {
      ip_name: "ipName",
      memory_mib: "memoryMiB",
      availability_zone: "availabilityZone",
      created_at: "createdAt",
      libvirt_uri: "libvirtUri",
      guest_threads: "guestThreads",
    },
    booleans: { admin_up: "adminUp", is_local: "isLocal", discovers: "discovers" },
    json: { numas_json: "numas", switch_json: "hostSwitch" },
  },
  image: {
    same: ["id", "name", "path", "file", "format", "description", "checksum", "status", "progress"],
    renamed: {
      virtual_bytes: "virtualBytes",
      last_error: "lastError",
      created_at: "createdAt",
      updated_at: "updatedAt",
    },
    booleans: { is_public: "isPublic" },
    json: { metadata_json: "metadata", tenants_json: "tenants", source_json: "source" },
  },
  flavor: {
    same: ["id", "name", "description", "vcpus"],
    renamed: { memory_mib: "memoryMiB", disk_gib: "diskGiB" },
    booleans: { is_public: "isPublic" },
    json: { extended_json: "extended", tenants_json: "tenants" },
  },
  net: {
    same: ["id", "name", "kind", "status", "vlan", "provider", "region", "cidr"],
    renamed: {
      tenant_id: "tenantId",
      last_error: "lastError",
      bind_net: "bindNet",
      bind_vlan: "bindVlan",
      copy_net: "copyNet",
      dhcp_first_ip: "dhcpFirstIp",
      dhcp_last_ip: "dhcpLastIp",
      gateway_ip: "gatewayIp",
      created_at: "createdAt",
    },
    booleans: { shared: "shared", admin_up: "adminUp", enable_dhcp: "enableDhcp", port_security: "portSecurity" },
    json: { dns_json: "dns", links_json: "links", routes_json: "routes" },
  },
  server: {
    same: ["id", "name", "description", "status", "progress", "vcpus", "task", "hypervisor"],
    renamed: {
      tenant_id: "tenantId",
      flavor_id: "flavorId",
      image_id: "imageId",
      host_id: "hostId",
      last_error: "lastError",
      memory_mib: "memoryMiB",
      disk_gib: "diskGiB",
      kernel_cmdline: "kernelCmdline",
      os_image_type: "osImageType",
      availability_zone: "availabilityZone",
      task_no: "taskNo",
      created_at: "createdAt",
    },
    booleans: { has_disks: "hasDisks", names_taps: "namesTaps" },
    json: {
      anti_affinity_json: "antiAffinity",
      extended_json: "extended",
      pinned_json: "pinned",
      cloud_config_json: "cloudConfig",
    },
  },
  port: {
    same: ["id", "name", "kind", "mac", "ip", "vlan", "status", "vpci", "model"],
    renamed: {
      tenant_id: "tenantId",
      net_id: "netId",
      server_id: "serverId",
      switch_port: "switchPort",
      bandwidth_mbps: "bandwidthMbps",
    },
    booleans: { admin_up: "adminUp", fenced: "fenced" },
    json: { bfd_json: "bfd", port_security_json: "portSecurity", allowed_pairs_json: "allowedPairs" },
  },
  protection: {
    same: ["id", "name", "revision"],
    renamed: { hold_off_ms: "holdOffMs" },
    booleans: {},
    json: {
      members_json: "members",
      plans_json: "plans",
      probe_json: "probe",
      guest_heartbeat_json: "guestHeartbeat",
      traffic_json: "traffic",
      fired_json: "fired",
    },
  },
  leftover: {
    same: [],
    renamed: { server_id: "serverId", host_id: "hostId" },
    booleans: { asks_guest: "asksGuest" },
    json: { taps_json: "taps", bridge_taps_json: "bridgeTaps", pinned_json: "pinned" },
  },
} as const satisfies Record<string, Shape>;

/** Column and member of each, once for all rows. */
const pairsOf = ({ same, renamed, booleans, json }: Shape) => ({
  plain: [...same.map((name) => [name, name] as const), ...Object.entries(renamed)],
  booleans: Object.entries(booleans),
  json: Object.entries(json),
});
type Pairs = ReturnType<typeof pairsOf>;

function toRow({ plain, booleans, json }: Pairs, thing: object): Record<string, unknown> {
  const from = thing as Record<string, unknown>;
  const row: Record<string, unknown> = {};
  for (const [column, member] of plain) row[column] = from[member];
  for (const [column, member] of booleans) row[column] = from[member] ? 1 : 0;
  for (const [column, member] of json) row[column] = from[member] === null ? null : JSON.stringify(from[member]);
  return row;
}

/** `blank`: with all members, of which a copy is filled: one that is made member by member is a dictionary of eight times the size to V8. */
function fromRow({ plain, booleans, json }: Pairs, blank: object, row: object): Record<string, unknown> {
  const from = row as Record<string, unknown>;
  const thing: Record<string, unknown> = { ...blank };
  for (const [column, member] of plain) thing[member] = from[column];
  for (const [column, member] of booleans) thing[member] = from[column] === 1;
  for (const [column, member] of json) thing[member] = parsed(from[column] as string | null);
  return thing;
}

const NONE: readonly never[] = Object.freeze([]);
/** Most lists are empty, and one stands for all of them. */
const parsed = (text: string | null): unknown => (text === null ? null : text === "[]" ? NONE : JSON.parse(text));

function blankOf({ plain, booleans, json }: Pairs): object {
  const members = [...plain, ...booleans, ...json].map(([, member]) => `${JSON.stringify(member)}:null`);
  return JSON.parse(`{${members}}`);
}

const codec = <Thing extends object, Row extends object>(shape: Shape) => {
  const pairs = pairsOf(shape);
  const blank = blankOf(pairs);
  return {
    toRow: (thing: Thing) => toRow(pairs, thing) as Row,
    fromRow: (row: Row) => fromRow(pairs, blank, row) as Thing,
  };
};

export const tenantRow = codec<Tenant, TenantRow>(SHAPES.tenant);
export const hostRow = codec<Host, HostRow>(SHAPES.host);
export const imageRow = codec<Image, ImageRow>(SHAPES.image);
export const flavorRow = codec<Flavor, FlavorRow>(SHAPES.flavor);
export const netRow = codec<VimNet, NetRow>(SHAPES.net);
export const serverRow = codec<Server, ServerRow>(SHAPES.server);
export const portRow = codec<ServerPort, PortRow>(SHAPES.port);
export const protectionRow = codec<KeptProtection, ProtectionRow>(SHAPES.protection);
export const leftoverRow = codec<Leftover, VimDb["leftovers"]>(SHAPES.leftover);
