import type { ServerId } from "./ids.ts";

/** What a server has taken of its host until now, as the host counts it. */
export interface ServerUsage {
  readonly serverId: ServerId;
  readonly name: string;
  /** Which run of it: with each that begins it is another, and CPU time counts from 0. Null: it does not run. */
  readonly run: string | null;
  /** When it was read, ms of the VIM's monotonic clock. */
  readonly readMs: number;
  /** CPU time of its QEMU since this run began: of its CPUs, and of what is done for its disks, ports and screen. Null: not known. */
  readonly cpuMs: number | null;
  /** CPUs that it has. */
  readonly vcpus: number;
  readonly memoryMiB: number;
  /**
   * Memory of the host that its QEMU has now: what its guest has ever touched, as nothing is given back, and QEMU's own. Null: not known, as of one
   * whose memory was set aside for it (huge pages).
   */
  readonly residentMiB: number | null;
}
