import { closeSync, openSync, readSync, writeSync } from "node:fs";
import koffi from "koffi";
import { checked, inNetns } from "../../src/hosts/netns.ts";

/** linux/if_tun.h: TUNSETIFF with struct ifreq (40 bytes): name, then flags IFF_TAP | IFF_NO_PI. */
const TUNSETIFF = 0x400454ca;
const [IFREQ_BYTES, IFREQ_FLAGS_AT, TAP_NO_PI] = [40, 16, 0x1002];
const O_RDWR_NONBLOCK = 0o2 | 0o4000;
const FRAME_BYTES_MAX = 2_048;

/** A tap with what is plugged into it, frame by frame: what QEMU is to its guest's tap. It goes when this is disposed of. */
export class FrameTap implements Disposable {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  static open(netns: string, name: string): FrameTap {
    const ioctl = koffi.load("libc.so.6").func("int ioctl(int fd, unsigned long request, void *argument)");
    return inNetns([`/run/netns/${netns}`], () => {
      const fd = openSync("/dev/net/tun", O_RDWR_NONBLOCK);
      const request = Buffer.alloc(IFREQ_BYTES);
      request.write(name);
      request.writeUInt16LE(TAP_NO_PI, IFREQ_FLAGS_AT);
      checked(ioctl(fd, TUNSETIFF, request), "TUNSETIFF");
      return new FrameTap(fd);
    });
  }

  send(frame: Uint8Array): void {
    writeSync(this.#fd, frame);
  }

  /** All that has come since, as hex. */
  read(): string[] {
    const came: string[] = [];
    const bytes = Buffer.alloc(FRAME_BYTES_MAX);
    for (;;) {
      try {
        came.push(bytes.toString("hex", 0, readSync(this.#fd, bytes)));
      } catch (e) {
        if ((e as NodeJS.ErrnoException).code === "EAGAIN") return came;
        throw e;
      }
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
