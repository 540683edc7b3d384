import type { NetId, VimPortId } from "../model/ids.ts";
import type { ServerPort, VimNet } from "../model/vim-picture.ts";
import type { Picture } from "./picture.ts";

/** Nets that are bound otherwise and ports that are opened or closed, as they shall be: a change of the picture that is not made yet. */
export interface Draft {
  readonly nets: readonly VimNet[];
  readonly ports: readonly ServerPort[];
}

/** The nets and ports that a flow table follows from. */
export interface Sketch {
  net(id: NetId): VimNet | undefined;
  portsIn(net: NetId): ServerPort[];
  boundTo(net: NetId): VimNet[];
}

/** The picture as it stands. */
export const asItStands = (picture: Picture): Sketch => ({
  net: (id) => picture.nets.get(id),
  portsIn: (net) => picture.portsIn(net),
  boundTo: (net) => picture.boundTo(net),
});

/** The picture as it will be. A draft takes no port from one net to another. */
export function asDrafted(picture: Picture, draft: Draft): Sketch {
  const nets = new Map<NetId, VimNet>(draft.nets.map((n) => [n.id, n]));
  const ports = new Map<VimPortId, ServerPort>(draft.ports.map((p) => [p.id, p]));
  const bound = Map.groupBy(draft.nets, (n) => n.bindNet);
  const copied = Map.groupBy(draft.nets, (n) => n.copyNet);
  return {
    net: (id) => nets.get(id) ?? picture.nets.get(id),
    portsIn: (net) => picture.portsIn(net).map((p) => ports.get(p.id) ?? p),
    boundTo: (net) => [
      ...picture.boundTo(net).filter((n) => !nets.has(n.id)),
      ...(bound.get(net) ?? []),
      ...(copied.get(net) ?? []),
    ],
  };
}

/** Draws it into the picture. */
export function draw(picture: Picture, { nets, ports }: Draft): void {
  for (const net of nets) picture.nets.set(net.id, net);
  for (const port of ports) picture.ports.set(port.id, port);
}

/** With all that belongs to the same bind group through a net that is led into two of them. */
export function withCopies(nets: ReadonlySet<NetId>, sketch: Sketch): ReadonlySet<NetId> {
  if (![...nets].some((id) => sketch.net(id)?.copyNet)) return nets;
  const all = new Set(nets);
  for (const id of all) {
    // A set's walk comes to what is added meanwhile.
    for (const net of [sketch.net(id), ...sketch.boundTo(id)]) {
      if (!net?.copyNet) continue;
      for (const root of [net.bindNet, net.copyNet]) {
        if (root === null) continue;
        all.add(root).add(net.id);
        for (const bound of sketch.boundTo(root)) all.add(bound.id);
      }
    }
  }
  return all;
}

/** The nets of every bind group that it touches, before and after. */
export function concernedBy(picture: Picture, draft: Draft): ReadonlySet<NetId> {
  const roots = new Set<NetId | null>();
  for (const { id, bindNet, copyNet } of draft.nets) {
    const was = picture.nets.get(id);
    for (const root of [id, bindNet, copyNet, was?.bindNet, was?.copyNet]) roots.add(root ?? null);
  }
  for (const { netId } of draft.ports) {
    if (netId !== null) roots.add(netId).add(picture.nets.get(netId)?.bindNet ?? null);
  }
  const concerned = new Set<NetId>();
  for (const id of roots) {
    if (id === null || !picture.nets.has(id)) continue;
    concerned.add(id);
    for (const bound of picture.boundTo(id)) concerned.add(bound.id);
  }
  return concerned;
}
