import { createHash, randomBytes } from "node:crypto";
import { Fault } from "../lib/fault.ts";
import type { NetId, VimPortId } from "../model/ids.ts";
import type { Asked, Change, ServerPort, VimNet } from "../model/vim-picture.ts";
import { deletePort, savePort } from "../store/vim-picture.ts";
import { checkUnique, found, given, newId } from "./asking.ts";
import type { Picture } from "./picture.ts";

/** Throws INVALID where the net has no place for one more port of the switch. */
export function checkRoom(picture: Picture, net: VimNet, added = 1): void {
  if (net.kind !== "data" && net.kind !== "ptp") {
    throw new Fault(
      "INVALID",
      `network '${net.name}' is of type ${net.kind}; a port of the switch needs a 'data' or 'ptp' network`,
    );
  }
  if (net.kind !== "ptp") return;
  const ends = picture.portsIn(net.id).length + (net.provider?.startsWith("openflow:") ? 1 : 0);
  if (ends + added > 2)
    throw new Fault("INVALID", `network '${net.name}' is of type ptp: it has two ends, and ${ends} are taken`);
}

/** Link ports that somebody outside asks for; those of servers come and go with them. */
export class Ports {
  readonly #picture: Picture;
  readonly #changed: () => void;

  constructor(picture: Picture, changed: () => void) {
    this.#picture = picture;
    this.#changed = changed;
  }

  /** An external port: where a cable enters the switch. */
  createPort(asked: Asked<ServerPort, "name">): Promise<ServerPort> {
    return this.#picture.change(async () => {
      checkUnique(this.#picture.ports, undefined, "mac", asked.mac, "mac");
      if (asked.netId) checkRoom(this.#picture, this.#net(asked.netId));
      return this.#save({ ...barePort(asked.name), ...given(asked), kind: "external", id: newId(this.#picture.ports, asked.id) });
    });
  }

  /** Another name, another net, or with null none; BFD on it, or with null none. */
  editPort(id: VimPortId, change: Pick<Change<ServerPort>, "name" | "netId" | "bfd">): Promise<ServerPort> {
    return this.#picture.change(async () => {
      const port = found(this.#picture.ports, id, `port '${id}' not found`);
      const isMoved = change.netId !== undefined && change.netId !== port.netId;
      if (isMoved && port.kind === "instance:bridge")
        throw new Fault("INVALID", "a port of a bridge cannot be moved to another network");
      if (change.bfd && port.switchPort === null)
        throw new Fault("INVALID", `port '${port.name}' is on no switch: give it a binding:switch_port to run BFD on`);
      if (isMoved && change.netId) checkRoom(this.#picture, this.#net(change.netId));
      return this.#save({ ...port, ...given(change) });
    });
  }

  deletePort(id: VimPortId): Promise<void> {
    return this.#picture.change(async () => {
      if (this.#picture.ports.get(id)?.kind !== "external") throw new Fault("NOT_FOUND", `External port '${id}' not found`);
      await deletePort(this.#picture.db, id);
      this.#picture.ports.delete(id);
      this.#changed();
    });
  }

  #net(id: NetId): VimNet {
    return found(this.#picture.nets, id, `network '${id}' not found`);
  }

  async #save(port: ServerPort): Promise<ServerPort> {
    await savePort(this.#picture.db, port);
    const fenced = this.#picture.ports.get(port.id)?.fenced ?? port.fenced; // May have changed while the row was written.
    this.#picture.ports.set(port.id, { ...port, fenced });
    this.#changed();
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
  bfd: null,
  vpci: null,
  model: null,
});

/** A unicast address that nobody sells: OpenVIM's 52:… has the "locally administered" bit. */
export function newMac(taken: (mac: string) => boolean): string {
  for (;;) {
    const mac = `52:${randomBytes(5).toString("hex").match(/../g)!.join(":")}`;
    if (!taken(mac)) return mac;
  }
}

/** IFNAMSIZ less its closing zero is 15: three letters and 44 bits of the port's id. */
export const tapName = (id: VimPortId): string => `tap${id.replaceAll("-", "").slice(0, 11)}`;

/** A tap for the same port on another host: while the old one may still pass packets nothing of it may be mistaken for the new. */
export const movedTapName = (id: VimPortId, taskNo: number): string =>
  `tap${createHash("sha256").update(`${id}/${taskNo}`).digest("hex").slice(0, 11)}`;
