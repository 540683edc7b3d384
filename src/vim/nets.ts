import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import type { NetId, TenantId } from "../model/ids.ts";
import type { NetKind } from "../model/net.ts";
import type { Asked, Change, ServerPort, VimNet } from "../model/vim-picture.ts";
import { outsideOf } from "../steer/fabric.ts";
import { deleteNet, saveNet } from "../store/vim-picture.ts";
import { isRouted, withRange } from "./addresses.ts";
import { checkNetSenders, type OnBridges } from "./allowed-senders.ts";
import { checkFree, found, given, newId, notFree } from "./asking.ts";
import { checkBind } from "./binds.ts";
import type { Draft } from "./draft.ts";
import { checkLinks } from "./net-links.ts";
import { type Picture, vlanKey } from "./picture.ts";
import { checkBindPlaces, checkPlace } from "./places.ts";
import { portsOfOthers, readdressed } from "./port-addresses.ts";
import { checkVlan } from "./ports.ts";
import { checkOpen } from "./router-plan.ts";

const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
const isSwitched = (kind: NetKind): boolean => kind === "data" || kind === "ptp";

/** VLAN numbers the VIM gives to nets, both ends included. */
export interface VlanRange {
  readonly first: number;
  readonly last: number;
}

interface NetsParts {
  readonly draw: (draft: Draft) => void;
  readonly freed: (net: VimNet, was: NetId | null) => void;
  readonly isOpen: (bridge: string) => boolean;
  readonly onBridges: OnBridges;
}

/** Networks, by OpenVIM's rules. */
export class Nets {
  readonly #picture: Picture;
  readonly #clock: Clock;
  readonly #vlans: VlanRange;
  readonly #draw: (draft: Draft) => void;
  readonly #freed: (net: VimNet, was: NetId | null) => void;
  readonly #isOpen: (bridge: string) => boolean;
  readonly #onBridges: OnBridges;
  /** Given last, by region. */
  readonly #lastVlan = new Map<string, number>();

  /** `freed` is told of a net that was led into one that is deleted; `was`: what it was bound to. `isOpen`: nets may lead out to this bridge. */
  constructor(picture: Picture, clock: Clock, vlans: VlanRange, { draw, freed, isOpen, onBridges }: NetsParts) {
    this.#picture = picture;
    this.#clock = clock;
    this.#vlans = vlans;
    this.#draw = draw;
    this.#freed = freed;
    this.#isOpen = isOpen;
    this.#onBridges = onBridges;
  }

  /** `bindNet` may be a name, as in OpenVIM. Throws INVALID, CONFLICT or NOT_FOUND. */
  createNet(asked: Asked<VimNet, "name">): Promise<VimNet> {
    return this.#picture.change(async () => {
      this.#checkTenant(asked.tenantId);
      checkTags(asked);
      const id = newId(this.#picture.nets, asked.id);
      const net = this.#completed({ ...given(asked), id });
      this.#checkProviderFree(undefined, net.provider);
      checkPlace(this.#picture, net, outsideOf(net));
      this.#checkVlanFree(net);
      this.#checkLinks(net, asked);
      checkNetSenders(net, [], this.#onBridges);
      if (net.bindNet !== null) this.#checkBindOfNew(net, net.bindNet);
      const saved = await this.#save(net);
      if (asked.vlan === undefined && net.region !== null && net.vlan !== null) this.#lastVlan.set(net.region, net.vlan);
      return saved;
    });
  }

  /** Everything but the bind, which has its own way (`Binds`). Throws NOT_ALLOWED where ports stand in the way. */
  editNet(id: NetId, change: Change<VimNet>): Promise<VimNet> {
    return this.#picture.change(async () => {
      const net = found(this.#picture.nets, id, `network '${id}' not found`);
      if (change.tenantId !== net.tenantId) this.#checkTenant(change.tenantId);
      if (portsOfOthers(this.#picture, id).length > 0) checkStays(net, change);
      const edited = withRange(withOwnBridge({ ...net, ...given(change), bindNet: net.bindNet, copyNet: net.copyNet }), net);
      if (edited.provider !== net.provider) this.#checkProviderFree(id, edited.provider);
      checkProvider(edited.kind, edited.provider);
      checkTags(edited);
      this.#checkVlanFree(edited);
      if (edited.provider !== net.provider || edited.vlan !== net.vlan) checkPlace(this.#picture, edited, outsideOf(edited));
      if (edited.bindVlan !== net.bindVlan) this.#checkBindVlan(edited);
      this.#checkLinks(edited, change);
      if (asksForSecurity(change)) checkNetSenders(edited, this.#picture.portsIn(id), this.#onBridges);
      return this.#save(edited, readdressed(this.#picture, edited));
    });
  }

  /**
   * An unknown net is no error: it is not there, which is what was asked for. Nets that are led into it are led there no more, as in
   * OpenVIM; ports in it stand in the way. Throws INVALID.
   */
  deleteNet(id: NetId): Promise<void> {
    return this.#picture.change(async () => {
      if (!this.#picture.nets.has(id)) return;
      if (portsOfOthers(this.#picture, id).length > 0) throw notFree(`Error deleting network '${id}': `, "dependencies");
      const own = this.#picture.portsIn(id).map((p) => p.id);
      await deleteNet(
        this.#picture.db,
        id,
        this.#picture.boundTo(id).map((net) => withoutWayTo(id, net)),
        own,
      );
      const bound = this.#picture.boundTo(id);
      const freed = bound.map((net) => withoutWayTo(id, net));
      this.#draw({ goneNets: [id], nets: freed, gonePorts: own });
      for (const [i, net] of freed.entries()) this.#freed(net, bound[i]!.bindNet);
    });
  }

  #completed(asked: Asked<VimNet, "name" | "id">): VimNet {
    const kind = asked.kind ?? (asked.provider?.startsWith("openflow:") ? "data" : "bridge_man");
    checkProvider(kind, asked.provider ?? null);
    const isAssigned = !isSwitched(kind) && !asked.provider;
    const region = asked.region ?? (isSwitched(kind) ? "__DATA__" : isAssigned ? "__OVS__" : null);
    const vlan = asked.vlan ?? (region === null ? null : this.#freeVlan(region, isAssigned));
    return withRange({
      tenantId: null,
      shared: false,
      adminUp: true,
      status: "ACTIVE",
      lastError: null,
      copyNet: null,
      bindVlan: null,
      portSecurity: false,
      cidr: null,
      enableDhcp: false,
      dhcpFirstIp: null,
      dhcpLastIp: null,
      gatewayIp: null,
      dns: null,
      links: null,
      routes: null,
      createdAt: this.#clock.wall().toISOString(),
      ...(given(asked) as typeof asked),
      kind,
      region,
      vlan,
      provider: asked.provider ?? (isAssigned ? ownBridge(vlan) : null),
      bindNet: asked.bindNet ? this.called(asked.bindNet) : null,
    } as VimNet);
  }

  /** A net of which nobody knows yet; so none is bound to it. */
  #checkBindOfNew(net: VimNet, target: NetId): void {
    const known = { get: (id: NetId) => (id === net.id ? net : this.#picture.nets.get(id)) };
    checkBind({ nets: known, boundTo: () => [] }, net.id, target);
    checkBindPlaces(this.#picture, net, known.get(target)!);
  }

  /** Another tag for a bind that stands, or for two. */
  #checkBindVlan(net: VimNet): void {
    for (const id of [net.bindNet, net.copyNet]) {
      const to = id === null ? undefined : this.#picture.nets.get(id);
      if (to) checkBindPlaces(this.#picture, net, to);
    }
  }

  /** Only where something about them is asked for: what an older version has taken must not stand in the way of another name. */
  #checkLinks(net: VimNet, asked: Change<VimNet>): void {
    if (asked.links?.length) checkOpen(net, this.#isOpen);
    if ([asked.links, asked.cidr, asked.routes, asked.kind, asked.provider].every((member) => member === undefined)) return;
    checkLinks(net, this.#picture.nets.values());
    const holder = isRouted(net) && portsOfOthers(this.#picture, net.id).find((p) => p.ip === net.gatewayIp);
    if (holder)
      throw new Fault(
        "NOT_ALLOWED",
        `links: the router is to have ${net.gatewayIp}, which port '${holder.name}' has: move that port first`,
      );
  }

  /** Throws CONFLICT: what a net is over outside belongs to no other. */
  #checkProviderFree(self: NetId | undefined, provider: string | null | undefined): void {
    if (provider) checkFree(this.#picture.nets.by("provider", provider), self, "provider", provider);
  }

  /** The one net with this id or name. Throws INVALID in the original's words. */
  called(nameOrId: string): NetId {
    if (this.#picture.nets.has(nameOrId as NetId)) return nameOrId as NetId;
    const named = [...this.#picture.nets.values()].filter((n) => n.name === nameOrId);
    if (named.length === 0) throw new Fault("INVALID", ` bind_net ${isUuid(nameOrId) ? "uuid" : "name"} '${nameOrId}'not found`);
    if (named.length > 1) throw new Fault("INVALID", ` more than one bind_net name '${nameOrId}' found, use uuid`);
    return named[0]!.id;
  }

  /**
   * Round robin, as in OpenVIM: a number that became free is given again as late as possible, when nobody remembers it. Bridges of
   * the VIM's own bear the number without its region.
   */
  #freeVlan(region: string, hasOwnBridge: boolean): number {
    const { nets } = this.#picture;
    const isFree = (n: number) =>
      !nets.hasAny("vlan", vlanKey(region, n)) && !(hasOwnBridge && nets.hasAny("provider", ownBridge(n)));
    const { first, last } = this.#vlans;
    const size = last - first + 1;
    const from = (this.#lastVlan.get(region) ?? this.#newestVlan(region) ?? first - 1) + 1;
    for (let i = 0; i < size; i++) {
      const vlan = first + ((((from - first + i) % size) + size) % size);
      if (isFree(vlan)) return vlan;
    }
    throw new Fault(
      "CONFLICT",
      `no VLAN is free between ${first} and ${last} in region ${region}: delete networks, or widen config.vim.vlanRange`,
    );
  }

  /** After a restart the round goes on where it was, as far as the nets that are there still tell. */
  #newestVlan(region: string): number | null {
    const inRange = (n: VimNet) => n.vlan !== null && n.vlan >= this.#vlans.first && n.vlan <= this.#vlans.last;
    const newest = [...this.#picture.nets.values()].findLast((n) => n.region === region && inRange(n));
    return newest?.vlan ?? null;
  }

  /** Throws CONFLICT: a number stands for one net of its region. */
  #checkVlanFree({ id, region, vlan }: Pick<VimNet, "id" | "region" | "vlan">): void {
    if (region === null || vlan === null) return;
    const other = this.#picture.nets.by("vlan", vlanKey(region, vlan)).find((n) => n.id !== id);
    if (other) throw new Fault("CONFLICT", `Value  '${region}-${vlan}'  already in use for  'region_vlan'`);
  }

  #checkTenant(id: TenantId | null | undefined): void {
    if (id === null || id === undefined) return;
    const tenant = found(this.#picture.tenants, id, `tenant '${id}' not found`);
    if (!tenant.enabled) throw new Fault("INVALID", `tenant '${id}' is not enabled`);
  }

  /** `ports`: those of the net that get an address by it. */
  async #save(net: VimNet, ports: readonly ServerPort[] = []): Promise<VimNet> {
    await saveNet(this.#picture.db, net, ports);
    const { bindNet, copyNet } = this.#picture.nets.get(net.id) ?? net; // May have moved while the row was written.
    this.#draw({
      nets: [{ ...net, bindNet, copyNet }],
      ports: ports.map((p) => ({ ...this.#picture.ports.get(p.id)!, ip: p.ip })),
    });
    return net;
  }
}

/** Else what an older version has taken would stand in the way of another name. */
const asksForSecurity = ({ portSecurity, kind, provider }: Change<VimNet>): boolean =>
  portSecurity === true || kind !== undefined || provider !== undefined;

/** Ports of a net are of its kind and carry its VLAN. Throws NOT_ALLOWED. */
function checkStays(net: VimNet, { kind = net.kind, vlan = net.vlan }: Change<VimNet>): void {
  const moved = kind !== net.kind ? "type" : vlan !== net.vlan ? "vlan" : null;
  if (moved) throw new Fault("NOT_ALLOWED", `Can not change ${moved} of network while having ports attached`);
}

const OWN_BRIDGE = "OVS:";
const ownBridge = (vlan: number | null): string => `${OWN_BRIDGE}${vlan}`;

/** A bridge of the VIM's own is called after the net's VLAN, and so moves with it. */
function withOwnBridge(net: VimNet): VimNet {
  return net.provider?.startsWith(OWN_BRIDGE) ? { ...net, provider: ownBridge(net.vlan) } : net;
}

/** Of a net that is led into two, the other one stays. */
function withoutWayTo(gone: NetId, net: VimNet): VimNet {
  const [bindNet = null, copyNet = null] = [net.bindNet, net.copyNet].filter((id) => id !== null && id !== gone);
  return { ...net, bindNet, copyNet };
}

function checkTags({ vlan, bindVlan }: Pick<Change<VimNet>, "vlan" | "bindVlan">): void {
  checkVlan(vlan, "provider:vlan");
  checkVlan(bindVlan, "bind_type");
}

function checkProvider(kind: NetKind, provider: string | null): void {
  if (provider === null) return;
  const isOpenflow = provider.startsWith("openflow:");
  if (isOpenflow && !isSwitched(kind)) {
    throw new Fault("INVALID", "Only 'ptp' or 'data' net types can be bound to 'openflow'");
  }
  if (!isOpenflow && isSwitched(kind)) {
    throw new Fault("INVALID", "Only 'bridge_man' or 'bridge_data' net types can be bound to 'bridge', 'macvtap' or 'default");
  }
}
