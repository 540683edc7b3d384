import type { NetId } from "../model/ids.ts";
import type { Move, ProtectionGroup } from "../model/protection.ts";
import type { Bound, VimConnector } from "../vimconn/connector.ts";

/** A move on its way. `done` rejects with the Fault that stopped it. */
export interface StartedMove {
  readonly move: Move;
  readonly done: Promise<Bound>;
}

/** Sends every move at once; nothing is awaited. All members of a group are in the VIM of its connector. */
export function startMoves(connector: VimConnector, group: ProtectionGroup, moves: readonly Move[]): StartedMove[] {
  return moves.map((move) => ({
    move,
    done: connector.changeBind(move.trafficNet, dataNetOf(group, move), copyNetOf(group, move)),
  }));
}

/** DUPLICATED: what enters goes to the other member too, whether it is up or not: the bridge is permanent. */
function copyNetOf({ scheme, members }: ProtectionGroup, move: Move): NetId | null {
  return scheme === "DUPLICATED" ? (members.find((m) => m.vnfcId !== move.to)?.dataNet ?? null) : null;
}

function dataNetOf(group: ProtectionGroup, move: Move): NetId {
  const member = group.members.find((m) => m.vnfcId === move.to);
  if (!member) throw new Error(`move to ${move.to}, which is no member of group ${group.id}`);
  return member.dataNet;
}

/**
 * The switch-over as the dissertation does it (4.3, steps 4 to 19): asks the VIM where both members are connected and what is bound to
 * the failed one, binds each of that to the twin, then has every flow entry of the switch made anew. Kept to be measured against.
 * `bound` is told each bind as it is done.
 */
export async function redirectByReference(
  connector: VimConnector,
  failedNet: NetId,
  twinNet: NetId,
  bound: (trafficNet: NetId, to: Bound) => void,
  signal: AbortSignal,
): Promise<void> {
  const failedData = (await connector.netConnection(failedNet, signal)) ?? failedNet;
  const trafficNets = await connector.netBind(failedData, signal);
  if (trafficNets.length === 0) return; // It serves nothing, or no longer: there is nothing to lead elsewhere.
  const twinData = (await connector.netConnection(twinNet, signal)) ?? twinNet;
  await connector.netBind(twinData, signal);
  for (const net of trafficNets) bound(net, await connector.changeBind(net, twinData));
  await connector.reinstallAll(signal);
}
