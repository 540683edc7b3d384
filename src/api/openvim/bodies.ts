import { type TSchema, Type } from "typebox";
import { cloudConfig } from "../cloud-config.ts";
import { hostSwitch } from "./host-switch.ts";
import { checksum, metadata } from "./image-metadata.ts";
import { cidr, ip, ip4, netLinks, prefix, routes } from "./ip-words.ts";
import { ofcAccess } from "./ofc-access.ts";

// Request bodies. Members that are not named are dropped without a word, as in OpenVIM, except where `closed`.

const NAME = "^[^,;()'\"]+$";
const name = Type.String({ minLength: 1, maxLength: 255, pattern: NAME });
const shortName = Type.String({ minLength: 1, maxLength: 64, pattern: NAME });
/** Words of a list, such as "kvm,xenhvm". */
const shortText = Type.String({ minLength: 1, maxLength: 255, pattern: "^[^'\"]*$" });
const description = Type.Union([Type.String({ maxLength: 255, pattern: "^[^'\"]*$" }), Type.Null()]);
const id = Type.String({ pattern: "^[a-fA-F0-9]{8}(-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}$" });
const bandwidth = Type.String({ pattern: "^[0-9]+ *([MG]bps)?$" });
/** Unicast: the second digit is even. */
const mac = Type.String({ pattern: "^([0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5})$" });
const provider = Type.String({
  pattern: "^(default|((bridge|macvtap):[0-9a-zA-Z\\.\\-]{1,50})|openflow:[/0-9a-zA-Z\\.\\-]{1,50}(:vlan)?)$",
});
const vlan = Type.Integer({ minimum: 1, maximum: 4095 });
const yesNo = Type.Enum(["yes", "no"]);
/** As large as the original's database takes it. */
const COUNT_MAX = 2_147_483_647;
const count = Type.Integer({ minimum: 0, maximum: COUNT_MAX });
const countFrom1 = Type.Integer({ minimum: 1, maximum: COUNT_MAX });
const pci = Type.String({ pattern: "^[0-9a-fA-F]{4}(:[0-9a-fA-F]{2}){2}\\.[0-9a-fA-F]$" });
const dpid = Type.String({ pattern: "^[0-9a-fA-F:]{1,23}$" });
const closed = { additionalProperties: false } as const;
/** Of an edit: something must be said, and only what can be changed. */
const some = { minProperties: 1, ...closed } as const;
const orNull = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);
const maybe = Type.Optional;

/** Ours, by Neutron's names: what a port sends is led on only from its own addresses, and from these. */
const pair = Type.Object({ ip_address: prefix, mac_address: maybe(mac) }, closed);
const pairs = maybe(Type.Array(pair, { maxItems: 16 }));
const portSecurity = { port_security: maybe(orNull(Type.Boolean())), allowed_address_pairs: pairs };
const tenant = { name: shortName, description: maybe(description), enabled: maybe(Type.Boolean()) };
export const tenantNew = Type.Object({ tenant: Type.Object({ id: maybe(id), ...tenant }) }, closed);
export const tenantEdit = Type.Object({ tenant: Type.Partial(Type.Object(tenant), some) }, closed);

/** What a host's own reply shows beside, so that it can be sent back: read by nobody. */
const shownOnly = maybe(Type.Unknown());
const core = Type.Object(
  { core_id: count, thread_id: count, status: maybe(shortName), instance_id: shownOnly, v_thread_id: shownOnly },
  closed,
);
const sriov = Type.Object(
  { pci, mac, source_name: Type.Union([count, shortName]), vlan: shownOnly, instance_id: shownOnly },
  closed,
);
const hostInterface = Type.Object(
  {
    source_name: shortName,
    pci: maybe(pci),
    mac: maybe(mac),
    Mbps: maybe(count),
    switch_port: maybe(orNull(shortName)),
    switch_dpid: maybe(orNull(shortName)),
    switch_mac: maybe(orNull(mac)),
    sriovs: maybe(Type.Array(sriov)),
    instance_id: shownOnly,
    Mpbs_consumed: shownOnly,
  },
  closed,
);
const numa = Type.Object(
  {
    numa_socket: count,
    hugepages: maybe(count),
    memory: maybe(count),
    admin_state_up: maybe(Type.Boolean()),
    cores: maybe(Type.Array(core)),
    interfaces: maybe(Type.Array(hostInterface)),
    hugepages_consumed: shownOnly,
  },
  closed,
);
const host = {
  name,
  ip_name: shortName,
  user: shortName,
  /** Taken and not kept: libvirt is shown a certificate. */
  password: maybe(orNull(shortName)),
  keyfile: maybe(orNull(Type.String({ maxLength: 255 }))),
  description: maybe(description),
  ranking: maybe(orNull(count)),
  features: maybe(description),
  hypervisors: maybe(shortText),
  admin_state_up: maybe(Type.Boolean()),
  numas: maybe(Type.Array(numa)),
  autodiscover: maybe(Type.Boolean()),
  /** Ours: where its libvirt is, the threads that are for guests alone, the zone it stands in. */
  libvirt_uri: maybe(orNull(Type.String({ minLength: 1, maxLength: 255, pattern: "^qemu\\+(tls|unix)://[!-~]+$" }))),
  guest_cpus: maybe(orNull(Type.String({ pattern: "^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$", maxLength: 255 }))),
  availability_zone: maybe(orNull(shortName)),
  /** Ours: a switch of its own, which is one with the others by tunnels. */
  switch: maybe(orNull(hostSwitch)),
};
const hostShownOnly = Object.fromEntries(
  ["created_at", "devices", "links", "status", "state", "state_why", "memory_mb"].map((k) => [k, shownOnly]),
);
/** What it has for servers without huge pages and pinning, MB and threads, where that does not follow from its numas; what it says itself counts more. */
const hostMade = { id: maybe(id), ...hostShownOnly, RAM: maybe(count), cpus: maybe(count), ...host };
const hostData = maybe(Type.Partial(Type.Object(hostMade), closed));
export const hostNew = Type.Object({ host: Type.Object(hostMade, closed), "host-data": hostData }, closed);
/** Of a numa that is there: up or down, and where its cards are cabled to. */
const cardEdit = Type.Object({
  source_name: shortName,
  switch_dpid: maybe(orNull(shortName)),
  switch_port: maybe(orNull(shortName)),
});
const numaEdit = Type.Object(
  { numa_socket: count, admin_state_up: maybe(Type.Boolean()), interfaces: maybe(Type.Array(cardEdit)) },
  closed,
);
export const hostEdit = Type.Object(
  { host: Type.Partial(Type.Object({ ...host, numas: maybe(Type.Array(numaEdit)) }), some) },
  closed,
);

const flavorInterface = Type.Object(
  {
    name: maybe(name),
    dedicated: Type.Enum(["yes", "no", "yes:sriov"]),
    bandwidth,
    vpci: maybe(pci),
    uuid: maybe(id),
    mac_address: maybe(mac),
  },
  closed,
);
const extendedNuma = Type.Object(
  {
    memory: maybe(countFrom1),
    cores: maybe(countFrom1),
    threads: maybe(countFrom1),
    "paired-threads": maybe(countFrom1),
    "cores-id": maybe(Type.Array(count)),
    "threads-id": maybe(Type.Array(count)),
    "paired-threads-id": maybe(Type.Array(Type.Array(count))),
    interfaces: maybe(Type.Array(flavorInterface)),
  },
  some,
);
const device = Type.Object(
  {
    type: Type.Enum(["usb", "disk", "cdrom", "xml"]),
    vpci: maybe(pci),
    imageRef: maybe(id),
    xml: maybe(Type.String({ minLength: 1, maxLength: 2_000 })),
    dev: maybe(shortName),
    size: maybe(countFrom1),
  },
  closed,
);
const extended = Type.Object({
  processor_ranking: maybe(count),
  devices: maybe(Type.Array(device)),
  numas: maybe(Type.Array(extendedNuma)),
});
const flavor = {
  name,
  description: maybe(description),
  ram: maybe(count),
  vcpus: maybe(count),
  disk: maybe(orNull(count)),
  extended: maybe(extended),
  public: maybe(yesNo),
};
export const flavorNew = Type.Object({ flavor: Type.Object({ id: maybe(id), ...flavor }) }, closed);
export const flavorEdit = Type.Object({ flavor: Type.Partial(Type.Object(flavor), some) }, closed);

const image = {
  name,
  /** A path of the hosts, or an http(s) URL. */
  path: Type.String({ minLength: 1, maxLength: 1_024, pattern: "^[^\\u0000-\\u001f]*$" }),
  description: maybe(description),
  metadata: maybe(orNull(metadata)),
  public: maybe(yesNo),
};
export const imageNew = Type.Object({ image: Type.Object({ id: maybe(id), checksum: maybe(checksum), ...image }) }, closed);
export const imageEdit = Type.Object({ image: Type.Partial(Type.Object(image), some) }, closed);

const network = {
  name,
  type: maybe(Type.Enum(["bridge_man", "bridge_data", "data", "ptp"])),
  tenant_id: maybe(orNull(id)),
  shared: maybe(Type.Boolean()),
  admin_state_up: maybe(Type.Boolean()),
  "provider:vlan": maybe(vlan),
  "provider:physical": maybe(orNull(provider)),
  region: maybe(shortName),
  cidr: maybe(cidr),
  enable_dhcp: maybe(Type.Boolean()),
  dhcp_first_ip: maybe(ip),
  dhcp_last_ip: maybe(ip),
  dns: maybe(Type.Array(ip)),
  links: maybe(netLinks),
  routes: maybe(routes),
  bind_net: maybe(orNull(name)),
  bind_type: maybe(orNull(Type.String({ pattern: "^vlan:[0-9]{1,4}$" }))),
  port_security: maybe(Type.Boolean()),
};
export const networkNew = Type.Object({ network: Type.Object({ id: maybe(id), ...network }) }, closed);
export const networkEdit = Type.Object({ network: Type.Partial(Type.Object(network), some) }, closed);

export const portNew = Type.Object(
  {
    port: Type.Object({
      name: shortName,
      id: maybe(id),
      network_id: maybe(orNull(id)),
      tenant_id: maybe(orNull(id)),
      mac_address: maybe(orNull(mac)),
      admin_state_up: maybe(Type.Boolean()),
      bandwidth: maybe(bandwidth),
      "binding:switch_port": maybe(orNull(Type.String({ minLength: 1, maxLength: 64 }))),
      /** Of a switch behind somebody else's controller; left out: this VIM's own. */
      "binding:switch_dpid": maybe(orNull(dpid)),
      "binding:vlan": maybe(orNull(vlan)),
      ...portSecurity,
    }),
  },
  closed,
);
/** Ours: BFD on the switch port. Faster than 3 ms no userspace switch keeps up; slower than 10 s it protects nothing. */
const bfdMs = Type.Integer({ minimum: 3, maximum: 10_000 });
const bfd = Type.Object(
  { min_tx_ms: bfdMs, min_rx_ms: bfdMs, detect_mult: maybe(Type.Integer({ minimum: 2, maximum: 50 })) },
  closed,
);
export const portEdit = Type.Object(
  {
    port: Type.Object({ name: maybe(shortName), network_id: maybe(orNull(id)), bfd: maybe(orNull(bfd)), ...portSecurity }, some),
  },
  closed,
);

/** Somebody else's controller, and the switch it leads. */
export const ofc = Type.Object(
  {
    ofc: Type.Object({
      name,
      dpid,
      ip: Type.String({ pattern: "^[0-9a-zA-Z.:\\-]{1,253}$" }),
      port: Type.Integer({ minimum: 1, maximum: 65_534 }),
      type: Type.Enum(["floodlight", "onos", "opendaylight"]),
      version: maybe(Type.String({ minLength: 1, maxLength: 12 })),
      ...{ user: maybe(shortName), password: maybe(Type.String({ minLength: 1, maxLength: 255 })), ...ofcAccess },
    }),
  },
  closed,
);
const portMapping = Type.Object({
  ofc_id: maybe(id),
  region: name,
  compute_node: name,
  pci,
  switch_dpid: dpid,
  switch_port: maybe(orNull(Type.String({ minLength: 1, maxLength: 64 }))),
  switch_mac: maybe(orNull(mac)),
});
/** "mapings" is the original's word. */
export const portMappings = Type.Object({ of_port_mapings: Type.Array(portMapping, { minItems: 1, maxItems: 1_000 }) }, closed);

const vnic = Type.Object(
  {
    uuid: id,
    name: maybe(name),
    bandwidth: maybe(bandwidth),
    vpci: maybe(pci),
    mac_address: maybe(mac),
    ip_address: maybe(ip),
    model: maybe(Type.Enum(["virtio", "e1000", "ne2k_pci", "pcnet", "rtl8139"])),
    type: maybe(Type.Enum(["virtual", "PF", "VF", "VFnotShared"])),
    ...portSecurity,
  },
  closed,
);
/** Ours: servers of one tenant that name the same group are kept on different hosts. */
const antiAffinity = Type.Object(
  { group: Type.String({ minLength: 1, maxLength: 255 }), policy: maybe(Type.Enum(["required", "preferred"])) },
  { additionalProperties: false },
);
export const serverNew = Type.Object(
  {
    server: Type.Object({
      id: maybe(id),
      name,
      description: maybe(description),
      flavorRef: id,
      imageRef: id,
      start: maybe(Type.Enum(["yes", "no", "paused"])),
      hostId: maybe(id),
      hypervisor: maybe(Type.Enum(["kvm", "xen-unik", "xenhvm"])),
      osImageType: maybe(Type.Enum(["clickos", "other"])),
      extended: maybe(extended),
      networks: maybe(Type.Array(vnic)),
      /** Ours: appended to the command line of a kernel that is booted directly. */
      kernel_cmdline: maybe(Type.String({ maxLength: 2_048, pattern: "^[ -~]*$" })),
      /** Ours: only a host of this zone. */
      availability_zone: maybe(name),
      /** Ours: what cloud-init is told at the first boot; `userdata` is a document of its own. */
      cloud_config: maybe(cloudConfig),
      userdata: maybe(Type.String({ minLength: 1, maxLength: 262_144 })),
      anti_affinity: maybe(antiAffinity),
    }),
  },
  closed,
);

/** Exactly one action; `start` may say "rebuild". */
export const serverAction = Type.Object(
  {
    start: maybe(Type.Union([Type.Null(), Type.Enum(["rebuild"])])),
    pause: maybe(Type.Null()),
    resume: maybe(Type.Null()),
    shutoff: maybe(Type.Null()),
    shutdown: maybe(Type.Null()),
    forceOff: maybe(Type.Null()),
    terminate: maybe(Type.Null()),
    /** Ours: from another image, which is the server's own from then on. */
    rebuild: maybe(orNull(Type.Object({ imageRef: maybe(id) }))),
    /** Ours: with `{"type": "HARD"}`, OpenStack's word, nothing is asked of the guest. */
    reboot: maybe(orNull(Type.Object({ type: maybe(Type.Enum(["SOFT", "HARD"])) }))),
    createImage: maybe(
      Type.Object({
        /** Ours: so that asking twice makes one. */
        id: maybe(id),
        name,
        path: maybe(Type.String({ minLength: 2, maxLength: 1_024, pattern: "^/[^\\u0000-\\u001f]*$" })),
        description: maybe(description),
        metadata: maybe(orNull(metadata)),
        imageRef: maybe(id),
        disk: maybe(orNull(Type.String({ maxLength: 255 }))),
      }),
    ),
    /** Ours: a ticket for its serial line or its screen; the words of the original's connector for a screen are taken too. */
    console: maybe(orNull(Type.Enum(["serial", "vnc", "novnc"]))),
    /** Ours: made anew on another host. `from` makes it safe to repeat. */
    evacuate: maybe(Type.Object({ from: id, hostId: maybe(id) }, { additionalProperties: false })),
  },
  { additionalProperties: false, minProperties: 1, maxProperties: 1 },
);

// Protections are ours. Ids of the MANO stand in paths.
const manoId = Type.String({ minLength: 1, maxLength: 255, pattern: "^[^/?#\\s]+$" });
const manoName = Type.String({ minLength: 1, maxLength: 255 });
/** Longer is no hold-off any more but a switched-off protection (G.8031 11.13 has up to 10 s). */
const HOLD_OFF_MAX_MS = 60_000;
const armedMember = Type.Object({
  id: manoId,
  name: manoName,
  server_id: maybe(orNull(id)),
  data_net: id,
  capacity: maybe(orNull(Type.Integer({ minimum: 1, maximum: 10_000 }))),
});
const armedPlan = Type.Object({
  failed: manoId,
  moves: Type.Array(Type.Object({ net: id, to: manoId, or_else: maybe(Type.Array(manoId, { maxItems: 1_000 })) }), {
    maxItems: 10_000,
  }),
  because: maybe(Type.Array(Type.String({ maxLength: 2_000 }), { maxItems: 1_000 })),
});
const probe = Type.Object({
  interval_ms: Type.Integer({ minimum: 10, maximum: 1_000 }),
  misses: Type.Integer({ minimum: 1, maximum: 100 }),
  of: Type.Integer({ minimum: 1, maximum: 100 }),
  icmp: maybe(Type.Boolean()),
  udp_port: maybe(orNull(Type.Integer({ minimum: 1, maximum: 65_535 }))),
  tcp_port: maybe(orNull(Type.Integer({ minimum: 1, maximum: 65_535 }))),
  source_ip: maybe(orNull(ip4)),
});
const heartbeat = Type.Object({
  interval_ms: Type.Integer({ minimum: 100, maximum: 10_000 }),
  misses: Type.Integer({ minimum: 1, maximum: 100 }),
  of: Type.Integer({ minimum: 1, maximum: 100 }),
});
export const protectionPut = Type.Object({
  protection: Type.Object({
    id: maybe(manoId),
    name: manoName,
    revision: Type.Integer({ minimum: 0 }),
    hold_off_ms: maybe(Type.Integer({ minimum: 0, maximum: HOLD_OFF_MAX_MS })),
    members: Type.Array(armedMember, { minItems: 1, maxItems: 1_000 }),
    plans: Type.Array(armedPlan, { maxItems: 1_000 }),
    probe: maybe(orNull(probe)),
    guest_heartbeat: maybe(orNull(heartbeat)),
    traffic: maybe(orNull(Type.Object({ silent_ms: Type.Integer({ minimum: 200, maximum: 60_000 }) }))),
  }),
});
