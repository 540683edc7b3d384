import { type Away, hearOfWay, openedAt } from "../detect/way.ts";
import type { Evidence } from "../model/evidence.ts";
import type { VimPortId } from "../model/ids.ts";
import type { MemberAway } from "../model/protection.ts";
import type { Inventory } from "../vimconn/connector.ts";
import { portWith } from "../vimconn/inventory-index.ts";

/**
 * What an inventory of one VIM says of the way to a member elsewhere. `here`: it is the VIM that traffic enters, whose fence counts. A port
 * that was there and is no more was taken away, and nothing passes.
 */
export function awayAfter(away: Away, { ports }: MemberAway, seen: Inventory, here: boolean): Away {
  const found = ports.flatMap((id) => portWith(seen, id) ?? []);
  const words = found.flatMap((port): Evidence[] => {
    const about = { kind: "port", id: port.id } as const;
    const seenAt = seen.startedAt;
    const link: Evidence[] =
      port.stale || port.status === "ERROR"
        ? []
        : [{ about, says: port.status === "DOWN" ? "linkDown" : "linkUp", source: "poll", seenAt }];
    const fence: Evidence[] =
      here && port.fenced ? [{ about, says: "fenced", source: "fence", seenAt, detail: "so says the VIM" }] : [];
    return [...link, ...fence];
  });
  const heard = [
    ...words,
    ...takenAway(
      away,
      found.map((p) => p.id),
      ports,
      seen,
      here,
    ),
  ].reduce(hearOfWay, away);
  return here && found.some((p) => p.fenced === false) ? openedAt(heard, seen.startedAt) : heard;
}

/** The first of the ports is in the VIM that traffic enters, the second in the member's own. */
function takenAway(
  away: Away,
  found: readonly VimPortId[],
  ports: readonly VimPortId[],
  { startedAt: seenAt }: Inventory,
  here: boolean,
): Evidence[] {
  const id = ports[here ? 0 : 1];
  if (id === undefined || found.includes(id) || !away.ports.has(id)) return [];
  const about = { kind: "port", id } as const;
  return [{ about, says: "linkDown", source: "poll", seenAt, detail: "the VIM has no such port any more" }];
}
