import { Fault } from "../../lib/fault.ts";
import type { ImageId, NetId, TenantId, VimPortId } from "../../model/ids.ts";
import type { VimEvent } from "../../model/vim-event.ts";
import type { AskedServer, AskedVnic, Change, Flavor, Image, ServerPort, VimNet } from "../../model/vim-picture.ts";
import { mayHear } from "../../model/vim-subscription.ts";
import type { EventSource } from "../event-stream.ts";
import type { VimDoors } from "./doors.ts";
import { TenantView } from "./tenant-picture.ts";

/**
 * The doors as a tenant finds them: it sees its own things and what is shared, and changes its own. Each door stands here by its name,
 * so that a new one does not compile before somebody has said what a tenant may do with it.
 */
export function tenantDoors(tenant: TenantId, doors: VimDoors): VimDoors {
  const view = new TenantView(tenant, doors.picture);
  const { picture } = view;
  return {
    identity: doors.identity,
    picture,
    events: eventsOf(tenant, doors.events),
    catalogue: catalogueOf(view, doors.catalogue, picture),
    inventory: { createHost: adminOnly, editHost: adminOnly, deleteHost: adminOnly },
    nets: netsOf(view, doors.nets, picture),
    ports: {
      createPort: adminOnly,
      deletePort: adminOnly,
      editPort: async (id, change) => {
        own("port", found(picture.ports, id, `port ${id} not found`), view.ownsPort);
        if (change.bfd !== undefined) throw forbidden("BFD of a port");
        if (change.netId) found(picture.nets, change.netId, `network '${change.netId}' not found`);
        const port = picture.ports.get(id)!;
        const { netId = port.netId, portSecurity = port.portSecurity, allowedPairs = port.allowedPairs } = change;
        const isAbout = change.netId || change.portSecurity !== undefined || change.allowedPairs !== undefined;
        if (isAbout) checkSecurity(view, picture, { netId, portSecurity, allowedPairs });
        return doors.ports.editPort(id, change);
      },
    },
    servers: serversOf(view, doors, picture),
    consoles: {
      give: (id, kind) => {
        found(picture.servers, id, `server ${id} not found`);
        return doors.consoles.give(id, kind);
      },
      open: (ticket, side) => doors.consoles.open(ticket, side),
    },
    bfd: { viewOf: (port) => doors.bfd.viewOf(port), tunnelsTo: (port) => doors.bfd.tunnelsTo(port) },
    hostStates: { of: (id) => doors.hostStates.of(id) },
    binds: {
      check: (id, target, bindVlan) => {
        for (const net of [id, target]) if (net !== null) ownNet(view, picture, net);
        doors.binds.check(id, target, bindVlan);
      },
      changeBind: async (id, target, copy) => {
        for (const net of [id, target, copy ?? null]) if (net !== null) ownNet(view, picture, net);
        return doors.binds.changeBind(id, target, copy);
      },
    },
    protections: {
      list: () => [],
      get: adminOnlyNow,
      arm: adminOnly,
      disarm: adminOnly,
      fence: adminOnly,
      lift: adminOnly,
      opinionsOf: (id) => doors.protections.opinionsOf(id),
    },
    subscriptions: {
      list: () => doors.subscriptions.list(tenant),
      get: (id) => doors.subscriptions.get(id, tenant),
      create: (asked) => doors.subscriptions.create({ ...asked, owner: tenant }),
      delete: (id) => doors.subscriptions.delete(id, tenant),
    },
    audit: doors.audit,
    facts: { isStale: (port) => doors.facts.isStale(port), storageLostBy: (id) => doors.facts.storageLostBy(id) },
    paths: { list: () => doors.paths.list().filter((p) => isOwnNet(view, picture, p.netId)) },
    counters: {
      list: async () => {
        const owns = (id: VimPortId | NetId) => {
          const port = picture.ports.get(id as VimPortId);
          return port === undefined ? isOwnNet(view, picture, id as NetId) : view.ownsPort(port);
        };
        return (await doors.counters.list()).filter((c) => owns(c.portId));
      },
    },
    usages: { list: async () => (await doors.usages.list()).filter((u) => picture.servers.has(u.serverId)) },
    condition: { now: adminOnlyNow },
    dhcp: doors.dhcp,
    routers: doors.routers,
    senders: doors.senders,
    controllers: {
      list: () => [],
      get: adminOnlyNow,
      stateOf: adminOnlyNow,
      create: adminOnly,
      edit: adminOnly,
      delete: adminOnly,
      mappings: () => [],
      map: adminOnly,
      unmap: adminOnly,
      portAt: adminOnlyNow,
    },
    fabric: { session: null, problems: doors.fabric.problems, at: adminOnlyNow, clear: adminOnly, reinstall: adminOnly },
    // Who else is on a shared net is not this tenant's to know.
    flowsOf: (netId) =>
      netId === null
        ? doors.flowsOf(null).filter((f) => isOwnNet(view, picture, f.netId))
        : isOwnNet(view, picture, netId)
          ? doors.flowsOf(netId)
          : [],
  };
}

type Picture = VimDoors["picture"];

const forbidden = (what: string): Fault => new Fault("FORBIDDEN", `${what}: only an administrator may set that`);
function adminOnlyNow(): never {
  throw new Fault("FORBIDDEN", "only an administrator may do that");
}
const adminOnly = async (): Promise<never> => adminOnlyNow();

function found<K, V>(things: ReadonlyMap<K, V>, id: K, sentence: string): V {
  const thing = things.get(id);
  if (thing === undefined) throw new Fault("NOT_FOUND", sentence);
  return thing;
}

/** What is seen may still be somebody else's, or everybody's. */
function own<T>(kind: string, thing: T, owns: (thing: T) => boolean): T {
  if (!owns(thing)) throw new Fault("FORBIDDEN", `this ${kind} is not your tenant's alone: only an administrator may change it`);
  return thing;
}

type Secured = Pick<ServerPort, "netId"> & Pick<AskedVnic, "portSecurity" | "allowedPairs">;
/** On a net that is not the tenant's own it is for the net to say what may be sent there; to ask for less than it lets through is free. */
function checkSecurity(view: TenantView, picture: Picture, port: Secured): void {
  if (port.netId === null || isOwnNet(view, picture, port.netId)) return;
  if (port.portSecurity === false) throw forbidden("port_security false on a network that is not your tenant's own");
  if (port.allowedPairs?.length) throw forbidden("allowed_address_pairs on a network that is not your tenant's own");
}

const ownNet = (view: TenantView, picture: Picture, id: NetId): VimNet =>
  own("network", found(picture.nets, id, `network '${id}' not found`), view.ownsNet);

function isOwnNet(view: TenantView, picture: Picture, id: NetId): boolean {
  const net = picture.nets.get(id);
  return net !== undefined && view.ownsNet(net);
}

function eventsOf(tenant: TenantId, events: EventSource<VimEvent>): EventSource<VimEvent> {
  const may = (event: VimEvent) => mayHear(tenant, event);
  return {
    get lastSeq() {
      return events.lastSeq;
    },
    subscribe: (listener) => events.subscribe((event) => may(event) && listener(event)),
    since: async (seq, limit) => {
      const heard: VimEvent[] = [];
      for (let at = seq; ; ) {
        const page = await events.since(at, limit);
        heard.push(...page.filter(may));
        if (page.length < limit || heard.length >= limit) return heard.slice(0, limit); // Fewer than asked for means the end.
        at = page.at(-1)!.seq;
      }
    },
  };
}

function catalogueOf(view: TenantView, catalogue: VimDoors["catalogue"], picture: Picture): VimDoors["catalogue"] {
  const { tenant } = view;
  const checkFlavor = (change: Change<Flavor>) => {
    if (change.isPublic) throw forbidden("public");
  };
  const checkImage = (change: Change<Image>) => {
    if (change.isPublic) throw forbidden("public");
    // A file of the host may be anybody's, the VIM's own store too.
    if (change.path !== undefined && !/^https?:/.test(change.path)) throw forbidden("path of a file on the host");
    for (const key of ["kernel", "initrd"])
      if (change.metadata?.[key] !== undefined) throw forbidden(`metadata:${key}, a file on the host`);
  };
  return {
    createTenant: adminOnly,
    editTenant: adminOnly,
    deleteTenant: adminOnly,
    createFlavor: async (asked) => {
      checkFlavor(asked);
      return catalogue.createFlavor({ ...asked, tenants: [tenant] });
    },
    editFlavor: async (id, change) => {
      checkFlavor(change);
      checkEdit(view, "flavor", found(picture.flavors, id, `flavor '${id}' not found`), change);
      return catalogue.editFlavor(id, change);
    },
    deleteFlavor: async (id) => {
      own("flavor", found(picture.flavors, id, `flavor '${id}' not found`), view.ownsAlone);
      return catalogue.deleteFlavor(id);
    },
    linkFlavor: async (id, of) => {
      checkLink(view, picture.flavors.get(id), `Flavor '${id}' not found`, of);
      return catalogue.linkFlavor(id, of);
    },
    unlinkFlavor: async (id, of) => {
      checkLink(view, picture.flavors.get(id), `flavor '${id}' from tenant '${of}' not found`, of);
      return catalogue.unlinkFlavor(id, of);
    },
    createImage: async (asked) => {
      checkImage(asked);
      return catalogue.createImage({ ...asked, tenants: [tenant] });
    },
    createImageOf: async (id, disk, asked) => {
      found(picture.servers, id, `server ${id} not found`);
      checkImage(asked);
      return catalogue.createImageOf(id, disk, { ...asked, tenants: [tenant] });
    },
    editImage: async (id, change) => {
      checkImage(change);
      checkEdit(view, "image", found(picture.images, id, `image '${id}' not found`), change);
      return catalogue.editImage(id, change);
    },
    deleteImage: async (id) => {
      own("image", found(picture.images, id, `image '${id}' not found`), view.ownsAlone);
      return catalogue.deleteImage(id);
    },
    linkImage: async (id, of) => {
      checkLink(view, picture.images.get(id), `Image '${id}' not found`, of);
      return catalogue.linkImage(id, of);
    },
    unlinkImage: async (id, of) => {
      checkLink(view, picture.images.get(id), `image '${id}' from tenant '${of}' not found`, of);
      return catalogue.unlinkImage(id, of);
    },
  };
}

/** Only where nobody else has a part in the thing. Who is linked to it has its own ways, `link…` and `unlink…`. */
function checkEdit(view: TenantView, kind: string, thing: Flavor | Image, { tenants }: Change<Flavor> | Change<Image>): void {
  if (tenants !== undefined) throw forbidden("tenants");
  own(kind, thing, view.ownsAlone);
}

/** A tenant takes and gives back its own link, to what it sees. */
function checkLink(view: TenantView, thing: unknown, sentence: string, tenant: TenantId): void {
  if (tenant !== view.tenant) throw forbidden("tenant of somebody else");
  if (thing === undefined) throw new Fault("NOT_FOUND", sentence);
}

function netsOf(view: TenantView, nets: VimDoors["nets"], picture: Picture): VimDoors["nets"] {
  const { tenant } = view;
  const check = (change: Change<VimNet>) => {
    if (change.tenantId !== undefined && change.tenantId !== tenant) throw forbidden("tenant_id of somebody else");
    if (change.shared) throw forbidden("shared");
    // Either would lead onto cables, or into the nets of others.
    if (change.provider !== undefined) throw forbidden("provider:physical");
    if (change.vlan !== undefined) throw forbidden("provider:vlan");
    if (change.links?.length) throw forbidden("links");
  };
  /** Among those that it sees: others' names are no names here. */
  const called = (nameOrId: string): NetId => {
    const named = [...picture.nets.values()].filter((n) => n.id === nameOrId || n.name === nameOrId);
    if (named.length !== 1) throw new Fault("INVALID", ` bind_net name '${nameOrId}' is not the name of one network`);
    return own("network", named[0]!, view.ownsNet).id;
  };
  return {
    called,
    createNet: async (asked) => {
      check(asked);
      return nets.createNet({ ...asked, tenantId: tenant, bindNet: asked.bindNet ? called(asked.bindNet) : null });
    },
    editNet: async (id, change) => {
      ownNet(view, picture, id);
      check(change);
      return nets.editNet(id, change);
    },
    deleteNet: async (id) => {
      if (picture.nets.has(id)) await nets.deleteNet(ownNet(view, picture, id).id); // One that is not there is deleted already.
    },
  };
}

function serversOf(view: TenantView, { servers }: VimDoors, picture: Picture): VimDoors["servers"] {
  const check = (asked: AskedServer) => {
    if (asked.tenantId !== view.tenant) throw forbidden("tenant of somebody else");
    if (asked.hostId !== undefined) throw forbidden("hostId");
    found(picture.flavors, asked.flavorId, `flavor_id ${asked.flavorId} not found`);
    found(picture.images, asked.imageId, `image_id ${asked.imageId} not found or not ACTIVE`);
    for (const vnic of asked.vnics) {
      found(picture.nets, vnic.netId, `network '${vnic.netId}' not found`);
      checkSecurity(view, picture, vnic);
    }
    const extended = asked.extended ?? picture.flavors.get(asked.flavorId)?.extended;
    for (const { imageRef } of extended?.devices ?? [])
      if (imageRef !== undefined) found(picture.images, imageRef as ImageId, `image_id ${imageRef} not found or not ACTIVE`);
    for (const { uuid } of extended?.numas?.flatMap((n) => n.interfaces ?? []) ?? [])
      if (uuid !== undefined) found(picture.nets, uuid as NetId, `network '${uuid}' not found`);
  };
  return {
    createServer: async (asked) => {
      check(asked);
      return servers.createServer(asked);
    },
    deleteServer: async (id, how) => {
      found(picture.servers, id, `server ${id} not found`);
      return servers.deleteServer(id, how);
    },
    act: async (id, task, imageId) => {
      found(picture.servers, id, `server ${id} not found`);
      if (imageId !== undefined) found(picture.images, imageId, `image_id ${imageId} not found or not ACTIVE`);
      return servers.act(id, task, imageId);
    },
    evacuate: adminOnly,
    sharesHostWith: (server) => servers.sharesHostWith(server),
  };
}
