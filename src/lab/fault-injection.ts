import type { LibvirtSession } from "../hosts/libvirt.ts";
import { findQemu } from "../hosts/qemu-process.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { run } from "./run.ts";

/** What can be done to a VNFC, in the words of the command line. */
export const FAULT_KINDS = {
  kill: "QEMU is killed (SIGKILL): the machine is gone without a word",
  pause: "the machine is suspended by the hypervisor: it stands still",
  shutdown: "the guest is asked to power off (ACPI)",
  destroy: "the hypervisor ends the machine at once",
  link: "the cable of its service vNIC is cut",
} as const;

export type FaultKind = keyof typeof FAULT_KINDS;
export const isFaultKind = (word: string): word is FaultKind => Object.hasOwn(FAULT_KINDS, word);

export interface Victim {
  readonly serverId: string;
  readonly serviceTap: string;
}

export interface Injected {
  /** Monotonic ms: the moment before the act. */
  readonly at: number;
  /** For faults that nothing but a person can take back: does it. Others are healed by the MANO. */
  repair(): Promise<void>;
}

/** Does it, past the VIM and the MANO: both must find out by themselves. */
export async function inject(kind: FaultKind, victim: Victim, libvirt: LibvirtSession, clock: Clock): Promise<Injected> {
  const qemu = kind === "kill" ? await findQemu(victim.serverId) : null;
  if (kind === "kill" && qemu === null) throw new Fault("NOT_FOUND", `server ${victim.serverId} has no QEMU process to kill`);
  const at = clock.now();
  const cable = (state: "up" | "down") => run("ip", ["link", "set", "dev", victim.serviceTap, state]);
  if (qemu !== null) process.kill(qemu.pid, "SIGKILL");
  else if (kind === "pause") await libvirt.pause(victim.serverId);
  else if (kind === "shutdown") await libvirt.shutdown(victim.serverId);
  else if (kind === "destroy") await libvirt.destroy(victim.serverId);
  else await cable("down");
  return { at, repair: async () => void (kind === "link" && (await cable("up"))) };
}
