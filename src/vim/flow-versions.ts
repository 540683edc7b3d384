import type { NetId } from "../model/ids.ts";
import type { ServerPort, VimNet } from "../model/vim-picture.ts";

/** Tells when what a net's flow entries follow from has last changed: its own row, its ports, and who is bound to it. */
export class FlowVersions {
  readonly #changedAt = new Map<NetId, number>();
  /** Grows with every such change. */
  now = 0;

  areUnchangedSince(at: number, nets: Iterable<NetId>): boolean {
    for (const id of nets) if ((this.#changedAt.get(id) ?? 0) > at) return false;
    return true;
  }

  netChanged(had: VimNet | undefined, now: VimNet | undefined): void {
    if (had && now && textOfNet(had) === textOfNet(now)) return;
    for (const net of [had, now]) {
      this.#change(net?.id ?? null);
      this.#change(net?.bindNet ?? null);
    }
  }

  portChanged(had: ServerPort | undefined, now: ServerPort | undefined): void {
    if (had && now && textOfPort(had) === textOfPort(now)) return;
    this.#change(had?.netId ?? null);
    this.#change(now?.netId ?? null);
  }

  #change(id: NetId | null): void {
    if (id !== null) this.#changedAt.set(id, ++this.now);
  }
}

/** All of a row but what is known to be without effect on the switch: a member that is added later counts until it is named here. */
function textOfNet({ name, description, status, lastError, ...rest }: VimNet & { description?: unknown }): string {
  return JSON.stringify(rest);
}

function textOfPort({ status, name, ip, ...rest }: ServerPort): string {
  return JSON.stringify(rest);
}
