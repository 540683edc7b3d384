import type { StitchEnd } from "../model/stitch.ts";
import type { Inventory, VimConnector, VimNet } from "../vimconn/connector.ts";
import { netsCalled, portWith } from "../vimconn/inventory-index.ts";

/** One end of a VLAN that joins two VIMs, with what its port is called. */
export interface EndSpec extends StitchEnd {
  readonly vlan: number;
  readonly name: string;
}

const isSwitched = ({ kind }: VimNet): boolean => kind === "data" || kind === "ptp";

/** The net an end is of: ours if it was made, else the one of that name. Several of one name are none: told by who resolves names. */
export function netOfEnd(seen: Inventory, { net, netId }: StitchEnd): VimNet | undefined {
  const named = netsCalled(seen, net);
  return seen.nets.get(netId) ?? (named.length === 1 ? named[0] : undefined);
}

/**
 * Asks for what is missing at the ends in one VIM: a net that is there by no name, then its outside port. A bridge of the host is on no
 * switch, so nothing joins it. True when nothing was missing.
 */
export async function ensureEnds(
  connector: VimConnector,
  ends: readonly EndSpec[],
  seen: Inventory,
  signal: AbortSignal,
): Promise<boolean> {
  let isComplete = true;
  for (const end of ends) {
    const net = netOfEnd(seen, end);
    if (net !== undefined && !isSwitched(net)) continue;
    if (net !== undefined && portWith(seen, end.portId)) continue;
    isComplete = false;
    const netId = net?.id ?? end.netId;
    if (net === undefined) await connector.ensureNet({ id: netId, name: end.net }, signal);
    const { portId: id, name, switchPort, vlan } = end;
    await connector.ensureOutsidePort({ id, name, netId, switchPort, vlan }, signal);
  }
  return isComplete;
}

/** Takes the outside ports away, then the nets that were made for them. True when there is nothing left to take away. */
export async function removeEnds(
  connector: VimConnector,
  ends: readonly StitchEnd[],
  seen: Inventory,
  signal: AbortSignal,
): Promise<boolean> {
  const left = ends.filter((e) => portWith(seen, e.portId) !== undefined);
  const made = ends.filter((e) => seen.nets.has(e.netId));
  for (const { portId } of left) await connector.deleteOutsidePort(portId, signal);
  for (const { netId } of made) await connector.deleteNet(netId, signal);
  return left.length + made.length === 0;
}
