import type { NetId, VimPortId } from "../model/ids.ts";
import type { ServerPort, VimNet } from "../model/vim-picture.ts";
import { type Outside, outsideOf } from "../steer/fabric.ts";
import type { Binds } from "../steer/reach.ts";
import type { Picture } from "./picture.ts";

/** Nets and ports as they shall be, new ones too: a change of the picture that is not made yet. */
export interface Draft {
  readonly nets?: readonly VimNet[];
  readonly ports?: readonly ServerPort[];
  /** Taken away. */
  readonly goneNets?: readonly NetId[];
  readonly gonePorts?: readonly VimPortId[];
}

/** The nets and ports that a flow table follows from. */
export interface Sketch extends Binds {
  net(id: NetId): VimNet | undefined;
  portsIn(net: NetId): ServerPort[];
}

const leadsTo = (net: VimNet | undefined): NetId[] =>
  [net?.bindNet, net?.copyNet].filter((id) => id !== null && id !== undefined);

/** The picture as it stands. */
export const asItStands = (picture: Picture): Sketch => ({
  net: (id) => picture.nets.get(id),
  portsIn: (net) => picture.portsIn(net),
  leadsTo: (id) => leadsTo(picture.nets.get(id)),
  boundTo: (net) => picture.boundTo(net).map((n) => n.id),
});

/** The picture as it will be, of a draft that binds nets and opens and closes ports, and does nothing else. */
export function asDrafted(picture: Picture, draft: Draft): Sketch {
  const nets = new Map<NetId, VimNet>((draft.nets ?? []).map((n) => [n.id, n]));
  const ports = new Map<VimPortId, ServerPort>((draft.ports ?? []).map((p) => [p.id, p]));
  const net = (id: NetId) => nets.get(id) ?? picture.nets.get(id);
  const bound = Map.groupBy(
    [...nets.values()].flatMap((n) => leadsTo(n).map((to) => ({ to, id: n.id }))),
    ({ to }) => to,
  );
  return {
    net,
    portsIn: (id) => picture.portsIn(id).map((p) => ports.get(p.id) ?? p),
    leadsTo: (id) => leadsTo(net(id)),
    boundTo: (to) => [
      ...picture.boundTo(to).flatMap((n) => (nets.has(n.id) ? [] : [n.id])),
      ...(bound.get(to) ?? []).map(({ id }) => id),
    ],
  };
}

/** Draws it into the picture. */
export function draw(picture: Picture, { nets = [], ports = [], goneNets = [], gonePorts = [] }: Draft): void {
  for (const net of nets) picture.nets.set(net.id, net);
  for (const port of ports) picture.ports.set(port.id, port);
  for (const id of gonePorts) picture.ports.delete(id);
  for (const id of goneNets) picture.nets.delete(id);
}

/** The nets that it touches, before it is drawn: as they are, and as they will be. */
export function touchedBy(picture: Picture, draft: Draft): ReadonlySet<NetId> {
  const touched = new Set<NetId>();
  const at = (place: Outside | null) => {
    if (place !== null) for (const id of picture.neighboursAt(place)) touched.add(id);
  };
  for (const [was, now] of changesOf(picture.nets, draft.nets, draft.goneNets)) {
    for (const net of [was, now]) if (net) for (const id of [net.id, ...leadsTo(net)]) touched.add(id);
    if (was?.provider === now?.provider && was?.vlan === now?.vlan) continue;
    for (const net of [was, now]) at(net ? outsideOf(net) : null);
  }
  for (const [was, now] of changesOf(picture.ports, draft.ports, draft.gonePorts)) {
    for (const port of [was, now]) if (port?.netId) touched.add(port.netId);
    if (was?.netId === now?.netId && was?.switchPort === now?.switchPort && was?.vlan === now?.vlan) continue;
    for (const port of [was, now]) if (port?.switchPort) at({ switchPort: port.switchPort, vlan: port.vlan });
  }
  return touched;
}

function changesOf<K, T extends { readonly id: K }>(
  things: ReadonlyMap<K, T>,
  drawn: readonly T[] = [],
  gone: readonly K[] = [],
): (readonly [T | undefined, T | undefined])[] {
  return [...drawn.map((now) => [things.get(now.id), now] as const), ...gone.map((id) => [things.get(id), undefined] as const)];
}
