import { randomUUID } from "node:crypto";
import type { OmNetmap } from "../../model/openmano.ts";
import { deleteOmNetmaps, insertOmNetmaps, readOmNetmaps, updateOmNetmap } from "../../store/mano-openmano.ts";
import { WireError } from "../wire-error.ts";
import { checked, datacenterAction, netmapChange, newNetmap } from "./bodies.ts";
import type { Call } from "./call.ts";
import type { VimRow } from "./doors.ts";
import { addressOf, matching, netmapOf, type Site, siteOf, tenantOrAny } from "./find.ts";
import { NETMAP_COLUMNS, netmapOut, rowsOf } from "./shapes.ts";

const siteOfPath = async (call: Call): Promise<Site> => siteOf(call, await tenantOrAny(call), call.params.datacenter);

export async function listNetmaps(call: Call) {
  const { datacenter } = await siteOfPath(call);
  const netmaps = await readOmNetmaps(call.doors.db, datacenter.uuid);
  return { netmaps: rowsOf(netmaps.map(netmapOut), call.query, NETMAP_COLUMNS) };
}

export async function getNetmap(call: Call) {
  const { datacenter } = await siteOfPath(call);
  return { netmap: netmapOut(netmapOf(await readOmNetmaps(call.doors.db, datacenter.uuid), call.params.netmap!)) };
}

const TYPES: Readonly<Record<string, OmNetmap["type"]>> = { data: "data", ptp: "ptp" };

/** OpenVIM's bridge_data and bridge_man are both OpenMANO's bridge. */
function netmapOfVim(net: VimRow, { datacenter }: Site, name: string, now: string): OmNetmap {
  const type = TYPES[String(net.type)] ?? "bridge";
  return {
    uuid: randomUUID(),
    datacenterId: datacenter.uuid,
    name,
    vimNetId: String(net.id),
    type,
    shared: net.shared === true,
    multipoint: type !== "ptp",
    description: null,
    createdAt: now,
  };
}

const importedOut = (n: OmNetmap) => ({
  datacenter_id: n.datacenterId,
  name: n.name,
  vim_net_id: n.vimNetId,
  type: n.type,
  shared: n.shared,
  multipoint: n.multipoint,
  uuid: n.uuid,
  status: "OK",
});

/** All nets that the VIM shares and that are not known yet. */
export async function importNetmaps(call: Call) {
  const site = await siteOfPath(call);
  const nets = (await call.doors.withVim(addressOf(site), (vim) => vim.networks())).filter((n) => n.shared === true);
  const had = await readOmNetmaps(call.doors.db, site.datacenter.uuid);
  const isKnown = (n: VimRow) => had.some((m) => m.vimNetId === n.id || m.name === n.name);
  const firsts = nets.filter((n, i) => nets.findIndex((o) => o.name === n.name) === i);
  if (nets.length === 0) throw new WireError(404, "No shared networks found at VIM to import");
  const added = firsts.filter((n) => !isKnown(n)).map((n) => netmapOfVim(n, site, String(n.name), call.doors.now()));
  await insertOmNetmaps(call.doors.db, added);
  return { netmaps: added.map(importedOut) };
}

export async function makeNetmap(call: Call) {
  const { name, vim_id, vim_name } = checked(newNetmap, call.body()).netmap;
  const site = await siteOfPath(call);
  const asked = vim_id ?? vim_name;
  if (asked === undefined)
    throw new WireError(400, "Invalid content 'vim_id' or 'vim_name' is a required property at \"netmap\"");
  const nets = await call.doors.withVim(addressOf(site), (vim) => vim.networks());
  const found = nets.filter((n) => (vim_id !== undefined ? n.id === vim_id : n.name === vim_name));
  if (found.length === 0) throw new WireError(404, `No network found at VIM with ${vim_id ? "id" : "name"} '${asked}'`);
  if (found.length > 1) throw new WireError(409, `More than one network found at VIM with name '${asked}': use vim_id`);
  const netmap = netmapOfVim(found[0]!, site, name ?? String(found[0]!.name), call.doors.now());
  refuseTaken(await readOmNetmaps(call.doors.db, site.datacenter.uuid), netmap);
  await insertOmNetmaps(call.doors.db, [netmap]);
  return { netmaps: [importedOut(netmap)] };
}

function refuseTaken(netmaps: readonly OmNetmap[], { uuid, name }: OmNetmap): void {
  if (netmaps.some((n) => n.name === name && n.uuid !== uuid))
    throw new WireError(409, `Value  '${name}'  already in use for  'name'`);
}

export async function changeNetmap(call: Call) {
  const change = checked(netmapChange, call.body()).netmap;
  const { datacenter } = await siteOfPath(call);
  const netmaps = await readOmNetmaps(call.doors.db, datacenter.uuid);
  const had = netmapOf(netmaps, call.params.netmap!);
  const netmap = { ...had, name: change.name ?? had.name, vimNetId: change.vim_id ?? had.vimNetId };
  refuseTaken(netmaps, netmap);
  await updateOmNetmap(call.doors.db, netmap);
  return { netmap: netmapOut(netmap) };
}

/** One, or all of a datacenter. */
export async function deleteNetmaps(call: Call) {
  const { datacenter } = await siteOfPath(call);
  const netmaps = await readOmNetmaps(call.doors.db, datacenter.uuid);
  const asked = call.params.netmap;
  const gone = asked === undefined ? netmaps : [netmapOf(netmaps, asked)];
  await deleteOmNetmaps(
    call.doors.db,
    gone.map((n) => n.uuid),
  );
  return asked === undefined ? { result: `${gone.length} netmap deleted` } : { result: `netmap ${gone[0]!.uuid} deleted` };
}

/** Exactly one of check-connectivity, net-update, net-edit, net-delete. */
export async function actOnDatacenter(call: Call) {
  const action = checked(datacenterAction, call.body());
  const site = await siteOfPath(call);
  if ("check-connectivity" in action) {
    await call.doors.withVim(addressOf(site), (vim) => vim.tenants());
    return null;
  }
  if ("net-update" in action) return { result: `${await renewNetmaps(call, site)} nets updated` };
  const netmaps = await readOmNetmaps(call.doors.db, site.datacenter.uuid);
  if (action["net-delete"] !== undefined) {
    const gone = matching(netmaps, action["net-delete"].net);
    if (gone.length === 0) throw new WireError(404, `No netmap found with name '${action["net-delete"].net}'`);
    await deleteOmNetmaps(
      call.doors.db,
      gone.map((n) => n.uuid),
    );
    return { result: `${gone.length} nets deleted` };
  }
  const { net, ...change } = action["net-edit"]!;
  const netmap: OmNetmap = { ...netmapOf(netmaps, net), ...change };
  refuseTaken(netmaps, netmap);
  await updateOmNetmap(call.doors.db, netmap);
  return { result: "1 nets updated" };
}

/** What the VIM shares now: new ones come, those that are gone from it go. */
async function renewNetmaps(call: Call, site: Site): Promise<number> {
  const nets = (await call.doors.withVim(addressOf(site), (vim) => vim.networks())).filter((n) => n.shared === true);
  const had = await readOmNetmaps(call.doors.db, site.datacenter.uuid);
  const isKnown = (n: VimRow) => had.some((m) => m.vimNetId === n.id || m.name === n.name);
  const firsts = nets.filter((n, i) => nets.findIndex((o) => o.name === n.name) === i);
  const added = firsts.filter((n) => !isKnown(n)).map((n) => netmapOfVim(n, site, String(n.name), call.doors.now()));
  const gone = had.filter((m) => !nets.some((n) => n.id === m.vimNetId));
  await deleteOmNetmaps(
    call.doors.db,
    gone.map((n) => n.uuid),
  );
  await insertOmNetmaps(call.doors.db, added);
  return added.length + gone.length;
}
