import { isTakingIn, type Occurrence, type VnfPart } from "../../model/occurrence.ts";
import type { OccurrencesAsked } from "../../store/mano-occurrences.ts";
import type { Filter } from "./filter.ts";
import { type Member, Members } from "./members.ts";
import { between, oneOf } from "./narrow.ts";
import { nsOccurrence } from "./ns-lcm-view.ts";
import { vnfOccurrence } from "./vnf-lcm-view.ts";

/** Newest first, as many as are asked for; fewer: there are no more. */
export type ListsOccurrences = (asked: OccurrencesAsked) => Promise<readonly Occurrence[]>;

/** Life cycle operations of network services. */
export const nsOccurrences = (list: ListsOccurrences): Members =>
  new Members(["string", "string"], async (after, limit, filter) => {
    const place = after && { startedAt: after[0] as string, id: after[1] as string, isIncluded: false };
    const rows = await list({
      ...narrowed(filter, "nsInstanceId"),
      isOfNs: true,
      behind: place,
      limit,
      ids: oneOf(filter, "id"),
    });
    const members = rows.map((o) => ({ key: [o.startedAt, o.id], show: () => nsOccurrence(o) }));
    return { members, next: rows.length < limit ? null : members.at(-1)!.key };
  });

/** The same as each of their VNFs sees them: one operation may be several members, in the order of its VNFs. */
export const vnfOccurrences = (list: ListsOccurrences): Members =>
  new Members(["string", "string", "number"], async (after, limit, filter) => {
    const place = after && { startedAt: after[0] as string, id: after[1] as string, isIncluded: true };
    const asked = { behind: place, limit: limit + 1, partIds: oneOf(filter, "id"), vnfIds: oneOf(filter, "vnfInstanceId") };
    const rows = await list({ ...narrowed(filter, null), ...asked });
    const from = (o: Occurrence) => (o.id === after?.[1] ? (after[2] as number) : 0);
    const members = rows
      .filter((o) => !isTakingIn(o))
      .flatMap((o) => o.vnfs.map((part, i) => memberOf(o, part, i)).slice(from(o)));
    const last = rows.at(-1);
    return { members, next: rows.length <= limit || !last ? null : [last.startedAt, last.id, last.vnfs.length] };
  });

const memberOf = (o: Occurrence, part: VnfPart, i: number): Member => ({
  key: [o.startedAt, o.id, i + 1],
  show: () => vnfOccurrence(o, part),
});

/** What is shown as this state in one of the two interfaces may be kept as another, which the other interface has. */
const KEPT_AS: Readonly<Record<string, readonly string[]>> = { PROCESSING: ["STARTING"], COMPLETED: ["PARTIALLY_COMPLETED"] };

function narrowed(filter: Filter, ns: string | null): Pick<OccurrencesAsked, "nsIds" | "states" | "started"> {
  const states = oneOf(filter, "operationState");
  return {
    nsIds: ns === null ? undefined : oneOf(filter, ns),
    states: states?.flatMap((shown) => [shown, ...(KEPT_AS[shown] ?? [])]),
    started: between(filter, "startTime"),
  };
}
