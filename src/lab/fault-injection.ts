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
  if (isOrder(kind)) await untilItListens(victim);
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

const ORDERS: readonly FaultKind[] = ["panic", "vnic", "relay"];
const isOrder = (kind: FaultKind) => ORDERS.includes(kind);

/** A word to the guest, by way of the media network. */
const order = (victim: Victim, word: string) => inGuestsNet(victim, `printf ${word} >"$guest"`);

/**
 * A guest that relays already may not take orders yet, and an order has no answer. Throws COMMAND_FAILED where it does
 * not listen in ten seconds.
 */
const untilItListens = (victim: Victim) =>
  inGuestsNet(
    victim,
    'for _ in {1..100}; do exec 3<>"$guest"; { printf here >&3 && read -r -N 1 -t 0.1 -u 3; } && exit; sleep 0.1; done 2>/dev/null; echo "the guest takes no orders" >&2; exit 1',
  );

const inGuestsNet = ({ control: { netns, ip } }: Victim, script: string) =>
  run("ip", ["netns", "exec", netns, "bash", "-c", `guest=/dev/udp/${ip}/${CONTROL_PORT}; ${script}`]);
