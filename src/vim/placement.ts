import { Fault } from "../lib/fault.ts";
import type { HostId, ServerId } from "../model/ids.ts";
import type { Server, VimPicture } from "../model/vim-picture.ts";
import { type Need, type Occupied, place } from "../place/place.ts";

/** Who can say whether a host can be asked. */
export interface HostReach {
  away(id: HostId): Occupied["away"];
}

/** Throws INVALID with a reason per host where none fits. */
export function hostFor(picture: VimPicture, reach: HostReach, need: Need, server: GroupMember): HostId {
  const placed = place(need, occupied(picture, reach, server));
  if ("reason" in placed) throw new Fault("INVALID", placed.reason);
  return placed.hostId;
}

/** What of a server says whom it keeps away from. */
export type GroupMember = Pick<Server, "id" | "tenantId" | "antiAffinity">;

/** Every host with what the servers on it take, but for the one that is to be placed. */
function occupied(picture: VimPicture, reach: HostReach, server: GroupMember): Occupied[] {
  const others = [...picture.servers.values()].filter((s) => s.id !== server.id);
  return [...picture.hosts.values()].map((host) => {
    const own = others.filter((s) => s.hostId === host.id);
    const sum = (member: "memoryMiB" | "vcpus") => own.reduce((n, s) => n + s[member], 0);
    const neighbours = own.filter((s) => isApart(server, s)).map((s) => s.name);
    return { host, memoryMiB: sum("memoryMiB"), vcpus: sum("vcpus"), neighbours, away: reach.away(host.id) };
  });
}

export function sharesHostWith(picture: VimPicture, server: Server): ServerId[] {
  if (server.antiAffinity === null) return [];
  return [...picture.servers.values()].filter((s) => s.hostId === server.hostId && isApart(server, s)).map((s) => s.id);
}

const isApart = (a: GroupMember, b: GroupMember): boolean =>
  a.id !== b.id && a.antiAffinity !== null && a.antiAffinity.group === b.antiAffinity?.group && a.tenantId === b.tenantId;
