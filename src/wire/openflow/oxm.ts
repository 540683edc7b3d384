import {
  bytesOf,
  type Field,
  type FieldValue,
  fillOf,
  ipv4,
  mac,
  ProtocolError,
  type Reader,
  u8,
  u16,
  u32,
  u64,
  type Writer,
} from "../kit.ts";

/**
 * OXM match fields of OpenFlow 1.3 (7.2.3.7): a row per field. Rows stand in the order in which Open vSwitch writes
 * them, so that golden bytes compare equal.
 */
const OXM = {
  inPort: { number: 0, size: 4, field: u32 },
  inPhyPort: { number: 1, size: 4, field: u32 },
  ethSrc: { number: 4, size: 6, field: mac },
  ethDst: { number: 3, size: 6, field: mac },
  ethType: { number: 5, size: 2, field: u16 },
  vlanVid: { number: 6, size: 2, field: u16 },
  vlanPcp: { number: 7, size: 1, field: u8 },
  mplsLabel: { number: 34, size: 4, field: u32 },
  mplsTc: { number: 35, size: 1, field: u8 },
  mplsBos: { number: 36, size: 1, field: u8 },
  pbbIsid: { number: 37, size: 3, field: bytesOf(3) },
  ipv4Src: { number: 11, size: 4, field: ipv4 },
  ipv4Dst: { number: 12, size: 4, field: ipv4 },
  ipv6Src: { number: 26, size: 16, field: bytesOf(16) },
  ipv6Dst: { number: 27, size: 16, field: bytesOf(16) },
  ipv6FlowLabel: { number: 28, size: 4, field: u32 },
  ipv6ExtHdr: { number: 39, size: 2, field: u16 },
  ipDscp: { number: 8, size: 1, field: u8 },
  ipEcn: { number: 9, size: 1, field: u8 },
  ipProto: { number: 10, size: 1, field: u8 },
  tcpSrc: { number: 13, size: 2, field: u16 },
  tcpDst: { number: 14, size: 2, field: u16 },
  udpSrc: { number: 15, size: 2, field: u16 },
  udpDst: { number: 16, size: 2, field: u16 },
  sctpSrc: { number: 17, size: 2, field: u16 },
  sctpDst: { number: 18, size: 2, field: u16 },
  icmpv4Type: { number: 19, size: 1, field: u8 },
  icmpv4Code: { number: 20, size: 1, field: u8 },
  icmpv6Type: { number: 29, size: 1, field: u8 },
  icmpv6Code: { number: 30, size: 1, field: u8 },
  ipv6NdTarget: { number: 31, size: 16, field: bytesOf(16) },
  ipv6NdSll: { number: 32, size: 6, field: mac },
  ipv6NdTll: { number: 33, size: 6, field: mac },
  arpOp: { number: 21, size: 2, field: u16 },
  arpSpa: { number: 22, size: 4, field: ipv4 },
  arpTpa: { number: 23, size: 4, field: ipv4 },
  arpSha: { number: 24, size: 6, field: mac },
  arpTha: { number: 25, size: 6, field: mac },
  tunnelId: { number: 38, size: 8, field: u64 },
  metadata: { number: 2, size: 8, field: u64 },
} as const satisfies Record<
  string,
  { number: number; size: number; field: Field<string> | Field<number> | Field<bigint> | Field<Uint8Array> }
>;

/** A field of which only the bits set in the mask are looked at. */
export interface Masked<T> {
  readonly value: T;
  readonly mask: T;
}

/** Absent fields match anything. Fields of classes we do not know (Nicira registers, say) are kept in `others` as they stand. */
export type OxmMatch = {
  readonly [K in keyof typeof OXM]?: FieldValue<(typeof OXM)[K]["field"]> | Masked<FieldValue<(typeof OXM)[K]["field"]>>;
} & { readonly others?: readonly Uint8Array[] };

interface Row {
  readonly name: string;
  readonly number: number;
  readonly size: number;
  readonly field: Field<unknown>;
  /** Among the rows, which are written in their order. */
  readonly place: number;
}
const ROWS: readonly Row[] = Object.entries(OXM).map(([name, row], place) => ({ ...row, name, place }) as Row);
const BY_NUMBER = new Map(ROWS.map((row) => [row.number, row]));
const BY_NAME = new Map(ROWS.map((row) => [row.name, row]));

const OPENFLOW_BASIC = 0x8000;
const HEADER_BYTES = 4;

/**
 * One OXM field into `match`.
 *
 *   0                 2            3        4
 *   +-----------------+-------+----+--------+---------------+-----------------+
 *   | class           | field | M  | length | value         | mask, if M is 1 |
 */
function readField(r: Reader, match: Record<string, unknown>): void {
  const head = r.u32();
  const number = (head >>> 9) & 0x7f;
  const hasMask = ((head >>> 8) & 1) === 1;
  const length = head & 0xff;
  const row = head >>> 16 === OPENFLOW_BASIC ? BY_NUMBER.get(number) : undefined;
  if (row === undefined) {
    keepOther(match, head, r.bytes(length));
    return;
  }
  if (length !== row.size * (hasMask ? 2 : 1)) throw new ProtocolError("BAD_LENGTH", `${row.name} of ${length} bytes`);
  if (row.name in match) throw new ProtocolError("BAD_VALUE", `${row.name} twice in one match`);
  const value = row.field.read(r);
  match[row.name] = hasMask ? { value, mask: row.field.read(r) } : value;
}

function keepOther(match: Record<string, unknown> & { others?: unknown }, head: number, body: Uint8Array): void {
  const whole = Buffer.alloc(HEADER_BYTES + body.length);
  whole.writeUInt32BE(head);
  whole.set(body, HEADER_BYTES);
  match.others = [...((match.others as Uint8Array[] | undefined) ?? []), new Uint8Array(whole)];
}

const isMasked = (value: unknown): value is Masked<unknown> => typeof value === "object" && value !== null && "mask" in value;

function writeField(w: Writer, row: Row, value: unknown): void {
  const masked = isMasked(value);
  w.u16(OPENFLOW_BASIC);
  w.u8((row.number << 1) | (masked ? 1 : 0));
  w.u8(masked ? row.size * 2 : row.size);
  row.field.write(w, masked ? value.value : value);
  if (masked) row.field.write(w, value.mask);
}

/** As nearly all are: there are a hundred thousand of them, so it makes no values. */
function isInOrder(values: Readonly<Record<string, unknown>>): boolean {
  let last = -1;
  for (const name in values) {
    const place = values[name] === undefined ? undefined : BY_NAME.get(name)?.place;
    if (place === undefined) continue;
    if (place < last) return false;
    last = place;
  }
  return true;
}

/** OXM fields up to the border. */
export const oxmFields: Field<OxmMatch> = {
  read(r) {
    const match: Record<string, unknown> = {};
    while (r.left > 0) readField(r, match);
    return match;
  },
  write(w, match) {
    const values = match as Readonly<Record<string, unknown>>;
    if (isInOrder(values)) {
      for (const name in values)
        if (values[name] !== undefined && BY_NAME.has(name)) writeField(w, BY_NAME.get(name)!, values[name]);
    } else for (const row of ROWS) if (values[row.name] !== undefined) writeField(w, row, values[row.name]);
    for (const other of match.others ?? []) w.bytes(other);
  },
};

const OFPMT_OXM = 1;

/** ofp_match of 1.3 (7.2.3.1): type and length, OXM fields, then padding to 8 that the length does not count. */
export const match: Field<OxmMatch> = {
  read(r) {
    const type = r.u16();
    if (type !== OFPMT_OXM) throw new ProtocolError("BAD_VALUE", `match of type ${type}`);
    const length = r.u16();
    const border = r.narrow(length - HEADER_BYTES);
    const fields = oxmFields.read(r);
    r.widen(border);
    r.skip(fillOf(length));
    return fields;
  },
  write(w, fields) {
    const from = w.at;
    w.u16(OFPMT_OXM);
    const lengthAt = w.reserve(2);
    oxmFields.write(w, fields);
    const length = w.at - from;
    w.patchU16(lengthAt, length);
    w.zeros(fillOf(length));
  },
};

/** The single OXM field of a SET_FIELD action, with the padding that the action's length counts (7.2.5). */
export const oneOxmField: Field<OxmMatch> = {
  read(r) {
    const fields: Record<string, unknown> = {};
    readField(r, fields);
    if (r.left > 7) throw new ProtocolError("BAD_LENGTH", `${r.left} bytes after the field that is set`);
    r.skip(r.left);
    return fields;
  },
  write(w, fields) {
    const from = w.at;
    oxmFields.write(w, fields);
    w.zeros(fillOf(HEADER_BYTES + w.at - from));
  },
};
