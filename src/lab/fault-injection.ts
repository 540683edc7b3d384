import type { LibvirtSession } from "../hosts/libvirt.ts";
import { findQemu } from "../hosts/qemu-process.ts";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../lib/fault.ts";
import { CONTROL_PORT } from "./image.ts";
import { run } from "./run.ts";

/** What can be done to a VNFC, in the words of the command line. */
export const FAULT_KINDS = {
  kill: "QEMU is killed (SIGKILL): the machine is gone without a word",
  pause: "the machine is suspended by the hypervisor: it stands still",
  shutdown: "the guest is asked to power off (ACPI)",
  destroy: "the hypervisor ends the machine at once",
  link: "the cable of its service vNIC is cut",
  hang: "QEMU stands still (SIGSTOP): alive for everybody who looks at the process",
  panic: "the guest's kernel panics and stops, in a virtual machine that runs on",
  vnic: "the guest's own service interface goes down: the cable is fine for everybody outside",
  relay: "the media relay dies inside the guest, which lives on",
} as const;

export type FaultKind = keyof typeof FAULT_KINDS;
export const isFaultKind = (word: string): word is FaultKind => Object.hasOwn(FAULT_KINDS, word);

export interface Victim {
  readonly serverId: string;
  readonly serviceTap: string;
  /** Where its guest takes orders, and from which network namespace. */
  readonly control: { readonly netns: string; readonly ip: string };
}

export interface Injected {
  /** Monotonic ms: the moment before the act. */
  readonly at: number;
  /** For faults that nothing but a person can take back: does it. Others are healed by the MANO. */
  repair(): Promise<void>;
}

/**
 * Looks up what it takes, and gives what does it at once, past the VIM and the MANO: both must find out by themselves. Throws NOT_FOUND
 * where the victim has no QEMU.
 */
export async function prepare(
  kind: FaultKind,
  victim: Victim,
  libvirt: LibvirtSession,
  clock: Clock,
): Promise<() => Promise<Injected>> {
  const qemu = await findQemu(victim.serverId);
  if (qemu === null) throw new Fault("NOT_FOUND", `server ${victim.serverId} has no QEMU process to do harm to`);
  const cable = (state: "up" | "down") => run("ip", ["link", "set", "dev", victim.serviceTap, state]);
  const acts: Readonly<Record<FaultKind, () => unknown>> = {
    kill: () => process.kill(qemu.pid, "SIGKILL"),
    pause: () => libvirt.pause(victim.serverId),
    shutdown: () => libvirt.shutdown(victim.serverId),
    destroy: () => libvirt.destroy(victim.serverId),
    link: () => cable("down"),
    hang: () => process.kill(qemu.pid, "SIGSTOP"),
    panic: () => order(victim, "panic"),
    vnic: () => order(victim, "vnic"),
    relay: () => order(victim, "relay"),
  };
  return async () => {
    const at = clock.now();
    await acts[kind]();
    return { at, repair: async () => void (kind === "link" && (await cable("up"))) };
  };
}

/** A word to the guest, by way of the media network. */
const order = ({ control: { netns, ip } }: Victim, word: string) =>
  run("ip", ["netns", "exec", netns, "bash", "-c", `printf ${word} >/dev/udp/${ip}/${CONTROL_PORT}`]);
