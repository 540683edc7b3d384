import { randomUUID } from "node:crypto";
import type { OmNetmap } from "../../model/openmano.ts";
import { deleteOmNetmaps, insertOmNetmaps, readOmNetmaps, updateOmNetmap } from "../../store/mano-openmano.ts";
import { WireError } from "../wire-error.ts";
import { checked, datacenterAction, netmapChange, newNetmap } from "./bodies.ts";
import type { Call } from "./call.ts";
import type { VimRow } from "./doors.ts";
import { addressOf, matching, netmapOf, type Site, siteOf, tenantOrAny } from "./find.ts";
import { NETMAP_COLUMNS, netmapOut, rowsOf } from "./shapes.ts";
import { netmapsFor, ownNetmap, ownsNetmap, vimNetsFor } from "./site-nets.ts";

const siteOfPath = async (call: Call): Promise<Site> => siteOf(call, await tenantOrAny(call), call.params.datacenter);

export async function listNetmaps(call: Call) {
  const netmaps = await netmapsFor(call, await siteOfPath(call));
  return { netmaps: rowsOf(netmaps.map(netmapOut), call.query, NETMAP_COLUMNS) };
}

export async function getNetmap(call: Call) {
  const netmaps = await netmapsFor(call, await siteOfPath(call));
  return { netmap: netmapOut(netmapOf(netmaps, call.params.netmap!)) };
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

/** All nets that the VIM shares and that are not known yet: they are nobody's in particular, whoever imports them. */
export async function importNetmaps(call: Call) {
  const site = await siteOfPath(call);
  const nets = await sharedNets(call, site);
  if (nets.length === 0) throw new WireError(404, "No shared networks found at VIM to import");
  const added = await newNetmaps(call, site, nets);
  await insertOmNetmaps(call.doors.db, added);
  return { netmaps: added.map(importedOut) };
}

const sharedNets = async (call: Call, site: Site): Promise<VimRow[]> =>
  (await vimNetsFor(call, site)).filter((n) => n.shared === true);

/** Of nets that the VIM shares those that are not known yet; what a tenant has mapped for itself is unknown to others, but for its name. */
async function newNetmaps(call: Call, site: Site, nets: readonly VimRow[]): Promise<OmNetmap[]> {
  const taken = new Set((await readOmNetmaps(call.doors.db, site.datacenter.uuid)).map((m) => m.name));
  const mapped = new Set((await netmapsFor(call, site)).map((m) => m.vimNetId));
  const firsts = nets.filter((n, i) => nets.findIndex((o) => o.name === n.name) === i);
  const unknown = firsts.filter((n) => !mapped.has(String(n.id)) && !taken.has(String(n.name)));
  return unknown.map((n) => netmapOfVim(n, site, String(n.name), call.doors.now()));
}

export async function makeNetmap(call: Call) {
  const { name, vim_id, vim_name } = checked(newNetmap, call.body()).netmap;
  const site = await siteOfPath(call);
  const asked = vim_id ?? vim_name;
  if (asked === undefined)
    throw new WireError(400, "Invalid content 'vim_id' or 'vim_name' is a required property at \"netmap\"");
  const nets = await vimNetsFor(call, site);
  const found = nets.filter((n) => (vim_id !== undefined ? n.id === vim_id : n.name === vim_name));
  if (found.length === 0) throw new WireError(404, `No network found at VIM with ${vim_id ? "id" : "name"} '${asked}'`);
  if (found.length > 1) throw new WireError(409, `More than one network found at VIM with name '${asked}': use vim_id`);
  const mapped = netmapOfVim(found[0]!, site, name ?? String(found[0]!.name), call.doors.now());
  const netmap = { ...mapped, ...(call.tenantId !== null && { tenantId: call.tenantId }) };
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
  const site = await siteOfPath(call);
  const had = ownNetmap(call, await netmapsFor(call, site), call.params.netmap!);
  const netmap = { ...had, name: change.name ?? had.name, vimNetId: change.vim_id ?? had.vimNetId };
  if (
    change.vim_id !== undefined &&
    call.tenantId !== null &&
    !(await vimNetsFor(call, site)).some((n) => n.id === netmap.vimNetId)
  )
    throw new WireError(404, `No network found at VIM with id '${netmap.vimNetId}'`);
  refuseTaken(await readOmNetmaps(call.doors.db, site.datacenter.uuid), netmap);
  await updateOmNetmap(call.doors.db, netmap);
  return { netmap: netmapOut(netmap) };
}

/** One, or all of a datacenter; of a tenant's token all that are its own. */
export async function deleteNetmaps(call: Call) {
  const netmaps = await netmapsFor(call, await siteOfPath(call));
  const asked = call.params.netmap;
  const gone = asked === undefined ? netmaps.filter((n) => ownsNetmap(call, n)) : [ownNetmap(call, netmaps, asked)];
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
  const netmaps = await netmapsFor(call, site);
  if (action["net-delete"] !== undefined) {
    const asked = action["net-delete"].net;
    const gone = matching(netmaps, asked).map((n) => ownNetmap(call, [n], n.uuid));
    if (gone.length === 0) throw new WireError(404, `No netmap found with name '${asked}'`);
    await deleteOmNetmaps(
      call.doors.db,
      gone.map((n) => n.uuid),
    );
    return { result: `${gone.length} nets deleted` };
  }
  const { net, ...change } = action["net-edit"]!;
  const netmap: OmNetmap = { ...ownNetmap(call, netmaps, net), ...change };
  refuseTaken(await readOmNetmaps(call.doors.db, site.datacenter.uuid), netmap);
  await updateOmNetmap(call.doors.db, netmap);
  return { result: "1 nets updated" };
}

/** What the VIM shares now: new ones come, those that are gone from it go, where they are for who asks to change. */
async function renewNetmaps(call: Call, site: Site): Promise<number> {
  const nets = await sharedNets(call, site);
  const added = await newNetmaps(call, site, nets);
  const gone = (await netmapsFor(call, site)).filter((m) => ownsNetmap(call, m) && !nets.some((n) => n.id === m.vimNetId));
  await deleteOmNetmaps(
    call.doors.db,
    gone.map((n) => n.uuid),
  );
  await insertOmNetmaps(call.doors.db, added);
  return added.length + gone.length;
}
