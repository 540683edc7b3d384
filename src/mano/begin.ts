import { ensureServers } from "../act/servers.ts";
import { Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { NsId, VimAccountId } from "../model/ids.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Site } from "./lifecycle-parts.ts";
import { type Deployment, netNamesIn, resolveNets, specOf, vimsOf, vnfcsIn } from "./plan.ts";
import { provisionsOf } from "./provisions.ts";

/** What is known of a VIM without asking it. */
export interface Known {
  readonly account: { readonly id: VimAccountId };
  /** As it was when it was last looked at; null: that is too long ago, or it does not answer. */
  readonly site: Site | null;
  wake(): void;
  wakeNow(): void;
}

/**
 * Asks for the servers of an instantiation that was just written, by what each VIM had when it was last looked at: a look at a whole VIM takes the
 * longer the more is in it. Nothing is judged here: whatever comes of it, the pass that follows goes on from what is there then. Never throws.
 */
export function beginAtOnce(lifecycle: Lifecycle, id: NsId, watches: readonly Known[], log: Log): Promise<void> {
  return lifecycle.exclusive(id, async () => {
    const d = lifecycle.of(id);
    if (d?.ns.state !== "INSTANTIATING") return;
    const vims = vimsOf(d);
    const begin = async (vim: Known) => {
      const isBegun = vim.site !== null && (await isAsked(d, vim.site).catch((e: unknown) => noted(e, log)));
      lifecycle.askedFor(id); // Whatever came of it.
      if (isBegun) vim.wake();
      else vim.wakeNow();
    };
    await Promise.all(watches.filter((w) => vims.includes(w.account.id)).map(begin));
  });
}

/** False where something must be brought there first, or a net was not there: it may have been made since. */
async function isAsked(d: Deployment, { vim, connector, seen, signal }: Site): Promise<boolean> {
  const { images, flavors, nets } = provisionsOf(d, vim, netNamesIn(d, vim));
  const { ids, missing } = resolveNets(d, vim, seen);
  if (images.length + flavors.length + nets.length + missing.length > 0) return false;
  const specs = vnfcsIn(d, vim).map((v) => specOf(d, v, ids));
  await ensureServers(connector, specs, seen, signal);
  return true;
}

/** What the VIM says the pass hears too; what is a bug of ours is told. */
function noted(err: unknown, log: Log): false {
  if (!(err instanceof Fault)) log.error({ err }, "an instantiation was not begun at once");
  return false;
}
