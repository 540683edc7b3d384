import { createHash, randomBytes } from "node:crypto";
import { Fault, type FaultCode } from "../lib/fault.ts";
import { PROBE_MAC } from "../model/flow.ts";
import type { HostId, NetId, VimPortId } from "../model/ids.ts";
import type { Asked, Change, ServerPort, VimNet } from "../model/vim-picture.ts";
import { deletePort, savePort } from "../store/vim-picture.ts";
import { checkSenders, type OnBridges } from "./allowed-senders.ts";
import { checkFree, found, given, newId } from "./asking.ts";
import type { Draft } from "./draft.ts";
import { ownPortOf } from "./own-ports.ts";
import type { Picture } from "./picture.ts";
import { checkPlace } from "./places.ts";
import { ipIn, ipOfMoved } from "./port-addresses.ts";

/** Throws INVALID, or the code given, where the net has no place for one more port of the switch. */
export function checkRoom(picture: Picture, net: VimNet, added = 1, code: FaultCode = "INVALID"): void {
  if (net.kind !== "data" && net.kind !== "ptp") {
    throw new Fault(code, `network '${net.name}' is of type ${net.kind}; a port of the switch needs a 'data' or 'ptp' network`);
  }
  if (net.kind !== "ptp") return;
  const ends = picture.portsIn(net.id).length + (net.provider?.startsWith("openflow:") ? 1 : 0);
  if (ends + added > 2) throw new Fault(code, `network '${net.name}' is of type ptp: it has two ends, and ${ends} are taken`);
}

/** IEEE 802.1Q: 4095 is reserved. */
const VLAN_MAX = 4094;

/** Throws INVALID for a number that no tag can have. */
export function checkVlan(vlan: number | null | undefined, wireName: string): void {
  if (vlan !== null && vlan !== undefined && (vlan < 1 || vlan > VLAN_MAX))
    throw new Fault("INVALID", `${wireName}: want a VLAN id of 1..${VLAN_MAX}, got ${vlan}`);
}

/** Throws FORBIDDEN for a port that the VIM itself has in a net. */
function checkIsSomebodys(port: ServerPort): void {
  const own = ownPortOf(port);
  if (own)
    throw new Fault(
      "FORBIDDEN",
      `this port is this VIM's own, of the network's ${own.name}: it comes and goes with ${own.goesWith} of the network`,
    );
}

type PortChange = Pick<Change<ServerPort>, "name" | "netId" | "bfd" | "portSecurity" | "allowedPairs">;

/** Link ports that somebody outside asks for; those of servers come and go with them. */
export class Ports {
  readonly #picture: Picture;
  readonly #draw: (draft: Draft) => void;
  readonly #onBridges: OnBridges;

  /** `draw`: into the picture and the switch. */
  constructor(picture: Picture, draw: (draft: Draft) => void, onBridges: OnBridges) {
    this.#picture = picture;
    this.#onBridges = onBridges;
    this.#draw = draw;
  }

  /** An external port: where a cable enters the switch. */
  createPort(asked: Asked<ServerPort, "name">): Promise<ServerPort> {
    return this.#picture.change(async () => {
      if (asked.mac) checkMac(this.#picture, asked.mac);
      checkVlan(asked.vlan, "binding:vlan");
      if (asked.tenantId) found(this.#picture.tenants, asked.tenantId, `tenant '${asked.tenantId}' not found`);
      if (asked.netId) this.#checkFits({ switchPort: asked.switchPort ?? null, vlan: asked.vlan ?? null }, asked.netId);
      const port = {
        ...barePort(asked.name),
        ...given(asked),
        kind: "external",
        id: newId(this.#picture.ports, asked.id),
      } as const;
      const net = port.netId === null ? null : this.#picture.nets.get(port.netId)!;
      const addressed = net === null || port.mac === null ? port : { ...port, ip: ipIn(this.#picture, net, port.ip) };
      checkSenders(addressed, this.#onBridges);
      return this.#save(addressed);
    });
  }

  /** Another name, another net, or with null none; BFD on it, or with null none; what it may send. */
  editPort(id: VimPortId, change: PortChange): Promise<ServerPort> {
    return this.#picture.change(async () => {
      const port = found(this.#picture.ports, id, `Port '${id}' not found`);
      const isMoved = change.netId !== undefined && change.netId !== port.netId;
      checkIsSomebodys(port);
      if (isMoved && port.kind === "instance:bridge")
        throw new Fault("FORBIDDEN", "bridge interfaces cannot be attached to a different net");
      if (change.bfd && port.switchPort === null)
        throw new Fault("INVALID", `port '${port.name}' is on no switch: give it a binding:switch_port to run BFD on`);
      if (isMoved && change.netId) this.#checkFits(port, change.netId, { noRoom: "CONFLICT", beside: id });
      const net = change.netId ? this.#picture.nets.get(change.netId)! : null;
      const edited = { ...port, ...given(change), ip: isMoved ? ipOfMoved(this.#picture, port, net) : port.ip };
      checkSenders(edited, this.#onBridges);
      return this.#save(edited);
    });
  }

  deletePort(id: VimPortId): Promise<void> {
    return this.#picture.change(async () => {
      const port = this.#picture.ports.get(id);
      if (port?.kind !== "external") throw new Fault("NOT_FOUND", `External port '${id}' not found`);
      checkIsSomebodys(port);
      await deletePort(this.#picture.db, id);
      this.#draw({ gonePorts: [id] });
    });
  }

  #checkFits(
    { switchPort, vlan }: Pick<ServerPort, "switchPort" | "vlan">,
    netId: NetId,
    { noRoom, beside = null }: { readonly noRoom?: FaultCode; readonly beside?: VimPortId | null } = {},
  ): void {
    const net = found(this.#picture.nets, netId, `network '${netId}' not found`);
    checkRoom(this.#picture, net, 1, noRoom);
    checkPlace(this.#picture, net, switchPort === null ? null : { switchPort, vlan }, beside);
  }

  async #save(port: ServerPort): Promise<ServerPort> {
    await savePort(this.#picture.db, port);
    const fenced = this.#picture.ports.get(port.id)?.fenced ?? port.fenced; // May have changed while the row was written.
    this.#draw({ ports: [{ ...port, fenced }] });
    return port;
  }
}

/** A port with nothing said about it. */
export const barePort = (name: string): Omit<ServerPort, "id" | "kind"> => ({
  name,
  tenantId: null,
  netId: null,
  serverId: null,
  mac: null,
  ip: null,
  switchPort: null,
  vlan: null,
  bandwidthMbps: null,
  adminUp: true,
  status: "ACTIVE",
  fenced: false,
  portSecurity: null,
  allowedPairs: [],
  bfd: null,
  vpci: null,
  model: null,
});

/** Throws CONFLICT for the address of another port, INVALID for the one that our own probes come from. */
export function checkMac(picture: Picture, mac: string, siblings: readonly ServerPort[] = []): void {
  if (mac === PROBE_MAC) throw new Fault("INVALID", `mac_address ${mac} is that of this VIM's own probes: choose another`);
  checkFree([...picture.ports.by("mac", mac), ...siblings.filter((p) => p.mac === mac)], undefined, "mac", mac);
}

/** A unicast address that nobody sells: OpenVIM's 52:… has the "locally administered" bit. */
export function newMac(taken: (mac: string) => boolean): string {
  for (;;) {
    const mac = `52:${randomBytes(5).toString("hex").match(/../g)!.join(":")}`;
    if (mac !== PROBE_MAC && !taken(mac)) return mac;
  }
}

/** IFNAMSIZ less its closing zero is 15: three letters and 44 bits of the port's id. */
export const tapName = (id: VimPortId): string => `tap${id.replaceAll("-", "").slice(0, 11)}`;

/** libvirt makes the tap of a vNIC on a bridge, by this name: of the port there, so that its old life on another host of the same machine has another. */
export const bridgeTapName = (id: VimPortId, host: HostId): string =>
  `brt${createHash("sha256").update(`${id}/${host}`).digest("hex").slice(0, 11)}`;

/** A tap for the same port on another host: while the old one may still pass packets nothing of it may be mistaken for the new. */
export const movedTapName = (id: VimPortId, taskNo: number): string =>
  `tap${createHash("sha256").update(`${id}/${taskNo}`).digest("hex").slice(0, 11)}`;
