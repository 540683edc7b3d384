import { Type } from "typebox";
import { hostSwitch } from "./host-switch.ts";
import { ofcAccess } from "./ofc-access.ts";
import { flag, links, mac, many, maybe, one, orNull, ours, switchDpid, text, time, uuid, whole, yesNo } from "./reply-parts.ts";

// What is answered, for the OpenAPI document; tests hold every answer against it. A schema with a title becomes a component of the document.

const tenantSchema = Type.Object({ id: uuid, name: text, description: maybe(text), enabled: flag }, { title: "Tenant" });
export const tenant = one("tenant", tenantSchema);
export const tenants = many("tenants", tenantSchema, "TenantRow");

const hostState = {
  state: maybe(
    Type.Enum(["up", "unreachable", "gone"], ours("whether this host can be asked; left out of one that is inventory only")),
  ),
  state_why: maybe(text),
  availability_zone: maybe(text),
};
const thread = Type.Object({
  core_id: whole,
  thread_id: whole,
  status: maybe(text),
  instance_id: maybe(uuid),
  v_thread_id: maybe(orNull(whole)),
});
const sriov = Type.Object({ pci: text, mac, source_name: text, instance_id: maybe(uuid) });
const card = Type.Object({
  source_name: text,
  pci: text,
  mac: text,
  Mbps: whole,
  switch_port: maybe(text),
  switch_dpid: maybe(switchDpid),
  switch_mac: maybe(mac),
  instance_id: maybe(uuid),
  Mpbs_consumed: maybe(whole),
  sriovs: Type.Array(sriov),
});
const numa = Type.Object({
  numa_socket: whole,
  hugepages: Type.Integer({ description: "GiB" }),
  memory: Type.Integer({ description: "GiB" }),
  admin_state_up: flag,
  hugepages_consumed: Type.Integer({ description: "GiB" }),
  cores: Type.Array(thread),
  interfaces: Type.Array(card),
});
const hostRow = Type.Object({
  id: uuid,
  name: text,
  description: orNull(text),
  status: Type.Enum(["ok", "error", "notused"]),
  admin_state_up: flag,
  ip_name: text,
  hypervisors: text,
  links,
  ...hostState,
});
const hostSchema = Type.Object(
  {
    id: uuid,
    name: text,
    ip_name: text,
    user: text,
    password: Type.Literal("*****"),
    keyfile: orNull(text),
    description: orNull(text),
    hypervisors: text,
    ranking: orNull(whole),
    admin_state_up: flag,
    created_at: time,
    numas: Type.Array(numa),
    memory_mb: maybe(Type.Integer(ours("MiB for guests without huge pages"))),
    cpus: maybe(Type.Integer(ours("threads for guests without pinning"))),
    libvirt_uri: maybe(Type.String(ours("where its libvirt is, of a host that was opened by request"))),
    guest_cpus: maybe(Type.String(ours("threads for guests alone"))),
    autodiscover: maybe(Type.Boolean(ours("its numas are what libvirt says"))),
    switch: maybe(hostSwitch),
    warning: maybe(text),
    ...hostState,
  },
  { title: "Host" },
);
export const host = one("host", hostSchema);
export const hosts = many("hosts", hostRow, "HostRow");

const flavorSchema = Type.Object(
  {
    id: uuid,
    name: text,
    description: orNull(text),
    ram: Type.Integer({ description: "MiB" }),
    vcpus: whole,
    disk: orNull(Type.Integer({ description: "GiB" })),
    extended: orNull(Type.Record(text, Type.Unknown())),
    public: yesNo,
    links,
  },
  { title: "Flavor" },
);
export const flavor = one("flavor", Type.Partial(flavorSchema));
export const flavors = many("flavors", Type.Pick(flavorSchema, ["id", "name", "description", "public", "links"]), "FlavorRow");

const imageSchema = Type.Object(
  {
    id: uuid,
    name: text,
    path: text,
    description: orNull(text),
    checksum: orNull(Type.String({ description: "MD5" })),
    progress: Type.Integer({ minimum: 0, maximum: 100 }),
    status: Type.Enum(["ACTIVE", "DOWN", "BUILD", "ERROR"]),
    created: orNull(time),
    updated: orNull(time),
    public: yesNo,
    metadata: maybe(Type.Record(text, Type.Unknown())),
    links,
  },
  { title: "Image" },
);
export const image = one("image", Type.Partial(imageSchema));
const IMAGE_ROW = ["id", "name", "path", "description", "checksum", "public"] as const;
export const images = many("images", Type.Pick(imageSchema, [...IMAGE_ROW]), "ImageRow");

const serverStatus = Type.Enum(["CREATING", "ACTIVE", "PAUSED", "INACTIVE", "ERROR", "DELETING"]);
const antiAffinity = Type.Object(
  { group: text, policy: Type.Enum(["required", "preferred"]), violated: flag, shares_host_with: Type.Array(uuid) },
  ours("servers of one group are kept on different hosts"),
);
const standing = {
  host_state: maybe(Type.Enum(["up", "unreachable", "gone"], ours("whether its host can be asked"))),
  storage_lost: maybe(Type.String(ours("what its disk is on that could not be read or written, so that it was paused"))),
  anti_affinity: maybe(antiAffinity),
};
const serverRow = Type.Object({
  task: maybe(Type.String(ours("what it was asked to do and has not done yet, where it is asked for"))),
  id: uuid,
  name: text,
  description: orNull(text),
  status: serverStatus,
  hostId: uuid,
  flavorRef: uuid,
  imageRef: uuid,
  tenant_id: maybe(uuid),
  links,
  ...standing,
});
const reference = Type.Object({ id: uuid, links });
const vnic = Type.Object({
  iface_id: uuid,
  net_id: maybe(uuid),
  mac_address: mac,
  ip_address: maybe(text),
  name: text,
  bandwidth: maybe(text),
  vpci: maybe(text),
  model: maybe(text),
});
const serverSchema = Type.Object(
  {
    id: uuid,
    name: text,
    description: maybe(text),
    tenant_id: uuid,
    status: serverStatus,
    last_error: maybe(text),
    progress: whole,
    hostId: uuid,
    hypervisor: text,
    osImageType: text,
    created: time,
    ram: maybe(Type.Integer({ description: "MiB; left out of a server with huge pages" })),
    vcpus: maybe(Type.Integer({ description: "left out of a server with pinned CPUs" })),
    flavor: reference,
    image: reference,
    networks: Type.Array(vnic),
    extended: maybe(Type.Record(text, Type.Unknown())),
    kernel_cmdline: maybe(Type.String(ours("appended to the command line of a kernel that is booted directly"))),
    config_drive: maybe(Type.Literal(true, ours("it has a disk with what cloud-init is told; what that is, is shown to nobody"))),
    availability_zone: maybe(Type.String(ours("the zone it was asked for"))),
    ...standing,
  },
  { title: "Server" },
);
export const server = one("server", serverSchema);
export const servers = many("servers", serverRow, "ServerRow");
/** The original answers every action alike; three answer with what they made. */
export const acted = Type.Union([
  Type.Object({ result: Type.String({ description: "`deleting in process`, whatever the action" }) }),
  server,
  one("image", imageSchema),
  one(
    "console",
    Type.Object(
      {
        type: Type.Enum(["serial", "vnc"]),
        url: Type.String({ description: "a WebSocket that can be opened once; bytes both ways: of the serial line, or RFB" }),
        ticket_seconds: Type.Number({ description: "how long it may be opened" }),
        session_seconds: Type.Number({ description: "how long it stays open then" }),
      },
      { title: "Console" },
    ),
  ),
]);

const netStatus = Type.Enum(["ACTIVE", "DOWN", "BUILD", "ERROR"]);
const listedFlow = {
  priority: whole,
  ingress_port: text,
  actions: Type.String({ description: "such as `vlan=None,out=port0/2`" }),
};
const networkSchema = Type.Object(
  {
    id: uuid,
    name: text,
    type: Type.Enum(["bridge_man", "bridge_data", "data", "ptp"]),
    status: netStatus,
    last_error: maybe(text),
    tenant_id: maybe(uuid),
    shared: flag,
    admin_state_up: flag,
    region: maybe(text),
    "provider:vlan": maybe(whole),
    "provider:physical": maybe(text),
    bind_net: maybe(uuid),
    bind_type: maybe(text),
    copy_net: maybe(Type.String({ format: "uuid", ...ours("the second network this one is led into (1+1)") })),
    cidr: maybe(text),
    enable_dhcp: flag,
    dhcp_first_ip: maybe(text),
    dhcp_last_ip: maybe(text),
    gateway_ip: maybe(text),
    dns: maybe(Type.Array(text)),
    links: maybe(Type.Array(Type.Record(text, Type.Unknown()))),
    routes: maybe(Type.Record(text, text)),
    port_security: maybe(Type.Boolean(ours("ports of servers send as themselves only, where they do not say otherwise"))),
    ports: maybe(Type.Array(Type.Object({ port_id: uuid }))),
    flows: maybe(Type.Array(Type.Object({ ...listedFlow, vlan_id: maybe(whole), dst_mac: maybe(text) }))),
  },
  { title: "Network" },
);
export const network = one("network", networkSchema);
export const networks = many("networks", Type.Omit(networkSchema, ["ports", "flows"]), "NetworkRow");
export const networkId = Type.String({ format: "uuid", description: "the bare id; GET tells the rest" });
export const applied = Type.Object({
  network: networkSchema,
  applied: orNull(
    Type.Object(
      {
        changes: whole,
        on_wire_mono_ms: Type.Number({ description: "CLOCK_MONOTONIC of the VIM's machine, ms" }),
        barrier_mono_ms: Type.Number({ description: "when the switch had confirmed it" }),
      },
      { description: "null: no switch is connected, and it is written when one comes" },
    ),
  ),
});
export const unbound = Type.Object({ network: networkSchema });
export const boundNets = Type.Object({ bind_id: Type.Array(Type.Object({ uuid })) });
export const connection = Type.Object({ net_conn: Type.Array(Type.Object({ net_id: uuid })) });
export const rules = Type.Object({
  "openflow-rules": Type.Array(
    Type.Object(
      {
        name: text,
        net_id: uuid,
        ofc_id: orNull(uuid),
        vlan_id: orNull(whole),
        src_mac: Type.Null(),
        dst_mac: orNull(text),
        ...listedFlow,
      },
      { title: "OpenflowRule" },
    ),
  ),
});
export const switchPorts = Type.Object({
  ports: Type.Record(text, text, { description: "OpenFlow port number by name" }),
});

const ofcRow = Type.Object({
  id: uuid,
  name: text,
  dpid: switchDpid,
  ip: text,
  port: whole,
  type: Type.Enum(["floodlight", "onos", "opendaylight"]),
  version: maybe(text),
  ...{ user: maybe(text), password: maybe(Type.String({ description: "`*****` where there is one; the original shows it" })) },
});
const ofcSchema = Type.Object(
  {
    ...{ ...ofcRow.properties, ...ofcAccess },
    status: Type.Enum(["ACTIVE", "INACTIVE", "ERROR"]),
    last_error: maybe(Type.String(ours("why it cannot lead its switch now"))),
    nets_with_same_vlan: Type.Literal("false"),
  },
  { title: "OpenflowController" },
);
export const ofc = one("ofc", ofcSchema);
export const ofcs = many("ofcs", ofcRow, "OpenflowControllerRow");
export const ofcEcho = one("ofc", Type.Object({ ...Type.Omit(ofcRow, ["id"]).properties, ...ofcAccess }));
const mappingSchema = Type.Object({
  id: uuid,
  ofc_id: maybe(uuid),
  region: text,
  compute_node: text,
  pci: text,
  switch_dpid: switchDpid,
  switch_port: maybe(text),
  switch_mac: maybe(mac),
});
export const portMappings = many("of_port_mappings", mappingSchema, "PortMapping");

const bfdSchema = {
  min_tx_ms: Type.Number(),
  min_rx_ms: Type.Number(),
  detect_mult: Type.Number(),
  protected: flag,
  why: maybe(text),
};

const portSchema = Type.Object(
  {
    id: uuid,
    name: text,
    tenant_id: maybe(uuid),
    network_id: maybe(uuid),
    vpci: maybe(text),
    mac_address: maybe(mac),
    device_owner: Type.Enum(["external", "instance:data", "instance:bridge", "instance:ovs"]),
    device_id: maybe(uuid),
    "binding:switch_port": maybe(text),
    "binding:switch_dpid": maybe(switchDpid),
    "binding:vlan": maybe(whole),
    bandwidth: maybe(Type.Integer({ description: "Mbit/s" })),
    status: netStatus,
    admin_state_up: flag,
    ip_address: maybe(text),
    model: maybe(text),
    fenced: maybe(Type.Boolean(ours("closed in the switch because its server failed"))),
    opinions: maybe(Type.Record(text, Type.Enum(["answers", "silent"]), ours("what the probe and the traffic say of it"))),
    stale: maybe(Type.Boolean(ours("nobody has told of its link since this VIM started"))),
    bfd: maybe(
      Type.Object(
        { ...bfdSchema, state: maybe(text), remote_state: maybe(text), diagnostic: maybe(text) },
        ours("BFD on the switch port (RFC 5880)"),
      ),
    ),
    tunnel_bfd: maybe(
      Type.Object(bfdSchema, ours("BFD in the tunnels that lead to its host's switch: whether the host's loss is found in time")),
    ),
    port_security: maybe(
      Type.Boolean(ours("what it sends is led on only from its own addresses; left out: as its network says")),
    ),
    allowed_address_pairs: maybe(
      Type.Array(
        Type.Object({ ip_address: text, mac_address: maybe(mac) }),
        ours("who it may send as beside itself; without `mac_address`: from its own"),
      ),
    ),
  },
  { title: "Port" },
);
export const port = one("port", portSchema);
export const ports = many("ports", portSchema, "PortRow");

export const result = Type.Object({ result: text });
export const nothing = Type.Object({ result: Type.Null() });
export const error = Type.Object(
  {
    error: Type.Object({
      code: Type.Integer({ description: "the HTTP status" }),
      type: Type.String({ description: "such as `404 Not Found`" }),
      description: text,
      hosts: maybe(Type.Array(Type.Object({ name: text, reason: text }), ours("where no host has room, what each lacks"))),
    }),
  },
  { title: "Error" },
);
