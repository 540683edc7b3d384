import type { NetId } from "../model/ids.ts";
import type { ServerPort, VimNet } from "../model/vim-picture.ts";
import { type Outside, outsideOf } from "../steer/fabric.ts";

/** Changes whose nets are known without a search: those of some tenths of a second where very much is changed. */
const RECENT_MAX = 4_096;

/**
 * Tells when what a net's flow entries follow from has last changed: its own row, its ports, who is bound to it, and who else is on the
 * switch ports of its own.
 */
export class FlowVersions {
  readonly #changedAt = new Map<NetId, number>();
  /** Whose change each of the last numbers is. */
  readonly #recent: NetId[] = [];
  readonly #neighbours: (at: Outside) => Iterable<NetId>;
  readonly #tell: (net: NetId) => void;
  /** Grows with every such change. */
  now = 0;

  /** `neighbours`: the nets whose entries follow from what is at this place of the switch. `tell`: is told of each such change. */
  constructor(neighbours: (at: Outside) => Iterable<NetId>, tell: (net: NetId) => void = () => {}) {
    this.#neighbours = neighbours;
    this.#tell = tell;
  }

  areUnchangedSince(at: number, nets: Iterable<NetId>): boolean {
    for (const id of nets) if ((this.#changedAt.get(id) ?? 0) > at) return false;
    return true;
  }

  /** Nets that have changed since it was so. Costs what has changed, unless that is very much. */
  changedSince(at: number): NetId[] {
    if (this.now - at > RECENT_MAX) return [...this.#changedAt].flatMap(([id, changedAt]) => (changedAt > at ? [id] : []));
    const changed = new Set<NetId>();
    for (let n = at + 1; n <= this.now; n++) changed.add(this.#recent[n % RECENT_MAX]!);
    return [...changed];
  }

  /** Something else has changed that the entries of these nets follow from. */
  touch(nets: Iterable<NetId>): void {
    for (const id of nets) this.#change(id);
  }

  netChanged(had: VimNet | undefined, now: VimNet | undefined): void {
    if (had && now && areAlike(had, now, OF_NO_EFFECT_IN_A_NET)) return;
    for (const net of [had, now]) {
      this.#change(net?.id ?? null);
      this.#change(net?.bindNet ?? null);
      this.#change(net?.copyNet ?? null);
      this.#changeAt(net ? outsideOf(net) : null);
    }
  }

  portChanged(had: ServerPort | undefined, now: ServerPort | undefined): void {
    if (had && now && areAlike(had, now, OF_NO_EFFECT_IN_A_PORT)) return;
    this.#change(had?.netId ?? null);
    this.#change(now?.netId ?? null);
    for (const port of [had, now]) if (port?.switchPort) this.#changeAt({ switchPort: port.switchPort, vlan: port.vlan });
  }

  #changeAt(place: Outside | null): void {
    if (place !== null) for (const id of this.#neighbours(place)) this.#change(id);
  }

  #change(id: NetId | null): void {
    if (id === null) return;
    this.#changedAt.set(id, ++this.now);
    this.#recent[this.now % RECENT_MAX] = id;
    this.#tell(id);
  }
}

// What is known to be without effect on the switch: a member that is added later counts until it is named here.
const OF_NO_EFFECT_IN_A_NET: ReadonlySet<string> = new Set(["name", "description", "status", "lastError"]);
const OF_NO_EFFECT_IN_A_PORT: ReadonlySet<string> = new Set(["name", "status"]);

/** The same but for these members. A member that is an object is the same where it reads the same. */
function areAlike(had: object, now: object, but: ReadonlySet<string>): boolean {
  const was = had as Readonly<Record<string, unknown>>;
  const is = now as Readonly<Record<string, unknown>>;
  const isSame = (key: string) =>
    was[key] === is[key] || (typeof is[key] === "object" && JSON.stringify(was[key]) === JSON.stringify(is[key]));
  for (const key in is) if (!but.has(key) && !isSame(key)) return false;
  for (const key in was) if (!but.has(key) && !(key in is)) return false;
  return true;
}
