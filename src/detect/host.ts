import type { HostState, LinkSeen } from "../model/host-state.ts";

/**
 * What a host is, from two independent witnesses: libvirt there, and the switch, which sees the links of the servers' ports. Silence of
 * libvirt alone makes it unreachable. It is gone when, besides, none of its ports has a link and at least one has lost it since libvirt
 * was last heard: a server that ended while libvirt still spoke says nothing of the host. It stays gone when its servers are made anew
 * elsewhere and no port of it is left to look at.
 */
export function hostState(was: HostState | null, libvirt: HostState, links: readonly LinkSeen[]): HostState {
  if (libvirt.state === "up") return libvirt;
  if (was?.state === "gone" && !links.some((l) => l.isUp === true)) return was;
  const lost = links.filter((l) => l.isUp === false && l.lostMs !== null && l.lostMs >= libvirt.sinceMs);
  if (lost.length === 0 || links.some((l) => l.isUp === true)) return { ...libvirt, state: "unreachable" };
  const ports = `${lost.length} switch port${lost.length === 1 ? "" : "s"} of its servers lost the link`;
  const sinceMs = Math.max(...lost.map((l) => l.lostMs!));
  return { state: "gone", why: `${libvirt.why ?? "libvirt cannot be asked"}; ${ports} since, none has one`, sinceMs };
}
