import type { Evidence } from "../model/evidence.ts";
import type { NetId, VimPortId } from "../model/ids.ts";
import type { Applied } from "../model/switch.ts";
import type { Ahead } from "./ahead.ts";
import type { Draft } from "./draft.ts";
import type { VimEvents } from "./events.ts";
import type { Fabrics } from "./fabrics.ts";
import type { Picture } from "./picture.ts";

/** Binds that move and ports that are closed or opened: one change of the switch. */
export interface SwitchOver {
  readonly binds: readonly BindChange[];
  readonly fences: readonly Fence[];
}

export interface BindChange {
  readonly netId: NetId;
  readonly target: NetId | null;
  readonly was: NetId | null;
  /** The second net of a 1+1, afterwards and before; left out: none. */
  readonly copy?: NetId | null;
  readonly wasCopy?: NetId | null;
}

export interface Fence {
  readonly portId: VimPortId;
  readonly fenced: boolean;
  /** Told to the subscribers as evidence, with this detail; null: not told. */
  readonly tell: string | null;
}

export interface Piece {
  readonly over: SwitchOver;
  readonly ahead: Ahead | null;
}

/** Leads a change into the picture, onto the wire and to the subscribers, in this order and without waiting for anything. */
export class SwitchOvers {
  readonly #picture: Picture;
  readonly #fabric: Fabrics;
  readonly #events: VimEvents;

  constructor(picture: Picture, fabric: Fabrics, events: VimEvents) {
    this.#picture = picture;
    this.#fabric = fabric;
    this.#events = events;
  }

  /** As `Fabric.writeAround`: what was to be written has left when this returns. */
  lead(over: SwitchOver): Promise<Applied | null> | null {
    return this.leadAll([{ over, ahead: null }]);
  }

  /** The same for several that leave together, each with what was worked out for it ahead. */
  leadAll(pieces: readonly Piece[]): Promise<Applied | null> | null {
    const written = this.#fabric.writeAll(pieces.map(({ over, ahead }) => ({ draft: this.draftOf(over), ahead })));
    for (const { over } of pieces) this.#tell(over);
    return written;
  }

  #tell(over: SwitchOver): void {
    const seenAt = this.#events.now();
    for (const fence of over.fences) {
      if (fence.tell !== null) this.#events.push({ type: "evidence", evidence: fenceEvidence(fence, fence.tell, seenAt) });
    }
    for (const { netId, target, was, copy = null, wasCopy = null } of over.binds) {
      if (was !== target || copy !== wasCopy)
        this.#events.push({ type: "net.bound", netId, bindNet: target, was, ...(copy === null ? {} : { copyNet: copy }) });
    }
  }

  /** Undo, but not of what somebody changed again in the meantime; null where nothing is left to undo. */
  backOf(over: SwitchOver, why: string): SwitchOver | null {
    const { nets, ports } = this.#picture;
    const binds = over.binds
      .filter((b) => nets.get(b.netId)?.bindNet === b.target && nets.get(b.netId)?.copyNet === (b.copy ?? null))
      .map((b) => ({ netId: b.netId, target: b.was, was: b.target, copy: b.wasCopy ?? null, wasCopy: b.copy ?? null }));
    const fences = over.fences
      .filter((f) => ports.get(f.portId)?.fenced === f.fenced)
      .map((f) => ({ ...f, fenced: !f.fenced, tell: f.tell && why }));
    return binds.length + fences.length === 0 ? null : { binds, fences };
  }

  draftOf({ binds, fences }: SwitchOver): Draft {
    const { nets, ports } = this.#picture;
    return {
      nets: binds.flatMap(({ netId, target, copy = null }) => {
        const net = nets.get(netId);
        return net ? [{ ...net, bindNet: target, copyNet: copy }] : [];
      }),
      ports: fences.flatMap(({ portId, fenced }) => {
        const port = ports.get(portId);
        return port ? [{ ...port, fenced }] : [];
      }),
    };
  }
}

/** A port that is opened takes the fence's own word back: the same source says the opposite. */
const fenceEvidence = ({ portId, fenced }: Fence, detail: string, seenAt: number): Evidence => ({
  about: { kind: "port", id: portId },
  says: fenced ? "fenced" : "linkUp",
  source: "fence",
  seenAt,
  detail,
});
