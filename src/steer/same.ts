import type { Action, Bucket, FlowEntry, GroupEntry } from "../model/flow.ts";

/** Whether two do the same to a packet, whatever they are called. Without texts of them: a large table is compared in every pass. */
export const doSame = (a: FlowEntry, b: FlowEntry): boolean => sameActions(a.actions, b.actions);

export const sameGroup = (a: GroupEntry, b: GroupEntry): boolean =>
  a.type === b.type &&
  sameList(a.buckets, b.buckets, (x: Bucket, y) => x.watchPort === y.watchPort && sameActions(x.actions, y.actions));

export const sameActions = (a: readonly Action[], b: readonly Action[]): boolean => sameList(a, b, sameAction);

function sameList<T>(a: readonly T[], b: readonly T[], same: (x: T, y: T) => boolean): boolean {
  return a.length === b.length && a.every((x, i) => same(x, b[i] as T));
}

function sameAction(a: Action, b: Action): boolean {
  switch (a.do) {
    case "output":
      return b.do === "output" && a.port === b.port;
    case "group":
      return b.do === "group" && a.group === b.group;
    case "setVlan":
      return b.do === "setVlan" && a.vlan === b.vlan && a.push === b.push;
    case "setTunnelKey":
      return b.do === "setTunnelKey" && a.key === b.key;
    case "stripVlan":
    case "turnBack":
    case "outputByTunnelKey":
    case "toController":
      return a.do === b.do;
  }
}
