import { execFile } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { promisify } from "node:util";
import koffi from "koffi";
import { Fault } from "../lib/fault.ts";
import { checked, inNetns } from "./netns.ts";

const run = promisify(execFile);

/** IFNAMSIZ less its closing zero; letters, digits and three marks, so that a name is never an option, a path or a word of a shell. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/;

/** Where the tap lives; none means this process's own network namespace. */
export interface TapPlace {
  readonly netns?: string;
}

/** Where `ip netns` keeps the namespaces that it has named. */
const NETNS_DIR = "/run/netns";

// ioctl(2) of network devices: linux/sockios.h, linux/if_tun.h, linux/ethtool.h; their argument is `struct ifreq` (linux/if.h).
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const SIOCETHTOOL = 0x8946;
const TUNSETIFF = 0x400454ca;
const TUNSETPERSIST = 0x400454cb;
const IFF_UP = 0x1;
const IFF_TAP_NO_PI = 0x1002;
/** `struct ethtool_value`: ETHTOOL_STXCSUM, off. The kernel is given its address alone, so it must not be collected meanwhile. */
const CHECKSUMS_OFF = Buffer.alloc(8);
CHECKSUMS_OFF.writeUInt32LE(0x17, 0);
const IFREQ_BYTES = 40;
/** Where what is asked for, or answered, stands behind the name. */
const ASKED_AT = 16;

const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;

function loadLibc() {
  const libc = koffi.load("libc.so.6");
  return {
    socket: libc.func("socket", "int", ["int", "int", "int"]),
    close: libc.func("close", "int", ["int"]),
    ioctl: libc.func("ioctl", "int", ["int", "unsigned long", "void *"]),
    ioctlNumber: libc.func("ioctl", "int", ["int", "unsigned long", "unsigned long"]),
  };
}
let libc: ReturnType<typeof loadLibc> | undefined;

/**
 * Makes a persistent tap and sets it up; one that is there already stays as it is. It outlives QEMU, so the switch port
 * on it keeps its number, and loses its carrier the moment QEMU closes it. Throws INVALID for an impossible name,
 * MISSING_PART where this machine cannot make taps. By calls of the kernel, a millisecond or two: each process that is
 * started instead holds the thread that leads a switch for milliseconds.
 */
export async function ensureTap(name: string, { netns }: TapPlace = {}): Promise<void> {
  checkName(name);
  try {
    if (netns === undefined) makeTap(name);
    else inNetns([`${NETNS_DIR}/${netns}`], () => makeTap(name));
  } catch (cause) {
    throw new Fault("MISSING_PART", `the tap ${name}: ${(cause as Error).message}`, {}, { cause });
  }
}

/** Removes the tap; one that is not there is no error. */
export async function deleteTap(name: string, { netns }: TapPlace = {}): Promise<void> {
  checkName(name);
  const args = ["-e", "-c", DELETE, "sh", name];
  try {
    await (netns === undefined ? run("sh", args) : run("ip", ["netns", "exec", netns, "sh", ...args]));
  } catch (cause) {
    const why = String((cause as { stderr?: string }).stderr || cause).trim();
    throw new Fault("MISSING_PART", `the tap ${name}: ${why}`, {}, { cause });
  }
}

/** In one process each: they come one after the other. */
const DELETE = `! ip link show dev "$1" > /dev/null 2>&1 || ip link delete dev "$1"`;

function checkName(name: string): void {
  if (!NAME.test(name)) throw new Fault("INVALID", `not a name of a tap: ${JSON.stringify(name)}`);
}

/** In the network namespace that this thread is in. */
function makeTap(name: string): void {
  libc ??= loadLibc();
  const { socket, close, ioctl } = libc;
  const fd = checked(socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0), "socket");
  try {
    const flags = ifreq(name);
    if (ioctl(fd, SIOCGIFFLAGS, flags) < 0) {
      createTap(name, libc);
      checked(ioctl(fd, SIOCGIFFLAGS, flags), "SIOCGIFFLAGS");
    }
    flags.writeUInt16LE(flags.readUInt16LE(ASKED_AT) | IFF_UP, ASKED_AT);
    checked(ioctl(fd, SIOCSIFFLAGS, flags), "SIOCSIFFLAGS");
    finishChecksums(fd, name, libc);
  } finally {
    close(fd);
  }
}

function createTap(name: string, { ioctl, ioctlNumber }: ReturnType<typeof loadLibc>): void {
  const fd = openSync("/dev/net/tun", "r+");
  try {
    const asked = ifreq(name);
    asked.writeUInt16LE(IFF_TAP_NO_PI, ASKED_AT);
    checked(ioctl(fd, TUNSETIFF, asked), "TUNSETIFF");
    checked(ioctlNumber(fd, TUNSETPERSIST, 1), "TUNSETPERSIST");
  } finally {
    closeSync(fd);
  }
}

/** The kernel must do it before a userspace switch sees a packet; where it does not take the order, the guest's own setting suffices. */
function finishChecksums(fd: number, name: string, { ioctl }: ReturnType<typeof loadLibc>): void {
  const asked = ifreq(name);
  asked.writeBigUInt64LE(koffi.address(CHECKSUMS_OFF), ASKED_AT);
  ioctl(fd, SIOCETHTOOL, asked);
}

function ifreq(name: string): Buffer {
  const request = Buffer.alloc(IFREQ_BYTES);
  request.write(name, "latin1");
  return request;
}
