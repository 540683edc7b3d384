import { ProtocolError } from "../kit.ts";

export const HEADER_BYTES = 8;
const NOTHING = new Uint8Array(0);

/**
 * Cuts a TCP byte stream into OpenFlow frames. No socket, no timer, no event:
 * bytes in, frames out, so that every split of a stream can be tested.
 *
 *   0        1        2                 4                          8
 *   +--------+--------+-----------------+--------------------------+----
 *   | version|  type  | length (header  | xid                      | body
 *   |        |        | included)       |                          |
 *
 * The length has 16 bits, so never more than 65,534 bytes are held.
 */
export class Framer {
  #held: Uint8Array = NOTHING;

  /** Frames that `chunk` completes. They are views into it: decode them before the next push. Throws ProtocolError for a length below 8. */
  push(chunk: Uint8Array): Uint8Array[] {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const frames: Uint8Array[] = [];
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
      if (length < HEADER_BYTES) throw new ProtocolError("BAD_LENGTH", `a frame of ${length} bytes`);
      if (bytes.length - at < length) break;
      frames.push(bytes.subarray(at, at + length));
      at += length;
    }
    this.#held = at === bytes.length ? NOTHING : new Uint8Array(bytes.subarray(at));
    return frames;
  }
}
