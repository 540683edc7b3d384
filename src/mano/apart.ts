import type { ServerId, VnfcId } from "../model/ids.ts";
import type { ProtectionGroup } from "../model/protection.ts";
import type { Inventory } from "../vimconn/connector.ts";

/**
 * Which hot members of a group share a compute host, in words; none: they are apart, or there is but one host. Null: the VIM does not say
 * where a member is, so nothing is known. A spare stands in for any of them and may be beside one. Pure.
 */
export function togetherIn(
  { members }: ProtectionGroup,
  { servers, hosts }: Inventory,
  serverOf: (id: VnfcId) => ServerId | undefined,
): string[] | null {
  if (hosts === null) return null;
  if (hosts.size < 2) return [];
  const placed = members
    .filter((m) => m.standby === "hot")
    .map(({ vnfcId, name }) => {
      const id = serverOf(vnfcId);
      return { name, hostId: (id && servers.get(id)?.hostId) ?? null };
    });
  const unplaced = placed.some((m) => m.hostId === null);
  const together = [...Map.groupBy(placed, (m) => m.hostId)].flatMap(([hostId, own]) =>
    hostId === null || own.length < 2
      ? []
      : `${own.map((m) => m.name).join(" and ")} are on one host, ${hosts.get(hostId) ?? hostId}: its failure would take them all`,
  );
  return together.length === 0 && unplaced ? null : together;
}
