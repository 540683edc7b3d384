import type { HealVerb } from "../model/heal.ts";
import type { NetId, ServerId } from "../model/ids.ts";
import type { Inventory, ServerSpec, VimConnector, VimServer } from "../vimconn/connector.ts";

/**
 * What a restart in place asks of the VIM, which depends on how the server stopped. Null: it runs, and what ails it is not healed by a
 * start: one whose link is down is left alone, since a restart would not bring the cable back. One that was fenced (`isFenced`) is
 * forced off and started, never resumed: it still believes what it believed when it was replaced.
 */
export function restartOf(server: VimServer | undefined, isFenced: boolean): HealVerb | null {
  if (server === undefined) return "create";
  if (isFenced && (server.status === "PAUSED" || server.status === "ACTIVE")) return "reboot";
  if (server.status === "PAUSED") return "resume";
  if (server.status === "ERROR") return "rebuild"; // The VIM takes nothing else.
  return server.status === "INACTIVE" ? "start" : null;
}

/** Servers that a VIM is asked for at once: a change of a bind still finds a free socket. */
const AT_ONCE = 8;

/** Asks for every server that is not there yet. */
export async function ensureServers(
  connector: VimConnector,
  specs: readonly ServerSpec[],
  seen: Inventory,
  signal: AbortSignal,
): Promise<void> {
  const missing = specs.filter((s) => !seen.servers.has(s.id));
  for (let i = 0; i < missing.length; i += AT_ONCE) await connector.ensureServers(missing.slice(i, i + AT_ONCE), signal);
}

/** Takes the binds to these data nets off, then the servers away. True when there is nothing left to take away. */
export async function removeServers(
  connector: VimConnector,
  servers: readonly ServerId[],
  dataNets: ReadonlySet<NetId>,
  seen: Inventory,
  signal: AbortSignal,
): Promise<boolean> {
  const bound = [...seen.nets.values()].filter((n) => n.bindNet !== null && dataNets.has(n.bindNet));
  const left = servers.filter((id) => seen.servers.has(id));
  for (const net of bound) await connector.changeBind(net.id, null);
  for (const id of left) await connector.deleteServer(id, signal);
  return bound.length === 0 && left.length === 0;
}
