import { bfdWord } from "../detect/bfd.ts";
import type { BfdStatus } from "../model/bfd.ts";
import type { FlowEntry, FlowTable } from "../model/flow.ts";
import type { DatapathId } from "../model/ids.ts";
import type { Net } from "../model/net.ts";
import type { SwitchPort } from "../model/switch.ts";
import type { GroupIds } from "../steer/group-ids.ts";
import { armedByHostAlone, type Bridges, onBridge } from "../steer/overlay.ts";
import type { StandIns } from "../steer/stand-ins.ts";
import { TunnelKeys } from "../steer/tunnel-keys.ts";
import { arrival, type Wanted } from "../steer/wanted.ts";
import type { CountedPort, FlowSwitch } from "../switch/flow-switch.ts";

interface Site {
  session: FlowSwitch | null;
  /** As they are now; after its session ended, as they were then: the bridge goes on without us. */
  ports: ReadonlyMap<string, SwitchPort>;
  /** By the bridge behind them: names of tunnels, what BFD in them said last, and whether packets pass; null: it has not said yet. */
  readonly tunnels: Map<DatapathId, { readonly port: string; status: BfdStatus | null; isUp: boolean | null }>;
}

/** What is wanted of one bridge, as a part of the whole. */
export interface Place {
  has(port: string): boolean;
  /** `whole`: what is wanted of all bridges together, of these nets, with the numbers that groups have there. */
  here(whole: Wanted, nets: readonly Net[], standIns: StandIns, ids: GroupIds): Wanted;
  /** What was read from the bridge. */
  found(table: FlowTable): void;
  /** These nets are all that there are. */
  keepOnly(nets: { has(net: string): boolean }): void;
}

/** The bridges of several hosts, as one switch: where each port is, and which tunnel leads there. The first is that of the cables. */
export class Overlay implements Bridges<DatapathId> {
  readonly keys = new TunnelKeys();
  readonly #sites = new Map<DatapathId, Site>();
  #tellReach: () => void = () => {};
  #hasNewTunnels = false;
  #mainOf: FlowSwitch | null = null;
  #whole: FlowSwitch | null = null;
  #ports: { readonly at: string; readonly all: ReadonlyMap<string, SwitchPort> } | null = null;

  /** Who is told when a bridge begins or ends to be spoken to. */
  onReach(listener: () => void): void {
    this.#tellReach = listener;
  }

  /**
   * All `count` bridges are spoken to and have their tunnels: where every port is, is known. Before that a comparison would take entries away
   * for ports that only seem to be nowhere.
   */
  isWhole(count: number): boolean {
    const sites = [...this.#sites];
    const hasTunnels = (from: DatapathId) => sites.every(([to]) => to === from || this.tunnel(from, to) !== null);
    return sites.length === count && sites.every(([bridge, { session }]) => session !== null && hasTunnels(bridge));
  }

  get bridges(): readonly DatapathId[] {
    return [...this.#sites.keys()];
  }

  join(bridge: DatapathId): void {
    if (!this.#sites.has(bridge)) this.#sites.set(bridge, { session: null, ports: new Map(), tunnels: new Map() });
  }

  leave(bridge: DatapathId): void {
    this.#sites.delete(bridge);
    for (const { tunnels } of this.#sites.values()) tunnels.delete(bridge);
    this.#ports = null;
  }

  connected(session: FlowSwitch): void {
    const site = this.#sites.get(session.datapath);
    if (site !== undefined) Object.assign(site, { session, ports: session.ports });
    this.#tellReach();
  }

  disconnected(bridge: DatapathId): void {
    const site = this.#sites.get(bridge);
    if (site !== undefined) site.session = null;
    this.#tellReach();
  }

  isConnected(bridge: DatapathId): boolean {
    return this.#sites.get(bridge)?.session != null;
  }

  leads(from: DatapathId, to: DatapathId, port: string): void {
    const tunnels = this.#sites.get(from)?.tunnels;
    if (tunnels === undefined || tunnels.get(to)?.port === port) return;
    tunnels.set(to, { port, status: null, isUp: null });
    this.#hasNewTunnels = true;
  }

  /** Whether there are tunnels since this was asked last that were not there before. */
  tookTunnels(): boolean {
    const has = this.#hasNewTunnels;
    this.#hasNewTunnels = false;
    return has;
  }

  /** BFD in a tunnel says whether packets pass. Before it first did, that it does not says nothing. */
  heard(from: DatapathId, port: string, status: BfdStatus | null): void {
    const isUp = status?.state === "up";
    for (const tunnel of this.#sites.get(from)?.tunnels.values() ?? []) {
      if (tunnel.port !== port) continue;
      tunnel.status = status;
      if (isUp || tunnel.isUp !== null) tunnel.isUp = isUp;
    }
  }

  /** Tunnels that lead to a bridge from those that we speak to, in which BFD would not find its loss in time: whence, and why. */
  slowTo(bridge: DatapathId): { readonly from: DatapathId; readonly why: string }[] {
    return [...this.#sites].flatMap(([from, { session, tunnels }]) => {
      if (from === bridge || session === null) return [];
      const { why } = bfdWord(tunnels.get(bridge)?.status ?? null);
      return why === null ? [] : [{ from, why }];
    });
  }

  /**
   * No bridge that we speak to reaches it, and neither do we: what is behind it serves nobody. A bridge whose session ended, and that the others
   * still reach, goes on; one that the others do not reach, and that we still speak to, says so of its own ports itself.
   */
  isCutOff(bridge: DatapathId): boolean {
    if (this.isConnected(bridge)) return false;
    const others = [...this.#sites.values()].filter((s) => s.session !== null).flatMap((s) => s.tunnels.get(bridge) ?? []);
    const said = others.filter((t) => t.isUp !== null);
    return said.length > 0 && said.every((t) => !t.isUp);
  }

  sessions(): FlowSwitch[] {
    return [...this.#sites.values()].flatMap((s) => s.session ?? []);
  }

  portsOf(bridge: DatapathId): readonly SwitchPort[] {
    return [...(this.#sites.get(bridge)?.ports.values() ?? [])];
  }

  bridgeOf(port: string): DatapathId | null {
    for (const [bridge, { ports }] of this.#sites) if (ports.has(port)) return bridge;
    return null;
  }

  numberOf(port: string): number | null {
    for (const { ports } of this.#sites.values()) if (ports.has(port)) return ports.get(port)!.no;
    return null;
  }

  tunnel(from: DatapathId, to: DatapathId): string | null {
    const site = this.#sites.get(from);
    const port = site?.tunnels.get(to)?.port;
    return port !== undefined && site?.ports.has(port) ? port : null;
  }

  placeOf(bridge: DatapathId): Place {
    const isHere = (e: FlowEntry) => e.match.inPort === undefined;
    return {
      has: (port) => this.bridgeOf(port) !== null,
      found: (table) => this.keys.found(bridge, table),
      keepOnly: (nets) => this.keys.keepOnly(nets),
      here: (whole, nets, standIns, ids) => {
        const parts = whole.parts.map(({ nets, table }) => ({ nets, table: onBridge(table, bridge, this, ids) }));
        const blind = new Set(parts.filter((p) => p.table.isBlind).flatMap((p) => p.nets));
        const entries = [
          ...whole.table.entries.filter(isHere),
          ...this.#arrivals(bridge),
          ...parts.flatMap((p) => p.table.entries),
        ];
        const notArmed = new Map([...armedByHostAlone(nets, standIns, blind), ...whole.notArmed]);
        return { ...whole, notArmed, table: { entries, groups: parts.flatMap((p) => p.table.groups) }, parts };
      },
    };
  }

  #arrivals(bridge: DatapathId): FlowEntry[] {
    const tunnels = [...(this.#sites.get(bridge)?.tunnels.keys() ?? [])].flatMap((to) => this.tunnel(bridge, to) ?? []);
    return tunnels.map(arrival);
  }

  /** The whole as probes and counters need it; the same as long as `main`, the session of the first bridge, is. */
  whole(main: FlowSwitch): FlowSwitch {
    if (this.#mainOf !== main) {
      this.#mainOf = main;
      this.#whole = this.#wholeOf(main);
    }
    return this.#whole as FlowSwitch;
  }

  #wholeOf(main: FlowSwitch): FlowSwitch {
    const portsOf = (sessions: readonly FlowSwitch[]) => this.#portsOf(sessions);
    const up = () => this.sessions();
    const sessionOf = (port: string) => up().find((s) => s.ports.has(port)) ?? main;
    return {
      datapath: main.datapath,
      abilities: main.abilities,
      get ports() {
        return portsOf(up());
      },
      read: () => main.read(),
      apply: (phases) => main.apply(phases),
      packetOut: (port, frame) => sessionOf(port).packetOut(port, frame),
      inOneWrite: (send) => up().reduce<() => void>((inner, s) => () => s.inOneWrite(inner), send)(),
      portCounters: async (of) => {
        const all = await Promise.allSettled(up().map((s) => s.portCounters(of)));
        return new Map<string, CountedPort>(all.flatMap((a) => (a.status === "fulfilled" ? [...a.value] : [])));
      },
    };
  }

  /** Where several have a port of one name it is the first one's, as `bridgeOf` has it. */
  #portsOf(sessions: readonly FlowSwitch[]): ReadonlyMap<string, SwitchPort> {
    const at = sessions.map((s) => `${s.datapath}/${s.portsVersion ?? ""}`).join();
    if (this.#ports?.at !== at) this.#ports = { at, all: new Map(sessions.toReversed().flatMap((s) => [...s.ports])) };
    return this.#ports.all;
  }
}
