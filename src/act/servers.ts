import type { NetId, ServerId } from "../model/ids.ts";
import type { Inventory, ServerSpec, VimConnector, VimServer } from "../vimconn/connector.ts";

/** What brings a server back: depends on how it stopped. Null: it runs, and what ails it is not healed by a start. */
export type Heal = "create" | "start" | "resume" | "reboot" | null;

/**
 * A server that runs with its link down is left alone: a restart would not bring the cable back. One that was fenced (`isFenced`) is
 * forced off and started, never resumed: it still believes what it believed when it was replaced.
 */
export function healFor(server: VimServer | undefined, isFenced: boolean): Heal {
  if (server === undefined) return "create";
  if (isFenced && (server.status === "PAUSED" || server.status === "ACTIVE")) return "reboot";
  if (server.status === "PAUSED") return "resume";
  return server.status === "INACTIVE" || server.status === "ERROR" ? "start" : null;
}

export async function healServer(
  connector: VimConnector,
  heal: Exclude<Heal, null>,
  spec: ServerSpec,
  signal: AbortSignal,
): Promise<void> {
  if (heal === "create") await connector.ensureServer(spec, signal);
  else if (heal === "resume") await connector.resumeServer(spec.id, signal);
  else if (heal === "reboot") await connector.rebootServer(spec.id, signal);
  else await connector.startServer(spec.id, signal);
}

/** Asks for every server that is not there yet. */
export async function ensureServers(
  connector: VimConnector,
  specs: readonly ServerSpec[],
  seen: Inventory,
  signal: AbortSignal,
): Promise<void> {
  for (const spec of specs) if (!seen.servers.has(spec.id)) await connector.ensureServer(spec, signal);
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
