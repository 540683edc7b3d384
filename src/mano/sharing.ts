import type { VnfcId } from "../model/ids.ts";
import type { Guard } from "./guard.ts";

/** Tells each group which others have a member in common with it. */
export function shareMembers(guards: readonly Guard[]): void {
  const byMember = new Map<VnfcId, Guard[]>();
  for (const guard of guards)
    for (const { vnfcId } of guard.group.members) byMember.set(vnfcId, [...(byMember.get(vnfcId) ?? []), guard]);
  for (const guard of guards) {
    const sharers = new Set(guard.group.members.flatMap((m) => byMember.get(m.vnfcId) ?? []));
    sharers.delete(guard);
    guard.sharers = [...sharers];
  }
}
