import { hostState } from "../detect/host.ts";
import type { HostEvent } from "../hosts/host.ts";
import type { HostState, LinkSeen } from "../model/host-state.ts";
import type { HostId } from "../model/ids.ts";
import type { Server } from "../model/vim-picture.ts";
import type { VimEvents } from "./events.ts";
import type { Facts } from "./facts.ts";
import type { Picture } from "./picture.ts";

/** A libvirtd that restarts is back within this; until then a new server may wait for it. */
const BRIEF_MS = 10_000;

/** Which compute hosts can be asked. Of their servers it gives an opinion only: a libvirtd that is killed ends none of them. */
export class HostStates {
  readonly #picture: Picture;
  readonly #events: VimEvents;
  readonly #facts: Facts;
  readonly #libvirt = new Map<HostId, HostState>();
  readonly #states = new Map<HostId, HostState>();

  constructor(picture: Picture, events: VimEvents, facts: Facts) {
    this.#picture = picture;
    this.#events = events;
    this.#facts = facts;
  }

  /** Null: a host that this VIM does not speak to. */
  of(id: HostId): HostState | null {
    return this.#states.get(id) ?? null;
  }

  /** A host that this VIM speaks to no more. */
  forget(id: HostId): void {
    this.#libvirt.delete(id);
    this.#states.delete(id);
  }

  /** For placement: why it cannot be asked, and whether that has lasted longer than a restart of its libvirtd. */
  away(id: HostId): { readonly why: string; readonly isLong: boolean } | null {
    const state = this.#states.get(id);
    if (state === undefined || state.state === "up") return null;
    const isLong = state.state === "gone" || this.#events.now() - state.sinceMs > BRIEF_MS;
    return { why: state.why ?? state.state, isLong };
  }

  /** The host says how its libvirt is. */
  heard(id: HostId, { status, why, seenAt, sinceMs }: Extract<HostEvent, { type: "host" }>): void {
    const was = this.#libvirt.get(id);
    this.#libvirt.set(id, { state: status, why: why ?? null, sinceMs });
    if (was !== undefined && was.state !== status) this.#tellServers(id, status === "up" ? "answers" : "silent", seenAt, why);
    this.look(id);
  }

  /** Each pass: a host that was only unreachable may be gone by what the switch has told since. */
  look(id: HostId): void {
    const libvirt = this.#libvirt.get(id);
    if (libvirt === undefined) return;
    const was = this.#states.get(id) ?? null;
    const now = hostState(was, libvirt, libvirt.state === "up" ? [] : this.#links(id));
    this.#states.set(id, now);
    if (was?.state === now.state) return;
    const why = now.why === null ? {} : { why: now.why };
    this.#events.push({ type: "host.status", hostId: id, status: now.state, ...why });
  }

  /** Subscribers alone hear it: no plan fires on it, and no state of a server comes from it. */
  #tellServers(hostId: HostId, says: "answers" | "silent", seenAt: number, why: string | undefined): void {
    const detail = why === undefined ? {} : { detail: why };
    for (const { id } of this.#serversOn(hostId)) {
      const evidence = { about: { kind: "server", id }, says, source: "hostHeartbeat", seenAt, ...detail } as const;
      this.#events.push({ type: "evidence", evidence });
    }
  }

  #links(id: HostId): LinkSeen[] {
    const ports = this.#serversOn(id).flatMap((s) => this.#picture.portsOf(s.id));
    return ports.flatMap((p) => (p.switchPort === null ? [] : [this.#facts.linkOf(p.switchPort)]));
  }

  #serversOn(id: HostId): Server[] {
    return [...this.#picture.servers.values()].filter((s) => s.hostId === id);
  }
}
