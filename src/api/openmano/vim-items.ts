import type { Wire } from "../query.ts";
import { WireError } from "../wire-error.ts";
import { checked, newVimImage, newVimNetwork, newVimTenant, outsidePort } from "./bodies.ts";
import type { Call } from "./call.ts";
import type { VimByHand, VimRow } from "./doors.ts";
import { addressOf, type Site, siteOf, tenantOrAny } from "./find.ts";
import { vimNetsFor } from "./site-nets.ts";

// What a VIM has, asked by hand: its nets, tenants and images.

interface Item {
  readonly one: string;
  /** What is shown of it, of all that a VIM may tell. */
  readonly columns: readonly string[];
  readonly list: (vim: VimByHand) => Promise<readonly VimRow[]>;
  readonly remove: (vim: VimByHand, id: string) => Promise<void>;
}

const ITEMS: Readonly<Record<string, Item>> = {
  networks: {
    one: "network",
    columns: [
      ...["name", "tenant_id", "type", "shared", "status", "last_error", "admin_state_up", "id"],
      ...["provider:vlan", "provider:physical"],
    ],
    list: (vim) => vim.networks(),
    remove: (vim, id) => vim.removeNetwork(id),
  },
  tenants: {
    one: "tenant",
    columns: ["name", "description", "enabled", "id"],
    list: (vim) => vim.tenants(),
    remove: (vim, id) => vim.removeTenant(id),
  },
  images: {
    one: "image",
    columns: ["name", "description", "path", "public", "checksum", "status", "id"],
    list: (vim) => vim.images(),
    remove: (vim, id) => vim.removeImage(id),
  },
};

function itemOf({ params }: Call): Item {
  const item = Object.hasOwn(ITEMS, params.item!) ? ITEMS[params.item!] : undefined;
  if (item === undefined) throw new WireError(405, `${params.item}?`);
  return item;
}

const shown = ({ columns }: Item, row: VimRow): Wire =>
  Object.fromEntries(columns.flatMap((c) => (c in row ? [[c, row[c]]] : [])));

const siteAsked = async (call: Call): Promise<Site> => siteOf(call, await tenantOrAny(call), call.params.datacenter);

async function atVim<T>(call: Call, ask: (vim: VimByHand) => Promise<T>): Promise<T> {
  return call.doors.withVim(addressOf(await siteAsked(call)), ask);
}

/** As far as who asks may know of them: a tenant of its own tenant there, and of no other. */
async function rowsFor(call: Call, item: Item): Promise<readonly VimRow[]> {
  const site = await siteAsked(call);
  if (item.one === "network") return vimNetsFor(call, site);
  const rows = await call.doors.withVim(addressOf(site), item.list);
  const isHidden = call.tenantId !== null && item.one === "tenant";
  return isHidden ? rows.filter((row) => row.id === site.attachment.vimTenantId) : rows;
}

export async function listVimItems(call: Call) {
  const item = itemOf(call);
  const rows = await rowsFor(call, item);
  return { [call.params.item!]: rows.map((row) => shown(item, row)) };
}

/** It by itself; where several have the name a list of them, as the original answers. */
export async function getVimItem(call: Call) {
  const item = itemOf(call);
  const found = allNamed(call, await rowsFor(call, item)).map((row) => shown(item, row));
  return found.length === 1 ? { [item.one]: found[0] } : { [call.params.item!]: found };
}

/** Throws 404 for none. */
function allNamed({ params }: Call, all: readonly VimRow[]): VimRow[] {
  const asked = params.name!;
  const byId = all.filter((row) => row.id === asked);
  const found = byId.length > 0 ? byId : all.filter((row) => row.name === asked);
  if (found.length === 0) throw new WireError(404, `No ${params.item} found with name '${asked}'`);
  return found;
}

async function namedAt(call: Call, item: Item, vim: VimByHand): Promise<VimRow> {
  const { params } = call;
  const asked = params.name!;
  const found = allNamed(call, await item.list(vim));
  if (found.length === 1) return found[0]!;
  throw new WireError(409, `More than one ${params.item} found with name '${asked}': use its id`);
}

export async function makeVimItem(call: Call) {
  const item = itemOf(call);
  if (item.one === "network") {
    const { name, type = "bridge", shared = false, vlan = null } = checked(newVimNetwork, call.body()).network;
    const kind = type === "bridge" ? "bridge_data" : type;
    const wish = { name, type: kind, shared, ...(vlan !== null && { "provider:vlan": vlan }) };
    const made = await atVim(call, (vim) => vim.makeNetwork(wish));
    return { network: shown(item, made) };
  }
  if (item.one === "tenant") {
    const { name, description = "" } = checked(newVimTenant, call.body()).tenant;
    return { tenant: shown(item, await atVim(call, (vim) => vim.makeTenant(name, description))) };
  }
  const { image } = checked(newVimImage, call.body());
  return { image: shown(item, await atVim(call, (vim) => vim.makeImage(image))) };
}

/** A port of the switch by which a net of the VIM leads outside. */
export async function attachOutside(call: Call) {
  const { port, vlan = null, mac = null } = checked(outsidePort, call.body());
  const made = await atVim(call, async (vim) => {
    const net = await namedAt(netsCall(call), ITEMS.networks!, vim);
    return vim.makeOutsidePort(String(net.id), { port, vlan, mac });
  });
  return { result: `port ${String(made.id)} attached` };
}

/** One, or all of the net. */
export async function detachOutside(call: Call) {
  const asked = call.params.port;
  const gone = await atVim(call, async (vim) => {
    const net = await namedAt(netsCall(call), ITEMS.networks!, vim);
    const ports = await vim.outsidePorts(String(net.id));
    const found = asked === undefined ? ports : ports.filter((p) => p.id === asked || p.name === asked);
    if (asked !== undefined && found.length === 0)
      throw new WireError(404, `No port found with name '${asked}' at network '${call.params.name}'`);
    for (const p of found) await vim.removeOutsidePort(String(p.id));
    return found.length;
  });
  return { result: `${gone} ports detached` };
}

const netsCall = (call: Call): Call => ({ ...call, params: { ...call.params, item: "networks" } });

export async function deleteVimItem(call: Call) {
  const item = itemOf(call);
  const { id, name } = await atVim(call, async (vim) => {
    const row = await namedAt(call, item, vim);
    await item.remove(vim, String(row.id));
    return row;
  });
  return { result: `${item.one} ${String(id)} ${String(name)} deleted` };
}
