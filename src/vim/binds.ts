import { Fault } from "../lib/fault.ts";
import type { NetId } from "../model/ids.ts";
import type { Applied } from "../model/switch.ts";
import type { VimNet, VimPicture } from "../model/vim-picture.ts";
import { updateBind } from "../store/vim-picture.ts";
import type { Capacities } from "./capacities.ts";
import type { VimEvents } from "./events.ts";
import type { Fabrics } from "./fabrics.ts";
import type { Picture } from "./picture.ts";
import { checkBindPlaces } from "./places.ts";
import { isLater } from "./refusals.ts";
import { type BindChange, SwitchOvers } from "./switch-over.ts";

type Bindable = { readonly nets: Pick<VimPicture["nets"], "get"> } & Pick<VimPicture, "boundTo">;

/** Throws NOT_FOUND, INVALID or CONFLICT with a sentence that says which rule a bind breaks. */
export function checkBind(picture: Bindable, netId: NetId, target: NetId | null): VimNet {
  const { nets } = picture;
  const net = nets.get(netId);
  if (!net) throw new Fault("NOT_FOUND", `network '${netId}' not found`);
  if (target === null) return net;
  const to = nets.get(target);
  if (!to) throw new Fault("NOT_FOUND", `network '${target}' not found`);
  if (netId === target) throw new Fault("INVALID", `network '${net.name}' cannot be bound to itself`);
  for (const n of [net, to]) {
    if (n.kind !== "data" && n.kind !== "ptp") {
      throw new Fault("INVALID", `network '${n.name}' is of type ${n.kind}; only 'data' and 'ptp' networks can be bound`);
    }
  }
  if (to.bindNet !== null) {
    throw new Fault(
      "CONFLICT",
      `network '${to.name}' is bound itself (to '${nets.get(to.bindNet)?.name ?? to.bindNet}'): binds do not chain`,
    );
  }
  const bound = picture.boundTo(netId)[0];
  if (bound) throw new Fault("CONFLICT", `network '${bound.name}' is bound to '${net.name}': binds do not chain`);
  return net;
}

/** The same rules for the second net of a 1+1. Throws INVALID where it is no second one. */
function checkCopy(picture: Bindable, netId: NetId, target: NetId | null, copy: NetId): void {
  const net = checkBind(picture, netId, copy);
  if (target === null || target === copy)
    throw new Fault("INVALID", `network '${net.name}' is led into two networks at once: name two that differ`);
}

/**
 * Moves traffic. The order is the point: the flow change is on the wire before this function first waits, then the bind is
 * written, then the switch's barrier and the disk are waited for.
 */
export class Binds {
  readonly #picture: Picture;
  readonly #fabric: Fabrics;
  readonly #overs: SwitchOvers;
  readonly #capacities: Capacities;

  constructor(picture: Picture, fabric: Fabrics, events: VimEvents, capacities: Capacities) {
    this.#picture = picture;
    this.#capacities = capacities;
    this.#fabric = fabric;
    this.#overs = new SwitchOvers(picture, fabric, events);
  }

  /** Whether it could be bound so now, by this VLAN. Throws as `changeBind`, and changes nothing. */
  check(netId: NetId, target: NetId | null, bindVlan?: number | null): void {
    const net = checkBind(this.#picture, netId, target);
    this.#checkPlaces({ ...net, bindVlan: bindVlan === undefined ? net.bindVlan : bindVlan }, target);
  }

  #checkPlaces(net: VimNet, target: NetId | null): void {
    if (target !== null) checkBindPlaces(this.#picture, net, this.#picture.nets.get(target)!);
  }

  /**
   * Binds a net to another, or with null to none; with `copy` to two at once (1+1). Resolves with the times of the change, or null when
   * no switch is connected (it is written when one comes). Rejects, and leaves everything as it was, when the switch refuses or the
   * disk fails; and with CONFLICT when the VLAN of the bind is another net's there, when the member there carries all it may by what is
   * armed (two decisions crossed on their way), or
   * when somebody has led the net elsewhere before it was done.
   */
  async changeBind(netId: NetId, target: NetId | null, copy: NetId | null = null): Promise<Applied | null> {
    const was = checkBind(this.#picture, netId, target);
    if (copy !== null) checkCopy(this.#picture, netId, target, copy);
    for (const to of [target, copy]) this.#checkPlaces(was, to);
    this.#checkRoom(was, target);
    const change: BindChange = { netId, target, was: was.bindNet, copy, wasCopy: was.copyNet };
    const written = this.#lead(change);
    const stored = this.#store(netId);
    written?.catch(() => {}); // Waited for below, after the disk.
    const applied = await this.#done(stored, written).catch(async (e: unknown) => {
      if (isLater(e)) return null;
      await this.#takeBack(change);
      throw e;
    });
    this.#checkStands(change);
    return applied;
  }

  #checkRoom({ id, name, bindNet }: VimNet, target: NetId | null): void {
    const obstacle = target === null || target === bindNet ? null : this.#capacities.obstacle(target, id, new Map());
    if (obstacle !== null) throw new Fault("CONFLICT", `network '${name}' cannot be led there: ${obstacle}`);
  }

  async #done(stored: Promise<void>, written: Promise<Applied | null> | null): Promise<Applied | null> {
    await stored;
    return written === null ? this.#fabric.reconcile() : written;
  }

  /** Another change of the same bind came in between: done, or taken back because the switch refused it. */
  #checkStands({ netId, target, copy }: BindChange): void {
    const net = this.#picture.nets.get(netId);
    if (!net || (net.bindNet === target && net.copyNet === copy)) return;
    const names = [net.bindNet, net.copyNet]
      .filter((id) => id !== null)
      .map((id) => `'${this.#picture.nets.get(id)?.name ?? id}'`);
    const to = names.join(" and ") || "nothing";
    throw new Fault("CONFLICT", `network '${net.name}' was bound to ${to} while this was under way: read it, and ask again`);
  }

  /** Into the picture, onto the wire, to the subscribers: without waiting for anything. */
  #lead(change: BindChange): Promise<Applied | null> | null {
    return this.#picture.nets.has(change.netId) ? this.#overs.lead({ binds: [change], fences: [] }) : null;
  }

  #store(netId: NetId): Promise<void> {
    return this.#picture.change(async () => {
      await new Promise(setImmediate); // Binds that came in the same moment go on the wire before the disk holds this thread.
      const net = this.#picture.nets.get(netId);
      if (net) await updateBind(this.#picture.db, net);
    });
  }

  /** Undo, unless somebody moved the bind again in the meantime. */
  async #takeBack(change: BindChange): Promise<void> {
    const back = this.#overs.backOf({ binds: [change], fences: [] }, "");
    if (back === null) return;
    this.#overs.lead(back)?.catch(() => {}); // The fabric distrusts itself and reads the switch in its next pass.
    await this.#store(change.netId).catch(() => {}); // The disk fails: the caller hears of the first failure.
  }
}
