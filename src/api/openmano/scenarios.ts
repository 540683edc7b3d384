import { randomUUID } from "node:crypto";
import type { OmScenario, OmVm, OmVnf } from "../../model/openmano.ts";
import { deleteOmScenario, insertOmScenario, readOmScenarios, updateOmScenario } from "../../store/mano-openmano.ts";
import type { Columns, Wire } from "../query.ts";
import { WireError } from "../wire-error.ts";
import { checked, scenarioChange } from "./bodies.ts";
import type { Call } from "./call.ts";
import { isSeenBy, matching, tenantOf, tenantOrAny } from "./find.ts";
import { formOf, netsOf, normalBlueprint, normalForm, sceVnfsOf, vnfsOf } from "./scenario-form.ts";
import { rowsOf, timeOf } from "./shapes.ts";
import { seenVnfs } from "./vnfs.ts";

const COLUMNS: Columns = { shown: ["uuid", "name", "osm_id", "description", "tenant_id", "created_at", "public"] };

const headOf = (s: OmScenario): Wire => ({
  uuid: s.uuid,
  name: s.name,
  osm_id: null,
  description: s.description,
  tenant_id: s.tenantId,
  created_at: timeOf(s.createdAt),
  public: s.public,
});

function scenarioOut(s: OmScenario, vnfs: readonly OmVnf[]): Wire {
  return {
    ...headOf(s),
    short_name: null,
    vendor: null,
    modified_at: timeOf(s.modifiedAt),
    descriptor: null,
    vnfs: s.vnfs.map((of) => {
      const vnf = vnfs.find((v) => v.uuid === of.vnfId);
      return {
        uuid: of.uuid,
        name: of.name,
        member_vnf_index: null,
        vnf_id: of.vnfId,
        description: of.description,
        mgmt_access: null,
        interfaces: of.interfaces.map((i) => ({
          uuid: i.uuid,
          sce_net_id: i.sceNetId,
          interface_id: i.interfaceId,
          external_name: i.externalName,
          ip_address: i.ipAddress,
        })),
        vms: (vnf?.vms ?? []).map(vmOut),
        nets: (vnf?.nets ?? []).map(({ uuid, name, type, description, ipProfile }) => ({
          ...{ uuid, name, type, description, osm_id: null },
          ...(ipProfile && { ip_profile: ipProfile }),
        })),
      };
    }),
    nets: s.nets.map((n) => ({
      uuid: n.uuid,
      name: n.name,
      type: n.type,
      external: n.external,
      description: n.description,
      vim_network_name: n.vimNetworkName,
      osm_id: null,
      ...(n.ipProfile && { ip_profile: n.ipProfile }),
      ...(n.external && { vim_id: null }),
    })),
    vnffgs: [],
  };
}

const vmOut = (vm: OmVm): Wire => ({
  uuid: vm.uuid,
  flavor_id: vm.flavorId,
  image_id: vm.imageId,
  name: vm.name,
  description: vm.description,
  count: vm.count,
  availability_zone: vm.availabilityZone,
  osm_id: null,
  pdu_type: null,
  ...(vm.bootData !== null && { boot_data: vm.bootData }),
  interfaces: vm.interfaces.map((i) => ({
    uuid: i.uuid,
    internal_name: i.internalName,
    external_name: i.externalName,
    net_id: i.netId,
    type: i.type,
    vpci: i.vpci,
    mac: i.mac,
    bw: i.bw,
    model: i.model,
    ip_address: i.ipAddress,
    "port-security": i.portSecurity,
    "floating-ip": i.floatingIp,
  })),
});

export async function seenScenarios(call: Call): Promise<OmScenario[]> {
  const tenant = await tenantOrAny(call);
  return (await readOmScenarios(call.doors.db)).filter((s) => isSeenBy(tenant, s));
}

/** What is public everybody sees, and its owner changes and deletes. */
async function ownScenarios(call: Call): Promise<OmScenario[]> {
  const tenant = await tenantOrAny(call);
  return (await seenScenarios(call)).filter((s) => tenant === null || s.tenantId === tenant.uuid);
}

export async function listScenarios(call: Call) {
  return { scenarios: rowsOf((await seenScenarios(call)).map(headOf), call.query, COLUMNS) };
}

/** The one meant, in the words of whoever asks. Throws that error, or 409 where several have the name. */
export function scenarioNamed(seen: readonly OmScenario[], asked: string, missing: WireError): OmScenario {
  const found = matching(seen, asked);
  if (found.length === 0) throw missing;
  if (found.length > 1) throw new WireError(409, `More than one scenario found with this criteria name='${asked}'`);
  return found[0]!;
}

/** An unknown one is 400 here and 404 where it is to be deleted, as in the original: clients tell their users so. */
const noCriteria = (asked: string) => new WireError(400, `No scenario found with this criteria uuid='${asked}'`);

export async function namedScenario(call: Call, asked = call.params.scenario!): Promise<OmScenario> {
  return scenarioNamed(await seenScenarios(call), asked, noCriteria(asked));
}

export async function getScenario(call: Call) {
  return { scenario: scenarioOut(await namedScenario(call), await seenVnfs(call)) };
}

export async function makeScenario(call: Call) {
  const body = call.body();
  const tenant = await tenantOf(call);
  const isScenario = typeof body === "object" && body !== null && ("scenario" in body || "topology" in body);
  if (!isScenario) throw new WireError(400, "Invalid content 'scenario' is a required property");
  const seen = await seenVnfs(call);
  await refuseFlawed(call, JSON.stringify(body), body, seen);
  const form = formOf(body);
  const vnfs = vnfsOf(form, seen);
  const nets = netsOf(form, vnfs);
  const blueprints = [...new Set(vnfs.values())].map(normalBlueprint);
  const read = await call.doors.readDescriptor(normalForm(form, vnfs, nets), blueprints);
  if ("refusal" in read) throw new WireError(read.refusal.code, read.refusal.description);
  const [nsd] = read.descriptor.nsds;
  const vnfd = read.descriptor.vnfds.find((v) => v.id === nsd?.vnfd);
  if (nsd === undefined || vnfd === undefined) throw new WireError(400, "Invalid content 'scenario' has no VNF");
  const now = call.doors.now();
  const { name, description } = form;
  const scenario: OmScenario = {
    ...{ uuid: randomUUID(), tenantId: tenant.uuid, name, description, public: form.public, createdAt: now, modifiedAt: now },
    ...{ vnfs: sceVnfsOf(form, vnfs, nets), nets, nsd, vnfd },
  };
  await insertOmScenario(call.doors.db, scenario);
  return { scenario: scenarioOut(scenario, [...vnfs.values()]) };
}

/** As it was written, so that what is wrong is told where it stands there. */
async function refuseFlawed(call: Call, text: string, body: unknown, seen: readonly OmVnf[]): Promise<void> {
  const form = formOf(body);
  const referred = seen.filter((v) => form.vnfs.some((f) => f.ref === v.name || f.ref === v.uuid));
  const byName = referred.map((v) => ({ ...v.blueprint, id: form.vnfs.some((f) => f.ref === v.uuid) ? v.uuid : v.name }));
  const read = await call.doors.readDescriptor(text, byName);
  if (!("refusal" in read)) return;
  // As the original: what is no scenario first, then VNFs that there are not, then how they are joined.
  if (!/ is a required property| was unexpected\)/.test(read.refusal.description)) vnfsOf(form, seen);
  throw new WireError(read.refusal.code, read.refusal.description);
}

export async function changeScenario(call: Call) {
  const { name, description } = checked(scenarioChange, call.body()).scenario;
  const asked = call.params.scenario!;
  const had = scenarioNamed(await ownScenarios(call), asked, noCriteria(asked));
  const scenario: OmScenario = {
    ...had,
    name: name ?? had.name,
    description: description === undefined ? had.description : description,
    modifiedAt: call.doors.now(),
  };
  await updateOmScenario(call.doors.db, scenario);
  return { scenario: scenarioOut(scenario, await seenVnfs(call)) };
}

/** Instances of it go on: they have all that they need of it themselves. */
export async function deleteScenario(call: Call) {
  const asked = call.params.scenario!;
  const { uuid, name } = scenarioNamed(
    await ownScenarios(call),
    asked,
    new WireError(404, `No scenario found where uuid='${asked}'`),
  );
  await deleteOmScenario(call.doors.db, uuid);
  return { result: `scenario ${uuid} ${name} deleted` };
}
