import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { DatapathId, NetId } from "../model/ids.ts";
import type { Applied } from "../model/switch.ts";
import { datapathOf } from "../model/switch-port-name.ts";
import { outsideOf } from "../steer/fabric.ts";
import { reachOf } from "../steer/reach.ts";
import { NO_STAND_INS, type StandIns } from "../steer/stand-ins.ts";
import type { FlowSwitch } from "../switch/flow-switch.ts";
import type { Ahead, Part } from "./ahead.ts";
import { asItStands, type Draft, touchedBy } from "./draft.ts";
import { Fabric, NOT_TAKEN } from "./fabric.ts";
import type { Overlay } from "./overlay.ts";
import type { Picture } from "./picture.ts";

/** OpenVIM answers before it has asked any controller; who moves a bind wants to hear that it stands, but not for long. */
const ANSWER_MS = 1_000;

interface Touched {
  readonly isOwn: boolean;
  readonly others: readonly Fabric[];
  readonly nets: ReadonlySet<NetId>;
}

const GROUPLESS =
  "its bridge speaks OpenFlow 1.0, and bridges of several hosts must speak 1.3 to lead packets to each other: ovs-vsctl set bridge BRIDGE protocols=OpenFlow13";

const NO_NETS: ReadonlySet<NetId> = new Set();

/**
 * All switches: the VIM's own, and those behind controllers of others. Each is led by a fabric of its own over the same picture, and
 * takes of it the ports that are its own. What does not touch the others is done as if there were none.
 */
export class Fabrics {
  readonly #picture: Picture;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #own: Fabric;
  readonly #others = new Map<DatapathId, Fabric>();
  /** Bridges of hosts that are one switch with the own one. */
  readonly #peers = new Map<DatapathId, Fabric>();
  /** Bridges of the overlay that speak OpenFlow 1.0: a tunnel's key, which says where a packet goes, has no words there. */
  readonly #groupless = new Map<DatapathId, FlowSwitch>();
  #overlay: Overlay | null = null;
  #arePlacesKnown = false;
  #standIns: StandIns = NO_STAND_INS;
  #spread: { readonly at: number; readonly nets: ReadonlyMap<NetId, string> } | null = null;

  constructor(picture: Picture, clock: Clock, log: Log, wake: () => void) {
    this.#picture = picture;
    this.#clock = clock;
    this.#log = log;
    this.#own = new Fabric(picture, clock, log, wake);
  }

  /** A switch that is led from now on through somebody else's controller. */
  add(datapath: DatapathId, wake: () => void): Fabric {
    const fabric = new Fabric(this.#picture, this.#clock, this.#log, wake, (port) => datapathOf(port) === datapath);
    fabric.useStandIns(this.#standIns);
    this.#others.set(datapath, fabric);
    return fabric;
  }

  /** What stands there stays. */
  remove(datapath: DatapathId): void {
    this.#others.delete(datapath);
  }

  /** From now on the own switch is one of several bridges that are one together; `main`: which of them. */
  useOverlay(overlay: Overlay, main: DatapathId): void {
    this.#overlay = overlay;
    this.#own.usePlace(overlay.placeOf(main));
  }

  /** Another bridge of the overlay. */
  addPeer(overlay: Overlay, bridge: DatapathId, wake: () => void): Fabric {
    const fabric = new Fabric(this.#picture, this.#clock, this.#log, wake);
    fabric.usePlace(overlay.placeOf(bridge));
    fabric.useStandIns(this.#standIns);
    this.#peers.set(bridge, fabric);
    return fabric;
  }

  removePeer(bridge: DatapathId): void {
    this.#peers.delete(bridge);
  }

  /** Undefined where the overlay has no such bridge, and for the own one. */
  peerAt(bridge: DatapathId): Fabric | undefined {
    return this.#peers.get(bridge);
  }

  /** Where ports are, or which tunnels there are, has changed. */
  placesChanged(): void {
    for (const fabric of [this.#own, ...this.#peers.values()]) fabric.follow();
  }

  /** Of a switch behind somebody else's controller; undefined where none is led. */
  at(datapath: DatapathId): Fabric | undefined {
    return this.#others.get(datapath);
  }

  /** With the VIM's own switch, as all that follows where nothing else is said. */
  get session(): FlowSwitch | null {
    const own = this.#own.session;
    return own === null || this.#overlay === null ? own : this.#overlay.whole(own);
  }

  get isCleared(): boolean {
    return this.#own.isCleared;
  }

  get isStanding(): boolean {
    return this.#own.isStanding;
  }

  get isSettled(): boolean {
    const reached = [...this.#peers].filter(([bridge]) => !this.#overlay?.isCutOff(bridge));
    return this.#own.isSettled && reached.every(([, fabric]) => fabric.isSettled);
  }

  /** Of all switches. */
  get problems(): ReadonlyMap<NetId, string> {
    if (this.#isAlone && this.#groupless.size === 0) return this.#own.problems;
    return new Map([...this.#all().flatMap((f) => [...f.problems]), ...this.#spreadNets(), ...this.#leftOut()]);
  }

  /** Of all switches. */
  get notArmed(): ReadonlyMap<NetId, string> {
    if (this.#isAlone) return this.#own.notArmed;
    return new Map(this.#all().flatMap((f) => [...f.notArmed]));
  }

  useStandIns(standIns: StandIns): void {
    this.#standIns = standIns;
    for (const fabric of this.#all()) fabric.useStandIns(standIns);
  }

  onInStep(listener: () => void): void {
    this.#own.onInStep(listener);
  }

  /** The own switch, or another bridge of the overlay. */
  connected(session: FlowSwitch): void {
    if (this.#overlay !== null && session.abilities.noGroups !== null) {
      this.#groupless.set(session.datapath, session);
      this.#log.error({ datapath: session.datapath }, GROUPLESS);
      return;
    }
    this.#groupless.delete(session.datapath);
    this.#overlay?.connected(session);
    if (this.#overlay !== null && !this.#arePlacesKnown) return; // `placesKnown` comes to it.
    this.#ledAt(session.datapath).connected(session);
    if (this.#overlay !== null) this.placesChanged();
  }

  /** From now on the bridges of the overlay are written to: before, where a port is was not known of all. */
  placesKnown(): void {
    if (this.#arePlacesKnown) return;
    this.#arePlacesKnown = true;
    for (const session of this.#overlay?.sessions() ?? []) this.#ledAt(session.datapath).connected(session);
  }

  disconnected(datapath: DatapathId): void {
    this.#groupless.delete(datapath);
    this.#overlay?.disconnected(datapath);
    this.#ledAt(datapath).disconnected(datapath);
  }

  /** Left out: the own switch. */
  distrust(datapath?: DatapathId): void {
    (datapath === undefined ? this.#own : this.#ledAt(datapath)).distrust();
  }

  #ledAt(datapath: DatapathId): Fabric {
    return this.#peers.get(datapath) ?? this.#own;
  }

  portsChanged(reason: "add" | "delete", name: string): void {
    for (const fabric of [this.#own, ...this.#peers.values()]) fabric.portsChanged(reason, name);
  }

  prepare(draft: Draft): Ahead | null {
    return this.#own.prepare(draft);
  }

  isGood(ahead: Ahead): boolean {
    return this.#own.isGood(ahead);
  }

  writeAround(draft: Draft): Promise<Applied | null> | null {
    return this.writeAll([{ draft, ahead: null }]);
  }

  /**
   * The own switch first: what a controller has to say takes longer. Confirmed when every switch that it touches has confirmed it; null
   * where one of them is not connected, or its controller needs longer than anybody should wait: it goes on, and what it refuses then is
   * found again by the next pass.
   */
  writeAll(parts: readonly Part[]): Promise<Applied | null> | null {
    const { isOwn, others, nets } = this.#touchedBy(parts);
    const own = this.#own.writeAll(parts);
    const peers = this.#reachedPeers();
    if (others.length === 0 && peers.length === 0) return own;
    const asked = peers.map((f) => f.writeDrawn(nets) ?? f.reconcile());
    for (const f of others) asked.push(this.#soon(f.writeDrawn(nets) ?? f.reconcile()));
    if (isOwn) asked.unshift(own ?? this.#own.reconcile());
    else own?.catch(() => {}); // It distrusts itself, and its next pass reads the switch.
    return allOf(asked);
  }

  writeUnattended(draft: Draft): void {
    const { others, nets } = this.#touchedBy([{ draft, ahead: null }]);
    this.#own.writeUnattended(draft);
    for (const fabric of [...this.#reachedPeers(), ...others])
      fabric.writeDrawn(nets)?.catch((err: unknown) => this.#log.warn({ err }, NOT_TAKEN));
  }

  followFor(nets: Iterable<NetId>): void {
    const touched = [...nets];
    for (const fabric of this.#all()) fabric.followFor(touched);
  }

  /** Of the own switch; each of the others has a loop of its own, that no slow controller holds another up. */
  reconcile(): Promise<Applied | null> {
    return this.#own.reconcile();
  }

  /** All switches. One that fails keeps no other from it; then rejects as the first that did. */
  async clear(): Promise<void> {
    await allOf(this.#all().map((f) => f.clear().then(() => null)));
  }

  /** All switches, as `clear`. */
  async reinstall(): Promise<Applied | null> {
    return allOf(this.#all().map((f) => f.reinstall()));
  }

  /** What it resolves with, or null after `ANSWER_MS`. */
  async #soon(asked: Promise<Applied | null>): Promise<Applied | null> {
    const isOver = new AbortController();
    const later = this.#clock.sleep(ANSWER_MS, isOver.signal).then(() => {
      asked.catch((err: unknown) => this.#log.warn({ err }, NOT_TAKEN));
      return null;
    });
    try {
      return await Promise.race([asked, later]);
    } finally {
      later.catch(() => {}); // It is ended before its time.
      isOver.abort();
    }
  }

  #all(): Fabric[] {
    return [this.#own, ...this.#peers.values(), ...this.#others.values()];
  }

  get #isAlone(): boolean {
    return this.#others.size === 0 && this.#peers.size === 0;
  }

  /** Those that we speak to: what another one lacks it is given when it comes back. */
  #reachedPeers(): Fabric[] {
    return [...this.#peers.values()].filter((f) => f.session !== null);
  }

  /** The switches and nets that changes touch which are not drawn yet; with no other switch than the own one they are not looked for. */
  #touchedBy(parts: readonly Part[]): Touched {
    if (this.#isAlone) return { isOwn: true, others: [], nets: NO_NETS };
    const drafts = parts.map((p) => p.draft);
    const touched = drafts.flatMap((draft) => [...touchedBy(this.#picture, draft)]);
    const nets = reachOf(touched, this.#standIns, asItStands(this.#picture)).affected;
    const places = new Set<DatapathId | null>();
    const at = (switchPort: string | null | undefined) => switchPort != null && places.add(datapathOf(switchPort));
    for (const id of nets) {
      const net = this.#picture.nets.get(id);
      if (net) at(outsideOf(net)?.switchPort);
      for (const { switchPort } of this.#picture.portsIn(id)) at(switchPort);
    }
    for (const draft of drafts) {
      for (const net of draft.nets ?? []) at(outsideOf(net)?.switchPort);
      for (const { switchPort } of draft.ports ?? []) at(switchPort);
    }
    return {
      isOwn: places.has(null),
      others: [...this.#others].flatMap(([datapath, fabric]) => (places.has(datapath) ? [fabric] : [])),
      nets,
    };
  }

  /** Nets with ports on a bridge that is written nothing. */
  #leftOut(): [NetId, string][] {
    return [...this.#groupless.values()].flatMap(({ ports }) =>
      [...ports.keys()].flatMap((port) =>
        this.#picture
          .portsOn(port)
          .flatMap(({ netId }): [NetId, string][] =>
            netId === null ? [] : [[netId, `switch port ${port} is led nowhere: ${GROUPLESS}`]],
          ),
      ),
    );
  }

  /** Nets whose ports are in several switches: between those nothing here leads. */
  #spreadNets(): ReadonlyMap<NetId, string> {
    const at = this.#picture.flowVersions.now;
    if (this.#spread?.at === at) return this.#spread.nets;
    const places = new Map<NetId, Set<DatapathId | null>>();
    for (const { netId, switchPort } of this.#picture.ports.values()) {
      if (netId === null || switchPort === null) continue;
      const root = this.#picture.nets.get(netId)?.bindNet ?? netId;
      places.set(root, (places.get(root) ?? new Set()).add(datapathOf(switchPort)));
    }
    const nets = new Map<NetId, string>();
    for (const [root, of] of places) {
      if (of.size < 2) continue;
      const names = [...of].map((datapath) => datapath ?? "this VIM's own").join(", ");
      const why = `its ports are in several switches (${names}), and nothing here leads from one to the other`;
      for (const { id } of [{ id: root }, ...this.#picture.boundTo(root)]) nets.set(id, why);
    }
    this.#spread = { at, nets };
    return nets;
  }
}

/** Null where one of them is null: it is written when its switch comes back. Rejects as the first that does, after all are over. */
async function allOf(asked: readonly Promise<Applied | null>[]): Promise<Applied | null> {
  const done = await Promise.allSettled(asked);
  const failed = done.find((d) => d.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  const all = done.map((d) => (d as PromiseFulfilledResult<Applied | null>).value);
  const known = all.filter((a) => a !== null);
  if (known.length < all.length || known.length === 0) return null;
  return {
    changes: known.reduce((sum, a) => sum + a.changes, 0),
    onWireAt: Math.max(...known.map((a) => a.onWireAt)),
    barrierAt: Math.max(...known.map((a) => a.barrierAt)),
  };
}
