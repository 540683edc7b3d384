import type { Static } from "typebox";
import type { HostId } from "../../model/ids.ts";
import type { Change, Host, Numa } from "../../model/vim-picture.ts";
import { hostEdit, hostNew } from "./bodies.ts";
import { type Call, needAdmin } from "./call.ts";
import { checked } from "./invalid.ts";
import { listed } from "./query.ts";
import { HOST_COLUMNS, hostOut, hostRow } from "./shapes.ts";
import { WireError } from "./wire-error.ts";

export const listHosts = (call: Call) => ({
  hosts: listed(
    [...call.doors.picture.hosts.values()].map((h) => hostRow(h, call.doors.hostStates.of(h.id), call.base)),
    call.query,
    HOST_COLUMNS,
  ),
});

export function getHost(call: Call) {
  const key = call.params.id!;
  const { hosts } = call.doors.picture;
  const host = hosts.get(key as HostId) ?? [...hosts.values()].find((h) => h.name === key);
  if (!host) throw new WireError(404, `host '${key}'not found.`);
  return shown(call, host);
}

const shown = (call: Call, host: Host) => ({ host: hostOut(host, call.doors.hostStates.of(host.id)) });

export async function postHost(call: Call) {
  needAdmin(call);
  const { host, "host-data": more } = checked(hostNew, call.body());
  const { name, ip_name: ipName, user, ...rest } = { ...host, ...more };
  const asked = { ...hostChange(rest), name: name ?? host.name, ipName: ipName ?? host.ip_name, user: user ?? host.user };
  return shown(call, await call.doors.inventory.createHost({ ...asked, id: host.id as HostId | undefined }));
}

export async function putHost(call: Call) {
  needAdmin(call);
  const { host } = checked(hostEdit, call.body());
  return shown(call, await call.doors.inventory.editHost(call.params.id as HostId, hostChange(host)));
}

export async function deleteHost(call: Call) {
  needAdmin(call);
  const id = call.params.id as HostId;
  await call.doors.inventory.deleteHost(id);
  return { result: `host '${id}' deleted` };
}

/** The password is not kept: this VIM speaks to its hosts' libvirt by their sockets and needs none. */
function hostChange(h: Static<typeof hostEdit>["host"]): Change<Host> {
  return {
    name: h.name,
    ipName: h.ip_name,
    user: h.user,
    description: h.description,
    ranking: h.ranking,
    features: h.features,
    hypervisors: h.hypervisors,
    adminUp: h.admin_state_up,
    numas: h.numas?.map(numaIn),
  };
}

type NumaIn = NonNullable<Static<typeof hostEdit>["host"]["numas"]>[number];

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
    sriovs: (i.sriovs ?? []).map((v) => ({ pci: v.pci, mac: v.mac, sourceName: String(v.source_name) })),
  })),
});
