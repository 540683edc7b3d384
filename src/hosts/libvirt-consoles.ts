import type { ConsoleSide, OpenConsole } from "../model/console.ts";
import { decodeStream, encodeStream, type Frame } from "../wire/libvirt/frame.ts";

/** VIR_NET_MESSAGE_LEGACY_PAYLOAD_MAX: more than this is not taken of a stream in one message. */
const STREAM_BYTES_MAX = 262_120;
const NO_BYTES = Buffer.alloc(0);

/** The consoles that one session with libvirt has open. */
export class ConsoleStreams {
  /** By the serial of the call that opened each. */
  readonly #sides = new Map<number, ConsoleSide>();
  readonly #write: (frame: Buffer) => void;

  constructor(write: (frame: Buffer) => void) {
    this.#write = write;
  }

  /**
   * What a guest writes from now on, and what is written to it. `serial`: of the call, which is made after it is known here: bytes may come
   * right behind its answer. Whoever has this console open loses it. What is heard must be taken at once: bytes that wait here would block the guest.
   * Rejects as the call does.
   */
  async open(serial: number, call: () => Promise<unknown>, side: ConsoleSide): Promise<OpenConsole> {
    this.#sides.set(serial, side);
    try {
      await call();
    } catch (e) {
      this.#sides.delete(serial);
      throw e;
    }
    return {
      write: (bytes) => {
        for (let at = 0; at < bytes.length; at += STREAM_BYTES_MAX)
          this.#send(serial, "continue", bytes.subarray(at, at + STREAM_BYTES_MAX));
      },
      close: () => {
        this.#send(serial, "error", NO_BYTES);
        this.#sides.delete(serial);
      },
    };
  }

  take(frame: Frame): void {
    const { serial } = frame.header;
    const side = this.#sides.get(serial);
    const said = decodeStream(frame);
    if ("bytes" in said) {
      side?.heard(said.bytes);
      return;
    }
    if (side === undefined) return; // Closed here, and its answer.
    if (said.end === null) this.#send(serial, "ok", NO_BYTES);
    this.#sides.delete(serial);
    side.ended(said.end ?? "the guest's console has ended");
  }

  /** The session is over. */
  end(why: string): void {
    const sides = [...this.#sides.values()];
    this.#sides.clear();
    for (const side of sides) side.ended(why);
  }

  #send(serial: number, status: "continue" | "ok" | "error", bytes: Uint8Array): void {
    if (this.#sides.has(serial)) this.#write(encodeStream("openConsole", serial, status, bytes));
  }
}
