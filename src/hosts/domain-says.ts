import type { Evidence } from "../model/evidence.ts";
import type { DomainState, LifecycleEvent } from "../wire/libvirt/protocol.ts";

type StateSays = Extract<Evidence["says"], "running" | "paused" | "stopped">;

/** What a state of libvirt says about a server. */
export const STATE_SAYS: Readonly<Record<DomainState, StateSays>> = {
  nostate: "stopped",
  running: "running",
  blocked: "running",
  paused: "paused",
  shutdown: "stopped",
  shutoff: "stopped",
  crashed: "stopped",
  pmsuspended: "paused",
};

/** The same where libvirt may have no such server: one that is not there does not run. */
export const saysOf = (state: DomainState | null | undefined): StateSays => (state == null ? "stopped" : STATE_SAYS[state]);

/** Libvirt has done with its QEMU: of one whose guest has ended (`shutdown`) it is still there for a while, and cannot be started. */
export const isOff = (state: DomainState | null): boolean => state === null || state === "shutoff" || state === "crashed";

/** What a life-cycle event says. `started` says nothing: the server may have been started paused, so it is asked. */
export const EVENT_SAYS: Readonly<Partial<Record<LifecycleEvent, Evidence["says"]>>> = {
  suspended: "paused",
  pmsuspended: "paused",
  resumed: "running",
  shutdown: "stopped",
  stopped: "stopped",
  crashed: "stopped",
};

/** What a guest says that begins anew where it is: what it served has ended. */
export const REBOOT_SAYS: readonly Evidence["says"][] = ["stopped", "running"];
