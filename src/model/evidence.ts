import type { ServerId, VimPortId } from "./ids.ts";

/**
 * Who says so. Facts are about a thing that ended or stands still, and count at once. Opinions (the probes, the traffic) may be wrong about a
 * member that is only slow: they make it unknown, and only a fence makes it down.
 */
export const SOURCES = {
  processExit: { fact: true, text: "process connector: a thread of QEMU was killed or its first thread ended" },
  qmp: { fact: true, text: "QEMU's own monitor: an event, or end of file" },
  libvirt: { fact: true, text: "libvirt life-cycle event or state" },
  portStatus: { fact: true, text: "OpenFlow PORT_STATUS" },
  ovsdb: { fact: true, text: "link state in the switch's database" },
  bfd: { fact: true, text: "BFD between the switch and what its port is cabled to" },
  arpProbe: { fact: false, text: "answer to an ARP request sent out of the VNFC's own switch port" },
  probe: { fact: false, text: "in-band probe: requests out of the VNFC's own switch port that nothing answered" },
  guestHeartbeat: { fact: false, text: "the agent inside its guest, asked over the hypervisor's own channel" },
  traffic: { fact: false, text: "port counters: packets go to the VNFC's switch port and none comes from it" },
  fence: { fact: true, text: "its port was closed in the switch" },
  hostHeartbeat: { fact: false, text: "libvirt on its host, by keepalive or the end of the connection" },
  evacuation: { fact: true, text: "it was made anew on another host; what runs on the old one is cut off in the switch" },
  poll: { fact: true, text: "state read by polling" },
} as const satisfies Record<string, { fact: boolean; text: string }>;

export type Source = keyof typeof SOURCES;

/** What is spoken about: a server (the whole VM) or one link port of it. */
export type Subject = { readonly kind: "server"; readonly id: ServerId } | { readonly kind: "port"; readonly id: VimPortId };

/** A disk of a server could not be read or written. That alone says nothing of the server: QEMU may stop it for that, or tell its guest. */
export interface DiskFailure {
  readonly id: ServerId;
  /** As `Evidence.storage`. */
  readonly storage: string;
  readonly why: string;
  /** Monotonic ms. */
  readonly seenAt: number;
}

/** What one source saw, once. `paused` and `stopped` both take a server out of service; only they tell apart what heals it. */
export interface Evidence {
  readonly about: Subject;
  readonly says: "running" | "paused" | "stopped" | "linkUp" | "linkDown" | "answers" | "silent" | "fenced";
  readonly source: Source;
  /** Monotonic ms of the moment it was seen here. */
  readonly seenAt: number;
  readonly detail?: string;
  /**
   * Of a server that was paused because its disk could not be read or written, or that fell silent after that: the storage that holds it. A folder of its host at which something is
   * mounted (it begins with one "/"), or the name of what several hosts may have mounted.
   */
  readonly storage?: string;
}
