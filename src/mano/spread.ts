import type { Cost } from "../descriptor/sized.ts";
import type { Vnfd } from "../model/descriptor.ts";
import type { Ns } from "../model/ns.ts";
import { type Deployment, vimsOf } from "./plan.ts";

// Where VNFCs go that a VNF has more when it is scaled, and who of several VIMs goes first when it has fewer. Pure.

type Spread = Pick<Deployment, "ns" | "vnfd" | "asWritten" | "vnfcs">;

const placeIn =
  ({ vimAccounts, vimAccountId }: Ns) =>
  (name: string) =>
    vimAccounts[name] ?? vimAccountId;

/**
 * Where each VNFC is that is not where its NS is. Further ones that nobody has said a place of go to the VIMs that their VDU was given when it was
 * instantiated, each to the one that has the fewest of those that stay: so a VDU that is kept apart over VIMs stays so. `vnfd`: with all that are to be.
 */
export function placesWith(d: Spread, vnfd: Vnfd, wanted: ReadonlySet<string>): Ns["vimAccounts"] {
  const written = placeIn(d.ns);
  const places = new Map(Object.entries(d.ns.vimAccounts));
  const there = new Map(d.vnfcs.map((v) => [v.name, v.vimAccountId]));
  for (const vdu of vnfd.vdus) {
    const first = (d.asWritten ?? d).vnfd.vdus.find((v) => v.id === vdu.id)?.vnfcs.map((c) => c.id) ?? [];
    const counts = new Map(first.map((name) => [written(name), 0]));
    const names = vdu.vnfcs.map((c) => c.id);
    const isPlaced = (name: string) => first.includes(name) || places.has(name) || there.has(name);
    const count = (vim: Ns["vimAccountId"]) => counts.has(vim) && counts.set(vim, counts.get(vim)! + 1);
    for (const name of names) if (isPlaced(name) && wanted.has(name)) count(there.get(name) ?? written(name));
    for (const name of names.filter((n) => !isPlaced(n))) {
      const [least] = [...counts.keys()].toSorted((a, b) => counts.get(a)! - counts.get(b)!);
      if (least === undefined) continue;
      places.set(name, least);
      count(least);
    }
  }
  return Object.fromEntries(places);
}

/**
 * Who is with many of its VDU in its VIM goes before who is with few there, and only then who is cheaper: those that are left are apart as before. `most`: the
 * highest that `cost` gives. Where all of it is in one VIM, `cost` itself.
 */
export function costApart(d: Deployment, cost: Cost, most: number): Cost {
  if (vimsOf(d).length === 1) return cost;
  const rows = new Map(d.vnfcs.map((v) => [v.name, v]));
  return (name, there) => {
    const { vdu, vimAccountId } = rows.get(name) ?? {};
    const isWith = (other: string) => rows.get(other)?.vdu === vdu && rows.get(other)?.vimAccountId === vimAccountId;
    return cost(name, there) + (there.length - there.filter(isWith).length) * (most + 1);
  };
}
