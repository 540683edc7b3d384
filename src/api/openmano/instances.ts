import { Fault } from "../../lib/fault.ts";
import { Turns } from "../../lib/turns.ts";
import type { CloudConfig } from "../../model/cloud-config.ts";
import type { OmAction, OmInstance, OmTenant } from "../../model/openmano.ts";
import { readOmActions, readOmAttachments, readOmDatacenters, readOmInstances } from "../../store/mano-openmano.ts";
import type { ManoStore } from "../../store/mano-schema.ts";
import { cloudConfigIn } from "../cloud-config.ts";
import type { Columns, Wire } from "../query.ts";
import { WireError } from "../wire-error.ts";
import { checked, newInstance, scenarioAction } from "./bodies.ts";
import type { Call } from "./call.ts";
import type { VimByHand, VimRow } from "./doors.ts";
import { ANY, addressOf, isSeenBy, matching, type Site, siteOf, tenantOf, tenantOrAny, whatOf } from "./find.ts";
import { type NetWish, planNets } from "./instance-nets.ts";
import { planInstance } from "./instance-plan.ts";
import { actionOut, instanceOut, NOTHING_SEEN, newInstanceOut, type Seen } from "./instance-view.ts";
import { namedScenario } from "./scenarios.ts";
import { rowsOf, timeOf } from "./shapes.ts";
import { netmapsFor, vimNetsFor } from "./site-nets.ts";
import { seenVnfs } from "./vnfs.ts";

/** How long `verify` waits for an instance to be there. */
const VERIFY_PATIENCE_MS = 25_000;

const COLUMNS: Columns = { shown: ["uuid", "name", "scenario_id", "tenant_id", "description", "created_at"] };

async function seenInstances(call: Call): Promise<OmInstance[]> {
  const tenant = await tenantOrAny(call);
  return (await readOmInstances(call.doors.db)).filter((i) => i.state === "WANTED" && isSeenBy(tenant, i));
}

export async function listInstances(call: Call) {
  const rows = (await seenInstances(call)).map((i) => ({
    uuid: i.uuid,
    name: i.name,
    scenario_id: i.scenarioId,
    tenant_id: i.tenantId,
    description: i.description,
    created_at: timeOf(i.createdAt),
  }));
  return { instances: rowsOf(rows, call.query, COLUMNS) };
}

/** Throws 404, or 409 where several have the name. */
export async function namedInstance(call: Call): Promise<OmInstance> {
  const asked = call.params.instance!;
  const found = matching(await seenInstances(call), asked);
  if (found.length === 1) return found[0]!;
  const tenant = call.params.tenant === ANY ? "" : `inst.tenant_id='${(await tenantOf(call)).uuid}' AND `;
  const [count, status] = found.length === 0 ? ["No", 404] : ["More than one", 409];
  throw new WireError(status as number, `${count} instance found where ${tenant}inst.${whatOf(asked)}='${asked}'`);
}

/** The site of an instance, whoever asks. */
export async function siteOfInstance({ doors }: Call, instance: OmInstance): Promise<Site> {
  const attachment = (await readOmAttachments(doors.db)).find((a) => a.uuid === instance.attachmentId);
  const datacenter = (await readOmDatacenters(doors.db)).find((d) => d.uuid === instance.datacenterId);
  if (!attachment || !datacenter) throw new Error(`instance ${instance.uuid} has no site`);
  return { attachment, datacenter };
}

export async function getInstance(call: Call) {
  const instance = await namedInstance(call);
  return instanceOut(instance, call.doors.nsOf(instance), await seenOf(call, instance));
}

/** What the VIM shows of it; nothing where it does not answer. */
async function seenOf(call: Call, instance: OmInstance): Promise<Seen> {
  const isReachable = call.doors.listVims().find((v) => v.id === instance.attachmentId)?.reachable ?? false;
  if (!isReachable) return NOTHING_SEEN;
  const vnfcs = call.doors.nsOf(instance)?.vnfcs ?? [];
  const site = await siteOfInstance(call, instance);
  try {
    return await call.doors.withVim(addressOf(site), async (vim) => {
      const nets = await Promise.all(
        instance.nets.map(async ({ vimNetId }) => [vimNetId, await orNull(vim.network(vimNetId))] as const),
      );
      const servers = await Promise.all(vnfcs.map(async ({ vimServerId: id }) => [id, await orNull(serverAt(vim, id))] as const));
      return { nets: present(nets), servers: present(servers) };
    });
  } catch (e) {
    if (e instanceof Fault) return NOTHING_SEEN;
    throw e;
  }
}

async function serverAt(vim: VimByHand, id: Parameters<VimByHand["server"]>[0]) {
  const [server, ports] = await Promise.all([vim.server(id), vim.portsOf(id)]);
  return { server, ports };
}

async function orNull<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (e) {
    if (e instanceof Fault && e.code === "VIM_REFUSED") return null;
    throw e;
  }
}

const present = <T>(pairs: readonly (readonly [string, T | null])[]): ReadonlyMap<string, T> =>
  new Map(pairs.flatMap(([id, value]) => (value === null ? [] : [[id, value] as const])));

export async function makeInstance(call: Call) {
  const wish = checked(newInstance, call.body()).instance;
  if (wish.scenario === undefined) throw new WireError(400, "Invalid content 'scenario' is a required property at \"instance\"");
  const tenant = await tenantOf(call);
  const siteIdOf = async (named: string | undefined) => (await siteOf(call, tenant, named)).datacenter.uuid;
  for (const [name, vnf] of Object.entries(wish.vnfs ?? {}))
    if (vnf.datacenter !== undefined && (await siteIdOf(vnf.datacenter)) !== (await siteIdOf(wish.datacenter)))
      throw new WireError(400, `instance:vnfs:${name}: 'datacenter': the VNFs of one instance go to one datacenter`);
  const nets = Object.entries(wish.networks ?? {}).map(([name, { sites, ...net }]): [string, NetWish] => [
    name,
    { ...net, ...sites?.[0] },
  ]);
  const { name, description = null, datacenter } = wish;
  const told = cloudConfigIn(wish["cloud-config"] ?? undefined, undefined) ?? null;
  const order = { name, description, datacenter, nets: Object.fromEntries(nets), isReserved: wish.action === "reserve", told };
  const { instance, action } = await orderedBy(call, tenant, wish.scenario, order);
  return { ...newInstanceOut(instance), action_id: action.uuid };
}

interface Order {
  readonly name: string;
  readonly description: string | null;
  readonly datacenter: string | undefined;
  readonly nets: Readonly<Record<string, NetWish>>;
  readonly isReserved: boolean;
  /** What cloud-init in all its VMs is told, beside what each of them is. */
  readonly told: CloudConfig | null;
}

/** Two that are asked for at once, with names that are cut to the same, must not choose one NS. */
const choices = new Turns<ManoStore>();

async function orderedBy(call: Call, tenant: OmTenant, scenarioAsked: string, order: Order) {
  const { doors } = call;
  const scenario = await namedScenario(call, scenarioAsked);
  const site = await siteOf(call, tenant, order.datacenter);
  const vnfs = await seenVnfs(call);
  for (const net of Object.keys(order.nets))
    if (!scenario.nets.some((n) => n.name === net || n.uuid === net))
      throw new WireError(400, `Invalid scenario network name or id '${net}' at instance:networks`);
  if (order.isReserved && scenario.vnfd.vdus.some((v) => v.highAvailability !== null))
    throw new WireError(400, "a scenario that is protected cannot be reserved: what is not running is healed");
  const hidden = scenario.vnfs.find((of) => !vnfs.some((v) => v.uuid === of.vnfId));
  if (hidden) throw new WireError(404, `VNF '${hidden.name}' of this scenario is its owner's alone`);
  let asked: Promise<readonly VimRow[]> | null = null;
  const vimNets = () => {
    asked ??= vimNetsFor(call, site);
    return asked;
  };
  const netmaps = await netmapsFor(call, site);
  const ground = { instance: order.name, datacenter: site.datacenter.name, netmaps, wishes: order.nets, vimNets };
  const nets = await planNets(scenario, vnfs, ground);
  const wish = { ...order, tenantId: tenant.uuid, now: doors.now() };
  return choices.take(doors.db, async () => {
    const instance = planInstance(wish, {
      ...{ scenario, vnfs, nets, attachmentId: site.attachment.uuid, datacenterId: site.datacenter.uuid },
      nsNames: new Set([...doors.nsNames(), ...(await readOmInstances(doors.db)).map((i) => i.nsName)]),
    });
    const action = actionOf(instance, "CREATE", doors.now());
    await doors.makeInstance(instance, action);
    return { instance, action };
  });
}

/** Named by the moment, as in the original; a number keeps two of one moment apart. */
let actions = 0;
function actionOf(instance: OmInstance, description: OmAction["description"], now: string): OmAction {
  actions = (actions + 1) % 1_000;
  const uuid = `ACTION-${(Date.parse(now) / 1_000).toFixed(3)}${String(actions).padStart(3, "0")}`;
  const tasks = instance.nets.length + instance.vnfs.reduce((n, v) => n + v.vms.length, 0);
  const { uuid: instanceId, tenantId } = instance;
  return { uuid, tenantId, instanceId, description, tasks, done: 0, failed: 0, createdAt: now, modifiedAt: now };
}

export async function deleteInstance(call: Call) {
  const instance = await namedInstance(call);
  const action = await removeNow(call, instance);
  return { result: `action_id=${action.uuid} instance ${instance.uuid} ${instance.name} deleted` };
}

async function removeNow({ doors }: Call, instance: OmInstance): Promise<OmAction> {
  const action = actionOf(instance, "DELETE", doors.now());
  await doors.removeInstance({ ...instance, state: "REMOVED" }, action);
  return action;
}

/** start, deploy, reserve or verify: older words for an instance. */
export async function actOnScenario(call: Call) {
  const body = checked(scenarioAction, call.body());
  const [kind, wish] = Object.entries(body)[0] as [string, NonNullable<(typeof body)["deploy"]>];
  const tenant = await tenantOf(call);
  const { instance_name: name, description = null, datacenter } = wish;
  const order = { name, description, datacenter, nets: {}, isReserved: kind === "reserve", told: null };
  const { instance, action } = await orderedBy(call, tenant, call.params.scenario!, order);
  if (kind !== "verify") return { ...newInstanceOut(instance), action_id: action.uuid };
  await call.doors.settled(instance.uuid, VERIFY_PATIENCE_MS);
  const ns = call.doors.nsOf(instance);
  const failed = (await readOmInstances(call.doors.db)).find((i) => i.uuid === instance.uuid)?.failed ?? null;
  await removeNow(call, instance);
  if (ns?.state === "INSTANTIATED") return { result: "Verify OK" };
  throw new WireError(400, `Error, it could not be deployed: ${failed ?? ns?.detail ?? "it was not ready in time"}`);
}

export async function listActions(call: Call) {
  const tenant = await tenantOrAny(call);
  const asked = call.params.instance!;
  const seen = (await readOmActions(call.doors.db)).filter((a) => isSeenBy(tenant, a));
  const uuid = asked === ANY ? null : await instanceIdOf(call, asked, seen);
  const all = seen.filter((a) => uuid === null || a.instanceId === uuid);
  const one = call.params.action;
  const found = one === undefined ? all : all.filter((a) => a.uuid === one);
  if (one !== undefined && found.length === 0) throw new WireError(404, `No action found with uuid '${one}'`);
  return { actions: found.map((a): Wire => ({ ...actionOut(a), ...(one !== undefined && { vim_wim_actions: [] }) })) };
}

/** Also of an instance that is gone. */
async function instanceIdOf(call: Call, asked: string, seen: readonly OmAction[]): Promise<string> {
  if (seen.some((a) => a.instanceId === asked)) return asked;
  return (await namedInstance(call)).uuid;
}
