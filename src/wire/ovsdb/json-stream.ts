/** Bytes that are no stream of JSON objects. */
export class JsonStreamError extends Error {
  override readonly name = "JsonStreamError";
}

/** Most bytes held while an object is incomplete: a monitor's first reply of a large switch is a few MB. */
const HELD_BYTES_MAX = 64 * 1024 * 1024;

const OPEN = 0x7b; // {
const CLOSE = 0x7d; // }
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BLANKS: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * Cuts a byte stream into JSON objects. OVSDB (RFC 7047, 4) sends them one after another with nothing between, so an
 * object ends where its braces close outside of a string; no byte of a multi-byte UTF-8 character looks like those.
 */
export class JsonStream {
  /** Of an object whose end has not come: put together once, since a large one comes in hundreds of chunks. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** Throws JsonStreamError for what cannot become an object: after it the stream is lost. The chunk is the stream's from then on. */
  push(chunk: Uint8Array): unknown[] {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const values: unknown[] = [];
    let from = 0;
    for (let i = 0; i < bytes.length; i++) {
      if (!this.#ends(bytes[i]!)) continue;
      values.push(parse(Buffer.concat([...this.#held, bytes.subarray(from, i + 1)])));
      from = i + 1;
      this.#held = [];
      this.#heldBytes = 0;
    }
    if (from < bytes.length) {
      this.#held.push(bytes.subarray(from));
      this.#heldBytes += bytes.length - from;
    }
    if (this.#heldBytes > HELD_BYTES_MAX) throw new JsonStreamError(`no end of an object in ${this.#heldBytes} bytes`);
    return values;
  }

  /** Whether the object ends with this byte. */
  #ends(byte: number): boolean {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === BACKSLASH) this.#escaped = true;
      else if (byte === QUOTE) this.#inString = false;
      return false;
    }
    if (byte === OPEN) this.#depth++;
    else if (this.#depth === 0 && !BLANKS.has(byte)) throw new JsonStreamError(`byte ${byte} outside of an object`);
    else if (byte === QUOTE) this.#inString = true;
    return byte === CLOSE && --this.#depth === 0;
  }
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw new JsonStreamError("not JSON", { cause });
  }
}
