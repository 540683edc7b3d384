import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { Loop } from "../lib/loop.ts";
import { Seal } from "../lib/seal.ts";
import type { DhcpServer } from "../model/dhcp.ts";
import type { HostId, NetId, ServerId, VimPortId } from "../model/ids.ts";
import type { Router } from "../model/router.ts";
import type { ThreadTimes } from "../model/thread-times.ts";
import type { ApiChange } from "../model/vim-event.ts";
import type { Server, VimNet } from "../model/vim-picture.ts";
import { CallbackPolicy, type CallbackRules } from "../notify/callback-policy.ts";
import { readVimIdentity } from "../store/vim-identity.ts";
import type { VimStore } from "../store/vim-picture.ts";
import { Appliances } from "./appliances.ts";
import { AssumedImages } from "./assumed-images.ts";
import { type AskGuest, BeatWatch } from "./beat-watch.ts";
import { BfdSessions } from "./bfd.ts";
import { Binds } from "./binds.ts";
import { BridgeSenders } from "./bridge-senders.ts";
import { Capacities } from "./capacities.ts";
import { Catalogue } from "./catalogue.ts";
import type { Compute } from "./compute.ts";
import { Condition } from "./condition.ts";
import { Consoles } from "./consoles.ts";
import { Controllers } from "./controllers.ts";
import { DHCP_SERVERS } from "./dhcp-plan.ts";
import type { Draft } from "./draft.ts";
import { tenantOf } from "./event-tenant.ts";
import { VimEvents } from "./events.ts";
import { Fabrics } from "./fabrics.ts";
import { Facts } from "./facts.ts";
import { type FlowText, flowsOf } from "./flows.ts";
import { HostStates } from "./host-states.ts";
import { type DiskLook, HungDisks } from "./hung-disks.ts";
import type { ImageContents } from "./image-making.ts";
import { Inventory } from "./inventory.ts";
import { Nets, type VlanRange } from "./nets.ts";
import { PathWatch } from "./path-watch.ts";
import { Picture } from "./picture.ts";
import { PortCounts } from "./port-counts.ts";
import { Ports } from "./ports.ts";
import { Protections } from "./protections.ts";
import { routers } from "./router-plan.ts";
import type { Cabling } from "./server-ports.ts";
import { type ReadUsage, ServerUsages } from "./server-usages.ts";
import { Servers } from "./servers.ts";
import { Subscriptions } from "./subscriptions.ts";

export interface VimParts {
  readonly db: VimStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly vlanRange: VlanRange;
  /** Linux bridges that nets may be led out to; left out: none. */
  readonly linkBridges?: readonly string[];
  /** Bridges of hosts are one switch, so that nets with bridges of the VIM's own reach all of them (decision 0113). */
  readonly spansHosts?: boolean;
  /** Why this machine's kernel cannot hold guests on bridges to what they may send; left out: it can. */
  readonly whyNoSenders?: string | null;
  /** In test mode every host takes servers: nothing is contacted. */
  readonly mode?: "normal" | "test";
  /** Where subscribers may be; left out: anywhere, as where only this machine's programs can subscribe. */
  readonly callbacks?: CallbackRules;
  /** For what subscribers' receivers ask for; left out: good for this run only. */
  readonly seal?: Seal;
}

const ANYWHERE: CallbackRules = { allow: [], thisMachine: true, ownPorts: () => [], secretsInClear: false };

/** The VIM without its edges: what it knows, what may be asked of it, and the loop that keeps the switch as the picture wants it. */
export class Vim {
  readonly identity: string;
  readonly picture: Picture;
  readonly events: VimEvents;
  readonly catalogue: Catalogue;
  readonly inventory: Inventory;
  readonly nets: Nets;
  readonly ports: Ports;
  readonly servers: Servers;
  readonly fabric: Fabrics;
  readonly binds: Binds;
  readonly facts: Facts;
  readonly protections: Protections;
  readonly paths: PathWatch;
  readonly counters: PortCounts;
  readonly usages: ServerUsages;
  readonly beats: BeatWatch;
  readonly fabricLoop: Loop;
  readonly bfd: BfdSessions;
  readonly bfdLoop: Loop;
  readonly dhcp: Appliances<DhcpServer>;
  readonly routers: Appliances<Router>;
  readonly senders: BridgeSenders;
  readonly hostStates: HostStates;
  readonly condition: Condition;
  readonly subscriptions: Subscriptions;
  readonly consoles: Consoles;
  readonly audit = { changed: (what: ApiChange) => this.events.push({ type: "api.changed", ...what }) };
  /** Each path is believed, unless the composition root gives something better. */
  images: ImageContents;
  readonly controllers: Controllers;
  /** One for each compute host to work on; filled by the composition root. */
  readonly computeLoops = new Map<HostId, Loop>();
  readonly computes = new Map<HostId, Compute>();
  /** The way to the agents in each host's guests; filled as well. */
  readonly agents = new Map<HostId, AskGuest>();
  /** How the threads of a server fare with the scheduler of its host; filled for those whose processes are seen from here. */
  readonly threads = new Map<HostId, (of: ServerId) => readonly ThreadTimes[] | null>();

  /** Who finds out for what disk a server of a host waits; filled for the same. */
  readonly diskLooks = new Map<HostId, DiskLook>();
  /** Who tells what servers have taken of a host; filled as well. */
  readonly usageReaders = new Map<HostId, ReadUsage>();

  private constructor(
    parts: VimParts,
    identity: string,
    picture: Picture,
    events: VimEvents,
    subscriptions: Subscriptions,
    controllers: Controllers,
  ) {
    const { clock, log, vlanRange, mode } = parts;
    this.identity = identity;
    this.picture = picture;
    this.events = events;
    this.subscriptions = subscriptions;
    this.controllers = controllers;
    controllers.ownDatapath = () => this.fabric.session?.datapath ?? null;
    this.fabric = new Fabrics(picture, clock, log, () => this.fabricLoop.wake());
    this.fabricLoop = new Loop(
      clock,
      async () => void (await this.fabric.reconcile()),
      (err) => log.warn({ err }, "the switch could not be compared with the picture; the next pass tries again"),
    );
    const drawn = (draft: Draft) => {
      this.fabric.writeUnattended(draft);
      this.bfdLoop.wake();
      this.dhcp.loop.wake();
      this.routers.loop.wake();
      this.senders.loop.wake();
    };
    const changed = (draft: Draft) => {
      drawn(draft);
      for (const loop of this.computeLoops.values()) loop.wakeNow();
    };
    this.consoles = new Consoles(picture, clock);
    const isTest = mode === "test";
    this.images = new AssumedImages(picture, events);
    this.catalogue = new Catalogue(picture, clock, {
      images: () => this.images,
      tenantGone: (id) => subscriptions.forgetTenant(id),
    });
    const isUp = (id: HostId) => !isTest && this.hostStates.of(id)?.state === "up";
    this.inventory = new Inventory(picture, clock, { speaksToAll: isTest, isUp });
    const freed = ({ id: netId, bindNet }: VimNet, was: NetId | null) =>
      this.events.push({ type: "net.bound", netId, bindNet, was });
    const isOpen = (bridge: string) => isTest || (parts.linkBridges ?? []).includes(bridge);
    const spansHosts = !isTest && (parts.spansHosts ?? false);
    const onBridges = { picture, spansHosts, whyNone: (!isTest && parts.whyNoSenders) || null };
    this.nets = new Nets(picture, clock, vlanRange, { draw: drawn, freed, isOpen, onBridges });
    this.ports = new Ports(picture, drawn, onBridges);
    const reach = { away: (id: HostId) => this.hostStates.away(id) };
    const moved = (server: Server, was: HostId) => this.#moved(server, was);
    const cabledTo: Cabling = (host, pci) => controllers.cabledTo(host, pci);
    this.servers = new Servers({ picture, clock, reach, onlySwitched: !isTest, cabledTo, onBridges, changed, moved });
    const capacities = new Capacities(picture);
    this.binds = new Binds(picture, this.fabric, events, capacities);
    const asksAnew = (id: ServerId) => this.facts.asksAnew(id);
    this.protections = new Protections({ picture, fabric: this.fabric, events, clock, log, asksAnew, capacities });
    this.fabric.useStandIns(this.protections.standIns);
    const wakeHost = (of: HostId) => this.computeLoops.get(of)?.wake();
    this.facts = new Facts(picture, events, wakeHost, this.protections, () => this.fabric.session !== null);
    const isSilent = (id: VimPortId) => [...this.protections.opinionsOf(id).values()].includes("silent");
    void new HungDisks({ picture, facts: this.facts, events, log, isSilent, lookOf: (host) => this.diskLooks.get(host) });
    this.bfd = new BfdSessions({ picture, facts: this.facts, clock, isSwitchThere: () => this.fabric.session !== null });
    this.bfdLoop = new Loop(
      clock,
      () => this.bfd.reconcile(),
      (err) => log.warn({ err }, "BFD could not be set as the ports ask; the next pass tries again"),
    );
    this.counters = new PortCounts({ picture, fabric: this.fabric, clock });
    this.usages = new ServerUsages({ picture, clock, log, readerOf: (host) => this.usageReaders.get(host) });
    this.condition = new Condition(events, () => this.protections.ledBySwitch());
    const inNets = { picture, clock, log, draw: (draft: Draft) => this.fabric.writeUnattended(draft) };
    this.dhcp = new Appliances(inNets, DHCP_SERVERS);
    this.routers = new Appliances(inNets, routers(isOpen));
    this.senders = new BridgeSenders(picture, clock, log);
    this.hostStates = new HostStates(picture, events, this.facts);
    const isStarved = (id: VimPortId) => this.protections.opinionsOf(id).get("traffic") === "silent";
    const askGuest: AskGuest = (target, request) => this.agents.get(target.hostId)?.(target, request) ?? null;
    this.beats = new BeatWatch({ facts: this.facts, events, clock, log }, () => this.protections.beaten(), askGuest);
    this.paths = new PathWatch({ picture, fabric: this.fabric, events, facts: this.facts, clock, log, isStarved });
  }

  static async open(parts: VimParts): Promise<Vim> {
    const { db, clock, log, callbacks = ANYWHERE, seal = Seal.open(null) } = parts;
    const picture = await Picture.load(db, clock, log);
    const events = await VimEvents.open({ db, clock, log, tenantOf: (body) => tenantOf(picture, body) });
    const policy = new CallbackPolicy(callbacks);
    const subscriptions = await Subscriptions.open({ db, events, clock, log, policy, seal });
    const controllers = await Controllers.load({ picture, clock, seal, areAssumed: parts.mode === "test" });
    return new Vim(parts, await readVimIdentity(db), picture, events, subscriptions, controllers);
  }

  /** Its old life ended when it was cut off in the switch, whatever still runs on the old host. */
  #moved({ id, hostId }: Server, was: HostId): void {
    this.events.push({ type: "server.placed", serverId: id, hostId, was });
    const seenAt = this.events.now();
    this.facts.evidence({ about: { kind: "server", id }, says: "stopped", source: "evacuation", seenAt });
  }

  /** None after a `clear`, until something changes. */
  flowsOf(netId: NetId | null): FlowText[] {
    return this.fabric.isCleared ? [] : flowsOf(this.picture, netId);
  }
}
