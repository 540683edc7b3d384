import type { NetId } from "../model/ids.ts";
import type { ServerPort, VimNet } from "../model/vim-picture.ts";
import { type Outside, outsideOf } from "../steer/fabric.ts";

/**
 * Tells when what a net's flow entries follow from has last changed: its own row, its ports, who is bound to it, and who else is on the
 * switch ports of its own.
 */
export class FlowVersions {
  readonly #changedAt = new Map<NetId, number>();
  readonly #neighbours: (at: Outside) => Iterable<NetId>;
  /** Grows with every such change. */
  now = 0;

  /** `neighbours`: the nets whose entries follow from what is at this place of the switch. */
  constructor(neighbours: (at: Outside) => Iterable<NetId>) {
    this.#neighbours = neighbours;
  }

  areUnchangedSince(at: number, nets: Iterable<NetId>): boolean {
    for (const id of nets) if ((this.#changedAt.get(id) ?? 0) > at) return false;
    return true;
  }

  /** Something else has changed that the entries of these nets follow from. */
  touch(nets: Iterable<NetId>): void {
    for (const id of nets) this.#change(id);
  }

  netChanged(had: VimNet | undefined, now: VimNet | undefined): void {
    if (had && now && textOfNet(had) === textOfNet(now)) return;
    for (const net of [had, now]) {
      this.#change(net?.id ?? null);
      this.#change(net?.bindNet ?? null);
      this.#changeAt(net ? outsideOf(net) : null);
    }
  }

  portChanged(had: ServerPort | undefined, now: ServerPort | undefined): void {
    if (had && now && textOfPort(had) === textOfPort(now)) return;
    this.#change(had?.netId ?? null);
    this.#change(now?.netId ?? null);
    for (const port of [had, now]) if (port?.switchPort) this.#changeAt({ switchPort: port.switchPort, vlan: port.vlan });
  }

  #changeAt(place: Outside | null): void {
    if (place !== null) for (const id of this.#neighbours(place)) this.#change(id);
  }

  #change(id: NetId | null): void {
    if (id !== null) this.#changedAt.set(id, ++this.now);
  }
}

/** All of a row but what is known to be without effect on the switch: a member that is added later counts until it is named here. */
function textOfNet({ name, description, status, lastError, ...rest }: VimNet & { description?: unknown }): string {
  return JSON.stringify(rest);
}

function textOfPort({ status, name, ...rest }: ServerPort): string {
  return JSON.stringify(rest);
}
