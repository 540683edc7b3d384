import { isLoopback } from "../lib/loopback.ts";
import type { NetId, VimAccountId } from "../model/ids.ts";
import type { VimAccount } from "../model/ns.ts";
import type { Inventory } from "../vimconn/connector.ts";
import { netsCalled } from "../vimconn/inventory-index.ts";

/** What is known of a VIM account without asking. */
interface Looked {
  readonly account: VimAccount;
  /** Null: it was not looked at in this run. */
  readonly lastSeen: Inventory | null;
}

/** Which net of which VIM is meant, by whichever account and name (decision 0080). */
export class VimNets {
  readonly #looked: ReadonlyMap<VimAccountId, Looked>;

  constructor(looked: ReadonlyMap<VimAccountId, Looked>) {
    this.#looked = looked;
  }

  /** The id of the one net of a VIM that has this for its name or its id, when it was last looked at; undefined: it had not exactly one. */
  idOf(vim: VimAccountId, name: string): string | undefined {
    const seen = this.#looked.get(vim)?.lastSeen;
    const nets = seen ? netsCalled(seen, name) : [];
    return nets.length === 1 ? nets[0]!.id : undefined;
  }

  /** What the net of this id was called in each VIM that had one, when that was last looked at. */
  namesOf(id: string): string[] {
    return [...this.#looked.values()].flatMap(({ lastSeen }) => lastSeen?.nets.get(id as NetId)?.name ?? []);
  }

  /** Whether two accounts are of one VIM: they have one address, or it says so itself. Null: nobody can tell. */
  isOneVim(a: VimAccountId, b: VimAccountId): boolean | null {
    const [one, other] = [this.#looked.get(a), this.#looked.get(b)];
    if (a === b) return true;
    if (!one || !other) return null;
    const [at, otherAt] = [placeOf(one.account.url), placeOf(other.account.url)];
    if (at.exact === otherAt.exact) return true;
    const [own, others] = [one.lastSeen?.vimId, other.lastSeen?.vimId];
    if (own && others) return own === others;
    return at.onLoopback !== null && at.onLoopback === otherAt.onLoopback ? true : null;
  }

  /** Whether what bears one name for both is one thing: each tenant of a VIM may have a net of that name. */
  isOneTenant(a: VimAccountId, b: VimAccountId): boolean {
    return this.#looked.get(a)?.account.tenant === this.#looked.get(b)?.account.tenant;
  }
}

/**
 * The same for all ways to write one address of a VIM. `onLoopback`: the same for all addresses at which this machine reaches itself, since most who
 * listen there listen at all of them; null: it is elsewhere.
 */
export function placeOf(url: string): { readonly exact: string; readonly onLoopback: string | null } {
  if (!URL.canParse(url)) return { exact: url, onLoopback: null };
  const { protocol, hostname, port, pathname } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
  const at = (name: string) => `${protocol}//${name}:${port}${pathname.replace(/\/+$/, "")}`;
  return { exact: at(host), onLoopback: isHere(host) ? at("localhost") : null };
}

/** Also an address of IPv4 as IPv6 has it, and the address of none, at which Linux reaches itself. */
function isHere(host: string): boolean {
  const [, high] = /^::ffff:([0-9a-f]{1,4}):[0-9a-f]{1,4}$/.exec(host) ?? [];
  if (high !== undefined) return [0, 127].includes(Number.parseInt(high, 16) >> 8);
  return isLoopback(host) || host.endsWith(".localhost") || ["0.0.0.0", "::"].includes(host);
}
