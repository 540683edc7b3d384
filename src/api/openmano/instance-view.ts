import { stringify } from "yaml";
import type { NsView } from "../../model/ns.ts";
import type { OmAction, OmInstance, OmInstanceNet, OmInstanceVm } from "../../model/openmano.ts";
import type { Wire } from "../query.ts";
import { YAML_TEXT } from "../reply-text.ts";
import type { VimRow } from "./doors.ts";
import { epochOf, timeOf } from "./shapes.ts";

/** What the VIM has of an instance now, by the ids that it has there; what is not in it is not there, or could not be asked. */
export interface Seen {
  readonly nets: ReadonlyMap<string, VimRow>;
  readonly servers: ReadonlyMap<string, { readonly server: VimRow; readonly ports: readonly VimRow[] }>;
}

export const NOTHING_SEEN: Seen = { nets: new Map(), servers: new Map() };

/** An instance that was just asked for: with moments as the original answers them there, and without what only a GET of it shows. */
export const newInstanceOut = (i: OmInstance): Wire => ({
  ...instanceOut(i, null, NOTHING_SEEN),
  created_at: epochOf(i.createdAt),
  vnfs: vnfsOut(i, null, NOTHING_SEEN).map(({ vms, ...vnf }) => ({
    ...vnf,
    vms: (vms as Wire[]).map(({ interfaces, ...vm }) => ({
      ...vm,
      created_at: epochOf(i.createdAt),
      interfaces: (interfaces as Wire[]).map(({ type: _, ...iface }) => iface),
    })),
  })),
});

/** OpenMANO's instance: without an envelope. `ns`: the NS that it is; null: it is not made yet, or is gone. */
export function instanceOut(i: OmInstance, ns: NsView | null, seen: Seen): Wire {
  const site = { datacenter_id: i.datacenterId, datacenter_tenant_id: i.attachmentId };
  return {
    uuid: i.uuid,
    name: i.name,
    scenario_id: i.scenarioId,
    ...site,
    scenario_name: i.scenarioName,
    tenant_id: i.tenantId,
    description: i.description,
    created_at: timeOf(i.createdAt),
    nsd_osm_id: null,
    vnfs: vnfsOut(i, ns, seen),
    nets: i.nets.map((n) => ({ ...netOut(i, n, ns, seen), ...site })),
    sdn_nets: [],
    sfps: [],
    sfs: [],
    sfis: [],
    classifications: [],
  };
}

const vnfsOut = (i: OmInstance, ns: NsView | null, seen: Seen): Wire[] =>
  i.vnfs.map((v) => {
    const vms = v.vms.map((vm) => vmOut(i, vm, ns, seen));
    const ofManagement = vms.flatMap((vm) => vm.interfaces as Wire[]).find((f) => f.type === "mgmt" && f.ip_address !== null);
    return {
      uuid: v.uuid,
      vnf_id: v.vnfId,
      vnf_name: v.vnfName,
      sce_vnf_id: v.sceVnfId,
      datacenter_id: i.datacenterId,
      datacenter_tenant_id: i.attachmentId,
      mgmt_access: null,
      member_vnf_index: null,
      vnfd_osm_id: null,
      ip_address: ofManagement?.ip_address ?? null,
      vms,
    };
  });

/** Why it is not as it should be; null: it is, or will be. */
const whyFailed = (i: OmInstance, ns: NsView | null): string | null => i.failed ?? (ns?.state === "FAILED" ? ns.detail : null);

function vmOut(i: OmInstance, vm: OmInstanceVm, ns: NsView | null, seen: Seen): Wire {
  const vnfc = ns?.vnfcs.find((v) => v.name === vm.vnfc);
  const inVim = seen.servers.get(vnfc?.vimServerId ?? "");
  const why = whyFailed(i, ns);
  return {
    uuid: vm.uuid,
    vim_vm_id: inVim === undefined && vnfc?.status === "BUILD" ? null : (vnfc?.vimServerId ?? null),
    status: why !== null ? "ERROR" : (vnfc?.status ?? "BUILD"),
    error_msg: why ?? vnfc?.errorMsg ?? null,
    vim_info: inVim === undefined ? null : stringify(inVim.server, YAML_TEXT),
    created_at: timeOf(i.createdAt),
    name: vm.name,
    vdu_osm_id: null,
    vim_name: vm.vimName,
    related: vm.uuid,
    interfaces: vm.interfaces.map((iface) => {
      const port = inVim?.ports.find((p) => p.name === iface.cp);
      return {
        vim_interface_id: port?.id ?? null,
        instance_net_id: iface.netId,
        internal_name: iface.internalName,
        external_name: iface.externalName,
        mac_address: port?.mac_address ?? null,
        ip_address: port?.ip_address ?? null,
        vim_info: port === undefined ? null : stringify(port, YAML_TEXT),
        type: iface.type,
        sdn_port_id: null,
      };
    }),
  };
}

function netOut(i: OmInstance, n: OmInstanceNet, ns: NsView | null, seen: Seen): Wire {
  const inVim = seen.nets.get(n.vimNetId);
  const why = n.created ? whyFailed(i, ns) : null;
  const isThere = inVim !== undefined || ns?.state === "INSTANTIATED";
  return {
    uuid: n.uuid,
    vim_net_id: isThere ? n.vimNetId : null,
    status: why !== null ? "ERROR" : String(inVim?.status ?? (isThere ? "ACTIVE" : "BUILD")),
    error_msg: why,
    vim_info: inVim === undefined ? null : stringify(inVim, YAML_TEXT),
    created: n.created,
    sce_net_id: n.sceNetId,
    vnf_net_id: n.vnfNetId,
    sdn_net_id: null,
    ns_net_osm_id: null,
    vnf_net_osm_id: null,
    vim_name: n.vimName,
    related: n.uuid,
  };
}

export const actionOut = (a: OmAction): Wire => ({
  uuid: a.uuid,
  tenant_id: a.tenantId,
  instance_id: a.instanceId,
  description: a.description,
  number_tasks: a.tasks,
  number_done: a.done,
  number_failed: a.failed,
  created_at: epochOf(a.createdAt),
  modified_at: epochOf(a.modifiedAt),
});
