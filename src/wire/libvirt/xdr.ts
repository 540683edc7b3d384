/** Bytes that are no message of this protocol. Nothing else is thrown by a decoder. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
}

/** One XDR type (RFC 4506): how a value is written and read. */
export interface Field<T> {
  write(to: Writer, value: T): void;
  read(from: Reader): T;
}
/** For tables of fields of many types; what comes out of a table is typed by its row. */
// biome-ignore lint/suspicious/noExplicitAny: a Field<unknown> would refuse every writer that wants something definite
export type AnyField = Field<any>;
export type ValueOf<F> = F extends Field<infer T> ? T : never;

/** Most messages of ours are a few hundred bytes; a domain's XML makes the writer grow. */
const WRITER_BYTES_START = 512;

/** Grows as it is written. */
export class Writer {
  #bytes = Buffer.alloc(WRITER_BYTES_START);
  #at = 0;

  /** Room for `count` bytes; returns where it begins. New room is zero, so padding is. */
  #take(count: number): number {
    const at = this.#at;
    this.#at += count;
    if (this.#at > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes], Math.max(this.#at, 2 * this.#bytes.length));
    return at;
  }

  u32(value: number): void {
    const at = this.#take(4);
    this.#bytes.writeUInt32BE(value, at);
  }

  i32(value: number): void {
    const at = this.#take(4);
    this.#bytes.writeInt32BE(value, at);
  }

  u64(value: bigint): void {
    const at = this.#take(8);
    this.#bytes.writeBigUInt64BE(value, at);
  }

  /** Opaque bytes, padded to a multiple of four (RFC 4506, 4.9). */
  opaque(value: Uint8Array): void {
    const at = this.#take(padded(value.length));
    this.#bytes.set(value, at);
  }

  end(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }
}

/** Reads within its bytes only: whatever reaches beyond them is a ProtocolError. */
export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  #take(count: number): number {
    if (count > this.left) throw new ProtocolError(`cut short: ${count} bytes wanted, ${this.left} left`);
    const at = this.#at;
    this.#at += count;
    return at;
  }

  u32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  i32(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  u64(): bigint {
    return this.#bytes.readBigUInt64BE(this.#take(8));
  }

  opaque(length: number): Buffer {
    const at = this.#take(padded(length));
    return this.#bytes.subarray(at, at + length);
  }

  /** A message that goes on after its last field is not the message we took it for. */
  end(): void {
    if (this.left > 0) throw new ProtocolError(`${this.left} bytes after the end of the message`);
  }
}

const padded = (length: number): number => (length + 3) & ~3;

export const u32: Field<number> = { write: (w, v) => w.u32(v), read: (r) => r.u32() };
export const i32: Field<number> = { write: (w, v) => w.i32(v), read: (r) => r.i32() };
export const u64: Field<bigint> = { write: (w, v) => w.u64(v), read: (r) => r.u64() };

/** REMOTE_STRING_MAX of remote_protocol.x. */
const STRING_BYTES_MAX = 4_194_304;

/** A string that is always there: length, UTF-8 bytes, padding. */
export const text: Field<string> = {
  write(w, value) {
    const bytes = Buffer.from(value, "utf8");
    w.u32(bytes.length);
    w.opaque(bytes);
  },
  read(r) {
    const length = r.u32();
    if (length > STRING_BYTES_MAX) throw new ProtocolError(`a string of ${length} bytes`);
    return r.opaque(length).toString("utf8");
  },
};

/** `opaque[16]` on the wire, the usual 36 characters here. */
export const uuid: Field<string> = {
  write(w, value) {
    const bytes = Buffer.from(value.replaceAll("-", ""), "hex");
    if (bytes.length !== 16) throw new RangeError(`not a UUID: ${value}`);
    w.opaque(bytes);
  },
  read: (r) =>
    r
      .opaque(16)
      .toString("hex")
      .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-"),
};

/** XDR's optional-data (RFC 4506, 4.19): a boolean, then the value if it is there. */
export const optional = <T>(field: Field<T>): Field<T | null> => ({
  write(w, value) {
    w.u32(value === null ? 0 : 1);
    if (value !== null) field.write(w, value);
  },
  read(r) {
    const there = r.u32();
    if (there > 1) throw new ProtocolError(`an optional's flag is ${there}`);
    return there === 1 ? field.read(r) : null;
  },
});

/** A counted array of at most `max` items. */
export const list = <T>(field: Field<T>, max: number): Field<T[]> => ({
  write(w, values) {
    w.u32(values.length);
    for (const value of values) field.write(w, value);
  },
  read(r) {
    const count = r.u32();
    if (count > max) throw new ProtocolError(`a list of ${count} items`);
    return Array.from({ length: count }, () => field.read(r));
  },
});

/** `char name[size]`: rpcgen sends every character as an int of its own. */
export const charArray = (size: number): Field<string> => ({
  write(w, value) {
    const codes = Buffer.from(value, "latin1");
    for (let i = 0; i < size; i++) w.i32(codes[i] ?? 0);
  },
  read(r) {
    const codes = Array.from({ length: size }, () => r.i32() & 0xff);
    const end = codes.indexOf(0);
    return Buffer.from(end < 0 ? codes : codes.slice(0, end)).toString("latin1");
  },
});

/** Fields in order, by name; the type follows from the table. */
export const struct = <const F extends Record<string, AnyField>>(
  fields: F,
): Field<{ -readonly [K in keyof F]: ValueOf<F[K]> }> => ({
  write(w, value) {
    for (const name in fields) fields[name]!.write(w, value[name]);
  },
  read(r) {
    const value: Record<string, unknown> = {};
    for (const name in fields) value[name] = fields[name]!.read(r);
    return value as { -readonly [K in keyof F]: ValueOf<F[K]> };
  },
});

/** `double` of XDR (RFC 4506, 4.7). */
const double: Field<number> = {
  write(w, value) {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value);
    w.opaque(bytes);
  },
  read: (r) => r.opaque(8).readDoubleBE(),
};
const i64: Field<bigint> = { write: (w, v) => w.u64(BigInt.asUintN(64, v)), read: (r) => BigInt.asIntN(64, r.u64()) };

/** virTypedParameterType from 1 on: INT, UINT, LLONG, ULLONG, DOUBLE, BOOLEAN, STRING. */
const PARAM_TYPES: readonly AnyField[] = [i32, u32, i64, u64, double, i32, text];
export interface TypedParam {
  readonly name: string;
  readonly type: number;
  readonly value: number | bigint | string;
}

/** `remote_typed_param`: a name, the number of a type, a value of that type. */
export const typedParam: Field<TypedParam> = {
  write(w, { name, type, value }) {
    text.write(w, name);
    w.u32(type);
    PARAM_TYPES[type - 1]!.write(w, value);
  },
  read(r) {
    const name = text.read(r);
    const type = r.u32();
    const field = PARAM_TYPES[type - 1];
    if (field === undefined) throw new ProtocolError(`a parameter of type ${type}`);
    return { name, type, value: field.read(r) as TypedParam["value"] };
  },
};

/** Encodes one value as a whole message body. */
export function encode<T>(field: Field<T>, value: T): Buffer {
  const w = new Writer();
  field.write(w, value);
  return w.end();
}

/** Decodes a whole message body. Throws ProtocolError for anything that is not exactly one. */
export function decode<T>(field: Field<T>, bytes: Uint8Array): T {
  const r = new Reader(bytes);
  const value = field.read(r);
  r.end();
  return value;
}
