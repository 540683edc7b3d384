import { randomUUID } from "node:crypto";
import type { OmSdnController } from "../../model/openmano.ts";
import { deleteOmSdnController, readOmSdnControllers, upsertOmSdnController } from "../../store/mano-openmano.ts";
import type { Wire } from "../query.ts";
import { WireError } from "../wire-error.ts";
import { checked, newSdnController, sdnControllerChange } from "./bodies.ts";
import type { Call } from "./call.ts";
import { isSeenBy, oneOf, tenantOf, tenantOrAny } from "./find.ts";

// SDN controllers, kept for the clients: the switches are the VIM's, which has its own (`POST /openvim/openflow/controller`).

const out = ({ uuid, name, body }: OmSdnController): Wire => ({
  uuid,
  name,
  user: body.user ?? null,
  dpid: body.dpid ?? null,
  version: body.version ?? null,
  url: body.url ?? (body.ip === undefined ? null : `${String(body.ip)}:${String(body.port ?? "")}`),
  type: body.type ?? null,
});

async function ownOf(call: Call): Promise<OmSdnController[]> {
  const tenant = await tenantOrAny(call);
  return (await readOmSdnControllers(call.doors.db)).filter((c) => isSeenBy(tenant, c));
}

const LISTED = ["uuid", "name", "user", "dpid", "version"];

export async function listSdnControllers(call: Call) {
  const rows = (await ownOf(call)).map(out);
  return { sdn_controllers: rows.map((row) => Object.fromEntries(LISTED.map((key) => [key, row[key]]))) };
}

export async function getSdnController(call: Call) {
  return { sdn_controller: out(oneOf(await ownOf(call), call.params.controller!, "sdn_controller")) };
}

/** A password is not kept: nobody logs in there. */
export async function makeSdnController(call: Call) {
  const { name, password: _, ...body } = checked(newSdnController, call.body()).sdn_controller;
  const tenant = await tenantOf(call);
  const controller: OmSdnController = { uuid: randomUUID(), tenantId: tenant.uuid, name, body };
  await upsertOmSdnController(call.doors.db, controller);
  return { sdn_controller: out(controller) };
}

export async function changeSdnController(call: Call) {
  const { name, password: _, ...body } = checked(sdnControllerChange, call.body()).sdn_controller;
  const had = oneOf(await ownOf(call), call.params.controller!, "sdn_controller");
  const controller: OmSdnController = { ...had, name: name ?? had.name, body: { ...had.body, ...body } };
  await upsertOmSdnController(call.doors.db, controller);
  return { sdn_controller: out(controller) };
}

export async function deleteSdnController(call: Call) {
  const { uuid } = oneOf(await ownOf(call), call.params.controller!, "sdn_controller");
  await deleteOmSdnController(call.doors.db, uuid);
  return { result: `sdn controller ${uuid} deleted` };
}

/** No WAN is led here: there are none, and none can be added. */
export async function listNoWims(call: Call) {
  if (call.params.tenant !== undefined) await tenantOrAny(call);
  return { wims: [] };
}

export function refuseWim(): never {
  throw new WireError(501, "this MANO leads no WAN: sites are joined by links of their switches (the setting mano.links)");
}
