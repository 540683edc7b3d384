import type { Pushed } from "../wire/libvirt/frame.ts";
import { LIFECYCLE, type LifecycleEvent, STOPPED, SUSPENDED } from "../wire/libvirt/protocol.ts";

/** `detail` is libvirt's reason as text where it has one for a stop, else its number. `seenAt` is monotonic ms. */
export type LibvirtEvent =
  | {
      readonly type: "lifecycle";
      readonly uuid: string;
      readonly event: LifecycleEvent;
      readonly detail: string;
      readonly seenAt: number;
    }
  /** The guest began anew in the same QEMU: it restarted itself, or was reset. */
  | { readonly type: "rebooted"; readonly uuid: string; readonly seenAt: number }
  /** A disk could not be read or written. `file`: what libvirt's XML has as its source; `reason`: of QEMU, as "eio"; "" where it gives none. */
  | { readonly type: "ioError"; readonly uuid: string; readonly file: string; readonly reason: string; readonly seenAt: number }
  /** `heardAt`: when its last byte came. */
  | { readonly type: "closed"; readonly why: string; readonly heardAt: number };

/** What libvirt told unasked, in our nouns; null: it is no event of a domain, or one that we do not know. */
export function eventIn(pushed: Pushed, seenAt: number): LibvirtEvent | null {
  if (pushed.kind === "ioError") {
    const { domain, file, reason } = pushed.body;
    return { type: "ioError", uuid: domain.uuid, file, reason, seenAt };
  }
  if (pushed.kind === "reboot") return { type: "rebooted", uuid: pushed.body.domain.uuid, seenAt };
  if (pushed.kind !== "lifecycle") return null;
  const { domain, event: number, detail: code } = pushed.body;
  const event = LIFECYCLE[number];
  if (!event) return null;
  const details: readonly string[] = event === "stopped" ? STOPPED : event === "suspended" ? SUSPENDED : [];
  return { type: "lifecycle", uuid: domain.uuid, event, detail: details[code] ?? String(code), seenAt };
}
