import type { HostState } from "../../model/host-state.ts";
import { bandwidthText, isOfCard, type Pinned } from "../../model/numa.ts";
import type { Server, ServerPort } from "../../model/vim-picture.ts";
import { type Wire, withoutNulls } from "../query.ts";
import { type BaseUrl, bookmark, time } from "./shapes.ts";

/** Where a server stands: its host as that is now, what its disk is on that it was paused for, and who of its anti-affinity group is there too. */
export interface Standing {
  readonly host: HostState | null;
  readonly storageLost: string | null;
  readonly sharesHostWith: readonly string[];
}

/** Ours, beside what OpenVIM shows of a server. */
const standingOut = (s: Server, { host, storageLost, sharesHostWith }: Standing): Wire => ({
  ...(host && { host_state: host.state }),
  ...(storageLost !== null && { storage_lost: storageLost }),
  ...(s.antiAffinity && {
    anti_affinity: { ...s.antiAffinity, violated: sharesHostWith.length > 0, shares_host_with: sharesHostWith },
  }),
});

export function serverRow(s: Server, base: BaseUrl, standing: Standing): Wire {
  return {
    name: s.name,
    description: s.description,
    status: s.status,
    last_error: s.lastError,
    id: s.id,
    hostId: s.hostId,
    flavorRef: s.flavorId,
    imageRef: s.imageId,
    tenant_id: s.tenantId,
    // In lists alone, and there where it is asked for: a server by itself has the original's keys, and nearly always a task.
    ...(s.task !== null && { task: s.task }),
    ...standingOut(s, standing),
    links: bookmark(`${base}/${s.tenantId}/servers/${s.id}`),
  };
}

export function serverOut(s: Server, ports: readonly ServerPort[], base: BaseUrl, standing: Standing): Wire {
  const refer = (kind: string, id: string) => ({ id, links: bookmark(`${base}/${s.tenantId}/${kind}/${id}`) });
  return withoutNulls({
    name: s.name,
    description: s.description,
    progress: s.progress,
    status: s.status,
    last_error: s.lastError,
    hypervisor: s.hypervisor,
    tenant_id: s.tenantId,
    ram: s.memoryMiB || null,
    vcpus: s.vcpus || null,
    networks: ports.filter((p) => !isOfCard(p)).map(vnicOut),
    extended: extendedOut(s, ports),
    flavor: refer("flavors", s.flavorId),
    image: refer("images", s.imageId),
    id: s.id,
    hostId: s.hostId,
    osImageType: s.osImageType,
    created: time(s.createdAt),
    kernel_cmdline: s.kernelCmdline,
    config_drive: s.cloudConfig === null ? null : true, // What it is told may hold secrets, and is shown to nobody.
    availability_zone: s.availabilityZone,
    ...standingOut(s, standing),
  });
}

const vnicOut = (p: ServerPort): Wire =>
  withoutNulls({
    iface_id: p.id,
    net_id: p.netId,
    mac_address: p.mac,
    ip_address: p.ip,
    name: p.name,
    bandwidth: bandwidthOut(p),
    vpci: p.vpci,
    model: p.model,
  });

const bandwidthOut = ({ bandwidthMbps }: ServerPort): string | null =>
  bandwidthMbps === null ? null : bandwidthText(bandwidthMbps);

/** What the server has for itself, and the devices it was asked for. */
function extendedOut({ extended, pinned }: Server, ports: readonly ServerPort[]): Wire | null {
  const devices = extended?.devices ?? [];
  if (pinned === null && devices.length === 0) return null;
  return {
    ...(devices.length > 0 && { devices }),
    ...(pinned !== null && { numas: [numaOut(pinned, ports)] }),
  };
}

function numaOut(pinned: Pinned, ports: readonly ServerPort[]): Wire {
  return {
    ...(pinned.hugepagesGiB > 0 && { memory: pinned.hugepagesGiB }),
    ...threadsOut(pinned),
    interfaces: pinned.interfaces.flatMap((i) => {
      const port = ports.find((p) => isOfCard(p) && p.name === i.name);
      return port === undefined ? [] : [cardOut(port, i)];
    }),
    source: pinned.numaSocket,
  };
}

/** The guest's CPUs and the host's threads they run on, in pairs where they were asked for as such. */
function threadsOut({ kind, threads }: Pinned): Wire {
  if (kind === null) return {};
  const used = threads.flatMap(({ vcpu, threadId }) => (vcpu === null ? [] : [{ vcpu, threadId }]));
  const [ids, sources] = [used.map((t) => t.vcpu), used.map((t) => t.threadId)];
  const shown = (list: number[]) => (kind === "paired-threads" ? inPairs(list) : list);
  return {
    [kind]: shown(ids).length,
    [`${kind}-id`]: shown(ids),
    [`${kind}-source`]: shown(sources),
  };
}

const inPairs = (list: readonly number[]): number[][] => list.flatMap((n, i) => (i % 2 === 0 ? [[n, list[i + 1]!]] : []));

const cardOut = (p: ServerPort, { dedicated, pci }: Pinned["interfaces"][number]): Wire =>
  withoutNulls({
    iface_id: p.id,
    vlan: p.vlan,
    mac_address: p.mac,
    net_id: p.netId,
    dedicated,
    bandwidth: dedicated === "yes" ? null : bandwidthOut(p),
    name: p.name,
    vpci: p.vpci,
    source: pci,
  });
