import type { Static } from "typebox";
import type { FlavorId, HostId, ImageId, NetId, ServerId, TenantId } from "../../model/ids.ts";
import { mbpsOf } from "../../model/numa.ts";
import type { AskedVnic, Server, ServerTask } from "../../model/vim-picture.ts";
import { cloudConfigIn } from "../cloud-config.ts";
import { checked } from "../invalid.ts";
import { flagged, listed } from "../query.ts";
import { WireError } from "../wire-error.ts";
import { serverAction, serverNew } from "./bodies.ts";
import { type Call, oneTenantOf, tenantOf } from "./call.ts";
import { isVisible } from "./catalogue.ts";
import { SERVERS } from "./columns.ts";
import { checkExtended } from "./extended.ts";
import { ipIn } from "./ip-words.ts";
import { securityIn } from "./networks.ts";
import { type Standing, serverOut, serverRow } from "./server-shapes.ts";
import { imageOut } from "./shapes.ts";

export function listServers(call: Call) {
  const tenant = tenantOf(call);
  const seen = call.doors.picture.servers.values().filter((s) => tenant === "any" || s.tenantId === tenant);
  const rows = listed(
    seen.map((s) => serverRow(s, call.base, standingOf(call, s))),
    call.query,
    SERVERS,
  );
  return { servers: rows };
}

/** A server of another tenant is not there; the original shows it to everybody who knows its id. */
export function getServer(call: Call) {
  const tenant = tenantOf(call);
  const server = call.doors.picture.servers.get(call.params.id as ServerId);
  if (!server || (tenant !== "any" && server.tenantId !== tenant))
    throw new WireError(404, `instance '${call.params.id}'not found.`);
  return reply(call, server);
}

const reply = (call: Call, server: Server) => ({
  server: serverOut(server, call.doors.picture.portsOf(server.id), call.base, standingOf(call, server)),
});

const standingOf = (call: Call, server: Server): Standing => ({
  host: call.doors.hostStates.of(server.hostId),
  storageLost: call.doors.facts.storageLostBy(server.id),
  sharesHostWith: call.doors.servers.sharesHostWith(server),
});

export async function postServer(call: Call) {
  const tenantId = oneTenantOf(call);
  const { server: asked } = checked(serverNew, call.body());
  if (asked.extended) checkExtended(asked.extended, "server", call);
  checkVisible(call, tenantId, asked);
  const networks = asked.networks ?? []; // The original fails without the list.
  const server = await call.doors.servers.createServer({
    id: asked.id as ServerId | undefined,
    name: asked.name,
    description: asked.description,
    tenantId,
    flavorId: asked.flavorRef as FlavorId,
    imageId: asked.imageRef as ImageId,
    hostId: asked.hostId as HostId | undefined,
    hypervisor: asked.hypervisor,
    osImageType: asked.osImageType,
    availabilityZone: asked.availability_zone,
    antiAffinity: asked.anti_affinity && { group: asked.anti_affinity.group, policy: asked.anti_affinity.policy ?? "required" },
    kernelCmdline: asked.kernel_cmdline,
    cloudConfig: cloudConfigIn(asked.cloud_config, asked.userdata),
    extended: asked.extended,
    start: asked.start ?? "yes",
    vnics: networks.map(vnicIn),
  });
  return reply(call, server);
}

/** A flavor or image of another tenant is not there for this one. */
function checkVisible({ doors }: Call, tenantId: TenantId, asked: Static<typeof serverNew>["server"]): void {
  const flavor = doors.picture.flavors.get(asked.flavorRef as FlavorId);
  if (flavor && !isVisible(flavor, tenantId)) throw new WireError(404, `flavor_id ${asked.flavorRef} not found`);
  const devices = asked.extended?.devices ?? flavor?.extended?.devices ?? [];
  for (const ref of [asked.imageRef, ...devices.flatMap((d) => d.imageRef ?? [])]) {
    const image = doors.picture.images.get(ref as ImageId);
    if (image && !isVisible(image, tenantId)) throw new WireError(404, `image_id ${ref} not found or not ACTIVE`);
  }
}

type NetworkIn = NonNullable<Static<typeof serverNew>["server"]["networks"]>[number];

const vnicIn = (n: NetworkIn, i: number): AskedVnic => ({
  netId: n.uuid as NetId,
  name: n.name ?? `eth${i}`,
  type: n.type === "virtual" ? undefined : n.type,
  mac: n.mac_address?.toLowerCase(),
  ip: n.ip_address && ipIn(n.ip_address),
  vpci: n.vpci,
  model: n.model,
  bandwidthMbps: n.bandwidth === undefined ? undefined : mbpsOf(n.bandwidth),
  ...securityIn(n),
});

/** As OpenVIM's: the guest is asked to shut down first, after the answer. Ours: `?force=true` switches it off at once. */
export async function deleteServer(call: Call) {
  await call.doors.servers.deleteServer(ownServer(call), { asksGuest: !flagged(call.query, "force") });
  return { result: "deleting in process" };
}

const TASKS = {
  start: "start",
  pause: "pause",
  resume: "resume",
  shutoff: "shutdown",
  shutdown: "shutdown",
  forceOff: "forceOff",
  rebuild: "rebuild",
} as const satisfies Record<string, ServerTask>;

/** The reply is the original's for every action of its own; what became of it is told by the server's status and the event stream. */
export async function postAction(call: Call) {
  const id = ownServer(call);
  const action = checked(serverAction, call.body());
  if (action.evacuate !== undefined) return reply(call, await call.doors.servers.evacuate(id, evacuationIn(action.evacuate)));
  if (action.createImage !== undefined) return copyReply(call, id, action.createImage);
  if (action.console !== undefined) return consoleReply(call, id, action.console);
  if (action.terminate !== undefined) await call.doors.servers.deleteServer(id, { asksGuest: true });
  else await call.doors.servers.act(id, taskOf(action), imageFor(call, id, action.rebuild?.imageRef));
  return { result: "deleting in process" };
}

/** The image is its server's tenant's. What is copied stands alone, as OpenVIM's does. */
async function copyReply(call: Call, id: ServerId, asked: NonNullable<Static<typeof serverAction>["createImage"]>) {
  const { id: imageId, name, path, description, metadata, imageRef, disk: dev } = asked;
  const tenants = [call.doors.picture.servers.get(id)!.tenantId];
  const own = { id: imageId as ImageId | undefined, name, path, description };
  const more = { ...own, metadata: { use_incremental: "no", ...metadata }, tenants };
  const image = await call.doors.catalogue.createImageOf(id, { dev, imageRef }, more);
  return { image: imageOut(image, tenantOf(call), call.base) };
}

/** Where it can be opened as a WebSocket (RFC 6455), once. The ticket stands in the query: what a browser opens has no headers of its own. */
function consoleReply(call: Call, id: ServerId, asked: "serial" | "vnc" | "novnc" | null) {
  const { ticket, kind, ticketMs, sessionMs } = call.doors.consoles.give(
    id,
    asked === null || asked === "serial" ? "serial" : "vnc",
  );
  const url = `${call.base.replace(/^http/, "ws")}/console?ticket=${ticket}`;
  return { console: { type: kind, url, ticket_seconds: ticketMs / 1_000, session_seconds: sessionMs / 1_000 } };
}

const evacuationIn = ({ from, hostId }: { from: string; hostId?: string | undefined }) => ({
  from: from as HostId,
  to: (hostId ?? null) as HostId | null,
});

/** What a server is to be made from anew: one that its tenant may use. */
function imageFor({ doors: { picture } }: Call, id: ServerId, ref: string | undefined): ImageId | undefined {
  const image = picture.images.get(ref as ImageId);
  if (image && !isVisible(image, picture.servers.get(id)!.tenantId))
    throw new WireError(404, `image_id ${ref} not found or not ACTIVE`);
  return ref as ImageId | undefined;
}

function taskOf(action: Static<typeof serverAction>): ServerTask {
  if (action.start === "rebuild") return "rebuild";
  if (action.reboot !== undefined) return action.reboot?.type === "HARD" ? "powerCycle" : "reboot";
  return TASKS[Object.keys(action)[0] as keyof typeof TASKS];
}

function ownServer(call: Call): ServerId {
  const tenant = tenantOf(call);
  const id = call.params.id as ServerId;
  const server = call.doors.picture.servers.get(id);
  if (!server || (tenant !== "any" && server.tenantId !== tenant)) throw new WireError(404, `server ${id} not found`);
  return id;
}
