import type { SubscriptionRow } from "./subscriptions.ts";
import type { TokenRow } from "./tokens.ts";

/** Rows of sql/vim/, as SQLite holds them. */
export interface TenantRow {
  id: string;
  name: string;
  description: string | null;
  enabled: number;
}

export interface HostRow {
  id: string;
  name: string;
  ip_name: string;
  description: string | null;
  user: string;
  keyfile: string | null;
  ranking: number | null;
  features: string | null;
  hypervisors: string;
  admin_up: number;
  status: string;
  is_local: number;
  memory_mib: number;
  cpus: number;
  availability_zone: string | null;
  libvirt_uri: string | null;
  discovers: number;
  guest_threads: string | null;
  switch_json: string | null;
  numas_json: string;
  created_at: string;
}

export interface ImageRow {
  id: string;
  name: string;
  path: string;
  file: string | null;
  format: string | null;
  virtual_bytes: number | null;
  source_json: string | null;
  last_error: string | null;
  description: string | null;
  checksum: string | null;
  is_public: number;
  status: string;
  progress: number;
  metadata_json: string | null;
  tenants_json: string;
  created_at: string;
  updated_at: string | null;
}

export interface FlavorRow {
  id: string;
  name: string;
  description: string | null;
  memory_mib: number;
  vcpus: number;
  disk_gib: number | null;
  extended_json: string | null;
  is_public: number;
  tenants_json: string;
}

export interface NetRow {
  id: string;
  name: string;
  kind: string;
  tenant_id: string | null;
  shared: number;
  admin_up: number;
  status: string;
  last_error: string | null;
  vlan: number | null;
  provider: string | null;
  bind_net: string | null;
  bind_vlan: number | null;
  port_security: number;
  copy_net: string | null;
  region: string | null;
  cidr: string | null;
  enable_dhcp: number;
  dhcp_first_ip: string | null;
  dhcp_last_ip: string | null;
  gateway_ip: string | null;
  dns_json: string | null;
  links_json: string | null;
  routes_json: string | null;
  created_at: string;
}

export interface ServerRow {
  id: string;
  name: string;
  description: string | null;
  tenant_id: string;
  flavor_id: string;
  image_id: string;
  host_id: string;
  status: string;
  last_error: string | null;
  progress: number;
  memory_mib: number;
  vcpus: number;
  kernel_cmdline: string | null;
  availability_zone: string | null;
  anti_affinity_json: string | null;
  extended_json: string | null;
  pinned_json: string | null;
  disk_gib: number | null;
  cloud_config_json: string | null;
  has_disks: number;
  names_taps: number;
  hypervisor: string;
  os_image_type: string;
  task: string | null;
  task_no: number;
  created_at: string;
}

export interface PortRow {
  id: string;
  name: string;
  kind: string;
  tenant_id: string | null;
  net_id: string | null;
  server_id: string | null;
  mac: string | null;
  ip: string | null;
  switch_port: string | null;
  vlan: number | null;
  bandwidth_mbps: number | null;
  admin_up: number;
  status: string;
  fenced: number;
  port_security_json: string | null;
  allowed_pairs_json: string;
  bfd_json: string | null;
  vpci: string | null;
  model: string | null;
}

export interface ProtectionRow {
  id: string;
  name: string;
  revision: number;
  hold_off_ms: number;
  members_json: string;
  plans_json: string;
  probe_json: string | null;
  guest_heartbeat_json: string | null;
  traffic_json: string | null;
  fired_json: string;
}

export interface OfcRow {
  id: string;
  name: string;
  dpid: string;
  ip: string;
  port: number;
  type: string;
  version: string | null;
  user: string | null;
  sealed: string | null;
  /** `ControllerTls`. */
  tls_json: string | null;
  key_sealed: string | null;
  token_sealed: string | null;
  created_at: string;
}

export interface PortMappingRow {
  id: string;
  ofc_id: string | null;
  region: string;
  compute_node: string;
  pci: string;
  switch_dpid: string;
  switch_port: string | null;
  switch_mac: string | null;
}

export interface LeftoverRow {
  server_id: string;
  host_id: string;
  taps_json: string;
  bridge_taps_json: string;
  pinned_json: string | null;
  asks_guest: number;
}

export interface VimDb {
  meta: { key: string; value: number };
  identity: { id: string };
  tenants: TenantRow;
  hosts: HostRow;
  images: ImageRow;
  flavors: FlavorRow;
  nets: NetRow;
  servers: ServerRow;
  ports: PortRow;
  protections: ProtectionRow;
  leftovers: LeftoverRow;
  subscriptions: SubscriptionRow;
  tokens: TokenRow;
  ofcs: OfcRow;
  of_port_mappings: PortMappingRow;
  events: { seq: number; body_json: string };
}
