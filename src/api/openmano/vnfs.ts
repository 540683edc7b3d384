import { randomUUID } from "node:crypto";
import type { OmInterface, OmVm, OmVnf } from "../../model/openmano.ts";
import { deleteOmVnf, insertOmVnf, readOmVnfs, readUsesOfOmVnf } from "../../store/mano-openmano.ts";
import type { Columns, Wire } from "../query.ts";
import { WireError } from "../wire-error.ts";
import type { Call } from "./call.ts";
import { isSeenBy, oneOf, tenantOf, tenantOrAny } from "./find.ts";
import { rowsOf, timeOf } from "./shapes.ts";
import { inUse } from "./tenants.ts";
import { vnfOf } from "./vnf-form.ts";

const COLUMNS: Columns = { shown: ["uuid", "name", "osm_id", "description", "public", "tenant_id", "created_at"] };

const headOf = (v: OmVnf): Wire => ({
  uuid: v.uuid,
  osm_id: null,
  name: v.name,
  tenant_id: v.tenantId,
  public: v.public,
  description: v.description,
  created_at: timeOf(v.createdAt),
});

export const vnfOut = (v: OmVnf): Wire => ({
  ...headOf(v),
  VNFC: v.vms.map((vm) => ({
    uuid: vm.uuid,
    osm_id: null,
    name: vm.name,
    description: vm.description,
    boot_data: vm.bootData,
  })),
  nets: v.nets.map(({ uuid, name, description, type, ipProfile }) => ({
    uuid,
    name,
    description,
    type,
    multipoint: "false",
    ...(ipProfile && { ip_profile: ipProfile }),
  })),
  "external-connections": v.vms.flatMap((vm) => vm.interfaces.flatMap((i) => externalOf(vm, i))),
});

const externalOf = (vm: OmVm, i: OmInterface): Wire[] =>
  i.externalName === null
    ? []
    : [
        {
          uuid: i.uuid,
          external_name: i.externalName,
          vm_name: vm.name,
          vm_id: vm.uuid,
          internal_name: i.internalName,
          type: i.type,
          vpci: i.vpci,
          bw: i.bw,
        },
      ];

export async function seenVnfs(call: Call): Promise<OmVnf[]> {
  const tenant = await tenantOrAny(call);
  return (await readOmVnfs(call.doors.db)).filter((v) => isSeenBy(tenant, v));
}

export async function listVnfs(call: Call) {
  return { vnfs: rowsOf((await seenVnfs(call)).map(headOf), call.query, COLUMNS) };
}

export async function getVnf(call: Call) {
  return { vnf: vnfOut(oneOf(await seenVnfs(call), call.params.vnf!, "VNF")) };
}

/** The same name twice is allowed, as in the original. */
export async function makeVnf(call: Call) {
  const body = call.body();
  const tenant = await tenantOf(call);
  const isVnf = typeof body === "object" && body !== null && "vnf" in body;
  if (!isVnf) throw new WireError(400, "Invalid content 'vnf' is a required property");
  const read = await call.doors.readDescriptor(JSON.stringify(body), []);
  if ("refusal" in read) throw new WireError(read.refusal.code, read.refusal.description);
  const blueprint = read.descriptor.vnfds[0]?.blueprint;
  if (blueprint === undefined) throw new WireError(400, "Invalid content 'vnf' holds no VNF");
  const vnf = vnfOf(body, { uuid: randomUUID(), tenantId: tenant.uuid, blueprint, now: call.doors.now() });
  await insertOmVnf(call.doors.db, vnf);
  return { vnf: vnfOut(vnf) };
}

export async function deleteVnf(call: Call) {
  const { uuid, name } = oneOf(await ownedBy(call), call.params.vnf!, "VNF");
  const uses = await readUsesOfOmVnf(call.doors.db, uuid);
  const told = uses.map((u) =>
    call.tenantId === null || u.tenantId === call.tenantId ? u.what : "something of another tenant's",
  );
  if (told.length > 0) throw inUse(`it is used by ${[...new Set(told)].join(", ")}`);
  await deleteOmVnf(call.doors.db, uuid);
  return { result: `VNF ${uuid} ${name} deleted` };
}

/** What is public everybody sees, and its owner deletes. */
async function ownedBy(call: Call): Promise<OmVnf[]> {
  const tenant = await tenantOrAny(call);
  return (await seenVnfs(call)).filter((v) => tenant === null || v.tenantId === tenant.uuid);
}
