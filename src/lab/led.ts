import type { Action, FlowTable } from "../model/flow.ts";

const ANY_PORT = "*";

/**
 * Where a frame leaves, by the table alone: a small OpenFlow switch for untagged frames, to read tables with. `dead`: ports
 * whose link is down, which makes buckets that watch them not live. A port stands twice when a frame would be doubled.
 */
export function led(table: FlowTable, inPort: string, ethDst: string, dead: readonly string[] = []): string[] {
  const entry = [...table.entries]
    .sort((x, y) => y.priority - x.priority)
    .find((e) => (e.match.inPort ?? inPort) === inPort && (e.match.ethDst ?? ethDst) === ethDst && e.match.vlan === undefined);
  const isLive = (watched: string | null) => !dead.includes(watched ?? ANY_PORT);
  const through = (id: number): string[] => {
    const group = table.groups.find((g) => g.id === id);
    if (group === undefined) throw new Error(`no group ${id.toString(16)}`);
    const live = group.type === "fastFailover" ? [group.buckets.find((b) => isLive(b.watchPort))] : group.buckets;
    return live.flatMap((b) => out(b?.actions ?? []));
  };
  const out = (actions: readonly Action[]): string[] =>
    actions.flatMap((a) => {
      if (a.do === "group") return through(a.group);
      if (a.do === "toController") return ["controller"];
      return a.do === "output" && isLive(a.port) ? [a.port] : [];
    });
  return out(entry?.actions ?? []).sort();
}
