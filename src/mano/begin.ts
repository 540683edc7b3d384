import { ensureServers } from "../act/servers.ts";
import { Fault } from "../lib/fault.ts";
import type { NsId, VimAccountId } from "../model/ids.ts";
import type { Lifecycle, Site } from "./lifecycle.ts";
import { resolveNets, specOf, vimsOf, vnfcsIn } from "./plan.ts";
import { refusal } from "./refusal.ts";

/** What is known of a VIM without asking it. */
export interface Known {
  /** As it was when it was last looked at; null: that is too long ago, or it does not answer. */
  readonly site: Site | null;
  wake(): void;
  wakeNow(): void;
}

/**
 * Asks for the servers of an instantiation that was just written, by what each VIM had when it was last looked at: a look at a whole VIM takes the
 * longer the more is in it. Nothing is judged here: whatever comes of it, the pass that follows goes on from what is there then.
 */
export async function beginAtOnce(lifecycle: Lifecycle, id: NsId, vimOf: (vim: VimAccountId) => Known): Promise<void> {
  const d = lifecycle.of(id);
  for (const vim of d ? vimsOf(d) : []) {
    const known = vimOf(vim);
    if (known.site !== null && (await isBegun(lifecycle, id, known.site))) known.wake();
    else known.wakeNow();
  }
}

/** False where a net was not there: it may have been made since. */
function isBegun(lifecycle: Lifecycle, id: NsId, { vim, connector, seen, signal }: Site): Promise<boolean> {
  return lifecycle.exclusive(id, async () => {
    const d = lifecycle.of(id);
    if (d?.ns.state !== "INSTANTIATING") return false;
    const { ids, missing } = resolveNets(d, vim, seen);
    if (missing.length > 0) return false;
    const specs = vnfcsIn(d, vim).map((v) => specOf(d, v, ids));
    const why = await refusal(ensureServers(connector, specs, seen, signal)).catch(wordsOf);
    lifecycle.askedFor(id); // Whatever came of it.
    return why === null;
  });
}

function wordsOf(e: unknown): string {
  if (e instanceof Fault) return e.message;
  throw e;
}
