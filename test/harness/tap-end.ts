/**
 * What is plugged into one tap, as QEMU is: `node tap-end.ts TAP MARK OWN_MAC TO_MAC...`, started with an IPC channel and in the
 * tap's network namespace. Sends a frame with its mark to every TO_MAC each millisecond, and notes whose marks come in and when
 * (CLOCK_MONOTONIC, ms, so that the times of several processes compare). Any message is answered with what was noted since the
 * last one. When it is killed the tap loses its carrier.
 */
import { openSync, read, writeSync } from "node:fs";
import koffi from "koffi";

/** Local Experimental EtherType 1 (IEEE 802, 9.2.3). */
const ETHER_TYPE = 0x88b5;
/** linux/if_tun.h: TUNSETIFF with struct ifreq (40 bytes): name, then flags IFF_TAP | IFF_NO_PI. */
const TUNSETIFF = 0x400454ca;
const [IFREQ_BYTES, IFREQ_FLAGS_AT, TAP_NO_PI] = [40, 16, 0x1002];
const FRAME_BYTES = 60;
const MARK_AT = 14;

export interface Came {
  readonly from: string;
  readonly at: number;
}

function openTap(name: string): number {
  const fd = openSync("/dev/net/tun", "r+");
  const request = Buffer.alloc(IFREQ_BYTES);
  request.write(name);
  request.writeUInt16LE(TAP_NO_PI, IFREQ_FLAGS_AT);
  const ioctl = koffi.load("libc.so.6").func("int ioctl(int fd, unsigned long request, void *argument)");
  if (ioctl(fd, TUNSETIFF, request) !== 0) throw new Error(`cannot attach to tap ${name}`);
  return fd;
}

function frame(to: string, from: string, mark: string): Buffer {
  const bytes = Buffer.alloc(FRAME_BYTES);
  Buffer.from((to + from).replaceAll(":", ""), "hex").copy(bytes);
  bytes.writeUInt16BE(ETHER_TYPE, 12);
  bytes.write(mark, MARK_AT);
  return bytes;
}

const now = () => Number(process.hrtime.bigint()) / 1e6;

function listen(fd: number, came: (what: Came) => void): void {
  const bytes = Buffer.alloc(2048);
  read(fd, bytes, 0, bytes.length, null, (err, length) => {
    if (err === null && length > MARK_AT && bytes.readUInt16BE(12) === ETHER_TYPE)
      came({ from: String.fromCharCode(bytes[MARK_AT]!), at: now() });
    listen(fd, came);
  });
}

function run(tap: string, mark: string, ownMac: string, to: readonly string[]): void {
  const noted: Came[] = [];
  const fd = openTap(tap);
  const frames = to.map((mac) => frame(mac, ownMac, mark));
  listen(fd, (what) => noted.push(what));
  process.on("message", () => process.send?.(noted.splice(0)));
  process.on("disconnect", () => process.exit());
  setInterval(() => {
    try {
      for (const bytes of frames) writeSync(fd, bytes);
    } catch {
      // The link is down (EIO): what is sent then is lost, as on a cable.
    }
  }, 1);
  process.send?.("ready");
}

const [tap, mark, ownMac, ...to] = process.argv.slice(2);
if (tap && mark && ownMac) run(tap, mark, ownMac, to);
