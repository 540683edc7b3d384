import type { Static } from "typebox";
import type { OfcId } from "../../model/ids.ts";
import type { AskedController, ControllerTls, PortMapping, SdnController } from "../../model/sdn-controller.ts";
import { checked } from "../invalid.ts";
import { listed, type Wire, withoutNulls } from "../query.ts";
import { ofc as ofcBody, portMappings } from "./bodies.ts";
import type { Call } from "./call.ts";
import { OF_PORT_MAPPINGS, OFCS } from "./columns.ts";

// Controllers of others, and which switch ports the cards of compute nodes are cabled to. Where tokens are asked for, an administrator's.

/** In place of every password: the original answers with the password. */
const HIDDEN = "*****";

const ofcRow = (c: SdnController): Wire =>
  withoutNulls({
    ...{ id: c.id, name: c.name, dpid: c.dpid, ip: c.ip, port: c.port, type: c.kind, version: c.version, user: c.user },
    password: c.hasPassword ? HIDDEN : null,
  });

const tlsOut = ({ caCert, clientCert }: ControllerTls): Wire =>
  withoutNulls({ ca_cert: caCert, client_cert: clientCert, client_key: clientCert === null ? null : HIDDEN });

function ofcOut(c: SdnController, { doors }: Call): Wire {
  const { status, lastError } = doors.controllers.stateOf(c.id);
  const access = withoutNulls({ token: c.hasToken ? HIDDEN : null, tls: c.tls === null ? null : tlsOut(c.tls) });
  return {
    ...ofcRow(c),
    ...access,
    status,
    nets_with_same_vlan: "false",
    ...(lastError === null ? {} : { last_error: lastError }),
  };
}

type OfcIn = Static<typeof ofcBody>["ofc"];
/** A reply that is sent back changes no secret. */
const unlessHidden = <T>(secret: T): T | undefined => (secret === HIDDEN ? undefined : secret);
const asked = ({ type, password, token, tls, ...rest }: OfcIn): AskedController => ({
  ...rest,
  kind: type,
  password: unlessHidden(password),
  token: unlessHidden(token),
  tls: tls && {
    caCert: tls.ca_cert ?? null,
    clientCert: tls.client_cert ?? null,
    clientKey: unlessHidden(tls.client_key),
  },
});
/** In the echo of the original. */
const hidden = ({ password, token, tls, ...rest }: OfcIn): OfcIn => ({
  ...rest,
  ...(password !== undefined && { password: HIDDEN }),
  ...(token !== undefined && { token: token && HIDDEN }),
  ...(tls !== undefined && { tls: tls && { ...tls, ...(tls.client_key !== undefined && { client_key: HIDDEN }) } }),
});

export const listControllers = (call: Call) => ({ ofcs: listed(call.doors.controllers.list().map(ofcRow), call.query, OFCS) });

export const getController = (call: Call) => ({ ofc: ofcOut(call.doors.controllers.get(call.params.id as OfcId), call) });

export async function postController(call: Call) {
  const { ofc } = checked(ofcBody, call.body());
  return { ofc: ofcOut(await call.doors.controllers.create(asked(ofc)), call) };
}

export async function putController(call: Call) {
  const { ofc } = checked(ofcBody, call.body());
  await call.doors.controllers.edit(call.params.id as OfcId, asked(ofc));
  return { ofc: hidden(ofc) };
}

export async function deleteController(call: Call) {
  const id = call.params.id as OfcId;
  await call.doors.controllers.delete(id);
  return { result: `ofc '${id}' deleted` };
}

const mappingOut = (m: PortMapping): Wire =>
  withoutNulls({
    ...{ id: m.id, ofc_id: m.ofcId, region: m.region, compute_node: m.computeNode, pci: m.pci },
    ...{ switch_dpid: m.switchDpid, switch_port: m.switchPort, switch_mac: m.switchMac },
  });

export const listMappings = (call: Call) => ({
  of_port_mappings: listed(call.doors.controllers.mappings().map(mappingOut), call.query, OF_PORT_MAPPINGS),
});

export async function postMappings(call: Call) {
  const { of_port_mapings: rows } = checked(portMappings, call.body());
  const added = await call.doors.controllers.map(
    rows.map((m) => ({
      ofcId: (m.ofc_id as OfcId | undefined) ?? null,
      ...{ region: m.region, computeNode: m.compute_node, pci: m.pci, switchDpid: m.switch_dpid },
      ...{ switchPort: m.switch_port ?? null, switchMac: m.switch_mac ?? null },
    })),
  );
  return { of_port_mappings: added.map(mappingOut) };
}

export async function deleteMappings(call: Call) {
  const count = await call.doors.controllers.unmap(call.params.region!);
  return { result: `${count} deleted from of_port_mapping` };
}
