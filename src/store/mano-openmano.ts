import { sql } from "kysely";
import type {
  OmAction,
  OmAttachment,
  OmDatacenter,
  OmInstance,
  OmNetmap,
  OmScenario,
  OmSdnController,
  OmTenant,
  OmVnf,
} from "../model/openmano.ts";
import type { ManoStore } from "./mano-schema.ts";

// Rows of OpenMANO's nouns: keys and references as columns, all of it as a body. Lists are in the order in which they were made.

const bodies = <T>(rows: readonly { readonly body: string }[]): T[] => rows.map((r) => JSON.parse(r.body) as T);
const bodyOf = <T>(row: { readonly body: string } | undefined): T | undefined =>
  row === undefined ? undefined : (JSON.parse(row.body) as T);

export async function readOmTenants(db: ManoStore): Promise<OmTenant[]> {
  return bodies(await db.selectFrom("openmano_tenant").select("body").orderBy("rowid").execute());
}

export async function insertOmTenant(db: ManoStore, tenant: OmTenant): Promise<void> {
  const { uuid, name } = tenant;
  await db
    .insertInto("openmano_tenant")
    .values({ uuid, name, body: JSON.stringify(tenant) })
    .execute();
}

export async function updateOmTenant(db: ManoStore, tenant: OmTenant): Promise<void> {
  const { uuid, name } = tenant;
  await db
    .updateTable("openmano_tenant")
    .set({ name, body: JSON.stringify(tenant) })
    .where("uuid", "=", uuid)
    .execute();
}

export async function deleteOmTenant(db: ManoStore, uuid: string): Promise<void> {
  await db.deleteFrom("openmano_tenant").where("uuid", "=", uuid).execute();
}

export async function readOmDatacenters(db: ManoStore): Promise<OmDatacenter[]> {
  return bodies(await db.selectFrom("openmano_datacenter").select("body").orderBy("rowid").execute());
}

export async function upsertOmDatacenter(db: ManoStore, datacenter: OmDatacenter): Promise<void> {
  const { uuid, name } = datacenter;
  const body = JSON.stringify(datacenter);
  await db
    .insertInto("openmano_datacenter")
    .values({ uuid, name, body })
    .onConflict((c) => c.column("uuid").doUpdateSet({ name, body }))
    .execute();
}

export async function deleteOmDatacenter(db: ManoStore, uuid: string): Promise<void> {
  await db.deleteFrom("openmano_datacenter").where("uuid", "=", uuid).execute();
}

export async function readOmAttachments(db: ManoStore): Promise<OmAttachment[]> {
  return bodies(await db.selectFrom("openmano_attachment").select("body").orderBy("rowid").execute());
}

export async function upsertOmAttachment(db: ManoStore, attachment: OmAttachment): Promise<void> {
  const { uuid, tenantId: tenant_id, datacenterId: datacenter_id } = attachment;
  const body = JSON.stringify(attachment);
  await db
    .insertInto("openmano_attachment")
    .values({ uuid, tenant_id, datacenter_id, body })
    .onConflict((c) => c.column("uuid").doUpdateSet({ body }))
    .execute();
}

export async function deleteOmAttachment(db: ManoStore, uuid: string): Promise<void> {
  await db.deleteFrom("openmano_attachment").where("uuid", "=", uuid).execute();
}

export async function readOmNetmaps(db: ManoStore, datacenterId: string): Promise<OmNetmap[]> {
  const rows = db.selectFrom("openmano_netmap").select("body").where("datacenter_id", "=", datacenterId);
  return bodies(await rows.orderBy("rowid").execute());
}

/** All of them or none. */
export async function insertOmNetmaps(db: ManoStore, netmaps: readonly OmNetmap[]): Promise<void> {
  if (netmaps.length === 0) return;
  const rows = netmaps.map((n) => ({ uuid: n.uuid, datacenter_id: n.datacenterId, name: n.name, body: JSON.stringify(n) }));
  await db.insertInto("openmano_netmap").values(rows).execute();
}

export async function updateOmNetmap(db: ManoStore, netmap: OmNetmap): Promise<void> {
  const { uuid, name } = netmap;
  await db
    .updateTable("openmano_netmap")
    .set({ name, body: JSON.stringify(netmap) })
    .where("uuid", "=", uuid)
    .execute();
}

export async function deleteOmNetmaps(db: ManoStore, uuids: readonly string[]): Promise<void> {
  for (const uuid of uuids) await db.deleteFrom("openmano_netmap").where("uuid", "=", uuid).execute();
}

export async function readOmVnfs(db: ManoStore): Promise<OmVnf[]> {
  return bodies(await db.selectFrom("openmano_vnf").select("body").orderBy("rowid").execute());
}

export async function insertOmVnf(db: ManoStore, vnf: OmVnf): Promise<void> {
  const { uuid, tenantId: tenant_id, name } = vnf;
  await db
    .insertInto("openmano_vnf")
    .values({ uuid, tenant_id, name, body: JSON.stringify(vnf) })
    .execute();
}

export async function deleteOmVnf(db: ManoStore, uuid: string): Promise<void> {
  await db.deleteFrom("openmano_vnf").where("uuid", "=", uuid).execute();
}

/** What a VNF is used by, in words. */
export async function readUsesOfOmVnf(
  db: ManoStore,
  vnfId: string,
): Promise<{ readonly what: string; readonly tenantId: string | null }[]> {
  const rows = await db
    .selectFrom("openmano_vnf_use")
    .leftJoin("openmano_scenario", "openmano_scenario.uuid", "openmano_vnf_use.scenario_id")
    .leftJoin("openmano_instance", "openmano_instance.uuid", "openmano_vnf_use.instance_id")
    .select(["openmano_scenario.name as scenario", "openmano_instance.name as instance"])
    .select((e) => e.fn.coalesce("openmano_scenario.tenant_id", "openmano_instance.tenant_id").as("tenant"))
    .where("openmano_vnf_use.vnf_id", "=", vnfId)
    .execute();
  return rows.map((r) => ({
    what: r.scenario === null ? `instance '${r.instance}'` : `scenario '${r.scenario}'`,
    tenantId: r.tenant,
  }));
}

export async function readOmScenarios(db: ManoStore): Promise<OmScenario[]> {
  return bodies(await db.selectFrom("openmano_scenario").select("body").orderBy("rowid").execute());
}

export async function insertOmScenario(db: ManoStore, scenario: OmScenario): Promise<void> {
  const { uuid, tenantId: tenant_id, name, vnfs } = scenario;
  await db.transaction().execute(async (tx) => {
    await tx
      .insertInto("openmano_scenario")
      .values({ uuid, tenant_id, name, body: JSON.stringify(scenario) })
      .execute();
    const uses = vnfs.map((v) => ({ vnf_id: v.vnfId, scenario_id: uuid, instance_id: null }));
    await tx.insertInto("openmano_vnf_use").values(uses).execute();
  });
}

export async function updateOmScenario(db: ManoStore, scenario: OmScenario): Promise<void> {
  const { uuid, name } = scenario;
  await db
    .updateTable("openmano_scenario")
    .set({ name, body: JSON.stringify(scenario) })
    .where("uuid", "=", uuid)
    .execute();
}

export async function deleteOmScenario(db: ManoStore, uuid: string): Promise<void> {
  await db.deleteFrom("openmano_scenario").where("uuid", "=", uuid).execute();
}

/** Those that are being taken away too. */
export async function readOmInstances(db: ManoStore): Promise<OmInstance[]> {
  return bodies(await db.selectFrom("openmano_instance").select("body").orderBy("rowid").execute());
}

export async function readOmInstance(db: ManoStore, uuid: string): Promise<OmInstance | undefined> {
  return bodyOf(await db.selectFrom("openmano_instance").select("body").where("uuid", "=", uuid).executeTakeFirst());
}

/** With the action that it comes by. */
export async function insertOmInstance(db: ManoStore, instance: OmInstance, action: OmAction): Promise<void> {
  const { uuid, tenantId: tenant_id, attachmentId: attachment_id, name, vnfs } = instance;
  await db.transaction().execute(async (tx) => {
    await tx
      .insertInto("openmano_instance")
      .values({ uuid, tenant_id, attachment_id, name, body: JSON.stringify(instance) })
      .execute();
    const uses = vnfs.map((v) => ({ vnf_id: v.vnfId, scenario_id: null, instance_id: uuid }));
    await tx.insertInto("openmano_vnf_use").values(uses).execute();
    await upsertOmAction(tx, action);
  });
}

/** From then on it is to be no more; its VNFs are free. */
export async function removeOmInstance(db: ManoStore, uuid: string, action: OmAction): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const body = sql<string>`json_set(body, '$.state', 'REMOVED')`;
    await tx.updateTable("openmano_instance").set({ body }).where("uuid", "=", uuid).execute();
    await tx.deleteFrom("openmano_vnf_use").where("instance_id", "=", uuid).execute();
    await upsertOmAction(tx, action);
  });
}

/** The first reason stays. */
export async function failOmInstance(db: ManoStore, uuid: string, why: string): Promise<void> {
  const body = sql<string>`json_set(body, '$.failed', coalesce(json_extract(body, '$.failed'), ${why}))`;
  await db.updateTable("openmano_instance").set({ body }).where("uuid", "=", uuid).execute();
}

export async function deleteOmInstance(db: ManoStore, uuid: string): Promise<void> {
  await db.deleteFrom("openmano_instance").where("uuid", "=", uuid).execute();
}

export async function readOmActions(db: ManoStore): Promise<OmAction[]> {
  return bodies(await db.selectFrom("openmano_action").select("body").orderBy("rowid").execute());
}

export async function upsertOmAction(db: ManoStore, action: OmAction): Promise<void> {
  const { uuid, tenantId: tenant_id, instanceId: instance_id } = action;
  const body = JSON.stringify(action);
  await db
    .insertInto("openmano_action")
    .values({ uuid, tenant_id, instance_id, body })
    .onConflict((c) => c.column("uuid").doUpdateSet({ body }))
    .execute();
}

export async function readOmSdnControllers(db: ManoStore): Promise<OmSdnController[]> {
  return bodies(await db.selectFrom("openmano_sdn_controller").select("body").orderBy("rowid").execute());
}

export async function upsertOmSdnController(db: ManoStore, controller: OmSdnController): Promise<void> {
  const { uuid, tenantId: tenant_id, name } = controller;
  const body = JSON.stringify(controller);
  await db
    .insertInto("openmano_sdn_controller")
    .values({ uuid, tenant_id, name, body })
    .onConflict((c) => c.column("uuid").doUpdateSet({ name, body }))
    .execute();
}

export async function deleteOmSdnController(db: ManoStore, uuid: string): Promise<void> {
  await db.deleteFrom("openmano_sdn_controller").where("uuid", "=", uuid).execute();
}
