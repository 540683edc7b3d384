import { bytesLeft, list, ProtocolError, Reader, tlv, variants, Writer } from "../kit.ts";
import { HEADER_BYTES } from "./framer.ts";

/** Versions we speak, by their number in the header. */
export const OF10 = 0x01;
export const OF13 = 0x04;
export const VERSIONS = { [OF10]: "1.0", [OF13]: "1.3" } as const;
export type VersionName = (typeof VERSIONS)[keyof typeof VERSIONS];

/** Hello elements (1.3, 7.5.1). A switch of any version may send them, ours must not mind. */
export const helloElements = list(tlv(variants({ versionBitmap: { tag: 1, fields: { bits: bytesLeft } } }), true));

const OFPT_HELLO = 0;
/** Bit n of the bitmap stands for version n. */
const OUR_BITS = (1 << OF10) | (1 << OF13);

/** Our OFPT_HELLO: highest version in the header, all of them in the bitmap (1.3.1, 6.3.1). */
export function encodeHello(xid: number): Buffer {
  const w = new Writer();
  const bits = new Uint8Array([0, 0, 0, OUR_BITS]);
  w.u8(OF13);
  w.u8(OFPT_HELLO);
  const lengthAt = w.reserve(2);
  w.u32(xid);
  helloElements.write(w, [{ kind: "versionBitmap", bits }]);
  w.patchU16(lengthAt, w.at);
  return w.done();
}

/**
 * The version to speak with a peer that sent this first frame: the highest of both bitmaps, else the lower of the two
 * header versions; undefined when there is none in common (the peer then gets OFPHFC_INCOMPATIBLE). Throws ProtocolError
 * when the frame is no hello at all.
 */
export function negotiate(frame: Uint8Array): typeof OF10 | typeof OF13 | undefined {
  const r = new Reader(frame);
  const version = r.u8();
  const type = r.u8();
  if (type !== OFPT_HELLO || version === 0)
    throw new ProtocolError("BAD_VALUE", `version ${version} type ${type} where a hello must stand`);
  r.skip(HEADER_BYTES - 2);
  // A hello of 1.0 may carry anything behind its header (1.0, 5.5.1), and 1.0 is all such a peer speaks.
  if (version === OF10) return OF10;
  const bits = readBitmap(r);
  if (bits !== undefined) return highest(bits & OUR_BITS);
  // 1.1 and 1.2 without a bitmap: the lower of the two is a version we do not speak.
  return version >= OF13 ? OF13 : undefined;
}

const highest = (bits: number) => (bits & (1 << OF13) ? OF13 : bits & (1 << OF10) ? OF10 : undefined);

/** The first 32 versions of the bitmap; undefined where the hello has none. */
function readBitmap(r: Reader): number | undefined {
  for (const element of helloElements.read(r)) {
    if (element.kind === "versionBitmap" && element.bits.length >= 4) return new Reader(element.bits).u32();
  }
  return undefined;
}
