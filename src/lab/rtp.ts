/**
 * RTP (RFC 3550, 5.1) with an MPEG transport stream as payload (RFC 2250).
 *
 *   0      1        2               4                   8            12
 *   +------+--------+---------------+-------------------+------------+----------------------
 *   | 0x80 | M | PT | sequence      | timestamp, 90 kHz | SSRC       | n × 188 bytes
 */
export interface RtpHeader {
  readonly seq: number;
  readonly timestamp: number;
  readonly ssrc: number;
  /** Where the payload starts: after 12 bytes, contributing sources and extension. */
  readonly payloadAt: number;
}

export const RTP_HEADER_BYTES = 12;
/** Static payload type of an MPEG-2 transport stream (RFC 3551, table 5). */
export const PAYLOAD_TYPE_MP2T = 33;
export const TS_PACKET_BYTES = 188;
/** RTP clock of MPEG transport streams, ticks per ms. */
export const RTP_TICKS_PER_MS = 90;

const VERSION = 2;
const SEQ_SPAN = 0x1_0000;

export function writeRtpHeader(packet: Buffer, seq: number, timestamp: number, ssrc: number): void {
  packet[0] = VERSION << 6;
  packet[1] = PAYLOAD_TYPE_MP2T;
  packet.writeUInt16BE(seq % SEQ_SPAN, 2);
  packet.writeUInt32BE(timestamp >>> 0, 4);
  packet.writeUInt32BE(ssrc >>> 0, 8);
}

/** The header, or null where the bytes are not RTP that carries a transport stream. */
export function readRtpHeader(packet: Buffer): RtpHeader | null {
  if (packet.length < RTP_HEADER_BYTES || packet[0]! >> 6 !== VERSION || (packet[1]! & 0x7f) !== PAYLOAD_TYPE_MP2T) return null;
  let payloadAt = RTP_HEADER_BYTES + 4 * (packet[0]! & 0x0f);
  if (packet[0]! & 0x10) {
    if (packet.length < payloadAt + 4) return null;
    payloadAt += 4 + 4 * packet.readUInt16BE(payloadAt + 2);
  }
  if (packet.length < payloadAt) return null;
  return { seq: packet.readUInt16BE(2), timestamp: packet.readUInt32BE(4), ssrc: packet.readUInt32BE(8), payloadAt };
}

/**
 * The 16 bits of a sequence number, extended: the number nearest to the highest one seen (RFC 3550, A.1). Starts one span up, so
 * that a packet from before the first one is no negative number.
 */
export function extendSeq(seq: number, highest: number | null): number {
  if (highest === null) return SEQ_SPAN + seq;
  const ahead = (seq - highest) & 0xffff;
  return highest + (ahead < SEQ_SPAN / 2 ? ahead : ahead - SEQ_SPAN);
}
