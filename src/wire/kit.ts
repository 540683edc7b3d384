/**
 * The kit for binary protocols: a message is a table of fields, its TypeScript type is inferred from the table.
 * No socket, no timer. Everything a peer can get wrong becomes a ProtocolError; a value that cannot be written is a
 * bug of ours and a RangeError.
 */

export const PROTOCOL_ERRORS = {
  TRUNCATED: "the bytes end inside a field",
  BAD_LENGTH: "a length field contradicts what it measures",
  BAD_VALUE: "a field holds a value the protocol does not know",
  UNKNOWN_TYPE: "no such type of message",
  TOO_LONG: "more than we are willing to hold",
} as const;

/** Bytes that are not what the protocol says. Thrown by decoders only. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly code: keyof typeof PROTOCOL_ERRORS;

  constructor(code: keyof typeof PROTOCOL_ERRORS, detail: string) {
    super(`${PROTOCOL_ERRORS[code]}: ${detail}`);
    this.code = code;
  }
}

/** Reads big-endian numbers up to a border that `narrow` moves inwards and `widen` moves back. */
export class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  #end: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.byteLength;
  }

  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  /** Advances by `n` bytes and returns where they begin. */
  skip(n: number): number {
    if (n > this.#end - this.#at) throw new ProtocolError("TRUNCATED", `${n} bytes wanted, ${this.left} left`);
    const from = this.#at;
    this.#at += n;
    return from;
  }

  u8(): number {
    return this.#bytes[this.skip(1)]!;
  }

  u16(): number {
    return this.#bytes.readUInt16BE(this.skip(2));
  }

  u32(): number {
    return this.#bytes.readUInt32BE(this.skip(4));
  }

  u64(): bigint {
    return this.#bytes.readBigUInt64BE(this.skip(8));
  }

  /** A copy, so that what was decoded does not keep the socket's chunk alive. */
  bytes(n: number): Uint8Array {
    const from = this.skip(n);
    return new Uint8Array(this.#bytes.subarray(from, from + n));
  }

  /** No copy: for what is looked at now and not kept. */
  view(n: number): Buffer {
    const from = this.skip(n);
    return this.#bytes.subarray(from, from + n);
  }

  /** From here only `n` more bytes may be read. Returns the old border, for `widen`. */
  narrow(n: number): number {
    if (n < 0 || n > this.left) throw new ProtocolError("BAD_LENGTH", `${n} bytes announced, ${this.left} left`);
    const border = this.#end;
    this.#end = this.#at + n;
    return border;
  }

  /** Ends a `narrow`: what it announced must have been read to its end. */
  widen(border: number): void {
    if (this.left !== 0) throw new ProtocolError("BAD_LENGTH", `${this.left} bytes too many`);
    this.#end = border;
  }
}

const FIRST_ROOM_BYTES = 512;

/** Writes big-endian numbers into a buffer that grows. Many messages may follow each other in one Writer. */
export class Writer {
  #bytes = Buffer.allocUnsafe(FIRST_ROOM_BYTES);
  #at = 0;

  get at(): number {
    return this.#at;
  }

  /** Makes room for `n` bytes and returns where they begin. Their content is undefined until written. */
  reserve(n: number): number {
    const from = this.#at;
    this.#at += n;
    if (this.#at > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#at, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, from);
      this.#bytes = grown;
    }
    return from;
  }

  u8(value: number): void {
    const at = this.reserve(1);
    this.#bytes.writeUInt8(value, at);
  }

  u16(value: number): void {
    this.patchU16(this.reserve(2), value);
  }

  /** Fills in a length that is known only after what it measures was written. */
  patchU16(at: number, value: number): void {
    this.#bytes.writeUInt16BE(value, at);
  }

  u32(value: number): void {
    this.patchU32(this.reserve(4), value);
  }

  patchU32(at: number, value: number): void {
    this.#bytes.writeUInt32BE(value, at);
  }

  u64(value: bigint): void {
    const at = this.reserve(8);
    if (value === 0n) this.#bytes.fill(0, at, at + 8);
    else this.#bytes.writeBigUInt64BE(value, at);
  }

  /** Returns where they begin. */
  bytes(value: Uint8Array): number {
    const at = this.reserve(value.length);
    this.#bytes.set(value, at);
    return at;
  }

  zeros(n: number): void {
    const at = this.reserve(n);
    this.#bytes.fill(0, at, at + n);
  }

  /** What was written so far. A view: the Writer must not be used after. */
  done(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }
}

/** How one field is read and written. */
export interface Field<T> {
  read(r: Reader): T;
  write(w: Writer, value: T): void;
}

/** Fields in the order in which they stand on the wire. Names that begin with `_` carry no value. */
export type Fields = Readonly<Record<string, Field<unknown>>>;
export type FieldValue<F> = F extends Field<infer T> ? T : never;
export type ValueOf<F extends Fields> = {
  readonly [K in keyof F as K extends `_${string}` ? never : K]: FieldValue<F[K]>;
};

export const u8: Field<number> = { read: (r) => r.u8(), write: (w, v) => w.u8(v) };
export const u16: Field<number> = { read: (r) => r.u16(), write: (w, v) => w.u16(v) };
export const u32: Field<number> = { read: (r) => r.u32(), write: (w, v) => w.u32(v) };
export const u64: Field<bigint> = { read: (r) => r.u64(), write: (w, v) => w.u64(v) };

/** Padding: written as zeros, not looked at when read. */
export const pad = (n: number): Field<undefined> => ({
  read: (r) => void r.skip(n),
  write: (w) => w.zeros(n),
});

/** Everything up to the border, as it stands. */
export const bytesLeft: Field<Uint8Array> = { read: (r) => r.bytes(r.left), write: (w, v) => void w.bytes(v) };

/** The same without a copy: it keeps what it was read from alive. */
export const viewLeft: Field<Buffer> = { read: (r) => r.view(r.left), write: (w, v) => void w.bytes(v) };

/** Exactly `n` bytes. */
export const bytesOf = (n: number): Field<Uint8Array> => ({
  read: (r) => r.bytes(n),
  write(w, v) {
    if (v.length !== n) throw new RangeError(`${v.length} bytes where ${n} belong`);
    w.bytes(v);
  },
});

const MAC = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i;
/** An Ethernet address as `02:00:00:00:00:01`, lower case. */
export const mac: Field<string> = {
  read: (r) => Array.from(r.bytes(6), (b) => b.toString(16).padStart(2, "0")).join(":"),
  write(w, v) {
    if (!MAC.test(v)) throw new RangeError(`not an Ethernet address: ${v}`);
    for (let i = 0; i < v.length; i += 3) w.u8((digitAt(v, i) << 4) | digitAt(v, i + 1));
  },
};

/** Of a hexadecimal number: "0" is 48, "a" is 97, "A" differs from it in bit 5. */
function digitAt(text: string, i: number): number {
  const code = text.charCodeAt(i);
  return code < 58 ? code - 48 : (code | 32) - 87;
}

/** An IPv4 address as `10.0.0.1`. */
export const ipv4: Field<string> = {
  read: (r) => r.bytes(4).join("."),
  write(w, v) {
    const parts = v.split(".").map(Number);
    if (parts.length !== 4) throw new RangeError(`not an IPv4 address: ${v}`);
    for (const part of parts) w.u8(part);
  },
};

/** Text in a field of `n` bytes, filled up with zeros. Bytes stand for Latin-1, so that any name survives the round trip. */
export const text = (n: number): Field<string> => ({
  read: (r) => Buffer.from(r.bytes(n)).toString("latin1").split("\0", 1)[0] ?? "",
  write(w, v) {
    const bytes = Buffer.from(v, "latin1");
    if (bytes.length > n) throw new RangeError(`${JSON.stringify(v)} does not fit in ${n} bytes`);
    w.bytes(bytes);
    w.zeros(n - bytes.length);
  },
});

/** A number that has a name. An unknown number is a ProtocolError. */
export function named<const N extends Readonly<Record<string, number>>>(field: Field<number>, names: N): Field<keyof N & string> {
  const byNumber = new Map(Object.entries(names).map(([name, n]) => [n, name]));
  return {
    read(r) {
      const n = field.read(r);
      const name = byNumber.get(n);
      if (name === undefined) throw new ProtocolError("BAD_VALUE", `${n} is none of ${Object.keys(names).join(", ")}`);
      return name;
    },
    write: (w, name) => field.write(w, names[name]!),
  };
}

/** Fields one after the other. */
export function struct<const F extends Fields>(fields: F): Field<ValueOf<F>> {
  const rows = Object.entries(fields).map(([name, field]) => ({ name, field, carries: !name.startsWith("_") }));
  return {
    read(r) {
      const value: Record<string, unknown> = {};
      for (const { name, field, carries } of rows) {
        const read = field.read(r);
        if (carries) value[name] = read;
      }
      return value as ValueOf<F>;
    },
    write(w, value) {
      const values = value as Readonly<Record<string, unknown>>;
      for (const { name, field } of rows) field.write(w, values[name]);
    },
  };
}

/** As many as fit before the border. */
export const list = <T>(item: Field<T>): Field<readonly T[]> => ({
  read(r) {
    const items: T[] = [];
    while (r.left > 0) {
      const before = r.left;
      items.push(item.read(r));
      if (r.left === before) throw new ProtocolError("BAD_LENGTH", "an item of no bytes");
    }
    return items;
  },
  write(w, items) {
    for (const value of items) item.write(w, value);
  },
});

/** A 16-bit length, then `gap` bytes of padding, then so many bytes of `inner`. */
export const counted = <T>(inner: Field<T>, gap = 0): Field<T> => ({
  read(r) {
    const length = r.u16();
    r.skip(gap);
    const border = r.narrow(length);
    const value = inner.read(r);
    r.widen(border);
    return value;
  },
  write(w, value) {
    const at = w.reserve(2);
    w.zeros(gap);
    const from = w.at;
    inner.write(w, value);
    w.patchU16(at, w.at - from);
  },
});

/** A 16-bit length that counts itself too, then the fields. */
export const sized = <T>(inner: Field<T>): Field<T> => ({
  read(r) {
    const border = r.narrow(r.u16() - 2);
    const value = inner.read(r);
    r.widen(border);
    return value;
  },
  write(w, value) {
    const at = w.reserve(2);
    inner.write(w, value);
    w.patchU16(at, w.at - at);
  },
});

/** The rows of a tagged union: the row's name is the `kind` of its values. */
export type Rows = Readonly<Record<string, { readonly tag: number; readonly fields: Fields }>>;
/** What has a tag that no row knows: kept as it is, so that a stranger's entry does not end a session. */
export type Other = { readonly kind: "other"; readonly tag: number; readonly data: Uint8Array };
export type RowValue<R extends Rows> = { [K in keyof R & string]: { readonly kind: K } & ValueOf<R[K]["fields"]> }[keyof R &
  string];

/** Reads and writes what follows a tag. */
export interface Variants<V> {
  read(tag: number, r: Reader): V;
  tagOf(value: V): number;
  write(w: Writer, value: V): void;
}

export function variants<const R extends Rows>(rows: R): Variants<RowValue<R> | Other> {
  const byName = new Map(Object.entries(rows).map(([kind, { tag, fields }]) => [kind, { kind, tag, body: struct(fields) }]));
  const byTag = new Map([...byName.values()].map((row) => [row.tag, row]));
  const rowOf = (kind: string) => {
    const row = byName.get(kind);
    if (row === undefined) throw new RangeError(`no row named ${kind}`);
    return row;
  };
  return {
    read(tag, r) {
      const row = byTag.get(tag);
      if (row === undefined) return { kind: "other", tag, data: r.bytes(r.left) };
      return { kind: row.kind, ...row.body.read(r) } as RowValue<R>;
    },
    tagOf: (value) => (value.kind === "other" ? (value as Other).tag : rowOf(value.kind).tag),
    write(w, value) {
      if (value.kind === "other") w.bytes((value as Other).data);
      else rowOf(value.kind).body.write(w, value as never);
    },
  };
}

/** A tagged union with type and length, 16 bits each; the length counts both. With `padAfter`, padding up to 8 follows uncounted. */
export const tlv = <V>(rows: Variants<V>, padAfter = false): Field<V> => ({
  read(r) {
    const tag = r.u16();
    const length = r.u16();
    const border = r.narrow(length - 4);
    const value = rows.read(tag, r);
    r.widen(border);
    if (padAfter) r.skip(Math.min(fillOf(length), r.left));
    return value;
  },
  write(w, value) {
    const from = w.at;
    w.u16(rows.tagOf(value));
    const at = w.reserve(2);
    rows.write(w, value);
    w.patchU16(at, w.at - from);
    if (padAfter) w.zeros(fillOf(w.at - from));
  },
});

/** Bytes missing to the next multiple of 8. */
export const fillOf = (n: number): number => -n & 7;
