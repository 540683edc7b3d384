import { createHash } from "node:crypto";
import { dropDevice, tool } from "./net-cable.ts";

/** No rule sees what is for the bridge itself, and a guest could say by it where its neighbours are (IEEE 802.1Q, 8.6.3). */
const BRIDGE = ["type", "bridge", "no_linklocal_learn", "1"] as const;

interface Link {
  readonly ifname: string;
  readonly ifalias?: string;
}

/** Bridges of one network namespace: what is done with them is done in turn. */
interface Place {
  /** Those that are there and were made here; null: not asked for yet. */
  known: Set<string> | null;
  last: Promise<unknown>;
}

/**
 * Linux bridges of the VIM's own on hosts of this machine. Each bears in its alias whose it is (ip-link(8)), so that one that nobody needs any more is taken away,
 * after a crash too, and never somebody else's of the same name.
 */
export class HostBridges {
  readonly #mark: string;
  readonly #places = new Map<string | null, Place>();

  /** `owner`: of this VIM alone, such as its folder. */
  constructor(owner: string) {
    this.#mark = `sempre-${createHash("sha256").update(owner).digest("hex").slice(0, 16)}`;
  }

  /** `netns`: null is this process's own. One that somebody else made is taken as it is. Throws MISSING_PART where this machine cannot. */
  ensure(name: string, netns: string | null): Promise<void> {
    return this.#inTurn(netns, async (place) => {
      const links = await linksOf(netns, "dev", name);
      const isNew = links === null;
      if (isNew) await ip(netns, "link", "add", "name", name, ...BRIDGE);
      if (isNew) await ip(netns, "link", "set", "dev", name, "alias", this.#mark);
      const isFromBefore = links?.[0]?.ifalias === this.#mark; // By a version, it may be, that let it learn.
      await ip(netns, "link", "set", "dev", name, "up", ...(isFromBefore ? BRIDGE : []));
      if (isNew) place.known?.add(name);
    });
  }

  /** Takes away what nobody needs and nothing is plugged into. Asks the kernel only where there is such a one. */
  sweep(netns: string | null, isNeeded: (name: string) => boolean): Promise<void> {
    return this.#inTurn(netns, async (place) => {
      place.known ??= await this.#made(netns);
      const { known } = place;
      for (const name of known ?? []) {
        if (isNeeded(name)) continue;
        const plugged = await linksOf(netns, "master", name);
        if (plugged === null && (await linksOf(netns, "dev", name)) === null) known?.delete(name); // Somebody else took it away.
        if (plugged?.length !== 0 || isNeeded(name)) continue; // It may be needed by now: the look took its time.
        await dropDevice(netns, name);
        known?.delete(name);
      }
    });
  }

  async #made(netns: string | null): Promise<Set<string> | null> {
    const bridges = await linksOf(netns, "type", "bridge");
    return bridges && new Set(bridges.flatMap((l) => (l.ifalias === this.#mark ? l.ifname : [])));
  }

  #inTurn<T>(netns: string | null, work: (place: Place) => Promise<T>): Promise<T> {
    const place = this.#places.get(netns) ?? { known: null, last: Promise.resolve() };
    this.#places.set(netns, place);
    const done = place.last.then(() => work(place));
    place.last = done.catch(() => {});
    return done;
  }
}

const ip = (netns: string | null, ...args: string[]): Promise<string> =>
  tool("ip", ...(netns === null ? [] : ["-n", netns]), ...args);

/** Null where there is no such device, or nobody can tell. */
async function linksOf(netns: string | null, ...which: string[]): Promise<Link[] | null> {
  const told = await ip(netns, "-j", "link", "show", ...which).catch(() => null);
  if (told === null) return null;
  return told.trim() === "" ? [] : (JSON.parse(told) as Link[]).filter((l) => l.ifname !== undefined);
}
