import type { HostState } from "../../model/host-state.ts";
import type { HostInterface, Numa, PinnedInterface, Sriov, Thread } from "../../model/numa.ts";
import type { Host, Server } from "../../model/vim-picture.ts";
import { type Wire, withoutNulls } from "../query.ts";
import { hostSwitchOut } from "./host-switch.ts";
import { type BaseUrl, bookmark, time } from "./shapes.ts";

export function hostRow(h: Host, state: HostState | null, base: BaseUrl): Wire {
  return {
    name: h.name,
    description: h.description,
    status: h.status,
    admin_state_up: h.adminUp,
    ip_name: h.ipName,
    hypervisors: h.hypervisors,
    id: h.id,
    ...hostStateOut(h, state),
    links: bookmark(`${base}/hosts/${h.id}`),
  };
}

const hostStateOut = (h: Host, state: HostState | null): Wire =>
  state === null ? {} : withoutNulls({ state: state.state, state_why: state.why, availability_zone: h.availabilityZone });

/** `servers`: those that are on it; what they have for themselves is shown at the numas. */
export function hostOut(h: Host, state: HostState | null, servers: readonly Server[]): Wire {
  return {
    user: h.user,
    password: "*****",
    keyfile: h.keyfile,
    name: h.name,
    ip_name: h.ipName,
    description: h.description,
    hypervisors: h.hypervisors,
    ranking: h.ranking,
    admin_state_up: h.adminUp,
    created_at: time(h.createdAt),
    numas: h.numas.map((n) => numaOut(n, servers)),
    id: h.id,
    ...(h.isLocal ? { memory_mb: h.memoryMiB, cpus: h.cpus } : {}),
    ...withoutNulls({ libvirt_uri: h.libvirtUri, guest_cpus: h.guestThreads, ...(h.discovers && { autodiscover: true }) }),
    ...(h.hostSwitch && { switch: hostSwitchOut(h.hostSwitch) }),
    ...hostStateOut(h, state),
  };
}

/** What servers have for themselves of one numa, by what it is. */
interface Consumed {
  readonly hugepagesGiB: number;
  readonly threads: ReadonlyMap<number, { readonly serverId: string; readonly vcpu: number | null }>;
  readonly interfaces: readonly (PinnedInterface & { readonly serverId: string })[];
}

function consumedOf({ numaSocket }: Numa, servers: readonly Server[]): Consumed {
  const its = servers.flatMap(({ id: serverId, pinned }) => (pinned?.numaSocket === numaSocket ? [{ serverId, pinned }] : []));
  return {
    hugepagesGiB: its.reduce((n, { pinned }) => n + pinned.hugepagesGiB, 0),
    threads: new Map(
      its.flatMap(({ serverId, pinned }) => pinned.threads.map(({ threadId, vcpu }) => [threadId, { serverId, vcpu }])),
    ),
    interfaces: its.flatMap(({ serverId, pinned }) => pinned.interfaces.map((i) => ({ ...i, serverId }))),
  };
}

function numaOut(n: Numa, servers: readonly Server[]): Wire {
  const consumed = consumedOf(n, servers);
  return {
    numa_socket: n.numaSocket,
    hugepages: n.hugepagesGiB,
    memory: n.memoryGiB,
    admin_state_up: n.adminUp,
    cores: n.cores.map((c) => threadOut(c, consumed)),
    hugepages_consumed: consumed.hugepagesGiB,
    interfaces: n.interfaces.map((i) => interfaceOut(i, consumed)),
  };
}

function threadOut({ coreId, status, threadId }: Thread, { threads }: Consumed): Wire {
  const user = threads.get(threadId);
  const used = user && { instance_id: user.serverId, v_thread_id: user.vcpu };
  return { core_id: coreId, ...(status !== null && { status }), thread_id: threadId, ...used };
}

function interfaceOut(i: HostInterface, { interfaces }: Consumed): Wire {
  const used = interfaces.filter((u) => u.cardPci === i.pci);
  return withoutNulls({
    Mbps: i.mbps,
    pci: i.pci,
    switch_port: i.switchPort,
    switch_dpid: i.switchDpid,
    switch_mac: i.switchMac,
    mac: i.mac,
    source_name: i.sourceName,
    instance_id: used.find((u) => u.pci === i.pci)?.serverId,
    Mpbs_consumed: used.reduce((n, u) => n + u.mbps, 0) || null, // OpenVIM's spelling.
    sriovs: i.sriovs.map((v) => sriovOut(v, used)),
  });
}

const sriovOut = ({ pci, mac, sourceName }: Sriov, used: Consumed["interfaces"]): Wire =>
  withoutNulls({ pci, mac, source_name: sourceName, instance_id: used.find((u) => u.pci === pci)?.serverId });
