import { Fault } from "../lib/fault.ts";
import type { HostId, ServerId } from "../model/ids.ts";
import type { Pinned } from "../model/numa.ts";
import type { Server, VimPicture } from "../model/vim-picture.ts";
import type { Need } from "../place/need.ts";
import { type Occupied, place } from "../place/place.ts";

/** Who can say whether a host can be asked. */
export interface HostReach {
  away(id: HostId): Occupied["away"];
}

/** Where a server goes, and what it has there for itself. */
export interface Placed {
  readonly hostId: HostId;
  readonly pinned: Pinned | null;
}

/** Throws NO_ROOM, with a reason for each host, where none fits. */
export function hostFor(picture: VimPicture, reach: HostReach, need: Need, server: GroupMember): Placed {
  const placed = place(need, occupied(picture, reach, server));
  if (!("reason" in placed)) return placed;
  throw new Fault("NO_ROOM", placed.reason, Object.fromEntries(placed.hosts.map(({ name, reason }) => [name, reason])));
}

/** What of a server says whom it keeps away from. */
export type GroupMember = Pick<Server, "id" | "tenantId" | "antiAffinity">;

/** Every host with what the servers on it take, but for the one that is to be placed. */
function occupied(picture: VimPicture, reach: HostReach, server: GroupMember): Occupied[] {
  const byHost = Map.groupBy(picture.servers.values(), (s) => s.hostId);
  const zoneOf = (id: HostId) => picture.hosts.get(id)?.availabilityZone ?? null;
  const apart = [...picture.servers.values()].filter((s) => isApart(server, s)).map((s) => zoneOf(s.hostId));
  return [...picture.hosts.values()].map((host) => {
    const own = (byHost.get(host.id) ?? []).filter((s) => s.id !== server.id);
    const sum = (member: "memoryMiB" | "vcpus") => own.reduce((n, s) => n + s[member], 0);
    const neighbours = own.filter((s) => isApart(server, s)).map((s) => s.name);
    const pinned = own.flatMap((s) => s.pinned ?? []);
    const inItsZone = apart.filter((zone) => zone !== null && zone === host.availabilityZone).length;
    const has = { memoryMiB: sum("memoryMiB"), vcpus: sum("vcpus"), pinned };
    return { host, ...has, neighbours, inItsZone, away: reach.away(host.id) };
  });
}

/** Whether two servers on one host have something for themselves that is the same. */
export function overlaps(a: Pinned | null, b: Pinned | null): boolean {
  if (a === null || b === null || a.numaSocket !== b.numaSocket) return false;
  const threads = new Set(b.threads.map((t) => t.threadId));
  const functions = new Set(b.interfaces.flatMap((i) => [i.pci, ...(i.dedicated === "no" ? [] : [i.cardPci])]));
  const isTaken = (i: Pinned["interfaces"][number]) => functions.has(i.pci) || functions.has(i.cardPci);
  return (
    (a.hugepagesGiB > 0 && b.hugepagesGiB > 0) ||
    a.threads.some((t) => threads.has(t.threadId)) ||
    a.interfaces.some(isTaken) ||
    b.interfaces.some((i) => a.interfaces.some((own) => own.dedicated !== "no" && own.cardPci === i.cardPci))
  );
}

export function sharesHostWith(picture: VimPicture, server: Server): ServerId[] {
  if (server.antiAffinity === null) return [];
  return [...picture.servers.values()].filter((s) => s.hostId === server.hostId && isApart(server, s)).map((s) => s.id);
}

const isApart = (a: GroupMember, b: GroupMember): boolean =>
  a.id !== b.id && a.antiAffinity !== null && a.antiAffinity.group === b.antiAffinity?.group && a.tenantId === b.tenantId;
