import type { Static } from "typebox";
import type { HostId } from "../../model/ids.ts";
import type { Numa } from "../../model/numa.ts";
import type { Change, Host } from "../../model/vim-picture.ts";
import { checked } from "../invalid.ts";
import { listed } from "../query.ts";
import { WireError } from "../wire-error.ts";
import { hostEdit, hostNew } from "./bodies.ts";
import { type Call, needAdmin } from "./call.ts";
import { HOSTS } from "./columns.ts";
import { hostOut, hostRow } from "./host-shapes.ts";
import { hostSwitchIn } from "./host-switch.ts";

export const listHosts = (call: Call) => ({
  hosts: listed(
    call.doors.picture.hosts.values().map((h) => hostRow(h, call.doors.hostStates.of(h.id), call.base)),
    call.query,
    HOSTS,
  ),
});

export function getHost(call: Call) {
  const key = call.params.id!;
  const { hosts } = call.doors.picture;
  const host = hosts.get(key as HostId) ?? [...hosts.values()].find((h) => h.name === key);
  if (!host) throw new WireError(404, `host '${key}'not found.`);
  return shown(call, host);
}

function shown({ doors }: Call, host: Host) {
  const servers = [...doors.picture.servers.values()].filter((s) => s.hostId === host.id);
  return { host: hostOut(host, doors.hostStates.of(host.id), servers) };
}

export async function postHost(call: Call) {
  needAdmin(call);
  const { host, "host-data": more } = checked(hostNew, call.body());
  const { name, ip_name: ipName, user, numas, RAM: memoryMiB, cpus, ...rest } = { ...host, ...more };
  const named = { name: name ?? host.name, ipName: ipName ?? host.ip_name, user: user ?? host.user };
  const asked = { ...hostChange(rest), ...named, memoryMiB, cpus, numas: numas?.map(numaIn) };
  const made = await call.doors.inventory.createHost({ ...asked, id: host.id as HostId | undefined });
  const reply = shown(call, made).host;
  const isUp = call.doors.hostStates.of(made.id)?.state === "up";
  const warning = made.libvirtUri === null ? NO_LIBVIRT : isUp ? null : NOT_YET;
  return { host: rest.autodiscover && warning !== null ? { ...reply, warning } : reply };
}

/** The original logs into the host to look around; here its libvirt is asked. */
const NO_LIBVIRT = "autodiscover was not done: tell 'libvirt_uri', or its numas in 'host-data'";
const NOT_YET = "autodiscover is done when the host can be asked";

export async function putHost(call: Call) {
  needAdmin(call);
  const { host } = checked(hostEdit, call.body());
  const { numas, ...rest } = host;
  const change = { ...hostChange(rest), numas: numas?.map(numaChange) };
  return shown(call, await call.doors.inventory.editHost(call.params.id as HostId, change));
}

export async function deleteHost(call: Call) {
  needAdmin(call);
  const id = call.params.id as HostId;
  await call.doors.inventory.deleteHost(id);
  return { result: `host '${id}' deleted` };
}

/** The password is not kept: this VIM shows certificates to its hosts' libvirt and needs none. */
function hostChange(h: Omit<Static<typeof hostEdit>["host"], "numas">): Change<Omit<Host, "numas">> {
  return {
    name: h.name,
    ipName: h.ip_name,
    user: h.user,
    keyfile: h.keyfile,
    description: h.description,
    ranking: h.ranking,
    features: h.features,
    hypervisors: h.hypervisors,
    adminUp: h.admin_state_up,
    availabilityZone: h.availability_zone,
    libvirtUri: h.libvirt_uri,
    guestThreads: h.guest_cpus,
    discovers: h.autodiscover,
    hostSwitch: h.switch && hostSwitchIn(h.switch),
  };
}

type NumaIn = NonNullable<Static<typeof hostNew>["host"]["numas"]>[number];
type NumaEdit = NonNullable<Static<typeof hostEdit>["host"]["numas"]>[number];

const numaChange = (n: NumaEdit) => ({
  numaSocket: n.numa_socket,
  adminUp: n.admin_state_up,
  interfaces: n.interfaces?.map((i) => ({
    sourceName: i.source_name,
    switchPort: i.switch_port,
    switchDpid: i.switch_dpid,
  })),
});

const numaIn = (n: NumaIn): Numa => ({
  numaSocket: n.numa_socket,
  hugepagesGiB: n.hugepages ?? 0,
  memoryGiB: n.memory ?? 0,
  adminUp: n.admin_state_up ?? true,
  cores: (n.cores ?? []).map((c) => ({ coreId: c.core_id, threadId: c.thread_id, status: c.status ?? null })),
  interfaces: (n.interfaces ?? []).map((i) => ({
    sourceName: i.source_name,
    pci: i.pci ?? "",
    mac: i.mac ?? "",
    mbps: i.Mbps ?? 0,
    switchPort: i.switch_port ?? null,
    switchDpid: i.switch_dpid ?? null,
    switchMac: i.switch_mac ?? null,
    sriovs: (i.sriovs ?? []).map((v) => ({ pci: v.pci, mac: v.mac, sourceName: String(v.source_name) })),
  })),
});
