import { type Kysely, sql, type Transaction } from "kysely";
import type { KeptProtection } from "../model/armed.ts";
import type { FlavorId, HostId, ImageId, NetId, TenantId, VimPortId } from "../model/ids.ts";
import type { Flavor, Host, Image, Leftover, Server, ServerPort, Tenant, VimNet } from "../model/vim-picture.ts";
import { updateRows } from "./update-rows.ts";
import { flavorRow, hostRow, imageRow, leftoverRow, netRow, portRow, protectionRow, serverRow, tenantRow } from "./vim-rows.ts";
import type { VimDb } from "./vim-schema.ts";

export type VimStore = Kysely<VimDb>;
type Writer = VimStore | Transaction<VimDb>;

/** Everything but the events, as it was last acknowledged, of one moment. */
export function readPicture(db: VimStore) {
  return db.transaction().execute(readTables);
}

async function readTables(db: Writer) {
  const pages = inPages();
  return {
    tenants: (await db.selectFrom("tenants").selectAll().execute()).map(tenantRow.fromRow),
    hosts: (await db.selectFrom("hosts").selectAll().orderBy("created_at").execute()).map(hostRow.fromRow),
    images: (await db.selectFrom("images").selectAll().orderBy("created_at").execute()).map(imageRow.fromRow),
    flavors: (await db.selectFrom("flavors").selectAll().execute()).map(flavorRow.fromRow),
    nets: await pages(
      (n, from) => db.selectFrom("nets").selectAll().orderBy("created_at").orderBy(ROWID).limit(n).offset(from).execute(),
      netRow.fromRow,
    ),
    servers: (await db.selectFrom("servers").selectAll().orderBy("created_at").execute()).map(serverRow.fromRow),
    ports: await pages(
      (n, from) => db.selectFrom("ports").selectAll().orderBy(ROWID).limit(n).offset(from).execute(),
      portRow.fromRow,
    ),
    protections: (await db.selectFrom("protections").selectAll().execute()).map((row) => asOfNow(protectionRow.fromRow(row))),
    leftovers: (await db.selectFrom("leftovers").selectAll().execute()).map(leftoverRow.fromRow),
  };
}

const ROWID = sql<number>`rowid`;
const PAGE_ROWS = 2_000;

/** What other rows name a row by. */
const NAMES: ReadonlySet<string> = new Set(["id", "tenant_id", "net_id", "server_id", "bind_net", "copy_net"]);

/**
 * Tables that may be large. Rows are in the memory of two threads until they are made into what they stand for: so many at a time. A text
 * that stands in many rows (a net's id, a state) comes from the other thread once for each: one of them is kept.
 */
function inPages() {
  const names = new Map<unknown, unknown>();
  const once = (name: unknown): unknown => {
    const known = names.get(name);
    if (known === undefined) names.set(name, name);
    return known ?? name;
  };
  const share = (row: Record<string, unknown>, before: Record<string, unknown>): void => {
    for (const column in row) {
      if (row[column] === before[column]) row[column] = before[column];
      else if (NAMES.has(column)) row[column] = once(row[column]);
    }
  };
  return async <Row extends object, Thing>(
    read: (limit: number, offset: number) => Promise<Row[]>,
    fromRow: (row: Row) => Thing,
  ): Promise<Thing[]> => {
    const things: Thing[] = [];
    let next = read(PAGE_ROWS, 0);
    let before = {};
    for (let from = PAGE_ROWS; ; from += PAGE_ROWS) {
      const rows = await next;
      if (rows.length === PAGE_ROWS) next = read(PAGE_ROWS, from); // The other thread reads it while this one makes things of the last.
      for (const row of rows) {
        share(row as Record<string, unknown>, before);
        things.push(fromRow(row));
        before = row;
      }
      if (rows.length < PAGE_ROWS) return things;
    }
  };
}

/** Protections written before there were pools name no capacity and no second choice. */
const asOfNow = (p: KeptProtection): KeptProtection => ({
  ...p,
  members: p.members.map((m) => ({ ...m, capacity: m.capacity ?? null })),
  plans: p.plans.map((plan) => ({ ...plan, moves: plan.moves.map((m) => ({ ...m, orElse: m.orElse ?? [] })) })),
});

// save…: the row as it should stand, whether it is new or not.

export async function saveTenant(db: Writer, tenant: Tenant): Promise<void> {
  const row = tenantRow.toRow(tenant);
  await db
    .insertInto("tenants")
    .values(row)
    .onConflict((c) => c.column("id").doUpdateSet(row))
    .execute();
}

export async function saveHost(db: Writer, host: Host): Promise<void> {
  const row = hostRow.toRow(host);
  await db
    .insertInto("hosts")
    .values(row)
    .onConflict((c) => c.column("id").doUpdateSet(row))
    .execute();
}

export async function saveImage(db: Writer, image: Image): Promise<void> {
  const row = imageRow.toRow(image);
  await db
    .insertInto("images")
    .values(row)
    .onConflict((c) => c.column("id").doUpdateSet(row))
    .execute();
}

export async function saveFlavor(db: Writer, flavor: Flavor): Promise<void> {
  const row = flavorRow.toRow(flavor);
  await db
    .insertInto("flavors")
    .values(row)
    .onConflict((c) => c.column("id").doUpdateSet(row))
    .execute();
}

/** With ports of it that change by it: all or none. */
export async function saveNet(db: VimStore, net: VimNet, ports: readonly ServerPort[] = []): Promise<void> {
  const row = netRow.toRow(net);
  await db.transaction().execute(async (tx) => {
    await tx
      .insertInto("nets")
      .values(row)
      .onConflict((c) => c.column("id").doUpdateSet(row))
      .execute();
    for (const port of ports) await savePort(tx, port);
  });
}

export async function savePort(db: Writer, port: ServerPort): Promise<void> {
  const row = portRow.toRow(port);
  await db
    .insertInto("ports")
    .values(row)
    .onConflict((c) => c.column("id").doUpdateSet(row))
    .execute();
}

/** Only what is there: a server that was deleted in the meantime stays deleted. */
export async function updateServer(db: Writer, server: Server): Promise<void> {
  const { id, ...row } = serverRow.toRow(server);
  await db.updateTable("servers").set(row).where("id", "=", id).execute();
}

/** States of servers and ports, in one transaction. */
export async function updateStates(db: VimStore, servers: readonly Server[], ports: readonly ServerPort[]): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await updateRows(tx, "servers", servers.map(serverRow.toRow));
    await updateRows(tx, "ports", ports.map(portRow.toRow));
  });
}

export async function updateBind(db: Writer, net: VimNet): Promise<void> {
  const row = { bind_net: net.bindNet, bind_vlan: net.bindVlan, copy_net: net.copyNet };
  await db.updateTable("nets").set(row).where("id", "=", net.id).execute();
}

/** A server and its link ports, both or neither. */
export async function insertServer(db: VimStore, server: Server, ports: readonly ServerPort[]): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await tx.insertInto("servers").values(serverRow.toRow(server)).execute();
    for (const port of ports) await savePort(tx, port);
  });
}

/** Its ports go with it; what is left on the host is remembered until it is gone too. */
export async function deleteServer(db: VimStore, left: Leftover): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await tx.deleteFrom("servers").where("id", "=", left.serverId).execute();
    await saveLeftover(tx, left);
  });
}

/** A server on another host, its ports where they are in the switch now, and what is left behind: all or nothing. */
export async function moveServer(db: VimStore, server: Server, ports: readonly ServerPort[], left: Leftover): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await updateServer(tx, server);
    for (const { id, switchPort, mac } of ports)
      await tx.updateTable("ports").set({ switch_port: switchPort, mac }).where("id", "=", id).execute();
    await saveLeftover(tx, left);
  });
}

async function saveLeftover(db: Writer, left: Leftover): Promise<void> {
  const row = leftoverRow.toRow(left);
  await db
    .insertInto("leftovers")
    .values(row)
    .onConflict((c) => c.columns(["server_id", "host_id"]).doUpdateSet(row))
    .execute();
}

export async function deleteLeftover(db: VimStore, { serverId, hostId }: Leftover): Promise<void> {
  await db.deleteFrom("leftovers").where("server_id", "=", serverId).where("host_id", "=", hostId).execute();
}

/** Flavors and images that were linked to it: as they stand without it, or null where they go with it. All or nothing. */
export async function deleteTenant(
  db: VimStore,
  id: TenantId,
  linked: {
    readonly flavors: readonly { readonly id: FlavorId; readonly left: Flavor | null }[];
    readonly images: readonly { readonly id: ImageId; readonly left: Image | null }[];
  },
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    for (const f of linked.flavors) await (f.left === null ? deleteFlavor(tx, f.id) : saveFlavor(tx, f.left));
    for (const i of linked.images) await (i.left === null ? deleteImage(tx, i.id) : saveImage(tx, i.left));
    await tx.deleteFrom("tenants").where("id", "=", id).execute();
  });
}

/** For good: what servers left on it is nobody's any more. */
export async function deleteHost(db: VimStore, id: HostId): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await tx.deleteFrom("leftovers").where("host_id", "=", id).execute();
    await tx.deleteFrom("hosts").where("id", "=", id).execute();
  });
}

export async function deleteImage(db: Writer, id: ImageId): Promise<void> {
  await db.deleteFrom("images").where("id", "=", id).execute();
}

export async function deleteFlavor(db: Writer, id: FlavorId): Promise<void> {
  await db.deleteFrom("flavors").where("id", "=", id).execute();
}

/** `freed`: nets that were bound to it, as they stand without it. All or nothing. */
/** `ports`: those that go with it. */
export async function deleteNet(
  db: VimStore,
  id: NetId,
  freed: readonly VimNet[],
  ports: readonly VimPortId[] = [],
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    for (const net of freed) await updateBind(tx, net);
    for (const port of ports) await tx.deleteFrom("ports").where("id", "=", port).execute();
    await tx.deleteFrom("nets").where("id", "=", id).execute();
  });
}

export async function deletePort(db: VimStore, id: VimPortId): Promise<void> {
  await db.deleteFrom("ports").where("id", "=", id).execute();
}
