import type { FlowChange } from "../model/flow.ts";

/** A change as people read it: `addEntry table=0 priority=100 {"inPort":"p1"}`. */
export function describeChange(change: FlowChange): string {
  if (change.op === "deleteGroup") return `${change.op} ${change.groupId}`;
  if ("group" in change) return `${change.op} ${change.group.id}`;
  const { table, priority, match } = change.entry;
  return `${change.op} table=${table} priority=${priority} ${JSON.stringify(match)}`;
}
